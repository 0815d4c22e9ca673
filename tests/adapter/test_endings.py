"""How a model ends: by its own handlers, or in the background; and what is told of its end."""

import os
import shutil
import signal
import sys
import threading
import time

import pytest

from openwhisk_adapter.starting.family import Family
from testing.adapter import APPS, Adapter, folder_of
from testing.prerequisites import need, needed
from testing.process import accepts, alive, descendants, free_port, status_of, until
from tests.adapter.conftest import COMMANDS
from tests.adapter.test_life import _root, _unshares, as_other_user, open_to_others, readable

assert readable  # a fixture


def loaded(adapter, **env):
    reply = adapter.init(env)
    assert reply.status == 200, (reply, adapter.log)
    return adapter


def ended(adapter):
    """How long it has taken from SIGTERM to the end of it and of all that it had started."""
    family = descendants(adapter.pid)
    began = time.time()
    adapter.terminate()
    adapter.wait(20)
    seconds = time.time() - began
    until(lambda: not any(map(alive, family)), "its processes are gone")
    return seconds


# -- SIGTERM ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["by_asyncio", "by_exit", "by_event", "late"])
def test_a_script_ends_by_its_own_handler_and_at_once(start, how):
    adapter = loaded(start("with_handler", "python", "app.py", how))
    assert adapter.web("GET", "/").body == b"here"
    if how == "late":
        time.sleep(1)  # there is nothing to poll: it sets its handler
    assert ended(adapter) < 3
    assert "last words" in adapter.log


@pytest.mark.parametrize("how", ["by_thread", "by_process", "by_interrupt"])
def test_a_script_without_a_handler_ends_at_once(start, how):
    adapter = loaded(start("with_handler", "python", "app.py", how))
    assert adapter.web("GET", "/").body == b"here"
    assert ended(adapter) < 3


@pytest.mark.parametrize(
    "child, least, most",
    [
        (
            "trap 'sleep 1; echo last words; exit' TERM; touch trapped; while :; do sleep 0.1; done",  # noqa: E501
            1,
            4,
        ),
        ("trap '' TERM; touch trapped; while kill -0 $PPID; do sleep 0.1; done", 0, 3),
        ("trap : TERM; touch trapped; while :; do sleep 0.1; done", 4, 9),
    ],
    ids=["ends when it has done its work", "is no one to be told", "never ends"],
)
def test_what_a_script_has_started_has_some_seconds(start, child, least, most):
    adapter = loaded(start("with_handler", "python", "app.py", "by_child", CHILD=child))
    began = time.time()
    adapter.terminate()
    adapter.wait(20)
    assert least <= time.time() - began < most
    assert ("last words" in adapter.log) == ("last words" in child)


def test_a_script_whose_handler_does_nothing_has_some_seconds(start):
    adapter = loaded(start("with_handler", "python", "app.py", "stubborn"))
    assert 4 < ended(adapter) < 9


def test_an_answer_that_is_on_its_way_arrives(start):
    adapter = loaded(start("with_handler", "python", "app.py", "by_event"))
    answers = []
    asking = threading.Thread(target=lambda: answers.append(adapter.web("GET", "/", "1")))
    asking.start()
    time.sleep(0.4)  # there is nothing to poll: the request has to have arrived
    assert ended(adapter) < 5
    asking.join(5)
    assert [answer.body for answer in answers] == [b"here"]


def test_a_server_is_told_once_to_end(start):
    """Told twice, many end without what they have begun."""
    line = "trap 'echo told' TERM; python app.py by_exit & wait; wait"
    adapter = loaded(start("with_handler", "sh", "-c", line))
    ended(adapter)
    assert adapter.log.count("told") == 1


def test_only_a_models_own_processes_are_its_family(start):
    """Those that came into this container from outside have session 0, as has whoever has no
    leader yet."""
    assert [pid for pid in Family("mark").pids() if pid in (1, os.getppid())] == []


# -- the end of a script ---------------------------------------------------------------------------


def test_a_script_that_serves_from_a_thread_lives_as_long_as_that(start):
    adapter = loaded(start("with_handler", "python", "app.py", "by_thread"))
    for _ in range(2):
        assert adapter.web("GET", "/").body == b"here"


