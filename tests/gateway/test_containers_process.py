"""Folders run as containers: real processes behind the adapter, and what is left of them."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import sysconfig
import textwrap
import venv

import psutil
import pytest

from gateway.containers.invoker import Invoker
from gateway.containers.leftovers import MARK, Marker
from gateway.entities import DEVELOPER_ERROR, SUCCESS
from testing.actions import action, eventually, in_loop, order
from testing.process import accepts, alive, free_port, until

FLASK = """
    import os, sys, time
    from flask import Flask, jsonify, request

    app = Flask(__name__)

    @app.route("/pid")
    def pid():
        time.sleep(float(request.args.get("seconds", 0)))
        return str(os.getpid())

    @app.route("/environ")
    def environ():
        return jsonify(dict(os.environ, EXECUTABLE=sys.executable, FOLDER=os.getcwd()))

    @app.route("/print")
    def say():
        print("to stdout")
        print("to stderr", file=sys.stderr)
        return ""

    @app.route("/exit")
    def leave():
        print("last words", flush=True)
        os._exit(3)

    app.run()
"""
# A server that isn't the adapter's to load: it listens itself, and in a process of its own.
LISTENING = """
    import os
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = str(os.getpid()).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    HTTPServer(("127.0.0.1", {port}), Handler).serve_forever()
"""


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    write(folder / "app.py", FLASK)
    return folder


def write(path, text):
    path.write_text(textwrap.dedent(text), encoding="utf-8")


@contextlib.asynccontextmanager
async def invoking(folder, tmp_path, **options):
    invoker = Invoker(
        {"image": str(folder)},
        api_host="http://gateway:3233",
        run_folder=str(tmp_path / "run"),
        **options,
    )
    try:
        yield invoker
    finally:
        await invoker.close()


def get(path, of=None):
    path, _, query = path.partition("?")
    value = {"__ow_method": "get", "__ow_path": path, "__ow_headers": {}, "__ow_query": query}
    return order(of, value)


async def several_allowed(invoker):
    """It shows only when the first process is ready that there can be more than one."""
    await invoker.invoke(get("/pid"))
    await eventually(lambda: invoker._runners["image"].limit is None, "more than one process")


def outcome_of(activation):
    return activation.status, activation.result.get("body", activation.result.get("error"))


def said(activation):
    return [line.split(" ", 1)[1] for line in activation.logs]


def processes_of(invoker):
    return marked(invoker._marker.token)


def marked(token):
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK, "").startswith(token):
                found.append(process)
    return found


def test_a_folder_runs_behind_the_adapter(folder, tmp_path):
    async def work():
        async with invoking(folder, tmp_path) as invoker:
            return [await invoker.invoke(get("/pid")) for _ in range(2)]

    cold, warm = in_loop(work())
    assert (cold.status, warm.status) == (SUCCESS, SUCCESS)
    assert cold.result["body"] == warm.result["body"]
    assert cold.init_time > 0 and cold.wait_time >= 0 and cold.end - cold.start >= cold.init_time
    assert warm.init_time is None


def test_the_start_command_and_environment_of_the_dockerfile_are_used(folder, tmp_path):
    (folder / "app.py").rename(folder / "serve.py")
    write(folder / "Dockerfile", 'FROM some/image\nENV MODEL="a b"\nCMD ["python", "serve.py"]\n')
    environ = environ_of(folder, tmp_path)
    assert (environ["MODEL"], environ["FOLDER"]) == ("a b", str(folder))


def environ_of(folder, tmp_path, **options):
    async def work():
        async with invoking(folder, tmp_path, **options) as invoker:
            return await invoker.invoke(get("/environ"))

    return json.loads(in_loop(work()).result["body"])


def test_the_environment_has_the_api_host_and_nothing_of_the_gateway(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    environ = environ_of(folder, tmp_path)
    assert environ["__OW_API_HOST"] == "http://gateway:3233"
    assert environ["LC_ALL"] == "C.UTF-8"
    assert "AWS_SECRET_ACCESS_KEY" not in environ
    assert environ["PATH"].split(os.pathsep)[0] == os.path.dirname(sys.executable)


@pytest.mark.parametrize("line, value", [("", "1"), ("ENV PYTHONUNBUFFERED=", "")])
def test_python_keeps_nothing_of_what_is_printed_unless_it_is_told_to(
    folder, tmp_path, line, value
):
    write(folder / "Dockerfile", f"FROM x\n{line}\n")
    assert environ_of(folder, tmp_path)["PYTHONUNBUFFERED"] == value


def test_what_a_server_of_its_own_prints_is_in_the_log_of_the_request_it_belongs_to(
    folder, tmp_path
):
    said_at_once = "def do_GET(self):\n            print('asked')"
    app = LISTENING.format(port=free_port()).replace("def do_GET(self):", said_at_once)
    write(folder / "app.py", app)
    write(folder / "Dockerfile", "FROM x\nCMD sleep 0; exec python app.py\n")

    async def work():
        async with invoking(folder, tmp_path) as invoker:
            return said(await invoker.invoke(get("/")))

    assert "stdout: asked" in in_loop(work())


def test_another_interpreter_can_be_chosen(folder, tmp_path):
    venv.create(tmp_path / "env", symlinks=True)
    (packages,) = (tmp_path / "env").glob("lib/*/site-packages")
    write(packages / "ours.pth", sysconfig.get_path("purelib"))
    python = str(tmp_path / "env" / "bin" / "python")
    assert environ_of(folder, tmp_path, python=python)["EXECUTABLE"] == python


def test_each_activation_has_its_own_lines_of_both_streams(folder, tmp_path):
    write(folder / "app.py", "print('loading')\n" + textwrap.dedent(FLASK))

    async def work():
        async with invoking(folder, tmp_path) as invoker:
            return [said(await invoker.invoke(get(path))) for path in ("/print", "/pid", "/print")]

    first, second, third = in_loop(work())
    assert "stdout: loading" in first
    for lines in (first, third):
        assert "stdout: to stdout" in lines and "stderr: to stderr" in lines
    assert not [line for line in second if "loading" in line or "to std" in line]


def test_a_process_whose_lines_nobody_wants_stays(folder, tmp_path):
    of = action(limits={"logs": 0})

    async def work():
        async with invoking(folder, tmp_path) as invoker:
            before = await invoker.invoke(get("/pid", of))
            printed = await invoker.invoke(get("/print", of))
            return before, printed, await invoker.invoke(get("/pid", of))

    before, printed, after = in_loop(work())
    assert (printed.status, printed.logs) == (SUCCESS, [])
    assert before.result["body"] == after.result["body"]


def test_requests_at_the_same_time_get_processes_of_their_own(folder, tmp_path):
    async def work():
        async with invoking(folder, tmp_path, most_containers=3) as invoker:
            await several_allowed(invoker)
            found = await asyncio.gather(
                *[invoker.invoke(get("/pid?seconds=0.3")) for _ in range(6)]
            )
            return [activation.result["body"] for activation in found]

    assert len(set(in_loop(work()))) == 3


def test_a_server_with_a_port_of_its_own_is_there_once_and_requests_wait_their_turn(
    folder, tmp_path
):
    write(folder / "app.py", LISTENING.format(port=free_port()))

    async def work():
        async with invoking(folder, tmp_path) as invoker:
            found = await asyncio.gather(*[invoker.invoke(get("/")) for _ in range(8)])
            return {outcome_of(activation) for activation in found}, len(await listening(invoker))

    async def listening(invoker):
        return [seat for lane in invoker._pool._lanes.values() for seat in lane.seats]

    outcomes, containers = in_loop(work())
    assert [status for status, _ in outcomes] == [SUCCESS]
    assert containers == 1


def test_two_actions_on_such_a_folder_give_way_to_each_other(folder, tmp_path):
    write(folder / "app.py", LISTENING.format(port=free_port()))

    async def work():
        async with invoking(folder, tmp_path) as invoker:
            actions = [action("one"), action("two"), action("one")]
            return [outcome_of(await invoker.invoke(get("/", of))) for of in actions]

    found = in_loop(work())
    assert [status for status, _ in found] == [SUCCESS] * 3
    assert len({pid for _, pid in found}) == 3


def test_a_process_that_dies_costs_its_own_activation_alone(folder, tmp_path):
    async def work():
        async with invoking(folder, tmp_path) as invoker:
            await invoker.invoke(get("/pid"))
            dying = await invoker.invoke(get("/exit"))
            return dying, await invoker.invoke(get("/pid"))

    dying, next_one = in_loop(work())
    assert outcome_of(dying) == (
        DEVELOPER_ERROR,
        "The action did not produce a valid response and exited unexpectedly.",
    )
    assert said(dying) == [
        "stdout: last words",
        "stderr: The action did not initialize or run as expected. Log data might be missing.",
    ]
    assert next_one.status == SUCCESS and next_one.init_time is not None


def test_a_process_that_dies_idle_costs_nothing(folder, tmp_path):
    async def work():
        async with invoking(folder, tmp_path) as invoker:
            pid = int((await invoker.invoke(get("/pid"))).result["body"])
            port = int(
                json.loads((await invoker.invoke(get("/environ"))).result["body"])["OPENWHISK_PORT"]
            )
            os.kill(pid, signal.SIGKILL)
            # A process can be dead while a thread of it still dies, and with it the socket that
            # takes connections.
            until(lambda: not accepts(port), "nobody listens any more")
            return await invoker.invoke(get("/pid"))

    assert in_loop(work()).status == SUCCESS


def test_a_process_that_ends_at_once_is_not_waited_for(folder, tmp_path):
    # The interpreter itself fails, so that not even the adapter is there to say what happened.
    python = tmp_path / "python"
    write(python, "#!/bin/sh\necho no such library >&2\nexit 1\n")
    python.chmod(0o755)

    async def work():
        async with invoking(folder, tmp_path, python=str(python)) as invoker:
            return await invoker.invoke(get("/pid"))

    activation = in_loop(work(), seconds=10)
    assert outcome_of(activation) == (
        DEVELOPER_ERROR,
        "The action did not initialize and exited unexpectedly.",
    )
    assert "stderr: no such library" in said(activation)


def test_one_that_hangs_is_ended_at_its_time_limit_alone(folder, tmp_path):
    of = action(limits={"timeout": 1500})

    async def work():
        async with invoking(folder, tmp_path) as invoker:
            pid = int((await invoker.invoke(get("/pid"))).result["body"])
            # The adapter would give up a moment earlier and say so itself: it has to hang, too.
            os.kill(pid, signal.SIGSTOP)
            hanging = await invoker.invoke(get("/pid", of))
            next_one = await invoker.invoke(get("/pid"))
            await eventually(lambda: not alive(pid), "the hanging process ends")
            return hanging, next_one

    hanging, next_one = in_loop(work())
    assert outcome_of(hanging) == (
        DEVELOPER_ERROR,
        "The action exceeded its time limits of 1500 milliseconds.",
    )
    assert hanging.timed_out and hanging.end - hanging.start >= 1500
    assert next_one.status == SUCCESS and not next_one.timed_out


def test_idle_processes_are_stopped(folder, tmp_path):
    async def work():
        async with invoking(folder, tmp_path, idle_seconds=0.2) as invoker:
            await invoker.invoke(get("/pid"))
            await eventually(lambda: not processes_of(invoker), "no process")

    in_loop(work())


def test_an_updated_action_gets_a_new_process(folder, tmp_path):
    async def work():
        async with invoking(folder, tmp_path) as invoker:
            old = action()
            await several_allowed(invoker)
            running = asyncio.ensure_future(invoker.invoke(get("/pid?seconds=0.5", old)))
            idle = (await invoker.invoke(get("/pid", old))).result["body"]
            await invoker.forget(old)
            new = await invoker.invoke(get("/pid", old._replace(version="0.0.2")))
            ended = await running
            await eventually(lambda: len(processes_of(invoker)) == 1, "only the new one")
            return idle, ended, new

    idle, ended, new = in_loop(work())
    assert (ended.status, new.status) == (SUCCESS, SUCCESS)
    assert len({idle, ended.result["body"], new.result["body"]}) == 3


def test_nothing_is_left_after_close_of_a_server_in_a_session_of_its_own(folder, tmp_path):
    write(folder / "app.py", LISTENING.format(port=free_port()))
    write(folder / "Dockerfile", 'FROM x\nCMD ["sh", "-c", "trap true TERM; python app.py"]\n')

    async def work():
        async with invoking(folder, tmp_path) as invoker:
            pid = int((await invoker.invoke(get("/"))).result["body"])
            return (
                pid,
                os.getsid(pid),
                {os.getsid(process.pid) for process in processes_of(invoker)},
            )

    pid, session, sessions = in_loop(work())
    assert session in sessions and len(sessions) == 2
    assert not alive(pid)
    assert os.listdir(tmp_path / "run") == []


def test_a_server_that_has_lost_its_mark_is_ended_too(folder, tmp_path):
    write(folder / "app.py", LISTENING.format(port=free_port()))
    start = f"trap '' TERM; exec env -i {sys.executable} app.py"
    write(folder / "Dockerfile", f"FROM x\nCMD {json.dumps(['sh', '-c', start])}\n")

    async def work():
        async with invoking(folder, tmp_path) as invoker:
            return int((await invoker.invoke(get("/"))).result["body"])

    pid = in_loop(work())
    until(lambda: not alive(pid), "the server's end")


# As it looks to others when a program has changed its title.
NO_MARK = """
    import ctypes

    numbers = open("/proc/self/stat").read().rpartition(")")[2].split()
    start, end = int(numbers[47]), int(numbers[48])
    ctypes.memset(start, 0, end - start)
