"""An example as its users run it: its own server, that server behind the adapter, and the action
behind the gateway.

Each takes the start command from the example's Dockerfile and answers `ask(method, path, query,
headers, body)`.
"""

import json
import os
import re
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

from testing.adapter import ADAPTER, Adapter, initialization
from testing.prerequisites import need, needed
from testing.process import Process, accepts, free_port, until
from testing.virtualenv import ENVS, locked, make, with_included

ROOT = Path(ADAPTER).parent
EXAMPLES = ROOT / "examples"
SECONDS_TO_START = 90
# What a server reads its ports from, in the order of EXPOSE, when the start command doesn't tell
# them.
PORT_VARIABLES = {
    "bento-iris": ["BENTOML_PORT=%d"],
    "torchserve": [
        "TS_INFERENCE_ADDRESS=http://127.0.0.1:%d",
        "TS_MANAGEMENT_ADDRESS=http://127.0.0.1:%d",
        "TS_METRICS_ADDRESS=http://127.0.0.1:%d",
        "TS_GRPC_INFERENCE_PORT=%d",
        "TS_GRPC_MANAGEMENT_PORT=%d",
    ],
    "triton": [
        "PYTRITON_TRITON_CONFIG_HTTP_PORT=%d",
        "PYTRITON_TRITON_CONFIG_GRPC_PORT=%d",
        "PYTRITON_TRITON_CONFIG_METRICS_PORT=%d",
    ],
}


def example_python(name, requirements="requirements.txt"):
    """The python of .envs/NAME, the folder that `make run EXAMPLE=NAME` uses: whoever comes first
    makes it."""
    pins = EXAMPLES / name / requirements
    folder = ENVS / "-".join([name, *Path(requirements).parent.parts])
    ready = folder / ".ready"
    with locked(folder.with_name(folder.name + ".lock")):
        # make's own rule, so that neither makes anew what the other has made
        if not newer(ready, with_included(pins)):
            make(folder, environment_maker(name), pins)
            ready.touch()
    return str(folder / "bin" / "python")


def environment_maker(name):
    """What makes an environment for this example: its file `venv` says so where any Python isn't
    enough."""
    special = EXAMPLES / name / "venv"
    if not special.exists():
        return [sys.executable, "-m", "venv"]
    command = special.read_text().split()
    need(command[0])
    return command


def newer(made, sources):
    return made.exists() and made.stat().st_mtime >= max(
        source.stat().st_mtime for source in sources
    )


@contextmanager
def fixed_port(port):
    """A port that a start command insists on, for one test at a time; skips the test where
    something else has it."""
    with locked(ENVS / ("port-%d.lock" % port)):
        needed(not accepts(port), "port %d is taken" % port)
        yield


def instruction(folder, name):
    """The words of the last CMD or EXPOSE of a folder's Dockerfile."""
    lines = re.findall(r"(?m)^%s +(.+)$" % name, (Path(folder) / "Dockerfile").read_text())
    return json.loads(lines[-1]) if lines[-1].startswith("[") else lines[-1].split()


def exposed(folder, own_port):
    """The ports that an image of this folder hands on to the adapter."""
    return [port for port in instruction(folder, "EXPOSE") if port != str(own_port)]


def variables_of(folder):
    """The variables that a Dockerfile sets."""
    return dict(re.findall(r"(?m)^ENV (\w+)=(\S+)$", (Path(folder) / "Dockerfile").read_text()))


def on_port(name, port, parent):
    """A copy of the example whose Dockerfile says another port: on one machine a fixed one exists
    once."""
    folder = Path(str(parent)) / name
    shutil.copytree(str(EXAMPLES / name), str(folder), ignore=shutil.ignore_patterns("__pycache__"))
    text = (folder / "Dockerfile").read_text()
    own_ports = instruction(folder, "EXPOSE")
    ports = [port] + [free_port() for _ in own_ports[1:]]
    for own_port, moved in zip(own_ports, ports):
        text = re.sub(r"\b%s\b" % own_port, str(moved), text)
    for variable, moved in zip(PORT_VARIABLES.get(name, []), ports):
        text += "ENV %s\n" % (variable % moved)
    if (
        name == "torchserve"
    ):  # one that finds another's process id there says that it is running already
        text += "ENV TMPDIR=%s\n" % folder
    (folder / "Dockerfile").write_text(text)
    return folder


