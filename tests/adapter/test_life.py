"""A container's life: its log, its activations at once, its deadlines, its end, and whom it runs
as."""

import base64
import json
import os
import re
import resource
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse

import pytest

from openwhisk_adapter.servers.wsgi import Wsgi
from testing.adapter import SENTINEL, Adapter, action_with, activation, folder_of
from testing.prerequisites import need, needed
from testing.process import alive, descendants, status_of, until
from tests.adapter.conftest import COMMANDS


def loaded(adapter, **env):
    reply = adapter.init(env)
    assert reply.status == 200, (reply, adapter.log)
    return adapter


def at_once(*calls):
    """The results of these calls, made at the same time."""
    results = [None] * len(calls)

    def keep(index, call):
        results[index] = call()

    threads = [threading.Thread(target=keep, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def process_of(adapter):
    return json.loads(adapter.web("GET", "/process").body.decode("utf-8"))


def last_line(log):
    """But for those that Werkzeug's own server, behind a port, writes after it has answered."""
    return [line for line in log.splitlines() if " - - [" not in line][-1]


# -- the log ---------------------------------------------------------------------------------------


def test_each_run_ends_both_logs_before_it_answers(own):
    adapter = own()
    assert SENTINEL not in adapter.log
    for count in (1, 2, 3):
        adapter.web("GET", "/speak", "word%d" % count)
        for stream in (adapter.stdout, adapter.stderr):
            assert stream.endswith("\n") and last_line(stream) == SENTINEL
            assert stream.splitlines().count(SENTINEL) == count


def test_what_a_model_prints_belongs_to_its_activation(own):
    adapter = own()
    for word in ("one", "two"):
        adapter.web("GET", "/speak", word)
    parts = adapter.log.split(SENTINEL)
    said = ["to stdout %s", "a child to stdout %s", "to stderr %s", "to wsgi.errors %s"]
    for word in ("one", "two"):
        assert [line for line in said if line % word not in adapter.log] == []
    first, second = (adapter.stdout.split(SENTINEL)[index] for index in (0, 1))
    assert "to stdout one" in first and "a child to stdout one" in first and "two" not in first
    assert "to stdout two" in second and "a child to stdout two" in second
    assert len(parts) == 5


def test_one_line_tells_what_an_activation_was(own):
    adapter = own()
    adapter.web("GET", "/p", "token=in-the-query")
    adapter.web("POST", "/nowhere", "", [("Content-Type", "text/plain")], b"in-the-body")
    adapter.web("GET", "/fail")
    lines = [
        line
        for line in adapter.log.splitlines()
        if re.search(r"\b(GET|POST) /(p|nowhere|fail)\b", line)
    ]
    # The server behind the HTTP back end may write lines of its own.
    ours = [line for line in lines if re.search(r"\bms\b|\dms\b", line)]
    assert len(ours) == 3, adapter.log
    for line, words in zip(
        ours, (["GET", "/p", "200"], ["POST", "/nowhere", "200"], ["GET", "/fail", "500"])
    ):
        assert [word for word in words if word not in line] == []
        assert re.search(r"\d+(\.\d+)? ?ms", line) and re.search(r"\d+ ?(bytes|B)\b", line), line
    assert not [line for line in ours if "in-the-query" in line or "in-the-body" in line]


def test_the_client_learns_how_long_loading_and_the_model_took(own):
    adapter = own()
    first, second = (
        ",".join(adapter.web("GET", "/slow", "0.05").header("server-timing")) for _ in range(2)
    )
    durations = dict(re.findall(r"(\w+);[^,]*?dur=([\d.]+)", first))
    assert {"load", "model"} <= set(durations), first
    assert 50 <= float(durations["model"]) < 5000
    assert "model" in second


def test_server_timing_of_the_app_is_kept(own):
    adapter = own()
    asked = json.dumps(
        ["200 OK", [["Content-Type", "text/plain"], ["Server-Timing", "db;dur=5"]], "aGk="]
    )
    answer = adapter.web(
        "POST", "/answer", "", [("Content-Type", "text/plain")], asked.encode("ascii")
    )
    assert "db;dur=5" in ",".join(answer.header("server-timing"))


# -- activations at once ---------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 8])
def test_activations_may_overlap(own, count):
    adapter = own()
    answers = at_once(*[lambda: adapter.web("GET", "/meet", str(count))] * count)
    assert [json.loads(answer.body.decode("utf-8")) for answer in answers] == [count] * count
    until(lambda: adapter.stdout.count(SENTINEL) == count, "a sentinel for each")


def test_a_caller_that_resets_its_connection_keeps_nobody_waiting(own):
    adapter = own()
    body = json.dumps(activation({"__ow_method": "get", "__ow_path": "/slow", "__ow_query": "0.3"}))
    head = "POST /run HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body)
    with closing(socket.create_connection(("127.0.0.1", adapter.port), 20)) as caller:
        caller.sendall((head + body).encode("ascii"))
        until(lambda: "sleeping" in adapter.log, "it has come")
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    began = time.monotonic()
    until(lambda: adapter.stdout.count(SENTINEL) == 1, "its end is told")
    assert adapter.web("GET", "/p").status == 200
    assert time.monotonic() - began < 20


def threads_of(adapter):
    return int(status_of(adapter.pid)["Threads"])


@pytest.mark.parametrize("backend", ["in-process", "http"])  # an ASGI app has threads of its own
def test_one_request_after_another_stays_on_one_thread(own):
    """Libraries like OpenMP keep a pool of threads for each thread that has called them."""
    adapter = own()
    adapter.web("GET", "/slow", "0.02")
    before = threads_of(adapter)
    for _ in range(5):
        adapter.web("GET", "/slow", "0.02")
    assert threads_of(adapter) == before


@pytest.mark.parametrize("backend", ["in-process", "http"])  # an ASGI app has threads of its own
def test_of_many_threads_that_were_needed_a_few_are_kept(own):
    adapter = own()
    adapter.web("GET", "/p")
    before = threads_of(adapter)
    at_once(*[lambda: adapter.web("GET", "/meet", "20")] * 20)
    until(lambda: threads_of(adapter) <= before + 8, "the others have left")
    assert threads_of(adapter) > before


def test_a_model_is_loaded_once_whoever_asks(start):
    adapter = start("settings")
    answers = at_once(*[lambda: adapter.web("GET", "/")] * 4)
    assert [answer.status for answer in answers] == [200] * 4
    assert adapter.log.count("loaded") == 1


def test_two_inits_at_once_load_once(start):
    adapter = start("settings")
    replies = at_once(adapter.init, adapter.init)
    assert sorted(reply.status for reply in replies) == [200, 403]
    assert adapter.log.count("loaded") == 1


def test_many_idle_connections_do_not_keep_an_activation_waiting(own):
    adapter = own()
    connections = [socket.create_connection(("127.0.0.1", adapter.port)) for _ in range(40)]
    try:
        assert adapter.web("GET", "/p").status == 200
    finally:
        for connection in connections:
            connection.close()


def test_one_that_was_out_of_files_goes_on_when_there_are_some_again(own):
    adapter = own()
    limit = (
        len(os.listdir("/proc/%d/fd" % adapter.pid)) + 20
    )  # each thread in accept has one in hand
    resource.prlimit(adapter.pid, resource.RLIMIT_NOFILE, (limit, limit))
    connections = [socket.create_connection(("127.0.0.1", adapter.port)) for _ in range(60)]
    if adapter.backend != "asgi":  # where a uvloop turns connections away without a word
        until(lambda: "Too many open files" in adapter.log, "there are none left")
    for connection in connections:
        connection.close()

    def is_answered():
        try:
            return adapter.web("GET", "/p").status == 200
        except OSError:  # turned away
            return False

    until(is_answered, "the files are free again")


def test_a_timeout_that_a_model_sets_for_all_sockets_is_not_the_platforms(start):
    adapter = loaded(start("hasty"))
    params = {
        "__ow_method": "post",
        "__ow_query": "",
        "__ow_headers": {"content-type": "text/plain"},
    }
    body = json.dumps(activation({**params, "__ow_path": "/", "__ow_body": "hi"})).encode("ascii")
    with socket.create_connection(("127.0.0.1", adapter.port), 20) as client:
        for part in (
            b"POST /run HT",
            b"TP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:20],
            body[20:],
        ):
            time.sleep(0.2)
            client.sendall(part)
        answer = HTTPResponse(client)
        answer.begin()
        assert json.loads(answer.read().decode("utf-8"))["body"] == "hi"


# -- deadlines -------------------------------------------------------------------------------------


def soon(seconds):
    return str(int((time.time() + seconds) * 1000))


def test_a_model_that_is_too_slow_gets_a_timely_answer(own):
    adapter = own()
    before, began = process_of(adapter)["pid"], time.time()
    answer = adapter.web("GET", "/slow", "8", deadline=soon(5))
    assert time.time() - began < 5
    assert (answer.status, answer.type) == (504, "application/json")
    assert "-t" in json.loads(answer.body.decode("utf-8"))["error"]
    assert process_of(adapter)["pid"] == before
    assert last_line(adapter.stdout) == SENTINEL


def test_a_late_answer_is_no_second_one(own):
    adapter = own()
    assert adapter.web("GET", "/slow", "1.5", deadline=soon(1)).status == 504
    until(lambda: "awake" in adapter.log, "the model has answered too")
    assert adapter.web("GET", "/p").status == 200
    assert (adapter.stdout.count(SENTINEL), adapter.log.count("GET /slow 504")) == (2, 1)
    assert "GET /slow 200" not in adapter.log


def test_a_run_does_not_wait_for_the_model_past_its_deadline(start):
    adapter = start("settings", LOAD_SECONDS=4)
    waiting = threading.Thread(target=adapter.init)
    waiting.start()
    until(lambda: "starting" in adapter.log, "the model is being loaded")
    began = time.time()
    answer = adapter.web("GET", "/", deadline=soon(0.8))
    assert time.time() - began < 3.5
    assert answer.status in (502, 504) and answer.type == "application/json"
    waiting.join(20)
    assert adapter.web("GET", "/").status == 200


def test_a_model_that_comes_second_does_not_cut_the_first_answer_short():
    """The thread that watches deadlines is still sending when the model has answered too."""
    sent = []

    def app(environ, start_response):
        until(lambda: sent, "the deadline's answer is on its way")
        start_response("200 OK", [])
        return [b""]

    def reply(status, body):
        sent.append("begun")
        time.sleep(0.3)
        sent.append("done")

    action = action_with(Wsgi(app, lambda: None))
    threading.Thread(target=action.watch_deadlines, daemon=True).start()
    action.run(json.dumps(activation({}, deadline=soon(0.3))).encode("ascii"), reply)
    assert sent == ["begun", "done"]


@pytest.mark.parametrize("deadline", [None, "", "soon", "-1", 12, "9" * 400, "1"])
def test_a_strange_deadline_does_no_harm(model, deadline):
    answer = model.web("GET", "/p", deadline=deadline)
    assert answer.status in ((200, 504) if deadline in ("1", "-1", 12) else (200,))


# -- the end ---------------------------------------------------------------------------------------


def test_sigterm_ends_it_at_once_when_idle(own):
    adapter = own()
    family = descendants(adapter.pid)
    began = time.time()
    adapter.terminate()
    assert adapter.wait(5) in (0, 143, -15)
    assert time.time() - began < 4, "a stubborn one has five seconds"
    until(lambda: not any(map(alive, family)), "its processes are gone")


def test_sigterm_ends_it_before_any_init(start):
    adapter = start("model")
    adapter.terminate()
    assert adapter.wait(5) in (0, 143, -15)


def test_sigterm_lets_the_running_activation_finish(own):
    adapter = own()
    answers = []
    running = threading.Thread(target=lambda: answers.append(adapter.web("GET", "/slow", "1")))
    running.start()
    time.sleep(0.4)  # there is nothing to poll: the request has to have arrived
    adapter.terminate()
    running.join(10)
    assert [answer.status for answer in answers] == [200]
    assert adapter.wait(5) in (0, 143, -15)


def test_no_process_and_no_zombie_is_left_behind_by_a_run(own):
    adapter = own()
    before = descendants(adapter.pid)
    adapter.web("GET", "/child")
    assert sorted(descendants(adapter.pid)) == sorted(before)


# -- whom it runs as -------------------------------------------------------------------------------


OTHER_USER = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"]


def _root():
    return os.getuid() == 0


@pytest.fixture
def readable():
    """A folder that another user may read; pytest's own are closed."""
    folder = tempfile.mkdtemp()
    os.chmod(folder, 0o755)
    yield folder
    shutil.rmtree(folder)


def open_to_others(folder):
    for parent, _, names in os.walk(folder):
        os.chmod(parent, 0o755)
        for name in names:
            os.chmod(os.path.join(parent, name), 0o644)


# Root's home is closed to others, and an interpreter may live in it: a copy of the mounts where it isn't.  # noqa: E501
REACHABLE = """
mount --bind "$1" "$2" && mount -t tmpfs -o mode=755 none "$0" && mkdir -p "$1" && mount --move "$2" "$1" || exit
shift 2
exec "$@"
"""  # noqa: E501


def as_other_user(hold):
    """The words in front of a command that make it run as a user who has nothing but a number."""
    home, closed = os.path.realpath(sys.base_prefix), os.path.realpath(sys.base_prefix)
    while os.stat(closed).st_mode & 0o001 and closed != "/":
        closed = os.path.dirname(closed)
    if closed == "/":
        return OTHER_USER
    return ["unshare", "-m", "sh", "-c", REACHABLE, closed, home, hold] + OTHER_USER


@pytest.mark.parametrize("backend", sorted(COMMANDS))
def test_any_user_may_run_it(readable, backend, tmp_path):
    need("setpriv")
    needed(_root() and _unshares("-m"), "only root can become another user")
    folder = folder_of(readable, "model")
    open_to_others(folder)
    hold = tmp_path / "hold"
    hold.mkdir()
    # That user couldn't write what coverage measures.
    unmeasured = {name: "" for name in os.environ if name.startswith("COVERAGE")}
    prefix = as_other_user(str(hold))
    with Adapter(
        folder, str(tmp_path), COMMANDS[backend], prefix, HOME="/nonexistent", **unmeasured
    ) as adapter:
        assert process_of(loaded(adapter))["uid"] == 12345


# Everything is read-only; where coverage is measured and has to be written, only the image's own folder.  # noqa: E501
READ_ONLY = """
mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$0" || exit
[ -n "$COVERAGE_PROCESS_CONFIG" ] || { mount -o remount,bind,ro / && mount -o remount,bind,ro /dev/shm; } || exit
exec "$@"
"""  # noqa: E501


@pytest.mark.parametrize("backend", sorted(COMMANDS))
def test_a_read_only_file_system_is_enough(tmp_path, backend):
    need("unshare")
    needed(_root() and _unshares("-m"), "only root can mount")
    folder = folder_of(tmp_path, "model")
    prefix = ["unshare", "-m", "sh", "-c", READ_ONLY, folder]
    with Adapter(
        folder, str(tmp_path), COMMANDS[backend], prefix, PYTHONDONTWRITEBYTECODE=""
    ) as adapter:
        assert loaded(adapter).web("GET", "/p").status == 200
        assert not os.path.exists(os.path.join(folder, "__pycache__"))


def _unshares(*options):
    return subprocess.call(["unshare"] + list(options) + ["true"], stderr=subprocess.DEVNULL) == 0


@pytest.fixture
def first_process(tmp_path):
    """An adapter that is process 1, as in a container without --init."""
    need("unshare")
    needed(_root() and _unshares("-pf", "--mount-proc"), "only root can make a process namespace")
    running = []

    def starting(backend):
        prefix = ["unshare", "-pf", "--mount-proc", "--kill-child"]
        running.append(
            Adapter(folder_of(tmp_path, "model"), str(tmp_path), COMMANDS[backend], prefix)
        )
        return loaded(running[-1])

    yield starting
    for adapter in running:
        for pid in inner(adapter):
            os.kill(pid, 15)  # unshare doesn't pass it on
        adapter.stop()


def inner(adapter):
    """The namespace's process 1, as seen from outside, while it lives."""
    return [
        pid
        for pid in descendants(adapter.pid)
        if status_of(pid).get("NSpid", "").split()[-1:] == ["1"]
    ]


@pytest.mark.parametrize("backend", sorted(COMMANDS))
def test_it_works_as_process_1(first_process, backend):
    adapter = first_process(backend)
    assert json.loads(adapter.web("GET", "/child").body.decode("utf-8")) == ["thread", "process"]
    family = descendants(adapter.pid)
    os.kill(inner(adapter)[0], 15)
    adapter.wait(5)
    until(lambda: not any(map(alive, family)), "its processes are gone")


def test_process_1_buries_the_orphans_of_a_server(first_process):
    """A model in this process has its own way with its children, as it would have without us."""
    adapter = first_process("http")
    before = set(descendants(adapter.pid))
    adapter.web("GET", "/orphan")
    until(
        lambda: not set(descendants(adapter.pid)) - before,
        "the orphan is gone, its entry in the table too",
    )


# -- what OpenWhisk can't carry --------------------------------------------------------------------


def test_a_websocket_is_refused_and_the_log_says_so_once(own):
    adapter = own()
    headers = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")]
    for _ in range(2):
        answer = adapter.web("GET", "/p", "", headers)
        assert (answer.status, answer.type) == (501, "application/json")
        said = json.loads(answer.body.decode("utf-8"))["error"]
        assert said.startswith("this page needs a WebSocket, and OpenWhisk carries none")
        assert adapter.log.count(said) == 1
    assert adapter.web("GET", "/p", "", [("Upgrade", "h2c")]).status == 200


def test_streamlits_page_is_told_what_it_will_miss(own):
    """It shows what this question, its first, is answered with."""
    assert own().web("GET", "/_stcore/health").status == 501


# -- memory ----------------------------------------------------------------------------------------


def test_128_megabytes_are_enough(own):
    """Eight uploads of the greatest size at once, with what Flask's own server takes included."""
    adapter = own()
    body = os.urandom(700000)
    sent = [("Content-Type", "image/png")]
    for _ in range(2):
        answers = at_once(*[lambda: adapter.web("POST", "/p", "", sent, body, cors=False)] * 8)
        assert {answer.status for answer in answers} <= {200, 413}
    peak = int(status_of(adapter.pid)["VmHWM"].split()[0]) // 1024
    measured = any(name.startswith("COVERAGE") for name in os.environ)
    assert peak < 128 + 64 * measured


# -- a plain HTTP server ---------------------------------------------------------------------------


@pytest.fixture
def plain(own):
    """A loaded model that is asked as any HTTP server is."""
    return own()


def told(reply):
    assert reply.status == 200, reply
    return reply.json


@pytest.mark.parametrize(
    "method, target",
    [
        ("GET", "/p?a=1&b=%C3%A9"),
        ("POST", "/model/predict"),
        ("PUT", "/p"),
        ("DELETE", "/p"),
        ("GET", "/run"),
        ("GET", "/init"),
        ("PUT", "/run"),
        ("POST", "/run/"),
        ("POST", "/runs"),
        ("POST", "/a%2Fb//c"),
    ],
)
def test_any_other_request_is_the_models(model, method, target):
    body = b"\x00\xff" if method in ("POST", "PUT") else b""
    report = told(
        model.request(method, target, [("Content-Type", "image/png"), ("X-A", "1")], body)
    )
    path, _, query = target.partition("?")
    assert (report["method"], report["query"], report["script"]) == (method, query, "")
    assert report["path"].encode("latin-1") == path.replace("%2F", "/").encode("ascii")
    assert report["headers"]["x-a"] == "1"
    assert zlib.decompress(base64.b64decode(report["body"])) == body


def test_its_page_is_served_without_an_init(backend, start):
    adapter = start("model", *COMMANDS[backend])
    assert adapter.request("GET", "/p").status == 200
    assert adapter.init().status == 200, "a page that was looked at is no /init"


def test_a_plain_request_is_no_activation(own):
    adapter = own()
    adapter.request("GET", "/p")
    assert SENTINEL not in adapter.log


@pytest.mark.parametrize("kind", ["image/png", "text/html; charset=latin-1"])
def test_a_plain_answer_is_the_models_to_the_byte(model, kind):
    body = bytes(range(256)) * 10
    asked = json.dumps(
        ["201 Odd", [["Content-Type", kind], ["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"]]]
    )
    asked = json.dumps(json.loads(asked) + [base64.b64encode(body).decode("ascii")]).encode("ascii")
    reply = model.request("POST", "/answer", [("Content-Type", "text/plain")], asked)
    assert (reply.status, reply.header("content-type"), reply.body) == (201, [kind], body)
    assert reply.header("set-cookie") == ["a=1", "b=2"]


def test_a_plain_head_has_no_body(model):
    reply = model.request("HEAD", "/head?text/html,1234")
    assert (reply.status, reply.header("content-length"), reply.body) == (200, ["1234"], b"")


def test_the_health_check_of_the_platform_is_no_request(model):
    before = model.log
    socket.create_connection(("127.0.0.1", model.port)).close()
    time.sleep(0.05)
    assert model.web("GET", "/p").status == 200
    assert "Traceback" not in model.log[len(before) :]


def test_bodies_of_the_invoker_may_come_in_pieces(own):
    adapter = own()
    data = json.dumps(activation({"__ow_method": "get", "__ow_path": "/p"})).encode("ascii")
    head = "POST /run HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(data)
    with socket.create_connection(("127.0.0.1", adapter.port), 10) as connection:
        for piece in (head[:9].encode("ascii"), head[9:].encode("ascii"), data[:5], data[5:]):
            connection.sendall(piece)
            time.sleep(0.02)
        with closing(HTTPResponse(connection)) as response:
            response.begin()
            assert (response.status, "headers" in json.loads(response.read().decode("utf-8"))) == (
                200,
                True,
            )


def test_a_client_that_asks_whether_to_go_on_is_told_so(model):
    """curl does so for a long body."""
    data = json.dumps(activation({"__ow_method": "get", "__ow_path": "/p"})).encode("ascii")
    head = (
        "POST /run HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
        % len(data)
    )
    with socket.create_connection(("127.0.0.1", model.port), 10) as connection:
        connection.sendall(head.encode("ascii"))
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(data)
        with closing(HTTPResponse(connection)) as response:
            response.begin()
            assert json.loads(response.read().decode("utf-8"))["statusCode"] == 200


def test_a_kept_connection_serves_several_activations(own):
    """The platform's other HTTP client keeps its connections."""
    adapter = own()
    connection = HTTPConnection("127.0.0.1", adapter.port, timeout=10)
    try:
        for _ in range(3):
            body = json.dumps(activation({"__ow_method": "get", "__ow_path": "/p"}))
            connection.request("POST", "/run", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            assert (response.status, json.loads(response.read().decode("utf-8"))["statusCode"]) == (
                200,
                200,
            )
    finally:
        connection.close()
