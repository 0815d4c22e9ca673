"""The client gets what the model answered: results, read as the controller reads them."""

import base64
import gzip
import json
import os
import tracemalloc
from http.client import responses
from urllib.parse import quote, unquote

import pytest

from openwhisk_adapter.messages import Refused, Request, Response
from openwhisk_adapter.request import request_from_params
from openwhisk_adapter.result import redirected_to_slash, result_and_json, result_from_response
from openwhisk_adapter.settings import Settings
from testing.adapter import ROOT
from testing.controller import RESULT_LIMIT, media_type, response_from_result
from testing.process import until

with open(os.path.join(ROOT, "tests", "vectors", "results.json"), encoding="utf-8") as _file:
    RECORDED = json.load(_file)["cases"]

# The platform's own, on every answer.
ADDED = {
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-allow-headers",
}


def answering(model, status, headers, body, request_headers=(), method="POST", **members):
    """The client's answer when the model answers this."""
    text = "%d %s" % (status, responses.get(status, "Odd"))
    asked = json.dumps([text, headers, base64.b64encode(body).decode("ascii")]).encode("ascii")
    sent = [("Content-Type", "application/octet-stream")] + list(request_headers)
    return model.web(method, "/answer", "", sent, asked, **members)


def own_headers(answer):
    """Those that the model gave."""
    left_out = ADDED | {"content-length", "server-timing"}
    return [(name.lower(), value) for name, value in answer.headers if name.lower() not in left_out]


# -- the recordings --------------------------------------------------------------------------------


def recorded_body(response):
    if "body_b64" in response:
        return base64.b64decode(response["body_b64"])
    return response.get("body", "").encode("utf-8")


def recorded_answers():
    """Each different response that the controller has been seen to give: (status, type, body)."""
    found = {}
    for case in RECORDED:
        response = case["response"]
        if response["status"] >= 200 and case["method"] != "HEAD" and "fill" not in case:
            kind = [value for name, value in response["headers"] if name == "Content-Type"]
            answer = (response["status"], kind[0] if kind else None, recorded_body(response))
            found.setdefault(answer, case["name"])
    return [pytest.param(*answer, id=found[answer]) for answer in found]


@pytest.mark.parametrize("status, kind, body", recorded_answers())
def test_what_the_platform_can_answer_it_answers_for_the_model(model, status, kind, body):
    answer = answering(model, status, [["Content-Type", kind]] if kind else [], body)
    assert (answer.status, answer.type, answer.body) == (status, kind, body)


def recorded_types():
    """Each recorded media type with each recorded text. HTTP trims a header."""
    found = {}
    for case in RECORDED:
        if case["name"].startswith("type "):
            result = json.loads(case["result"])
            if isinstance(result.get("body"), str) and result["body"]:
                kind = result["headers"]["content-type"].strip()
                found.setdefault((kind, result["body"]), case["name"])
    return [pytest.param(*pair, id=found[pair]) for pair in found if pair[0]]


def arrives(kind, body):
    """(type, body) that the client may expect; no type where the model's can't be carried."""
    media = media_type(kind)
    if media is None:
        return None, body
    if media.kind == "binary":
        return media.value, body
    try:
        text = body.decode(media.charset or "utf-8")
    except LookupError:
        text = body.decode("utf-8", "strict")
    except UnicodeDecodeError:
        return None, body
    return media.value + ("; charset=UTF-8" if media.kind == "open" else ""), text.encode("utf-8")


def assert_arrived(answer, kind, body):
    expected_kind, expected_body = arrives(kind, body)
    assert (answer.status, answer.body) == (200, expected_body)
    assert answer.type == expected_kind or expected_kind is None, answer


@pytest.mark.parametrize("kind, text", recorded_types())
def test_any_type_carries_any_text(model, kind, text):
    body = text.encode("utf-8")
    assert_arrived(answering(model, 200, [["Content-Type", kind]], body), kind, body)


BYTES = bytes(range(256))


@pytest.mark.parametrize("kind", sorted({pair.values[0] for pair in recorded_types()}))
def test_any_type_carries_any_bytes(model, kind):
    answer = answering(model, 200, [["Content-Type", kind]], BYTES)
    media = media_type(kind)
    if media is not None and media.charset == "latin-1":
        assert answer.body == BYTES.decode("latin-1").encode("utf-8")
    else:
        assert (answer.status, answer.body) == (200, BYTES)


