"""A model behind a port of its own: any command that listens, in any of HTTP's shapes, and its
life and death."""

import contextlib
import gzip
import json
import os
import re
import resource
import signal
import socket
import threading
import time
from urllib.parse import quote

import pytest

from openwhisk_adapter.messages import Request
from openwhisk_adapter.servers import Exporter, OtherProtocol, Unanswered
from openwhisk_adapter.servers.http import Address, Http, Known
from testing.adapter import SENTINEL, Adapter, action_with, activation, folder_of
from testing.process import alive, descendants, free_port, status_of, until
from tests.adapter.test_commands import installed

SERVER = ["sh", "-c", "cd . && exec python app.py"]


def ready(adapter, **env):
    reply = adapter.init(env)
    assert reply.status == 200, (reply, adapter.log)
    return adapter


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    parent = tmp_path_factory.mktemp("odd")
    with Adapter(folder_of(parent, "odd_server"), str(parent), SERVER) as adapter:
        yield ready(adapter)


@pytest.fixture
def server(start):
    """server(SETTING=value): an adapter in front of a server of its own, asked nothing yet."""
    return lambda **options: start("odd_server", *SERVER, **options)


def told(answer):
    assert answer.status == 200, answer
    return answer.body.decode("utf-8").split("\n")


def asked(adapter):
    return re.findall(r"^asked (\S+ \S+)", adapter.log, re.M)


def error_of(answer):
    assert answer.type == "application/json", answer
    return json.loads(answer.body.decode("utf-8"))["error"]


# -- the shapes of an answer -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/length",
        "/chunked",
        "/extended",
        "/trailers",
        "/closed",
        "/http10",
        "/continued",
        "/no-reason",
        "/lower",
        "/kept",
    ],
)
def test_every_shape_of_an_answer_is_the_same_answer(odd, path):
    began = time.time()
    answer = odd.web("GET", path)
    headers = [
        name.lower() for name, _ in answer.headers if not name.lower().startswith("access-control")
    ]
    assert (answer.status, answer.type, answer.body) == (
        200,
        "text/plain; charset=UTF-8",
        b"one two",
    )
    assert sorted(headers) == ["content-length", "content-type", "server-timing"]
    assert time.time() - began < 15, "one of them keeps the connection for twenty seconds"


def test_answers_without_a_body_stay_without(odd):
    none, unchanged = odd.web("GET", "/none"), odd.web("GET", "/unchanged")
    assert (none.status, none.header("x-a"), none.body) == (204, ["1"], b"")
    assert (unchanged.status, unchanged.header("etag"), unchanged.body) == (304, ['"v1"'], b"")


@pytest.mark.parametrize("path", ["/length", "/lower"])
def test_a_head_is_answered_without_waiting_for_a_body(odd, path):
    answer = odd.web("HEAD", path)
    assert (answer.status, answer.type, answer.header("content-length")) == (
        200,
        "text/plain; charset=UTF-8",
        ["7"],
    )


def test_a_compressed_answer_can_be_read(odd):
    answer = odd.web("GET", "/packed")
    body = gzip.decompress(answer.body) if answer.header("content-encoding") else answer.body
    assert body == b'{"packed": true}'


def test_repeated_and_latin_headers_arrive(odd):
    assert odd.web("GET", "/cookies").header("set-cookie") == ["a=1", "b=2"]
    assert odd.web("GET", "/latin").header("x-a") == ["caf\u00e9"]


@pytest.mark.parametrize(
    "path",
    [
        "/short",
        "/short-chunks",
        "/bad-chunks",
        "/long-chunk",
        "/huge",
        "/garbage",
        "/silent",
        "/endless",
        "/many",
    ],
)
def test_half_an_answer_is_a_bad_gateway(odd, path):
    answer = odd.web("GET", path)
    assert answer.status == 502
    assert error_of(answer)
    assert told(odd.web("GET", "/told"))


def test_an_answer_may_come_before_the_question_is_read(odd):
    answer = odd.web("POST", "/refused", "", [("Content-Type", "image/png")], b"x" * 900000)
    assert (answer.status, answer.body) == (413, b"too much")


