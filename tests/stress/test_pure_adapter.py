"""The adapter's pure rooms, given anything: they answer or refuse, and carry what they carry."""

import base64
import gzip
import json

from hypothesis import given
from hypothesis import strategies as st

from openwhisk_adapter.codings import codec_from_charset
from openwhisk_adapter.messages import Refused, Request, Response
from openwhisk_adapter.request import request_from_params
from openwhisk_adapter.result import result_from_response
from testing.controller import (
    REGISTERED,
    media_type,
    params_from_request,
    response_from_result,
)
from tests.stress.scale import tried

PIECES = [
    "a",
    "Z",
    "0",
    "/",
    "//",
    "..",
    "%2F",
    "%",
    "%zz",
    "?",
    "#",
    " ",
    "\t",
    "\r\n",
    "\x00",
    "é",
    "€",
    "\ud800",
    ";",
]
PIECES += [
    "=",
    '"',
    "\\",
    ",",
    ":",
    "@",
    "&",
    "+",
    "[",
    "]",
    "http://",
    "charset=",
    "utf-8",
    "gzip",
    "b64",
    "{",
    "}",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=8).map("".join) | st.text(max_size=30)
NUMBERS = st.integers() | st.floats() | st.just(10**400)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
TYPES = (
    st.sampled_from(
        sorted(REGISTERED)
        + ["multipart/form-data; boundary=b", "application/x-unheard-of", "model/x+json", ""]
    )
    | TEXTS
    | st.builds(
        "{}{}charset={}".format,
        st.sampled_from(sorted(REGISTERED)),
        st.sampled_from([";", "; ", " ;"]),
        TEXTS,
    )
)
CHARSETS = [
    "utf-8",
    "latin-1",
    "utf-16",
    "utf-7",
    "ascii",
    "shift_jis",
    "koi8-r",
    "cp1252",
    "hex",
    "rot13",
    "idna",
    "mbcs",
]
CHARSETS += ["unicode_escape", "base64", "zlib", "punycode", "x" * 100, "utf_8_sig", "none"]
WITH_CHARSET = st.builds(
    "{}; charset={}".format, st.sampled_from(sorted(REGISTERED)), st.sampled_from(CHARSETS) | TEXTS
)
BODIES = st.binary(max_size=200) | TEXTS.map(lambda text: text.encode("utf-8", "replace"))
BODIES |= JSON.map(lambda value: json.dumps(value).encode()) | st.sampled_from(
    [b"true", b"1234", b"null", b'"abcd"', b"12"]
)
BODIES |= BODIES.map(gzip.compress)
NAMES = (
    "Host Content-Type Content-Length Transfer-Encoding Connection Expect Cookie Accept-Encoding "
    "X-Forwarded-Host X-Forwarded-Proto X-A X_A X-OpenWhisk-User Location Set-Cookie "
    "Content-Encoding ETag Vary Date Server"
)
HEADER_NAMES = st.sampled_from(NAMES.split())
HEADERS = st.dictionaries(HEADER_NAMES | TEXTS, TYPES | TEXTS | JSON, max_size=5)
METHODS = st.sampled_from(["get", "post", "head", "put", "options"]) | TEXTS
WEB = {
    "__ow_method": METHODS | JSON,
    "__ow_path": TEXTS | JSON,
    "__ow_query": TEXTS | JSON,
    "__ow_headers": HEADERS | JSON,
    "__ow_body": BODIES.map(lambda body: base64.b64encode(body).decode()) | TEXTS | JSON,
    "__ow_user": TEXTS | JSON,
}
FILES = st.fixed_dictionaries(
    {"b64": TEXTS | JSON},
    optional={"filename": TEXTS | JSON, "content_type": TEXTS, "type": TEXTS | JSON, "x": JSON},
)
BOUND = st.dictionaries(TEXTS | st.sampled_from(["image", "text"]), JSON | FILES, max_size=3)
PARAMS = st.builds(
    lambda web, bound: {**bound, **web}, st.fixed_dictionaries({}, optional=WEB), BOUND
)
CONTEXT = [
    "activation_id",
    "transaction_id",
    "action_name",
    "action_version",
    "namespace",
    "deadline",
    "api_host",
]
ACTIVATIONS = st.fixed_dictionaries({}, optional=dict.fromkeys(CONTEXT, TEXTS | JSON))