@pytest.mark.parametrize(
    "text",
    [
        "true",
        "null",
        "1234",
        "12345678",
        "1e10",
        "null\n",
        "true\n",
        " true ",
        "false",
        "{}",
        "[]",
        '"abc"',
        "-1",
        "1.25",
    ],
)
@pytest.mark.parametrize(
    "kind", ["application/json", "application/problem+json", "application/hal+json; charset=utf-8"]
)
def test_json_that_looks_like_base64_arrives_as_itself(model, kind, text):
    body = text.encode("ascii")
    assert_arrived(answering(model, 200, [["Content-Type", kind]], body), kind, body)


@pytest.mark.parametrize(
    "kind, text, charset",
    [
        ("text/html; charset=ISO-8859-1", "caf\u00e9", "latin-1"),
        ("text/html; charset=latin-1", "caf\u00e9", "latin-1"),
        ("text/csv; charset=Shift_JIS", "\u732b", "shift_jis"),
        ("text/xml; charset=utf-16", "<a>\u20ac</a>", "utf-16"),
        ('text/plain; charset="utf-8"', "\u20ac", "utf-8"),
        ("text/plain; charset=us-ascii", "plain", "ascii"),
        ("text/yaml; charset=latin-1", "caf\u00e9: 1", "latin-1"),
        ("application/json; charset=latin-1", '"caf\u00e9"', "latin-1"),
        ("text/plain", "caf\u00e9 \U0001f600 \x00", "utf-8"),
    ],
    ids=lambda value: value if "/" in str(value) else "",
)
def test_text_in_any_charset_arrives_as_utf8(model, kind, text, charset):
    answer = answering(model, 200, [["Content-Type", kind]], text.encode(charset))
    media = media_type(kind)
    expected = media.value + ("; charset=UTF-8" if media.kind == "open" else "")
    assert (answer.type, answer.body.decode("utf-8")) == (expected, text)


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "text/html; charset=utf-8",
        "text/html; charset=us-ascii",
        "text/plain; charset=shift_jis",
    ],
)
def test_text_that_is_not_valid_in_its_charset_arrives_byte_for_byte(model, kind):
    body = b"broken \xff\xfe text \xe9"
    answer = answering(model, 200, [["Content-Type", kind]], body)
    assert (answer.status, answer.body) == (200, body)


def test_no_type_becomes_octet_stream(model):
    answer = answering(model, 200, [], b"hello")
    assert (answer.type, answer.body) == ("application/octet-stream", b"hello")


@pytest.mark.parametrize(
    "charset", ["base64", "rot13", "zlib", "unicode_escape", "idna", "x" * 300, "utf-8\u00e9"]
)
def test_a_charset_that_is_none_does_no_harm(model, charset):
    answer = answering(model, 200, [["Content-Type", "text/plain; charset=" + charset]], b"aGk=\\n")
    assert (answer.status, answer.body) == (200, b"aGk=\\n")


# -- statuses --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status", [200, 201, 202, 206, 299, 301, 303, 400, 404, 405, 418, 422, 451, 499]
)
def test_a_status_is_the_clients(model, status):
    answer = answering(model, status, [["Content-Type", "text/plain"]], b"hi")
    assert (answer.status, answer.body) == (status, b"hi")


@pytest.mark.parametrize("status", [204, 205, 304])
def test_a_status_without_a_body_stays_without(model, status):
    answer = answering(model, status, [["ETag", '"v1"']], b"")
    assert (answer.status, own_headers(answer), answer.body) == (status, [("etag", '"v1"')], b"")


def test_an_empty_answer_is_not_turned_into_no_content(model):
    answer = answering(model, 200, [["Content-Type", "text/plain"]], b"")
    assert (answer.status, answer.header("content-length"), answer.body) == (200, ["0"], b"")


@pytest.mark.parametrize("status", [500, 501, 503, 599])
def test_a_server_error_counts_as_one_and_reads_the_same(model, status):
    headers = [["Content-Type", "application/json"], ["Retry-After", "3"]]
    asked = json.dumps(
        ["%d Odd" % status, headers, base64.b64encode(b'{"message": "no"}').decode()]
    )
    value = {
        "__ow_method": "post",
        "__ow_path": "/answer",
        "__ow_query": "",
        "__ow_headers": {},
        "__ow_body": asked,
    }
    value["__ow_headers"]["content-type"] = "text/plain"
    text = model.run_text(value)
    result, answer = json.loads(text), response_from_result(text, "POST")
    assert set(result) == {"error"} and result["error"]["statusCode"] == status
    assert (answer.status, answer.type, answer.body) == (
        status,
        "application/json",
        b'{"message": "no"}',
    )
    assert answer.header("retry-after") == ["3"]


