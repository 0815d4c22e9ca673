"""Models that die, hang or fork, disks that are full, clocks that jump, kills: what the user
then sees."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from testing.adapter import ROOT, Adapter, activation, environment, link_adapter
from testing.gateway import WEB, Gateway
from testing.prerequisites import needed
from testing.process import Process, alive, descendants, until
from tests.stress.folders import COMMANDS, folder_with

FULL = "The data file can't be written to: database or disk is full."
LOST = "The action did not produce a valid response and exited unexpectedly."


@pytest.fixture(scope="module", params=sorted(COMMANDS))
def served(request, tmp_path_factory):
    """Behind the gateway: what dies with a model is started again."""
    parent = tmp_path_factory.mktemp(request.param)
    folder = folder_with(parent, "faulty", request.param)
    with Gateway(parent, f"--image=faulty={folder}") as gateway:
        gateway.create_web("model", "faulty", limits={"timeout": 90000})
        gateway.create_web("impatient", "faulty", limits={"timeout": 3000})
        gateway.back_end = request.param
        yield gateway
        assert "Traceback" not in gateway.stderr


def error_in(reply):
    return (
        reply.json["error"]
        if reply.header("content-type") == "application/json"
        else reply.body.decode()
    )


DEATHS = {
    "leave": "exit code 3",
    "crash": "SIGSEGV",
    "stop_itself": "SIGKILL (out of memory? raise -m)",
}


@pytest.mark.parametrize("fault", sorted(DEATHS))
def test_a_model_that_dies_costs_its_own_activation_and_is_told(served, fault):
    reply = served.request("GET", f"{WEB}model/{fault}")
    if served.back_end == "http":
        assert (reply.status, "died during this request" in error_in(reply)) == (502, True), reply
        assert DEATHS[fault] in error_in(reply)
    else:
        assert (reply.status, error_in(reply)) == (
            400,
            "There was an error processing your request.",
        ), reply
        record = served.rest("GET", f"activations/{reply.header('x-openwhisk-activation-id')}").json
        assert record["response"]["result"] == {"error": LOST}
    assert served.request("GET", f"{WEB}model/fine").body.startswith(b"fine, by ")


def test_a_model_that_hangs_is_told_shortly_before_its_limit(served):
    assert served.request("GET", f"{WEB}impatient/fine").status == 200
    began = time.monotonic()
    reply = served.request("GET", f"{WEB}impatient/hang")
    assert (reply.status, "still busy shortly before its limit" in error_in(reply)) == (
        504,
        True,
    ), reply
    assert 2 < time.monotonic() - began < 4
    assert served.request("GET", f"{WEB}impatient/fine").status == 200


def test_a_model_that_forks_answers_once_at_most(served):
    for fault in ("fork_and_return", "fork_and_answer_twice"):
        reply = served.request("GET", f"{WEB}model/{fault}")
        # Two answers at once on one connection may spoil each other: then there is none, and it is
        # said.
        assert (reply.status, reply.body.count(b"fine, by")) in ((200, 1), (502, 0)), reply
        assert served.request("GET", f"{WEB}model/fine").body.startswith(b"fine, by ")


@pytest.fixture(params=sorted(COMMANDS))
def started(request, tmp_path):
    """started(SETTING=value): a loaded model in an adapter of the test's own."""
    running = []

    def start(prefix=(), **variables):
        folder = folder_with(tmp_path, "faulty", request.param)
        link_adapter(folder)
        running.append(Adapter(folder, str(tmp_path), COMMANDS[request.param], prefix, **variables))
        reply = running[-1].init()
        assert reply.status == 200, (reply, running[-1].log)
        return running[-1]

    yield start
    for adapter in running:
        adapter.stop()


DAY = 86400 * 1000
JUMPS = {
    "a day ago": -DAY,
    "in a day and a half": 1.5 * DAY,
    "in ten years": 3650 * DAY,
    "at the epoch": None,
}


@pytest.mark.parametrize("jump", sorted(JUMPS))
def test_a_clock_that_has_jumped_costs_no_activation(started, jump):
    """The deadline is the platform's clock, what is left of it the container's."""
    deadline = 0 if JUMPS[jump] is None else int(time.time() * 1000 + JUMPS[jump])
    adapter = started()
    answer = adapter.web("GET", "/fine", deadline=str(deadline))
    assert (answer.status, answer.body[:8]) == (200, b"fine, by")


def test_a_log_that_nobody_can_write_to_costs_no_activation(started):
    """As on a full disk: every write to either stream fails."""
    adapter = started(prefix=["sh", "-c", 'exec "$@" > /dev/full 2>&1', "sh"])
    for _ in range(3):
        for path in ("/print_much", "/fine"):
            answer = adapter.web("GET", path)
            # A model that insists on its log fails; what doesn't print at all mustn't.
            assert answer.status == 200 or path == "/print_much", answer


