"""A plain client's request handed on to a server that listens: touches these two connections."""

import contextlib
import re
import select
import socket
from enum import Enum
from typing import Dict, Optional

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


def relayed(client: socket.socket, address: Address, may_speak_grpc: bool = False) -> None:
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
        relay = Relay(client, server, body, pace, is_upgrade, may_speak_grpc)
        try:
            relay.run()
        except Refused:
            if not body.is_answered:
                raise
        finally:
            client.settimeout(PATIENCE)
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


class Side:
    """One of the two connections: what it says, and what it has yet to take."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.connection = connection
        self.has_ended = False
        self.untaken = b""

    def say(self) -> bytes:
        try:
            data = self.connection.recv(PIECE)
        except BlockingIOError:
            return b""
        self.has_ended = not data
        return data

    def take(self, data: bytes) -> None:
        self.untaken += data
        with contextlib.suppress(BlockingIOError):
            sent = self.connection.send(self.untaken)
            self.untaken = self.untaken[sent:]


class Relay:
    """Until the server has said all. Both may talk at once: what one doesn't take yet is waited
    for, but not in the other's way."""

    def __init__(
        self,
        client: socket.socket,
        server: socket.socket,
        body: Body,
        pace: wire.Pace,
        is_upgrade: bool,
        may_speak_grpc: bool,
    ) -> None:
        self.client = Side(client)
        self.server = Side(server)
        self.body = body
        self.pace = pace
        self.is_upgrade = is_upgrade
        self.may_speak_grpc = may_speak_grpc
        self.is_deaf = False
        "The server takes no more; it may have answered already."

    def run(self) -> None:
        while not self.server.has_ended or self.client.untaken:
            waits_for_client = self.is_being_asked() and not self.is_anything_untaken()
            if waits_for_client:
                self.pace.check()
            found = self.found_within(self.patience(waits_for_client))
            if not found and not waits_for_client:
                return
            self.carry(found)

    def is_being_asked(self) -> bool:
        return not (self.client.has_ended or self.body.is_whole or self.body.is_endless)

    def is_anything_untaken(self) -> bool:
        return bool(self.client.untaken or self.server.untaken)

    def patience(self, waits_for_client: bool) -> Optional[float]:
        if waits_for_client:
            return self.pace.seconds_left()
        # The client may only have said all that it has to say; then the server has its time.
        if self.is_anything_untaken() or self.client.has_ended:
            return PATIENCE
        return None

    def found_within(self, seconds: Optional[float]) -> Dict[int, int]:
        """By poll, as select knows no descriptor beyond 1023."""
        ready = select.poll()
        for side in (self.client, self.server):
            events = self.events_of(side)
            if events:
                ready.register(side.connection, events)
        return dict(ready.poll(None if seconds is None else seconds * 1000))

    def events_of(self, side: Side) -> int:
        other = self.server if side is self.client else self.client
        events = select.POLLOUT if side.untaken else 0
        if not side.has_ended and not other.untaken:
            events |= select.POLLIN
        return events

    def carry(self, found: Dict[int, int]) -> None:
        from_client = found.get(self.client.connection.fileno(), 0)
        from_server = found.get(self.server.connection.fileno(), 0)
        if self.client.untaken and from_client:
            self.client.take(b"")
        if self.server.untaken and from_server:
            self.tell_server(b"")
        if from_server & ~select.POLLOUT and not self.client.untaken:
            self.hear_server()
        if from_client & ~select.POLLOUT and not self.server.untaken:
            self.hear_client()

    def hear_server(self) -> None:
        data = self.server.say()
        if not data:
            return
        if self.may_speak_grpc and not self.body.is_answered and data.startswith(PREFACE):
            raise OtherProtocol(SPEAKS_GRPC % self.server.connection.getpeername()[1])
        self.body.note_answer(data, self.is_upgrade)
        self.client.take(data)

    def hear_client(self) -> None:
        data = self.client.say()
        if self.client.has_ended:
            wire.hang_up(self.server.connection)
            return
        if self.is_being_asked():
            self.pace.has_come(len(data))
        self.tell_server(self.body.part_of(data))

    def tell_server(self, data: bytes) -> None:
        try:
            if not self.is_deaf:
                self.server.take(data)
        except (BrokenPipeError, ConnectionResetError):
            self.is_deaf = True
            self.server.untaken = b""
