"""A server that listens at a port: touches that port, with one new connection a request."""

import contextlib
from enum import Enum
from socket import SHUT_RDWR, socket
from typing import Callable, Iterator, Optional

from openwhisk_adapter import wire
from openwhisk_adapter.messages import Request, Response
from openwhisk_adapter.servers import (
    Address,
    Call,
    Exporter,
    Greeting,
    OtherProtocol,
    Server,
    Unanswered,
    Unreachable,
)
from openwhisk_adapter.servers.connecting import PREFACE, SPEAKS_GRPC, connection_begun, greets
from openwhisk_adapter.sinks import Kept, Sink

LATE_GREETING = 500  # milliseconds


class Known(Enum):
    """What is known of who listens at a port."""

    NOTHING = "our own question is to tell"
    ALONE = "no other port is open, so it was asked nothing: it may be another protocol's"
    HTTP = "it has answered in HTTP"


def nowhere(_: Address) -> bool:
    return False


class Http(Server):
    """`mounts`: gunicorn takes an app's prefix from a header SCRIPT_NAME, and from the path too.
    `is_exporter` asks whether every path has the same metrics there."""

    def __init__(
        self,
        address: Address,
        mounts: bool = False,
        known: Known = Known.HTTP,
        is_exporter: Callable[[Address], bool] = nowhere,
    ) -> None:
        self.address = address
        self.mounts = mounts
        self.known = known
        self.is_exporter = is_exporter

    def call(self) -> "HttpCall":
        return HttpCall(self)

    def pass_on(self, connection: socket) -> None:
        from openwhisk_adapter.servers.relay import (
            relayed,  # most containers never have a plain client
        )

        relayed(connection, self.address, self.known is not Known.HTTP)


class HttpCall(Call):
    """One new connection, and no second try of what may have been done."""

    def __init__(
        self,
        server: Http,
        timeout: Optional[float] = None,
    ) -> None:
        self.server = server
        self.address = server.address
        self.timeout = timeout
        self.connection: Optional[socket] = None
        with contextlib.suppress(OSError):  # too many open files: answer() tries again, and says so
            self.connection = connection_begun(self.address)

    def answer(self, request: Request, sink: Optional[Sink] = None) -> Response:
        with self._failures_told():
            if self.connection is None:
                self.connection = connection_begun(self.address)
            return self._asked(self.connection, request, sink or Kept())

    def abandon(self) -> None:
        """The thread that waits for the answer is told by an error."""
        connection = self.connection
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(SHUT_RDWR)

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()

    @contextlib.contextmanager
    def _failures_told(self) -> Iterator[None]:
        try:
            yield
        except ConnectionRefusedError as error:
            where = "%s:%d" % self.address
            raise Unreachable("%s: %s" % (where, error))
        except OSError as error:
            raise Unanswered(error.strerror or str(error))
        except ValueError as error:
            raise Unanswered(str(error))

    def _asked(self, connection: socket, request: Request, sink: Sink) -> Response:
        connection.settimeout(self.timeout)
        data = bytes_from_request(request, self.server.mounts)
        # An answer may come before the question has been read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
        with wire.reader(connection) as stream:
            known = self.server.known
            if known is not Known.HTTP and stream.peek(1)[:1] == PREFACE:
                raise OtherProtocol(SPEAKS_GRPC % self.address.port)
            try:
                response = wire.response_from_stream(stream, request.method, sink)
            except wire.NoHttp:
                if known is Known.ALONE and greets_late(self.address):
                    raise Greeting("port %d greets, as no HTTP server does" % self.address.port)
                raise
        # A page of metrics that was asked for, and one that has been handed on, tell nothing.
        if isinstance(sink, Kept) and "metrics" not in request.path:
            self._check_model(response)
        return response

    def _check_model(self, response: Response) -> None:
        is_asked = self.server.known is Known.ALONE and is_like_metrics(response)
        if is_asked and self.server.is_exporter(self.address):
            raise Exporter("port %d tells metrics" % self.address.port)
        self.server.known = Known.HTTP


def greets_late(address: Address) -> bool:
    """On a busy machine a greeting comes later than it was waited for. Who is gone greets nobody:
    it may have done what it was asked."""
    try:
        return greets(address, LATE_GREETING)
    except OSError:
        return False


def is_like_metrics(response: Response) -> bool:
    """By the type that Prometheus has for its pages."""
    content_type = response.header("content-type")
    return "version=0.0.4" in content_type or "openmetrics" in content_type


def bytes_from_request(request: Request, mounts: bool) -> bytes:
    target = request.prefix + request.target if mounts else request.target
    lines = ["%s %s HTTP/1.1" % (request.method, target)]
    for name, value in request.headers:
        lines.append("%s: %s" % (name, value))
    if mounts:
        lines.append("SCRIPT_NAME: " + request.prefix)
    lines.append("connection: close")
    head = "\r\n".join(lines) + "\r\n\r\n"
    return head.encode("latin-1") + request.body
