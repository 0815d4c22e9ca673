"""What one look at a model's processes and ports finds, case by case."""

import errno
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from types import SimpleNamespace

import pytest

from openwhisk_adapter.log import Log
from openwhisk_adapter.mediatypes import media_from_text
from openwhisk_adapter.messages import Response
from openwhisk_adapter.model import Model
from openwhisk_adapter.servers import Address, Server, Unanswered, Unreachable
from openwhisk_adapter.settings import Settings
from openwhisk_adapter.starting import Started, family, probes, sockets
from openwhisk_adapter.starting.causes import taken
from openwhisk_adapter.starting.choice import Found, Spoken
from openwhisk_adapter.starting.family import Family, ignores
from openwhisk_adapter.starting.ports import Ports
from openwhisk_adapter.starting.script import Script
from openwhisk_adapter.starting.signals import Signals
from openwhisk_adapter.starting.sockets import Listening, program_of
from openwhisk_adapter.starting.wanted import Wanted, hosts_from_environ
from testing.process import free_port, until

OK = Response(200, [("Content-Type", "text/plain")], b"ok")


# -- what a port speaks ----------------------------------------------------------------------------


def place(port=1, program=""):
    return Listening(Address("127.0.0.1", port), "127.0.0.1", program)


@pytest.fixture
def answering(monkeypatch):
    """answering(ANSWER): what every question is answered with, or fails with."""
    monkeypatch.setattr(probes, "greets", lambda address, milliseconds: False)

    def answers(what):
        def ask(*_):
            if isinstance(what, Exception):
                raise what
            return what

        monkeypatch.setattr(probes, "ask", ask)

    return answers


def test_where_nobody_listens_any_more_nothing_is_spoken():
    assert probes.found_at(place(free_port()), Wanted(), False).spoken is Spoken.SILENT


def test_a_port_that_cannot_be_reached_is_silent_for_that_reason(monkeypatch):
    def no_address(*_):
        raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")

    monkeypatch.setattr(probes, "greets", no_address)
    found = probes.found_at(place(), Wanted(), False)
    assert found == Found(Spoken.SILENT, "Cannot assign requested address")


def test_a_port_that_refuses_once_it_was_found_is_silent(answering):
    answering(Unreachable("gone"))
    found = probes.found_at(place(), Wanted(), False)
    assert (found.spoken, found.detail) == (Spoken.SILENT, "connection refused")


@pytest.mark.parametrize(
    "program, spoken", [("nginx", Spoken.NOT_READY), ("python", Spoken.SILENT)]
)
def test_the_silence_of_a_proxy_is_that_of_what_is_behind_it(answering, program, spoken):
    answering(Unanswered("it isn't HTTP"))
    found = probes.found_at(place(program=program), Wanted(), False)
    assert (found.spoken, found.detail) == (spoken, "it isn't HTTP")


@pytest.mark.parametrize("program", ["tritonserver", "mlserver", "torchserve"])
def test_a_server_that_is_known_by_its_process_is_asked_for_its_health(answering, program):
    answering(OK)
    found = probes.found_at(place(program=program), Wanted(), False)
    assert found.spoken in (Spoken.HTTP, Spoken.HASTY)


def test_a_server_that_says_too_early_that_it_is_ready_is_believed_later(answering, monkeypatch):
    answering(OK)
    hasty = probes.known_from_text("tritonserver")._replace(health="/health", is_hasty=True)
    monkeypatch.setattr(probes, "known_from_text", lambda text: hasty)
    assert probes.found_at(place(), Wanted(), False).spoken is Spoken.HASTY


def test_who_does_not_answer_is_no_exporter(answering):
    answering(Unreachable("gone"))
    assert not probes.is_exporter(Address("127.0.0.1", 1))


# -- which ports there are -------------------------------------------------------------------------


def test_a_port_in_both_families_is_read_from_either():
    mapped = "0000000000000000FFFF00000100007F:1F90"
    found = sockets.listening_from_row(socket.AF_INET6, mapped, "python")
    assert found == Listening(Address("127.0.0.1", 8080), "127.0.0.1", "python")


