"""Anything at the adapter's socket: one whole answer or a closed connection, and the next
activation works."""

import json
import socket
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testing.adapter import Adapter, activation, link_adapter
from testing.gateway import received
from tests.stress.folders import COMMANDS, folder_with
from tests.stress.scale import tried
from tests.stress.test_pure_adapter import JSON, PARAMS, TEXTS

MEMBERS = [
    "value",
    "deadline",
    "activation_id",
    "action_name",
    "transaction_id",
    "namespace",
    "api_key",
    "other",
]
BODIES = st.builds(
    lambda params, others: {**activation(params), **others},
    PARAMS,
    st.dictionaries(st.sampled_from(MEMBERS), JSON),
)
BODIES = (
    BODIES.map(lambda body: json.dumps(body).encode())
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.binary()
)
ENVIRONMENTS = st.dictionaries(
    TEXTS | st.sampled_from(["PATH", "OPENWHISK_ERRORS", "OPENWHISK_CORS", "__OW_DEADLINE"]),
    JSON,
    max_size=3,
)
INITS = st.fixed_dictionaries(
    {"value": st.fixed_dictionaries({"env": ENVIRONMENTS | JSON}, optional={"code": JSON}) | JSON}
)
WORDS = [
    b"POST /run HTTP/1.1",
    b"POST /init HTTP/1.1",
    b"POST /run",
    b"GET / HTTP/1.1",
    b"\r\n",
    b"\r\n\r\n",
    b"Host: h",
    b"\x00",
]
WORDS += [
    b"Content-Length: 2",
    b"Content-Length: -1",
    b"Content-Length: 1e9",
    b"Transfer-Encoding: chunked",
    b"{}",
    b" ",
    b":",
]
RAW = st.lists(st.sampled_from(WORDS) | st.binary(max_size=5), max_size=10).map(b"".join)


@pytest.fixture(scope="module", params=sorted(COMMANDS))
def model(request, tmp_path_factory):
    parent = tmp_path_factory.mktemp(request.param)
    with started(parent, request.param) as adapter:
        assert adapter.init().status == 200, adapter.log
        yield adapter


def started(parent, back_end, app="echo"):
    folder = folder_with(parent, app, back_end)
    link_adapter(folder)
    return Adapter(folder, str(parent), COMMANDS[back_end])


def check_next(adapter):
    assert adapter.web("GET", "/json", "still=here").status == 200, adapter.log[-2000:]


@tried(120)
@given(BODIES)
def test_any_body_of_a_run_gets_one_result(model, body):
    reply = model.post("/run", body)
    assert reply.status in (200, 400), reply
    assert reply.header("content-length") == [str(len(reply.body))] and isinstance(reply.json, dict)
    check_next(model)


@tried(60)
@given(RAW)
def test_any_bytes_get_an_answer_or_none(model, data):
    with closing(socket.create_connection(("127.0.0.1", model.port), 20)) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = received(connection)
        except ConnectionError:
            answer = b""
    assert answer.count(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n") < 2
    check_next(model)


@pytest.fixture(scope="module")
def unloaded(tmp_path_factory):
    """Its model can't be loaded: each /init is a first one."""
    with started(tmp_path_factory.mktemp("unloaded"), "in-process", "unloadable") as adapter:
        yield adapter


@tried(120)
@given(INITS | BODIES)
def test_any_init_is_refused_for_what_is_wrong_with_it_or_with_the_model(unloaded, body):
    reply = unloaded.post("/init", body if isinstance(body, bytes) else json.dumps(body).encode())
    assert reply.status in (400, 502) and reply.json["error"], reply
    assert unloaded.init().json["error"]
