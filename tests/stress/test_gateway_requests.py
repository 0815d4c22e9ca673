"""Anything at the gateway's socket: one well-formed answer to each request, never a 500, a hang or
the end of it."""

import base64
import json
import re
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import records
from gateway.http import jsontext
from gateway.refusal import Refusal
from gateway.rest.content import action_from_content, package_from_content
from gateway.settings import Settings
from testing.gateway import REST, WEB, received, reply_from_bytes
from testing.recordings import GUEST_KEY
from testing.replay import json_reply
from tests.stress.scale import tried

KEY = "Authorization: Basic " + base64.b64encode(GUEST_KEY.encode()).decode()
WORDS = [
    "GET",
    "POST",
    "PUT",
    "HEAD",
    "OPTIONS",
    "DELETE",
    "BREW",
    "HTTP/1.1",
    "HTTP/1.0",
    "HTTP/2",
    "/",
    "//",
    "*",
    "?",
]
WORDS += [
    WEB + "hello",
    REST + "actions",
    REST + "actions/x",
    "/api/v1",
    "http://other.example/",
    "..",
    "%2e%2e",
    "%2F",
    "%zz",
]
WORDS += [
    "Host: h",
    "Content-Length: 5",
    "Content-Length: -1",
    "Content-Length: 5, 5",
    "Transfer-Encoding: chunked",
]
WORDS += [
    "Transfer-Encoding: gzip, chunked",
    "Connection: close",
    "Connection: upgrade",
    "Expect: 100-continue",
    KEY,
]
WORDS += [
    "Content-Type: application/json",
    "Content-Type: text/plain;",
    "Cookie: a=b; c",
    "Accept: */*;q=x",
    "X-A:",
    ": x",
]
WORDS += [
    "Accept: image/png",
    "X-Request-ID: a",
    "Range: bytes=0-",
    "Host: [::1]:99999",
    "Date: never",
    "Origin: null",
]
WORDS += [
    " ",
    " ",
    "\r\n",
    "\r\n",
    "\r\n",
    "\r\n\r\n",
    "\n",
    "\r",
    "\t",
    "\x00",
    "é",
    "hello",
    "5\r\nhello\r\n0\r\n\r\n",
    "0;x=y",
]
RAW = st.lists(
    st.sampled_from(WORDS).map(lambda word: word.encode()) | st.binary(max_size=8), max_size=16
).map(b"".join)
SEGMENT = st.sampled_from(
    ["guest", "_", "default", "hello", "hello.json", "web", "namespaces", "actions", "packages", ""]
)
SEGMENT |= st.sampled_from(
    [
        "activations",
        "..",
        ".",
        "%2F",
        "%00",
        "%ED%A0%80",
        "a" * 300,
        "triggers",
        "0" * 32,
        "é",
        "$(id)",
    ]
)
TARGETS = st.lists(SEGMENT, max_size=7).map(lambda names: "/api/v1/" + "/".join(names))
PIECES = [
    "a",
    "1",
    "%41",
    "%FF",
    "%",
    "+",
    "=",
    "&",
    ";",
    "limit=",
    "skip=",
    "since=",
    "count=",
    "docs=",
    "true",
    "-",
    "99999999999999999999",
]
QUERIES = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
TEXTS = st.text(max_size=10) | st.sampled_from(
    ["\ud800", "\x00", "", "default", "raw-http", "web-export", "exec", "0.0.1"]
)
NUMBERS = (
    st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([10**99, -1, 1.5, 2**63])
)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
PAIRS = (
    st.lists(
        st.fixed_dictionaries({"key": TEXTS, "value": JSON}, optional={"init": JSON}), max_size=3
    )
    | JSON
)
LIMITS = st.dictionaries(
    st.sampled_from(["timeout", "memory", "logs", "concurrency", "other"]),
    NUMBERS | JSON,
    max_size=4,
)
EXEC = st.fixed_dictionaries(
    {"kind": st.just("blackbox"), "image": st.sampled_from(["replay", "a/b:1", "A", ""]) | JSON},
    optional={"code": TEXTS | JSON, "main": TEXTS | JSON, "binary": JSON},
)
CONTENTS = JSON | st.fixed_dictionaries(
    {},
    optional={
        "exec": EXEC | JSON,
        "parameters": PAIRS,
        "annotations": PAIRS,
        "limits": LIMITS | JSON,
        "version": st.sampled_from(["1.2.3", "999999999.999999999.999999999", "1", ""]) | JSON,
        "publish": JSON,
        "delAnnotations": st.lists(TEXTS) | JSON,
        "binding": JSON,
        "name": JSON,
        "namespace": JSON,
    },
)
# A name may be anything without a line end: the platform writes it as the action says it.
HEADER = re.compile(rb"[^\r\n]*: [^\r\n]*\Z")
ONCE = (
    "content-length",
    "content-type",
    "connection",
    "date",
    "server",
    "x-request-id",
    "transfer-encoding",
)


