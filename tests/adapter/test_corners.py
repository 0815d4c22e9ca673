"""What happens seldom: streams that are closed, scripts that end, threads that can't be had."""

import importlib.machinery
import io
import json
import os
import queue
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from types import SimpleNamespace

import pytest

from openwhisk_adapter import VERSION
from openwhisk_adapter.action import Action, Activation
from openwhisk_adapter.ending import Ending
from openwhisk_adapter.listener import Listener, has_said_something, send
from openwhisk_adapter.log import Copy, Log
from openwhisk_adapter.messages import Refused, Request, Response
from openwhisk_adapter.model import Model, State
from openwhisk_adapter.result import result_from_response
from openwhisk_adapter.servers import Server, Unanswered, Unreachable
from openwhisk_adapter.servers.http import Address, Http
from openwhisk_adapter.servers.wsgi import Wsgi
from openwhisk_adapter.settings import Settings
from openwhisk_adapter.starting import Started
from openwhisk_adapter.starting.capture import Places, _tell_when_executed
from openwhisk_adapter.starting.commands import which
from openwhisk_adapter.starting.family import MARK
from openwhisk_adapter.starting.probes import Brief
from openwhisk_adapter.starting.process import Child
from openwhisk_adapter.starting.script import Script, watch_stream
from openwhisk_adapter.starting.signals import Signals
from openwhisk_adapter.starting.sockets import _link_at
from openwhisk_adapter.starting.wanted import Plan, Wanted
from openwhisk_adapter.wire import length_from_text
from openwhisk_adapter.workers import in_own_context
from testing.adapter import ADAPTER, action_with
from testing.process import descendants, free_port, until
from tests.adapter.conftest import COMMANDS

SERVE = """
from wsgiref.simple_server import make_server
def app(environ, respond):
    respond("200 OK", [("Content-Type", "text/plain")])
    return [b"served"]
make_server("127.0.0.1", 0, app).serve_forever()
"""


