"""Containers that are frozen in the middle of a request, as the platform freezes them: what the
user then sees."""

import json
import os
import signal
import threading
import time
from contextlib import contextmanager, suppress

import pytest

from gateway.settings import Settings
from testing.adapter import Adapter, activation, copy_adapter
from testing.controller import params_from_request, response_from_result
from testing.engine import PYTHON3
from testing.gateway import WEB, Gateway
from testing.process import alive, descendants, until
from tests.stress.folders import COMMANDS, folder_with
from tests.stress.scale import PAUSE, as_long_as_it_takes

IMAGE = "test/faulty:1"
DOCKERFILE = """
FROM {base}
WORKDIR /model
COPY openwhisk.py /openwhisk/
COPY openwhisk_adapter /openwhisk/openwhisk_adapter
COPY app.py serving.py ./
ENTRYPOINT ["python3", "/openwhisk/openwhisk.py"]
CMD ["python3", "app.py"]
"""
LATE = "The action exceeded its time limits of 2000 milliseconds."


def signalled(pids, number):
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


class Processes:
    """What a gateway or an adapter has started itself, and those named."""

    def __init__(self, starter, folder, *others):
        self.starter, self.mark, self.others = starter, folder / "begun", others

    def there(self):
        return [pid for pid in (*self.others, *descendants(self.starter.pid)) if alive(pid)]

    def begun(self):
        return self.mark.exists()

    def pause(self, found):
        signalled(found, signal.SIGSTOP)

    def resume(self, found):
        self.mark.unlink()
        signalled(found, signal.SIGCONT)


class Containers:
    """What an engine has started for it."""

    def __init__(self, engine):
        self.engine = engine

    def there(self):
        return self.engine.docker("ps", "--quiet", "--filter", f"ancestor={IMAGE}").split()

    def begun(self):
        return [
            one
            for one in self.there()
            if self.engine.attempt("exec", one, "rm", "begun").returncode == 0
        ]

    def pause(self, found):
        self.engine.docker("pause", *found)

    def resume(self, found):
        for one in found:
            self.engine.attempt("unpause", one)


@pytest.fixture(scope="module", params=["process", "docker"])
def served(request, tmp_path_factory):
    """A gateway with an action that has time enough and one that has two seconds, and what
    freezes their containers."""
    parent = tmp_path_factory.mktemp(request.param)
    folder = folder_with(parent, "faulty", "in-process")
    arguments, variables = [f"--image={IMAGE}={folder}"], {}
    if request.param == "docker":
        engine = request.getfixturevalue("engine")
        copy_adapter(folder)
        (folder / "Dockerfile").write_text(DOCKERFILE.format(base=engine.image(PYTHON3)))
        engine.docker(
            "build",
            "--quiet",
            "--tag",
            IMAGE,
            str(folder),
            env=dict(engine.environ, DOCKER_BUILDKIT="0"),
        )
        arguments, variables = (
            [],
            {name: engine.environ[name] for name in ("DOCKER_HOST", "DOCKER_CONFIG")},
        )
    with Gateway(parent, *arguments, **variables) as gateway:
        gateway.create_web("patient", IMAGE, limits={"timeout": (PAUSE + 30) * 1000})
        gateway.create_web("hurried", IMAGE, limits={"timeout": 2000})
        yield (
            gateway,
            Containers(engine) if request.param == "docker" else Processes(gateway, folder),
        )
        assert "Traceback" not in gateway.stderr


@contextmanager
def paused_while(server, head, frozen, body=b""):
    """Everything is frozen from the moment when the model works on the request until the block
    ends."""
    replies = []
    lines = [
        f"{head} HTTP/1.1",
        "Host: h",
        "Connection: close",
        f"Content-Length: {len(body)}",
        "",
        "",
    ]
    request = "\r\n".join(lines).encode() + body
    client = threading.Thread(
        target=lambda: replies.append(server.raw(request, seconds=PAUSE + 60))
    )
    client.start()
    until(frozen.begun, "the model has begun")
    found = frozen.there()
    frozen.pause(found)
    try:
        yield replies
    finally:
        frozen.resume(found)
        client.join()


def record_of(gateway, reply):
    name = reply.header("x-openwhisk-activation-id")
    until(lambda: gateway.rest("GET", f"activations/{name}").status == 200, "its record")
    return gateway.rest("GET", f"activations/{name}").json["response"]


@as_long_as_it_takes
def test_a_pause_within_an_actions_limit_delays_the_answer_that_was_asked_for(served):
    gateway, frozen = served
    before = gateway.request("GET", f"{WEB}patient/fine").body
    with paused_while(gateway, f"GET {WEB}patient/take_a_second", frozen) as replies:
        time.sleep(PAUSE)
        answered = list(replies)
    if Settings().wait_seconds > PAUSE:
        assert (answered, replies[0].status, replies[0].body) == ([], 200, before), replies
    else:
        # As long as the platform keeps a client waiting; the answer is in the record.
        assert (answered, replies[0].status) == (replies, 202), replies
    assert record_of(gateway, replies[0])["success"]
    assert gateway.request("GET", f"{WEB}patient/fine").body == before


@as_long_as_it_takes
def test_a_pause_beyond_an_actions_limit_costs_the_container(served):
    gateway, frozen = served
    assert gateway.request("GET", f"{WEB}hurried/fine").status == 200
    with paused_while(gateway, f"GET {WEB}hurried/take_a_second", frozen) as replies:
        there = set(frozen.there())
        began = time.monotonic()
        until(lambda: replies, "an answer")
        assert time.monotonic() - began < 4
        assert gateway.request("GET", f"{WEB}hurried/fine").status == 200
        until(lambda: len(there - set(frozen.there())) == 1, "its end", seconds=30)
        time.sleep(max(0, PAUSE - (time.monotonic() - began)))
    assert (replies[0].status, replies[0].json["error"]) == (
        400,
        "There was an error processing your request.",
    )
    assert record_of(gateway, replies[0])["result"] == {"error": LATE}


@as_long_as_it_takes
@pytest.mark.parametrize("back_end", sorted(COMMANDS))
def test_an_adapter_that_slept_through_its_deadline_says_so_when_it_wakes(tmp_path, back_end):
    folder = folder_with(tmp_path, "faulty", back_end)
    copy_adapter(folder)
    with Adapter(folder, str(tmp_path), COMMANDS[back_end]) as adapter:
        assert adapter.init().status == 200, adapter.log
        params = params_from_request("get", "/hang", "", [], b"")
        body = json.dumps(activation(params, deadline=str(int(time.time() * 1000) + 2000))).encode()
        with paused_while(
            adapter, "POST /run", Processes(adapter, folder, adapter.pid), body
        ) as replies:
            time.sleep(PAUSE)
        answer = response_from_result(replies[0].body.decode())
        assert (answer.status, b"still busy shortly before its limit" in answer.body) == (
            504,
            True,
        ), answer
        assert adapter.web("GET", "/fine").status == 200
