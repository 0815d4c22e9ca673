"""Each symptom on the page is produced here, by real processes, and is worded as the page words
it."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from testing.adapter import ADAPTER, Adapter, environment, folder_of
from testing.example import Served, example_python
from testing.gateway import WEB, Gateway
from testing.process import Process, free_port
from testing.registry import Odd
from tests.docs.markdown import blocks
from tests.docs.walkthrough import ROOT, pattern_from_shown
from tests.images.samples import put_image

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
FLASK = """
import os, signal, sys, time
from flask import Flask, request

app = Flask(__name__)


@app.route("/")
def start():
    return {"headers": dict(request.headers)}


@app.route("/large")
def large():
    return {"numbers": [n * 0.37 for n in range(150000)]}


@app.route("/slow")
def slow():
    time.sleep(30)
    return {}


@app.route("/shared")
def shared():
    return {}, 200, {"Access-Control-Allow-Origin": "*"}

"""
IN_PROCESS = FLASK + "app.run('0.0.0.0', 5000)\n"
SERVER = """
import os, signal, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        os.kill(os.getpid(), signal.SIGKILL)


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
# The gateway with less patience than OpenWhisk's minute.
IMPATIENT = """
import asyncio, sys
from gateway.__main__ import run
from gateway.commandline import plan_from_arguments

plan = plan_from_arguments(sys.argv[1:])
asyncio.run(run(plan._replace(settings=plan.settings._replace(wait_seconds=1))))
"""
ASGI = """
from fastapi import FastAPI

app = FastAPI()
"""


def sections():
    """Heading to what the page shows of it."""
    parts = re.split(r"(?m)^##? ", PAGE)
    return {part.partition("\n")[0].strip(): blocks(part)[0].text for part in parts if blocks(part)}


@pytest.fixture
def started(tmp_path):
    """An adapter on an app, both ended after the test."""
    running = []

    def start(app=IN_PROCESS, command=(), **variables):
        folder = folder_of(tmp_path, None)
        Path(folder, "app.py").write_text(app)
        running.append(Adapter(folder, str(tmp_path), command, **variables))
        return running[-1]

    yield start
    for adapter in running:
        adapter.stop()


@pytest.fixture
def gateway(tmp_path):
    running = []

    def start(app=IN_PROCESS, instructions="", **variables):
        running.append(Gateway(tmp_path, model_folder(tmp_path, app, instructions), **variables))
        return running[-1]

    yield start
    for process in running:
        process.stop()


def model_folder(parent, app=IN_PROCESS, instructions=""):
    folder = parent / "my-model"
    folder.mkdir()
    (folder / "app.py").write_text(app)
    (folder / "Dockerfile").write_text("FROM python\n%s\n" % instructions)
    return str(folder)


def init_error(adapter, **members):
    return adapter.init(**members).json["error"]


def answer_of(reply):
    return "%d %s" % (reply.status, reply.body.decode())


# -- the model isn't loaded ------------------------------------------------------------------------


def failed_activation(started, gateway, tmp_path):
    return answer_of(
        gateway("import a_package_that_is_not_there\n").request("GET", WEB + "my-model")
    )


def missing_package(started, gateway, tmp_path):
    return init_error(started("import a_package_that_is_not_there\n"))


def no_server(started, gateway, tmp_path):
    return init_error(started("print('trained')\n"))


def no_command(started, gateway, tmp_path):
    return init_error(started(command=["gunicron", "app:app"]))


def slow_load(started, gateway, tmp_path):
    adapter = started(command=["sh", "-c", "echo loading weights; exec sleep 60"])
    return init_error(adapter, env={"__OW_DEADLINE": str(int(time.time() * 1000) + 1500)})


def code_given(started, gateway, tmp_path):
    adapter = started()
    assert adapter.init(code="def main(): pass").status == 200
    return next(line for line in adapter.stdout.splitlines() if "code" in line)


