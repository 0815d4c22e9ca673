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
import time
from typing import Any, Callable, Mapping, Optional, Tuple, Union
from urllib.parse import unquote

from openwhisk_adapter.messages import LARGEST, Refused, Request, Response
from openwhisk_adapter.servers import Call, Server, Unanswered, Unreachable
from openwhisk_adapter.servers.arriving import Arriving, Port, Reply
from openwhisk_adapter.servers.exchange import (
    Answered,
    Circumstances,
    Exchange,
    Pairs,
    Scope,
)
from openwhisk_adapter.sinks import TOO_LARGE, Kept, Sink

PlatformCall = Callable[[bytes, Reply], None]
Versions = Mapping[str, Tuple[int, ...]]
Event = Union[int, bytes, Response, Refused]

GONE = "the model's server has been shut down"
LOOK = 0.5  # seconds between two looks whether its loop still runs
CLIENT = ("127.0.0.1", 0)
# Since these versions a path has the prefix in it. It is the framework that takes a path apart, so
# its version counts where it is known: an older Starlette finds no route for a newer uvicorn.
WHOLE_PATHS = {"starlette": (0, 35), "uvicorn": (0, 26)}


class Asgi(Server):
    """A uvicorn.Server that has started up: its app is asked on its loop."""

    def __init__(self, uvicorn: Any) -> None:
        self.uvicorn = uvicorn
        self.config = uvicorn.config
        self.app = self.config.loaded_app
        self.config.loaded_app = without_headers_of_platform(self.app)
        self.loop = asyncio.get_running_loop()
        self.log = logging.getLogger("uvicorn.error")
        self.access_log = logging.getLogger("uvicorn.access")
        self.own_port: Optional[AsgiPort] = None
        self.state = getattr(uvicorn.lifespan, "state", None)
        self.paths_are_whole = paths_are_whole(versions_of(sys.modules))
        self.common = Circumstances(
            self.loop,
            self.log,
            self.log_access,
            self.default_headers,
        )

    @property
    def port(self) -> int:
        """At which it would have listened."""
        return int(self.config.port)

    # -- asked from another thread ---------------------------------------------------------------

    def call(self) -> "AsgiCall":
        return AsgiCall(self)

    def status_at(self, path: str) -> int:
        """Of an answer to our own question; 0 if there is none within a second."""
        path, _, query = path.partition("?")
        question = Request("GET", path, query, headers=[("host", "localhost")])
        call = AsgiCall(self, timeout=1)
        try:
            return call.answer(question).status
        except (Refused, Unanswered, Unreachable):
            call.abandon()
            return 0

    def pass_on(self, connection: socket.socket) -> None:
        """Its own copy of the connection: the caller's is closed as soon as this returns."""
        own = connection.dup()
        own.setblocking(False)
        accepting = self.loop.connect_accepted_socket(self.protocol, own)
        try:
            self.do(lambda: self.loop.create_task(accepting))
        except RuntimeError:  # the loop is closed
            accepting.close()
            own.close()
            raise Unreachable(GONE)

    def do(self, step: Callable[[], Any]) -> None:
        """On the loop, whoever asks for it."""
        if self.is_here():
            step()
        else:
            self.loop.call_soon_threadsafe(step)

    def is_here(self) -> bool:
        return asyncio._get_running_loop() is self.loop  # a thread's number may come again

    # -- on the loop -----------------------------------------------------------------------------

    def ask(
        self,
        request: Request,
        sink: Sink,
        answered: Answered,
    ) -> Exchange:
        exchange = Exchange(
            self.common,
            self.scope_from_request(request),
            request.body,
            sink,
            answered,
        )
        tasks = self.uvicorn.server_state.tasks  # those that uvicorn waits for before it ends
        running = exchange.run(self.app_for(len(tasks)))
        if getattr(self.config, "reset_contextvars", False):
            task = contextvars.Context().run(self.loop.create_task, running)
        else:
            task = self.loop.create_task(running)
        exchange.task = task
        tasks.add(task)
        task.add_done_callback(tasks.discard)
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
            value = value.strip(" \t")
            pair = name.lower().encode("latin-1"), value.encode("latin-1")
            headers.append(pair)
        scope: Scope = {
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
        }
        if self.state is not None:
            scope["state"] = self.state.copy()
        return scope

    def default_headers(self) -> Pairs:
        """Those that its configuration adds to every answer."""
        pairs = []
        for name, value in self.uvicorn.server_state.default_headers:
            pairs.append((name.decode("latin-1"), value.decode("latin-1")))
        return pairs

    def log_access(self, scope: Any, status: int) -> None:
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
        protocol = self.config.http_protocol_class
        parts = {"config": self.config, "server_state": self.uvicorn.server_state}
        if "app_state" in inspect.signature(protocol).parameters:
            parts["app_state"] = self.state
        return protocol(**parts)

    def is_busy(self) -> bool:
        return bool(self.uvicorn.server_state.tasks)

    def listen(self, listener: Any) -> None:
        """The container's connections are taken on the loop from now on."""
        port = AsgiPort(self, listener)
        self.own_port = port
        self.do(lambda: self.loop.create_task(port.open()))

    def lose_port(self) -> None:
        """Its loop has ended, and perhaps nobody has shut it down there."""
        if self.own_port is not None:
            self.own_port.lose()


