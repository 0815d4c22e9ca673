"""The values that the HTTP front and the parts behind it hand to each other. Touches nothing."""

from http import HTTPStatus
from typing import Any, NamedTuple, Optional

from gateway.http import jsontext
from gateway.http.headerlines import Pairs
from gateway.http.mediatypes import JSON, PLAIN, MediaType
from gateway.http.negotiation import Preferences
from gateway.http.urls import Target

__all__ = ["Pairs", "Request", "Response"]


class Request(NamedTuple):
    """`headers` in the order of their lines, `length` that of the whole body even where `body`
    was cut; `accepted` is what the headers say about it, read once."""

    method: str
    target: Target
    headers: Pairs
    body: bytes = b""
    length: int = 0
    transaction_id: str = ""
    accepted: Preferences = Preferences()

    @property
    def size(self) -> int:
        """In characters and bytes: how much there is to read."""
        head = sum(len(name) + len(value) for name, value in self.headers)
        return head + len(self.target.query or "") + len(self.body)


class Response(NamedTuple):
    """`content_type` is None exactly where there is no body."""

    status: int
    headers: Pairs = ()
    content_type: Optional[MediaType] = None
    body: bytes = b""

    def with_headers(self, headers: Pairs) -> "Response":
        """These come before the response's own."""
        return self._replace(headers=[*headers, *self.headers])


# Where the platform's phrase isn't the standard library's, which also changes from version to
# version.
REASONS = {
    103: "Early Hints",
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    418: "I'm a teapot",
    420: "Enhance Your Calm",
    421: "Misdirected Request",
    422: "Unprocessable Content",
    425: "Too Early",
    449: "Retry With",
    450: "Blocked by Parental Controls",
    451: "Unavailable For Legal Reasons",
    509: "Bandwidth Limit Exceeded",
    598: "Network read timeout error",
    599: "Network connect timeout error",
}


def reason_of(status: int) -> str:
    if status in REASONS:
        return REASONS[status]
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def json_response(status: int, value: Any, headers: Pairs = ()) -> Response:
    body = jsontext.utf8(jsontext.compact(value))
    return Response(status, list(headers), JSON, body)


def pretty_response(status: int, value: Any) -> Response:
    """As web actions write JSON."""
    return Response(status, [], JSON, jsontext.utf8(jsontext.pretty(value)))


def text_response(status: int, text: str, headers: Pairs = ()) -> Response:
    return Response(status, list(headers), PLAIN, jsontext.utf8(text))
