"""One request to an ASGI app, called as uvicorn itself would: touches the loop that it is on."""

import asyncio
import logging
from enum import Enum
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple, Union

from openwhisk_adapter.messages import Refused, Response
from openwhisk_adapter.sinks import Sink

Scope = Dict[str, Any]
Message = Dict[str, Any]
Pairs = List[Tuple[str, str]]
Answered = Callable[[Union[Response, Refused]], None]

HALF = "the model's server ended the connection without a whole answer"
LEFT = "nobody waits for this answer any more"
UNEXPECTED = "Unexpected ASGI message '%s' sent, after response already completed."
PATIENCE = 2.0  # seconds in which an app may see by itself that nobody waits any more


class Circumstances(NamedTuple):
    """What all exchanges of a server have in common."""

    loop: asyncio.AbstractEventLoop
    errors: logging.Logger
    started: Callable[[Any, int], None]
    "Told of each status, for the log of requests."
    default_headers: Callable[[], Pairs]


class Stage(Enum):
    """How far the app has come with an answer."""

    ASKED = "no message yet"
    STARTED = "status and headers are there"
    COMPLETE = "the body as well; what the app does now are its background tasks"
    LEFT = "nobody waits any more: what still comes is dropped, and the app is told if it asks"


class Exchange:
    """One request to the app, from its call to its return; `answered` is called once."""

    def __init__(
        self,
        common: Circumstances,
        scope: Scope,
        body: bytes,
        sink: Sink,
        answered: Answered,
    ) -> None:
        self.common = common
        self.scope = scope
        self.unread: Optional[bytes] = body
        self.answered: Optional[Answered] = answered
        self.stage = Stage.ASKED
        self.has_begun = False
        self.status = 0
        self.headers: Pairs = []
        self.sink = sink
        self.size = 0
        self.declared: Optional[int] = None
        self.over = asyncio.Event()
        self.task: Optional["asyncio.Task[None]"] = None

    async def run(self, app: Any) -> None:
        try:
            if self.stage is Stage.LEFT:  # before it had begun
                return
            self.has_begun = True
            returned = await app(self.scope, self.receive, self.send)
        except BaseException as error:
            if self.stage is not Stage.LEFT:
                self.common.errors.error("Exception in ASGI application\n", exc_info=error)
            await self.fail()
        else:
            await self.conclude(returned)
        finally:
            self.deliver()
            self.take(Refused(504, LEFT))

    async def conclude(self, returned: Any) -> None:
        """An app has to have answered when it returns, and returns nothing."""
        if returned is not None:
            self.common.errors.error(
                "ASGI callable should return None, but returned '%s'.", returned
            )
            self.break_off()
        elif self.stage is Stage.ASKED:
            self.common.errors.error("ASGI callable returned without starting response.")
            await self.fail()
        elif self.stage is Stage.STARTED:
            self.common.errors.error("ASGI callable returned without completing response.")
            self.break_off()

    async def fail(self) -> None:
        if self.stage is not Stage.ASKED:
            return self.break_off()
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        start = {"type": "http.response.start", "status": 500, "headers": headers}
        await self.send(start)
        await self.send({"type": "http.response.body", "body": b"Internal Server Error"})

    def break_off(self) -> None:
        """Where uvicorn closes the connection: the client doesn't get a whole answer."""
        if self.stage is Stage.STARTED:
            self.refuse(Refused(502, HALF))

    def refuse(self, refusal: Refused) -> None:
        self.take(refusal)
        self.leave()

    # -- what the app is handed ------------------------------------------------------------------

    async def receive(self) -> Message:
        body = self.unread
        self.unread = None
        if body is None:
            await self.over.wait()
        if self.over.is_set():
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        if self.stage is Stage.ASKED:
            self.start(of_type(message, "http.response.start"))
        elif self.stage is Stage.STARTED:
            self.go_on(of_type(message, "http.response.body"))
        elif self.stage is Stage.LEFT:
            await asyncio.sleep(0)  # an app that sends without end leaves the others their turn
        else:
            raise RuntimeError(UNEXPECTED % message["type"])

    def start(self, message: Message) -> None:
        self.stage = Stage.STARTED
        self.status = int(message["status"])
        for name, value in message.get("headers", []):
            pair = name.decode("latin-1"), value.decode("latin-1")
            self.headers.append(pair)
            if name.lower() == b"content-length":
                self.declared = int(value)
        self.sink.begin(self.status)
        self.common.started(self.scope, self.status)

    def go_on(self, message: Message) -> None:
        try:
            if not self.has_no_body():
                self.add(message.get("body", b""))
            if not message.get("more_body", False):
                self.complete()
        except Refused as refusal:
            self.refuse(refusal)

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.declared is not None and self.size > self.declared:
            raise RuntimeError("Response content longer than Content-Length")
        self.sink.add(piece)

    def has_no_body(self) -> bool:
        if self.scope["method"] == "HEAD":
            return True
        return self.status in (204, 304)

    def complete(self) -> None:
        if self.declared not in (None, self.size) and not self.has_no_body():
            raise RuntimeError("Response content shorter than Content-Length")
        self.stage = Stage.COMPLETE
        self.over.set()
        # Not at once: what an app prints before it waits again belongs to this activation's log, as
        # the traceback of an error that it has just answered.
        self.common.loop.call_soon(self.deliver)

    # -- whoever waits for the answer ------------------------------------------------------------

    def deliver(self) -> None:
        if self.stage is Stage.COMPLETE:
            headers = self.common.default_headers() + self.headers
            self.take(Response(self.status, headers, self.sink.body()))

    def take(
        self,
        answer: Union[Response, Refused],
    ) -> None:
        answered = self.answered
        self.answered = None
        if answered is not None:
            answered(answer)

    def leave(self) -> None:
        """Whoever asked has gone. The app is told, as behind uvicorn; later it is cancelled."""
        if self.stage in (Stage.ASKED, Stage.STARTED):
            self.stage = Stage.LEFT
            self.over.set()
            self.common.loop.call_later(PATIENCE, self.cancel)

    def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()


def of_type(message: Message, expected: str) -> Message:
    if message["type"] != expected:
        raise RuntimeError(f"Expected ASGI message '{expected}', but got '{message['type']}'.")
    return message
