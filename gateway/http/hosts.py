"""Hosts, origins, references and addresses in headers, written as the platform writes them.

Touches nothing. None stands for what doesn't follow the grammar."""

import ipaddress
import re
from typing import Optional, Tuple

from gateway.http import urls
from gateway.http.grammar import COMMA

DEFAULT_PORTS = {
    "http": 80,
    "https": 443,
    "ftp": 21,
    "ws": 80,
    "wss": 443,
}
NAME_CHARACTERS = urls.UNRESERVED + "!$&'()*+,;="
HOST = re.compile(
    rf"(\[[0-9A-Fa-f:.]+\]|(?:[{NAME_CHARACTERS}]|{urls.PERCENT})*)(?::(\d{{1,5}}))?\Z",
    re.ASCII,
)
HIGHEST_PORT = 65535
ORIGIN = re.compile(r"([A-Za-z][A-Za-z0-9+\-.]*)://(.*)\Z", re.DOTALL)
REFERENCE = re.compile(
    r"(?:([A-Za-z][A-Za-z0-9+\-.]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?\Z",
    re.DOTALL,
)
SCHEME = re.compile(r"[A-Za-z0-9+\-.]+\Z")
FRAGMENT_OR_USER = re.compile(r"#|//[^/?]*@")


def host(text: str) -> Optional[str]:
    parts = host_and_port(text)
    if parts is None:
        return None
    name, port = parts
    return f"{name}:{port}" if port else name


def host_without_port(text: str) -> Optional[str]:
    parts = host_and_port(text)
    return None if parts is None else parts[0]


def host_and_port(text: str) -> Optional[Tuple[str, int]]:
    """0 where no port is named."""
    match = HOST.match(text)
    if not match:
        return None
    name = match.group(1)
    port = int(match.group(2) or 0)
    if port > HIGHEST_PORT:
        return None
    if not name.startswith("["):
        name = urls.encoded(urls.decoded(name).lower(), NAME_CHARACTERS)
    return name, port


def origins(text: str) -> Optional[str]:
    text = text.strip(" \t")
    if text in ("null", "*"):
        return text
    found = []
    for part in text.split(" "):
        one = origin(part)
        if one is None:
            return None
        found.append(one)
    return " ".join(found)


def origin(text: str) -> Optional[str]:
    match = ORIGIN.match(text)
    if not match:
        return None
    place = host(match.group(2))
    return None if place is None else f"{match.group(1).lower()}://{place}"


def reference(text: str) -> Optional[str]:
    """A URL or the end of one."""
    match = REFERENCE.match(text)
    if not match:
        return None
    name, authority, path, query, fragment = match.groups()
    name = (name or "").lower()
    place = authority_text(without_default_port(authority, name))
    if authority is not None and place is None:
        return None
    if not is_all(urls.PATH, path):
        return None
    if not all(is_all(urls.QUERY, part or "") for part in (query, fragment)):
        return None
    parts = urls.path_from_text(path)
    written = f"{name}:" if name else ""
    if place:
        written += f"//{place}"
    written += urls.text_from_path(urls.collapsed(parts) if name else parts)
    if query is not None:
        written += f"?{query}"
    if fragment is not None:
        written += "#" + urls.encoded(urls.decoded(fragment), urls.QUERY_CHARACTERS)
    return written


def is_all(pattern: "re.Pattern[str]", text: str) -> bool:
    return pattern.fullmatch(text) is not None


def without_default_port(authority: Optional[str], name: str) -> Optional[str]:
    port = DEFAULT_PORTS.get(name)
    if not authority or not port:
        return authority
    return re.sub(rf":0*{port}\Z", "", authority)


def authority_text(text: Optional[str]) -> Optional[str]:
    user, at, place = (text or "").rpartition("@")
    shown = host(place)
    return None if shown is None else user + at + shown


def plain_reference(text: str) -> Optional[str]:
    """Neither a fragment nor a user name may be in it."""
    return None if FRAGMENT_OR_USER.search(text) else reference(text)


def scheme(text: str) -> Optional[str]:
    return text.lower() if SCHEME.match(text) else None


def address(text: str) -> Optional[str]:
    """IPv6 comes out as Java writes it: all eight groups."""
    try:
        place = ipaddress.ip_address(text)
    except ValueError:
        return None
    if "%" in text:  # an interface, which Python 3.9 reads and can't always write
        return None
    if isinstance(place, ipaddress.IPv4Address):
        return str(place)
    if place.ipv4_mapped:
        return str(place.ipv4_mapped)
    groups = [int(group, 16) for group in place.exploded.split(":")]
    return ":".join(f"{group:x}" for group in groups)


def addresses(text: str) -> Optional[str]:
    found = []
    for part in COMMA.split(text):
        one = part if part == "unknown" else address(part)
        if one is None:
            return None
        found.append(one)
    return ", ".join(found)
