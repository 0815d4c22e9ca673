"""A client that isn't the platform may send anything: each gets an answer, and the next activation
works."""

import json
import socket
import time
from contextlib import closing

import pytest

from testing.adapter import Adapter, activation, folder_of
from testing.process import alive


def error_of(reply):
    """A refusal: the platform's JSON, with a reason."""
    assert reply.header("content-type") == ["application/json"], reply
    assert reply.header("content-length") == [str(len(reply.body))]
    value = reply.json
    error = value.get("error", value)
    if isinstance(error, dict):
        error = (
            json.loads(error["body"])["error"]
            if isinstance(error["body"], str)
            else error["body"]["error"]
        )
    if isinstance(error, dict) and "body" in error:
        error = error["body"]
    assert error, reply
    return str(error)


@pytest.fixture(autouse=True)
def the_next_activation_works(request):
    yield
    if "model" in request.fixturenames:
        model = request.getfixturevalue("model")
        assert alive(model.pid)
        assert model.web("GET", "/p").status == 200


NOT_JSON = [
    (b"", "empty"),
    (b"{", "half an object"),
    (b'{"value": {}} trailing', "more than one"),
    (b"\xff\xfe{}", "no UTF-8"),
    (b"\x00" * 64, "nul bytes"),
    (b"[" * 100000, "deep nesting"),
    (b'{"a":' * 50000, "deep objects"),
    (b'"text"', "a string"),
    (b"[]", "an array"),
    (b"null", "null"),
    (b"12", "a number"),
    (b'{"value": {"a": ' + b"9" * 10000 + b"}}", "a number of 10000 digits"),
]


@pytest.mark.parametrize("path", ["/run", "/init"])
@pytest.mark.parametrize("body", [pytest.param(body, id=name) for body, name in NOT_JSON])
def test_what_is_no_json_object_is_refused(own, model, path, body):
    adapter = model if path == "/run" else model
    reply = adapter.post(path, body)
    if body.startswith(b'{"value": {"a": 9') and reply.status == 200:
        return
    assert error_of(reply)


@pytest.mark.parametrize("value", ["text", 3, None, [], [1], True], ids=repr)
def test_a_value_that_is_no_object_is_refused(model, value):
    reply = model.post("/run", activation(value))
    # A sequence may hand on null as well as nothing.
    assert reply.status == 200
    assert "error" in reply.json or value is None


WRONG = [
    "text",
    3,
    1.5,
    True,
    None,
    [],
    [["a", "b"]],
    {},
    {"a": {"b": 1}},
    "\r\n",
    "\x00",
    "\ud800",
    "a" * 70000,
]


def ident(value):
    return repr(value)[:20]


@pytest.mark.parametrize("value", WRONG, ids=ident)
@pytest.mark.parametrize(
    "name",
    [
        "__ow_method",
        "__ow_path",
        "__ow_query",
        "__ow_headers",
        "__ow_body",
        "__ow_user",
        "__ow_other",
    ],
)
def test_a_wrong_type_of_any_member_gets_an_answer(model, name, value):
    params = {
        "__ow_method": "post",
        "__ow_path": "/p",
        "__ow_query": "",
        "__ow_headers": {"content-type": "text/plain"},
        "__ow_body": "hi",
    }
    params[name] = value
    body = json.dumps(activation(params)).encode("ascii")
    reply = model.post("/run", body)
    assert reply.status in (200, 400)
    result = reply.json
    answer = result.get("error", result)
    assert isinstance(answer, str) or answer["statusCode"] in range(200, 501), reply


@pytest.mark.parametrize("value", WRONG, ids=ident)
@pytest.mark.parametrize(
    "name",
    [
        "action_name",
        "namespace",
        "activation_id",
        "transaction_id",
        "deadline",
        "action_version",
        "api_key",
    ],
)
def test_a_wrong_type_of_the_context_gets_an_answer(model, name, value):
    body = json.dumps(
        activation({"__ow_method": "get", "__ow_path": "/p"}, **{name: value})
    ).encode("ascii")
    reply = model.post("/run", body)
    assert reply.status in (200, 400)
    assert isinstance(reply.json, dict)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """An adapter that hasn't been initialized, and isn't by anything that is refused."""
    parent = tmp_path_factory.mktemp("fresh")
    with Adapter(folder_of(parent, "named"), str(parent), OPENWHISK_APP="app:app") as adapter:
        yield adapter
        assert adapter.init().status == 200
        assert adapter.web("GET", "/").status == 200