"""


def test_one_that_hangs_and_has_lost_its_mark_holds_up_no_end(folder, tmp_path):
    write(folder / "app.py", textwrap.dedent(NO_MARK) + textwrap.dedent(FLASK))

    async def work():
        async with invoking(folder, tmp_path) as invoker:
            pid = int((await invoker.invoke(get("/pid"))).result["body"])
            os.kill(pid, signal.SIGSTOP)
            return pid, [process.pid for process in processes_of(invoker)]

    pid, marked = in_loop(work(), seconds=20)
    assert pid not in marked
    assert not alive(pid)


@pytest.mark.parametrize(
    "options, error",
    [
        pytest.param({"folder": "none"}, "There is no folder", id="no folder"),
        pytest.param(
            {"python": "/nowhere/python"}, "can't be run with /nowhere/python", id="no interpreter"
        ),
    ],
)
def test_what_cannot_be_started_is_said(folder, tmp_path, options, error):
    where = folder / options.pop("folder", "")

    async def work():
        async with invoking(where, tmp_path, **options) as invoker:
            return await invoker.invoke(get("/"))

    activation = in_loop(work())
    assert activation.status == DEVELOPER_ERROR
    assert error in activation.result["error"]
    assert (activation.init_time, activation.logs) == (None, [])


GATEWAY = """
    import asyncio, sys
    from gateway.containers.invoker import Invoker
    from tests.gateway.test_containers_process import get

    async def main(folder, run):
        invoker = Invoker({"image": folder}, api_host="", run_folder=run)
        print((await invoker.invoke(get("/")))[7]["body"], flush=True)
        await asyncio.sleep(600)

    asyncio.run(main(*sys.argv[1:]))
