"""A WSGI app in this process: touches the app, and the connections passed on to it."""

import contextlib
import io
import os
import re
import socket
import sys
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple
from urllib.parse import unquote_to_bytes, urlsplit

from openwhisk_adapter import wire
from openwhisk_adapter.ending import end_copy
from openwhisk_adapter.messages import Refused, Request, Response
from openwhisk_adapter.servers import Call, Server
from openwhisk_adapter.sinks import Kept, Sink

App = Callable[..., Iterable[bytes]]
DEFAULT_PORTS = {"http": 80, "https": 443}
TOO_LARGE = 413
FAILED = "the model failed on this request: the activation's log says why"
CONNECTION_HEADERS = (
    "connection",
    "keep-alive",
    "transfer-encoding",
    "upgrade",
    "proxy-connection",
)
ABSOLUTE = re.compile(r"(?i)https?://[^/?#]*")
LINE_END = re.compile(r"[\r\n]+")


class Wsgi(Server):
    at_once = 1

    def __init__(
        self,
        app: App,
        log_exception: Callable[[], object],
    ) -> None:
        self.app = app
        self.log_exception = log_exception

    def call(self) -> "WsgiCall":
        return WsgiCall(self)

    def pass_on(self, connection: socket.socket) -> None:
        head, stream = wire.head_of_client(connection)
        if not head.first:
            return
        request = request_from_head(head, stream, connection)
        answer = PlainAnswer(self, connection, request.method)
        try:
            answer.send(request)
        except ClientGone:
            pass
        except BaseException:
            self.log_exception()
            if not answer.started.is_begun:
                raise Refused(500, FAILED)
        wire.hang_up(connection)


class WsgiCall(Call):
    def __init__(self, server: Wsgi) -> None:
        self.server = server

    def answer(self, request: Request, sink: Optional[Sink] = None) -> Response:
        pid = os.getpid()
        try:
            return response_of_app(self.server, request, sink or Kept())
        except Refused:
            raise
        except BaseException as error:  # some models call sys.exit where they mean to raise
            if isinstance(error, SystemExit):
                end_copy(pid, error.code)
            self.server.log_exception()
            raise Refused(500, FAILED)


class Started:
    """What an app has told start_response; it is handed `write`, the oldest way to answer."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self.status = ""
        self.headers: List[Tuple[str, str]] = []
        self.is_begun = False
        self._write = write

    def code(self) -> int:
        return int(self.status[:3])

    def start_response(
        self,
        status: str,
        headers: List[Tuple[str, Any]],
        exc_info: Any = None,
    ) -> Callable[[bytes], None]:
        if exc_info and self.is_begun:
            raise exc_info[1].with_traceback(exc_info[2])
        if self.status and not exc_info:
            raise AssertionError("start_response was called twice")
        self.status = status
        self.headers = []
        for name, value in headers:
            self.headers.append((str(name), str(value)))
        return self._write


def response_of_app(server: Wsgi, request: Request, sink: Sink) -> Response:
    def add(piece: bytes) -> None:
        if not started.is_begun:
            sink.begin(started.code())
            started.is_begun = True
        if request.method != "HEAD":
            sink.add(piece)

    started = Started(add)
    chunks = server.app(environ_from_request(request), started.start_response)
    with closed(chunks, server.log_exception):
        for chunk in chunks:
            add(chunk)
    return Response(started.code(), started.headers, sink.body())


@contextlib.contextmanager
def closed(
    chunks: Any,
    log_exception: Callable[[], object],
) -> Iterator[None]:
    """What an app has answered it has answered, though it can't close what it had opened."""
    try:
        yield
    finally:
        try:
            if hasattr(chunks, "close"):
                chunks.close()
        except BaseException:
            log_exception()


def environ_from_request(request: Request) -> Dict[str, Any]:
    address = urlsplit("//" + request.host)
    headers = dict(request.headers)
    clients = headers.get("x-forwarded-for", "127.0.0.1")
    client, _, _ = clients.partition(",")
    environ: Dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": unquote_to_bytes(request.prefix).decode("latin-1"),
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query,
        "REQUEST_URI": request.target,
        "RAW_URI": request.target,
        "SERVER_NAME": address.hostname or "localhost",
        "SERVER_PORT": str(address.port or DEFAULT_PORTS[request.scheme]),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "OpenWhisk",
        "REMOTE_ADDR": client.strip(),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers:
        variable = name.upper().replace("-", "_")
        if name not in ("content-type", "content-length"):
            variable = "HTTP_" + variable
        environ[variable] = value
    for name, value in request.context.items():
        environ["openwhisk." + name] = value
    return environ


