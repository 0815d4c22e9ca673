"""What a model is asked, what it answers, and why it may not be: values that touch nothing."""

from json import dumps  # as it is now: a model may put another in its place
from typing import Dict, List, NamedTuple, Tuple

LARGEST = 64 << 20  # bytes of a body, in memory
LONGEST_LINE = 65536  # bytes of a header line: what Python's own HTTP client reads at most

# These are about one connection (RFC 9110, 7.6.1), and each connection has its own.
HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)


class Request(NamedTuple):
    """What the model is asked. Path and query are percent-encoded.

    `plain`: an invocation, no web request; `bare`: the client named no path."""

    method: str
    path: str
    query: str = ""
    headers: List[Tuple[str, str]] = []
    body: bytes = b""
    prefix: str = ""
    scheme: str = "http"
    host: str = "localhost"
    context: Dict[str, str] = {}
    plain: bool = False
    bare: bool = False
    accepts_gzip: bool = False

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


class Response(NamedTuple):
    """What the model answers. A header's value has a character for each of its bytes."""

    status: int
    headers: List[Tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """The first value under this name in small letters, or nothing."""
        for key, value in self.headers:
            if key.lower() == name:
                return value
        return ""


def body_from_error(reason: str) -> bytes:
    error = {"error": reason}
    text = dumps(error, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


class Refused(Exception):
    """Why the model is not asked, or its answer not sent: `response` tells whoever asked."""

    def __init__(self, status: int, reason: str):
        super().__init__(reason)
        headers = [("Content-Type", "application/json")]
        self.response = Response(status, headers, body_from_error(reason))


class TooLong(Refused):
    """The platform takes results up to its limit, and this would be `size` bytes or more."""

    def __init__(self, size: int, limit: int):
        advice = (
            "accept gzip (curl --compressed), ask for less, "
            "or raise the platform's limit and OPENWHISK_LIMIT"
        )
        needed = f"the answer takes at least {size} bytes of {limit} that are allowed"
        super().__init__(413, f"{needed}: {advice}")