# -- the request -----------------------------------------------------------------------------------


def test_the_server_is_told_whom_it_serves(odd):
    headers = [
        ("Host", "api.example.com"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-For", "192.0.2.7"),
    ]
    lines = {line.lower() for line in told(odd.web("GET", "/a%20b//c", "x=1+2", headers))}
    assert "get /a%20b//c?x=1+2 http/1.1" in lines
    assert {
        "host: api.example.com",
        "x-forwarded-host: api.example.com",
        "x-forwarded-proto: https",
        "x-forwarded-for: 192.0.2.7",
        "x-forwarded-prefix: /api/v1/web/guest/default/model",
    } <= lines
    assert not [
        line
        for line in lines
        if line.startswith(("accept-encoding", "transfer-encoding", "expect"))
    ]


def test_no_header_is_said_twice(odd):
    headers = [
        ("Host", "api.example.com"),
        ("X-Forwarded-Host", "h.example"),
        ("X-Forwarded-Prefix", "/forged"),
    ]
    names = [
        line.split(":")[0].lower()
        for line in told(odd.web("POST", "/told", "", headers, b"hi"))
        if ": " in line
    ]
    assert sorted(names) == sorted(set(names))
    assert {"content-length", "content-type"} <= set(names)


def test_each_request_has_a_connection_of_its_own(odd):
    """A thawed container has dead sockets."""
    ports = [
        line for _ in range(3) for line in told(odd.web("GET", "/told")) if line.startswith("from ")
    ]
    assert len(set(ports)) == 3


def test_a_plain_request_is_the_servers(odd):
    reply = odd.request("GET", "/told?a=1", [("X-A", "1")])
    lines = reply.body.decode("utf-8").split("\n")
    assert lines[0] == "GET /told?a=1 HTTP/1.1" and "X-A: 1" in lines
    assert odd.request("GET", "/trailers").body == b"one two"


def test_all_that_was_printed_before_an_answer_is_above_the_end_of_its_activation(odd):
    """Also what is on its way through a buffer: many lines, written at once."""
    for count in range(1000, 1020):
        odd.web("GET", "/print/%d" % count)
        ended = odd.stdout.split(SENTINEL)[-2]
        assert re.findall(r"^line (\d+)$", ended, re.M) == [str(number) for number in range(count)]


# -- pages -----------------------------------------------------------------------------------------

PREFIX = "/api/v1/web/guest/default/model"


@pytest.mark.parametrize(
    "links, redirected",
    [
        ("<script src='app.js'></script>", True),
        ('<link href="./style.css">', True),
        ("<img src=logo.png>", True),
        ("<a href='/docs'>", False),
        ("<a href='https://x.example/a'>", False),
        ("<a href='//x.example/a'>", False),
        ("<a href='#top'>", False),
        ("<img src='data:image/png;base64,aGk='>", False),
        ("<a href='mailto:a@x.example'>", False),
        ("<p>no links", False),
        ("<a href='/docs'><script src='app.js'></script>", True),
    ],
    ids=lambda value: str(value)[:40],
)
def test_the_bare_url_of_a_page_with_relative_links_gets_its_slash(model, links, redirected):
    answer = model.web("GET", "", quote(links))
    if redirected:
        assert (answer.status // 100, answer.header("location")) == (
            3,
            [PREFIX + "/?" + quote(links)],
        )
    else:
        assert (answer.status, answer.body.decode("ascii")) == (200, "<html>%s</html>" % links)


def test_with_its_slash_a_page_is_itself(model):
    links = "<script src='app.js'></script>"
    assert model.web("GET", "/", quote(links)).status == 200


# -- servers of the world --------------------------------------------------------------------------


def test_gunicorn_tells_its_app_the_prefix(start):
    pytest.importorskip("gunicorn", reason="the project's own environment has it")
    command = [
        "gunicorn",
        "--workers",
        "2",
        "--bind",
        "127.0.0.1:0",
        "--worker-tmp-dir",
        "/tmp",
        "app:application",
    ]
    adapter = ready(start("model", *command))
    report = json.loads(adapter.web("GET", "/p", "a=1").body.decode("utf-8"))
    assert (report["script"], report["path"], report["query"]) == (PREFIX, "/p", "a=1")
    until(lambda: len(descendants(adapter.pid)) == 3, "a master and two workers are there")
    family = descendants(adapter.pid)
    adapter.terminate()
    adapter.wait(10)
    until(lambda: not any(map(alive, family)), "its processes are gone")


def test_waitress_is_found_at_its_port(start):
    pytest.importorskip("waitress", reason="the project's own environment has it")
    adapter = ready(start("model", "waitress-serve", "--listen=127.0.0.1:0", "app:application"))
    report = json.loads(adapter.web("GET", "/p").body.decode("utf-8"))
    assert (report["path"], report["headers"]["x-forwarded-prefix"]) == ("/p", PREFIX)


# -- finding the port ------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1", "::", "127.0.0.9"])
def test_a_port_is_found_wherever_it_is_open(server, host):
    adapter = ready(server(HOST=host))
    assert told(adapter.web("GET", "/told"))


def test_a_port_is_found_in_a_grandchild(start):
    adapter = ready(start("odd_server", "sh", "-c", "(python app.py; true); exit 0"))
    assert told(adapter.web("GET", "/told"))


def test_a_module_that_listens_is_served(start):
    assert told(ready(start("odd_server", "python", "-m", "app")).web("GET", "/told"))


def test_a_script_that_listens_is_served_without_a_setting(start):
    adapter = ready(start("odd_server"))
    assert told(adapter.web("GET", "/told"))
    assert descendants(adapter.pid) == []


@pytest.mark.parametrize(
    "between, mute_for",
    [(0, 0), (0.5, 0), (0.5, 0.1)],
    ids=[
        "opened at once",
        "the other one opened first",
        "the other one opened first, and is slow to speak",
    ],
)
def test_of_several_ports_the_one_that_speaks_http_is_found(server, between, mute_for):
    """TensorFlow Serving opens its gRPC port before the other."""
    adapter = ready(server(MUTE_PORT=0, BETWEEN=between, MUTE_FOR=mute_for))
    assert told(adapter.web("GET", "/told"))


def test_a_port_at_which_the_server_speaks_first_is_another_protocols(server):
    adapter = ready(server(MUTE_PORT=0, BETWEEN=0.5, GREETING="SSH-2.0-server\r\n"))
    assert told(adapter.web("GET", "/told"))


def test_a_server_that_is_slow_to_greet_is_found_out_when_it_is_asked(server):
    greeting = {"GREETING": "SSH-2.0-server\r\n", "MUTE_FOR": 0.1}
    adapter = ready(server(MUTE_PORT=0, BETWEEN=0.5, **greeting))
    assert told(adapter.web("GET", "/told"))


def test_a_socket_with_an_odd_name_hides_no_port(server):
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(b"\0two\n\xff lines of %d" % os.getpid())
        assert told(ready(server()).web("GET", "/told"))


def test_a_script_that_gave_up_is_started_again_and_has_its_port(start):
    adapter = ready(start("restarted", MODEL_PORT=free_port()))
    adapter.web("GET", "/leave")
    until(lambda: adapter.web("GET", "/").body == b"here", lambda: adapter.log)


def test_without_a_file_for_a_connection_there_is_an_answer_that_says_so():
    action, sent = action_with(Http(Address("127.0.0.1", 1))), []
    body = json.dumps(activation({"__ow_method": "get", "__ow_path": "/"})).encode("ascii")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        action.run(body, lambda _, written: sent.append(json.loads(written.decode("utf-8"))))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert [result["error"]["statusCode"] for result in sent] == [502]
    assert "Too many open files" in json.loads(sent[0]["error"]["body"])["error"]


def test_the_port_is_a_setting(server):
    port = free_port()
    adapter = ready(server(OPENWHISK_TARGET=port, MODEL_PORT=port, MUTE_PORT=0))
    assert told(adapter.web("GET", "/told"))


def test_no_route_is_probed(server):
    adapter = ready(server())
    adapter.web("POST", "/model/predict", "", [("Content-Type", "text/plain")], b"x")
    assert asked(adapter) == ["POST /model/predict"]


def test_ready_is_when_the_ready_path_says_so(server):
    adapter = server(OPENWHISK_READY="/ready", READY_AFTER=0.6)
    began = time.time()
    ready(adapter)
    assert time.time() - began > 0.3
    assert set(asked(adapter)) == {"GET /ready"}


# -- starting --------------------------------------------------------------------------------------


def test_init_waits_for_a_slow_start(server):
    adapter = ready(server(DELAY=1.0))
    assert told(adapter.web("GET", "/told"))


def test_the_environment_of_init_is_the_servers(server):
    lines = told(ready(server(), TOLD="yes", MODEL_PATH="/weights").web("GET", "/told"))
    assert "MODEL_PATH=/weights" in lines and "UVICORN_ROOT_PATH=" + PREFIX in lines


def test_a_server_that_would_lose_its_routes_is_told_no_prefix(start, tmp_path):
    command = installed(tmp_path / "environment", "uvicorn-0.30.0", "starlette-0.27.0")
    with open(command[0], "w") as program:
        program.write("#!/bin/sh\nexec python app.py\n")
    lines = told(ready(start("odd_server", *command)).web("GET", "/told"))
    assert not [line for line in lines if line.startswith("UVICORN_ROOT_PATH=")]


def test_a_start_that_takes_too_long_fails_with_the_log(server):
    adapter = server(NEVER=1)
    began = time.time()
    reply = adapter.init({"__OW_DEADLINE": str(int((time.time() + 1.5) * 1000))})
    assert time.time() - began < 10
    assert reply.status == 502
    assert "starting" in reply.json["error"]


@pytest.mark.parametrize(
    "command, said",
    [
        (["no-such-server", "--port", "80"], ["no-such-server"]),
        (["sh", "-c", "echo no weights here; exit 7"], ["7", "no weights here"]),
        (["sh", "-c", "echo no weights here >&2; kill -9 $$"], ["SIGKILL", "no weights here"]),
        (["false"], ["false", "1"]),
    ],
    ids=["no such command", "exit code", "signal", "no word"],
)
def test_a_server_that_does_not_start_says_why(start, command, said):
    adapter = start("odd_server", *command)
    reply = adapter.init()
    assert (reply.status, set(reply.json)) == (502, {"error"})
    assert [words for words in said if words not in reply.json["error"]] == []
    assert adapter.init().status == 502, "it may be tried again"


def test_a_server_can_be_started_before_anyone_asks(server):
    adapter = server(OPENWHISK_PRELOAD=1)
    until(lambda: "starting" in adapter.log, "it has been started")
    assert told(ready(adapter).web("GET", "/told"))


# -- dying -----------------------------------------------------------------------------------------


def pid_of(adapter):
    return [
        int(line.split()[1])
        for line in told(adapter.web("GET", "/told"))
        if line.startswith("pid ")
    ][0]


@pytest.mark.parametrize(
    "path, said",
    [
        ("/die/3", ["exit code 3", "last words"]),
        ("/die/0", ["exit code 0", "last words"]),
        ("/kill/9", ["SIGKILL", "-m", "last words"]),
        ("/kill/11", ["SIGSEGV", "last words"]),
    ],
)
def test_a_server_that_dies_says_how_and_is_started_again(server, path, said):
    adapter = ready(server())
    before = pid_of(adapter)
    answer = adapter.web("GET", path)
    assert answer.status == 502
    how = said[:-1]
    assert [words for words in how if words not in error_of(answer)] == []
    assert ("-m" in error_of(answer)) == ("-m" in said)
    assert "last words" not in error_of(answer), "its log is its owner's"
    assert "last words" in adapter.log
    assert asked(adapter).count("GET " + path) == 1, "what may have been done isn't done again"
    after = pid_of(adapter)
    assert after != before and not alive(before)


def test_a_server_that_dies_of_its_first_question_is_not_asked_it_twice(server):
    adapter = ready(server())
    answer = adapter.web("GET", "/kill/9")
    assert (answer.status, "died during this request" in error_of(answer)) == (502, True), answer
    assert asked(adapter) == ["GET /kill/9"]


@pytest.mark.parametrize("last_words", [b"", b"one two\r\n"], ids=["nothing", "another protocol's"])
def test_a_server_that_is_gone_after_a_question_may_have_done_what_it_was_asked(last_words):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        call = Http(Address(*listener.getsockname()), known=Known.ALONE).call()
        connection, _ = listener.accept()
    with contextlib.closing(call):
        connection.sendall(last_words)
        connection.close()
        with pytest.raises(Unanswered):
            call.answer(Request("GET", "/", headers=[]))


METRICS = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: 3\r\n\r\na 1"
)


