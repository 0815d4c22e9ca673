"""Nobody gets in, nobody waits for another, nobody reads another's: what SECURITY.md promises of
the adapter."""

import contextlib
import json
import os
import resource
import socket
import threading
import time

import pytest

from testing.adapter import SENTINEL, activation, initialization
from testing.process import status_of, until
from tests.adapter.conftest import COMMANDS

SERVER = ["sh", "-c", "cd . && exec python app.py"]


def soon(seconds):
    return str(int((time.time() + seconds) * 1000))


def loaded(adapter, env=None):
    reply = adapter.init(env)
    assert reply.status == 200, (reply, adapter.log)
    return adapter


def descriptors_of(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def threads_of(pid):
    return int(status_of(pid)["Threads"])


def answer_to(adapter, *sent):
    """What comes back for a request whose pieces are sent at once, until the other side closes."""
    with socket.create_connection(("127.0.0.1", adapter.port), 20) as client:
        client.sendall(b"".join(sent))
        return b"".join(iter(lambda: client.recv(65536), b""))


# -- where there is no platform --------------------------------------------------------------------


@pytest.fixture(params=sorted(COMMANDS))
def public(request, start):
    """The same image as a plain HTTP server, where anybody may ask anything."""
    adapter = start("model", *COMMANDS[request.param], OPENWHISK_PLATFORM="auto")
    adapter.backend = request.param
    return adapter


@pytest.mark.parametrize("path", ["/init", "/run"])
def test_without_the_platform_its_calls_are_the_models_own_paths(public, path):
    told = public.post(path, initialization({"HTTPS_PROXY": "http://evil.example"})).json
    assert (told["method"], told["path"]) == ("POST", path)
    assert SENTINEL not in public.log


def test_without_the_platform_nobody_sets_a_variable(public):
    public.post(
        "/init", initialization({"PYTHONWARNINGS": "all:0:antigravity.x:0:0", "BROWSER": "true"})
    )
    environ = public.request("GET", "/process").json["environ"]
    assert not {"PYTHONWARNINGS", "BROWSER"} & set(environ)


@pytest.mark.parametrize(
    "name", ["X-OpenWhisk-User", "x-openwhisk-activation-id", "X_OpenWhisk_User"]
)
def test_nobody_from_outside_is_somebody_of_the_platforms(public, name):
    headers = public.request("GET", "/p", [(name, "admin"), ("X-Other", "kept")]).json["headers"]
    assert "admin" not in headers.values()
    assert headers["x-other"] == "kept"


def test_a_second_request_on_a_connection_is_not_handed_on_unread(public):
    first = b"GET /p?first HTTP/1.1\r\nHost: x\r\n\r\n"
    second = b"GET /p?second HTTP/1.1\r\nHost: x\r\nX-OpenWhisk-User: admin\r\n\r\n"
    answer = answer_to(public, first, second)
    if public.backend == "asgi":  # uvicorn reads it, and the app sees what it may see
        assert b"admin" not in answer
    else:
        assert answer.count(b"HTTP/1.") == 1 and b"second" not in answer


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: 3\r\nContent-Length: 30\r\n",
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
    ],
    ids=["two lengths", "length and chunks"],
)
def test_a_request_that_two_could_read_in_two_ways_is_refused(start, head):
    adapter = start("model", *COMMANDS["http"], OPENWHISK_PLATFORM="auto")
    answer = answer_to(adapter, b"POST /p HTTP/1.1\r\nHost: x\r\n", head.encode(), b"\r\nabc")
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_chunks_and_what_follows_them_are_told_apart(start):
    adapter = start("odd_server", *SERVER, OPENWHISK_PLATFORM="auto")
    body = b"5;x=y\r\nhello\r\n0\r\nTrailer: a\r\n\r\nGET /evil HTTP/1.1\r\n\r\n"
    head = b"POST /told HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert b"POST /told HTTP/1.1" in answer_to(adapter, head, body)
    assert "evil" not in adapter.log


def test_the_platform_is_known_by_the_variable_that_it_gives_each_container(start):
    adapter = start("model", OPENWHISK_PLATFORM="", __OW_API_HOST="https://openwhisk.example")
    assert loaded(adapter).web("GET", "/p").status == 200


def test_a_setting_can_deny_the_platform(start):
    adapter = start("model", OPENWHISK_PLATFORM="no", __OW_API_HOST="https://openwhisk.example")
    assert adapter.post("/run", activation({})).json["path"] == "/run"


