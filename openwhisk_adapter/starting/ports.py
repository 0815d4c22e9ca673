"""Which of the ports that a model has opened is the one to ask: touches /proc and those ports."""

import contextlib
import enum
import re
import select
import socket
import struct
import time
from typing import (
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Set,
)

from openwhisk_adapter.messages import Refused, Request, Response
from openwhisk_adapter.servers import OtherProtocol, Server, Unanswered, Unreachable
from openwhisk_adapter.servers.http import Address, Http, HttpCall
from openwhisk_adapter.starting import Started
from openwhisk_adapter.starting.sockets import sockets_of
from openwhisk_adapter.starting.wanted import EARLY, Wanted

ASKING = 1  # seconds that an answer to our own question may take
SPEAKING_FIRST = 5  # milliseconds in which a server of another protocol greets
GRACE = 3  # seconds that a port which is known to be wanted gets, when another one is open already
UNASKED = "alone, so not asked"
LISTENING = "0A"  # in the kernel's tables
NOWHERE = "/openwhisk-asks-what-is-here"
METRICS = re.compile(rb"(?m)^# (HELP|TYPE) ")
NOT_YET = (502, 503, 504)


class Spoken(enum.Enum):
    """What a port turned out to be."""

    HTTP = "speaks HTTP"
    GRPC = "gRPC"
    METRICS = "metrics"
    GREETING = "another protocol, its server speaks first"
    SILENT = "gives no answer to HTTP"
    STARTING = "answers that it isn't ready"


FINAL = (Spoken.HTTP, Spoken.GRPC, Spoken.METRICS, Spoken.GREETING)


class Listening(NamedTuple):
    address: Address
    program: str
    "The name of the process that listens."


class Found(NamedTuple):
    spoken: Spoken
    detail: str = ""
    mounts: bool = False
    since: float = 0.0


class Ports(Started):
    """One look after the other, until one of them finds the server."""

    def __init__(
        self,
        wanted: Wanted,
        own_port: int,
        pids: Callable[[], Iterable[int]],
        known: Iterable[str] = (),
    ) -> None:
        self.wanted = wanted
        self._own_port = own_port
        self._pids = pids
        self._known_sockets = set(known)
        self._found: Dict[int, Found] = {}
        self._listening: List[Listening] = []

    def look(self) -> Optional[Http]:
        self._listening = self._listening_now()
        for place in self._listening:
            self._judge(place)
        for place in self._listening:
            found = self._found[place.address.port]
            if found.spoken is Spoken.HTTP and not self._is_another_expected(
                place.address.port, found
            ):
                return Http(place.address, found.mounts)
        return None

    def mistaken(self, server: Server, failure: Unreachable) -> None:
        """Either it speaks gRPC, seen when it was asked for the first time, or it isn't there any more."""
        if isinstance(server, Http) and isinstance(failure, OtherProtocol):
            self._found[server.address.port] = Found(Spoken.GRPC)
        else:
            self._found.clear()

    def where(self, server: Server) -> str:
        """For the log: `model at port 8000; also listening: 8001 (gRPC), 8002; OPENWHISK_TARGET chooses`."""
        if not isinstance(server, Http):
            return ""
        taken = server.address.port
        others = [self._named(place) for place in self._listening if place.address.port != taken]
        if not others:
            return "model at port %d" % taken
        also = ", ".join(others)
        return "model at port %d; also listening: %s; OPENWHISK_TARGET chooses" % (taken, also)

    def what_is_missing(self) -> str:
        """Each port and why it isn't the one; nothing if none is open."""
        words = []
        is_only_early = True
        for place in self._listening:
            found = self._found.get(place.address.port, Found(Spoken.SILENT))
            detail = " (%s)" % found.detail if found.detail else ""
            words.append("port %d: %s%s" % (place.address.port, found.spoken.value, detail))
            is_only_early = is_only_early and found.spoken in (Spoken.STARTING, Spoken.SILENT)
        if words:
            words.append("raise -t, or" if is_only_early else "")
            words[-1] = (words[-1] + " OPENWHISK_TARGET chooses a port").strip()
        return "; ".join(words)

    def _named(self, place: Listening) -> str:
        found = self._found.get(place.address.port)
        if found is None or found.spoken is Spoken.HTTP:
            return str(place.address.port)
        return "%d (%s)" % (place.address.port, found.spoken.value)

    def _listening_now(self) -> List[Listening]:
        if self.wanted.target:
            return [Listening(Address("127.0.0.1", self.wanted.target), "")]
        owners = sockets_of(self._pids())
        for socket_name in self._known_sockets:
            owners.pop(socket_name, None)
        places: Dict[int, Listening] = {}
        for place in listening(owners):
            if place.address.port != self._own_port:
                places.setdefault(place.address.port, place)
        return sorted(places.values(), key=self._rank)

    def _rank(self, place: Listening) -> List[int]:
        port = place.address.port
        if port == self.wanted.given:
            return [0, 0]
        if port in self.wanted.expected:
            return [1, list(self.wanted.expected).index(port)]
        return [2, port]

    def _is_another_expected(self, port: int, found: Found) -> bool:
        if self.wanted.target or port == self.wanted.given or not self.wanted.expected:
            return False
        open_ports = {place.address.port for place in self._listening}
        for expected in self.wanted.expected:
            if expected == port:
                return False
            is_missing = expected not in open_ports or self._found[expected].spoken not in FINAL
            if is_missing and expected != self._own_port:
                return time.monotonic() - found.since < GRACE
        return False

    def _judge(self, place: Listening) -> None:
        port = place.address.port
        before = self._found.get(port)
        if before is not None and before.spoken in FINAL and not self._has_company(before):
            return
        found = self._asked(place)
        since = (
            before.since
            if before is not None and before.spoken is found.spoken
            else time.monotonic()
        )
        self._found[port] = found._replace(since=since)

    def _has_company(self, found: Found) -> bool:
        """It was alone and believed without a question, and is alone no more."""
        return found.detail == UNASKED and len(self._listening) > 1

    def _asked(self, place: Listening) -> Found:
        wanted = self.wanted
        try:
            if greets(place.address):
                return Found(Spoken.GREETING)
            if wanted.ready or wanted.health:
                return self._asked_whether_ready(place.address, wanted.ready or wanted.health)
            is_early = wanted.is_early or any(name in place.program for name in EARLY)
            if len(self._listening) == 1 and not is_early:
                return Found(Spoken.HTTP, UNASKED)
            return self._asked_for_options(place.address, is_early)
        except OtherProtocol:
            return Found(Spoken.GRPC)
        except Unreachable as error:
            return Found(Spoken.SILENT, str(error))
        except OSError as error:
            return Found(Spoken.SILENT, error.strerror or str(error))
        except (Unanswered, Refused) as error:
            return Found(Spoken.SILENT, str(error)[:100])

    def _asked_whether_ready(self, address: Address, path: str) -> Found:
        answer = ask(address, "GET", path)
        if answer.status // 100 != 2:
            return Found(Spoken.STARTING, "%d at %s" % (answer.status, path))
        if METRICS.search(answer.body) and is_exporter(address):
            return Found(Spoken.METRICS)
        return Found(Spoken.HTTP, mounts=is_gunicorn(answer))

    def _asked_for_options(self, address: Address, is_early: bool) -> Found:
        try:
            answer = ask(address, "OPTIONS", "*")
        except Unanswered:  # Triton drops such a request
            answer = ask(address, "OPTIONS", "/")
        if is_early and not is_gunicorn(answer):
            answer = ask(address, "OPTIONS", "/")
        if answer.status in NOT_YET:
            return Found(Spoken.STARTING, str(answer.status))
        if len(self._listening) > 1 and is_exporter(address):
            return Found(Spoken.METRICS)
        return Found(Spoken.HTTP, mounts=is_gunicorn(answer))