@pytest.fixture(scope="module")
def served(gateway):
    gateway.create_web("hello")
    yield gateway
    assert "Traceback" not in gateway.log, gateway.log


def answers_to(gateway, data):
    """All that comes back when this is all that is sent."""
    with closing(gateway.connect(20)) as connection:
        connection.sendall(data)
        connection.shutdown(1)
        try:
            return received(connection)
        except ConnectionResetError:
            return b""


def check_answers(data):
    """Whole answers, one after another, and nothing that could be taken for one more."""
    while data:
        head, end, data = data.partition(b"\r\n\r\n")
        assert end, (head, data)
        start, *lines = head.split(b"\r\n")
        assert re.match(rb"HTTP/1\.1 [1-5]\d\d [ -~]*\Z", start) and not start.startswith(
            b"HTTP/1.1 500"
        ), head
        assert all(map(HEADER.match, lines)), head
        fields = [line.decode("latin-1").split(": ", 1) for line in lines]
        names = [name.lower() for name, _ in fields]
        assert all(names.count(name) < 2 for name in ONCE), head
        length = int({name.lower(): value for name, value in fields}.get("content-length", 0))
        if data and not data.startswith(b"HTTP/1.1 "):  # else it answers a HEAD
            assert len(data) >= length, (head, data)
            data = data[length:]


@tried(300)
@given(RAW)
def test_any_bytes_get_whole_answers(served, data):
    check_answers(answers_to(served, data))


@tried(200)
@given(
    st.sampled_from(["GET", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"]),
    TARGETS,
    QUERIES,
    CONTENTS,
    st.booleans(),
)
def test_any_call_of_the_api_is_answered(served, method, target, query, content, with_key):
    lines = [
        f"{method} {target}?{query} HTTP/1.1",
        "Host: h",
        "Connection: close",
        "Content-Type: application/json",
    ]
    body = json.dumps(content).encode()
    lines += [KEY] * with_key + [f"Content-Length: {len(body)}", "", ""]
    data = answers_to(served, "\r\n".join(lines).encode() + body)
    check_answers(data)
    assert reply_from_bytes(data).status < 500 or b"x-openwhisk-activation-id" in data.lower()


@tried(300)
@given(CONTENTS, CONTENTS)
def test_any_content_makes_an_action_or_is_refused(first, second):
    place, action = ("guest", "", "x"), None
    for content in (first, second):
        value = jsontext.value_from_json(json.dumps(content).encode())
        try:
            action = action_from_content(value, place, action, 0, Settings())
        except Refusal as error:
            assert str(error)
            continue
        record = jsontext.utf8(jsontext.compact(records.json_from_action(action)))
        assert records.action_from_json(jsontext.value_from_json(record)).path == "guest/x"


@tried(300)
@given(CONTENTS)
def test_any_content_makes_a_package_or_is_refused(content):
    value = jsontext.value_from_json(json.dumps(content).encode())
    try:
        package = package_from_content(value, ("guest", "p"), None, 0, Settings())
    except Refusal as error:
        assert str(error)
        return
    record = jsontext.utf8(jsontext.compact(records.json_from_package(package)))
    assert records.package_from_json(jsontext.value_from_json(record)).name == "p"


RESULTS = JSON | st.fixed_dictionaries(
    {},
    optional={
        "statusCode": NUMBERS,
        "headers": st.dictionaries(TEXTS, JSON),
        "body": JSON,
        "error": JSON,
    },
)


@tried(200)
@given(
    RESULTS | st.binary(max_size=50),
    st.sampled_from(["", ".json", ".html", ".text", ".svg", ".http"]),
)
def test_whatever_an_action_answers_the_client_gets_one_answer(served, replay, result, extension):
    replay.reply = result if isinstance(result, bytes) else json_reply(json.dumps(result))
    head = f"GET {WEB}hello{extension}/a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    data = answers_to(served, head.encode())
    check_own_answer(data)


def check_own_answer(data):
    """An action may well answer with 500: all else holds."""
    head, _, body = data.partition(b"\r\n\r\n")
    check_answers(re.sub(rb"\AHTTP/1\.1 500", b"HTTP/1.1 400", head) + b"\r\n\r\n" + body)
    assert b"HTTP/1.1 " not in body[:9]