@contextlib.contextmanager
def answering(*answers):
    """The address of a server that gives these one after the other, and what it is asked."""
    heard = []

    def serve():
        for answer in answers:
            connection, _ = listener.accept()
            with connection:
                heard.append(connection.recv(65536))
                connection.sendall(answer)

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        threading.Thread(target=serve, daemon=True).start()
        yield Address(*listener.getsockname()), heard


def test_a_model_with_a_page_of_metrics_is_asked_for_it_once():
    with answering(METRICS) as (address, heard):
        server = Http(address, known=Known.ALONE)
        answer = server.answer(Request("GET", "/actuator/prometheus", headers=[]))
        assert (answer.status, answer.body, len(heard)) == (200, b"a 1", 1)


def test_a_port_that_has_nothing_but_metrics_is_not_the_models():
    with answering(METRICS, METRICS) as (address, _):
        server = Http(address, known=Known.ALONE, is_exporter=lambda _: True)
        assert server.answer(Request("GET", "/metrics", headers=[])).status == 200, "as asked for"
        with pytest.raises(Exporter, match="port %d tells metrics" % address.port):
            server.answer(Request("GET", "/predict", headers=[]))


def test_a_server_that_has_spoken_http_is_no_other_protocols_later():
    with answering(b"HTTP/1.1 204 No Content\r\n\r\n", b"\0\0\4", b"\0\0\4") as (address, _):
        server = Http(address, known=Known.ALONE)
        assert server.answer(Request("GET", "/", headers=[])).status == 204
        with pytest.raises(Unanswered, match="it isn't HTTP"):
            server.answer(Request("GET", "/", headers=[]))
        with pytest.raises(OtherProtocol):
            Http(address, known=Known.NOTHING).answer(Request("GET", "/", headers=[]))


