"""What every kind of container offers to the pool that uses it; each runner in this folder starts
one kind. Touches nothing itself."""

import asyncio
from typing import Dict, Optional

from gateway.containers.logs import Log
from gateway.entities import DEVELOPER_ERROR, Action

NO_RESOURCES = "Failed to provision resources to run the action."


class StartError(Exception):
    """A container could not be started. `status` says whose fault that is."""

    def __init__(self, message: str, status: str = DEVELOPER_ERROR):
        super().__init__(message)
        self.status = status


class Exit:
    """That something has ended; it can be waited for."""

    def __init__(self) -> None:
        self.future: "asyncio.Future[None]" = asyncio.get_running_loop().create_future()

    def happened(self) -> None:
        if not self.future.done():
            self.future.set_result(None)


class Container:
    """Something that answers /init and /run at `host`:`port`; made by a runner, used until
    `stop`."""

    #: True where somebody else may have sent /init already.
    shared = False

    def __init__(
        self,
        host: str,
        port: int,
        log: Optional[Log] = None,
        end: Optional[Exit] = None,
    ):
        self.host = host
        self.port = port
        self.log = log
        self._end = end or Exit()

    @property
    def exited(self) -> "asyncio.Future[None]":
        return self._end.future

    def gone(self) -> None:
        self._end.happened()

    async def stop(self) -> None:
        self.gone()

    async def ran_out_of_memory(self) -> bool:
        return False


class Runner:
    """Starts containers of one image. `limit` is how many of them can be there at once; None: any
    number."""

    limit: Optional[int] = None

    async def start(self, action: Action) -> Container:
        """Raises StartError."""
        raise NotImplementedError

    async def learn(self, container: Container) -> None:
        """Called when the first /init of a container has succeeded: `limit` may be known better
        then."""

    def start_no_more(self) -> None:
        """Called when nobody waits for a container any more: a start that takes long ends in a
        StartError."""

    async def close(self) -> None:
        """Called when no container of this runner is left."""


def platform_environ(action: Action, api_host: str) -> Dict[str, str]:
    """What the platform sets in every container at its start, before any /init."""
    environ = {"__OW_API_HOST": api_host}
    if action.limits.concurrency > 1:
        environ["__OW_ALLOW_CONCURRENT"] = "true"
    return environ