@pytest.mark.parametrize(
    "setting, failures",
    [
        ("400-599", {400, 404, 500, 503}),
        ("404", {404}),
        ("404,500-502", {404, 500}),
        ("500-599", {500, 503}),
    ],
)
def test_which_statuses_are_errors_is_a_setting(own, setting, failures):
    adapter = own(OPENWHISK_ERRORS=setting)
    found = set()
    for status in (200, 400, 404, 500, 503):
        asked = json.dumps(["%d Odd" % status, [["Content-Type", "text/plain"]], "aGk="])
        headers = {"content-type": "text/plain"}
        value = {
            "__ow_method": "post",
            "__ow_path": "/answer",
            "__ow_headers": headers,
            "__ow_query": "",
        }
        result = adapter.run(dict(value, __ow_body=asked))
        found |= {status} if "error" in result else set()
    assert found == failures


# -- plain invocations -----------------------------------------------------------------------------


def invoked(model, status, kind, body):
    asked = ["%d Odd" % status, [["Content-Type", kind]], base64.b64encode(body).decode("ascii")]
    headers = {"content-type": "text/plain"}
    # A caller that names the path itself, so that the model's answer can be chosen.
    return model.run(
        {"__ow_path": "/answer", "__ow_headers": headers, "__ow_body": json.dumps(asked)}
    )


def test_an_invocation_results_in_the_models_json_itself(model):
    body = b'{"status": "ok", "predictions": [{"label": "caf\\u00e9", "p": 0.5}]}\n'
    assert invoked(model, 200, "application/json", body) == {
        "status": "ok",
        "predictions": [{"label": "caf\u00e9", "p": 0.5}],
    }


@pytest.mark.parametrize(
    "kind, body, carried",
    [
        ("text/plain; charset=utf-8", "caf\u00e9".encode("utf-8"), "caf\u00e9"),
        ("image/png", b"\x89PNG\r\n", base64.b64encode(b"\x89PNG\r\n").decode("ascii")),
        ("application/json", b"[1, 2]", [1, 2]),
    ],
    ids=["text", "image", "JSON that is no object"],
)
def test_an_invocation_results_in_any_other_answer_as_a_whole(model, kind, body, carried):
    result = invoked(model, 200, kind, body)
    assert (result["statusCode"], result["body"]) == (200, carried)
    assert {name.lower() for name in result["headers"]} >= {"content-type"}


@pytest.mark.parametrize("status", [400, 404, 422, 500])
def test_an_invocation_fails_with_the_models_refusal(model, status):
    result = invoked(model, status, "application/json", b'{"message": "The file is no image."}')
    assert set(result) == {"error"}
    assert "The file is no image." in json.dumps(result)


# -- headers ---------------------------------------------------------------------------------------


def test_headers_keep_their_order_and_repetitions(model):
    given = [
        ["X-B", "2"],
        ["Set-Cookie", "a=1"],
        ["X-A", "1"],
        ["Set-Cookie", "b=2; Path=/"],
        ["Link", "</a>; rel=next"],
    ]
    answer = answering(model, 200, [["Content-Type", "text/plain"]] + given, b"hi")
    got = [(name, value) for name, value in own_headers(answer) if name != "content-type"]
    assert sorted(got) == sorted((name.lower(), value) for name, value in given)
    assert answer.header("set-cookie") == ["a=1", "b=2; Path=/"]


@pytest.mark.parametrize("name", ["Keep-Alive", "Trailer", "Upgrade", "Date", "Server", "TE"])
def test_what_belongs_to_a_connection_stays_behind(model, name):
    answer = answering(model, 200, [["Content-Type", "text/plain"], [name, "x"]], b"hi")
    assert answer.header(name) == []


@pytest.fixture
def taken(start):
    """A model in the adapter's process, for what no server could send."""
    adapter = start("model")
    assert adapter.init().status == 200
    return adapter


def test_a_wrong_length_does_no_harm(taken):
    answer = answering(
        taken, 200, [["Content-Type", "text/plain"], ["Content-Length", "999"]], b"hi"
    )
    assert (answer.header("content-length"), answer.body) == (["2"], b"hi")


@pytest.mark.parametrize(
    "text", ["caf\u00e9", "caf\u00e9 \u20ac".encode("utf-8").decode("latin-1")]
)
def test_header_bytes_arrive_as_they_are(model, text):
    answer = answering(model, 200, [["Content-Type", "text/plain"], ["X-A", text]], b"hi")
    assert answer.header("x-a") == [text]


def test_header_text_beyond_latin1_survives(taken):
    """Against PEP 3333, but frameworks do it."""
    answer = answering(taken, 200, [["Content-Type", "text/plain"], ["X-A", "5 \u20ac"]], b"hi")
    (value,) = answer.header("x-a")
    assert "5 \u20ac" in (value.encode("latin-1").decode("utf-8", "replace"), unquote(value))


