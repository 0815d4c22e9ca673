"""The container's port on the loop of an ASGI server: touches that loop, and sockets on it.

The first bytes of a connection tell whether it is the platform's. Its calls are read here, bounded
in size and time; every other connection is uvicorn's own from its first byte on.
"""

import asyncio
import contextlib
from enum import Enum
from os import dup
from socket import SHUT_WR, socket
from typing import Any, Callable, Optional, Set

from openwhisk_adapter import contract
from openwhisk_adapter.messages import Refused

Reply = Callable[[int, bytes], None]
CALLS = (contract.RUN, contract.INIT)


class Step(Enum):
    START = "it isn't known yet whose it is"
    HEAD = "the head of a call of the platform"
    BODY = "its body"
    ANSWER = "all is read"


class Port:
    """Where connections arrive: what they may ask there."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.arriving: Set["Arriving"] = set()

    def protocol(self) -> Any:
        """For a connection that isn't the platform's."""
        raise NotImplementedError

    def is_here(self) -> bool:
        """Whether this is the thread of the loop."""
        raise NotImplementedError

    def do(
        self,
        step: Callable[[], Any],
    ) -> None:
        """On the loop, whoever asks for it."""
        raise NotImplementedError

    def run(self, body: bytes, reply: Reply) -> None:
        raise NotImplementedError

    def init(self, body: bytes, reply: Reply) -> None:
        raise NotImplementedError

    def hang_up(self) -> None:
        """Who hasn't asked anything yet isn't waited for."""
        for connection in list(self.arriving):
            if connection.step is not Step.ANSWER:
                connection.transport.abort()


class Arriving(asyncio.Protocol):
    """One connection: until it is known to be uvicorn's, or a call of the platform is answered."""

    def __init__(self, port: Port) -> None:
        self.port = port
        self.loop = port.loop
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
        if self.step is Step.ANSWER:
            return
        self.data += data
        try:
            if self.step is Step.START:
                self.recognise()
            if self.step is Step.HEAD:
                self.read_head()
            if self.step is Step.BODY:  # a head has its time as a whole
                heard = self.heard + len(data) / contract.SLOWEST
                self.heard = min(heard, self.loop.time())
                self.begin_if_whole()
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
        protocol = self.port.protocol()
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        protocol.data_received(bytes(self.data))

    def read_head(self) -> None:
        end = self.data.find(contract.END_OF_HEAD)
        if end < 0 and len(self.data) <= contract.LONGEST_HEAD:
            return
        head = bytes(self.data[: max(end, 0)])
        self.size = contract.size_from_head(head)
        if contract.waits_for_continue(head):
            self.transport.write(contract.CONTINUE)
        del self.data[: end + len(contract.END_OF_HEAD)]
        self.step = Step.BODY
        self.heard = self.loop.time()

    def begin_if_whole(self) -> None:
        if len(self.data) < self.size:
            return
        self.lose_no_patience()
        self.step = Step.ANSWER
        body = bytes(self.data[: self.size])
        self.data.clear()
        if self.call == contract.RUN:
            self.port.run(body, self.reply)
        else:
            self.port.init(body, self.reply)

    def reply(
        self,
        status: int,
        body: bytes,
    ) -> None:
        """By whoever answers first, in whatever thread."""
        self.step = Step.ANSWER
        if self.transport.is_closing():  # whoever asked has gone
            return
        data = contract.bytes_from_reply(status, body)
        if self.port.is_here():
            self.write(data)
        else:
            self.write_beside_loop(data)

    def write_beside_loop(self, data: bytes) -> None:
        """The model may keep the loop busy beyond the deadline, of which this is to tell."""
        own = self.transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            descriptor = dup(own.fileno())
            with socket(fileno=descriptor) as connection:
                connection.settimeout(contract.SILENCE)
                connection.sendall(data)
                connection.shutdown(SHUT_WR)
        self.port.do(self.transport.close)

    def write(self, data: bytes) -> None:
        self.transport.write(data)
        with contextlib.suppress(OSError):  # whoever asked may have gone
            self.transport.write_eof()  # a process that the model has forked holds it as well
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self.be_patient()
