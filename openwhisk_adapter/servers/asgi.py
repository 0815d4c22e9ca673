"""An ASGI app in this process, asked on the loop of its own uvicorn: touches that loop alone.

uvicorn has loaded the app and its lifespan and runs its loop; only a port it doesn't have, as
starting/asgi.py sees to. The platform's requests are called right there, in the way in which
uvicorn calls the app: the same scope, the same order of messages, the same answers to mistakes, the
same lines in the log. Any other connection is given to uvicorn's own protocol.
"""

import asyncio
import contextlib
import contextvars
import inspect
import logging
import queue
import socket
import sys
import threading
from enum import Enum
from typing import Any, Callable, Dict, List, Mapping, Optional, Set, Tuple
from urllib.parse import unquote

from openwhisk_adapter.messages import LARGEST, Refused, Request, Response
from openwhisk_adapter.servers import Call, Server, Unanswered, Unreachable

Scope = Dict[str, Any]
Message = Dict[str, Any]
Answered = Callable[[Response], None]

HALF = "the model's server ended the connection without a whole answer"
GONE = "the model's server has been shut down"
LEFT = "nobody waits for this answer any more"
UNEXPECTED = "Unexpected ASGI message '%s' sent, after response already completed."
PATIENCE = 2.0  # seconds in which an app may see by itself that nobody waits any more
CLIENT = ("127.0.0.1", 0)
# Since these versions a path has the prefix in it. It is the framework that takes a path apart, so
# its version counts where it is known: an older Starlette finds no route for a newer uvicorn.
WHOLE_PATHS = {"starlette": (0, 35), "uvicorn": (0, 26)}


class Stage(Enum):
    """How far the app has come with an answer."""

    ASKED = "no message yet"
    STARTED = "status and headers are there"
    COMPLETE = "the body as well; what the app does now are its background tasks"
    LEFT = "nobody waits any more: what still comes is dropped, and the app is told if it asks"


class Exchange:
    """One request to the app, from its call to its return; `answered` is called once."""

    def __init__(self, server: "Asgi", scope: Scope, body: bytes, answered: Answered) -> None:
        self.server = server
        self.scope = scope
        self.unread: Optional[bytes] = body
        self.answered: Optional[Answered] = answered
        self.stage = Stage.ASKED
        self.status = 0
        self.headers: List[Tuple[str, str]] = []
        self.body = bytearray()
        self.declared: Optional[int] = None
        self.over = asyncio.Event()
        self.task: Optional["asyncio.Task[None]"] = None

    async def run(self, app: Any) -> None:
        try:
            returned = await app(self.scope, self.receive, self.send)
        except BaseException as error:
            if self.stage is not Stage.LEFT:
                self.server.log.error("Exception in ASGI application\n", exc_info=error)
            await self.fail()
        else:
            await self.conclude(returned)
        finally:
            self.deliver()
            self.take(Refused(504, LEFT).response)

    async def conclude(self, returned: Any) -> None:
        """An app has to have answered when it returns, and returns nothing."""
        if returned is not None:
            self.server.log.error("ASGI callable should return None, but returned '%s'.", returned)
            self.break_off()
        elif self.stage is Stage.ASKED:
            self.server.log.error("ASGI callable returned without starting response.")
            await self.fail()
        elif self.stage is Stage.STARTED:
            self.server.log.error("ASGI callable returned without completing response.")
            self.break_off()

    async def fail(self) -> None:
        if self.stage is not Stage.ASKED:
            return self.break_off()
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": b"Internal Server Error"})

    def break_off(self) -> None:
        """Where uvicorn closes the connection: the client doesn't get a whole answer."""
        if self.stage is Stage.STARTED:
            self.refuse(HALF)

    def refuse(self, reason: str) -> None:
        self.take(Refused(502, reason).response)
        self.leave()

    # -- what the app is handed ------------------------------------------------------------------

    async def receive(self) -> Message:
        body, self.unread = self.unread, None
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
            self.headers.append((name.decode("latin-1"), value.decode("latin-1")))
            if name.lower() == b"content-length":
                self.declared = int(value)
        self.server.log_access(self.scope, self.status)

    def go_on(self, message: Message) -> None:
        self.body += message.get("body", b"")
        if self.has_no_body():
            self.body.clear()
        elif len(self.body) > LARGEST:
            return self.refuse(f"the model's answer takes more than {LARGEST} bytes")
        elif self.declared is not None and len(self.body) > self.declared:
            raise RuntimeError("Response content longer than Content-Length")
        if not message.get("more_body", False):
            self.complete()

    def has_no_body(self) -> bool:
        return self.scope["method"] == "HEAD" or self.status in (204, 304)

    def complete(self) -> None:
        if self.declared not in (None, len(self.body)) and not self.has_no_body():
            raise RuntimeError("Response content shorter than Content-Length")
        self.stage = Stage.COMPLETE
        self.over.set()
        # Not at once: what an app prints before it waits again belongs to this activation's log, as
        # the traceback of an error that it has just answered.
        self.server.loop.call_soon(self.deliver)

    # -- whoever waits for the answer ------------------------------------------------------------

    def deliver(self) -> None:
        if self.stage is Stage.COMPLETE:
            headers = self.server.default_headers() + self.headers
            self.take(Response(self.status, headers, bytes(self.body)))

    def take(self, response: Response) -> None:
        answered, self.answered = self.answered, None
        if answered is not None:
            answered(response)

    def leave(self) -> None:
        """Whoever asked has gone. The app is told, as behind uvicorn; later it is cancelled."""
        if self.stage in (Stage.ASKED, Stage.STARTED):
            self.stage = Stage.LEFT
            self.over.set()
            self.server.loop.call_later(PATIENCE, self.cancel)

    def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()