# -- daemons ---------------------------------------------------------------------------------------


def with_daemon(adapter):
    shutil.copy(os.path.join(APPS, "several.py"), adapter.folder)
    return loaded(adapter)


@pytest.mark.parametrize("bare", ["", "1"], ids=["with its environment", "without"])
def test_a_server_in_the_background_is_found_and_ended(start, bare):
    port = free_port()
    adapter = with_daemon(
        start("daemon", "sh", "-c", "python app.py; true", MODEL_PORT=port, BARE=bare)
    )
    assert adapter.web("GET", "/told").body == b"model at %d" % port
    ended(adapter)
    until(lambda: not accepts(port), "the server in the background has ended")


def test_a_server_is_found_that_hops_from_process_to_process_into_the_background(start):
    """A look at all processes takes longer than one of these lives."""
    port = free_port()
    with_daemon(start("daemon", "python3", "-S", "app.py", MODEL_PORT=port, HOPS=500, BARE="1"))


def test_a_server_in_the_background_is_found_by_process_1(tmp_path):
    need("unshare")
    needed(_root() and _unshares("-pf", "--mount-proc"), "only root can make a process namespace")
    prefix = ["unshare", "-pf", "--mount-proc", "--kill-child"]
    command = ["sh", "-c", "python app.py; true"]
    port = free_port()
    folder = folder_of(tmp_path, "daemon")
    with Adapter(folder, str(tmp_path), command, prefix, MODEL_PORT=port, BARE="1") as adapter:
        with_daemon(adapter)
        assert adapter.web("GET", "/told").body == b"model at %d" % port
        inner = [
            pid for pid in descendants(adapter.pid) if status_of(pid)["NSpid"].split()[-1] == "1"
        ]
        os.kill(inner[0], signal.SIGTERM)
        adapter.wait(10)
    until(lambda: not accepts(port), "the server in the background has ended")


def test_gunicorn_as_a_daemon_is_served(start):
    pytest.importorskip("gunicorn", reason="the project's own environment has it")
    port = free_port()
    words = ["gunicorn", "--daemon", "--bind", "127.0.0.1:%d" % port, "app:application"]
    adapter = loaded(start("model", *words))
    assert adapter.web("GET", "/p").status == 200
    ended(adapter)
    until(lambda: not accepts(port), "it has ended")


NGINX = """
pid nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
    server { listen 127.0.0.1:%d; location / { proxy_pass http://127.0.0.1:%d; } }
}
"""  # noqa: E501


@pytest.fixture
def proxied(start):
    """proxied(LINE): nginx in the background, and a server behind it that takes its time."""
    if not shutil.which("nginx"):
        pytest.skip("nginx isn't installed")

    def starting(line):
        front, back = sorted(free_port() for _ in range(2))
        adapter = start("several", "sh", "-c", line, BACK=back)
        with open(os.path.join(adapter.folder, "nginx.conf"), "w") as file:
            file.write(NGINX % (front, back))
        return adapter, front

    return starting


BACK = "exec python app.py model:$BACK:1"


@pytest.mark.parametrize(
    "line",
    [
        "nginx -p . -c nginx.conf && cd . && " + BACK,
        "(%s) & cd . && exec nginx -p . -c nginx.conf -g 'daemon off;'" % BACK,
    ],
    ids=["as it comes", "in the foreground"],
)
def test_nginx_is_asked_when_what_is_behind_it_answers(proxied, line):
    adapter, front = proxied(line)
    loaded(adapter)
    assert adapter.web("GET", "/told").status == 200, adapter.log
    assert "model at port %d" % front in adapter.stdout
    ended(adapter)
    until(lambda: not accepts(front), "nginx has ended")


def test_a_daemon_that_dies_is_started_again(start):
    port = free_port()
    adapter = with_daemon(start("daemon", "sh", "-c", "python app.py; true", MODEL_PORT=port))
    for pid in descendants(adapter.pid):
        os.kill(pid, signal.SIGKILL)
    until(lambda: adapter.web("GET", "/told").status == 200, lambda: adapter.log)