@pytest.mark.parametrize(
    "location, expected",
    [
        ("/model/metadata?a=1", "/api/v1/web/guest/default/model/model/metadata?a=1"),
        ("/api/v1/web/guest/default/model/app/", "/api/v1/web/guest/default/model/app/"),
        (
            "http://api.example.com/api/v1/web/guest/default/model/app/",
            "/api/v1/web/guest/default/model/app/",
        ),
        ("https://api.example.com/x?a=b#c", "/api/v1/web/guest/default/model/x?a=b#c"),
        ("//elsewhere.example/a", "//elsewhere.example/a"),
        ("https://elsewhere.example/a", "https://elsewhere.example/a"),
        ("next", "next"),
    ],
    ids=[
        "path of an app that knows of no prefix",
        "path below the action",
        "own host",
        "own host by https",
        "another host, same scheme",
        "another host",
        "relative",
    ],
)
def test_a_redirect_leads_where_the_model_meant(model, location, expected):
    answer = model.web("GET", "/redirect", quote(location), [("Host", "api.example.com")])
    assert (answer.status, answer.header("location")) == (302, [expected])


def test_cookies_are_the_clients_alone(model):
    answer = model.web("POST", "/login", "", [("Content-Type", "text/plain")], b"me")
    assert answer.header("set-cookie") == ["session=secret; Path=/", "theme=dark; Path=/"]
    told = json.loads(model.web("GET", "/p").body.decode("utf-8"))
    assert "cookie" not in told["headers"]
    told = json.loads(
        model.web("GET", "/p", "", [("Cookie", "mine=1; yours=2")]).body.decode("utf-8")
    )
    assert told["headers"]["cookie"] == "mine=1; yours=2"


def test_cors_headers_of_the_app_give_way_to_the_platforms(model):
    answer = model.web("GET", "/allow", "", [("Origin", "https://x.example")])
    assert answer.header("access-control-allow-origin") == ["*"]


def test_cors_headers_of_the_app_stay_where_it_is_asked_for(own):
    answer = own(OPENWHISK_CORS="app").web(
        "GET", "/allow", "", [("Origin", "https://x.example")], cors=False
    )
    assert answer.header("access-control-allow-origin") == ["https://x.example"]
    assert answer.header("access-control-allow-credentials") == ["true"]


# -- HEAD ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind, length, expected",
    [
        ("text/html", 1234, "text/html; charset=UTF-8"),
        ("application/json", 1, "application/json"),
        ("application/json", 4, "application/json"),
        ("image/png", 0, None),
        ("image/png", 1, "image/png"),
        ("image/png", 700001, "image/png"),
        ("application/octet-stream", 2, "application/octet-stream"),
    ],
)
def test_head_has_the_type_and_length_of_a_get(model, kind, length, expected):
    answer = model.web("HEAD", "/head", "%s,%d" % (kind, length))
    assert (answer.status, answer.type, answer.header("content-length")) == (
        200,
        expected,
        [str(length)],
    )


def test_head_of_what_is_too_long_to_carry_is_still_an_answer(model):
    answer = model.web("HEAD", "/head", "image/png,5000000")
    assert answer.status in (200, 413)


# -- bodies ----------------------------------------------------------------------------------------


def assert_all_bodies_are_closed(model):
    """A server behind a port may close one when its client has it already."""

    def are_closed():
        return json.loads(model.web("GET", "/still_open").body.decode("utf-8")) == 0

    until(are_closed, "every body is closed")


def test_a_generator_is_read_whole_and_closed(model):
    answer = model.web("GET", "/stream")
    assert (answer.status, answer.body.decode("utf-8")) == (200, "one two thr\u00e9\u00e9")
    assert_all_bodies_are_closed(model)


def test_a_generator_that_fails_half_way_is_an_error_and_closed(model):
    answer = model.web("GET", "/half")
    if model.backend == "in-process" or answer.status != 200:
        assert answer.status >= 500 and answer.type == "application/json"
    else:
        # The old server speaks HTTP/1.0, where the end of the connection is the end of the answer.
        assert answer.body == b"half of "
    assert_all_bodies_are_closed(model)
    until(lambda: "the second half is missing" in model.log, lambda: "logged: " + model.log)


def test_a_wrapped_file_is_read_whole(model):
    with open(os.path.join(model.folder, "app.py"), "rb") as file:
        content = file.read()
    answer = model.web("GET", "/file")
    assert (answer.type, answer.body) == ("image/png", content)


def test_what_an_app_writes_is_part_of_its_answer(model):
    assert model.web("GET", "/written").body == b"by write"


