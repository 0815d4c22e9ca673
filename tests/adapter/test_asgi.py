"""uvicorn in this process answers what it would answer at a port, and lives as it would."""

import asyncio
import json
import queue
import socket
import sys
import threading
import time
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from types import SimpleNamespace

import pytest

from openwhisk_adapter import contract
from openwhisk_adapter.messages import Refused, Request
from openwhisk_adapter.servers import Unanswered, Unreachable, arriving
from openwhisk_adapter.servers.exchange import Exchange, Stage
from openwhisk_adapter.starting.asgi import UvicornCapture
from testing.adapter import SENTINEL, Adapter, environment, folder_of
from testing.controller import Answer
from testing.process import Process, accepts, descendants, free_port, until

uvicorn = pytest.importorskip("uvicorn", reason="the project's own environment has it")
asgi = pytest.importorskip("openwhisk_adapter.servers.asgi", reason="Python 3.6 can't import it")

VERSION = [int(number) for number in uvicorn.__version__.split(".")[:2]]
PREFIX = "/api/v1/web/guest/default/model"
PREFIX_IN_PATH = PREFIX if VERSION >= [0, 26] else ""
STATE = {"loaded": "weights"} if VERSION >= [0, 21] else None
FORWARDED = [
    ("host", "api.example.com"),
    ("x-forwarded-host", "api.example.com"),
    ("x-forwarded-prefix", PREFIX),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-for", "192.0.2.7"),
]
OF_THE_CONNECTION = {"connection", "content-length", "date", "server", "transfer-encoding"}


def loaded(adapter, **env):
    reply = adapter.init(env)
    assert reply.status == 200, (reply, adapter.log)
    return adapter


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    parent = tmp_path_factory.mktemp("asgi")
    with Adapter(folder_of(parent, "asgi"), str(parent), ["python", "app.py"]) as adapter:
        yield loaded(adapter)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The same app, served by uvicorn itself: its port."""
    parent, port = tmp_path_factory.mktemp("own"), free_port()
    environ = environment(MODEL_PORT=port, ROOT=PREFIX)
    command = [sys.executable, "app.py"]
    with Process(command, folder_of(parent, "asgi"), environ, str(parent)) as server:
        until(lambda: accepts(port), lambda: server.log)
        yield port


def asked_itself(port, method, target, headers, body):
    """None where the connection ends before the answer is whole."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for pair in FORWARDED + headers + [("content-length", str(len(body)))] * bool(body):
            connection.putheader(*pair)
        connection.endheaders(body)
        try:
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())
        except (HTTPException, OSError):
            return None


def asked_as_action(adapter, method, target, headers, body):
    path, _, query = target.partition("?")
    answer = adapter.web(method, path, query, FORWARDED + headers, body, cors=False)
    if answer.status == 502 and b"without a whole answer" in answer.body:
        return None
    return answer


def comparable(answer):
    """Without what the platform decides: the text of a type, when and how the answer came."""
    if answer is None:
        return "no whole answer"
    left_out = OF_THE_CONNECTION | {"content-type", "server-timing"}
    headers = sorted((name.lower(), value) for name, value in answer.headers)
    kept = [pair for pair in headers if pair[0] not in left_out]
    return answer.status, kept, answer.body


REQUESTS = {
    "a path": ("GET", "/told", [], b""),
    "a query": ("GET", "/told?a=1&b=%20x", [], b""),
    "a path that is encoded": ("GET", "/a%20b/c%C3%A9/told", [], b""),
    "a body": ("POST", "/told", [("content-type", "text/plain; charset=utf-8")], b"hello"),
    "a large body": ("PUT", "/told", [("content-type", "image/png")], b"x" * 300000),
    "headers": ("GET", "/told", [("x-a", "1"), ("x-name", "b c")], b""),
    "another method": ("DELETE", "/told", [], b""),
    "a HEAD": ("HEAD", "/length", [], b""),
    "a HEAD of something longer": ("HEAD", "/too_long", [], b""),
}
HABITS = (
    "cancels",
    "cookies",
    "goes_on",
    "incomplete",
    "large",
    "latin",
    "leaves",
    "length",
    "none",
    "nothing",
    "pieces",
    "raises",
    "raises_after_its_answer",
    "raises_half_way",
    "returns",
    "returns_early",
    "starts_twice",
    "starts_with_body",
    "too_long",
    "too_short",
    "unchanged",
    "without_headers",
    "wrong_type",
)
for habit in HABITS:
    REQUESTS[habit] = ("GET", "/" + habit, [], b"")


