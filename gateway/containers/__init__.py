"""What every kind of container offers to the pool that uses it; each runner in this folder starts one kind.

Touches nothing itself."""

import asyncio
from typing import Optional

from gateway.containers.logs import Log
from gateway.entities import DEVELOPER_ERROR, Action

NO_RESOURCES = "Failed to provision resources to run the action."


class StartError(Exception):
    """A container could not be started. `status` says whose fault that is."""

    def __init__(self, message: str, status: str = DEVELOPER_ERROR):
        super().__init__(message)
        self.status = status


class Container:
    """Something that answers /init and /run at `host`:`port`; made by a runner, used until `stop`."""

    #: True where somebody else may have sent /init already.
    shared = False

    def __init__(self, host: str, port: int, log: Optional[Log] = None):
        self.host = host
        self.port = port
        self.log = log
        self.exited = asyncio.get_running_loop().create_future()

    def gone(self) -> None:
        if not self.exited.done():
            self.exited.set_result(None)

    async def stop(self) -> None:
        self.gone()

    async def ran_out_of_memory(self) -> bool:
        return False


class Runner:
    """Starts containers of one image. `limit` is how many of them can be there at once; None: any number."""

    limit: Optional[int] = None

    async def start(self, action: Action) -> Container:
        raise NotImplementedError

    async def learn(self, container: Container) -> None:
        """Called when the first /init of a container has succeeded: `limit` may be known better then."""

    async def close(self) -> None:
        """Called when no container of this runner is left."""