def test_a_server_that_died_in_its_sleep_is_started_again(server):
    adapter = ready(server())
    before = pid_of(adapter)
    os.kill(before, signal.SIGKILL)
    until(lambda: not alive(before), "it is dead")
    answer = adapter.web("GET", "/told")
    assert "pid %d" % before not in told(answer)


def test_a_server_ends_whole(server):
    """Workers that outlive their master would hold its port."""
    adapter = ready(server(CHILDREN=2))
    first = descendants(adapter.pid)
    assert len(first) == 3
    adapter.web("GET", "/kill/9")
    until(lambda: not any(map(alive, first)), "its workers are gone")
    pid_of(adapter)
    assert len(descendants(adapter.pid)) == 3


@pytest.mark.parametrize("stubborn", [0, 1], ids=["obedient", "stubborn"])
def test_sigterm_reaches_a_server_and_its_children(server, stubborn):
    adapter = ready(server(CHILDREN=2, STUBBORN=stubborn))
    family = descendants(adapter.pid)
    assert len(family) == 3
    adapter.terminate()
    adapter.wait(15)
    until(lambda: not any(map(alive, family)), "its processes are gone")


def test_no_zombie_is_left(server):
    adapter = ready(server(CHILDREN=1))
    for _ in range(3):
        adapter.web("GET", "/die/1")
        pid_of(adapter)
    zombies = [
        pid for pid in descendants(adapter.pid) if status_of(pid).get("State", "").startswith("Z")
    ]
    assert zombies == []
    assert len(descendants(adapter.pid)) == 2
