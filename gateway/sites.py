"""Which requests a browser sends for a site that isn't the gateway's own, by their headers. Touches nothing."""

import ipaddress
from typing import Optional

from gateway.headers import last_value_of, values_of
from gateway.loopback import is_loopback
from gateway.messages import Pairs
from gateway.places import host, host_without_port


def foreign_header(headers: Pairs, own_host: str) -> Optional[str]:
    """The header that gives another site away, as it came; `own_host` is where the gateway listens.

    Whoever owns a name can let it lead here: only an address, or a name of this machine, is no other site's."""
    for value in values_of(headers, "host"):
        if not (is_address(host_without_port(value)) or is_own(host_without_port(value), own_host)):
            return f"Host: {value}"
    origins = values_of(headers, "origin")
    for value in origins:
        place = value.partition("://")[2]
        same = host(place) and host(place) == host(last_value_of(headers, "host") or "")
        if not (same or is_own(host_without_port(place), own_host)):
            return f"Origin: {value}"
    # To browsers localhost and 127.0.0.1 are two sites; the origin tells more.
    if not origins and last_value_of(headers, "sec-fetch-site") == "cross-site":
        return "Sec-Fetch-Site: cross-site"
    return None


def is_own(name: Optional[str], own_host: str) -> bool:
    return bool(name) and (is_loopback(name) or name.strip("[]") == own_host.lower())


def is_address(name: Optional[str]) -> bool:
    try:
        return bool(ipaddress.ip_address((name or "").strip("[]")))
    except ValueError:
        return False
