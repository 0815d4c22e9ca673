"""The adapter as a container runs it: next to an app, a process, the platform's two requests."""

import json
import os
import shutil
import socket
import sys
import time
from contextlib import closing
from http.client import HTTPResponse

from openwhisk_adapter.action import Action
from openwhisk_adapter.log import Log
from openwhisk_adapter.model import Model, State
from openwhisk_adapter.settings import Settings
from openwhisk_adapter.starting.signals import Signals
from testing.controller import Answer, params_from_request, response_from_result
from testing.process import Process, accepts, free_port, until

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ADAPTER = os.path.join(ROOT, "openwhisk.py")
ROOMS = os.path.join(ROOT, "openwhisk_adapter")
APPS = os.path.join(ROOT, "tests", "adapter", "apps")
SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX"

# What the invoker's HTTP client sends with each request (recorded).
WIRE = (
    "Accept: application/json\r\nContent-Length: {length}\r\nContent-Type: application/json\r\n"
    "Host: 10.0.0.2:8080\r\nConnection: Keep-Alive\r\nUser-Agent: Apache-HttpClient/4.5.13 (Java/17.0.15)\r\n"  # noqa: E501
    "Accept-Encoding: gzip,deflate\r\n"
)


def copy_adapter(folder, adapter=ADAPTER):
    """Both parts of it, as an image has them: the front door, and its rooms beside it."""
    shutil.copy(str(adapter), str(folder))
    rooms = os.path.join(os.path.dirname(str(adapter)), "openwhisk_adapter")
    without_bytecode = shutil.ignore_patterns("__pycache__")
    shutil.copytree(rooms, os.path.join(str(folder), "openwhisk_adapter"), ignore=without_bytecode)


def link_adapter(folder):
    """The very files of the project, so that what a process covers of them is found there."""
    for path in (ADAPTER, ROOMS):
        os.symlink(path, os.path.join(str(folder), os.path.basename(path)))


def folder_of(parent, app):
    """An image's working directory: the app as app.py, and the adapter beside it."""
    folder = os.path.join(str(parent), "action")
    os.mkdir(folder)
    link_adapter(folder)
    if app:
        shutil.copy(os.path.join(APPS, app + ".py"), os.path.join(folder, "app.py"))
    return folder


def environment(**variables):
    """A container's environment: of the tests' own only where python is and how coverage is
    measured."""
    kept = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
    path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    kept.update(PATH=path, HOME=os.environ.get("HOME", "/"), LC_ALL="C.UTF-8")
    kept.update(OPENWHISK_PLATFORM="yes")
    kept.update((name, str(value)) for name, value in variables.items())
    return kept


def activation(value, **members):
    """The body of a /run, as recorded."""
    body = {
        "value": value,
        "namespace": "guest",
        "action_name": "/guest/model",
        "action_version": "0.0.1",
        "activation_id": "89fdd95a678a4515bdd95a678a3515bc",
        "transaction_id": "AW891hoFRdfmeIDT74Ri0bZ0lmvOrK8s",
        "deadline": str(int((time.time() + 60) * 1000)),
    }
    body.update(members)
    return {name: member for name, member in body.items() if member is not None}


def initialization(env=None, **members):
    """The body of an /init, as recorded: no code."""
    names = {
        "__OW_ACTION_NAME": "/guest/model",
        "__OW_ACTION_VERSION": "0.0.1",
        "__OW_ACTIVATION_ID": "89fdd95a678a4515bdd95a678a3515bc",
        "__OW_DEADLINE": str(int((time.time() + 60) * 1000)),
        "__OW_NAMESPACE": "guest",
        "__OW_TRANSACTION_ID": "AW891hoFRdfmeIDT74Ri0bZ0lmvOrK8s",
    }
    names.update(env or {})
    value = {"name": "model", "binary": False, "main": "main", "env": names}
    value.update(members)
    return {"value": value}


def action_with(server):
    """The platform's two calls without a process of their own: a model that is ready, with this
    server."""
    log = Log()
    model = Model(["python", "app.py"], Settings(), log, Signals())
    model._state = State.LOADING
    model._be_ready(server)
    return Action(model, Settings(), log)


class Adapter(Process):
    """A running adapter."""

    def __init__(self, folder, logs, command=(), prefix=(), **variables):
        self.port = int(variables.setdefault("OPENWHISK_PORT", free_port()))
        self.folder = folder
        words = list(prefix) + [sys.executable, "openwhisk.py"] + list(command)
        super().__init__(words, folder, environment(**variables), logs)
        try:
            until(
                lambda: self.popen.poll() is not None or accepts(self.port),
                lambda: "listening: " + self.log,
            )
            assert self.popen.poll() is None, self.log
        except BaseException:
            self.stop()
            raise

    def raw(self, data, seconds=30):
        """What comes back for these bytes on a connection of their own."""
        with closing(socket.create_connection(("127.0.0.1", self.port), seconds)) as connection:
            connection.sendall(data)
            return _reply(connection, data.split(b" ")[0].decode("latin-1"))

    def request(self, method, target, headers=(), body=b""):
        """An ordinary HTTP request, as to the model's own server."""
        lines = [
            "%s %s HTTP/1.1" % (method, target),
            "Host: 127.0.0.1:%d" % self.port,
            "Connection: close",
        ]
        lines += ["%s: %s" % pair for pair in headers]
        lines += ["Content-Length: %d" % len(body)] if body or method in ("POST", "PUT") else []
        return self.raw("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    def post(self, path, body, seconds=30):
        """What the invoker does: its headers, its JSON."""
        if not isinstance(body, bytes):
            body = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        head = "POST %s HTTP/1.1\r\n%s\r\n" % (path, WIRE.format(length=len(body)))
        return self.raw(head.encode("latin-1") + body, seconds)

    def init(self, env=None, **members):
        return self.post("/init", initialization(env, **members))

    def run_text(self, value, **members):
        """The text of a result, by the rules without which the platform would destroy the
        container."""
        reply = self.post("/run", activation(value, **members))
        text = reply.body.decode("utf-8")
        assert reply.status == 200, (reply, self.log)
        assert reply.header("content-length") == [str(len(reply.body))], reply
        assert not reply.header("transfer-encoding") and not reply.header("content-encoding"), reply
        assert isinstance(json.loads(text), dict), reply
        return text

    def run(self, value, **members):
        return json.loads(self.run_text(value, **members))

    def web(self, method, path="", query="", headers=(), body=b"", cors=True, **members):
        """What a web client gets: request, platform, adapter, model, and all the way back."""
        params = params_from_request(method, path, query, headers, body)
        user = members.pop("user", None)
        params.update({"__ow_user": user} if user else {}, **members.pop("bound", {}))
        return response_from_result(self.run_text(params, **members), method, headers, cors)


def _reply(connection, method):
    with closing(HTTPResponse(connection, method=method)) as response:
        response.begin()
        return Answer(response.status, response.getheaders(), response.read())