def wrong_setting(started, gateway, tmp_path):
    return ended(tmp_path, OPENWHISK_LIMIT="1MB")


def port_taken(started, gateway, tmp_path):
    adapter = started()
    said = ended(tmp_path, OPENWHISK_PORT=adapter.port)
    return said.replace(str(adapter.port), "8080")


def ended(tmp_path, **variables):
    """What an adapter that doesn't even start says."""
    logs = tmp_path / "logs"
    logs.mkdir()
    with Process(
        [sys.executable, ADAPTER], tmp_path, environment(**variables), str(logs)
    ) as process:
        assert process.wait() == 1
        return process.stderr


def port_shared(started, gateway, tmp_path):
    port = free_port()
    command = ["gunicorn", "--bind", "127.0.0.1:%d" % port, "app:app"]
    return init_error(started(command=command, OPENWHISK_PORT=port)).replace(str(port), "8080")


def several_ports(started, gateway, tmp_path):
    ports = sorted(free_port() for _ in range(3))
    words = ["%s:%d:%s" % row for row in zip(("model", "grpc", "model"), ports, ("0.5", "0", "0"))]
    several = (ROOT / "tests" / "adapter" / "apps" / "several.py").read_text()
    command = ["sh", "-c", "exec python3 app.py " + " ".join(words)]
    adapter = started(several, command, OPENWHISK_EXPOSED=ports[0])
    assert adapter.init().status == 200
    log = next(line for line in adapter.stdout.splitlines() if line.startswith("model at port"))
    for port, shown in zip(ports, ("8000", "8001", "8002")):
        log = log.replace(str(port), shown)
    return log


# -- requests fail ---------------------------------------------------------------------------------


def wrong_entry(started, gateway, tmp_path):
    adapter = started()
    assert adapter.init().status == 200
    return answer_of(adapter.web("POST"))


def large_answer(started, gateway, tmp_path):
    adapter = started()
    assert adapter.init().status == 200
    return answer_of(adapter.web("GET", "/large"))


def large_request(started, gateway, tmp_path):
    return answer_of(gateway().request("POST", WEB + "my-model/", body=b"x" * 1048577))


def too_slow(started, gateway, tmp_path):
    adapter = started()
    assert adapter.init().status == 200
    soon = str(int((time.time() + 2) * 1000))
    return answer_of(adapter.web("GET", "/slow", deadline=soon))


def not_yet_ready(started, gateway, tmp_path):
    port = free_port()
    words = [
        sys.executable,
        "-c",
        IMPATIENT,
        model_folder(tmp_path),
        "--port",
        port,
        "--data",
        tmp_path / "data",
    ]
    with Served(words, tmp_path, environment(PYTHONPATH=str(ROOT)), tmp_path, port) as impatient:
        reply = impatient.request("GET", WEB + "my-model/slow")
    assert reply.header("x-openwhisk-activation-id")
    return answer_of(reply)


def killed(started, gateway, tmp_path):
    port = free_port()
    adapter = started(SERVER, ["sh", "-c", "exec python3 app.py %d; false" % port])
    assert adapter.init().status == 200
    return answer_of(adapter.web("GET", "/"))


def not_acceptable(started, gateway, tmp_path):
    return answer_of(gateway().request("GET", WEB + "my-model/", [("Accept", "image/png")]))


def not_found(started, gateway, tmp_path):
    running = gateway()
    running.create("hidden", annotations={"web-export": "true"})
    return answer_of(running.request("GET", WEB + "hidden"))


def two_cors_headers(started, gateway, tmp_path):
    running = gateway(instructions="ENV OPENWHISK_CORS=app")
    reply = running.request("GET", WEB + "my-model/shared")
    return "\n".join(
        "%s: %s" % pair
        for pair in reply.headers
        if pair[0].lower() == "access-control-allow-origin"
    )


def not_raw(started, gateway, tmp_path):
    adapter = started()
    assert adapter.init().status == 200
    adapter.run({"__ow_method": "get", "__ow_path": "/", "__ow_headers": {}})
    return next(line for line in adapter.stdout.splitlines() if "raw" in line)