def test_a_log_that_nobody_reads_is_no_end(started):
    """The other end of the pipe is closed, as by a log collector that has died."""
    adapter = started(prefix=["sh", "-c", 'exec "$@" 2>&1 | true', "sh"])
    assert adapter.web("GET", "/fine").status == 200


@contextmanager
def small_disk(parent, kilobytes):
    """A file system of this size, for root alone to make."""
    folder = parent / "disk"
    folder.mkdir()
    needed(os.geteuid() == 0, "only root can mount a file system")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)],
        capture_output=True,
    )
    needed(made.returncode == 0, f"nothing can be mounted here: {made.stderr}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder):
    with open(folder / "filling", "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass


def test_a_full_disk_costs_the_gateway_its_records_but_no_answer(tmp_path):
    folder = folder_with(tmp_path, "faulty", "in-process")
    with small_disk(tmp_path, 1024) as disk, Gateway(disk, str(folder)) as gateway:
        assert gateway.request("GET", f"{WEB}model/fine").status == 200
        fill(disk)
        replies = [gateway.request("GET", f"{WEB}model/fine") for _ in range(30)]
        assert {reply.status for reply in replies} == {200}, replies[-1]
        refused = gateway.rest(
            "PUT", "actions/other", {"exec": {"kind": "blackbox", "image": "model"}}
        )
        assert (refused.status, refused.json["error"]) == (500, FULL), refused
        assert gateway.rest("GET", "actions/other").status == 404
        os.remove(disk / "filling")
        kept = gateway.request("GET", f"{WEB}model/fine").header("x-openwhisk-activation-id")
        until(lambda: gateway.rest("GET", f"activations/{kept}").status == 200, "a record again")


def test_a_disk_that_is_full_at_the_start_is_called_so(tmp_path):
    with small_disk(tmp_path, 64) as disk:
        # The lock is there already: it takes no room, but a place in the folder.
        (disk / "gateway.sqlite3.lock").touch()
        (disk / "gateway.sqlite3").touch()
        fill(disk)
        said = [refused_start(disk / name) for name in ("gateway.sqlite3", "sub/data")]
    full = "is full: make room there, or choose another file with --data.\n"
    assert said == [
        f"The disk of {disk}/gateway.sqlite3 {full}",
        f"The disk of {disk}/sub/data {full}",
    ]


def refused_start(data):
    command = [sys.executable, "-m", "gateway", "--port", "0", "--data", str(data)]
    done = subprocess.run(
        command, env=environment(PYTHONPATH=ROOT), capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 2
    return done.stderr


def test_a_killed_gateway_leaves_nothing_behind_that_the_next_one_does_not_end(tmp_path):
    """kill -9 in the middle of a request: the records stay, the model's processes go, the next
    request is served."""
    folder = folder_with(tmp_path, "faulty", "http")
    with Gateway(tmp_path, str(folder)) as gateway:
        kept = gateway.request("GET", f"{WEB}model/fine").header("x-openwhisk-activation-id")
        client = threading.Thread(target=lambda: ask_in_vain(gateway, f"{WEB}model/hang"))
        client.start()
        until(
            lambda: gateway.rest("GET", "activations?count=true").json["activations"] == 1,
            "its record",
        )
        family = descendants(gateway.pid)
        os.kill(gateway.pid, signal.SIGKILL)
        client.join()
        gateway.wait()
        with Gateway(tmp_path, str(folder)) as following:
            until(
                lambda: not any(map(alive, family)), lambda: [pid for pid in family if alive(pid)]
            )
            assert following.rest("GET", f"activations/{kept}").json["response"]["success"]
            assert following.request("GET", f"{WEB}model/fine").status == 200


def ask_in_vain(gateway, target):
    try:
        gateway.request("GET", target)
    except (OSError, ValueError):
        pass


def test_a_data_file_in_a_folder_that_cannot_be_written_to_is_told(tmp_path):
    with small_disk(tmp_path, 256) as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        command = [
            sys.executable,
            "-m",
            "gateway",
            "--port",
            "0",
            "--data",
            str(disk / "gateway.sqlite3"),
        ]
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        with Process(
            command, tmp_path, dict(os.environ, PYTHONPATH=root), str(tmp_path)
        ) as process:
            assert process.wait() == 2
            assert f"The data file {disk}/gateway.sqlite3 can't be used" in process.stderr
            assert "Read-only file system" in process.stderr and "Traceback" not in process.stderr


def test_a_body_larger_than_the_platform_allows_is_refused_before_it_fills_memory(started):
    adapter = started()
    head = b"POST /run HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999999\r\n\r\n"
    reply = adapter.raw(head)
    assert reply.status == 400 and "Content-Length" in json.loads(reply.body)["error"]
    assert (
        adapter.post("/run", activation({"__ow_method": "get", "__ow_path": "/fine"})).status == 200
    )
