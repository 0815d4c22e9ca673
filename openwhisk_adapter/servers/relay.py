"""A plain client's request handed on to a server that listens: touches these two connections."""

import contextlib
import re
import select
import socket
from enum import Enum
from typing import Optional

from openwhisk_adapter import wire
from openwhisk_adapter.messages import LONGEST_LINE, Refused
from openwhisk_adapter.servers import Address, OtherProtocol, Unreachable
from openwhisk_adapter.servers.connecting import PREFACE, SPEAKS_GRPC, connected

PATIENCE = 60  # seconds for which a side may take nothing of what it is sent
PIECE = 65536
SWITCHED = b"HTTP/1.1 101"
CHUNK_LINE = re.compile(rb"[ \t]*([0-9a-fA-F]{1,15})[ \t]*(?:;[^\n]*)?\r?\n\Z")
CONNECTION_HEADERS = ("connection", "http2-settings", "keep-alive", "proxy-connection", "upgrade")
CLOSE = [b"Connection: close"]
UPGRADE = [b"Connection: Upgrade", b"Upgrade: websocket"]
LINE_END = b"\r\n"
UNREACHABLE = "the model's server can't be reached: %s"
TOO_LONG = "a chunk's size was expected, not a line of more than %d bytes" % LONGEST_LINE


class Step(Enum):
    SIZE = "the line that tells how long a chunk is"
    END = "the line end after its data"
    TRAILERS = "lines after the last chunk, which nobody has to read"


class Body:
    """What a client sends as its one request, written anew: the server is to read what was read
    here. Nothing after that is handed on."""

    def __init__(self, head: wire.Head) -> None:
        length = wire.length_of_request(head)
        self.is_chunked = length is None
        self.is_endless = False
        self.is_answered = False  # in part: nothing else can be said to the client
        self.answer = b""  # how it begins
        self.left = length or 0
        self.line = b""
        self.step = Step.SIZE
        self.is_whole = length == 0

    def part_of(self, data: bytes) -> bytes:
        if self.is_endless:
            return data
        if self.is_chunked:
            return self._chunks_of(data)
        part = data[: self.left]
        self.left -= len(part)
        self.is_whole = not self.left
        return part

    def _chunks_of(self, data: bytes) -> bytes:
        written = bytearray()
        position = 0
        while position < len(data) and not self.is_whole:
            if self.left:
                piece = data[position : position + self.left]
                self.left -= len(piece)
                position += len(piece)
                written += piece
            else:
                end = data.find(b"\n", position) + 1 or len(data)
                self.line += data[position:end]
                position = end
                written += self._line_written()
        return bytes(written)

    def note_answer(self, data: bytes, is_upgrade: bool) -> None:
        self.is_answered = True
        if is_upgrade and len(self.answer) < len(SWITCHED):
            self.answer += data[: len(SWITCHED)]
            self.is_endless = self.answer.startswith(SWITCHED)

    def _line_written(self) -> bytes:
        if len(self.line) > LONGEST_LINE:
            raise Refused(400, TOO_LONG)
        if not self.line.endswith(b"\n"):
            return b""
        line, self.line = self.line, b""
        if self.step is Step.SIZE:
            return self._size_written(line)
        is_empty = not line.rstrip(b"\r\n")
        if self.step is Step.END:
            if not is_empty:
                raise Refused(400, "a chunk is longer than it says")
            self.step = Step.SIZE
            return LINE_END
        self.is_whole = is_empty
        return LINE_END if is_empty else b""

    def _size_written(self, line: bytes) -> bytes:
        found = CHUNK_LINE.match(line)
        if not found:
            raise Refused(400, "a chunk doesn't begin with its size")
        self.left = int(found.group(1), 16)
        self.step = Step.END if self.left else Step.TRAILERS
        return b"%x\r\n" % self.left


def relayed(client: socket.socket, address: Address) -> None:
    """One request and its answer, as they come; an upgraded connection belongs to its two ends."""
    head, stream = wire.head_of_client(client)
    if not head.first:
        return
    client.setblocking(False)
    begun = stream.peek()
    client.settimeout(PATIENCE)
    is_upgrade = wants_websocket(head)
    body = Body(head)
    pace = wire.Pace()
    pace.end_head()
    first_part = body.part_of(begun)
    try:
        server = connected(address, PATIENCE)
    except ConnectionRefusedError as error:
        raise Unreachable(UNREACHABLE % error.strerror)
    except OSError as error:
        raise Refused(502, UNREACHABLE % error.strerror)
    with server, contextlib.suppress(OSError):
        server.sendall(bytes_from_head(head, is_upgrade) + first_part)
        try:
            exchange(client, server, body, is_upgrade, pace)
        except Refused:
            if not body.is_answered:
                raise
    wire.hang_up(client)


def wants_websocket(head: wire.Head) -> bool:
    """To HTTP/2 nobody changes here: what a client says there, nobody could look at."""
    is_upgrade = "upgrade" in head.header("connection").lower()
    wanted = [value.lower() for value in head.values("upgrade")]
    return is_upgrade and wanted == ["websocket"]


def bytes_from_head(head: wire.Head, is_upgrade: bool) -> bytes:
    """Without what only the platform may say, and for this one request."""
    lines = [head.first]
    for name, value in wire.headers_from_outside(head):
        if name.lower() not in CONNECTION_HEADERS:
            lines.append(("%s: %s" % (name, value)).encode("latin-1"))
    lines += UPGRADE if is_upgrade else CLOSE
    return b"\r\n".join(lines) + b"\r\n\r\n"


def exchange(
    client: socket.socket,
    server: socket.socket,
    body: Body,
    is_upgrade: bool,
    pace: wire.Pace,
) -> None:
    """Until the server has said all; by poll, as select knows no descriptor beyond 1023."""
    ready = select.poll()
    ready.register(server, select.POLLIN)
    ready.register(client, select.POLLIN)
    patience: Optional[int] = None
    while True:
        is_being_asked = patience is None and not body.is_whole and not body.is_endless
        if is_being_asked:
            pace.check()
        found = ready.poll(pace.seconds_left() * 1000 if is_being_asked else patience)
        if not found and not is_being_asked:
            return
        for descriptor, _ in found:
            if descriptor == server.fileno():
                data = server.recv(PIECE)
                if not data:
                    return
                if not body.is_answered and data.startswith(PREFACE):
                    raise OtherProtocol(SPEAKS_GRPC % server.getpeername()[1])
                body.note_answer(data, is_upgrade)
                client.sendall(data)
                continue
            data = client.recv(PIECE)
            if data:
                if is_being_asked:
                    pace.has_come(len(data))
                server.sendall(body.part_of(data))
                continue
            # It may only have said all that it has to say; a silent server isn't waited for long.
            ready.unregister(client)
            server.shutdown(socket.SHUT_WR)
            patience = PATIENCE * 1000