def test_a_process_that_has_gone_has_no_name():
    assert program_of(1 << 30) == ""


def test_what_is_said_of_a_server_without_a_port_changes_nothing():
    ports = Ports(Wanted(), 8080, list)
    ports.mistaken(Server(), Unreachable("gone"))
    assert (ports.where(Server()), ports.look()) == ("", None)
    Started().mistaken(Server(), Unreachable("gone"))


def test_the_adapters_own_port_is_never_the_models():
    with closing(socket.socket()) as own:
        own.bind(("127.0.0.1", 0))
        own.listen(1)
        ports = Ports(Wanted(), own.getsockname()[1], lambda: [os.getpid()])
        assert own.getsockname()[1] not in ports._listening_now()


def test_the_models_port_may_be_the_last_of_several_that_opens(monkeypatch):
    opened = {5001: place(5001), 5002: place(5002)}
    looking = Ports(Wanted(), 8080, list)
    monkeypatch.setattr("openwhisk_adapter.starting.ports.found_at", lambda *_: Found(Spoken.HTTP))
    monkeypatch.setattr(looking, "_listening_now", lambda: opened)
    monkeypatch.setattr(looking, "_let_it_settle", lambda: opened.update({5000: place(5000)}))
    assert looking.look().address.port == 5000


def test_what_listens_at_all_addresses_is_asked_in_the_family_that_it_takes(monkeypatch):
    rows = [Listening(Address("127.0.0.1", 5000), "::", "")]
    monkeypatch.setattr("openwhisk_adapter.starting.ports.listening", lambda _: rows)
    monkeypatch.setattr("openwhisk_adapter.starting.ports.SHORTEST_PAUSE", 0)
    silent, asked = Found(Spoken.SILENT, "Cannot assign requested address"), []
    answers = [probes.REFUSED, silent, probes.REFUSED, Found(Spoken.HTTP)]

    def found_at(place, *_):
        asked.append(place.address.host)
        return answers[len(asked) - 1]

    monkeypatch.setattr("openwhisk_adapter.starting.ports.found_at", found_at)
    looking = Ports(Wanted(given=5000), 8080, list)
    found = until(looking.look, "it is found")
    assert asked == ["127.0.0.1", "::1", "127.0.0.1", "::1"]
    assert found.address == Address("::1", 5000)


def test_a_port_that_is_set_is_asked_elsewhere_only_when_it_has_refused_for_long(monkeypatch):
    rows = [Listening(Address("::1", 5000), "::1", "")]
    monkeypatch.setattr("openwhisk_adapter.starting.ports.listening", lambda _: rows)
    monkeypatch.setattr("openwhisk_adapter.starting.ports.SHORTEST_PAUSE", 0)
    asked = []

    def found_at(place, *_):
        asked.append(place.address.host)
        return probes.REFUSED if place.address.host == "127.0.0.1" else Found(Spoken.HTTP)

    monkeypatch.setattr("openwhisk_adapter.starting.ports.found_at", found_at)
    looking = Ports(Wanted(target=5000), 8080, list)
    assert [looking.look(), looking.look()] == [None, None]
    monkeypatch.setattr("openwhisk_adapter.starting.ports.ELSEWHERE", 0.0)
    found = until(looking.look, "it is found")
    assert (asked[:2], found.address) == (["127.0.0.1"] * 2, Address("::1", 5000))


def test_a_port_that_is_taken_without_a_number_is_told_without_one():
    assert taken([], 9000, "").startswith("a port that it wants is used by another process")


def test_what_an_image_tells_gunicorn_itself_stays():
    told = hosts_from_environ({"GUNICORN_CMD_ARGS": "--workers=2"}, "127.0.0.1", 9000)
    assert "GUNICORN_CMD_ARGS" not in told