def test_a_failing_app_is_an_error_and_says_so_in_the_log(model):
    answer = model.web("GET", "/fail")
    assert answer.status == 500
    # Werkzeug's server answers first and logs then.
    until(lambda: "no such label" in model.log, lambda: "logged: " + model.log)
    assert model.web("GET", "/p").status == 200


def test_an_app_that_leaves_is_an_error_and_stays(model):
    before = json.loads(model.web("GET", "/process").body.decode("utf-8"))["pid"]
    assert model.web("GET", "/leave").status in (500, 502)
    after = json.loads(model.web("GET", "/process").body.decode("utf-8"))["pid"]
    assert before == after


def test_threads_and_child_processes_of_a_model_work(model):
    assert json.loads(model.web("GET", "/child").body.decode("utf-8")) == ["thread", "process"]


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/json", "image/svg+xml"])
def test_a_body_that_the_model_has_compressed_can_be_read(model, kind):
    body = gzip.compress(b'{"a": "\xc3\xa9"}')
    headers = [["Content-Type", kind], ["Content-Encoding", "gzip"]]
    answer = answering(model, 200, headers, body)
    got = gzip.decompress(answer.body) if answer.header("content-encoding") else answer.body
    assert (answer.status, got) == (200, b'{"a": "\xc3\xa9"}')


PACKED_TEXT = [["Content-Type", "text/html; charset=utf-8"], ["Content-Encoding", "gzip"]]


@pytest.mark.parametrize("encoding", ["br", "gzip", "zstd, gzip", "?"])
def test_text_in_an_encoding_that_cannot_be_undone_is_refused(model, encoding):
    answer = answering(model, 200, [PACKED_TEXT[0], ["Content-Encoding", encoding]], b"\x1b\x02")
    assert (answer.status, answer.type) == (502, "application/json")
    assert encoding in json.loads(answer.body.decode("utf-8"))["error"]


def test_text_that_explodes_is_refused(model):
    answer = answering(model, 200, PACKED_TEXT, gzip.compress(b"a" * 70000000, 1))
    assert (answer.status, answer.type) == (413, "application/json")


# -- the limit -------------------------------------------------------------------------------------

GZIP = [("Accept-Encoding", "gzip, deflate, br")]


@pytest.mark.parametrize(
    "kind, sent_as",
    [
        ("application/json", "application/json"),
        ("image/svg+xml", "image/svg+xml"),
        ("application/octet-stream", "application/octet-stream"),
        ("text/javascript", "text/javascript"),
        ("text/javascript; charset=utf-8", "text/javascript"),
        ("application/javascript", "text/javascript"),
        ("application/javascript; charset=utf-8", "text/javascript"),
    ],
)
def test_a_long_answer_is_compressed_for_who_accepts_it(model, kind, sent_as):
    answer = model.web("GET", "/big", quote(kind) + ",2000000,", GZIP)
    assert (answer.status, answer.type, answer.header("content-encoding")) == (
        200,
        sent_as,
        ["gzip"],
    )
    assert gzip.decompress(answer.body) == b"a" * 2000000
    assert "accept-encoding" in ",".join(answer.header("vary")).lower()
    assert answer.header("etag") != ['"v1"'], "other bytes under the same strong tag"


@pytest.mark.parametrize(
    "kind, noise, accepted",
    [
        ("application/json", "", []),
        ("application/json", "", [("Accept-Encoding", "gzip;q=0, br")]),
        ("image/png", "noise", GZIP),
        ("image/png", "noise", []),
        ("text/plain", "", GZIP),
    ],
    ids=["client reads no gzip", "client refuses gzip", "noise", "noise, no gzip", "text"],
)
def test_what_cannot_be_carried_is_refused_with_reason_and_remedy(model, kind, noise, accepted):
    answer = model.web("GET", "/big", "%s,2000000,%s" % (kind, noise), accepted)
    assert (answer.status, answer.type) == (413, "application/json")
    text = answer.body.decode("utf-8")
    assert set(json.loads(text)) == {"error"}
    assert str(RESULT_LIMIT) in text.replace(",", "").replace("_", "")


@pytest.mark.parametrize(
    "status, headers",
    [(206, [["Content-Range", "bytes 0-1999999/4000000"]]), (200, [["Content-Encoding", "br"]])],
    ids=["a part", "compressed already"],
)
def test_what_compressing_would_change_is_not_compressed(model, status, headers):
    headers = [["Content-Type", "application/octet-stream"]] + headers
    answer = answering(model, status, headers, b"a" * 900000, GZIP)
    assert (answer.status, answer.type) == (413, "application/json")


def test_a_short_answer_is_not_compressed(model):
    answer = model.web("GET", "/big", "application/json,1000,", GZIP)
    assert (answer.header("content-encoding"), answer.header("etag")) == ([], ['"v1"'])