def request_from_head(
    head: wire.Head,
    stream: Any,
    connection: socket.socket,
) -> Request:
    """A plain client's request, its body read whole, without the headers that the platform sets."""
    method, target, _ = head.first.decode("latin-1").split(" ")
    if head.header("expect").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = body_of_request(stream, head)
    headers = headers_for_model(head)
    if wire.is_chunked(head):
        headers["content-length"] = str(len(body))
    path, _, query = path_from_target(target).partition("?")
    return Request(
        method=method,
        path=path,
        query=query,
        headers=list(headers.items()),
        body=body,
    )


def path_from_target(target: str) -> str:
    """Of `http://host/path` too, which every server has to understand."""
    found = ABSOLUTE.match(target)
    if found is None:
        return target
    path = target[found.end() :]
    return path if path.startswith("/") else "/" + path


def headers_for_model(head: wire.Head) -> Dict[str, str]:
    """Each name once, without those of this connection."""
    kept: Dict[str, str] = {}
    for name, value in wire.headers_from_outside(head):
        name = name.lower()
        if name in CONNECTION_HEADERS:
            continue
        if name in kept and name != "content-length":
            value = kept[name] + "," + value
        kept[name] = value
    return kept


def body_of_request(stream: Any, head: wire.Head) -> bytes:
    length = wire.length_of_request(head)
    if length is not None:
        return wire.read_exactly(stream, length, TOO_LARGE)
    try:
        return wire.whole(wire.chunks_from_stream(stream, TOO_LARGE), TOO_LARGE)
    except ValueError as error:
        raise Refused(400, "the request's body can't be read: %s" % error)


class ClientGone(Exception):
    """Whoever asked has hung up: nobody is there to be told of it."""


class PlainAnswer:
    """An app's answer, sent as it comes, to a client that isn't the platform."""

    def __init__(self, server: Wsgi, connection: socket.socket, method: str) -> None:
        self.server = server
        self.connection = connection
        self.method = method
        self.started = Started(self.send_chunk)
        self.pid = os.getpid()

    def send(self, request: Request) -> None:
        environ = environ_from_request(request)
        environ["SERVER_NAME"], environ["SERVER_PORT"] = own_address(self.connection)
        client = self.connection.getpeername()
        environ["REMOTE_ADDR"] = str(client[0])
        chunks = self.server.app(environ, self.started.start_response)
        with closed(chunks, self.server.log_exception):
            for chunk in chunks:
                self.send_chunk(chunk)
            self.send_chunk(b"")

    def send_chunk(self, chunk: bytes) -> None:
        """The head goes out with the first one: by then start_response has been called."""
        end_copy(self.pid)
        data = chunk if self.has_body() else b""
        if not self.started.is_begun:
            data = self.head() + data
            self.started.is_begun = True
        try:
            self.connection.sendall(data)
        except OSError:
            raise ClientGone()

    def has_body(self) -> bool:
        if self.method == "HEAD":
            return False
        return self.started.status[:3] not in ("204", "304")

    def head(self) -> bytes:
        from email.utils import formatdate  # only plain clients pay for it

        lines = ["HTTP/1.1 " + self.started.status, "Connection: close"]
        names = {name.lower() for name, _ in self.started.headers}
        if "date" not in names:
            lines.append("Date: " + formatdate(usegmt=True))
        for name, value in self.started.headers:
            if name.lower() not in CONNECTION_HEADERS:
                lines.append("%s: %s" % (name, value))
        text = "\r\n".join(LINE_END.sub(" ", line) for line in lines)
        return text.encode("latin-1", "replace") + b"\r\n\r\n"


def own_address(connection: socket.socket) -> Tuple[str, str]:
    host, port = connection.getsockname()[:2]
    return str(host), str(port)