# -- processes -------------------------------------------------------------------------------------

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: None)
print("ready", flush=True)
time.sleep(60)
"""


def test_a_process_that_does_not_end_in_time_is_killed():
    with subprocess.Popen(
        [sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, start_new_session=True
    ) as stubborn:
        assert stubborn.stdout.readline() == b"ready\n"
        mine = Family("mark")
        mine.lead(stubborn.pid)
        mine.pids = lambda: [stubborn.pid]  # what else the tests have started isn't its own
        mine.end(0.1)
        assert stubborn.wait(20) == -signal.SIGKILL


def test_a_process_is_known_by_its_session_or_its_mark(monkeypatch):
    session, marked = Family("a"), Family("b")
    parents = {os.getpid(): 1}
    monkeypatch.setattr(family.os, "getpid", lambda: 1 << 30)
    own = os.getsid(0)
    session.lead(own)
    pid = next(iter(parents))
    assert session._is_ours(pid, parents) and not marked._is_ours(pid, parents)
    assert not session._is_ours(1 << 29, parents)
    monkeypatch.setattr(family.os, "getpid", lambda: 1)
    assert not session._is_ours(1 << 29, {1 << 29: 0})


def test_a_family_that_is_ended_at_once_is_waited_for(monkeypatch):
    one = Family("a")
    looks = [[], [1 << 30], []]  # to end them; still there; gone
    monkeypatch.setattr(one, "pids", lambda: looks.pop(0))
    one.end_at_once(20)
    assert looks == []


def test_a_process_that_has_gone_ignores_nothing():
    assert not ignores(1 << 30, signal.SIGTERM)


def test_of_a_media_type_the_parameter_that_is_asked_for_is_told():
    media = media_from_text('multipart/form-data; a=1; boundary="b"')
    assert (media.parameter("boundary"), media.parameter("c")) == ("b", "")


FORKING = """
import os, signal, sys, time
sys.path.insert(0, %r)
from openwhisk_adapter.starting.signals import Signals
signals = Signals()
signals.install(lambda: print("stopped", flush=True))
signals.share()
read, write = os.pipe()
pid = os.fork()
if pid == 0:
    os.write(write, b"x")
    while True:
        time.sleep(0.05)  # a pause would miss a signal that comes just before it
os.read(read, 1)
os.kill(pid, signal.SIGTERM)
_, status = os.waitpid(pid, 0)
print(os.WTERMSIG(status), flush=True)
"""


def test_a_fork_of_the_script_ends_as_the_script_would():
    root = os.path.dirname(os.path.dirname(family.__file__.replace("/starting", "")))
    said = subprocess.check_output([sys.executable, "-c", FORKING % root], timeout=20)
    assert said.decode().split() == [str(int(signal.SIGTERM))]


@pytest.mark.parametrize("has_own", [False, True])
def test_a_signal_at_a_fork_is_the_scripts_alone(monkeypatch, has_own):
    done = []
    signals = Signals()
    signals._pid = 0
    signals._stop = lambda: done.append("stopped")
    signals._set = lambda number, handler: done.append(handler)
    monkeypatch.setattr(os, "kill", lambda pid, number: done.append(number))
    if has_own:
        signals._theirs[signal.SIGTERM] = lambda number, frame: done.append("its own")
    signals._arrived(signal.SIGTERM, None)
    assert done == (["its own"] if has_own else [signal.SIG_DFL, signal.SIGTERM])


def test_a_signal_before_anybody_is_to_be_told_does_nothing():
    Signals()._arrived(signal.SIGTERM, None)


def test_a_model_that_was_never_started_has_no_cause():
    model = Model(["python", "app.py"], Settings(), Log(), Signals())
    assert model._cause(["Address already in use"]) == ""


def test_a_server_gets_a_configuration_by_which_it_reads_its_variables(start):
    adapter = start(None, "torchserve", PATH=os.path.dirname(sys.executable))
    assert "the start command can't be run" in adapter.init().json["error"]


def test_a_server_without_a_path_of_readiness_is_ready():
    script = SimpleNamespace(_path_of_readiness=lambda: "", _answered=0)
    assert Script._is_ready(script, None)