@pytest.mark.parametrize("kind", ["text/plain", "image/png", "application/json"])
def test_the_limit_counts_the_bytes_of_the_result(own, kind):
    limit = 6000
    adapter = own(OPENWHISK_LIMIT=limit)

    def result(length):
        query = "%s,%d,noise" % (kind, length) if kind == "image/png" else "%s,%d," % (kind, length)
        text = adapter.run_text(
            {
                "__ow_method": "get",
                "__ow_path": "/big",
                "__ow_query": query,
                "__ow_headers": {},
                "__ow_body": "",
            }
        )
        return response_from_result(text).status, len(text.encode("utf-8"))

    lengths = [result(length) for length in range(3000, 6100, 100)]
    assert {status for status, size in lengths} == {200, 413}
    assert all(size <= limit for _, size in lengths)
    largest = max(size for status, size in lengths if status == 200)
    assert largest > limit - 300, "refused although it would have fitted"


# -- without a server ------------------------------------------------------------------------------


def test_a_result_depends_on_the_response_and_the_request_alone():
    request = request_from_params({"__ow_method": "get", "__ow_path": "/", "__ow_query": ""}, {})
    response = Response(200, [("Content-Type", "image/png")], b"\x89PNG")
    expected = {"statusCode": 200, "headers": {"content-type": "image/png"}, "body": "iVBORw=="}
    assert result_from_response(response, request) == expected


PREFIX = "/api/v1/web/guest/default/model"
GET = Request("GET", "/p", prefix=PREFIX, host="api.example.com")
PLAIN = Request("POST", "/p", plain=True)
JSON = [("Content-Type", "application/json")]


def projected(response, request=GET):
    """What the client gets for this, and what it says if that is an error."""
    _, written = result_and_json(response, request, Settings())
    answer = response_from_result(written.decode(), request.method)
    return answer.status, answer.json.get("error") if answer.type == "application/json" else None


@pytest.mark.parametrize("status", [-1, 0, 99, 600, 700, 999])
def test_a_status_that_is_none_of_http_is_refused(status):
    reason = "the model answered with status %d, and HTTP has 100 to 599" % status
    assert projected(Response(status, [("Content-Type", "text/plain")], b"hi")) == (502, reason)


@pytest.mark.parametrize("status", [200, 404, 599])
def test_each_status_of_http_is_carried(status):
    assert projected(Response(status, [("Content-Type", "text/plain")], b"hi")) == (status, None)


@pytest.mark.parametrize(
    "body",
    [
        b'{"p": NaN}',
        b'{"p": Infinity}',
        b'{"p": [-Infinity]}',
        b'{"p": 1e400}',
        b'{"p": -1e400}',
        b'{"p": ' + b"9" * 101 + b"}",
        b'{"p": -' + b"9" * 100 + b"}",
        b'{"p": ' + b"9" * 5000 + b"}",
        b'{"p": ' + b"[" * 600 + b"]" * 600 + b"}",
        b"[" * 900 + b"]" * 900,
        b"[" * 100000,
        b'{"p": ',
        b"",
    ],
    ids=lambda body: body[:12].decode(),
)
def test_json_that_the_platform_cannot_read_is_carried_as_text(body):
    """It would take the whole answer for no JSON, and remove the container."""
    result, written = result_and_json(Response(200, JSON, body), PLAIN, Settings())
    assert json.loads(written.decode(), parse_constant=pytest.fail) == result
    assert (result["statusCode"], result["body"]) == (200, body.decode())


@pytest.mark.parametrize(
    "body",
    [
        b'{"p": [0.1, 1e300, 5e-324, -0.0, true, null]}',
        b'{"p": ' + b"9" * 100 + b"}",
        b'{"p": "' + b"9" * 101 + b'"}',
        b'{"p": ' + b"[" * 400 + b"]" * 400 + b"}",
        b'{"p": [' + b"[],{}," * 1000 + b"[]]}",
    ],
    ids=["numbers", "a long number", "digits", "nested", "many lists"],
)
def test_json_that_the_platform_can_read_is_the_result_of_an_invocation(body):
    assert result_from_response(Response(200, JSON, body), PLAIN) == json.loads(body.decode())


def test_a_header_line_that_no_client_reads_is_refused():
    """One that is as long as clients read is carried."""
    plain = ("Content-Type", "text/plain")
    longest = result_from_response(Response(200, [plain, ("X-A", "a" * 65533)], b"hi"), GET)
    assert longest["headers"]["X-A"] == "a" * 65533
    reason = "the model's header 'X-A' has 65537 bytes, and clients read 65536"
    assert projected(Response(200, [plain, ("X-A", "a" * 65534)], b"hi")) == (502, reason)


