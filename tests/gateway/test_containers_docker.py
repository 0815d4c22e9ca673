"""Images run as containers by a real Docker engine: with the platform's arguments, limits, logs and
end."""

import asyncio
import contextlib
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading

import pytest

from gateway.containers.invoker import Invoker
from gateway.entities import DEVELOPER_ERROR, SUCCESS, WHISK_ERROR
from testing.actions import action, eventually, in_loop, order
from testing.engine import PYTHON3
from testing.gateway import Gateway
from testing.process import until

IMAGE = "test/action:1"
# An action as others write them: no adapter, no sentinel. It does what its parameters say.
SERVER = """
    import json, os, sys, time
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            result = json.dumps(self.run(body["value"]) if self.path == "/run" else {}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(result)))
            self.end_headers()
            self.wfile.write(result)

        def run(self, do):
            if "print" in do:
                print(do["print"], flush=True)
                print(do["print"], file=sys.stderr, flush=True)
            time.sleep(do.get("seconds", 0))
            if "exit" in do:
                os._exit(do["exit"])
            memory = len(bytearray(do.get("bytes", 0)))
            return {"name": os.uname().nodename, "memory": memory, "env": dict(os.environ)}

        def log_message(self, *arguments):
            pass

    print("starting", flush=True)
    ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
"""


@pytest.fixture(scope="session")
def action_image(engine, tmp_path_factory):
    """Built with the engine's own client: what the gateway does with it is the test."""
    folder = tmp_path_factory.mktemp("action")
    (folder / "server.py").write_text(textwrap.dedent(SERVER))
    (folder / "Dockerfile").write_text(
        f"FROM {engine.image(PYTHON3)}\nENV DOCKER_BUILDKIT=0\n"
        'COPY server.py /\nCMD ["python3", "/server.py"]\n'
    )
    environ = dict(engine.environ, DOCKER_BUILDKIT="0")
    engine.docker("build", "--quiet", "--tag", IMAGE, str(folder), env=environ)
    return engine


@pytest.fixture
def docker(action_image, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", action_image.host)
    monkeypatch.setenv("DOCKER_CONFIG", action_image.environ["DOCKER_CONFIG"])
    return action_image


@contextlib.asynccontextmanager
async def invoking(tmp_path, **options):
    invoker = Invoker(
        {}, api_host="http://gateway:3233", run_folder=str(tmp_path / "run"), **options
    )
    try:
        yield invoker
    finally:
        await invoker.close()


def ordered(limits=None, image=IMAGE, **value):
    return order(action(image=image, limits=dict({"timeout": 20000}, **(limits or {}))), value)


def invoked(tmp_path, *orders):
    async def work():
        async with invoking(tmp_path) as invoker:
            return [await invoker.invoke(one) for one in orders]

    return in_loop(work(), seconds=120)


def containers(engine):
    return engine.docker("ps", "--all", "--quiet", "--no-trunc").split()


def said(activation):
    return [line.split(" ", 1)[1].strip() for line in activation.logs]


def test_an_image_runs_with_its_own_log_and_leaves_nothing(docker, tmp_path):
    threads = threading.active_count()
    cold, warm = invoked(tmp_path, ordered(print="one"), ordered(print="two"))
    assert (cold.status, warm.status) == (SUCCESS, SUCCESS)
    assert cold.result["name"] == warm.result["name"]
    assert cold.init_time is not None and warm.init_time is None
    assert cold.result["env"]["__OW_API_HOST"] == "http://gateway:3233"
    assert sorted(said(cold)) == ["stderr: one", "stdout: one", "stdout: starting"]
    assert sorted(said(warm)) == ["stderr: two", "stdout: two"]
    assert containers(docker) == []
    assert threading.active_count() == threads


def test_a_container_gets_the_platforms_arguments(docker, tmp_path):
    async def work():
        async with invoking(tmp_path) as invoker:
            await invoker.invoke(ordered({"memory": 128}))
            return json.loads(docker.docker("inspect", *containers(docker)))[0]

    found = in_loop(work(), seconds=120)
    host = found["HostConfig"]
    assert {
        key: host[key]
        for key in ("Memory", "MemorySwap", "CpuShares", "PidsLimit", "PortBindings", "Privileged")
    } == {
        "Memory": 128 * 2**20,
        "MemorySwap": 128 * 2**20,
        "CpuShares": 128,
        "PidsLimit": 1024,
        "PortBindings": None,
        "Privileged": False,
    }
    assert sorted(name.replace("CAP_", "") for name in host["CapDrop"]) == ["NET_ADMIN", "NET_RAW"]
    assert host["Ulimits"] == [{"Name": "nofile", "Hard": 1024, "Soft": 1024}]
    assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "1m"}}
    assert host["NetworkMode"] == "bridge"
    assert found["Name"].endswith("_1_guest_one")


def test_one_that_takes_too_much_memory_is_told_so(docker, tmp_path):
    greedy, next_one = invoked(
        tmp_path, ordered({"memory": 128}, bytes=400 * 2**20), ordered({"memory": 128})
    )
    assert (greedy.status, greedy.result) == (
        DEVELOPER_ERROR,
        {"error": "The action exhausted its memory and was aborted."},
    )
    assert next_one.status == SUCCESS


def test_one_that_exits_costs_its_own_activation_alone(docker, tmp_path):
    dying, next_one = invoked(tmp_path, ordered(print="last words", exit=3), ordered())
    assert (dying.status, dying.result) == (
        DEVELOPER_ERROR,
        {"error": "The action did not produce a valid response and exited unexpectedly."},
    )
    assert "stdout: last words" in said(dying)
    assert next_one.status == SUCCESS