@pytest.mark.parametrize(
    "value", ["text", 3, 1.5, True, [], [["a", "b"]], "\x00", "\ud800"], ids=ident
)
@pytest.mark.parametrize("member", ["value", "env"])
def test_a_wrong_init_is_refused(fresh, member, value):
    body = {"value": value} if member == "value" else {"value": {"name": "x", "env": value}}
    reply = fresh.post("/init", json.dumps(body).encode("ascii"))
    assert (reply.status, set(reply.json)) in ((400, {"error"}), (502, {"error"}))


@pytest.mark.parametrize(
    "env",
    [{"A=B": "x"}, {"A": "nul\x00"}, {"A\x00": "x"}, {"\ud8ff": "x"}, {"A": "\ud8ff"}],
    ids=["equals sign", "nul", "nul in name", "lone surrogate name", "lone surrogate"],
)
def test_an_environment_that_cannot_be_is_refused(fresh, env):
    reply = fresh.post("/init", json.dumps({"value": {"name": "x", "env": env}}).encode("ascii"))
    assert (reply.status, set(reply.json)) in ((400, {"error"}), (502, {"error"}))


def test_what_is_no_text_in_an_environment_becomes_some(start):
    adapter = start("settings")
    env = {"CORS_ENABLE": True, "MODEL_TYPE": {"a": [1]}, "NUMBER": 3}
    assert adapter.post("/init", {"value": {"name": "x", "env": env}}).status == 200
    told = json.loads(adapter.web("GET", "/").body.decode("utf-8"))
    assert (told["CORS_ENABLE"], told["NUMBER"]) == ("true", "3")
    assert json.loads(told["MODEL_TYPE"]) == {"a": [1]}


@pytest.mark.parametrize(
    "body, kind",
    [
        ("not base64!", "image/png"),
        ("aGk", "image/png"),
        ("a", "image/png"),
        ("\u20ac", "image/png"),
    ],
)
def test_a_body_that_is_not_base64_is_refused(model, body, kind):
    headers = {"content-type": kind}
    value = {
        "__ow_method": "post",
        "__ow_path": "/p",
        "__ow_query": "",
        "__ow_headers": headers,
        "__ow_body": body,
    }
    reply = model.post("/run", activation(value))
    assert reply.status in (200, 400)
    if body != "aGk":
        assert error_of(reply) or reply.json.get("statusCode") == 400


@pytest.mark.parametrize(
    "path",
    [
        "/a b",
        "/a\r\nX-Evil: 1\r\n\r\n",
        "/\u00e9",
        "no-slash",
        "/a?b=1",
        "/a#b",
        "http://evil.example/",
        "//evil.example/",
        "/%zz",
        "/\ud800",
        "/../..",
        "/%",
    ],
    ids=ident,
)
def test_a_strange_path_goes_nowhere_else(model, path):
    value = {
        "__ow_method": "get",
        "__ow_path": path,
        "__ow_query": "",
        "__ow_headers": {},
        "__ow_body": "",
    }
    result = model.post("/run", json.dumps(activation(value)).encode("ascii")).json
    if result.get("statusCode") == 200:
        told = json.loads(result["body"])
        assert (told["method"], "x-evil" in told["headers"]) == ("GET", False)


@pytest.mark.parametrize(
    "query", ["a b", "a\r\nX-Evil: 1", "\u00e9=\u20ac", "#x", "&&&", "%", "a" * 60000], ids=ident
)
def test_a_strange_query_goes_nowhere_else(model, query):
    value = {
        "__ow_method": "get",
        "__ow_path": "/p",
        "__ow_query": query,
        "__ow_headers": {},
        "__ow_body": "",
    }
    result = model.run(value)
    if result.get("statusCode") == 200:
        assert "x-evil" not in json.loads(result["body"])["headers"]


@pytest.mark.parametrize(
    "method",
    ["GET / HTTP/1.1\r\nX-Evil: 1\r\n\r\nGET", "\u00e9", "", " ", "a" * 5000, "connect"],
    ids=ident,
)
def test_a_strange_method_goes_nowhere_else(model, method):
    value = {
        "__ow_method": method,
        "__ow_path": "/p",
        "__ow_query": "",
        "__ow_headers": {},
        "__ow_body": "",
    }
    result = model.run(value)
    if result.get("statusCode") == 200:
        assert "x-evil" not in json.loads(result["body"])["headers"]


HOSTS = [
    *("a b", "a\r\nX-Evil: 1", "\u00e9", "evil.example/path", "user@evil.example"),
    *("[::", "[1]", "x:70000", "x:99999999"),
]


