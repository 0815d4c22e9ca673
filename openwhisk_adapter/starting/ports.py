"""A model's ports, looked at until one is the right one: touches /proc and those ports."""

import os
import time
from typing import Callable, Dict, Iterable, Optional, Set

from openwhisk_adapter.servers import (
    Address,
    Exporter,
    Greeting,
    OtherProtocol,
    Server,
    Unreachable,
)
from openwhisk_adapter.servers.http import Http, Known
from openwhisk_adapter.starting.choice import (
    NEVER_THE_MODEL,
    Found,
    Spoken,
    chosen_port,
    is_time_missing,
    line_from_choice,
    missing_from_ports,
)
from openwhisk_adapter.starting.family import is_at_work
from openwhisk_adapter.starting.probes import REFUSED, found_at, is_exporter
from openwhisk_adapter.starting.sockets import Listening, listening, sockets_of
from openwhisk_adapter.starting.wanted import Wanted

SHORTEST_PAUSE = 0.05  # seconds between two questions
SETTLING = 0.02  # seconds in which a server that opens one port opens its others
ELSEWHERE = 1.0  # seconds after which a port that is set is looked for at other addresses, too
LONGEST_SETTLING = 0.5  # if it is at work all the time


class Ports:
    """One look after the other, until one of them finds the server."""

    def __init__(
        self,
        wanted: Wanted,
        own_port: int,
        pids: Callable[[], Iterable[int]],
        known: Iterable[str] = (),
    ) -> None:
        self._wanted = wanted
        self._own_port = own_port
        self._pids = pids
        self._known_sockets = set(known)
        self._found: Dict[int, Found] = {}
        self._only_ipv6: Set[int] = set()
        self._target_place: Optional[Listening] = None

    def look(self) -> Optional[Http]:
        server = self._looked()
        if server is not None and self._may_be_one_of_several(server.address.port):
            self._let_it_settle()
            server = self._looked()
        return server

    def _let_it_settle(self) -> None:
        longest = time.monotonic() + LONGEST_SETTLING
        time.sleep(SETTLING)
        while self._is_at_work() and time.monotonic() < longest:
            time.sleep(SETTLING)

    def _is_at_work(self) -> bool:
        others = [pid for pid in self._pids() if pid != os.getpid()]
        return any(is_at_work(pid) for pid in others)

    def mistaken(self, server: Server, failure: Unreachable) -> None:
        """Seen when it was asked: no HTTP, no model, or nothing there any more."""
        found = dict(self._found)
        if not isinstance(server, Http):
            return
        if isinstance(failure, Greeting):
            found[server.address.port] = Found(Spoken.GREETING)
        elif isinstance(failure, OtherProtocol):
            found[server.address.port] = Found(Spoken.GRPC)
        elif isinstance(failure, Exporter):
            found[server.address.port] = Found(Spoken.METRICS)
        else:
            found.clear()
        self._found = found

    def where(self, server: Server) -> str:
        """For the log: the port that was taken, and what else listens."""
        if not isinstance(server, Http):
            return ""
        port = server.address.port
        return line_from_choice(port, self._found, self._wanted.is_local)

    def what_is_missing(self) -> str:
        return missing_from_ports(self._found)

    def is_time_missing(self) -> bool:
        return is_time_missing(self._found)

    def _looked(self) -> Optional[Http]:
        places = self._listening_now()
        is_alone = len(places) == 1 and self._is_all_that_is_wanted(*places)
        found = {}
        for port, place in places.items():
            found[port] = self._judged(place, is_alone)
        self._found = found
        port = chosen_port(found, self._wanted, time.monotonic())
        if not port:
            return None
        known = Known.ALONE if found[port].spoken is Spoken.UNASKED else Known.HTTP
        return Http(places[port].address, found[port].mounts, known, is_exporter)

    def _listening_now(self) -> Dict[int, Listening]:
        target = self._wanted.target
        if not target:
            return self._listed()
        if self._has_refused_for_long(target):  # the tables take their time
            self._target_place = self._listed().get(target)
        address = Address("127.0.0.1", target)
        return {target: self._target_place or Listening(address, address.host, "")}

    def _has_refused_for_long(self, port: int) -> bool:
        found = self._found.get(port)
        if found is None or found.detail != REFUSED.detail:
            return False
        return time.monotonic() - found.since > ELSEWHERE

    def _listed(self) -> Dict[int, Listening]:
        """In the tables of ports, those of the model's processes."""
        owners = sockets_of(self._pids())
        for socket_name in self._known_sockets:
            owners.pop(socket_name, None)
        places: Dict[int, Listening] = {}
        for place in listening(owners):
            port = place.address.port
            if port == self._own_port:
                continue
            if place.host == "::" and port in self._only_ipv6:
                place = place._replace(address=Address("::1", port))
            places.setdefault(port, place)
        return places

    def _choose_family(self, address: Address, found: Found) -> None:
        """For the next look: it may take IPv6 alone, and there may be none of it here."""
        if address.host != "::1" and found == REFUSED:
            self._only_ipv6.add(address.port)
        if address.host == "::1" and found.spoken is Spoken.SILENT:
            self._only_ipv6.discard(address.port)

    def _is_all_that_is_wanted(self, port: int) -> bool:
        """What runs here may open its port, or that of its metrics, long before it serves."""
        wanted = self._wanted
        if wanted.is_here:
            return False
        if port in (wanted.target, wanted.given):
            return True
        return set(wanted.expected) <= {port}

    def _may_be_one_of_several(self, port: int) -> bool:
        wanted = self._wanted
        return port not in (wanted.target, wanted.given, *wanted.expected)

    def _judged(
        self,
        place: Listening,
        is_alone: bool,
    ) -> Found:
        before = self._found.get(place.address.port)
        if before is not None and not may_be_asked_again(before, is_alone, time.monotonic()):
            return before
        found = found_at(place, self._wanted, is_alone)
        if place.host == "::":
            self._choose_family(place.address, found)
        now = time.monotonic()
        since = now
        if before is not None and before.spoken is found.spoken:
            since = before.since
        return found._replace(host=place.host, since=since, asked=now)


def may_be_asked_again(
    found: Found,
    is_alone: bool,
    now: float,
) -> bool:
    """What was alone isn't any more when another port has been opened."""
    if found.spoken is Spoken.UNASKED:
        return not is_alone
    if found.spoken is Spoken.HTTP or found.spoken in NEVER_THE_MODEL:
        return False
    # A server may print a line for each question.
    pause = max(SHORTEST_PAUSE, (now - found.since) / 50)
    return now - found.asked > pause
