"""The processes of a model: touches /proc, and ends them."""

import contextlib
import os
from typing import Dict, List

MARK = "OPENWHISK_CHILD"  # a variable by which descendants are known, in whatever session


class Family:
    """A model's processes: as process 1 of a container all that descends from us, elsewhere those
    of its session, and those that bear its mark in their environment."""

    def __init__(self, mark: str) -> None:
        self.leader = 0
        self._mark = ("%s=%s" % (MARK, mark)).encode()
        self._marked: Dict[int, bool] = {}

    def pids(self) -> List[int]:
        found = []
        for name in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                if name.isdigit() and self._is_ours(int(name)):
                    found.append(int(name))
        return found

    def kill(self, number: int) -> None:
        for pid in self.pids():
            with contextlib.suppress(OSError):
                os.kill(pid, number)

    def _is_ours(self, pid: int) -> bool:
        if pid == os.getpid():
            return False
        if os.getpid() == 1:
            return self._descends_from_us(pid)
        return os.getsid(pid) == self.leader or self._is_marked(pid)

    def _descends_from_us(self, pid: int) -> bool:
        """Unlike what somebody runs in the container from outside."""
        while pid > 1:
            pid = parent_of(pid)
        return pid == 1

    def _is_marked(self, pid: int) -> bool:
        if pid not in self._marked:
            with open("/proc/%d/environ" % pid, "rb") as file:
                self._marked[pid] = self._mark in file.read().split(b"\0")
        return self._marked[pid]


def parent_of(pid: int) -> int:
    """0 for a zombie as well: of it nothing is left to speak to."""
    with open("/proc/%d/stat" % pid, "rb") as file:
        state, parent = file.read().rpartition(b")")[2].split()[:2]
    return 0 if state == b"Z" else int(parent)