class Pieces(Sink):
    """What comes on the loop, for the thread that waits for it."""

    def __init__(self, events: "queue.Queue[Event]") -> None:
        self.events = events
        self.size = 0

    def begin(self, status: int) -> None:
        self.events.put(status)

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size > LARGEST:
            raise Refused(502, TOO_LARGE)
        self.events.put(bytes(piece))

    def body(self) -> bytes:
        return b""


class AsgiCall(Call):
    def __init__(
        self,
        server: Asgi,
        timeout: Optional[float] = None,
    ) -> None:
        self.server = server
        self.timeout = timeout
        self.exchange: Optional[Exchange] = None
        self.is_given_up = False

    def answer(
        self,
        request: Request,
        sink: Optional[Sink] = None,
    ) -> Response:
        if sink is None:
            sink = Kept()
        events: "queue.Queue[Event]" = queue.Queue()
        pieces = Pieces(events)
        try:
            self.server.do(lambda: self.begin(request, pieces, events.put))
        except RuntimeError:  # the loop is closed
            raise Unreachable(GONE)
        while True:
            event = self.next_of(events)
            if isinstance(event, Refused):
                raise event
            if isinstance(event, Response):
                return event._replace(body=sink.body())
            if isinstance(event, int):
                sink.begin(event)
            else:
                sink.add(event)

    def next_of(self, events: "queue.Queue[Event]") -> Event:
        while True:
            with contextlib.suppress(queue.Empty):
                return events.get(timeout=self.timeout or LOOK)
            if self.timeout is not None:
                raise Unanswered("it took more than %s s" % self.timeout)
            if not self.server.loop.is_running():
                return self.last_of(events)

    def last_of(self, events: "queue.Queue[Event]") -> Event:
        """Of a loop that has ended, perhaps before it had begun."""
        with contextlib.suppress(queue.Empty):
            return events.get_nowait()
        if self.exchange is not None and self.exchange.has_begun:
            raise Unanswered(GONE)
        self.is_given_up = True
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self.leave()
        raise Unreachable(GONE)

    def begin(
        self,
        request: Request,
        sink: Sink,
        answered: Answered,
    ) -> None:
        if self.is_given_up:
            return
        try:
            self.exchange = self.server.ask(request, sink, answered)
        except Exception as error:  # nobody else would tell the thread that waits
            answered(Refused(502, "the request can't be handed to the app: %s" % error))

    def abandon(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self.server.do(self.leave)

    def leave(self) -> None:
        if self.exchange is not None:
            self.exchange.leave()


class AsgiPort(Port):
    """In the place of the one that uvicorn would have, which closes it when it ends."""

    def __init__(self, asgi: Asgi, listener: Any) -> None:
        super().__init__(asgi.loop)
        self.asgi = asgi
        self.listener = listener
        self.action = listener.action
        self.server: Any = None
        self.socket: Optional[socket.socket] = None

    async def open(self) -> None:
        """At a copy of the socket, so that it can be the listener's again."""
        self.socket = self.listener.socket.dup()
        self.server = await self.loop.create_server(
            self.arrived if self.listener.platform else self.protocol,
            sock=self.socket,
            backlog=self.asgi.config.backlog,
        )
        self.listener.pause()
        self.asgi.uvicorn.servers.append(self)

    def close(self) -> None:
        self.socket = None
        self.server.close()
        self.hang_up()
        self.listener.resume()

    def lose(self) -> None:
        """Not by the loop, which has ended: its own way to close a port needs it."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None
            self.arriving.clear()
            self.listener.resume()

    async def wait_closed(self) -> None:
        """uvicorn itself waits for what is still being answered."""

    def arrived(self) -> Arriving:
        return Arriving(self)

    # -- what connections ask --------------------------------------------------------------------

    def protocol(self) -> Any:
        return self.asgi.protocol()

    def is_here(self) -> bool:
        return self.asgi.is_here()

    def do(self, step: Callable[[], Any]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self.asgi.do(step)

    def run(self, body: bytes, reply: Reply) -> None:
        if self.action.settings.stream:
            self.in_thread(self.action.run, body, reply)
            return
        activation = self.action.begin(reply)
        call = self.asgi.call()
        activation.call = call
        began = time.monotonic()

        def answered(answer: Union[Response, Refused]) -> None:
            with activation.failures_answered():
                if isinstance(answer, Refused):
                    raise answer
                seconds = time.monotonic() - began
                activation.answer(self.action.timed(answer, seconds))
            self.action.end(activation)

        with activation.failures_answered():
            self.action.read(body, activation)
            call.begin(activation.request, Kept(), answered)
            return
        self.action.end(activation)

    def init(self, body: bytes, reply: Reply) -> None:
        self.in_thread(self.action.init, body, reply)

    def in_thread(
        self,
        call: PlatformCall,
        body: bytes,
        reply: Reply,
    ) -> None:
        """For what may have to wait, which the loop mustn't."""

        def work() -> None:
            try:
                call(body, reply)
            except Refused as refusal:
                reply(refusal.response.status, refusal.response.body)

        threading.Thread(target=work, daemon=True).start()


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


def versions_of(modules: Mapping[str, Any]) -> Versions:
    versions = {}
    for name in WHOLE_PATHS:
        version = str(getattr(modules.get(name), "__version__", ""))
        numbers = version.split(".")[:2]
        if all(number.isdigit() for number in numbers):
            versions[name] = tuple(int(number) for number in numbers)
    return versions


def paths_are_whole(versions: Versions) -> bool:
    """Of the first that is there; of none we know: by today's rule."""
    for name, since in WHOLE_PATHS.items():
        if name in versions:
            return versions[name] >= since
    return True
