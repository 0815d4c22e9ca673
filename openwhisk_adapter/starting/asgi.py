"""Where uvicorn would open its port, its app is taken: touches its class Server, os.environ.

Everything else stays as uvicorn does it: configuration, logging, event loop, lifespan, signals.
Only the list of sockets at which it is to listen is empty.
"""

import os
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional

from openwhisk_adapter.starting.capture import Around, Substitute

if TYPE_CHECKING:
    from openwhisk_adapter.servers.asgi import Asgi  # a script without uvicorn does without asyncio

Method = Callable[..., Any]
Sockets = Optional[List[socket.socket]]


class UvicornCapture:
    """The first server that starts for a port that is `wanted` is the model's.

    `taken` is told once it is ready, `ended` when it is over.
    """

    def __init__(
        self,
        wanted: Callable[[int], bool],
        taken: Callable[["Asgi"], None],
        ended: Callable[[], None],
    ) -> None:
        self.wanted = wanted
        self.taken = taken
        self.ended = ended
        self.server: Any = None

    def places(self) -> Dict[str, Substitute]:
        return {
            "uvicorn.server:Server.startup": Around(self.startup_of),
            "uvicorn.server:Server.shutdown": Around(self.shutdown_of),
        }

    def startup_of(self, original: Method) -> Method:
        async def startup(server: Any, sockets: Sockets = None) -> None:
            if sockets is not None or not self.can_take(server.config):
                tell_prefix(server.config)
                await original(server, sockets=sockets)
                return
            self.server = server
            await original(server, sockets=sockets_beside(server.config))
            if server.started:
                from openwhisk_adapter.servers.asgi import Asgi

                self.taken(Asgi(server))

        return startup

    def shutdown_of(self, original: Method) -> Method:
        async def shutdown(server: Any, sockets: Sockets = None) -> None:
            try:
                await original(server, sockets=sockets)
            finally:
                if server is self.server:
                    self.ended()

        return shutdown

    def can_take(self, config: Any) -> bool:
        """With TLS, at a socket, with more processes, or in Python 3.6 it serves as it is."""
        is_too_old = sys.version_info < (3, 7)
        if is_too_old or config.is_ssl or config.uds or config.fd is not None:
            return False
        return self.server is None and self.wanted(int(config.port))


def tell_prefix(config: Any) -> None:
    """As uvicorn's own command takes it from there; a program that starts uvicorn doesn't."""
    if not config.root_path:
        config.root_path = os.environ.get("UVICORN_ROOT_PATH", "")


def sockets_beside(config: Any) -> List[socket.socket]:
    """None, but for a server in a thread: its program goes on, and may ask it, as Gradio's does."""
    if threading.current_thread() is threading.main_thread():
        return []
    host = config.host or "0.0.0.0"
    own = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        own.bind((host, config.port))
    except OSError:
        own.close()
        return []
    return [own]