def environ_of(python, **variables):
    path = os.path.dirname(python) + os.pathsep + os.environ["PATH"]
    return dict(
        PATH=path,
        HOME=os.environ.get("HOME", "/"),
        LC_ALL="C.UTF-8",
        PYTHONDONTWRITEBYTECODE="1",
        **variables,
    )


class Served(Process):
    """Something that listens on `port` and serves the example below `prefix`."""

    prefix = ""
    raw, request = Adapter.raw, Adapter.request

    def __init__(self, command, folder, environ, logs, port):
        self.port, self.folder = port, Path(str(folder))
        super().__init__(command, folder, environ, str(logs))
        try:
            self.wait_until(lambda: accepts(port), "listening")
        except BaseException:
            self.stop()
            raise

    def wait_until(self, condition, what):
        until(
            lambda: self.popen.poll() is not None or condition(),
            lambda: what + ": " + self.log,
            SECONDS_TO_START,
        )
        assert self.popen.poll() is None, self.log

    def ask(self, method, path="", query="", headers=(), body=b""):
        return self.request(
            method, self.prefix + path + ("?" + query if query else ""), headers, body
        )

    @property
    def url(self):
        return "http://127.0.0.1:%d%s" % (self.port, self.prefix)


class ItsOwn(Served):
    """The example's own server, by its own start command."""

    def __init__(self, folder, python, logs):
        environ, port = (
            environ_of(python, **variables_of(folder)),
            int(instruction(folder, "EXPOSE")[0]),
        )
        super().__init__(instruction(folder, "CMD"), folder, environ, logs, port)


class Action(Served):
    """The same start command behind the adapter, asked as the platform asks it."""

    prefix = "/api/v1/web/guest/default/model"
    post, init, run_text, run, web = (
        Adapter.post,
        Adapter.init,
        Adapter.run_text,
        Adapter.run,
        Adapter.web,
    )

    def __init__(self, folder, python, logs, command=None, port=None):
        port = port or free_port()
        environ = environ_of(python, OPENWHISK_PORT=str(port), **variables_of(folder))
        environ["__OW_API_HOST"] = "http://127.0.0.1:%d" % port
        environ.setdefault("OPENWHISK_EXPOSED", " ".join(exposed(folder, port)))
        words = [python, ADAPTER] + list(command or instruction(folder, "CMD"))
        super().__init__(words, folder, environ, logs, port)
        try:
            reply = self.post("/init", initialization(), SECONDS_TO_START)
            assert reply.status == 200, (reply, self.log)
        except BaseException:
            self.stop()
            raise

    def ask(self, method, path="", query="", headers=(), body=b""):
        return self.web(method, path, query, [("Host", "127.0.0.1:%d" % self.port), *headers], body)


class Gateway(Served):
    """`python -m gateway FOLDER`: the example is a raw web action of the folder's name."""

    def __init__(self, folder, python, logs):
        self.prefix = "/api/v1/web/guest/default/" + Path(str(folder)).name
        port = free_port()
        words = [sys.executable, "-m", "gateway", folder, "--python", python, "--port", port]
        words += ["--data", Path(str(logs)) / "gateway.sqlite3"]
        environ = environ_of(sys.executable, PYTHONPATH=str(ROOT))
        environ["PATH"] = os.environ["PATH"]
        super().__init__(words, logs, environ, logs, port)


KINDS = ("itself", "adapter", "gateway")


@contextmanager
def served(kind, name, parent):
    """The example on a port of its own: by itself, behind the adapter or behind the gateway."""
    python, port = example_python(name), free_port()
    folder = on_port(name, port, parent)
    with {"itself": ItsOwn, "adapter": Action, "gateway": Gateway}[kind](
        folder, python, parent
    ) as server:
        yield server
