"""A model of the MAX shape by itself, behind the adapter, and behind the gateway: what all three
must answer alike."""

import gzip
from contextlib import contextmanager
from pathlib import Path
from typing import List, NamedTuple, Tuple
from urllib.parse import urlsplit

import pytest

from testing.example import EXAMPLES, Action, Gateway, Served, environ_of, example_python
from testing.process import free_port

MOVED_PORT = str(Path(__file__).resolve().parent / "moved_port")


class OwnServer(Served):
    """`python app.py` in the model's folder, as its image starts it; maxfw's port can't be chosen,
    so it is moved."""

    def __init__(self, folder, python, logs):
        port = free_port()
        environ = environ_of(python, PYTHONPATH=MOVED_PORT, MODEL_PORT=str(port))
        super().__init__([python, "app.py"], folder, environ, logs, port)


@contextmanager
def served(kind, name, python, parent):
    kinds = {"itself": OwnServer, "adapter": Action, "gateway": Gateway}
    with kinds[kind](EXAMPLES / name, python, str(parent)) as server:
        yield server


# Fixtures for test modules with a NAME; one that has its own `python` runs all in that.


@pytest.fixture(scope="module")
def python(request):
    return example_python(request.module.NAME)


@pytest.fixture(scope="module")
def own(python, request, tmp_path_factory):
    with served("itself", request.module.NAME, python, tmp_path_factory.mktemp("own")) as server:
        yield server


@pytest.fixture(scope="module", params=["adapter", "gateway"])
def action(python, request, tmp_path_factory):
    with served(
        request.param, request.module.NAME, python, tmp_path_factory.mktemp("action")
    ) as server:
        yield server


@pytest.fixture(params=["own", "action"])
def server(request, own, action):
    return {"own": own, "action": action}[request.param]


def multipart(field, filename, data, kind):
    """The headers and the body with which curl sends -F FIELD=@FILENAME;type=KIND."""
    boundary = "------------------------d74496d66958873e"
    head = '--%s\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\nContent-Type: %s\r\n\r\n'  # noqa: E501
    body = (head % (boundary, field, filename, kind)).encode("utf-8") + data
    headers = [("Content-Type", "multipart/form-data; boundary=" + boundary)]
    return headers, body + ("\r\n--%s--\r\n" % boundary).encode("ascii")


class Essence(NamedTuple):
    status: int
    kind: str
    headers: List[Tuple[str, str]]
    body: bytes


# Who sent it, when, how it travelled, and what the platform adds to every answer.
NOT_COMPARED = {
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "server",
}
NOT_COMPARED |= {"server-timing", "vary", "x-openwhisk-activation-id", "x-request-id"}
NOT_COMPARED |= {"access-control-allow-" + it for it in ("origin", "methods", "headers")}


def essence(server, request):
    """What a client of the model's own server and one of the action must see alike, wherever it
    was asked."""
    answer, address = server.ask(*request), server.url
    headers = sorted((name.lower(), value.replace(address, "")) for name, value in answer.headers)
    headers = [(name, "" if name == "expires" else value) for name, value in headers]
    # A set of methods, in the order of the process's hash seed.
    headers = [
        (name, sorted(value.split(", ")) if name == "allow" else value) for name, value in headers
    ]
    # What was compressed on the way has a weak tag: the bytes aren't those that the strong one
    # stood for.
    headers = [(name, value[2:] if value[:3] == 'W/"' else value) for name, value in headers]
    kept = [pair for pair in headers if pair[0] not in NOT_COMPARED]
    body = gzip.decompress(answer.body) if ("content-encoding", "gzip") in headers else answer.body
    # The platform says charset=UTF-8 of all text, and nothing of the type of an empty body.
    kind = dict(headers).get("content-type", "").split(";")[0] if body else ""
    # A script that only fits compressed travels under the one of its types that the platform leaves
    # alone.
    kind = "text/javascript" if kind == "application/javascript" else kind
    return Essence(answer.status, kind, kept, without_address(body, address))


def without_address(body, address):
    prefix = urlsplit(address).path.encode("ascii")
    # A spec says "/" of an app at the root.
    body = body.replace(b'"%s"' % prefix, b'"/"') if prefix else body
    body = body.replace(address.encode("ascii"), b"")
    return body.replace(prefix, b"") if prefix else body
