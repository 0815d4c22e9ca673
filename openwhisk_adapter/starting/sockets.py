"""Sockets that processes have open, where they listen, and ports that nobody has: touches /proc."""

import contextlib
import os
import socket
import struct
from typing import Dict, Iterable, Iterator, List, NamedTuple, Set

from openwhisk_adapter.servers import Address

TABLES = {"tcp": socket.AF_INET, "tcp6": socket.AF_INET6}
LISTENING = "0A"  # in the kernel's tables
IPV4_WITHIN_IPV6 = "::ffff:"


class Listening(NamedTuple):
    address: Address
    "Where it can be asked from here."
    host: str
    "Where it can be asked from: one address, or all of them."
    program: str
    "The name of the process that listens."


def sockets_of(pids: Iterable[int]) -> Dict[str, int]:
    """Those that these processes have open, without the ones that have no address."""
    owners: Dict[str, int] = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            for entry in os.scandir("/proc/%d/fd" % pid):
                link = _link_at(entry.path)
                if link.startswith("socket:"):
                    owners.setdefault(link, pid)
    if owners:
        for link in unix_sockets():
            owners.pop(link, None)
    return owners


def _link_at(path: str) -> str:
    with contextlib.suppress(OSError):  # closed meanwhile: the others are still there
        return os.readlink(path)
    return ""


def unix_sockets() -> Iterator[str]:
    with contextlib.suppress(OSError), open("/proc/net/unix", errors="replace") as rows:
        for row in rows:
            columns = row.split()
            if len(columns) > 6:
                yield "socket:[%s]" % columns[6]


def listening(owners: Dict[str, int]) -> Iterator[Listening]:
    """Where they accept connections. Each table may take the kernel milliseconds."""
    left: Set[str] = set(owners)
    for table, family in TABLES.items():
        if not left:
            return
        with contextlib.suppress(OSError), open("/proc/net/" + table) as rows:
            for row in rows:
                columns = row.split()
                if columns[3] != LISTENING:
                    continue
                link = "socket:[%s]" % columns[9]
                if link in left:
                    left.discard(link)
                    program = program_of(owners[link])
                    yield listening_from_row(family, columns[1], program)


def listening_from_row(
    family: int,
    text: str,
    program: str,
) -> Listening:
    """Eight hexadecimal digits for each four bytes, in the order of this machine's processor."""
    digits, _, port = text.rpartition(":")
    packed = b""
    for start in range(0, len(digits), 8):
        four_bytes = int(digits[start : start + 8], 16)
        packed += struct.pack("=L", four_bytes)
    host = socket.inet_ntop(family, packed)
    if host.startswith(IPV4_WITHIN_IPV6):
        host = host[len(IPV4_WITHIN_IPV6) :]
    here = host if digits.strip("0") else "127.0.0.1"  # all addresses: this one too
    address = Address(here, int(port, 16))
    return Listening(address, host, program)


def program_of(pid: int) -> str:
    try:
        with open("/proc/%d/comm" % pid, errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def free_ports(count: int) -> List[int]:
    """That nobody uses now; a server that is told one of them has it some milliseconds later."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
