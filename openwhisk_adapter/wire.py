"""HTTP/1.1 messages, bounded in size: touches the stream or connection that it is handed."""

import contextlib
import io
import re
import socket
from time import monotonic
from typing import Any, BinaryIO, Iterable, Iterator, List, NamedTuple, Optional, Sized, Tuple, cast

from openwhisk_adapter.contract import SILENCE, SLOWEST, TOO_SLOW
from openwhisk_adapter.messages import LARGEST, LONGEST_LINE, Refused, Response
from openwhisk_adapter.sinks import Sink

MOST_LINES = 1000  # of a head
MOST_INTERIM = 100  # answers of 1xx before the one that counts
STATUS_LINE = re.compile(rb"HTTP/1\.\d (\d{3})\b")
CHUNK_SIZE = re.compile(rb"[ \t]*([0-9a-fA-F]{1,15})[ \t]*(?:;|\r?\n)")
LENGTH = re.compile(r"[0-9]{1,18}\Z")
TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
REQUEST_LINE = re.compile(rb"%s [\x21-\x7e\x80-\xff]+ HTTP/1\.[01]\r?\n\Z" % TOKEN)
HEADER_LINE = re.compile(rb"(%s):([^\x00-\x08\x0a-\x1f\x7f]*)\r?\n\Z" % TOKEN)
NO_LETTER = re.compile(r"[^0-9a-z]")
BLANKS = " \t"  # and not all that is space to str.strip: to UTF-8 that is part of a letter

PIECE = 65536  # bytes of a body that are read at once

Pairs = List[Tuple[str, str]]


def reader(connection: socket.socket) -> io.BufferedReader:
    return cast(io.BufferedReader, connection.makefile("rb", LONGEST_LINE))


class NoHttp(ValueError):
    """An answer in another protocol."""


class Pace:
    """How much longer a client may go on: a head has its time as a whole, and what comes of a body
    gives it some more."""

    def __init__(self) -> None:
        self.is_head = True
        self.heard = monotonic()

    def has_come(self, size: int) -> None:
        if not self.is_head:
            self.heard = min(self.heard + size / SLOWEST, monotonic())
        self.check()

    def check(self) -> None:
        if self.seconds_left() <= 0:
            raise Refused(408, TOO_SLOW)

    def seconds_left(self) -> float:
        return self.heard + SILENCE - monotonic()

    def end_head(self) -> None:
        self.is_head = False
        self.heard = monotonic()


class Asked(io.RawIOBase):
    """What a client sends, as long as it keeps its pace."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.pace = Pace()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Optional[int]:
        try:
            size = self.connection.recv_into(buffer)
        except BlockingIOError:
            self.pace.check()
            return None
        self.pace.has_come(size)
        return size


def hang_up(connection: socket.socket) -> None:
    """Closing isn't enough: a process that the model has forked holds the connection as well."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)


class Head(NamedTuple):
    first: bytes
    headers: Pairs

    def header(self, name: str) -> str:
        for value in self.values(name):
            return value
        return ""

    def values(self, name: str) -> List[str]:
        """All that are given under this name in small letters."""
        return [value for key, value in self.headers if key.lower() == name]


def head_from_stream(stream: BinaryIO) -> Head:
    """Of an answer, whoever wrote it; nothing at all is an empty first line."""
    first = _line(stream, 502)
    headers: Pairs = []
    if not STATUS_LINE.match(first):  # behind another protocol's first line nothing more may come
        return Head(first.strip(), headers)
    for line in _header_lines(stream, 502):
        text = line.decode("latin-1").rstrip("\r\n")
        name, _, value = text.partition(":")
        if text[0] in BLANKS and headers:
            name, begun = headers.pop()
            value = "%s %s" % (begun, text.strip(BLANKS))
            _check_length(value, 502)
        pair = name.strip(BLANKS), value.strip(BLANKS)
        headers.append(pair)
    return Head(first, headers)


def head_of_request(stream: BinaryIO) -> Head:
    """Of a client's, which may be meant for two readers: what they could read in two ways is
    refused."""
    first, lines = _lines_of_head(stream, 431)
    if not first:
        return Head(b"", [])
    if not REQUEST_LINE.match(first):
        raise Refused(400, "a request line like `GET / HTTP/1.1` was expected")
    headers: Pairs = []
    for line in lines:
        found = HEADER_LINE.match(line)
        if not found:
            raise Refused(400, "a header line like `Name: value` was expected")
        name = found.group(1).decode("latin-1")
        value = found.group(2).decode("latin-1")
        headers.append((name, value.strip(BLANKS)))
    head = Head(first.strip(), headers)
    if len(head.values("host")) > 1:
        raise Refused(400, "one Host was expected")
    return head


def head_of_client(connection: socket.socket) -> Tuple[Head, io.BufferedReader]:
    """And what its body is read from."""
    asked = Asked(connection)
    stream = cast(io.BufferedReader, io.BufferedReader(asked, LONGEST_LINE))
    head = head_of_request(stream)
    asked.pace.end_head()
    return head, stream


