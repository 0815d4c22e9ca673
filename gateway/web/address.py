"""Which web action a URL means. Pure: touches nothing."""

from typing import NamedTuple, Optional, Tuple

from gateway.http import urls
from gateway.names import NAME

EXTENSIONS = (".http", ".json", ".html", ".svg", ".text")
DEFAULT = "default"


class Address(NamedTuple):
    """Which action a URL means, as what its result is wanted, and the rest of the path."""

    namespace: str
    package: str
    name: str
    extension: str
    rest: Tuple[str, ...]


def address_from_path(path: Tuple[str, ...]) -> Optional[Address]:
    """`path` is what follows /api/v1/web: "/" and segments in turn."""
    parts = path[:6]
    names = tuple(map(urls.decoded, parts[1::2]))
    if parts[::2] != ("/", "/", "/") or len(names) < 3:
        return None
    if not all(map(NAME.match, names)):
        return None
    namespace, package, segment = names
    # The platform looks for "default" at the beginning of the segment, and then expects its end.
    if package.startswith(DEFAULT) and package != DEFAULT:
        return None
    extension = next((each for each in EXTENSIONS if segment.endswith(each)), "")
    name = segment[: len(segment) - len(extension)]
    package = "" if package == DEFAULT else package
    return Address(namespace, package, name, extension or ".http", path[6:])
