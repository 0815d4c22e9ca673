"""Who asks, and from which site: the key that a request brings, and what a browser says about
where it comes from. Touches nothing."""

import hmac
import ipaddress
from typing import Optional

from gateway.http.credentials import user_and_password_from_header
from gateway.http.headerlines import Pairs, last_value_of, values_of
from gateway.http.hosts import host, host_without_port
from gateway.loopback import is_loopback
from gateway.settings import GUEST_KEY, Settings


class Access:
    """Judges requests by their headers alone."""

    def __init__(self, settings: Settings):
        self._settings = settings

    def user_of(self, headers: Pairs) -> Optional[str]:
        """The namespace whose key the request brings."""
        pair = user_and_password_from_header(last_value_of(headers, "authorization"))
        if pair is None:
            return None
        given = ":".join(pair)
        is_key = hmac.compare_digest(given.encode(), self._settings.key.encode())
        return self._settings.namespace if is_key else None

    def misuse_of_public_key(self, headers: Pairs) -> Optional[str]:
        """The header by which a browser shows that another site has asked, where any site knows
        the key."""
        if self._settings.key != GUEST_KEY:
            return None
        return foreign_header(headers, self._settings.host)


def foreign_header(headers: Pairs, own_host: str) -> Optional[str]:
    """The header that gives another site away, as it came; `own_host` is where the gateway
    listens.

    Whoever owns a name can let it lead here: only an address, or a name of this machine, is no
    other site's."""
    for value in values_of(headers, "host"):
        name = host_without_port(value)
        if not (is_address(name) or is_own(name, own_host)):
            return f"Host: {value}"
    origins = values_of(headers, "origin")
    for value in origins:
        if not is_own_origin(value, last_value_of(headers, "host") or "", own_host):
            return f"Origin: {value}"
    # To browsers localhost and 127.0.0.1 are two sites; the origin tells more.
    if not origins and last_value_of(headers, "sec-fetch-site") == "cross-site":
        return "Sec-Fetch-Site: cross-site"
    return None


def is_own_origin(origin: str, asked: str, own_host: str) -> bool:
    """`asked` is the Host under which the gateway was found."""
    place = origin.partition("://")[2]
    if host(place) and host(place) == host(asked):
        return True
    return is_own(host_without_port(place), own_host)


def is_own(name: Optional[str], own_host: str) -> bool:
    if not name:
        return False
    return is_loopback(name) or name.strip("[]") == own_host.lower()


def is_address(name: Optional[str]) -> bool:
    try:
        return bool(ipaddress.ip_address((name or "").strip("[]")))
    except ValueError:
        return False