def test_a_parent_that_ignores_its_childrens_ends_changes_nothing(tmp_path):
    """Whoever started us may have said so, and it is handed down."""
    ignoring = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execvp(sys.argv[1], sys.argv[1:])"  # noqa: E501
    prefix = [sys.executable, "-c", ignoring]
    command = ["sh", "-c", "cd . && exec python app.py"]
    with Adapter(folder_of(tmp_path, "odd_server"), str(tmp_path), command, prefix) as adapter:
        loaded(adapter)
        assert adapter.web("GET", "/die/3").status == 502
        until(lambda: adapter.web("GET", "/told").status == 200, lambda: adapter.log)


# -- a port that it can't have ---------------------------------------------------------------------


def why(adapter, seconds=20.0):
    reply = adapter.init({"__OW_DEADLINE": str(int((time.time() + seconds) * 1000))})
    assert (reply.status, set(reply.json)) == (502, {"error"}), (reply, adapter.log)
    return reply.json["error"].split("\n")[0]


@pytest.mark.parametrize(
    "line, how",
    [
        (
            "cd . && exec python app.py by_asyncio",
            "the model couldn't be loaded: sh ended with exit code 1",
        ),
        (
            "python app.py by_asyncio; sleep 60",
            "the model wasn't ready in time: it is still being loaded and has opened no port",
        ),
    ],
    ids=["it ends", "its starter lives on"],
)
def test_a_server_that_wants_our_own_port_is_told_so(start, line, how):
    port = free_port()
    adapter = start("with_handler", "sh", "-c", line, OPENWHISK_PORT=port, MODEL_PORT=port)
    own = "%d is openwhisk.py's own: tell the server another port (PORT in its environment is a free one)"  # noqa: E501
    assert why(adapter, 3) == "%s. %s" % (how, own % port)


def test_a_script_that_wants_our_own_port_is_told_so(start):
    port = free_port()
    adapter = start(
        "with_handler", "python", "app.py", "by_asyncio", OPENWHISK_PORT=port, MODEL_PORT=port
    )
    said = why(adapter)
    assert said.startswith(
        "the model couldn't be loaded: app.py ended with OSError. %d is openwhisk.py's own" % port
    )


def test_the_cause_is_told_however_much_is_printed_after_it(start):
    port = free_port()
    line = "python app.py by_asyncio; seq 100; exit 3"
    adapter = start("with_handler", "sh", "-c", line, OPENWHISK_PORT=port, MODEL_PORT=port)
    reply = adapter.init()
    assert "exit code 3. %d is openwhisk.py's own" % port in reply.json["error"]
    assert "address already in use\n...\n81\n" in reply.json["error"]


def test_an_exit_code_is_no_traceback(start):
    adapter = start("leaving", "python", "app.py")
    assert why(adapter) == "the model couldn't be loaded: app.py ended with exit code 3"
    assert "Traceback" not in adapter.log


def test_a_low_port_of_an_ordinary_user_is_named(readable, tmp_path):
    need("setpriv")
    needed(_root() and _unshares("-mn"), "only root can become another user")
    folder = folder_of(readable, "with_handler")
    open_to_others(folder)
    hold = tmp_path / "hold"
    hold.mkdir()
    unmeasured = {name: "" for name in os.environ if name.startswith("COVERAGE")}
    command = ["sh", "-c", "cd . && exec python app.py by_asyncio"]
    prefix = as_other_user(str(hold))
    settings = dict(unmeasured, MODEL_PORT=80, HOME="/nonexistent")
    with Adapter(folder, str(tmp_path), command, prefix, **settings) as adapter:
        assert why(adapter) == (
            "the model couldn't be loaded: sh ended with exit code 1. port 80 is root's, as all"
            " below 1024: run as root, or tell the server another"
        )


def test_a_plain_answer_of_an_asgi_app_has_as_long_as_any_other(start):
    if "asgi" not in COMMANDS:
        pytest.skip("uvicorn isn't installed")
    adapter = start("model", *COMMANDS["asgi"], OPENWHISK_PLATFORM="no")
    answers = []
    asking = threading.Thread(target=lambda: answers.append(adapter.request("GET", "/slow?7")))
    asking.start()
    until(lambda: "sleeping" in adapter.stdout, "it works")
    adapter.terminate()
    asking.join()
    assert answers[0].status == 200
    adapter.wait(20)
