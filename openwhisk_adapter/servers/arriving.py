"""The container's port on the loop of an ASGI server: touches that loop, and sockets on it.

The first bytes of a connection tell whether it is the platform's. Its calls are read here, bounded
in size and time; every other connection is uvicorn's own from its first byte on.
"""

import asyncio
import contextlib
import threading
import time
from enum import Enum
from typing import TYPE_CHECKING, Any, Callable, Optional, Set

from openwhisk_adapter import contract
from openwhisk_adapter.messages import Refused, Response

if TYPE_CHECKING:
    from openwhisk_adapter.servers.asgi import Asgi

Reply = Callable[[int, bytes], None]
CALLS = (contract.RUN, contract.INIT)


class Step(Enum):
    START = "it isn't known yet whose it is"
    HEAD = "the head of a call of the platform"
    BODY = "its body"
    ANSWER = "all is read"


class Arriving(asyncio.Protocol):
    """One connection: until it is known to be uvicorn's, or a call of the platform is answered."""

    def __init__(self, port: "Port") -> None:
        self.port = port
        self.loop = port.asgi.loop
        self.step = Step.START
        self.data = bytearray()
        self.call = b""
        self.size = 0
        self.transport: Any = None
        self.heard = 0.0
        self.patience: Optional[asyncio.TimerHandle] = None

    # -- what the loop tells ---------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.port.arriving.add(self)
        self.be_patient()

    def connection_lost(self, error: Optional[Exception]) -> None:
        self.port.arriving.discard(self)
        self.lose_no_patience()

    def eof_received(self) -> bool:
        """Whoever has sent a whole call may close its side of the connection."""
        return self.step is Step.ANSWER

    def data_received(self, data: bytes) -> None:
        self.data += data
        self.heard = self.loop.time()
        try:
            if self.step is Step.START:
                self.recognise()
            if self.step is Step.HEAD:
                self.read_head()
            if self.step is Step.BODY and len(self.data) >= self.size:
                self.begin()
        except Refused as refusal:
            self.reply(refusal.response.status, refusal.response.body)

    # -- a peer that says or takes nothing -------------------------------------------------------

    def be_patient(self) -> None:
        self.heard = self.loop.time()
        self.patience = self.loop.call_later(contract.SILENCE, self.hang_up_if_silent)

    def hang_up_if_silent(self) -> None:
        left = self.heard + contract.SILENCE - self.loop.time()
        if left > 0:
            self.patience = self.loop.call_later(left, self.hang_up_if_silent)
        else:
            self.transport.abort()

    def lose_no_patience(self) -> None:
        if self.patience is not None:
            self.patience.cancel()
            self.patience = None

    # -- step by step ----------------------------------------------------------------------------

    def recognise(self) -> None:
        for call in CALLS:
            if self.data.startswith(call):
                self.call = call
                self.step = Step.HEAD
                return
        if not any(call.startswith(self.data) for call in CALLS):
            self.hand_over()

    def hand_over(self) -> None:
        """To uvicorn, as if it had accepted this connection itself."""
        self.connection_lost(None)
        protocol = self.port.asgi.protocol()
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        protocol.data_received(bytes(self.data))

    def read_head(self) -> None:
        end = self.data.find(contract.END_OF_HEAD)
        if end < 0 and len(self.data) <= contract.LONGEST_HEAD:
            return
        head = bytes(self.data[:end]) if end >= 0 else b""
        self.size = contract.size_from_head(head)
        if contract.waits_for_continue(head):
            self.transport.write(contract.CONTINUE)
        del self.data[: end + len(contract.END_OF_HEAD)]
        self.step = Step.BODY

    def begin(self) -> None:
        self.lose_no_patience()
        self.step = Step.ANSWER
        body, self.data = bytes(self.data[: self.size]), bytearray()
        if self.call == contract.RUN:
            self.port.run(body, self.reply)
        else:
            self.port.init(body, self.reply)

    def reply(self, status: int, body: bytes) -> None:
        """By whoever answers first, in whatever thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self.port.asgi.do(lambda: self.write(status, body))

    def write(self, status: int, body: bytes) -> None:
        self.step = Step.ANSWER
        self.transport.write(contract.bytes_from_reply(status, body))
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self.be_patient()


class Port:
    """In the place of the one that uvicorn would have, which closes it when it ends."""

    def __init__(self, asgi: "Asgi", listener: Any) -> None:
        self.asgi = asgi
        self.listener = listener
        self.action = listener.action
        self.arriving: Set[Arriving] = set()
        self.server: Any = None

    async def open(self) -> None:
        """At a copy of the socket, so that it can be the listener's again."""
        self.listener.pause()
        self.server = await self.asgi.loop.create_server(
            self.arrived if self.listener.platform else self.asgi.protocol,
            sock=self.listener.socket.dup(),
            backlog=self.asgi.config.backlog,
        )
        self.asgi.uvicorn.servers.append(self)

    def close(self) -> None:
        self.server.close()
        for connection in list(self.arriving):
            if connection.step is not Step.ANSWER:
                connection.transport.abort()
        self.asgi.give_up_abandoned()
        self.listener.resume()

    async def wait_closed(self) -> None:
        """uvicorn itself waits for what is still being answered."""

    def arrived(self) -> Arriving:
        return Arriving(self)

    # -- the platform's two calls ----------------------------------------------------------------

    def run(self, body: bytes, reply: Reply) -> None:
        activation = self.action.begin(reply)
        call = self.asgi.call()
        activation.call = call
        began = time.monotonic()

        def answered(response: Response) -> None:
            with activation.failures_answered():
                seconds = time.monotonic() - began
                activation.answer(self.action.timed(response, seconds))
            self.action.end(activation)

        with activation.failures_answered():
            self.action.read(body, activation)
            call.begin(activation.request, answered)
            return
        self.action.end(activation)

    def init(self, body: bytes, reply: Reply) -> None:
        """It may have to wait, which the loop mustn't."""

        def initialize() -> None:
            try:
                self.action.init(body, reply)
            except Refused as refusal:
                reply(refusal.response.status, refusal.response.body)

        threading.Thread(target=initialize, daemon=True).start()
