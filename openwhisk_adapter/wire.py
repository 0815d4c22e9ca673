"""HTTP/1.1 messages, bounded in size: touches the stream or connection that it is handed."""

import io
import re
import socket
from typing import BinaryIO, Iterable, Iterator, List, NamedTuple, Optional, Tuple, cast

from openwhisk_adapter.messages import LARGEST, LONGEST_LINE, Refused, Response
from openwhisk_adapter.sinks import Kept, Sink

MOST_LINES = 1000  # of a head
MOST_INTERIM = 100  # answers of 1xx before the one that counts
STATUS_LINE = re.compile(rb"HTTP/1\.\d (\d{3})\b")
CHUNK_SIZE = re.compile(rb"[ \t]*([0-9a-fA-F]{1,15})[ \t]*(?:;|\r?\n)")
LENGTH = re.compile(r"[0-9]{1,18}\Z")

PIECE = 65536  # bytes of a body that are read at once

Pairs = List[Tuple[str, str]]


def reader(connection: socket.socket) -> io.BufferedReader:
    return cast(io.BufferedReader, connection.makefile("rb", LONGEST_LINE))


class Head(NamedTuple):
    first: bytes
    headers: Pairs

    def header(self, name: str) -> str:
        for key, value in self.headers:
            if key.lower() == name:
                return value
        return ""


def head_from_stream(stream: BinaryIO) -> Head:
    """The first line and the header lines of a message; nothing at all is an empty first line."""
    first = _line(stream)
    headers: Pairs = []
    if not first.strip():
        return Head(b"", headers)
    while True:
        line = _line(stream)
        if not line.strip():
            return Head(first, headers)
        if len(headers) == MOST_LINES:
            raise Refused(502, "a head of more than %d lines" % MOST_LINES)
        name, _, value = line.decode("latin-1").partition(":")
        pair = name.strip(), value.strip()
        headers.append(pair)


def _line(stream: BinaryIO) -> bytes:
    line = stream.readline(LONGEST_LINE + 1)
    if len(line) > LONGEST_LINE:
        raise Refused(502, "a header line of more than %d bytes" % LONGEST_LINE)
    return line


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
    found = STATUS_LINE.match(line)
    if not found:
        raise ValueError("it isn't HTTP")
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
    if size > LARGEST:
        raise Refused(502, "a body of %d bytes, where %d are allowed" % (size, LARGEST))
    left = size
    while left:
        data = stream.read1(left)
        if not data:
            raise ConnectionError("%d bytes of %d" % (size - left, size))
        left -= len(data)
        yield data


def length_of_request(head: Head) -> Optional[int]:
    """None for chunks. What two readers could understand in two ways is refused."""
    told = set()
    for name, value in head.headers:
        if name.lower() == "content-length":
            told.add(value)
        if name.lower() == "transfer-encoding":
            told.add("chunks")
    if len(told) > 1:
        raise Refused(400, "a request that tells its length once was expected")
    if told == {"chunks"}:
        return None
    try:
        return length_from_text(told.pop()) if told else 0
    except ValueError:
        raise Refused(400, "a number was expected as Content-Length")


def is_chunked(head: Head) -> bool:
    return "chunked" in head.header("transfer-encoding").lower()


def length_from_text(text: str) -> int:
    if not LENGTH.match(text):
        raise ValueError("its Content-Length is no number")
    return int(text)


def chunks_from_stream(stream: BinaryIO) -> Iterator[bytes]:
    """The data of a chunked body, without its trailers."""
    while True:
        line = stream.readline(4096)
        found = CHUNK_SIZE.match(line)
        if not found:
            raise ValueError("a chunk doesn't begin with its size")
        size = int(found.group(1), 16)
        if size == 0:
            return
        yield read_exactly(stream, size)
        if stream.readline(3).strip():
            raise ValueError("a chunk that is longer than it says")


def read_exactly(stream: BinaryIO, size: int) -> bytes:
    if size > LARGEST:
        raise Refused(502, "a body of %d bytes, where %d are allowed" % (size, LARGEST))
    data = stream.read(size) if size else b""
    if len(data) < size:
        raise ConnectionError("%d bytes of %d" % (len(data), size))
    return data


def whole(chunks: Iterable[bytes]) -> bytes:
    kept = Kept()
    for chunk in chunks:
        kept.add(chunk)
    return kept.body()
