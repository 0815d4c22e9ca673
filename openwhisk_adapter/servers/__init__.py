"""How a loaded model answers: what every kind of server here can do. Touches nothing; each kind is a room of its own."""

import socket
from typing import Any

from openwhisk_adapter.messages import Request, Response


class Unreachable(Exception):
    """Nothing was executed: the server isn't where it was."""


class OtherProtocol(Unreachable):
    """Nor was anything understood: what listens there speaks gRPC."""


class Exporter(Unreachable):
    """Nor was it a model that was asked: what listens there tells metrics, whatever the question."""


class Unanswered(Exception):
    """The server has taken the request and given no whole answer: it may have died of it."""


class Call:
    """One request to a server, which may be given up before it is answered."""

    def answer(self, request: Request) -> Response:
        raise NotImplementedError

    def abandon(self) -> None:
        """Whoever asked has been answered: what can be ended is ended."""

    def close(self) -> None:
        """Also when nothing was asked."""


class Server:
    """A model's own server, ready to answer."""

    at_once = 1000
    "How many quick answers at a time are worth a thread each: where threads compute they only get in each other's way."

    def call(self) -> Call:
        """Made before the request is put together, so that the server can get ready for it meanwhile."""
        raise NotImplementedError

    def answer(self, request: Request) -> Response:
        call = self.call()
        try:
            return call.answer(request)
        finally:
            call.close()

    def pass_on(self, connection: socket.socket) -> None:
        """A client's connection that isn't the platform's, as the model's own server would take it."""
        raise NotImplementedError

    def listen(self, listener: Any) -> None:
        """Called once the model is ready; a server with a loop of its own takes the connections there."""
