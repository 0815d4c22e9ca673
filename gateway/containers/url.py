"""Actions that are already listening somewhere: nothing is started, nothing is stopped.

Touches nothing; the pool's own requests are all that reaches the address."""

from typing import Tuple
from urllib.parse import urlsplit

from gateway.containers.container import Container, Runner
from gateway.entities import Action

NO_ADDRESS = (
    "{!r} is not the address of an action: expected http://HOST:PORT and nothing behind it."
)


class SharedContainer(Container):
    shared = True


class UrlRunner(Runner):
    # What listens there is one container, however many actions are mapped to it: one /run at a
    # time.
    limit = 1

    def __init__(self, url: str):
        self.host, self.port = address_from_url(url)

    async def start(self, action: Action) -> Container:
        return SharedContainer(self.host, self.port)


def is_url(where: str) -> bool:
    return "://" in where


def address_from_url(url: str) -> Tuple[str, int]:
    """Raises ValueError."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        raise ValueError(NO_ADDRESS.format(url)) from None
    if parts.scheme != "http" or not host or parts.path not in ("", "/"):
        raise ValueError(NO_ADDRESS.format(url))
    return host, port
