"""What a request must be to be a request: its first line, its header lines, what they say
together. Touches nothing. The messages are those of the platform's HTTP library."""

import re
from typing import List, NamedTuple, Optional, Tuple

import h11

from gateway.http import hosts, urls
from gateway.http.headerlines import Pairs, last_value_of, normal_value, values_of
from gateway.http.mediatypes import media_type_from_text
from gateway.http.urls import IllegalTarget, Target
from gateway.refusal import Refusal, Stage

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT")
VERSIONS = (b"HTTP/1.1", b"HTTP/1.0")
LONGEST_METHOD = 16
LONGEST_TARGET = 8192
LONGEST_NAME = 64
LONGEST_VALUE = 8192
MOST_HEADERS = 64

UNKNOWN_METHOD = "Unsupported HTTP method"
TARGET_TOO_LONG = f"URI length exceeds the configured limit of {LONGEST_TARGET} characters"
UNKNOWN_VERSION = "The server does not support the HTTP protocol version used in the request."
NOT_UTF8 = "HTTP header value is not UTF-8"
TWO_TYPES = "HTTP message must not contain more than one Content-Type header"
TOO_MANY = f"HTTP message contains more than the configured limit of {MOST_HEADERS} headers"
TOO_LONG = "HTTP header {} exceeds the configured limit of {} characters"
TWO_LENGTHS = "A chunked request must not contain a Content-Length header"
HEAD_WITH_BODY = "HEAD requests must not have an entity"
CONNECT = "CONNECT requests are not supported"
HOST_MISSING = "Request is missing required `Host` header"
NO_HOST = (
    "Cannot establish effective URI of request to `{}`,"
    " request has a relative URI and {} `Host` header"
)
OTHER_HOST = "'Host' header value of request to `{}` doesn't match request target authority"


def bad_request(message: str, status: int = 400) -> Refusal:
    return Refusal(status, message, Stage.CONNECTION)


class Start(NamedTuple):
    method: str
    target: str
    version: bytes


class Head(NamedTuple):
    """A request's lines as they are meant: `closes` that nothing follows it, `has_body` that a
    body does."""

    target: Target
    headers: Pairs
    closes: bool
    has_body: bool


def method_from_line(line: bytes) -> str:
    """Also of a line that is none otherwise; empty where it has no method."""
    method = line.partition(b" ")[0].decode("latin-1")
    return method if method in METHODS else ""


def start_from_line(line: bytes) -> Start:
    """Raises Refusal."""
    word, space, rest = line.partition(b" ")
    method = method_from_line(line)
    if not method:
        too_long = len(word) > LONGEST_METHOD or not space
        raise bad_request(UNKNOWN_METHOD, 400 if too_long else 501)
    target = re.split(rb"[ \t\r\n]", rest, maxsplit=1)[0]
    if len(target) > LONGEST_TARGET:
        raise bad_request(TARGET_TOO_LONG, 414)
    version = rest[len(target) + 1 :].rstrip(b"\r")
    if version not in VERSIONS:
        raise bad_request(UNKNOWN_VERSION, 505)
    return Start(method, target.decode("latin-1"), version[len(b"HTTP/") :])


def head_from_event(start: Start, event: h11.Request) -> Head:
    """Raises Refusal."""
    headers = checked_headers(start, event)
    target = target_of(start, headers)
    return Head(target, headers, wants_close(start, headers), announces_body(headers))


def checked_headers(start: Start, head: h11.Request) -> Pairs:
    """Raises Refusal."""
    lines = list(head.headers.raw_items())
    check_limits(lines)
    headers = []
    try:
        for name, value in lines:
            headers.append((name.decode("ascii"), normal_value(value)))
    except UnicodeDecodeError as error:
        raise bad_request(NOT_UTF8) from error
    types = set(values_of(headers, "content-type"))
    if len(types) > 1 and len({media_type_from_text(each) or each for each in types}) > 1:
        raise bad_request(TWO_TYPES)
    check_body_announced(start, headers)
    return headers


def check_limits(lines: List[Tuple[bytes, bytes]]) -> None:
    if len(lines) > MOST_HEADERS:
        raise bad_request(TOO_MANY)
    for name, value in lines:
        if len(name) > LONGEST_NAME:
            raise bad_request(TOO_LONG.format("name", LONGEST_NAME), 431)
        if len(value) > LONGEST_VALUE:
            raise bad_request(TOO_LONG.format("value", LONGEST_VALUE), 431)


def check_body_announced(start: Start, headers: Pairs) -> None:
    chunked = bool(values_of(headers, "transfer-encoding"))
    length = last_value_of(headers, "content-length")
    if chunked and length is not None:
        raise bad_request(TWO_LENGTHS)
    if start.method == "HEAD" and (chunked or int(length or 0)):
        raise bad_request(HEAD_WITH_BODY, 422)


def announces_body(headers: Pairs) -> bool:
    chunked = bool(values_of(headers, "transfer-encoding"))
    return chunked or int(last_value_of(headers, "content-length") or 0) > 0


def target_of(start: Start, headers: Pairs) -> Target:
    """Raises Refusal."""
    try:
        target = urls.target_from_text(start.target)
    except IllegalTarget as error:
        raise bad_request(str(error)) from error
    if start.method == "CONNECT":
        raise bad_request(CONNECT)
    check_host(start, target, last_value_of(headers, "host"))
    return target


def check_host(start: Start, target: Target, given: Optional[str]) -> None:
    host = None if given is None else hosts.host(given)
    if host is None and start.version == b"1.1":
        raise bad_request(HOST_MISSING)
    if target.authority is None and not host:
        what = "is missing a" if given is None else "an empty"
        raise bad_request(NO_HOST.format(start.target, what))
    is_absolute = start.target.lower().startswith("http")
    if target.authority and is_absolute and hosts.host(target.authority) != host:
        raise bad_request(OTHER_HOST.format(start.target))


def wants_close(start: Start, headers: Pairs) -> bool:
    words = ",".join(values_of(headers, "connection")).lower().split(",")
    return start.version == b"1.0" or "close" in (word.strip() for word in words)
