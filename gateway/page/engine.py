"""Whether a Docker engine answers, as cheaply as that can be known. Touches the engine's socket,
without a request: the client for it costs a gateway without Docker too much."""

import asyncio
import os
from contextlib import suppress
from urllib.parse import urlsplit

DEFAULT = "unix:///var/run/docker.sock"
UNIX = ("unix", "http+unix")
NETWORK = ("tcp", "http", "https")
ASKED_EVERY = 5.0
SECONDS = 0.5


class Engine:
    """Where DOCKER_HOST says, or in the usual place."""

    def __init__(self) -> None:
        self._until = 0.0
        # As long as that isn't known nothing is said to be lost.
        self._answers = True

    async def answers(self) -> bool:
        moment = asyncio.get_running_loop().time()
        if moment >= self._until:
            self._until = moment + ASKED_EVERY
            self._answers = await answers(os.environ.get("DOCKER_HOST") or DEFAULT)
        return self._answers


async def answers(address: str) -> bool:
    """True also where it can't be known so: of an engine behind SSH."""
    with suppress(OSError, ValueError, asyncio.TimeoutError):
        where = urlsplit(address)
        if where.scheme in UNIX:
            opening = asyncio.open_unix_connection(where.netloc + where.path)
        elif where.scheme in NETWORK and where.port is not None:
            opening = asyncio.open_connection(where.hostname, where.port)
        else:
            return True
        _, writer = await asyncio.wait_for(opening, SECONDS)
        writer.close()
        return True
    return False