def without_context(answer):
    """What only an activation has: the headers that tell of it."""
    if isinstance(answer, tuple) and b'"headers"' in answer[2]:
        report = json.loads(answer[2].decode("utf-8"))
        report["headers"] = [
            pair for pair in report["headers"] if not pair[0].startswith("x-openwhisk-")
        ]
        return answer[:2] + (report,)
    return answer


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_the_answer_is_the_one_of_uvicorn_itself(model, own, request_):
    here = comparable(asked_as_action(model, *request_))
    itself = comparable(asked_itself(own, *request_))
    assert without_context(here) == without_context(itself)


def test_requests_of_all_kinds_at_once_are_answered(model):
    answers = []
    paths = ["/told", "/slow", "/raises", "/pieces", "/thread"] * 10

    def ask(path):
        answers.append(model.web("GET", path, "0.2").status)

    began = time.time()
    threads = [threading.Thread(target=ask, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] * 40 + [500] * 10
    assert time.time() - began < 10


# -- time ------------------------------------------------------------------------------------------


def seen(adapter):
    return json.loads(adapter.web("GET", "/seen").body.decode("ascii"))


@pytest.fixture
def fresh(start):
    """fresh(SETTING=value): an adapter of the test's own, loaded."""
    return lambda *command, **options: loaded(start("asgi", *command, **options))


def soon(seconds):
    return str(int((time.time() + seconds) * 1000))


def test_a_background_task_does_not_hold_back_the_answer(fresh):
    adapter = fresh()
    assert json.loads(adapter.web("GET", "/background").body.decode()) == "answered"
    assert seen(adapter) == []
    until(lambda: seen(adapter) == ["background"], "the task is done")


def test_an_app_that_listens_on_is_told_that_its_client_has_gone(fresh):
    adapter = fresh()
    adapter.web("GET", "/after")
    until(lambda: seen(adapter) == ["http.disconnect"], "told after its answer")


def test_an_app_is_told_of_a_deadline(fresh):
    adapter = fresh()
    assert adapter.web("GET", "/watches", deadline=soon(1)).status == 504
    until(lambda: seen(adapter) == ["http.disconnect"], "told")


def test_what_does_not_listen_is_cancelled_later(fresh):
    adapter = fresh()
    assert adapter.web("GET", "/never", deadline=soon(1)).status == 504
    assert seen(adapter) == []
    until(lambda: seen(adapter) == ["cancelled"], "cancelled")
    assert adapter.popen.poll() is None


def test_an_endless_answer_fills_no_memory(model):
    answer = model.web("GET", "/endless")
    assert answer.status == 502
    assert "67108864" in json.loads(answer.body.decode())["error"]
    assert model.web("GET", "/told").status == 200


# -- the log ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("habit", ["raises", "raises_after_its_answer"])
def test_the_traceback_of_an_error_belongs_to_its_activation(fresh, habit):
    adapter = fresh()
    before = adapter.stderr.count(SENTINEL)
    adapter.web("GET", "/" + habit)
    until(lambda: adapter.stderr.count(SENTINEL) == before + 1, "the end of the activation")
    assert "ValueError: broken" in adapter.stderr.split(SENTINEL)[before]


def test_requests_are_logged_as_uvicorn_logs_them(fresh):
    adapter = fresh()
    adapter.web("GET", "/none", "a=1", FORWARDED)
    assert '192.0.2.7:0 - "GET %s/none?a=1 HTTP/1.1" 204' % PREFIX_IN_PATH in adapter.log


# -- its life --------------------------------------------------------------------------------------


def test_a_lifespan_begins_before_init_is_answered_and_ends_on_sigterm(fresh):
    adapter = fresh()
    assert "lifespan.startup" in adapter.log
    assert json.loads(adapter.web("GET", "/told").body.decode())["state"] == STATE
    adapter.terminate()
    assert adapter.wait(10) == 0
    assert "lifespan.shutdown" in adapter.log and "the script goes on" in adapter.log


def test_sigterm_waits_for_what_is_being_answered(fresh):
    adapter, answers = fresh(), []
    running = threading.Thread(target=lambda: answers.append(adapter.web("GET", "/slow", "1")))
    running.start()
    time.sleep(0.4)  # there is nothing to poll: the request has to have arrived
    adapter.terminate()
    running.join(10)
    assert [answer.status for answer in answers] == [200]
    assert adapter.wait(10) == 0
    assert "lifespan.shutdown" in adapter.log


def test_sigterm_does_not_wait_for_what_nobody_waits_for(fresh):
    adapter = fresh()
    adapter.web("GET", "/never", deadline=soon(1))
    began = time.time()
    adapter.terminate()
    assert adapter.wait(10) == 0
    assert time.time() - began < 4


def test_a_startup_that_fails_is_told(start):
    reply = start("asgi", FAILS="yes").init()
    assert reply.status == 502
    assert "no weights here" in reply.json["error"]


def test_it_needs_no_port(fresh):
    """Not even the one that it insists on: 8080 is the adapter's in a container."""
    port = free_port()
    adapter = fresh(OPENWHISK_PORT=port, MODEL_PORT=port)
    assert adapter.web("GET", "/told").status == 200
    assert descendants(adapter.pid) == []


def test_it_is_asked_whether_it_is_ready(fresh):
    adapter = fresh(OPENWHISK_READY="/readiness", NOT_READY=1.5)
    assert seen(adapter).count("asked") > 1
    assert adapter.web("GET", "/readiness").status == 200


@pytest.mark.parametrize(
    "command",
    [
        ["uvicorn", "app:app", "--port", "1"],
        ["python", "-m", "uvicorn", "app:app", "--port", "1"],
        ["sh", "-c", "exec uvicorn app:app --port ${PORT:-1}"],
    ],
    ids=["command", "module", "shell"],
)
def test_its_own_command_runs_in_this_process(fresh, command):
    adapter = fresh(*command)
    answer = adapter.web("GET", "/told")
    assert answer.status == 200, (answer, adapter.log)
    report = json.loads(answer.body.decode())
    assert (report["root_path"], report["path"]) == (PREFIX, PREFIX_IN_PATH + "/told")
    assert descendants(adapter.pid) == []


def test_several_workers_are_processes_of_their_own(fresh):
    adapter = fresh("uvicorn", "app:app", "--workers", "2", "--port", str(free_port()))
    report = json.loads(adapter.web("GET", "/told").body.decode())
    assert report["root_path"] == PREFIX
    assert len(descendants(adapter.pid)) > 2


# -- other clients ---------------------------------------------------------------------------------


def test_a_kept_connection_is_uvicorns(model):
    with closing(HTTPConnection("127.0.0.1", model.port, timeout=10)) as connection:
        for number in range(3):
            connection.request("GET", "/told?%d" % number)
            answer = connection.getresponse()
            report = json.loads(answer.read().decode())
            assert (answer.getheader("server"), report["query_string"]) == ("uvicorn", str(number))


def test_only_the_platform_may_tell_of_an_activation(model):
    forged = [("X-OpenWhisk-Namespace", "guest"), ("X_OpenWhisk_Deadline", "1"), ("X-A", "1")]
    report = json.loads(model.request("GET", "/told", forged).body.decode())
    names = [name for name, _ in report["headers"]]
    assert sorted(names) == ["host", "x-a"]


def test_a_plain_server_has_all_paths(fresh):
    adapter = fresh(OPENWHISK_PLATFORM="no")
    report = json.loads(adapter.request("POST", "/run", [], b"{}").body.decode())
    assert (report["path"], report["body"]) == ("/run", "{}")


@pytest.mark.parametrize(
    "pieces",
    [[b"POST /run"], [b"POST /run HTTP/1.1\r\nContent-Length: 5\r\n\r\n{"], [b"GE"]],
    ids=["no line", "no body", "another one"],
)
def test_half_a_request_is_no_request(model, pieces):
    before = model.log
    with socket.create_connection(("127.0.0.1", model.port), 10) as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1000)[:12] in (b"", b"HTTP/1.1 400")
    assert SENTINEL not in model.log[len(before) :]


