"""The HTTP front: requests as they came, target and every header line, to one handler and its
answer back.

Touches the network. What can't be read is answered here; nobody can keep a connection waiting for
ever."""

import asyncio
import itertools
import re
import socket
import traceback
from email.utils import formatdate
from typing import Any, Awaitable, Callable, Dict, List, NamedTuple, Tuple

import h11

from gateway.aside import made
from gateway.http.headerlines import low_bytes
from gateway.http.messages import Request, Response, reason_of, text_response
from gateway.http.refusals import response_from_refusal
from gateway.http.startline import (
    Head,
    Start,
    head_from_event,
    method_from_line,
    start_from_line,
)
from gateway.refusal import CRASHED, Refusal, Stage
from gateway.terminal import complain

HEAD_SECONDS = 20
BODY_SECONDS = 60
IDLE_SECONDS = 70
ANSWER_SECONDS = 60
LINGER_SECONDS = 2
CLOSE_SECONDS = 0.1
LONGEST_START_LINE = 8192 + 64
LONGEST_HEAD = 65 * (64 + 8192 + 4)
PIECE = 65536
# The parser gets no more at once: what it then makes of that is made soon.
BITE = 8192
LONGEST_TRAILERS = 8192
# Chunks may be as small as a byte, and thousands of them come together.
EVENTS_AT_ONCE = 20
LINGER_PIECES = 256
WAITING_CONNECTIONS = 1024
# One turn of the loop lets no more of them in, so that those already here needn't wait long.
LET_IN_AT_ONCE = 8
MOST_CONNECTIONS = 2000
# So many are told why they can't come in, at the same time.
MOST_REFUSED = 100
WITHOUT_BODY = (204, 205, 304)
LINE_BREAK = re.compile(rb"[\r\n]")
TOO_LARGE = "The request is larger than the limit of {} bytes."
TRAILERS_TOO_LONG = f"What follows the last chunk is longer than {LONGEST_TRAILERS} bytes."
TOO_MANY = "There are {} connections already: try again in a moment."

Handler = Callable[[Request], Awaitable[Response]]
LimitsFor = Callable[[Start, Head], "BodyLimits"]


class BodyLimits(NamedTuple):
    """Up to `kept` bytes are handed on, up to `taken` are counted; more is refused. Where nothing
    is taken the request is answered without a look at its body."""

    kept: int
    taken: int


NOT_READ = BodyLimits(0, 0)


class Received(NamedTuple):
    """A request, whether the connection is closed after it, and whether its body still comes."""

    request: Request
    closes: bool
    unread: bool = False


class Gone(Exception):
    """The client has closed the connection, or takes nothing any more."""


class TooSlow(Exception):
    """The client says nothing for too long."""