def as_sent(value):
    """What a /run of these parameters brings: JSON has been over the wire."""
    return json.loads(json.dumps(value))


def text_of(result):
    return json.dumps(result, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")


@tried(250)
@given(PARAMS, ACTIVATIONS)
def test_any_parameters_become_a_request_or_a_refusal(params, activation):
    try:
        request = request_from_params(as_sent(params), as_sent(activation))
    except Refused as refusal:
        assert 400 <= refusal.response.status < 500 and str(refusal)
        return
    check_request(request)


def check_request(request):
    """Nothing in it ends a line early, or leads to another server."""
    line = "%s %s" % (request.method, request.target)
    assert line.isascii() and not set(line) & set("\r\n\x00\t") and line.count(" ") == 1, line
    assert request.path.startswith("/")
    for name, value in request.headers:
        assert not set(name + value) & set("\r\n\x00"), (name, value)
        value.encode("latin-1")
        assert name not in ("transfer-encoding", "connection"), name
        assert name != "content-length" or value == str(len(request.body))
    names = [name for name, _ in request.headers]
    assert len(names) == len(set(names)), names
    assert not set(request.host) & set("\r\n\x00 /@?#")
    assert request.scheme in ("http", "https")


ANSWERS = st.builds(
    Response,
    st.sampled_from([0, 200, 201, 204, 206, 301, 304, 400, 404, 500, 503, 599, 600, 999]),
    st.lists(st.tuples(HEADER_NAMES | TEXTS, TYPES | TEXTS), max_size=5),
    BODIES,
)
REQUESTS = st.builds(
    Request,
    method=st.sampled_from(["GET", "HEAD", "POST"]),
    path=st.just("/p"),
    query=st.just(""),
    headers=st.just([]),
    body=st.just(b""),
    prefix=st.sampled_from(["", "/api/v1/web/guest/default/model"]),
    plain=st.booleans(),
    accepts_gzip=st.booleans(),
)


@tried(250)
@given(ANSWERS, REQUESTS)
def test_any_answer_of_a_model_becomes_a_result_that_the_platform_takes(answer, request):
    try:
        result = result_from_response(answer, request)
    except Refused as refusal:
        result = result_from_response(refusal.response, request)
    text = text_of(result)
    assert isinstance(json.loads(text), dict)
    if request.plain:
        return
    arrived = response_from_result(text, request.method)
    assert arrived.status in (answer.status, 413, 502), arrived
    for name, value in arrived.headers:
        assert not set(name + value) & set("\r\n"), (name, value)


@tried(250)
@given(
    st.sampled_from([200, 201, 404, 500]),
    (TYPES | WITH_CHARSET).filter(media_type),
    BODIES.filter(len),
)
def test_what_a_model_answers_is_what_the_client_gets(status, content_type, body):
    """Bytes as bytes; text as text, in UTF-8 by then."""
    request = Request("GET", "/p", "", [], b"")
    answer = Response(status, [("Content-Type", content_type), ("X-A", "b"), ("X-A", "c")], body)
    result = result_from_response(answer, request)
    arrived = response_from_result(text_of(result))
    assert (arrived.status, arrived.header("X-A")) == (status, ["b", "c"]), arrived
    media = media_type(content_type)
    expected = [body]
    if media.charset and media.kind != "binary":
        try:
            expected.append(body.decode(codec_from_charset(media.charset)).encode("utf-8"))
        except (UnicodeError, LookupError):
            pass
    assert arrived.body in expected, (arrived, content_type)


BINARY = st.sampled_from(["", "image/png", "application/json", "multipart/form-data; boundary=x"])
TEXT = st.sampled_from(
    ["text/plain", "text/csv; charset=UTF-8", "application/x-www-form-urlencoded"]
)
REQUEST_BODIES = st.tuples(BINARY, BODIES)
REQUEST_BODIES |= st.tuples(TEXT, TEXTS.map(lambda text: text.encode("utf-8", "replace")))


@tried(250)
@given(REQUEST_BODIES)
def test_what_a_client_sends_is_what_the_model_gets(typed_body):
    content_type, body = typed_body
    headers = [("Content-Type", content_type)] if content_type else []
    params = params_from_request("post", "/p", "", headers, body)
    request = request_from_params(params, {})
    assert request.body == body
    assert dict(request.headers).get("content-type", "") == (
        content_type or "application/octet-stream" * bool(body)
    )