def test_one_that_hangs_is_ended_at_its_time_limit(docker, tmp_path):
    limits = {"timeout": 1000}
    _, hanging, next_one = invoked(
        tmp_path, ordered(), ordered(limits, seconds=60), ordered(limits)
    )
    assert hanging.result == {"error": "The action exceeded its time limits of 1000 milliseconds."}
    assert next_one.status == SUCCESS


def test_one_killed_from_outside_while_idle_costs_nothing(docker, tmp_path):
    async def work():
        async with invoking(tmp_path) as invoker:
            first = await invoker.invoke(ordered())
            docker.docker("kill", *containers(docker))
            await eventually(lambda: not containers(docker), "the dead container is removed")
            return first, await invoker.invoke(ordered())

    first, second = in_loop(work(), seconds=120)
    assert (first.status, second.status) == (SUCCESS, SUCCESS)
    assert first.result["name"] != second.result["name"]


def test_more_requests_start_more_containers(docker, tmp_path):
    async def work():
        async with invoking(tmp_path, most_containers=3) as invoker:
            return await asyncio.gather(*[invoker.invoke(ordered(seconds=1)) for _ in range(6)])

    found = in_loop(work(), seconds=120)
    assert {one.status for one in found} == {SUCCESS}
    assert 2 <= len({one.result["name"] for one in found}) <= 3


@pytest.mark.parametrize(
    "image", ["test/none:1", "test/none", "test/none:latest", IMAGE.split(":")[0], "Not/An Image"]
)
def test_an_image_that_cannot_be_pulled(docker, tmp_path, image):
    (activation,) = invoked(tmp_path, ordered(image=image))
    assert (activation.status, activation.result, activation.init_time) == (
        DEVELOPER_ERROR,
        {"error": f"Failed to pull container image '{image}'."},
        None,
    )


def test_a_local_copy_that_may_be_out_of_date_is_not_used(docker, tmp_path):
    docker.docker("tag", IMAGE, "test/untagged:latest")
    (activation,) = invoked(tmp_path, ordered(image="test/untagged"))
    assert activation.result == {"error": "Failed to pull container image 'test/untagged'."}


def test_a_pull_that_hangs_holds_up_no_end(docker, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as registry:
        image = f"127.0.0.1:{registry.getsockname()[1]}/model:1"
        with Gateway(tmp_path, DOCKER_HOST=docker.host) as gateway:
            gateway.create("pulled", image=image)
            path = gateway.rest("POST", "actions/pulled", {}).json["activationId"]
            registry.settimeout(20)
            with registry.accept()[0]:
                gateway.terminate(signal.SIGINT)
                assert gateway.wait(5) == 0
        with Gateway(tmp_path, DOCKER_HOST=docker.host) as gateway:
            response = gateway.rest("GET", f"activations/{path}/result").json
    assert response["result"] == {
        "error": "The gateway was stopped before the activation was complete."
    }
    assert containers(docker) == []


@pytest.mark.parametrize(
    "error, told", [(OSError("x"), ""), (AttributeError("x"), " (AttributeError)")]
)
def test_a_container_whose_output_cannot_be_read_is_removed(
    docker, tmp_path, monkeypatch, error, told
):
    def attached(container):
        raise error

    monkeypatch.setattr("gateway.containers.docker.attached", attached)
    (activation,) = invoked(tmp_path, ordered())
    assert activation.status == WHISK_ERROR
    assert activation.result == {"error": f"Failed to provision resources to run the action.{told}"}
    assert containers(docker) == []


def test_an_image_without_its_command(docker, tmp_path):
    docker.docker(
        "build",
        "--quiet",
        "--tag",
        "test/nocommand:1",
        "-",
        input=f'FROM {IMAGE}\nCMD ["nothing"]'.encode(),
        env=dict(docker.environ, DOCKER_BUILDKIT="0"),
    )
    (activation,) = invoked(tmp_path, ordered(image="test/nocommand:1"))
    assert activation.status == DEVELOPER_ERROR
    assert activation.result == {"error": "executable file not found in image 'test/nocommand:1'."}
    assert containers(docker) == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_docker_is_said_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    (activation,) = invoked(tmp_path, ordered())
    # Docker's client leaves the socket of a connection that failed to the collector.
    gc.collect()
    assert activation.status == WHISK_ERROR
    assert activation.result["error"] == (
        f"Docker isn't running here, and no folder is called {IMAGE} now: start Docker, or the"
        f" gateway with that folder again, or with --image {IMAGE}=WHERE."
    )


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_docker_that_says_something_else_is_quoted_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://docker.invalid:2375")
    (activation,) = invoked(tmp_path, ordered())
    gc.collect()
    assert activation.status == WHISK_ERROR
    assert activation.result["error"].startswith("Docker doesn't answer (")
    assert activation.result["error"].endswith(
        f"start it, or say with --image {IMAGE}=WHERE"
        " in which folder or at which URL the action is."
    )


GATEWAY = """
    import asyncio, sys
    from gateway.containers.invoker import Invoker
    from tests.gateway.test_containers_docker import ordered

    async def main(run):
        invoker = Invoker({}, api_host="", run_folder=run)
        print((await invoker.invoke(ordered())).status, flush=True)
        await asyncio.sleep(600)

    asyncio.run(main(*sys.argv[1:]))
"""


def test_the_next_gateway_removes_what_one_that_was_killed_has_left(docker, tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(GATEWAY), str(tmp_path / "run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as gateway:
        assert gateway.stdout.readline() == b"success\n"
        gateway.kill()
    assert len(containers(docker)) == 1
    in_loop(started_and_closed(tmp_path))
    until(lambda: os.listdir(tmp_path / "run") == [], "the leftover's end")
    assert containers(docker) == []


async def started_and_closed(tmp_path):
    async with invoking(tmp_path):
        pass