"""


def test_the_next_gateway_ends_what_one_that_was_killed_has_left(folder, tmp_path):
    write(folder / "app.py", LISTENING.format(port=free_port()))
    command = [sys.executable, "-c", textwrap.dedent(GATEWAY), str(folder), str(tmp_path / "run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as gateway:
        pid = int(gateway.stdout.readline())
        gateway.kill()
    assert alive(pid)
    in_loop(started_and_closed(folder, tmp_path))
    until(lambda: not alive(pid), "the orphan's end")
    assert os.listdir(tmp_path / "run") == []


async def started_and_closed(folder, tmp_path):
    async with invoking(folder, tmp_path):
        pass


def test_what_two_gateways_clean_up_at_once_stops_neither(tmp_path):
    run = tmp_path / "run"
    one, other = Marker(str(run)), Marker(str(run))
    (run / "dead").write_text("docker")
    assert one.dead() == other.dead() == ["dead"]
    one.forget("dead")
    assert other.note_of("dead") == ""
    other.forget("dead")


def test_a_living_gateway_is_left_alone(folder, tmp_path):
    async def work():
        async with invoking(folder, tmp_path) as one:
            before = (await one.invoke(get("/pid"))).result["body"]
            await started_and_closed(folder, tmp_path)
            return before, (await one.invoke(get("/pid"))).result["body"]

    before, after = in_loop(work())
    assert before == after


def test_a_folder_that_others_can_write_to_is_refused(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run").chmod(0o777)
    with pytest.raises(PermissionError, match="nobody but you can write to"):
        Marker(str(tmp_path / "run"))