@pytest.mark.parametrize(
    "head",
    [
        b"a" * 70000,
        b"Content-Length: 99999999\r\n\r\n",
        b"Content-Length: x\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=["a long head", "a long body", "no number", "chunks"],
)
def test_a_call_that_the_platform_would_not_make_is_refused(model, head):
    with socket.create_connection(("127.0.0.1", model.port), 10) as connection:
        connection.sendall(b"POST /run HTTP/1.1\r\n" + head)
        assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_a_second_init_is_refused(model):
    assert model.init().status == 403


# -- as a program sets it up -----------------------------------------------------------------------


@pytest.fixture
def settled(start):
    """settled(which, SETTING=value): uvicorn as this program sets it up."""

    def loaded_so(which, **options):
        options.setdefault("MODEL_PORT", free_port())
        return loaded(start("settled", WHICH=which, **options))

    return loaded_so


def text(answer):
    assert answer.status == 200, answer
    return answer.body.decode("ascii").strip()


def test_a_program_may_ask_the_server_that_it_has_started_in_a_thread(settled):
    adapter = settled("thread")
    assert text(adapter.web("GET", "/")) == "thread"
    until(lambda: "heard thread" in adapter.log, "it has asked")


def test_such_a_server_can_do_without_its_port(settled):
    adapter = settled("taken")
    assert text(adapter.web("GET", "/")) == "thread"


@pytest.mark.parametrize("which", ["second", "together"])
def test_the_first_of_several_servers_is_the_models(settled, which):
    port = free_port()
    adapter = settled(which, MODEL_PORT=port)
    assert text(adapter.web("GET", "/")) == "first"
    until(lambda: accepts(port), "the second one listens by itself")


def test_a_target_chooses_another_one(settled):
    port = free_port()
    adapter = settled("second", MODEL_PORT=port, OPENWHISK_TARGET=port)
    assert text(adapter.web("GET", "/")) == "second"


@pytest.mark.parametrize(
    ("which", "place"), [("handed over", PREFIX), ("with a place", "/its/own")]
)
def test_a_server_that_listens_by_itself_is_told_where_its_pages_live(settled, which, place):
    assert text(settled(which).web("GET", "/where")) == place


def test_a_limit_of_concurrency_is_kept(settled):
    adapter, answers = settled("limited"), []

    def ask():
        answers.append(adapter.web("GET", "/slow").status)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 503, 503]
    assert adapter.web("GET", "/").status == 200


