"""Counts what has run, for the page's graphs and for Prometheus. Touches nothing: it's told the
time."""

from collections import deque
from typing import Deque, Dict, List, NamedTuple, Optional

from gateway.entities import Activation

HOUR = 3600000
MINUTE = 60000
MOST_REMEMBERED = 10000
#: In seconds: from what a trivial action takes to what the platform allows.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class Ran(NamedTuple):
    """One activation of the last hour: milliseconds, and whether it ended as it should."""

    path: str
    start: int
    duration: int
    failed: bool


class Minute(NamedTuple):
    """What ran in one minute: durations in milliseconds, the middle one between the others."""

    start: int
    ran: int
    failed: int
    shortest: int
    middle: int
    longest: int


class Places(NamedTuple):
    """How many containers and waiting requests all versions of one action have together."""

    path: str
    busy: int = 0
    idle: int = 0
    starting: int = 0
    waiting: int = 0


class Histogram:
    """How many values were at most each of BOUNDS, and their sum, in seconds."""

    def __init__(self) -> None:
        self.buckets = [0] * len(BOUNDS)
        self.count = 0
        self.total = 0.0

    def add(self, seconds: float) -> None:
        self.count += 1
        self.total += seconds
        for number, bound in enumerate(BOUNDS):
            if seconds <= bound:
                self.buckets[number] += 1


class Series:
    """All that is counted of one action."""

    def __init__(self) -> None:
        self.by_status: Dict[str, int] = {}
        self.durations = Histogram()
        self.waits = Histogram()
        self.starts = Histogram()

    def add(self, activation: Activation) -> None:
        status = activation.status
        self.by_status[status] = self.by_status.get(status, 0) + 1
        self.durations.add(activation.duration / 1000)
        self.waits.add(activation.wait_time / 1000)
        if activation.init_time is not None:
            self.starts.add(activation.init_time / 1000)


class Tally:
    """`series` is by the action's path, since the gateway's start; the hour may begin before
    that."""

    def __init__(self) -> None:
        self.series: Dict[str, Series] = {}
        self._recent: Deque[Ran] = deque(maxlen=MOST_REMEMBERED)

    def add(self, activation: Activation, failed: bool) -> None:
        path = activation.action.path
        self.series.setdefault(path, Series()).add(activation)
        self.remember(Ran(path, activation.start, activation.duration, failed))

    def remember(self, ran: Ran) -> None:
        self._recent.append(ran)

    def hour(self, now: int) -> Dict[str, List[Minute]]:
        """By the action's path; minutes in which nothing ran are left out."""
        found: Dict[str, Dict[int, List[Ran]]] = {}
        for ran in self._recent:
            if ran.start > now - HOUR:
                minutes = found.setdefault(ran.path, {})
                minutes.setdefault(ran.start // MINUTE, []).append(ran)
        return {path: minutes_from_ran(minutes) for path, minutes in found.items()}


def minutes_from_ran(minutes: Dict[int, List[Ran]]) -> List[Minute]:
    found = []
    for number in sorted(minutes):
        durations = sorted(ran.duration for ran in minutes[number])
        failed = sum(ran.failed for ran in minutes[number])
        middle = durations[len(durations) // 2]
        first, last = durations[0], durations[-1]
        found.append(Minute(number * MINUTE, len(durations), failed, first, middle, last))
    return found


def ran_from_summary(summary: Dict[str, object]) -> Optional[Ran]:
    """None for what isn't an action's, such as a trigger that was fired."""
    notes = summary.get("annotations")
    start, duration = summary.get("start"), summary.get("duration")
    if not isinstance(notes, list) or not isinstance(start, int) or not isinstance(duration, int):
        return None
    paths = [note["value"] for note in notes if note["key"] == "path"]
    if not paths:
        return None
    return Ran(paths[0], start, duration, summary.get("statusCode") != 0)