@pytest.mark.parametrize("name", ["X A", "X:A", "", "X\r\nY", "X-\u010d\u010a", "\u00e9"])
def test_a_header_whose_name_is_none_is_left_out(name):
    result = result_from_response(Response(200, [(name, "1"), ("X-B", "2")], b""), GET)
    assert result["headers"] == {"X-B": "2"}


@pytest.mark.parametrize(
    "location, expected",
    [
        ("http://api.example.com//evil.example/x/", PREFIX + "//evil.example/x/"),
        ("http://api.example.com///evil.example", PREFIX + "///evil.example"),
        ("http://api.example.com/\\evil.example/", PREFIX + "/\\evil.example/"),
        ("http://api.example.com", PREFIX + "/"),
        ("http://api.example.com?a=b", PREFIX + "/?a=b"),
        ("http://api.example.com" + PREFIX, PREFIX),
        ("http://api.example.com.evil.example/", "http://api.example.com.evil.example/"),
        ("http://api.example.com@evil.example/", "http://api.example.com@evil.example/"),
        ("/\\evil.example/", PREFIX + "/\\evil.example/"),
        (PREFIX + "s/", PREFIX + PREFIX + "s/"),
    ],
)
def test_a_redirect_to_the_models_own_host_leads_nowhere_else(location, expected):
    result = result_from_response(Response(302, [("Location", location)], b""), GET)
    assert result["headers"]["Location"] == expected


@pytest.mark.parametrize(
    "location", ["http://api.example.com//evil.example/x/", "//evil.example/", "/x"]
)
def test_a_redirect_without_a_place_to_lead_to_is_left_alone(location):
    """Of an action whose name says no place."""
    result = result_from_response(
        Response(302, [("Location", location)], b""), GET._replace(prefix="")
    )
    assert result["headers"]["Location"] == location


LONG = 60 << 20
NOISE = os.urandom(1 << 20) * (LONG >> 20)