def of_type(message: Message, expected: str) -> Message:
    if message["type"] != expected:
        raise RuntimeError(f"Expected ASGI message '{expected}', but got '{message['type']}'.")
    return message


class Asgi(Server):
    """A uvicorn.Server that has started up: its app is asked on its loop."""

    def __init__(self, uvicorn: Any) -> None:
        self.uvicorn = uvicorn
        self.config = uvicorn.config
        self.app = self.config.loaded_app
        self.config.loaded_app = without_headers_of_platform(self.app)
        self.loop = asyncio.get_event_loop()
        self.thread = threading.get_ident()
        self.log = logging.getLogger("uvicorn.error")
        self.access_log = logging.getLogger("uvicorn.access")
        self.state = getattr(uvicorn.lifespan, "state", None)
        self.paths_are_whole = paths_are_whole(versions_of(sys.modules))
        self.running: Set[Exchange] = set()

    @property
    def port(self) -> int:
        """At which it would have listened."""
        return int(self.config.port)

    # -- asked from another thread ---------------------------------------------------------------

    def call(self) -> "AsgiCall":
        return AsgiCall(self)

    def status_at(self, path: str) -> int:
        """Of an answer to our own question; 0 if there is none within a second."""
        call = AsgiCall(self, timeout=1)
        try:
            return call.answer(Request("GET", path, headers=[("host", "localhost")])).status
        except (Unanswered, Unreachable):
            call.abandon()
            return 0

    def pass_on(self, connection: socket.socket) -> None:
        """Its own copy of the connection: the caller's is closed as soon as this returns."""
        own = connection.dup()
        own.setblocking(False)
        accepting = self.loop.connect_accepted_socket(self.protocol, own)
        self.do(lambda: self.loop.create_task(accepting))

    def do(self, step: Callable[[], Any]) -> None:
        """On the loop, whoever asks for it."""
        if threading.get_ident() == self.thread:
            step()
        else:
            self.loop.call_soon_threadsafe(step)

    # -- on the loop -----------------------------------------------------------------------------

    def ask(self, request: Request, answered: Answered) -> Exchange:
        exchange = Exchange(self, self.scope_from_request(request), request.body, answered)
        tasks = self.uvicorn.server_state.tasks  # those that uvicorn waits for before it ends
        running = exchange.run(self.app_for(len(tasks)))
        if getattr(self.config, "reset_contextvars", False):
            task = contextvars.Context().run(self.loop.create_task, running)
        else:
            task = self.loop.create_task(running)
        exchange.task = task
        tasks.add(task)
        self.running.add(exchange)
        task.add_done_callback(tasks.discard)
        task.add_done_callback(lambda _: self.running.discard(exchange))
        return exchange

    def app_for(self, others: int) -> Any:
        limit = self.config.limit_concurrency
        if limit is None or others + 1 < limit:
            return self.app
        from uvicorn.protocols.http.flow_control import service_unavailable

        self.log.warning("Exceeded concurrency limit.")
        return service_unavailable

    def scope_from_request(self, request: Request) -> Scope:
        root = self.config.root_path or request.prefix
        above = root if self.paths_are_whole else ""
        headers = []
        for name, value in request.headers:
            headers.append((name.lower().encode("latin-1"), value.strip(" \t").encode("latin-1")))
        scope = {
            "type": "http",
            "asgi": {"version": self.config.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": (CLIENT[0], self.port),
            "client": CLIENT,
            "scheme": "http",
            "method": request.method,
            "root_path": root,
            "path": above + unquote(request.path),
            "raw_path": (above + request.path).encode("latin-1"),
            "query_string": request.query.encode("latin-1"),
            "headers": headers,
        }  # type: Scope
        if self.state is not None:
            scope["state"] = self.state.copy()
        return scope

    def default_headers(self) -> List[Tuple[str, str]]:
        """Those that its configuration adds to every answer."""
        pairs = self.uvicorn.server_state.default_headers
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs]

    def log_access(self, scope: Scope, status: int) -> None:
        if not self.access_log.hasHandlers():
            return
        from uvicorn.protocols.utils import get_client_addr, get_path_with_query_string

        self.access_log.info(
            '%s - "%s %s HTTP/%s" %d',
            get_client_addr(scope),
            scope["method"],
            get_path_with_query_string(scope),
            scope["http_version"],
            status,
        )

    def protocol(self) -> Any:
        """uvicorn's own for a new connection; what it takes differs from version to version."""
        made_of = {
            "config": self.config,
            "server_state": self.uvicorn.server_state,
            "app_state": self.state,
        }
        protocol = self.config.http_protocol_class
        known = inspect.signature(protocol).parameters
        return protocol(**{name: value for name, value in made_of.items() if name in known})

    def listen(self, listener: Any) -> None:
        from openwhisk_adapter.servers.arriving import Port

        port = Port(self, listener)
        self.do(lambda: self.loop.create_task(port.open()))

    def stop(self) -> None:
        """As on SIGTERM: uvicorn answers what it has begun, and ends its app's lifespan."""
        self.uvicorn.should_exit = True

    def give_up_abandoned(self) -> None:
        """uvicorn waits for what is running, but nobody waits for these."""
        for exchange in self.running:
            if exchange.stage is Stage.LEFT:
                exchange.cancel()


