"""What goes in and out of a model, and why it may not: touches nothing."""

import json
from typing import Dict, List, NamedTuple, Tuple

LARGEST = 64 << 20  # bytes of a body, in memory
HOP_BY_HOP = {"connection", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer", "upgrade"}


class Request(NamedTuple):
    """Path and query are percent-encoded. `plain`: no web request but an invocation; `bare`: no path was given."""

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
    def target(self):
        return self.path + ("?" + self.query if self.query else "")


class Response(NamedTuple):
    status: int
    headers: List[Tuple[str, str]]
    body: bytes

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name), "")


class Refused(Exception):
    """Why the model is not asked, or its answer not sent: `response` tells whoever asked."""

    def __init__(self, status, reason):
        super().__init__(reason)
        self.response = Response(
            status,
            [("Content-Type", "application/json")],
            json.dumps({"error": reason}, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"),
        )
