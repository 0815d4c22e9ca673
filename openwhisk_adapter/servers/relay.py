"""A plain client's request handed on to a server that listens: touches these two connections."""

import contextlib
import re
import select
import socket
from typing import Optional, Tuple

from openwhisk_adapter import wire
from openwhisk_adapter.messages import LONGEST_LINE, Refused

PATIENCE = 60  # seconds for which a side may take nothing of what it is sent
PIECE = 65536
SWITCHED = b"HTTP/1.1 101"
CHUNK_LINE = re.compile(rb"[ \t]*([0-9a-fA-F]{1,15})[ \t]*(?:;[^\n]*)?\r?\n\Z")
CONNECTION_HEADERS = ("connection", "keep-alive", "proxy-connection")


class Body:
    """How much of what a client sends is its one request: nothing after that is handed on."""

    def __init__(self, head: wire.Head) -> None:
        length = wire.length_of_request(head)
        self.is_chunked = length is None
        self.is_endless = False
        self.left = length or 0
        self.line = b""
        self.in_trailers = False
        self.is_whole = length == 0

    def part_of(self, data: bytes) -> bytes:
        if self.is_endless:
            return data
        if not self.is_chunked:
            part = data[: self.left]
            self.left -= len(part)
            self.is_whole = not self.left
            return part
        return self._chunks_of(data)

    def _chunks_of(self, data: bytes) -> bytes:
        position = 0
        while position < len(data) and not self.is_whole:
            if self.left:
                step = min(self.left, len(data) - position)
                self.left -= step
                position += step
            else:
                end = data.find(b"\n", position) + 1 or len(data)
                self.line += data[position:end]
                position = end
                self._take_line()
        return data[:position]

    def _take_line(self) -> None:
        if len(self.line) > LONGEST_LINE:
            raise Refused(
                400,
                "a chunk's size was expected, not a line of more than %d bytes" % LONGEST_LINE,
            )
        if not self.line.endswith(b"\n"):
            return
        line, self.line = self.line, b""
        if self.in_trailers:
            self.is_whole = not line.strip()
            return
        found = CHUNK_LINE.match(line)
        if not found:
            raise Refused(400, "a chunk doesn't begin with its size")
        size = int(found.group(1), 16)
        if size:
            self.left = size + 2  # its line end too
        else:
            self.in_trailers = True


def relayed(client: socket.socket, address: Tuple[str, int]) -> None:
    """One request and its answer, as they come; an upgraded connection belongs to its two ends."""
    with wire.reader(client) as stream:
        head = wire.head_from_stream(stream)
        if not head.first:
            return
        client.setblocking(False)
        begun = stream.peek()
    client.settimeout(PATIENCE)
    is_upgrade = "upgrade" in head.header("connection").lower()
    body = Body(head)
    try:
        server = socket.create_connection(address, timeout=PATIENCE)
    except OSError as error:
        raise Refused(502, "the model's server can't be reached: %s" % error.strerror)
    with server, contextlib.suppress(OSError):
        server.sendall(bytes_from_head(head, is_upgrade) + body.part_of(begun))
        exchange(client, server, body)


def bytes_from_head(head: wire.Head, is_upgrade: bool) -> bytes:
    """Without what only the platform may say, and for this one request."""
    lines = [head.first.strip()]
    for name, value in head.headers:
        name_on_the_wire = name.lower().replace("_", "-")
        if name_on_the_wire.startswith("x-openwhisk-"):
            continue
        if name_on_the_wire in CONNECTION_HEADERS and not is_upgrade:
            continue
        lines.append(("%s: %s" % (name, value)).encode("latin-1"))
    if not is_upgrade:
        lines.append(b"Connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n"


def exchange(client: socket.socket, server: socket.socket, body: Body) -> None:
    """Until the server has said all; by poll, as select knows no descriptor beyond 1023."""
    ready = select.poll()
    ready.register(server, select.POLLIN)
    ready.register(client, select.POLLIN)
    answer = b""
    patience: Optional[int] = None
    while True:
        found = ready.poll(patience)
        if not found:
            return
        for descriptor, _ in found:
            if descriptor == server.fileno():
                data = server.recv(PIECE)
                if not data:
                    return
                if len(answer) < len(SWITCHED):
                    answer += data[: len(SWITCHED)]
                    body.is_endless = answer.startswith(SWITCHED)
                client.sendall(data)
                continue
            data = client.recv(PIECE)
            if data:
                server.sendall(body.part_of(data))
                continue
            # It may only have said all that it has to say; a silent server isn't waited for long.
            ready.unregister(client)
            server.shutdown(socket.SHUT_WR)
            patience = PATIENCE * 1000
