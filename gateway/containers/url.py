"""Actions that are already listening somewhere: nothing is started, nothing is stopped.

Touches nothing; the pool's own requests are all that reaches the address."""

from urllib.parse import urlsplit

from gateway.containers import Container, Runner
from gateway.entities import Action


class SharedContainer(Container):
    shared = True


class UrlRunner(Runner):
    # What listens there is one container, however many actions are mapped to it: one /run at a time.
    limit = 1

    def __init__(self, url: str):
        self.host, self.port = address_from_url(url)

    async def start(self, action: Action) -> Container:
        return SharedContainer(self.host, self.port)


def is_url(where: str) -> bool:
    return "://" in where


def address_from_url(url: str):
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        host = port = None
    if parts.scheme != "http" or not host or parts.path not in ("", "/"):
        raise ValueError(f"{url!r} is not the address of an action: expected http://HOST:PORT and nothing behind it.")
    return host, port
