"""Docker engines that say nothing, or that stand apart from this machine: in the test's own
process, as far as the gateway asks them."""

import json
import os
import signal
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gateway.containers.docker import is_apart
from testing.gateway import Gateway
from testing.process import until

CLOSED = "The gateway was stopped before the activation was complete."


class Engine(ThreadingHTTPServer):
    """Knows of all images, and makes no container. `silent` are the questions that it doesn't
    answer: by the end of their paths."""

    daemon_threads = True

    def __init__(self, facts=None, silent=()):
        super().__init__(("127.0.0.1", 0), Answer)
        self.facts = facts or {}
        self.silent = silent
        self.asked = []
        self.created = []
        self.ended = threading.Event()

    @property
    def host(self):
        return f"tcp://127.0.0.1:{self.server_address[1]}"

    def times(self, question):
        return sum(each.endswith(question) for each in self.asked)


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.partition("?")[0]
        self.server.asked.append(path)
        if path.endswith(tuple(self.server.silent)):
            self.server.ended.wait(60)
            return
        if path.endswith("/containers/create"):
            length = int(self.headers["Content-Length"])
            self.server.created.append(json.loads(self.rfile.read(length)))
            self.say(500, {"message": "none is made here"})
        elif path.endswith("/version"):
            self.say(200, {"ApiVersion": "1.44"})
        elif path.endswith("/info"):
            self.say(200, self.server.facts)
        elif path.endswith("/containers/json"):
            self.say(200, [])
        else:
            self.say(200, {"Id": "sha256:1"})

    do_POST = do_GET

    def say(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@contextmanager
def engine(*arguments, **options):
    with Engine(*arguments, **options) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield running
        finally:
            running.ended.set()
            running.shutdown()
            thread.join()


def asking(engine, folder):
    """A gateway that knows of no other one's containers."""
    return Gateway(folder, DOCKER_HOST=engine.host, TMPDIR=str(folder))


@pytest.mark.parametrize("question", ["/version", "/info", "/images/create", "/containers/create"])
def test_an_engine_that_says_nothing_holds_up_no_end(tmp_path, question):
    with engine(silent=[question]) as silent:
        with asking(silent, tmp_path) as gateway:
            gateway.create("asked", image="some/image:1")
            path = gateway.rest("POST", "actions/asked", {}).json["activationId"]
            until(lambda: silent.times(question), lambda: gateway.log)
            gateway.terminate(signal.SIGINT)
            assert gateway.wait(20) == 0
        with Gateway(tmp_path) as gateway:
            response = gateway.rest("GET", f"activations/{path}/result").json
    assert response["result"] == {"error": CLOSED}


def marks(folder):
    return os.listdir(folder / f"openwhisk-gateway-{os.getuid()}")


def test_what_such_an_engine_may_still_make_is_looked_for_at_the_next_start(tmp_path):
    with engine(silent=["/containers/create"]) as silent:
        with asking(silent, tmp_path) as gateway:
            gateway.create("asked", image="some/image:1")
            gateway.rest("POST", "actions/asked", {})
            until(lambda: silent.times("/containers/create"), lambda: gateway.log)
            gateway.terminate(signal.SIGINT)
            assert gateway.wait(20) == 0
    (left,) = marks(tmp_path)
    with engine() as answering:
        with asking(answering, tmp_path):
            until(lambda: left not in marks(tmp_path), lambda: answering.asked)
            assert answering.times("/containers/json") == 1
    assert marks(tmp_path) == []


def test_an_engine_that_says_nothing_of_leftovers_holds_up_no_start_and_they_are_not_forgotten(
    tmp_path,
):
    folder = tmp_path / f"openwhisk-gateway-{os.getuid()}"
    folder.mkdir(mode=0o700)
    (folder / "killed").write_text("docker")
    with engine(silent=["/version"]) as silent:
        with asking(silent, tmp_path) as gateway:
            until(lambda: silent.times("/version"), lambda: gateway.log)
            assert gateway.rest("GET", "actions").json == []
            gateway.terminate(signal.SIGINT)
            assert gateway.wait(20) == 0
    assert marks(tmp_path) == ["killed"]


def test_all_images_share_one_connection(tmp_path):
    with engine() as shared:
        with asking(shared, tmp_path) as gateway:
            for number in range(5):
                gateway.create(f"a{number}", image=f"some/image:{number}")
                assert gateway.rest("POST", f"actions/a{number}?blocking=true", {}).status == 500
            threads = os.listdir(f"/proc/{gateway.pid}/task")
    assert (shared.times("/info"), len(shared.created)) == (1, 5)
    assert len(threads) < 10


APART = {
    "Docker Desktop": {"OperatingSystem": "Docker Desktop"},
    "without root's rights": {"SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"]},
}
HERE = {
    "on this machine": {"OperatingSystem": "Debian GNU/Linux 12", "SecurityOptions": ["name=x"]},
    "one that tells nothing": {"SecurityOptions": None},
}


@pytest.mark.parametrize("case", [*APART, *HERE])
def test_ports_are_published_where_containers_cannot_be_reached_by_their_address(tmp_path, case):
    facts = {**APART, **HERE}[case]
    with engine(facts) as asked:
        with asking(asked, tmp_path) as gateway:
            gateway.create("a", image="some/image:1")
            gateway.rest("POST", "actions/a?blocking=true", {})
    (created,) = asked.created
    published = {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]} if case in APART else None
    assert created["HostConfig"].get("PortBindings") == published
    assert is_apart(facts) == (case in APART)