def test_a_context_of_the_start_is_hidden_if_that_is_wanted(settled):
    assert text(settled("context").web("GET", "/")) == "context"


def test_a_log_that_is_off_stays_off_and_a_header_is_added(settled):
    adapter = settled("quiet")
    answer = adapter.web("GET", "/")
    assert (text(answer), answer.header("x-a")) == ("quiet", ["1"])
    assert "HTTP/1.1" not in adapter.log


def test_a_server_that_ends_while_it_starts_takes_no_port_with_it(start):
    adapter = start("settled", WHICH="brief", MODEL_PORT=free_port())
    adapter.init()
    until(lambda: "the script goes on" in adapter.log, lambda: adapter.log)
    assert adapter.post("/run", {"value": {}}).status == 200


def test_a_server_that_ends_by_itself_is_started_again(settled):
    adapter = settled("ends")
    assert text(adapter.web("GET", "/end")) == "once"
    until(lambda: "the script goes on" in adapter.log, "it has ended")
    until(lambda: adapter.web("GET", "/").status == 200, "it is there again")
    assert adapter.log.count("Application startup complete") == 2


def test_what_never_becomes_ready_is_told(start):
    adapter = start("asgi", OPENWHISK_READY="/slow?1.5", MODEL_PORT=free_port())
    reply = adapter.init({"__OW_DEADLINE": soon(3)})
    assert reply.status == 502
    assert "0 at /slow?1.5" in reply.json["error"]


