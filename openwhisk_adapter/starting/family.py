"""The processes of a model: touches /proc, and ends them."""

import contextlib
import os
import signal
import time
from typing import Callable, Dict, List, Set

# A variable by which a model's processes are known when nothing else tells.
MARK = "OPENWHISK_CHILD"
Parents = Dict[int, int]  # of each process

PR_SET_CHILD_SUBREAPER = 36
LOOK = 0.01  # seconds between two looks whether they have ended


class Family:
    """All that descends from this process, is in the leader's session, or bears the mark.

    As process 1 of a container this process becomes the parent of daemons: descent tells all."""

    def __init__(self, mark: str) -> None:
        self._sessions: Set[int] = set()
        variable = "%s=%s" % (MARK, mark)
        self._mark = variable.encode()
        self._marked: Dict[int, bool] = {}

    def lead(self, leader: int) -> None:
        """It has a session of its own. Number 0 would be any that was made outside of here."""
        self._sessions.add(leader)

    def pids(self) -> List[int]:
        """Of those that live."""
        parents = parents_of_all()
        own = os.getpid()
        others = [pid for pid in parents if pid != own]
        return [pid for pid in others if self._is_ours(pid, parents)]

    def kill(self, number: int) -> None:
        for pid in self.pids():
            with contextlib.suppress(OSError):
                os.kill(pid, number)

    def end_at_once(self, seconds: float) -> None:
        """Until they are gone: a large one keeps its port as long as its memory is being freed."""
        self.kill(signal.SIGKILL)
        left_after(seconds, self.pids)

    def end(self, seconds: float) -> None:
        """But for those that ignore it, as helpers do which end when nobody needs them any more."""
        self.kill(signal.SIGTERM)
        for pid in left_after(seconds, self._pids_that_hear):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def _pids_that_hear(self) -> List[int]:
        hearing = []
        for pid in self.pids():
            if not ignores(pid, signal.SIGTERM):
                hearing.append(pid)
        return hearing

    def _is_ours(
        self,
        pid: int,
        parents: Parents,
    ) -> bool:
        if descends(pid, os.getpid(), parents):
            return True
        if os.getpid() == 1:  # the others were started in this container from outside
            return False
        with contextlib.suppress(OSError):
            if os.getsid(pid) in self._sessions:
                return True
            return self._is_marked(pid)
        return False

    def _is_marked(self, pid: int) -> bool:
        if pid not in self._marked:
            with open("/proc/%d/environ" % pid, "rb") as file:
                variables = file.read().split(b"\0")
            self._marked[pid] = self._mark in variables
        return self._marked[pid]


def left_after(
    seconds: float,
    pids: Callable[[], List[int]],
) -> List[int]:
    """Who is still there when the time is over; sooner, nobody."""
    until = time.monotonic() + seconds
    left = pids()
    while left and time.monotonic() < until:
        time.sleep(LOOK)
        left = pids()
    return left


def descends(
    pid: int,
    ancestor: int,
    parents: Parents,
) -> bool:
    while pid in parents and pid != ancestor:
        pid = parents[pid]
    return pid == ancestor


def ignores(pid: int, number: int) -> bool:
    path = "/proc/%d/status" % pid
    told = []
    with contextlib.suppress(OSError), open(path) as lines:
        told = [line for line in lines if line.startswith("SigIgn:")]
    masks = [int(line.split()[1], 16) for line in told]
    return any(mask >> (number - 1) & 1 for mask in masks)


def parents_of_all() -> Parents:
    """Without the dead who wait to be buried: of them nothing is left to speak to."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                state, parent = state_and_parent("/proc/" + name)
                if state != b"Z":
                    parents[int(name)] = int(parent)
    return parents


def is_at_work(pid: int) -> bool:
    """Whether one of its threads runs, or would if there were a processor for it."""
    threads = "/proc/%d/task/" % pid
    states = []
    with contextlib.suppress(OSError):
        for name in os.listdir(threads):
            with contextlib.suppress(OSError):
                states.append(state_and_parent(threads + name)[0])
    return b"R" in states


def state_and_parent(folder: str) -> List[bytes]:
    """Of a process or a thread. Raises OSError if it's gone."""
    with open(folder + "/stat", "rb") as file:
        _, _, fields = file.read().rpartition(b")")
    return fields.split()[:2]


def adopt_orphans() -> None:
    """As process 1 does: nginx as a daemon, which writes over its environment, is known by that."""
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes  # milliseconds, and only outside of a container

        library = ctypes.CDLL(None)
        library.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
