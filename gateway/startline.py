"""What a request must be to be a request: its first line, its header lines, what they say together. Touches nothing.

The messages are those of the platform's HTTP library."""

import re
from typing import List, NamedTuple

from gateway import places, urls
from gateway.headers import last_value_of, normal_value, values_of
from gateway.mediatypes import media_type_from_text
from gateway.messages import Pairs
from gateway.urls import IllegalTarget, Target

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT")
LONGEST_METHOD = 16
LONGEST_TARGET = 8192
LONGEST_NAME = 64
LONGEST_VALUE = 8192
MOST_HEADERS = 64


class BadRequest(Exception):
    """Answered as text, and the connection is closed."""

    def __init__(self, status: int, message: str, method: str = "GET"):
        super().__init__(message)
        self.status = status
        self.message = message
        self.method = method


class Start(NamedTuple):
    method: str
    target: str
    version: bytes


def start_from_line(line: bytes) -> Start:
    """Raises BadRequest."""
    word, space, rest = line.partition(b" ")
    method = word.decode("latin-1")
    if method not in METHODS:
        too_long = len(word) > LONGEST_METHOD or not space
        raise BadRequest(400 if too_long else 501, "Unsupported HTTP method")
    target = re.split(rb"[ \t\r\n]", rest, maxsplit=1)[0]
    if len(target) > LONGEST_TARGET:
        message = f"URI length exceeds the configured limit of {LONGEST_TARGET} characters"
        raise BadRequest(414, message, method)
    version = rest[len(target) + 1 :].rstrip(b"\r")
    if version not in (b"HTTP/1.1", b"HTTP/1.0"):
        message = "The server does not support the HTTP protocol version used in the request."
        raise BadRequest(505, message, method)
    return Start(method, target.decode("latin-1"), version[5:])


def checked_headers(start: Start, head) -> Pairs:
    """`head` is the parser's event. Raises BadRequest."""
    lines = list(head.headers.raw_items())
    check_limits(start, lines)
    try:
        headers = [(name.decode("ascii"), normal_value(value)) for name, value in lines]
    except UnicodeDecodeError as error:
        raise BadRequest(400, "HTTP header value is not UTF-8", start.method) from error
    types = {media_type_from_text(value) or value for value in values_of(headers, "content-type")}
    if len(types) > 1:
        message = "HTTP message must not contain more than one Content-Type header"
        raise BadRequest(400, message, start.method)
    check_body_announced(start, headers)
    return headers


def check_limits(start: Start, lines: List) -> None:
    if len(lines) > MOST_HEADERS:
        message = f"HTTP message contains more than the configured limit of {MOST_HEADERS} headers"
        raise BadRequest(400, message, start.method)
    for name, value in lines:
        for what, text, limit in (("name", name, LONGEST_NAME), ("value", value, LONGEST_VALUE)):
            if len(text) > limit:
                message = f"HTTP header {what} exceeds the configured limit of {limit} characters"
                raise BadRequest(431, message, start.method)


def check_body_announced(start: Start, headers: Pairs) -> None:
    chunked = bool(values_of(headers, "transfer-encoding"))
    length = last_value_of(headers, "content-length")
    if chunked and length is not None:
        message = "A chunked request must not contain a Content-Length header"
        raise BadRequest(400, message, start.method)
    if start.method == "HEAD" and (chunked or int(length or 0)):
        raise BadRequest(422, "HEAD requests must not have an entity", start.method)


def target_of(start: Start, headers: Pairs) -> Target:
    """Raises BadRequest."""
    try:
        target = urls.target_from_text(start.target)
    except IllegalTarget as error:
        raise BadRequest(400, str(error), start.method) from error
    if start.method == "CONNECT":
        raise BadRequest(400, "CONNECT requests are not supported", start.method)
    check_host(start, target, last_value_of(headers, "host"))
    return target


def check_host(start: Start, target: Target, given: str) -> None:
    place = None if given is None else places.host(given)
    trouble = f"Cannot establish effective URI of request to `{start.target}`, "
    if place is None and start.version == b"1.1":
        raise BadRequest(400, "Request is missing required `Host` header", start.method)
    if target.authority is None and not place:
        what = "is missing a" if given is None else "an empty"
        raise BadRequest(400, f"{trouble}request has a relative URI and {what} `Host` header", start.method)
    if target.authority and start.target.lower().startswith("http") and places.host(target.authority) != place:
        message = f"'Host' header value of request to `{start.target}` doesn't match request target authority"
        raise BadRequest(400, message, start.method)


def wants_close(start: Start, headers: Pairs) -> bool:
    words = ",".join(values_of(headers, "connection")).lower().split(",")
    return start.version == b"1.0" or "close" in (word.strip() for word in words)
