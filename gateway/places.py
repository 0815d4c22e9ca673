"""Hosts, origins, references and addresses in headers, written as the platform writes them. Touches nothing.

None stands for what doesn't follow the grammar."""

import ipaddress
import re
from typing import Optional

from gateway import urls

SPACE = r"[ \t]*"
DEFAULT_PORTS = {"http": 80, "https": 443, "ftp": 21, "ws": 80, "wss": 443}


def host(text: str) -> Optional[str]:
    parts = host_and_port(text)
    return parts and (f"{parts[0]}:{parts[1]}" if parts[1] else parts[0])


def host_without_port(text: str) -> Optional[str]:
    parts = host_and_port(text)
    return parts and parts[0]


def host_and_port(text: str) -> Optional[tuple]:
    match = re.match(
        rf"(\[[0-9A-Fa-f:.]+\]|(?:[{urls.UNRESERVED}!$&'()*+,;=]|{urls.PERCENT})*)(?::(\d{{1,5}}))?\Z", text, re.ASCII
    )
    if not match or int(match.group(2) or 0) > 65535:
        return None
    name = match.group(1)
    if not name.startswith("["):
        name = urls.encoded(urls.decoded(name).lower(), urls.UNRESERVED + "!$&'()*+,;=")
    return name, int(match.group(2) or 0)


def origins(text: str) -> Optional[str]:
    if text.strip(" \t") in ("null", "*"):
        return text.strip(" \t")
    parts = [origin(part) for part in text.strip(" \t").split(" ")]
    return None if None in parts else " ".join(parts)


def origin(text: str) -> Optional[str]:
    match = re.match(r"([A-Za-z][A-Za-z0-9+\-.]*)://(.*)\Z", text)
    place = host(match.group(2)) if match else None
    return None if place is None else f"{match.group(1).lower()}://{place}"


def reference(text: str) -> Optional[str]:
    match = re.match(r"(?:([A-Za-z][A-Za-z0-9+\-.]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?\Z", text)
    name, authority, path, query, fragment = match.groups()
    place = authority_text(without_default_port(authority, (name or "").lower()))
    strict = urls.PATH.match(path).end() == len(path) and urls.QUERY.match(query or "").end() == len(query or "")
    if (
        not strict
        or authority is not None
        and place is None
        or urls.QUERY.match(fragment or "").end() < len(fragment or "")
    ):
        return None
    parts = urls.path_from_text(path)
    shown = urls.text_from_path(urls.collapsed(parts) if name else parts)
    fragment = None if fragment is None else urls.encoded(urls.decoded(fragment), urls.QUERY_CHARACTERS)
    return "".join(
        (f"{name.lower()}:" if name else "", f"//{place}" if place else "", shown)
        + ("" if query is None else f"?{query}", "" if fragment is None else f"#{fragment}")
    )


def without_default_port(authority: Optional[str], name: str) -> Optional[str]:
    port = DEFAULT_PORTS.get(name)
    return re.sub(rf":0*{port}\Z", "", authority) if authority and port else authority


def authority_text(text: Optional[str]) -> Optional[str]:
    user, at, place = (text or "").rpartition("@")
    shown = host(place)
    return None if shown is None else user + at + shown


def plain_reference(text: str) -> Optional[str]:
    """Neither a fragment nor a user name may be in it."""
    return None if re.search(r"#|//[^/?]*@", text) else reference(text)


def scheme(text: str) -> Optional[str]:
    return text.lower() if re.match(r"[A-Za-z0-9+\-.]+\Z", text) else None


def address(text: str) -> Optional[str]:
    """IPv6 comes out as Java writes it: all eight groups."""
    try:
        place = ipaddress.ip_address(text)
    except ValueError:
        return None
    if "%" in text:  # an interface, which Python 3.9 reads and can't always write
        return None
    if place.version == 4:
        return str(place)
    if place.ipv4_mapped:
        return str(place.ipv4_mapped)
    return ":".join(format(int(group, 16), "x") for group in place.exploded.split(":"))


def addresses(text: str) -> Optional[str]:
    parts = [part if part == "unknown" else address(part) for part in re.split(rf",{SPACE}", text)]
    return None if None in parts else ", ".join(parts)
