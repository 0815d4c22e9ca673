"""Where the client thinks the model is, and how a path is written into a URL: touches nothing."""

import re
from typing import List, Mapping, Tuple
from urllib.parse import quote

from openwhisk_adapter.messages import Request

HOST = re.compile(r"([A-Za-z0-9.\-_]+|\[[\da-fA-F:.]+\])(:\d{1,5})?\Z")
THIS_MACHINE = re.compile(r"(localhost|127\.[\d.]+|0\.0\.0\.0|\[::1?\])(:\d+)?\Z")
PART_END = r"(?=[/?#]|\Z)"


def encoded(text: str) -> str:
    """What the platform gives is encoded already; nothing else can leave its line."""
    return quote(text, safe="/%:@!$&'()*+,;=~-._?[]|", errors="replace")


def prefix_from_name(action_name: str) -> str:
    """/api/v1/web/guest/default/hello from /guest/hello: the URL names the default package."""
    parts = quote(action_name.strip("/"), errors="replace").split("/")
    if len(parts) == 2:
        parts.insert(1, "default")
    if len(parts) != 3:
        return ""
    return "/api/v1/web/" + "/".join(parts)


def public_address(
    headers: Mapping[str, str],
    api_host: str,
) -> Tuple[str, str]:
    """Scheme and host of the URL that the client used. `Host` is what tells least: behind the
    platform's own nginx that is the name of an upstream. A platform on this machine alone has no
    such nginx, and its own name is one of several."""
    api_scheme, _, api_name = api_host.rstrip("/").rpartition("://")
    named = headers.get("host", "")
    schemes = [first_of(headers, "x-forwarded-proto").lower(), api_scheme]
    hosts = [
        first_of(headers, "x-forwarded-host"),
        "" if THIS_MACHINE.match(api_name) and is_host(named) else api_name,
        named,
    ]
    return scheme_among(schemes), host_among(hosts)


def first_of(headers: Mapping[str, str], name: str) -> str:
    """Each proxy appends to such a header: the first is the client's."""
    first, _, _ = headers.get(name, "").partition(",")
    return first.strip()


def scheme_among(schemes: List[str]) -> str:
    for scheme in schemes:
        if scheme in ("http", "https"):
            return scheme
    return "http"


def host_among(hosts: List[str]) -> str:
    for host in hosts:
        if is_host(host):
            return host
    return "localhost"


def is_host(text: str) -> bool:
    """A name or address, perhaps with a port, as it may stand in a URL."""
    match = HOST.match(text)
    if match is None:
        return False
    name, port = match.groups()
    if port and not 0 < int(port[1:]) < 65536:
        return False
    return not name.startswith("[") or is_ipv6(name[1:-1])


def is_ipv6(text: str) -> bool:
    import ipaddress  # not earlier: hardly any host is one, and it takes a millisecond of the start

    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def own_location(location: str, request: Request) -> str:
    """Below the action's URL, whatever host or prefix the model's server takes for its own."""
    if not request.prefix:
        return location
    host = re.match(f"(?i)https?://{re.escape(request.host)}{PART_END}", location)
    if host:
        path = location[host.end() :]
        if not path.startswith("/"):
            path = "/" + path
    else:
        path = location
        leads_elsewhere = not path.startswith("/") or path.startswith("//")
        if leads_elsewhere:
            return location
    inside = re.match(re.escape(request.prefix) + PART_END, path)
    return path if inside else request.prefix + path
