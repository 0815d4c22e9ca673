"""Who asks, and from which site: the key that a request brings, what a browser says about where
it comes from, and the token of the gateway's own page. Touches nothing but the system's source of
chance, for that token."""

import hmac
import ipaddress
import secrets
from typing import Optional

from gateway.http.credentials import user_and_password_from_header
from gateway.http.headerlines import Pairs, last_value_of, values_of
from gateway.http.hosts import host_without_port
from gateway.loopback import is_loopback
from gateway.settings import GUEST_KEY, Settings

TOKEN = "x-gateway-page"
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
# What a browser says of an address that somebody has typed, or opened from outside of a browser.
# No script can make it say so of a request of its own.
TYPED = {"sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


class Access:
    """Judges requests by their headers alone."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._is_public = settings.key == GUEST_KEY
        self._token = secrets.token_urlsafe(32)

    def user_of(self, headers: Pairs) -> Optional[str]:
        """The namespace whose key the request brings. The page's token is as good as a key that
        everybody knows, and no more than that."""
        if self._is_public and self._has_token(headers):
            return self._settings.namespace
        pair = user_and_password_from_header(last_value_of(headers, "authorization"))
        if pair is None:
            return None
        given = ":".join(pair)
        is_key = hmac.compare_digest(given.encode(), self._settings.key.encode())
        return self._settings.namespace if is_key else None

    def misuse_of_public_key(self, headers: Pairs) -> Optional[str]:
        """The header by which a browser shows that a page has asked, where any page knows the
        key."""
        if not self._is_public:
            return None
        return foreign_host(headers, self._settings.host) or self._sign_of_a_page(headers)

    def is_local(self, headers: Pairs) -> bool:
        """Whether only this machine reaches the gateway, and it was asked under a name of this
        machine and not on behalf of somebody behind a proxy."""
        names = [host_without_port(value) for value in values_of(headers, "host")]
        forwarded = any(values_of(headers, name) for name in FORWARDED)
        if forwarded or not names or not is_loopback(self._settings.host):
            return False
        return all(name and is_loopback(name) for name in names)

    def token_for(self, headers: Pairs) -> Optional[str]:
        """For the gateway's own page alone: it has the origin of every action's page, so it's given
        only to a browser whose user has typed the address."""
        if not self._is_public or not self.is_local(headers):
            return None
        said = {name: last_value_of(headers, name) for name in TYPED}
        return self._token if said == TYPED else None

    def _has_token(self, headers: Pairs) -> bool:
        given = last_value_of(headers, TOKEN) or ""
        return hmac.compare_digest(given.encode(), self._token.encode())

    def _sign_of_a_page(self, headers: Pairs) -> Optional[str]:
        """A page of an action has the gateway's own origin: no origin is to be trusted."""
        if self._has_token(headers):
            return None
        for value in values_of(headers, "origin"):
            return f"Origin: {value}"
        site = last_value_of(headers, "sec-fetch-site")
        return None if site in (None, "none") else f"Sec-Fetch-Site: {site}"


def foreign_host(headers: Pairs, own_host: str) -> Optional[str]:
    """The header that gives another site away; `own_host` is where the gateway listens.

    Whoever owns a name can let it lead here: only an address, or a name of this machine, is no
    other site's."""
    for value in values_of(headers, "host"):
        name = host_without_port(value)
        if not (is_address(name) or is_own(name, own_host)):
            return f"Host: {value}"
    return None


def without_token(headers: Pairs) -> Pairs:
    """What an action may see."""
    return [(name, value) for name, value in headers if name.lower() != TOKEN]


def is_own(name: Optional[str], own_host: str) -> bool:
    if not name:
        return False
    return is_loopback(name) or name.strip("[]") == own_host.lower()


def is_address(name: Optional[str]) -> bool:
    try:
        return bool(ipaddress.ip_address((name or "").strip("[]")))
    except ValueError:
        return False