def ask(address: Address, method: str, path: str) -> Response:
    call = HttpCall(address, timeout=ASKING)
    try:
        return call.answer(Request(method, path, headers=[("host", "localhost")]))
    finally:
        call.close()


def greets(address: Address) -> bool:
    """In HTTP the client speaks first."""
    with socket.create_connection(address, timeout=ASKING) as probe:
        ready = select.poll()
        ready.register(probe, select.POLLIN)
        if not ready.poll(SPEAKING_FIRST):
            return False
        return probe.recv(1, socket.MSG_PEEK) not in (
            b"",
            b"\0",
        )  # \0 is gRPC's, and told by the question


def is_exporter(address: Address) -> bool:
    """Every path has the same metrics there."""
    with contextlib.suppress(Unanswered, Unreachable, Refused):
        answer = ask(address, "GET", NOWHERE)
        return answer.status == 200 and bool(METRICS.search(answer.body))
    return False


def is_gunicorn(answer: Response) -> bool:
    return answer.header("server").startswith("gunicorn")


def listening(owners: Dict[str, int]) -> Iterator[Listening]:
    """Where they accept connections. On a large machine the kernel takes milliseconds for each of its tables."""
    left: Set[str] = set(owners)
    for family, table in ((socket.AF_INET, "tcp"), (socket.AF_INET6, "tcp6")):
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
                    yield Listening(address_from_row(family, columns[1]), program_of(owners[link]))


def address_from_row(family: int, text: str) -> Address:
    """Eight hexadecimal digits for each four bytes, in the order of this machine's processor."""
    digits, _, port = text.rpartition(":")
    if not digits.strip("0"):
        return Address("127.0.0.1", int(port, 16))  # all addresses: this one too
    packed = b""
    for start in range(0, len(digits), 8):
        packed += struct.pack("=L", int(digits[start : start + 8], 16))
    return Address(socket.inet_ntop(family, packed), int(port, 16))


def program_of(pid: int) -> str:
    try:
        with open("/proc/%d/comm" % pid, errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""
