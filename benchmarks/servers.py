"""A model's own server, and the same start command behind openwhisk.py: how each is started and
asked.

Starts processes, makes copies of examples in the folder that it is given.
"""

import base64
import json
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

from benchmarks.machine import resident_mb
from testing.adapter import ADAPTER, ROOT, WIRE, activation, initialization
from testing.controller import params_from_request
from testing.example import (
    EXAMPLES,
    environ_of,
    free_port,
    instruction,
    on_port,
    variables_of,
)
from testing.max_server import MOVED_PORT
from testing.process import Process, descendants

MODELS = Path(__file__).resolve().parent / "models"
SIDES = ("own", "adapter")
WEB = "/api/v1/web/guest/default/"
SECONDS_TO_START = 90


class Call(NamedTuple):
    """A POST to the model."""

    path: str
    headers: Tuple[Tuple[str, str], ...]
    body: bytes
    query: str = ""

    @property
    def target(self):
        return self.path + ("?" + self.query if self.query else "")


class Start(NamedTuple):
    side: str
    command: List[str]
    folder: str
    environ: Dict[str, str]
    port: int


def start_of(side, example, python, parent, adapter=ADAPTER):
    """`example`: the name of one, or a folder like it, with a Dockerfile that says CMD and
    EXPOSE."""
    port, folder = free_port(), EXAMPLES / example
    moved = {}
    if instruction(folder, "EXPOSE") == ["5000"]:  # in maxfw, where no setting reaches it
        moved = {"PYTHONPATH": MOVED_PORT, "MODEL_PORT": str(port)} if side == "own" else {}
    else:
        own_port = port if side == "own" else free_port()
        folder = on_port(folder.name, own_port, Path(tempfile.mkdtemp(dir=parent)))
    environ = environ_of(python, **variables_of(folder), **moved)
    environ.update(OPENWHISK_PORT=str(port), OPENWHISK_PLATFORM="yes")
    front = [python, str(adapter)] if side == "adapter" else []
    return Start(side, front + instruction(folder, "CMD"), str(folder), environ, port)


def start_at_port(side, command, python, folder, adapter=ADAPTER, **variables):
    """Of a model in this folder that takes its port from PORT."""
    port = free_port()
    environ = environ_of(python, OPENWHISK_PORT=str(port), OPENWHISK_PLATFORM="yes", **variables)
    environ["PORT"] = str(port if side == "own" else free_port())
    front = [python, str(adapter)] if side == "adapter" else []
    return Start(side, front + command, str(folder), environ, port)


def gateway_of(folder, parent):
    """The local platform with a folder as its only action."""
    port = free_port()
    data = Path(parent) / f"{port}.sqlite3"
    words = [sys.executable, "-m", "gateway", str(folder), "--port", str(port), "--data", str(data)]
    return Start("gateway", words, str(parent), environ_of(sys.executable, PYTHONPATH=ROOT), port)


def text_of(side, call):
    """What is posted to this side: the call itself, or the activation that the platform makes of
    it."""
    if side != "adapter":
        return call.target, call.headers, call.body
    params = params_from_request("POST", call.path, call.query, list(call.headers), call.body)
    later = str(int((time.time() + 3600) * 1000))
    return (
        "/run",
        (),
        json.dumps(activation(params, deadline=later), separators=(",", ":")).encode(),
    )


def wire_of(side, call):
    """The bytes of a whole request as curl or the platform sends it, and what the beginning of a
    good answer holds."""
    path, headers, body = text_of(side, call)
    if side == "adapter":
        return (
            f"POST {path} HTTP/1.1\r\n{WIRE.format(length=len(body))}\r\n".encode() + body,
            '{"statusCode":200',
        )
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "User-Agent: curl/7.88.1", "Accept: */*"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines += ["Connection: close", f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body, " 200 "


class Server(Process):
    """One side of a comparison, from its start to the end of a `with` block."""

    def __init__(self, start, logs):
        Path(logs).mkdir(parents=True, exist_ok=True)
        folder = tempfile.mkdtemp(dir=logs)
        self.side, self.port, self.began = start.side, start.port, time.perf_counter()
        super().__init__(start.command, start.folder, start.environ, folder)

    def first_answer(self, call):
        """Seconds from the start of the process to the first good answer, and the body that a
        client gets."""
        post, init = text_of(self.side, call), json.dumps(initialization()).encode()
        if self.side != "adapter":
            body = self.answer(*post)
            return time.perf_counter() - self.began, body
        self.answer("/init", (), init)
        result = json.loads(self.answer(*post))
        seconds = time.perf_counter() - self.began
        assert result.get("statusCode") == 200, result
        return seconds, body_of(result)

    def answer(self, path, headers, body):
        """The first good one: servers that listen before they are ready refuse, or answer 404 or
        503 at first."""
        until = time.perf_counter() + SECONDS_TO_START
        while time.perf_counter() < until and self.popen.poll() is None:
            with closing(
                HTTPConnection("127.0.0.1", self.port, timeout=SECONDS_TO_START)
            ) as connection:
                with suppress(OSError, HTTPException):
                    connection.request("POST", path, body, dict(headers))
                    answer = connection.getresponse()
                    text = answer.read()
                    if answer.status == 200:
                        return text
                    assert answer.status in (404, 503), (answer.status, text, self.log)
            time.sleep(0.001)
        raise AssertionError(f"no answer of {self.side} to {path}: {self.log[-2000:]}")

    def asked_once(self, call):
        return self.answer(*text_of(self.side, call))

    def family(self):
        return [self.pid, *descendants(self.pid)]

    def resident_mb(self):
        return resident_mb(self.family())

    def under_load(self, call, connections, seconds):
        """What benchmarks.load sees of it."""
        request, expected = wire_of(self.side, call)
        plan = {
            "port": self.port,
            "request": base64.b64encode(request).decode(),
            "expected": expected,
            "connections": connections,
            "seconds": seconds,
            "pids": self.family(),
        }
        command = [sys.executable, "-m", "benchmarks.load"]
        done = subprocess.run(
            command, cwd=ROOT, input=json.dumps(plan).encode(), stdout=subprocess.PIPE, check=True
        )
        seen = json.loads(done.stdout)
        assert not seen["wrong"], (
            f"{seen['wrong']} wrong answers of {self.side}: {self.log[-2000:]}"
        )
        return seen


def body_of(result):
    """As the platform would send it, for the types that the examples answer with."""
    text = result["headers"]["content-type"].startswith(("text/", "application/json"))
    return result["body"].encode() if text else base64.b64decode(result["body"])
