"""The action behind adapter and gateway next to the model's own server: the same questions, the
same answers."""

import base64
import json
import os
import shutil
import sys
import zlib
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testing.adapter import APPS, environment
from testing.gateway import WEB, Gateway
from testing.process import Process, accepts, free_port, until
from tests.stress.folders import COMMANDS, folder_with
from tests.stress.scale import tried

# What the platform adds or keeps for itself.
PLATFORM = "access-control-allow-origin access-control-allow-methods access-control-allow-headers x-request-id"  # noqa: E501
PLATFORM += " x-openwhisk-activation-id server-timing date server connection content-length transfer-encoding"  # noqa: E501
CHARACTERS = "aZ09-_.~!$&'()*+,;=:@ %/?#[]|\\\"<>^`{}éΩ😀"
NAMES = st.text(CHARACTERS, min_size=1, max_size=6).filter(lambda name: set(name) != {"."})
PATHS = st.lists(NAMES.map(lambda name: quote(name, safe="")), max_size=4).map(
    lambda names: "/p/" + "/".join(names)
)
QUERIES = st.lists(st.tuples(NAMES, st.text(CHARACTERS, max_size=6)), max_size=4)
VALUES = st.text("aZ09 !\"#$%&'()*+,-./:;<=>?@[]^_`{|}~", max_size=20).map(str.strip)
HEADERS = st.dictionaries(
    st.sampled_from(["X-A", "X-B", "X-Long-Name", "Accept-Language-X", "X-1"]), VALUES, max_size=3
)
TEXTS = st.text(max_size=50).map(lambda text: text.encode("utf-8"))
TYPED = st.tuples(
    st.sampled_from(["image/png", "application/json", "application/octet-stream"]),
    st.binary(max_size=200),
)
TYPED |= st.tuples(
    st.sampled_from(["text/plain", "application/x-www-form-urlencoded", "text/csv"]), TEXTS
)
TYPED |= st.just(("", b""))
METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"])
STATUSES = st.sampled_from(
    [200, 201, 203, 299, 301, 400, 401, 404, 409, 418, 422, 444, 500, 502, 503, 599]
)
ANSWER_HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            ["X-A", "X-B", "Set-Cookie", "ETag", "Cache-Control", "Vary", "WWW-Authenticate"]
        ),
        VALUES,
    ),
    max_size=5,
)


@pytest.fixture(scope="module")
def itself(tmp_path_factory):
    """The model's own server."""
    folder, port = tmp_path_factory.mktemp("itself"), free_port()
    shutil.copy(os.path.join(APPS, "model.py"), str(folder / "app.py"))
    command = [sys.executable, "app.py"]
    with Process(command, folder, environment(MODEL_PORT=port), str(folder)) as process:
        until(lambda: accepts(port), lambda: process.log)
        process.port, process.prefix = port, ""
        yield process


@pytest.fixture(scope="module", params=sorted(COMMANDS))
def action(request, tmp_path_factory):
    parent = tmp_path_factory.mktemp(request.param)
    folder = folder_with(parent, Path(APPS, "model"), request.param)
    with Gateway(parent, str(folder)) as gateway:
        gateway.prefix = WEB + "model"
        yield gateway


def ask(server, method, target, headers=(), body=b""):
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        connection.request(method, server.prefix + target, body or None, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.getheaders(), answer.read()


def told(server, method, path, pairs, headers, typed):
    """What the model was told about the request."""
    content_type, body = typed
    sent = {**headers, **({"Content-Type": content_type} if content_type else {})}
    target = path + ("?" + urlencode(pairs) if pairs else "")
    status, _, answer = ask(server, method, target, sent, body)
    assert status == 200, answer
    report = json.loads(answer)
    found = {name: report["headers"].get(name.lower(), "") for name in [*headers, "Content-Type"]}
    body = zlib.decompress(base64.b64decode(report["body"]))
    return report["method"], report["path"], parse_qsl(report["query"], True), found, body


@tried(60)
@given(METHODS, PATHS, QUERIES, HEADERS, TYPED)
def test_a_model_is_told_the_same(itself, action, method, path, pairs, headers, typed):
    question = method, path, pairs, headers, typed
    assert told(action, *question) == told(itself, *question)


def answered(server, status, headers, body):
    """What the client gets when the model answers this."""
    description = json.dumps([status, headers, base64.b64encode(body).decode()]).encode()
    found, given_headers, data = ask(
        server, "POST", "/answer", {"Content-Type": "application/octet-stream"}, description
    )
    kept = [
        (name.lower(), value)
        for name, value in given_headers
        if name.lower() not in PLATFORM.split()
    ]
    return found, sorted(kept), data


@tried(60)
@given(STATUSES, ANSWER_HEADERS, TYPED.filter(lambda typed: typed[1]))
def test_a_client_gets_the_same(itself, action, status, headers, typed):
    content_type, body = typed
    # Text without a charset is UTF-8 to the platform, which says so.
    content_type += "; charset=UTF-8" * content_type.startswith("text/")
    question = "%d STATUS" % status, [*headers, ("Content-Type", content_type)], body
    assert answered(action, *question) == answered(itself, *question)