@pytest.mark.parametrize("host", HOSTS, ids=ident)
def test_a_host_that_is_none_does_no_harm(model, host):
    headers = {
        "host": host,
        "x-forwarded-host": host,
        "x-forwarded-proto": host,
        "x-forwarded-for": host,
    }
    value = {
        "__ow_method": "get",
        "__ow_path": "/p",
        "__ow_query": "",
        "__ow_headers": headers,
        "__ow_body": "",
    }
    result = model.run(value)
    assert result["statusCode"] == 200, (host, result)
    assert "x-evil" not in json.loads(result["body"])["headers"]


def test_a_header_that_is_no_text_becomes_one(model):
    """WSGI forbids it, the model's own server doesn't mind."""
    assert model.web("GET", "/number").header("x-a") == ["5"]


def test_whatever_a_model_does_to_its_process_an_activation_gets_an_answer(model):
    """A library that puts another json in place of everybody's, say."""
    statuses = [model.web("GET", path).status for path in ("/patch", "/p", "/p")]
    assert statuses == [200, 500, 200], "it is the model's own page that can't be written"


def test_a_json_that_a_model_has_broken_for_good_is_its_own(own):
    adapter = own()
    adapter.web("GET", "/patch", "for-good")
    began = time.time()
    assert [adapter.web("GET", "/p").status for _ in range(2)] == [500, 500]
    assert time.time() - began < 5 and "deadline" not in adapter.log


def test_two_megabytes_are_read_and_answered(model):
    body = "a" * 2000000
    headers = {"content-type": "text/plain"}
    value = {
        "__ow_method": "post",
        "__ow_path": "/p",
        "__ow_query": "",
        "__ow_headers": headers,
        "__ow_body": body,
    }
    assert model.run(value)["statusCode"] == 200


HALF = [
    (b"", "nothing"),
    (b"P", "one byte"),
    (b"POST /run HTTP/1.1\r\n", "a request line"),
    (b"POST /run HTTP/1.1\r\nContent-Length: 10\r\n\r\n{", "part of a body"),
    (b"POST /init HTTP/1.1\r\nContent-Length: 10\r\n\r\n", "no body"),
    (b"GET /p HTTP/1.1\r\nHost: x\r\n", "part of a head"),
    (b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhi", "part of a plain body"),
]


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for data, name in HALF])
def test_who_hangs_up_half_way_is_forgotten(model, data):
    with closing(socket.create_connection(("127.0.0.1", model.port), 5)) as connection:
        connection.sendall(data)


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for data, name in HALF])
def test_who_stops_half_way_keeps_nobody_waiting(model, data):
    connections = [socket.create_connection(("127.0.0.1", model.port), 5) for _ in range(20)]
    try:
        for connection in connections:
            connection.sendall(data)
        began = time.time()
        assert model.web("GET", "/p").status == 200
        assert time.time() - began < 5
    finally:
        for connection in connections:
            connection.close()


def test_who_leaves_before_the_answer_costs_nothing(model):
    data = json.dumps(
        activation({"__ow_method": "get", "__ow_path": "/slow", "__ow_query": "0.2"})
    ).encode("ascii")
    with closing(socket.create_connection(("127.0.0.1", model.port), 5)) as connection:
        connection.sendall(
            b"POST /run HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(data) + data
        )
    assert model.web("GET", "/slow", "0.3").status == 200


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: -1\r\n",
        "Content-Length: many\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Content-Length: 2\r\nContent-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "",
        "Content-Length 2\r\n",
        "Content-Length: 2\r\n folded\r\n",
        "X: " + "a" * 100000 + "\r\nContent-Length: 2\r\n",
    ],
    ids=[
        "negative",
        "no number",
        "huge",
        "two",
        "chunked",
        "none",
        "no colon",
        "folded",
        "long header",
    ],
)
def test_a_length_that_is_none_gets_an_answer(model, head):
    with closing(socket.create_connection(("127.0.0.1", model.port), 10)) as connection:
        try:
            connection.sendall(
                ("POST /run HTTP/1.1\r\nHost: x\r\n" + head + "\r\n{}").encode("ascii")
            )
            connection.shutdown(socket.SHUT_WR)
            data = b"".join(iter(lambda: connection.recv(65536), b""))
        except OSError:
            return
    assert data == b"" or data.startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"\x00" * 1000,
        b"GET /\r\n\r\n",
        b"POST /run\r\n\r\n",
        b"FOO /run HTTP/9.9\r\n\r\n",
        b"POST /run HTTP/1.1 " + b"a" * 70000,
    ],
    ids=[
        "TLS",
        "empty lines",
        "one word",
        "nul bytes",
        "HTTP/0.9",
        "no version",
        "strange version",
        "endless line",
    ],
)
def test_what_is_no_http_is_no_end(model, data):
    with closing(socket.create_connection(("127.0.0.1", model.port), 5)) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        except OSError:
            pass