def test_a_running_model_is_told_no_other_settings(start):
    adapter = start("model", OPENWHISK_PRELOAD=1)
    until(lambda: adapter.request("GET", "/p").status == 200, "it runs")
    assert (
        adapter.init({"OPENWHISK_LIMIT": "10", "HTTPS_PROXY": "http://evil.example"}).status == 200
    )
    environ = json.loads(adapter.web("GET", "/process").body.decode("utf-8"))["environ"]
    assert "HTTPS_PROXY" not in environ and environ["__OW_ACTION_NAME"] == "/guest/model"
    assert "came too late" in adapter.stdout


# -- what others have said -------------------------------------------------------------------------


def test_a_client_reads_nothing_of_the_models_log(start):
    adapter = loaded(start("odd_server", *SERVER))
    adapter.web("GET", "/told", "secret=of-another-client")
    answers = [adapter.web("GET", path) for path in ("/garbage", "/die/3")]
    for answer in answers:
        text = answer.body.decode("utf-8")
        assert answer.status == 502
        assert "secret" not in text and "last words" not in text and SENTINEL not in text
        assert "b'" not in text and "Error(" not in text


# -- the log ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["none", "no-flush", "binary", "logging", "leaving", "closed"])
def test_whatever_a_model_puts_in_the_place_of_its_log_it_is_answered(start, kind):
    adapter = loaded(start("streams"))
    for path in (kind, "p"):
        began = time.time()
        assert adapter.web("GET", "/" + path).body == path.encode("ascii")
        assert time.time() - began < 5
    assert adapter.stdout.count(SENTINEL) == adapter.stderr.count(SENTINEL) == 2


def test_a_log_that_keeps_a_model_waiting_keeps_it_no_longer_than_its_time(start):
    adapter = loaded(start("streams"))
    assert adapter.web("GET", "/waiting", deadline=soon(1)).status == 504


def test_what_a_model_collects_of_its_output_has_nothing_of_another_activation(start):
    adapter = loaded(start("streams"))
    collected = []
    thread = threading.Thread(target=lambda: collected.append(adapter.web("GET", "/redirect")))
    thread.start()
    assert adapter.web("GET", "/leave", "secret").status == 200
    thread.join(20)
    assert collected[0].body == b""


def test_half_a_line_belongs_to_the_activation_that_wrote_it(start):
    adapter = loaded(start("streams"))
    adapter.web("GET", "/half")
    adapter.web("GET", "/p")
    first, second = adapter.stdout.split(SENTINEL)[:2]
    assert "half a line\n" in first and "half" not in second


def test_half_a_line_of_a_server_belongs_to_the_activation_that_wrote_it(start):
    adapter = loaded(start("odd_server", *SERVER))
    adapter.web("GET", "/half-a-line")
    adapter.web("GET", "/told")
    first, second = adapter.stdout.split(SENTINEL)[:2]
    assert "half a line\n" in first and "half a line" not in second


def test_a_line_that_never_ends_is_not_kept_for_ever(start):
    adapter = loaded(start("odd_server", *SERVER))
    adapter.request("GET", "/endless-line")
    until(lambda: len(adapter.stdout) > 2 << 20, "its beginning is in the log")


def test_a_start_command_that_cannot_be_run_is_shown_in_the_log_alone(start):
    adapter = start("", "no-such-server", "--token", "secret", OPENWHISK_PLATFORM="no")
    answer = adapter.request("GET", "/")
    assert (answer.status, b"secret" in answer.body) == (502, False), answer
    assert "'no-such-server', '--token', 'secret'] can't be run" in adapter.log


# -- what one request leaves behind ----------------------------------------------------------------


def test_a_context_variable_is_not_seen_by_the_next_client(start):
    pytest.importorskip("contextvars")
    adapter = loaded(start("keeping", "python", "app.py"))
    names = ["alice", "bob", "carol", "dave"]
    seen = [adapter.web("GET", "/p", name).body for name in names]
    assert all(answer.startswith(b"nobody on ") for answer in seen), seen
    assert len(set(seen)) < len(names), "no thread has answered twice: %s" % seen