def bound_sockets(host: str, port: int) -> List[socket.socket]:
    """One for each address of the host, all at one port, which is any free one for 0.

    Nobody is let in yet. Raises OSError."""
    flags = socket.AI_PASSIVE
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    sockets: List[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            bound = socket.socket(family, kind, protocol)
            sockets.append(bound)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            same_port = port_of(sockets[0]) or port
            bound.bind((address[0], same_port, *address[2:]))
    except OSError:
        for each in sockets:
            each.close()
        raise
    return sockets


def port_of(bound: socket.socket) -> int:
    port = bound.getsockname()[1]
    return int(port)


class Front:
    """`limits_for` says how much of a request's body is worth keeping, `most` how many connections
    there may be."""

    def __init__(
        self,
        sockets: List[socket.socket],
        handler: Handler,
        limits_for: LimitsFor,
        most: int = MOST_CONNECTIONS,
    ):
        self._sockets = sockets
        self._handler = handler
        self._limits_for = limits_for
        self._most = most
        self._refused = 0
        self._connections: Dict[Connection, "asyncio.Task[Any]"] = {}
        self._servers: List[asyncio.AbstractServer] = []

    async def listen(self) -> None:
        for each in self._sockets:
            server = await asyncio.start_server(
                self._serve, sock=each, backlog=LET_IN_AT_ONCE, limit=PIECE
            )
            # asyncio has one number for both; more may wait outside than come in at once.
            each.listen(WAITING_CONNECTIONS)
            self._servers.append(server)

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        for each in self._sockets:
            each.close()
        # Up to Python 3.11 one whose data has just come doesn't notice that it was cancelled.
        while self._connections:
            tasks = list(self._connections.values())
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=CLOSE_SECONDS)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connection = Connection(reader, writer, self._handler, self._limits_for)
        try:
            if len(self._connections) >= self._most and not self._made_room():
                return await self._refuse(connection)
            self._connections[connection] = task
            await connection.run()
        except (Gone, TooSlow, OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._connections.pop(connection, None)
            writer.close()

    async def _refuse(self, connection: "Connection") -> None:
        if self._refused >= MOST_REFUSED:
            raise Gone()
        self._refused += 1
        try:
            await connection.refuse(TOO_MANY.format(self._most))
        finally:
            self._refused -= 1

    def _made_room(self) -> bool:
        """Whoever has asked nothing goes, the oldest first: holding connections open must not
        keep others out."""
        for connection, task in self._connections.items():
            if not connection.has_asked:
                del self._connections[connection]
                task.cancel()
                return True
        return False


class Connection:
    """One client's requests, one after another."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        handler: Handler,
        limits_for: LimitsFor,
    ):
        self._reader = reader
        self._writer = writer
        self._handler = handler
        self._limits_for = limits_for
        #: What has come and the parser hasn't got yet.
        self._buffer = b""
        #: Whether the head of a request has come that isn't answered yet.
        self.has_asked = False
        # Waiting for the transport then means that the client has taken everything.
        writer.transport.set_write_buffer_limits(high=0)

    async def run(self) -> None:
        while True:
            self.has_asked = False
            line = await self._read_start_line()
            try:
                received = await self._read_request(line)
            except Refusal as refusal:
                response = response_from_refusal(refusal)
                await self._send(response, method_from_line(line), closes=True)
                return await self._linger()
            response = await self._answer(received.request)
            # Clients take these for answers with something still to come.
            closes = received.closes or response.status < 200 or response.status == 205
            await self._send(response, received.request.method, closes)
            if received.unread:
                return await self._linger()
            if closes:
                return

    async def refuse(self, message: str) -> None:
        """Without a look at what is asked."""
        refusal = Refusal(503, message, Stage.CONNECTION)
        self._writer.write(bytes_from_response(response_from_refusal(refusal), "GET", closes=True))
        await self._linger()

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._handler(request)
        except Exception:
            complain(traceback.format_exc())
            return text_response(500, CRASHED)

    async def _read_request(self, line: bytes) -> Received:
        """Raises Refusal."""
        start = start_from_line(line)
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_HEAD)
        # The line was read by other rules than the parser's; it gets one that it can't mind.
        parser.receive_data(b"POST / HTTP/%s\r\n" % start.version)
        try:
            received = await self._read_message(start, parser)
        except h11.RemoteProtocolError as error:
            message = f"Illegal HTTP message: {error}"
            raise Refusal(error.error_status_hint, message, Stage.CONNECTION) from error
        except TooSlow as error:
            message = "The request did not arrive in time."
            raise Refusal(408, message, Stage.CONNECTION) from error
        self._buffer = parser.trailing_data[0] + self._buffer
        return received

    async def _read_message(self, start: Start, parser: h11.Connection) -> Received:
        event, size = await self._read_head(parser)
        self.has_asked = True
        head = await made(lambda: head_from_event(start, event), size)
        limits = self._limits_for(start, head)
        request = Request(start.method, head.target, head.headers)
        if limits == NOT_READ and head.has_body:
            return Received(request, closes=True, unread=True)
        if parser.they_are_waiting_for_100_continue:
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body, length = await self._read_body(parser, limits, now() + BODY_SECONDS)
        return Received(request._replace(body=body, length=length), head.closes)

    async def _read_head(self, parser: h11.Connection) -> Tuple[Any, int]:
        """And how many bytes came with it."""
        deadline = now() + HEAD_SECONDS
        size = 0
        event: Any = h11.NEED_DATA
        while event is h11.NEED_DATA:
            bite = await self._next_bite(deadline)
            parser.receive_data(bite)
            size += len(bite)
            event = await made(parser.next_event, size)
        return event, size

    async def _read_start_line(self) -> bytes:
        """Between two requests a client may take its time, within one it may not."""
        self._buffer = self._buffer.lstrip(b"\r\n")
        deadline = now() + IDLE_SECONDS
        while b"\n" not in self._buffer[:LONGEST_START_LINE]:
            if len(self._buffer) >= LONGEST_START_LINE:
                return self._buffer[:LONGEST_START_LINE]
            was_empty = not self._buffer
            self._buffer = (self._buffer + await self._read_piece(deadline)).lstrip(b"\r\n")
            if was_empty and self._buffer:
                deadline = now() + HEAD_SECONDS
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    async def _read_piece(self, deadline: float) -> bytes:
        seconds = max(deadline - now(), 0.001)
        try:
            piece = await asyncio.wait_for(self._reader.read(PIECE), seconds)
        except asyncio.TimeoutError:
            raise TooSlow() from None
        if not piece:
            raise Gone()
        return piece

    async def _next_bite(self, deadline: float) -> bytes:
        if not self._buffer:
            self._buffer = await self._read_piece(deadline)
        bite, self._buffer = self._buffer[:BITE], self._buffer[BITE:]
        return bite

    async def _next_event(self, parser: h11.Connection, deadline: float) -> Any:
        """Of a request's body. Raises Refusal."""
        event = parser.next_event()
        while event is h11.NEED_DATA:
            # Data is handed on as it comes: only trailers, and the line before a chunk, are kept.
            if len(parser.trailing_data[0]) > LONGEST_TRAILERS:
                raise Refusal(431, TRAILERS_TOO_LONG, Stage.CONNECTION)
            parser.receive_data(await self._next_bite(deadline))
            event = parser.next_event()
        return event

    async def _read_body(
        self, parser: h11.Connection, limits: BodyLimits, deadline: float
    ) -> Tuple[bytes, int]:
        body = bytearray()
        length = 0
        for number in itertools.count(1):
            event = await self._next_event(parser, deadline)
            if isinstance(event, h11.EndOfMessage):
                break
            if number % EVENTS_AT_ONCE == 0:
                await asyncio.sleep(0)
            length += len(event.data)
            if length > limits.taken:
                raise Refusal(413, TOO_LARGE.format(limits.taken), Stage.CONNECTION)
            body += event.data[: max(0, limits.kept - len(body))]
        return bytes(body), length

    async def _send(self, response: Response, method: str, closes: bool) -> None:
        size = sum(len(name) + len(value) for name, value in response.headers)
        self._writer.write(await made(lambda: bytes_from_response(response, method, closes), size))
        if not self._writer.transport.get_write_buffer_size():
            return
        try:
            await asyncio.wait_for(self._writer.drain(), ANSWER_SECONDS)
        except asyncio.TimeoutError:
            raise Gone() from None

    async def _linger(self) -> None:
        """A client that is still sending must not lose its answer to a reset connection."""
        if self._writer.can_write_eof():
            self._writer.write_eof()
        try:
            await asyncio.wait_for(self._read_the_rest(), LINGER_SECONDS)
        except asyncio.TimeoutError:
            pass

    async def _read_the_rest(self) -> None:
        for _ in range(LINGER_PIECES):
            if not await self._reader.read(PIECE):
                return


def bytes_from_response(response: Response, method: str, closes: bool) -> bytes:
    """Headers in the platform's order. Each character becomes its low byte, as there."""
    lines = [f"HTTP/1.1 {response.status} {reason_of(response.status)}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    lines += ["Server: openwhisk-gateway", f"Date: {formatdate(usegmt=True)}"]
    if closes:
        lines.append("Connection: close")
    if response.content_type is not None:
        lines.append(f"Content-Type: {response.content_type.text}")
    if response.status >= 200 and response.status not in WITHOUT_BODY:
        lines.append(f"Content-Length: {len(response.body)}")
    # A line break in a value would be a header of its own.
    kept = [line for line in map(low_bytes, lines) if not LINE_BREAK.search(line)]
    head = b"\r\n".join(kept) + b"\r\n\r\n"
    return head if method == "HEAD" else head + response.body


def now() -> float:
    return asyncio.get_running_loop().time()
