"""How a model is started and found: rooms that know no model, and are handed whom to tell."""

from typing import Optional

from openwhisk_adapter.servers import Server, Unreachable

GRACE = 5  # seconds in which a server that is told to end may do so by itself


class Started:
    """What a start command has become, in this process or in one of its own."""

    shortest_pause = 0.002
    "Seconds between two looks for its port."

    def look(self) -> Optional[Server]:
        """The server, once a port of it turns out to be the right one."""
        raise NotImplementedError

    def mistaken(self, server: Server, failure: Unreachable) -> None:
        """It was not: the next look should see that."""

    def where(self, server: Server) -> str:
        """For the log: the port that was taken, and what else listens."""
        return ""

    def what_is_missing(self) -> str:
        """Why no look has found the server so far."""
        return ""

    def settle_log(self) -> None:
        """What it has printed so far is in the log."""

    def has_ended_within(self, seconds: float) -> bool:
        return False

    def stop(self) -> None:
        """It has a few seconds to end by itself."""
