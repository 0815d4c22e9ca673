"""How a loaded model answers: what every kind of server here can do. Touches nothing."""

import socket
from typing import Any, NamedTuple, Optional

from openwhisk_adapter.messages import Request, Response
from openwhisk_adapter.sinks import Sink


class Address(NamedTuple):
    """Of a server that listens."""

    host: str
    port: int


class Unreachable(Exception):
    """Nothing was executed: the server isn't where it was."""


class OtherProtocol(Unreachable):
    """Nor was anything understood: what listens there speaks gRPC."""


class Greeting(OtherProtocol):
    """Or something in which the server speaks first."""


class Exporter(Unreachable):
    """Nor was a model asked: what listens there tells metrics, whatever the question."""


class Unanswered(Exception):
    """The server has taken the request and given no whole answer: it may have died of it."""


class Call:
    """One request to a server, which may be given up before it is answered."""

    def answer(self, request: Request, sink: Optional[Sink] = None) -> Response:
        """Without a sink of the caller's the body is kept, and comes with the response."""
        raise NotImplementedError

    def abandon(self) -> None:
        """Whoever asked has been answered: what can be ended is ended."""

    def close(self) -> None:
        """Also when nothing was asked."""


class Server:
    """A model's own server, ready to answer."""

    at_once = 1000
    "Quick answers that are worth a thread each: where threads compute, they hinder each other."

    def call(self) -> Call:
        """Made before the request is put together: the server can get ready meanwhile."""
        raise NotImplementedError

    def answer(self, request: Request) -> Response:
        call = self.call()
        try:
            return call.answer(request)
        finally:
            call.close()

    def pass_on(self, connection: socket.socket) -> None:
        """Not the platform's: a client's connection, as the model's own server takes it."""
        raise NotImplementedError

    def is_busy(self) -> bool:
        """With what clients have asked at connections that are its own."""
        return False

    def listen(self, listener: Any) -> None:
        """Once the model is ready; a server with a loop takes the connections there."""
