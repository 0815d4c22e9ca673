"""What one port speaks: touches that port, by questions that change nothing."""

import re
import time

from openwhisk_adapter.messages import Refused, Request, Response
from openwhisk_adapter.servers import Address, OtherProtocol, Unanswered, Unreachable
from openwhisk_adapter.servers.connecting import greets
from openwhisk_adapter.servers.http import Http, HttpCall, Known
from openwhisk_adapter.sinks import Kept
from openwhisk_adapter.starting.choice import Found, Spoken
from openwhisk_adapter.starting.sockets import Listening
from openwhisk_adapter.starting.wanted import Wanted, is_early, known_from_text

ASKING = 1  # seconds that an answer may take
SPEAKING_FIRST = 5  # milliseconds in which a server of another protocol greets
NOWHERE = "/openwhisk-asks-what-is-here"
METRICS = re.compile(rb"(?m)^# (HELP|TYPE) ")
REFUSED = Found(Spoken.SILENT, "connection refused")
NOT_YET = (502, 503, 504)
NO_SUCH_PATH = (401, 403, 404, 405, 501)


def found_at(
    place: Listening,
    wanted: Wanted,
    is_alone: bool,
) -> Found:
    """`is_alone`: no other port is open or expected, so that nothing has to be told apart."""
    try:
        return _found_at(place, wanted, is_alone)
    except OtherProtocol:
        return Found(Spoken.GRPC)
    except (Unreachable, ConnectionRefusedError):
        return REFUSED
    except OSError as error:
        return Found(Spoken.SILENT, error.strerror or str(error))
    except (Unanswered, Refused) as error:
        detail = str(error)[:100]
        if is_proxy(place, wanted):
            return Found(Spoken.NOT_READY, detail)
        return Found(Spoken.SILENT, detail)


def _found_at(
    place: Listening,
    wanted: Wanted,
    is_alone: bool,
) -> Found:
    address = place.address
    if greets(address, SPEAKING_FIRST):
        return Found(Spoken.GREETING)
    if wanted.ready:
        return asked_whether_ready(address, wanted.ready)
    if wanted.health:
        return asked_whether_ready(address, wanted.health)
    known = known_from_text(place.program)
    if known is not None and known.health:
        found = asked_whether_ready(address, known.health)
        if known.is_hasty and found.spoken is Spoken.HTTP:
            return found._replace(spoken=Spoken.HASTY)
        return found
    if is_alone and not is_proxy(place, wanted):
        return Found(Spoken.UNASKED)
    return asked_for_options(address, is_proxy(place, wanted), is_alone)


def is_proxy(place: Listening, wanted: Wanted) -> bool:
    """Its silence is that of what is behind it."""
    return wanted.is_early or is_early(place.program)


def asked_whether_ready(address: Address, path: str) -> Found:
    answer = ask(address, "GET", path)
    detail = "%d at %s" % (answer.status, path)
    if answer.status in NO_SUCH_PATH:
        return Found(Spoken.ELSEWHERE, detail)
    if answer.status // 100 != 2:
        return Found(Spoken.NOT_READY, detail)
    if is_like_an_exporter(answer) and is_exporter(address):
        return Found(Spoken.METRICS)
    return Found(Spoken.HTTP, mounts=is_gunicorn(answer))


def asked_for_options(
    address: Address,
    may_be_early: bool,
    is_alone: bool,
) -> Found:
    try:
        answer = ask(address, "OPTIONS", "*")
    except Unanswered:  # Triton drops such a request
        answer = ask(address, "OPTIONS", "/")
    if may_be_early and not is_gunicorn(answer):  # only the server behind it can say more
        answer = ask(address, "OPTIONS", "/")
    if answer.status in NOT_YET:
        return Found(Spoken.NOT_READY, str(answer.status))
    if not is_alone and is_exporter(address):
        return Found(Spoken.METRICS)
    return Found(Spoken.HTTP, mounts=is_gunicorn(answer))


def ask(
    address: Address,
    method: str,
    path: str,
) -> Response:
    call = HttpCall(Http(address, known=Known.NOTHING), ASKING)
    try:
        request = Request(method, path, headers=[("host", "localhost")])
        return call.answer(request, Brief())
    finally:
        call.close()


class Brief(Kept):
    """What comes for ever, as a camera's picture does, says nothing about a port."""

    def __init__(self) -> None:
        super().__init__()
        self._until = time.monotonic() + ASKING

    def add(self, piece: bytes) -> None:
        super().add(piece)
        if time.monotonic() > self._until:
            raise Unanswered("its answer took more than %d s" % ASKING)


def is_exporter(address: Address) -> bool:
    """Every path has the same metrics there, or `/metrics` alone has more than an empty page."""
    try:
        answer = ask(address, "GET", NOWHERE)
        if answer.status == 200 and not answer.body:
            answer = ask(address, "GET", "/metrics")
    except (Unanswered, Unreachable, Refused):
        return False
    return answer.status == 200 and bool(METRICS.search(answer.body))


def is_like_an_exporter(answer: Response) -> bool:
    return not answer.body or bool(METRICS.search(answer.body))


def is_gunicorn(answer: Response) -> bool:
    return answer.header("server").startswith("gunicorn")
