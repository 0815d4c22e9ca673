"""Which of the ports that a model listens at is the one to ask, and what is told of them. Pure."""

import enum
from typing import List, Mapping, NamedTuple, Tuple

from openwhisk_adapter.starting.wanted import LOOPBACK, Wanted

GRACE = 3  # seconds that a port which is known to be wanted gets when another one is open already


class Spoken(enum.Enum):
    """What a port turned out to be, as its owner is told it."""

    HTTP = "speaks HTTP"
    UNASKED = "the only one, so not asked"
    HASTY = "ready, if it says so for some time"
    ELSEWHERE = "hasn't the path that tells whether it is ready"
    NOT_READY = "not ready"
    SILENT = "no answer"
    GRPC = "gRPC"
    METRICS = "metrics"
    GREETING = "no HTTP, as its server speaks first"


MAY_BE_ASKED = (Spoken.HTTP, Spoken.UNASKED)
NEVER_THE_MODEL = (Spoken.GRPC, Spoken.METRICS, Spoken.GREETING)
TOLD_OF_OTHERS = (*NEVER_THE_MODEL, Spoken.NOT_READY, Spoken.SILENT)


class Found(NamedTuple):
    spoken: Spoken
    detail: str = ""
    mounts: bool = False
    "Whether it takes a prefix as gunicorn does."
    host: str = ""
    "Where it can be asked from."
    since: float = 0.0
    asked: float = 0.0


FoundAtPorts = Mapping[int, Found]


def chosen_port(found: FoundAtPorts, wanted: Wanted, now: float) -> int:
    """0 while the right one may still come."""
    elsewhere = [port for port in found if found[port].spoken is Spoken.ELSEWHERE]
    ranks = {port: (port in elsewhere, rank(port, wanted)) for port in found}
    for port in sorted(found, key=ranks.__getitem__):
        spoken = found[port].spoken
        if spoken is Spoken.NOT_READY:
            return 0
        is_doubtful = spoken is Spoken.HASTY or (port in elsewhere and not wanted.ready)
        if is_doubtful or spoken in MAY_BE_ASKED:
            is_early = is_doubtful or is_better_one_missing(port, found, wanted)
            return 0 if is_early and now - found[port].since < GRACE else port
    return 0


def rank(port: int, wanted: Wanted) -> Tuple[int, int]:
    """The one we gave, those that are known to be wanted in their order, the lowest number."""
    if port == wanted.given:
        return 0, 0
    if port in wanted.expected:
        return 1, list(wanted.expected).index(port)
    return 2, port


def is_better_one_missing(port: int, found: FoundAtPorts, wanted: Wanted) -> bool:
    if port in (wanted.target, wanted.given):
        return False
    for expected in wanted.expected:
        if expected == port:
            return False
        if expected not in found or found[expected].spoken is Spoken.SILENT:
            return True
    return False


# -- what is told --------------------------------------------------------------------------------


def line_from_choice(port: int, found: FoundAtPorts, is_local: bool) -> str:
    """`model at port 8000; also listening: 8001 (gRPC), 8002; OPENWHISK_TARGET chooses`."""
    words: List[str] = []
    for other in sorted(found):
        remarks = remarks_on(found[other], other == port, is_local)
        name = str(other)
        if remarks:
            name += " (%s)" % ", ".join(remarks)
        if other == port:
            words.insert(0, "model at port " + name)
        else:
            words.append(name)
    if len(words) == 1:
        return words[0]
    others = ", ".join(words[1:])
    return "%s; also listening: %s; OPENWHISK_TARGET chooses" % (words[0], others)


def remarks_on(
    found: Found,
    is_chosen: bool,
    is_local: bool,
) -> List[str]:
    remarks = []
    if not is_chosen and found.spoken in TOLD_OF_OTHERS:
        remarks.append(found.spoken.value)
    if is_local and not found.host.startswith(LOOPBACK):
        remarks.append("open to the network: " + found.host)
    return remarks


def missing_from_ports(found: FoundAtPorts) -> str:
    """Each port and why it isn't the one to ask; nothing if there is none."""
    words = []
    for port in sorted(found):
        spoken = found[port].spoken.value
        detail = found[port].detail
        if detail:
            spoken += " (%s)" % detail
        words.append("port %d: %s" % (port, spoken))
    return "; ".join(words)


def is_time_missing(found: FoundAtPorts) -> bool:
    """Whether more of it could help."""
    waiting = [what for what in found.values() if what.spoken not in NEVER_THE_MODEL]
    return not found or any(what.spoken is not Spoken.ELSEWHERE for what in waiting)
