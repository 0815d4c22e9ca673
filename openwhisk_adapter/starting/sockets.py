"""Sockets that processes have open, and ports that nobody has: touches /proc."""

import contextlib
import os
import socket
from typing import Dict, Iterable, Iterator, Tuple


def sockets_of(pids: Iterable[int]) -> Dict[str, int]:
    """Those that these processes have open, without the ones that have no address."""
    owners: Dict[str, int] = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            for entry in os.scandir("/proc/%d/fd" % pid):
                link = os.readlink(entry.path)
                if link.startswith("socket:"):
                    owners.setdefault(link, pid)
    if owners:
        for link in unix_sockets():
            owners.pop(link, None)
    return owners


def unix_sockets() -> Iterator[str]:
    with contextlib.suppress(OSError), open("/proc/net/unix", errors="replace") as rows:
        for row in rows:
            columns = row.split()
            if len(columns) > 6:
                yield "socket:[%s]" % columns[6]


def free_ports() -> Tuple[int, int]:
    """Two that nobody uses now: whoever is told one has it some milliseconds later."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]