class AsgiCall(Call):
    def __init__(self, server: Asgi, timeout: Optional[float] = None) -> None:
        self.server = server
        self.timeout = timeout
        self.exchange: Optional[Exchange] = None

    def answer(self, request: Request) -> Response:
        answers: "queue.Queue[Response]" = queue.Queue()
        try:
            self.server.do(lambda: self.begin(request, answers.put))
        except RuntimeError:  # the loop is closed
            raise Unreachable(GONE)
        try:
            return answers.get(timeout=self.timeout)
        except queue.Empty:
            raise Unanswered("it took more than %s s" % self.timeout)

    def begin(self, request: Request, answered: Answered) -> None:
        self.exchange = self.server.ask(request, answered)

    def abandon(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self.server.do(self.leave)

    def leave(self) -> None:
        if self.exchange is not None:
            self.exchange.leave()


def without_headers_of_platform(app: Any) -> Any:
    """For clients that aren't the platform: only that may tell of an activation."""

    async def guarded(scope: Scope, receive: Any, send: Any) -> None:
        if "headers" in scope:
            kept = []
            for name, value in scope["headers"]:
                if not name.lower().replace(b"_", b"-").startswith(b"x-openwhisk-"):
                    kept.append((name, value))
            scope["headers"] = kept
        await app(scope, receive, send)

    return guarded


def versions_of(modules: Mapping[str, Any]) -> Dict[str, Tuple[int, ...]]:
    versions = {}
    for name in WHOLE_PATHS:
        numbers = str(getattr(modules.get(name), "__version__", "")).split(".")[:2]
        if all(number.isdigit() for number in numbers):
            versions[name] = tuple(int(number) for number in numbers)
    return versions


def paths_are_whole(versions: Mapping[str, Tuple[int, ...]]) -> bool:
    """Of the first that is there; of none we know: by today's rule."""
    for name, since in WHOLE_PATHS.items():
        if name in versions:
            return versions[name] >= since
    return True