# -- single rooms ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "versions, whole",
    [
        ({"uvicorn": (0, 25)}, False),
        ({"uvicorn": (0, 26)}, True),
        ({"uvicorn": (0, 40), "starlette": (0, 34)}, False),
        ({"uvicorn": (0, 25), "starlette": (0, 35)}, True),
        ({"starlette": (1, 0)}, True),
        ({}, True),
    ],
)
def test_the_framework_decides_whether_a_path_has_the_prefix(versions, whole):
    assert asgi.paths_are_whole(versions) is whole


def test_versions_are_those_of_the_modules_that_are_loaded():
    class Module:
        __version__ = "0.30.1"

    class Odd:
        __version__ = "main"

    assert asgi.versions_of({"uvicorn": Module}) == {"uvicorn": (0, 30)}
    assert asgi.versions_of({"starlette": Odd, "json": Module}) == {}


class Deaf(arriving.Port):
    """A port whose calls are never answered."""

    def run(self, body, reply):
        self.reply = reply

    def is_here(self):
        return True

    def do(self, step):
        step()


def over_a_connection(talk):
    """What `talk(port, reader, writer)` gives, over a connection to such a port."""

    async def scene():
        loop = asyncio.get_event_loop()
        port = Deaf(loop)
        server = await loop.create_server(lambda: arriving.Arriving(port), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            return await asyncio.wait_for(talk(port, reader, writer), 10)
        finally:
            writer.close()
            server.close()

    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(scene())
    finally:
        loop.close()


def test_who_says_nothing_is_hung_up_on(monkeypatch):
    monkeypatch.setattr(contract, "SILENCE", 0.3)

    async def talk(port, reader, writer):
        began = time.time()
        await asyncio.sleep(0.2)
        writer.write(b"POST /run HTTP/1.1\r\nContent-Length: 2\r\n\r\n")
        try:
            await reader.read()
        except ConnectionResetError:
            pass
        return time.time() - began

    assert 0.4 < over_a_connection(talk) < 5


@pytest.mark.parametrize(
    "begun",
    [b"POST /run HTTP/1.1\r\n", b"POST /run HTTP/1.1\r\nContent-Length: 100000\r\n\r\n"],
    ids=["a head", "a body"],
)
def test_what_comes_byte_after_byte_is_hung_up_on(monkeypatch, begun):
    monkeypatch.setattr(contract, "SILENCE", 0.3)

    async def talk(port, reader, writer):
        began = time.time()
        writer.write(begun)
        while not reader.at_eof() and reader.exception() is None:
            writer.write(b"a")
            await asyncio.sleep(0.02)
        return time.time() - began

    assert over_a_connection(talk) < 5


def test_what_comes_after_a_whole_request_is_not_kept(monkeypatch):
    async def talk(port, reader, writer):
        writer.write(b"POST /run HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}more")
        while not hasattr(port, "reply"):
            await asyncio.sleep(0.01)
        (arrived,) = port.arriving
        arrived.data_received(b"x" * 1000)
        port.reply(200, b"{}")
        while port.arriving:
            await asyncio.sleep(0.01)
        return len(arrived.data)

    assert over_a_connection(talk) == 0


def test_who_takes_nothing_is_hung_up_on(monkeypatch):
    monkeypatch.setattr(contract, "SILENCE", 0.3)

    async def talk(port, reader, writer):
        writer.write(b"POST /run HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
        while not hasattr(port, "reply"):
            await asyncio.sleep(0.01)
        reader._transport.pause_reading()
        port.reply(200, b"x" * 50000000)
        while port.arriving:
            await asyncio.sleep(0.01)
        return True

    assert over_a_connection(talk)


def test_a_loop_that_is_closed_is_out_of_reach():
    class Closed:
        def do(self, step):
            raise RuntimeError("Event loop is closed")

    call = asgi.AsgiCall(Closed())
    with pytest.raises(Unreachable):
        call.answer(None)
    call.abandon()


def test_a_request_that_a_loop_has_not_begun_when_it_ends_can_be_made_again(monkeypatch):
    monkeypatch.setattr(asgi, "LOOK", 0.01)
    looks = [False, True]  # the last of them first

    class Ended:
        loop = SimpleNamespace(is_running=looks.pop)
        begun = []

        def do(self, step):
            self.begun.append(step)

    call = asgi.AsgiCall(Ended())
    with pytest.raises(Unreachable):
        call.answer(None)
    for step in Ended.begun:  # the loop runs once more
        step()
    assert call.exchange is None


async def answering(scope, receive, send):
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body"})


ERRORS = SimpleNamespace(error=lambda *words, **more: None)


def ended_loop(when, monkeypatch):
    """A server whose loop has ended, with a request whose task hasn't run, waits, or has been
    answered."""
    monkeypatch.setattr(asgi, "LOOK", 0.01)
    server = asgi.Asgi.__new__(asgi.Asgi)
    server.loop = asyncio.new_event_loop()
    asyncio.set_event_loop(server.loop)  # up to Python 3.9 an Event would make one of its own
    server.is_here = lambda: True
    call = asgi.AsgiCall(server)

    async def waiting(scope, receive, send):
        await asyncio.sleep(600)

    def ask(request, sink, answered):
        common = SimpleNamespace(
            loop=server.loop, started=print, errors=ERRORS, default_headers=list
        )
        app = answering if when == "answered" else waiting
        exchange = Exchange(common, {"method": "GET"}, b"", sink, answered)
        exchange.task = server.loop.create_task(exchange.run(app))
        if when != "not begun":
            server.loop.run_until_complete(asyncio.sleep(0.01))
        return exchange

    server.ask = ask
    return call


@pytest.mark.parametrize("when", ["not begun", "begun", "answered"])
def test_what_a_loop_has_done_when_it_ends_says_whether_to_ask_again(monkeypatch, when):
    call = ended_loop(when, monkeypatch)
    if when == "answered":
        assert call.answer(None).status == 204
    else:
        with pytest.raises(Unreachable if when == "not begun" else Unanswered):
            call.answer(None)
    loop = call.server.loop
    if when == "begun":
        call.exchange.task.cancel()
    loop.run_until_complete(asyncio.sleep(0.01))  # it runs once more
    loop.close()
    asyncio.set_event_loop(None)
    assert call.exchange.has_begun == (when != "not begun")


def test_a_client_of_a_loop_that_is_closed_is_told_so():
    server = asgi.Asgi.__new__(asgi.Asgi)
    server.loop = asyncio.new_event_loop()
    server.loop.close()
    one, other = socket.socketpair()
    with closing(one), closing(other), pytest.raises(Unreachable):
        server.pass_on(one)


# -- what hardly happens ---------------------------------------------------------------------------


class Here:
    """A server whose loop is this thread."""

    def do(self, step):
        step()

    def ask(self, *_):
        raise UnicodeError("not in Latin-1")


def test_what_an_app_is_refused_is_told_to_who_waits_in_a_thread():
    class Refusing(asgi.AsgiCall):
        def begin(self, request, sink, tell):
            tell(Refused(502, "no such answer"))

    with pytest.raises(Refused, match="no such answer"):
        Refusing(Here()).answer(None)


def test_a_request_that_no_app_can_be_handed_is_refused():
    with pytest.raises(Refused, match="can't be handed to the app: not in Latin-1"):
        asgi.AsgiCall(Here()).answer(None)


def test_a_port_that_was_never_opened_is_lost_without_a_word():
    asgi.Asgi.lose_port(SimpleNamespace(own_port=None))
    asgi.AsgiPort.lose(SimpleNamespace(socket=None))


def test_a_caller_that_has_gone_is_not_answered():
    caller = arriving.Arriving(SimpleNamespace(loop=None))
    caller.transport = SimpleNamespace(is_closing=lambda: True)
    caller.reply(200, b"{}")
    assert caller.step is arriving.Step.ANSWER


def test_whoever_has_asked_nothing_when_it_ends_is_hung_up_on():
    aborted = []
    port = arriving.Port(None)
    asking = SimpleNamespace(step=arriving.Step.ANSWER)
    silent = SimpleNamespace(step=arriving.Step.START)
    silent.transport = SimpleNamespace(abort=lambda: aborted.append("silent"))
    port.arriving = {id(one): one for one in (asking, silent)}.values()
    port.hang_up()
    assert aborted == ["silent"]


def test_an_older_uvicorn_has_no_state_to_hand_on():
    class Protocol:
        def __init__(self, config, server_state):
            self.parts = (config, server_state)

    config = SimpleNamespace(root_path="", asgi_version="3.0", http_protocol_class=Protocol)
    older = SimpleNamespace(
        config=config,
        uvicorn=SimpleNamespace(server_state="shared"),
        state=None,
        port=80,
        paths_are_whole=False,
    )
    assert "state" not in asgi.Asgi.scope_from_request(older, Request("GET", "/"))
    assert asgi.Asgi.protocol(older).parts == (config, "shared")


def test_pieces_that_would_fill_memory_are_refused():
    pieces = asgi.Pieces(queue.Queue())
    pieces.size = asgi.LARGEST
    with pytest.raises(Refused):
        pieces.add(b"x")


def test_a_call_that_was_given_up_before_it_began_is_none():
    call = asgi.AsgiCall(None)
    call.leave()
    assert call.exchange is None


def test_what_is_no_request_is_not_looked_into():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope)

    asyncio.run(asgi.without_headers_of_platform(app)({"type": "lifespan"}, None, None))
    assert seen == [{"type": "lifespan"}]


def test_who_leaves_when_all_is_there_changes_nothing():
    async def left():
        exchange = Exchange(None, {}, b"", None, None)
        exchange.stage = Stage.COMPLETE
        exchange.leave()
        exchange.cancel()
        return exchange

    exchange = asyncio.run(left())
    assert (exchange.stage, exchange.over.is_set()) == (Stage.COMPLETE, False)


@pytest.mark.parametrize(
    "others, version, is_taken",
    [
        ({}, (3, 7), True),
        ({}, (3, 6), False),
        ({"is_ssl": True}, (3, 7), False),
        ({"uds": "/run/model"}, (3, 7), False),
        ({"fd": 0}, (3, 7), False),
    ],
)
def test_only_what_one_loop_can_serve_is_taken(monkeypatch, others, version, is_taken):
    monkeypatch.setattr(sys, "version_info", version)
    config = SimpleNamespace(**{"is_ssl": False, "uds": None, "fd": None, "port": 8000, **others})
    capture = UvicornCapture(lambda port: port == 8000, None, None)
    assert capture.can_take(config) is is_taken