def docs_without_prefix(started, gateway, tmp_path):
    python = example_python("fastapi-model")
    port = free_port()
    command = [
        str(Path(python).parent / "gunicorn"),
        "-k",
        "uvicorn_worker.UvicornWorker",
        "-b",
        "127.0.0.1:%d" % port,
    ]
    adapter = started(ASGI, command + ["app:app"])
    assert adapter.init().status == 200
    page = adapter.web("GET", "/docs").body.decode()
    return re.search(r"url: '.*'", page).group()


# -- the gateway -----------------------------------------------------------------------------------


def second_gateway(started, gateway, tmp_path):
    running = gateway()
    logs = tmp_path / "second"
    logs.mkdir()
    words = [sys.executable, "-m", "gateway", "--port", "0", "--data", running.data]
    with Process(words, tmp_path, environment(PYTHONPATH=str(ROOT)), str(logs)) as process:
        assert process.wait() == 2
        return process.stderr


def no_docker(started, gateway, tmp_path):
    running = gateway(DOCKER_HOST="unix:///nowhere.sock")
    running.create_web("elsewhere", image="me/my-model:1")
    reply = running.request("GET", WEB + "elsewhere")
    activation = running.rest(
        "GET", "activations/" + reply.header("x-openwhisk-activation-id")
    ).json
    return activation["response"]["result"]["error"]


# -- layer.py --------------------------------------------------------------------------------------


def no_base(started, gateway, tmp_path):
    with Odd().served() as registry:
        return layer_error(registry, tmp_path)


def refused(started, gateway, tmp_path):
    with Odd().served() as registry:
        put_image(registry, "me/my-model", "1")
        registry.token_server, registry.users = "first scope only", {"me:secret": 1}
        registry.public = {"me/my-model"}
        return layer_error(registry, tmp_path)


def layer_error(registry, home):
    names = [f"{registry.address}/me/{name}" for name in ("my-model:1", "action:1")]
    command = [sys.executable, str(ROOT / "layer.py"), *names]
    done = subprocess.run(command, env={"HOME": str(home)}, capture_output=True, text=True)
    assert done.returncode == 1
    return done.stderr


PRODUCED_BY = {
    "There was an error processing your request": failed_activation,
    "A package is missing": missing_package,
    "The script came to its end": no_server,
    "The start command can't be run": no_command,
    "The model wasn't ready in time": slow_load,
    "Another port than the model's is asked": several_ports,
    "The image takes no code": code_given,
    "A setting is wrong": wrong_setting,
    "The adapter can't listen": port_taken,
    "The model's own port is taken": port_shared,
    "A prediction at the bare URL is a 404": wrong_entry,
    "The answer is too large": large_answer,
    "The request is too large": large_request,
    "The model was still busy": too_slow,
    "The response is not yet ready": not_yet_ready,
    "The model's server died": killed,
    "406 though the model answered": not_acceptable,
    "The requested resource does not exist": not_found,
    "Browsers complain of two Access-Control-Allow-Origin": two_cors_headers,
    "Query fields are lost or JSON is rewritten": not_raw,
    "The docs page asks for the wrong openapi.json": docs_without_prefix,
    "Another gateway works with the file": second_gateway,
    "Docker doesn't answer": no_docker,
    "The base isn't found": no_base,
    "The registry refuses": refused,
}


def test_every_symptom_on_the_page_can_be_produced():
    assert list(sections()) == list(PRODUCED_BY)


@pytest.mark.parametrize("symptom", PRODUCED_BY)
def test_a_symptom_looks_as_the_page_says(symptom, started, gateway, tmp_path):
    shown = sections()[symptom]
    said = PRODUCED_BY[symptom](started, gateway, tmp_path)
    assert pattern_from_shown(shown).match(said.strip()), (
        f"the page shows\n{shown}\nand this came:\n{said}"
    )
