"""How a model is started and found: rooms that know no model, and are handed whom to tell."""

from typing import TYPE_CHECKING, Optional

from openwhisk_adapter.servers import Server, Unreachable

if TYPE_CHECKING:
    from openwhisk_adapter.starting.ports import Ports  # an app that is taken does without

GRACE = 5  # seconds in which a server that is told to end may do so by itself

TARGET_IS_OURS = (
    "OPENWHISK_TARGET is %d, where openwhisk.py itself listens:"
    " the port of the model's own server was expected"
)


class Started:
    """What a start command has become, in this process or in one of its own."""

    shortest_pause = 0.002
    "Seconds between two looks for its port."

    ports: Optional["Ports"] = None
    "As soon as it may have one."

    def look(self) -> Optional[Server]:
        """The server, once a port of it turns out to be the right one."""
        return self.ports.look() if self.ports is not None else None

    def mistaken(self, server: Server, failure: Unreachable) -> None:
        """It was not: the next look should see that."""
        if self.ports is not None:
            self.ports.mistaken(server, failure)

    def where(self, server: Server) -> str:
        """For the log: the port that was taken, and what else listens."""
        return self.ports.where(server) if self.ports is not None else ""

    def what_is_missing(self) -> str:
        """Why no look has found the server so far; nothing if it has opened no port."""
        return self.ports.what_is_missing() if self.ports is not None else ""

    def is_time_missing(self) -> bool:
        return self.ports is None or self.ports.is_time_missing()

    def settle_log(self) -> None:
        """What it has printed so far is in the log."""

    def has_ended_within(self, seconds: float) -> bool:
        return False

    def stop(self) -> None:
        """It has a few seconds to end by itself."""