def headers_from_outside(head: Head) -> Pairs:
    """Without what only the platform says, and without names that CGI can't tell from others."""
    kept: Pairs = []
    for name, value in head.headers:
        as_cgi_has_it = NO_LETTER.sub("-", name.lower())
        if "_" not in name and not as_cgi_has_it.startswith("x-openwhisk-"):
            kept.append((name, value))
    return kept


def _lines_of_head(stream: BinaryIO, too_large: int) -> Tuple[bytes, List[bytes]]:
    """`too_large`: the status that says so."""
    first = _line(stream, too_large)
    if not first.strip():
        return b"", []
    return first, _header_lines(stream, too_large)


def _header_lines(stream: BinaryIO, too_large: int) -> List[bytes]:
    lines: List[bytes] = []
    while True:
        line = _line(stream, too_large)
        if not line.strip():
            return lines
        if len(lines) == MOST_LINES:
            raise Refused(too_large, "a head of more than %d lines" % MOST_LINES)
        lines.append(line)


def _line(stream: BinaryIO, too_large: int) -> bytes:
    line = stream.readline(LONGEST_LINE + 1)
    _check_length(line, too_large)
    return line


def _check_length(line: Sized, too_large: int) -> None:
    if len(line) > LONGEST_LINE:
        raise Refused(too_large, "a header line of more than %d bytes" % LONGEST_LINE)


def response_from_stream(
    stream: io.BufferedReader,
    method: str,
    sink: Sink,
) -> Response:
    """A whole answer; ValueError where it isn't HTTP, OSError where it isn't whole."""
    for _ in range(MOST_INTERIM):
        head = head_from_stream(stream)
        status = status_from_line(head.first)
        if status >= 200:
            sink.begin(status)
            if method != "HEAD" and status not in (204, 304):
                for chunk in body_from_stream(stream, head):
                    sink.add(chunk)
            return Response(status, head.headers, sink.body())
    raise Refused(502, "the model's server sent %d interim answers and no other" % MOST_INTERIM)


def status_from_line(line: bytes) -> int:
    if not line:
        raise ValueError("it said nothing")
    found = STATUS_LINE.match(line)
    if not found:
        raise NoHttp("it isn't HTTP")
    return int(found.group(1))


def body_from_stream(stream: io.BufferedReader, head: Head) -> Iterator[bytes]:
    """As it comes."""
    length = head.header("content-length")
    if is_chunked(head):
        return chunks_from_stream(stream)
    if length:
        size = length_from_text(length)
        return pieces_from_stream(stream, size)
    return iter(lambda: stream.read1(PIECE), b"")


def pieces_from_stream(stream: io.BufferedReader, size: int) -> Iterator[bytes]:
    _check_size(size, 502)
    left = size
    while left:
        data = stream.read1(left)
        if not data:
            raise ConnectionError("%d bytes of %d" % (size - left, size))
        left -= len(data)
        yield data


def length_of_request(head: Head) -> Optional[int]:
    """None for chunks. What two readers could understand in two ways is refused."""
    lengths = set(head.values("content-length"))
    codings = head.values("transfer-encoding")
    if len(lengths) + len(codings) > 1:
        raise Refused(400, "a request that tells its length once was expected")
    if codings:
        is_understood = codings[0].lower() == "chunked" and not head.first.endswith(b"1.0")
        if not is_understood:
            raise Refused(400, "of all codings of a transfer HTTP/1.1's `chunked` was expected")
        return None
    try:
        return length_from_text(lengths.pop()) if lengths else 0
    except ValueError:
        raise Refused(400, "a number was expected as Content-Length")


def is_chunked(head: Head) -> bool:
    return "chunked" in head.header("transfer-encoding").lower()


def length_from_text(text: str) -> int:
    if not LENGTH.match(text):
        raise ValueError("its Content-Length is no number")
    return int(text)


def chunks_from_stream(stream: BinaryIO, too_large: int = 502) -> Iterator[bytes]:
    """The data of a chunked body, without its trailers."""
    while True:
        line = stream.readline(4096)
        found = CHUNK_SIZE.match(line)
        if not found:
            raise ValueError("a chunk doesn't begin with its size")
        size = int(found.group(1), 16)
        if size == 0:
            return
        yield read_exactly(stream, size, too_large)
        if stream.readline(3).strip():
            raise ValueError("a chunk that is longer than it says")


def read_exactly(stream: BinaryIO, size: int, too_large: int = 502) -> bytes:
    """`too_large`: the status that says so."""
    _check_size(size, too_large)
    data = stream.read(size) if size else b""
    if len(data) < size:
        raise ConnectionError("%d bytes of %d" % (len(data), size))
    return data


def _check_size(size: int, too_large: int) -> None:
    if size > LARGEST:
        reason = "a body of %d bytes or more, where %d are allowed" % (size, LARGEST)
        raise Refused(too_large, reason)


def whole(chunks: Iterable[bytes], too_large: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        _check_size(len(body), too_large)
    return bytes(body)
