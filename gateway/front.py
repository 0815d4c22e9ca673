"""The HTTP front: requests as they came, target and every header line, to one handler and its answer back.

Touches the network. What can't be read is answered here; nobody can keep a connection waiting for ever."""

import asyncio
import traceback
from email.utils import formatdate
from typing import Awaitable, Callable, NamedTuple, Optional, Set

import h11

from gateway.complaints import complain
from gateway.messages import Request, Response, reason_of, text_response
from gateway.startline import BadRequest, Start, checked_headers, start_from_line, target_of, wants_close

HEAD_SECONDS = 20
BODY_SECONDS = 60
IDLE_SECONDS = 70
ANSWER_SECONDS = 60
LINGER_SECONDS = 2
LONGEST_START_LINE = 8192 + 64
LONGEST_HEAD = 65 * (64 + 8192 + 4)
PIECE = 65536
LINGER_PIECES = 256
CRASHED = "There was an internal server error."

Handler = Callable[[Request], Awaitable[Response]]


class BodyLimits(NamedTuple):
    """Up to `kept` bytes are handed on, up to `taken` are counted; more is refused."""

    kept: int
    taken: int


class Gone(Exception):
    """The client has closed the connection, or takes nothing any more."""


class TooSlow(Exception):
    """The client says nothing for too long."""


class Front:
    """`limits_for` says how much of a request's body is worth keeping."""

    def __init__(self, handler: Handler, limits_for: Callable[[Start], BodyLimits]):
        self._handler = handler
        self._limits_for = limits_for
        self._connections: Set[asyncio.Task] = set()
        self._server: Optional[asyncio.AbstractServer] = None

    async def bind(self, host: str, port: int) -> int:
        """The port, which was chosen if 0 was asked for; nobody is let in yet. Raises OSError."""
        self._server = await asyncio.start_server(
            self._serve, host, port, backlog=1024, limit=PIECE, start_serving=False
        )
        return self._server.sockets[0].getsockname()[1]

    async def listen(self) -> None:
        await self._server.start_serving()

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._connections.add(task)
        try:
            await Connection(reader, writer, self._handler, self._limits_for).run()
        except (Gone, TooSlow, OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            writer.close()


class Connection:
    """One client's requests, one after another."""

    def __init__(self, reader, writer, handler: Handler, limits_for):
        self._reader = reader
        self._writer = writer
        self._handler = handler
        self._limits_for = limits_for
        self._buffer = b""
        # Waiting for the transport then means that the client has taken everything.
        writer.transport.set_write_buffer_limits(high=0)

    async def run(self) -> None:
        while True:
            try:
                request, closes = await self._read_request()
            except BadRequest as error:
                await self._send(text_response(error.status, error.message), error.method, closes=True)
                return await self._linger()
            response = await self._answer(request)
            # Clients take these for answers with something still to come.
            closes = closes or response.status < 200 or response.status == 205
            await self._send(response, request.method, closes)
            if closes:
                return

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._handler(request)
        except Exception:
            complain(traceback.format_exc())
            return text_response(500, CRASHED)

    async def _read_request(self):
        start = start_from_line(await self._read_start_line())
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_HEAD)
        # The line was read by other rules than the parser's; it gets one that it can't mind.
        parser.receive_data(b"POST / HTTP/%s\r\n" % start.version + self._buffer)
        try:
            headers = checked_headers(start, await self._next_event(parser, now() + HEAD_SECONDS))
            target = target_of(start, headers)
            if parser.they_are_waiting_for_100_continue:
                self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body, length = await self._read_body(parser, self._limits_for(start), now() + BODY_SECONDS)
        except h11.RemoteProtocolError as error:
            raise BadRequest(error.error_status_hint, f"Illegal HTTP message: {error}", start.method) from error
        except TooSlow as error:
            raise BadRequest(408, "The request did not arrive in time.", start.method) from error
        self._buffer = parser.trailing_data[0]
        return Request(start.method, target, headers, body, length), wants_close(start, headers)

    async def _read_start_line(self) -> bytes:
        """Between two requests a client may take its time, within one it may not."""
        self._buffer = self._buffer.lstrip(b"\r\n")
        deadline = now() + IDLE_SECONDS
        while b"\n" not in self._buffer[:LONGEST_START_LINE]:
            if len(self._buffer) >= LONGEST_START_LINE:
                return self._buffer[:LONGEST_START_LINE]
            was_empty = not self._buffer
            self._buffer = (self._buffer + await self._read_piece(deadline)).lstrip(b"\r\n")
            deadline = now() + HEAD_SECONDS if was_empty and self._buffer else deadline
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    async def _read_piece(self, deadline: float) -> bytes:
        try:
            piece = await asyncio.wait_for(self._reader.read(PIECE), max(deadline - now(), 0.001))
        except asyncio.TimeoutError:
            raise TooSlow() from None
        if not piece:
            raise Gone()
        return piece

    async def _next_event(self, parser, deadline: float):
        event = parser.next_event()
        while event is h11.NEED_DATA:
            parser.receive_data(await self._read_piece(deadline))
            event = parser.next_event()
        return event

    async def _read_body(self, parser, limits: BodyLimits, deadline: float):
        body, length = bytearray(), 0
        event = await self._next_event(parser, deadline)
        while not isinstance(event, h11.EndOfMessage):
            length += len(event.data)
            if length > limits.taken:
                raise BadRequest(413, f"The request is larger than the limit of {limits.taken} bytes.")
            body += event.data[: max(0, limits.kept - len(body))]
            event = await self._next_event(parser, deadline)
        return bytes(body), length

    async def _send(self, response: Response, method: str, closes: bool) -> None:
        self._writer.write(bytes_from_response(response, method, closes))
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
    lines += ["Connection: close"] if closes else []
    if response.content_type is not None:
        lines.append(f"Content-Type: {response.content_type.text}")
    if response.status >= 200 and response.status not in (204, 205, 304):
        lines.append(f"Content-Length: {len(response.body)}")
    encoded = [low_bytes(line) for line in lines]
    # A line break in a value would be a header of its own.
    head = b"\r\n".join(line for line in encoded if not (b"\r" in line or b"\n" in line))
    return head + b"\r\n\r\n" + (b"" if method == "HEAD" else response.body)


def low_bytes(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return bytes(ord(character) & 255 for character in text)


def now() -> float:
    return asyncio.get_running_loop().time()