@pytest.mark.parametrize(
    "backend, platform", [("in-process", "no"), ("in-process", "yes"), ("http", "yes")]
)
def test_a_process_that_a_model_leaves_behind_holds_no_connection(start, backend, platform):
    adapter = start("keeping", *COMMANDS[backend], OPENWHISK_PLATFORM=platform)
    if platform == "no":
        sent = b"GET /fork HTTP/1.1\r\nHost: h\r\n\r\n"
    else:
        loaded(adapter)
        value = {"__ow_method": "get", "__ow_path": "/fork", "__ow_headers": {}, "__ow_query": ""}
        body = json.dumps(activation(value)).encode("ascii")
        sent = b"POST /run HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    assert answer_to(adapter, sent).startswith(b"HTTP/1.1 200 ")


# -- answers that would become two -----------------------------------------------------------------


def test_a_header_line_that_is_too_long_is_no_two_headers(start):
    adapter = loaded(start("odd_server", *SERVER))
    answer = adapter.web("GET", "/long-header")
    assert answer.status == 502 and not answer.header("set-cookie")


# -- nobody waits for another ----------------------------------------------------------------------


def test_interim_answers_without_end_are_no_answer(start):
    adapter = loaded(start("odd_server", *SERVER))
    began = time.time()
    assert adapter.web("GET", "/interim").status == 502
    assert time.time() - began < 10


def test_a_504_leaves_nothing_behind(start):
    adapter = loaded(start("odd_server", *SERVER))
    adapter.web("GET", "/told")
    threads, descriptors = threads_of(adapter.pid), descriptors_of(adapter.pid)
    for _ in range(12):
        assert adapter.web("GET", "/wait-for-ever", deadline=soon(0.3)).status == 504
    until(lambda: descriptors_of(adapter.pid) <= descriptors, "as many descriptors as before")
    until(lambda: threads_of(adapter.pid) <= threads + 8, "and some spare threads at the most")


def test_a_prediction_that_does_not_end_ends_the_container(start):
    adapter = loaded(start("model"))
    assert adapter.web("GET", "/slow", "60", deadline=soon(1)).status == 504
    assert adapter.wait(15) == 1
    assert "GET /slow still runs 5 s after its time was over" in adapter.stderr


def test_a_prediction_that_does_not_end_waits_with_that_until_nobody_is_being_answered(start):
    adapter = loaded(start("model"))
    assert adapter.web("GET", "/slow", "60", deadline=soon(1)).status == 504
    assert adapter.web("GET", "/slow", "7", deadline=soon(30)).status == 200
    assert adapter.wait(15) == 1


def test_sigterm_lets_a_plain_request_come_to_its_end(own):
    adapter = own()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(adapter.request("GET", "/slow?1.5")))
    thread.start()
    until(lambda: "sleeping" in adapter.log, "the request is with the model")
    adapter.terminate()
    thread.join(20)
    assert [answer.status for answer in answers] == [200]
    assert adapter.wait(10) == 0


def test_a_plain_client_that_vanishes_leaves_nothing_behind(start):
    adapter = loaded(start("odd_server", *SERVER))
    adapter.request("GET", "/told")
    before = (threads_of(adapter.pid), descriptors_of(adapter.pid))
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", adapter.port), 5) as client:
            client.sendall(b"GET /drip HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(100)
    until(
        lambda: descriptors_of(adapter.pid) <= before[1],
        lambda: "as many descriptors as before: %s" % (before,),
    )
    assert threads_of(adapter.pid) <= before[0] + 8


def test_beyond_descriptor_1024_plain_requests_are_answered_too(start):
    adapter = loaded(start("odd_server", *SERVER))
    resource.prlimit(adapter.pid, resource.RLIMIT_NOFILE, (4096, 4096))
    with contextlib.ExitStack() as held:
        for _ in range(1100):
            held.enter_context(socket.create_connection(("127.0.0.1", adapter.port), 20))
        until(lambda: descriptors_of(adapter.pid) > 1024, "they are taken")
        assert adapter.request("GET", "/told").status == 200


def test_an_upgrade_that_the_server_ignores_opens_no_way_for_a_second_request(start):
    adapter = start("odd_server", *SERVER, OPENWHISK_PLATFORM="auto")
    first = b"GET /told HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
    second = b"GET /told?second HTTP/1.1\r\nX-OpenWhisk-User: admin\r\n\r\n"
    assert b"GET /told HTTP/1.1" in answer_to(adapter, first, second)
    assert "second" not in adapter.log