@pytest.fixture
def script(start):
    """script(TEXT): an adapter whose app.py this is; other files by their names."""

    def starting(text, *command, **options):
        files = options.pop("files", {})
        adapter = start(None, *(command or ["python", "app.py"]), **options)
        for name, content in dict(files, **{"app.py": text}).items():
            path = os.path.join(adapter.folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(content)
        return adapter

    return starting


# -- how a script comes to its end -----------------------------------------------------------------


def test_the_last_word_of_a_script_is_told_to_its_owner(script):
    adapter = script("import sys; sys.exit('no weights in /models')")
    error = adapter.init().json["error"]
    assert "app.py ended with exit code 1" in error and "no weights in /models" in error
    assert "no weights in /models" in adapter.stderr


def test_a_script_that_leaves_threads_has_ended_when_they_have(script):
    text = "import threading, time; threading.Thread(target=time.sleep, args=(0.3,)).start()"
    adapter = script(text)
    assert "came to its end without serving an app" in adapter.init().json["error"]


def test_a_package_that_can_be_run_is(script):
    adapter = script("", "python", "-m", "served", files={"served/__main__.py": SERVE})
    assert adapter.init().status == 200, adapter.log
    assert adapter.web("GET", "/").body == b"served"


def test_a_module_that_is_not_there_is_named(script):
    error = script("", "python", "-m", "nothing_of_this_name").init().json["error"]
    assert "No module named nothing_of_this_name" in error


def test_a_package_that_is_missing_may_be_missed(script):
    """Waitress is waited for, and the import fails as it would without that."""
    blocked = "import sys\nsys.path = [path for path in sys.path if 'site-packages' not in path]\n"
    tried = "try:\n    import waitress\nexcept ImportError:\n    print('without', flush=True)\n"
    adapter = script(blocked + tried + SERVE)
    assert adapter.init().status == 200, adapter.log
    assert "without" in adapter.stdout


def test_a_server_whose_starter_ends_goes_on(start):
    adapter = start("model", "sh", "-c", "python app.py & exit 0")
    assert adapter.init().status == 200, adapter.log
    assert adapter.web("GET", "/p").status == 200


SILENT_THEN_GONE = """
import socket, threading, time
listening = socket.socket()
listening.bind(("127.0.0.1", 0))
listening.listen(5)
def serve():
    while True:
        connection, _ = listening.accept()
        request = connection.recv(65536)
        if request and b"/leave" not in request:
            connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
        connection.close()
        if b"/leave" in request:
            break
    listening.close()
thread = threading.Thread(target=serve)
thread.start()
thread.join()
time.sleep(%s)
"""


def test_a_script_that_dies_of_a_question_is_told_of(script):
    adapter = script(SILENT_THEN_GONE % 0)
    assert adapter.init().status == 200, adapter.log
    answer = adapter.web("GET", "/leave")
    assert (answer.status, b"died during this request" in answer.body) == (502, True), answer


LOADED_LATER = {
    "asyncio",
    "openwhisk_adapter.forms",
    "openwhisk_adapter.servers.arriving",
    "openwhisk_adapter.servers.asgi",
    "openwhisk_adapter.servers.http",
    "openwhisk_adapter.servers.relay",
    "openwhisk_adapter.starting.ports",
    "openwhisk_adapter.starting.probes",
    "openwhisk_adapter.starting.process",
    "openwhisk_adapter.streaming",
    "openwhisk_adapter.warmup",
    "shlex",
}


def test_a_wsgi_model_loads_no_room_that_it_does_without(script):
    pytest.importorskip("werkzeug")  # its server is replaced before it opens a port
    telling = SERVE.replace('[b"served"]', '["\\n".join(__import__("sys").modules).encode()]')
    before, _ = telling.split("make_server(")
    serving = "from werkzeug.serving import run_simple\nrun_simple('127.0.0.1', 5000, app)\n"
    adapter = script(before + serving)
    assert adapter.init().status == 200, adapter.log
    loaded = set(adapter.web("GET", "/").body.decode().split())
    assert "openwhisk_adapter.servers.wsgi" in loaded
    assert loaded & LOADED_LATER == set()


@pytest.fixture
def copy(monkeypatch):
    """A script as it is in a process that it has forked."""
    monkeypatch.setenv(MARK, "")
    signals = SimpleNamespace(share=lambda: None)
    script = Script(None, "app:app", Wanted(), 1, Log(), None, None, None, signals)
    script._pid = 0
    return script


def test_a_copy_of_the_script_ends_as_python_would(copy, capfd):
    copy._log = Log()
    with pytest.raises(SystemExit) as leaving, copy.running():
        raise ValueError("in the copy")
    assert leaving.value.code == 1
    assert "ValueError: in the copy" in capfd.readouterr().err


def test_an_app_that_a_copy_serves_is_not_taken(copy):
    assert not copy._is_wanted(5000)


# -- signals ---------------------------------------------------------------------------------------


def test_a_script_with_signal_handlers_of_its_own_finds_and_gets_what_it_expects(start):
    adapter = start("handling")
    assert adapter.init().status == 200, adapter.log
    assert adapter.web("GET", "/").body == b"[True, True, True, True]"
    adapter.terminate()
    assert adapter.wait() == 0
    assert "leaving after 15" in adapter.stdout


def test_a_second_sigterm_ends_nothing_earlier(own):
    adapter = own()
    answers = []
    client = threading.Thread(target=lambda: answers.append(adapter.web("GET", "/slow", "1")))
    client.start()
    until(lambda: "sleeping" in adapter.stdout, "it works")
    adapter.terminate()
    adapter.terminate()
    client.join()
    assert (answers[0].status, adapter.wait()) == (200, 0)


def test_where_no_thread_is_to_be_had_sigterm_ends_at_once(monkeypatch):
    left = []
    monkeypatch.setattr("openwhisk_adapter.ending._exit", left.append)
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    Ending(lambda: False, lambda: None, Log()).begin()
    assert left == [0]


def test_it_ends_once(monkeypatch):
    begun = []
    monkeypatch.setattr(threading.Thread, "start", lambda thread: begun.append(thread))
    ending = Ending(lambda: False, lambda: None, Log())
    ending.begin()
    ending.begin()
    assert len(begun) == 1


def test_it_ends_whatever_fails_on_the_way(monkeypatch):
    def no_file():
        raise OSError("Too many open files")

    left = []
    monkeypatch.setattr("openwhisk_adapter.ending._exit", left.append)
    with pytest.raises(OSError):
        Ending(lambda: True, no_file, Log())._end()
    assert left == [0]


def no_thread(thread):
    raise RuntimeError("can't start new thread")


# -- streams, connections, threads -----------------------------------------------------------------


def test_the_front_door_can_be_imported():
    import openwhisk

    assert "Apache OpenWhisk action" in openwhisk.__doc__


def test_a_client_that_broke_off_has_said_enough(listener):
    client = socket.create_connection(listener.socket.getsockname(), 20)
    taken, _ = listener.socket.accept()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    until(lambda: has_said_something(taken), "the end has come")
    taken.close()


def test_the_version_is_told():
    said = subprocess.check_output([sys.executable, ADAPTER, "--version"])
    assert said.decode() == "openwhisk.py %s\n" % VERSION


@pytest.mark.parametrize("backend", ["in-process", "http"])  # uvicorn insists on its log
def test_streams_that_are_closed_cost_nothing(start, backend):
    prefix = ["sh", "-c", 'exec "$@" >&- 2>&-', "sh"]
    adapter = start("model", *COMMANDS[backend], prefix=prefix)
    assert adapter.init().status == 200
    assert adapter.web("GET", "/p").status == 200


@pytest.fixture
def listener():
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(5)
        listening.setblocking(False)
        action = action_with(Wsgi(None, None))
        yield Listener(listening, action, action._model, True, Log())


def test_a_client_that_has_gone_before_it_was_taken_is_none(listener):
    listener._accept()
    assert listener.is_idle()


def test_a_connection_that_waits_for_a_thread_is_not_idle(listener, monkeypatch):
    monkeypatch.setattr(listener._workers, "give", lambda connection: None)
    with closing(socket.create_connection(listener.socket.getsockname(), 20)) as client:
        client.sendall(b"GET")
        until(lambda: listener._accept() or not listener.is_idle(), "it was accepted")
        for connection in listener._open:
            connection.close()


def test_where_no_thread_is_to_be_had_a_connection_is_turned_away(listener, monkeypatch, capfd):
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    listener._log = Log()
    with closing(socket.create_connection(listener.socket.getsockname(), 20)) as client:
        client.sendall(b"GET")
        listener._accept()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert "a connection is turned away: can't start new thread" in capfd.readouterr().err


def test_an_answer_that_nobody_takes_is_no_failure():
    one, other = socket.socketpair()
    other.close()
    send(one, 200, b"{}" * 100000)
    one.close()


def test_who_watches_deadlines_goes_on_after_a_failure(capfd):
    looked_again = threading.Event()

    class Broken(Action):
        looks = 0

        def _look_at_deadlines(self, now):
            self.looks += 1
            if self.looks == 1:
                raise OSError("no clock")
            looked_again.set()
            threading.Event().wait()

    log = Log()
    model = Model(["python", "app.py"], Settings(), log, Signals())
    watching = threading.Thread(
        target=Broken(model, Settings(), log).watch_deadlines,
        daemon=True,
    )
    watching.start()
    assert looked_again.wait(20)
    assert "a deadline was missed: no clock" in capfd.readouterr().err


def test_a_deadline_that_comes_second_says_nothing():
    sent = []
    activation = Activation(lambda status, body: sent.append(body), Settings(), Log(), lambda: None)
    activation.answer(Response(200, [("Content-Type", "text/plain")], b"first"))
    activation.expire("")
    assert len(sent) == 1 and b"first" in sent[0]


def test_an_activation_is_over_even_if_its_answer_cannot_be_sent():
    def reply(status, body):
        raise RuntimeError("the transport is closed")

    left = []
    activation = Activation(reply, Settings(), Log(), lambda: None)
    activation.call = SimpleNamespace(abandon=lambda: left.append("abandoned"))
    with pytest.raises(RuntimeError):
        activation.expire("")
    assert activation.is_answered.is_set() and left == ["abandoned"]


def test_a_model_that_is_ready_too_late_is_not_asked_any_more():
    asked, sent = [], []

    class Late(Server):
        def call(self):
            asked.append("asked")
            return Server.call(self)

    action = action_with(Late())
    action._model._server = None

    def load(seconds):
        action._look_at_deadlines(float("inf"))
        return Late()

    action._model.load = load
    body = json.dumps({"value": {}, "deadline": int((time.time() + 60) * 1000)}).encode()
    action.run(body, lambda status, written: sent.append(written))
    assert [b"was still busy shortly before its limit" in each for each in sent] == [True]
    assert asked == []


def test_a_server_that_is_gone_each_time_it_is_asked_is_not_looked_for_for_ever():
    class Gone(Server):
        asked = 0

        def call(self):
            return self

        def answer(self, request, sink=None):
            Gone.asked += 1
            raise Unreachable("it has been shut down")

        def close(self):
            pass

    sent = []
    action = action_with(Gone())
    action._model.look_again = lambda server, failure: None
    action.run(b'{"value": {}}', lambda status, written: sent.append(written))
    expected = b"was found 8 times, and was gone when it was asked: it has been shut down"
    assert ([expected in each for each in sent], Gone.asked) == ([True], 8)


def test_a_look_for_a_port_that_goes_on_after_a_deadline_is_no_prediction():
    ended = []
    action = action_with(Server())
    action.when_burning(ended.append)
    activation = action.begin(lambda status, body: None)
    activation.due = 0.0
    activation.is_answered.set()
    action._look_at_deadlines(time.monotonic())
    assert ended == []


def test_an_init_is_answered_in_time_however_long_a_look_takes():
    going_on, warmed_up = threading.Event(), []
    action = action_with(Server())
    action.settings = Settings(warmup="GET /")
    late = SimpleNamespace(call=lambda: warmed_up.append("too late"))
    action._model.load = lambda seconds: going_on.wait(60) and late
    answers, asking = queue.Queue(), []

    def init():
        soon = str(int((time.time() + 0.5) * 1000))
        body = json.dumps({"value": {"env": {"__OW_DEADLINE": soon}}})
        action.init(body.encode("ascii"), lambda status, said: answers.put((status, said)))

    for _ in range(2):  # who has failed may try again
        asking.append(threading.Thread(target=init))
        asking[-1].start()
        status, said = answers.get(timeout=20)
        assert (status, b"the model wasn't ready in time" in said) == (502, True), said
    going_on.set()
    for thread in asking:
        thread.join(20)
    assert (warmed_up, action._is_initialized.locked()) == ([], False)


def test_a_log_that_a_model_has_made_a_file_of_its_own_gets_no_line(tmp_path):
    path = str(tmp_path / "weights")
    copy = Copy(1)
    with open(path, "wb") as file:
        os.dup2(file.fileno(), copy._descriptor)
        copy.write("a line\n")
    assert os.path.getsize(path) == 0


def test_half_a_line_belongs_to_the_activation_in_which_it_was_printed(capfd):
    child = Child.__new__(Child)
    child._log = Log()
    child._log_lock = threading.Lock()
    child._half_line = b"half a line"
    nothing_more = SimpleNamespace(read=lambda size: None)
    child._process = SimpleNamespace(stdout=nothing_more)
    child.settle_log()
    assert capfd.readouterr().out == "half a line\n"


def test_what_a_copy_of_the_process_prints_is_not_the_models_last_word():
    log = Log()
    log._pid = 0
    log.seen(1, "of the copy\n")
    assert log.tail.lines() == []


def test_a_stream_is_watched_once_however_often_its_script_is_run():
    stream = io.StringIO()
    log = Log()
    for _ in range(3):
        watch_stream(1, stream, log)
        stream.write("once\n")
    assert stream.getvalue() == "once\n" * 3
    assert log.tail.lines() == ["once"] * 3


def test_who_takes_connections_goes_on_after_a_failure(listener, capfd):
    looked_again = threading.Event()
    looks = []

    def take_connections():
        looks.append(1)
        if len(looks) == 1:
            raise MemoryError("no room")
        looked_again.set()
        threading.Event().wait()

    listener._log = Log()
    listener._take_connections = take_connections
    threading.Thread(target=listener.accept_for_ever, daemon=True).start()
    assert looked_again.wait(20)
    assert "a connection was lost: no room" in capfd.readouterr().err


def test_nothing_that_is_written_is_no_line(capfd):
    log = Log()
    log.seen(1, "")
    log.line("a line")
    assert capfd.readouterr().out == "a line\n"


# -- a model's states ------------------------------------------------------------------------------


class Nowhere(Started):
    """Found at once, at no port."""

    def __init__(self, server):
        self.server = server

    def look(self):
        return self.server


def ready_model(server):
    return action_with(server)._model


def asleep():
    return Model(["python", "app.py"], Settings(), Log(), Signals())


def test_a_start_that_fails_in_any_way_can_be_tried_again(monkeypatch):
    def no_ports(count):
        raise OSError("too many open files")

    monkeypatch.setattr("openwhisk_adapter.model.free_ports", no_ports)
    model = asleep()
    for _ in range(2):
        with pytest.raises(OSError, match="too many open files"):
            model.load(20)
        assert model.state is State.ENDED
    model.preload()


def test_a_process_of_its_own_that_cannot_be_had_is_told(monkeypatch):
    def none(*_):
        raise Refused(502, "no such process")

    model = asleep()
    model._state = State.LOADING
    model._plan = Plan(Wanted(), {})
    monkeypatch.setattr(model, "_start_child", none)
    model._go_elsewhere()
    assert model.state is State.ENDED
    assert "no such process" in str(model._not_loaded("not loaded"))


def test_a_start_command_that_nobody_can_watch_is_ended(monkeypatch):
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    with pytest.raises(Refused, match="can't be watched: can't start new thread"):
        Child(["sleep", "600"], dict(os.environ), Wanted(), 1, Log(), lambda how: None)
    until(lambda: b"sleep\x00600" not in command_lines(), "nothing is left of it")


def command_lines():
    lines = []
    for pid in descendants(os.getpid()):
        with suppress(OSError), open("/proc/%d/cmdline" % pid, "rb") as file:
            lines.append(file.read())
    return b"\n".join(lines)


def test_the_end_of_a_server_is_told_also_without_a_file_to_look_for_its_family(monkeypatch):
    def no_file(*_):
        raise OSError("Too many open files")

    monkeypatch.setattr("openwhisk_adapter.starting.process.Family.end_at_once", no_file)
    ended = []
    child = Child(["true"], dict(os.environ), Wanted(), 1, Log(), ended.append)
    until(lambda: ended == ["true ended with exit code 0"], lambda: ended)
    child._output.close()


def test_a_server_that_ends_while_its_port_is_missed_is_started_again(monkeypatch):
    model = ready_model(Server())
    server = Server()
    started = []

    def look():
        model._end("it ended with SIGKILL")

    def start():
        started.append("again")
        return Nowhere(server)

    model._started = Started()
    model._started.look = look
    model._start = start
    model.look_again(model.server, Unreachable("connection refused"))
    assert (model.load(20), started) == (server, ["again"])


def test_an_app_that_was_found_already_is_taken_once():
    told = []
    app = Server()
    model = ready_model(app)
    model.when_ready(told.append)
    model._be_taken(app)
    assert told == []


def test_variables_of_an_earlier_start_are_not_the_images_own(monkeypatch):
    monkeypatch.setenv("PORT", "5001")
    monkeypatch.setenv("OTHER", "its own")
    model = asleep()
    model._plan = Plan(Wanted(), {"PORT": "5001", "OTHER": "ours"})
    model._take_variables_back()
    assert "PORT" not in os.environ and os.environ["OTHER"] == "its own"


def test_a_model_that_is_ready_takes_no_other_server():
    first = Server()
    model = ready_model(first)
    model._be_ready(Server())
    assert (model.server, model.state) == (first, State.READY)


def test_what_is_said_of_a_server_that_is_no_longer_asked_changes_nothing():
    model = ready_model(Server())
    model.look_again(Server(), Unreachable("gone"))
    assert model.state is State.READY


def test_nobody_waits_for_what_has_changed_already():
    model = ready_model(Server())
    model._wait_for_change(1000)
    assert model.state is State.READY


def test_a_server_without_a_port_is_not_told_of(capfd):
    server = Server()
    model = Model(["python", "app.py"], Settings(), Log(), Signals())
    model._state = State.LOADING
    model._started = Nowhere(server)
    model._look()
    assert (model.server, capfd.readouterr().out) == (server, "")


def test_what_a_start_does_not_say_is_nothing():
    started = Started()
    assert started.where(Server()) == "" and started.what_is_missing() == ""
    assert not started.has_ended_within(0)


# -- a server that listens -------------------------------------------------------------------------


def test_a_port_where_nobody_listens_is_another_matter_than_no_answer():
    call = Http(Address("127.0.0.1", free_port())).call()
    with pytest.raises(Unreachable):
        call.answer(Request("GET", "/"))
    call.close()


def test_an_address_that_is_none_is_told():
    call = Http(Address("no:address", 1)).call()
    call.abandon()
    with pytest.raises(Unanswered):
        call.answer(Request("GET", "/"))
    call.close()


def test_an_answer_that_would_fill_memory_is_refused():
    def app(environ, respond):
        respond("200 OK", [])
        return (bytes(1 << 20) for _ in range(70))

    with pytest.raises(Refused, match="the model's answer takes more than"):
        Wsgi(app, None).answer(Request("GET", "/"))


def test_an_answer_to_a_probe_that_never_ends_says_nothing(monkeypatch):
    brief = Brief()
    brief.add(b"a piece")
    monkeypatch.setattr("openwhisk_adapter.starting.probes.ASKING", 1)
    brief._until = 0.0
    with pytest.raises(Unanswered, match="more than 1 s"):
        brief.add(b"another")


def test_a_descriptor_that_has_been_closed_leads_nowhere():
    assert _link_at("/proc/self/fd/123456") == ""


def test_a_length_that_is_no_number_is_none():
    with pytest.raises(ValueError):
        length_from_text("2, 2")


# -- pure rooms ------------------------------------------------------------------------------------


def test_a_function_that_another_version_of_a_package_lacks_is_not_replaced():
    places = Places({"json:no_such_function": len, "json:loads": len})
    import json

    loads = json.loads
    try:
        places.watch()
        assert json.loads("abc") == 3 and not hasattr(json, "no_such_function")
    finally:
        places.undo.close()
    assert json.loads is loads


def test_deep_json_with_other_values_in_it_is_carried_as_text():
    body = b'[1,"a",' * 600 + b"2" + b"]" * 600
    answer = Response(200, [("Content-Type", "application/json")], body)
    assert result_from_response(answer, Request("GET", "/p", plain=True))["body"] == body.decode()


def test_a_module_that_no_import_executes_is_waited_for_in_vain():
    spec = importlib.machinery.ModuleSpec("x", None)
    _tell_when_executed(spec, Places({"x:y": len}))
    assert spec.loader is None


def test_a_program_is_found_as_a_shell_finds_it(tmp_path):
    program = tmp_path / "program"
    program.write_text("")
    assert which(str(program)) is None  # not executable
    program.chmod(0o755)
    assert which(str(program)) == str(program)
    assert which("sh") == shutil.which("sh")
    assert which("no-program-of-this-name") is None


def test_where_there_are_no_context_variables_tasks_are_done_without(monkeypatch):
    monkeypatch.setitem(sys.modules, "contextvars", None)
    assert in_own_context(print) is print


def test_a_failure_that_nobody_expects_is_answered_too(capfd):
    class Failing(Server):
        def call(self):
            raise LookupError("of a kind that nobody expects")

    action = action_with(Failing())
    action._log = Log()
    answers = []
    activation = action.begin(lambda status, body: answers.append((status, body)))
    with activation.failures_answered():
        action._answer(activation, action._model.server)
    ((status, body),) = answers
    assert status == 200 and b"can't be carried: the activation's log says why" in body
    assert "of a kind that nobody expects" in capfd.readouterr().err