@pytest.mark.parametrize(
    "kind", ["image/png", "text/plain", "application/json", "text/javascript", "text/html"]
)
@pytest.mark.parametrize(
    "request_", [GET, GET._replace(accepts_gzip=True), PLAIN], ids=["web", "gzip", "invocation"]
)
def test_what_is_far_too_long_is_refused_in_hardly_more_memory_than_its_own(kind, request_):
    tracemalloc.start()
    try:
        result, written = result_and_json(
            Response(200, [("Content-Type", kind)], NOISE), request_, Settings()
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.get("error", result)["statusCode"] == 413
    assert (len(written) < 1000, peak < 8 << 20) == (True, True), (len(written), peak)


def test_a_head_of_what_is_far_too_long_takes_no_memory():
    tracemalloc.start()
    try:
        response = Response(
            200, [("Content-Type", "image/png"), ("Content-Length", "999999999")], b""
        )
        assert result_from_response(response, GET._replace(method="HEAD"))["statusCode"] == 413
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize("status", [204, 304])
def test_a_head_of_what_has_no_body_may_name_any_length(status):
    response = Response(status, [("Content-Type", "image/png"), ("Content-Length", "5000000")], b"")
    result = result_from_response(response, GET._replace(method="HEAD"))
    assert (result["statusCode"], result["body"]) == (status, "")


@pytest.mark.parametrize("character", ["\r\n", "\x00", "\x7f", "\n"])
def test_a_type_with_a_control_character_is_none(character):
    """The platform refuses a whole result for that."""
    kind = [("Content-Type", 'text/plain; a="b%sc"' % character)]
    result = result_from_response(Response(200, kind, b"hi"), GET)
    assert result["headers"] == {"content-type": "application/octet-stream"}


def test_the_refusal_says_how_much_there_was_and_what_helps():
    error = projected(Response(200, [("Content-Type", "image/png")], b"a" * 900000))[1]
    assert error == (
        "the answer takes at least 1200000 bytes of 1048576 that are allowed: "
        "accept gzip (curl --compressed), ask for less, "
        "or raise the platform's limit and OPENWHISK_LIMIT"
    )


PAGE = Response(200, [("Content-Type", "text/html")], b'<link href="style.css">')
BARE = GET._replace(path="/", query="a=b", bare=True)


def test_a_page_with_relative_links_moves_below_a_slash():
    assert redirected_to_slash(PAGE, BARE) == Response(302, [("Location", PREFIX + "/?a=b")], b"")


@pytest.mark.parametrize(
    "response, request_",
    [
        (PAGE, GET),
        (PAGE, BARE._replace(method="POST")),
        (PAGE, BARE._replace(prefix="")),
        (PAGE._replace(status=404), BARE),
        (PAGE._replace(headers=[("Content-Type", "text/plain")]), BARE),
        (
            PAGE._replace(body=b'<a href="/style.css"><a href="http://x"><a href="#x"><a href=>'),
            BARE,
        ),
    ],
    ids=["a path", "no GET", "no place", "no success", "no page", "no relative link"],
)
def test_all_else_stays_where_it_is(response, request_):
    assert redirected_to_slash(response, request_) is response


@pytest.mark.parametrize(
    "charset, text", [("utf-16", "a\u20ac"), ("latin-1", "\u00e9"), ("utf-8", "\u00e9")]
)
def test_a_long_script_in_any_charset_is_compressed_as_utf8(charset, text):
    kind = [("Content-Type", "text/javascript; charset=" + charset)]
    script = (text * 700000).encode(charset)
    result = result_from_response(Response(200, kind, script), GET._replace(accepts_gzip=True))
    assert gzip.decompress(base64.b64decode(result["body"])) == (text * 700000).encode()
    assert result["headers"]["content-type"] == "text/javascript"


def test_a_refusal_is_itself_a_result():
    refusal = Refused(403, "caf\u00e9 \ud800")
    assert refusal.response.body == b'{"error":"caf\xc3\xa9 ?"}'
    assert result_from_response(refusal.response, GET)["body"] == '{"error":"caf\u00e9 ?"}'


# -- and in detail ---------------------------------------------------------------------------------


@pytest.mark.parametrize("tag, sent", [('"v1"', 'W/"v1"'), ('W/"v1"', 'W/"v1"'), ("v1", "v1")])
def test_other_bytes_than_the_models_have_no_strong_tag(tag, sent):
    packed = [
        ("Content-Encoding", "gzip"),
        ("ETag", tag),
        ("X-A", "1"),
        ("Content-Type", "text/csv"),
    ]
    result = result_from_response(Response(200, packed, gzip.compress(b"a,b")), GET)
    expected = {"ETag": sent, "X-A": "1", "content-type": "text/csv"}
    assert (result["headers"], result["body"]) == (expected, "a,b")


@pytest.mark.parametrize("encoding", ["", "identity", "Identity"])
def test_text_that_is_not_compressed_is_carried_as_it_is(encoding):
    kind = [("Content-Type", "text/csv"), ("Content-Encoding", encoding)]
    assert result_from_response(Response(200, kind, b"a,b"), GET)["body"] == "a,b"


def test_compressed_text_that_is_none_is_refused():
    kind = [("Content-Type", "text/csv"), ("Content-Encoding", "gzip")]
    status, error = projected(Response(200, kind, b"a,b"))
    assert status == 502
    assert error.startswith(
        "the model's text came with Content-Encoding gzip, which can't be carried: "
    )


@pytest.mark.parametrize(
    "status, headers, request_",
    [
        (206, [], GET._replace(accepts_gzip=True)),
        (200, [("Content-Encoding", "br")], GET._replace(accepts_gzip=True)),
        (200, [], GET),
    ],
    ids=["a part", "compressed already", "not accepted"],
)
def test_a_long_answer_is_compressed_only_where_that_changes_nothing(status, headers, request_):
    response = Response(status, [("Content-Type", "image/png"), *headers], b"a" * 900000)
    assert projected(response, request_)[0] == 413


def test_a_long_answer_without_a_type_is_compressed():
    result = result_from_response(Response(200, [], b"a" * 900000), GET._replace(accepts_gzip=True))
    expected = {
        "content-encoding": "gzip",
        "Vary": "Accept-Encoding",
        "content-type": "application/octet-stream",
    }
    assert result["headers"] == expected
    assert gzip.decompress(base64.b64decode(result["body"])) == b"a" * 900000


@pytest.mark.parametrize(
    "status, plain, fails", [(404, True, True), (404, False, False), (500, False, True)]
)
def test_what_counts_as_a_failure(status, plain, fails):
    result = result_from_response(Response(status, [], b""), GET._replace(plain=plain))
    assert ("error" in result) is fails


def test_an_object_with_an_error_is_no_failure_by_itself():
    """As the platform reads a result, its other members would be dropped."""
    result = result_from_response(Response(200, JSON, b'{"error": "no", "a": 1}'), PLAIN)
    assert (result["statusCode"], result["body"]) == (200, {"error": "no", "a": 1})


@pytest.mark.parametrize("name", ["K", "\u212a"])
def test_a_model_may_repeat_a_header_in_any_spelling(name):
    pairs = [("X-K", "1"), ("x-k", "2"), ("X-" + name, "3")]
    values = result_from_response(Response(200, pairs, b""), GET)["headers"]["X-K"]
    assert values == (["1", "2", "3"] if name == "K" else ["1", "2"])
