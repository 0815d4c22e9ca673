"""What the model is told about a request is what the client sent: every recording that reached
an action, and the rest of the contract's request side."""

import base64
import json
import os
import zlib
from email import message_from_bytes
from urllib.parse import parse_qsl, unquote, unquote_to_bytes

import pytest

from openwhisk_adapter.addresses import is_host
from openwhisk_adapter.codings import accepts_gzip
from openwhisk_adapter.envelope import activation_from_json, object_from_json
from openwhisk_adapter.forms import names_in_multipart
from openwhisk_adapter.messages import Refused
from openwhisk_adapter.request import request_from_params
from openwhisk_adapter.settings import Settings, is_platform, settings_from_environ
from testing.adapter import ROOT, activation

with open(os.path.join(ROOT, "tests", "vectors", "requests.json"), encoding="utf-8") as _file:
    RECORDED = json.load(_file)
CASES = [case for case in RECORDED["cases"] if "value" in case]
RESERVED = {"__ow_method", "__ow_path", "__ow_query", "__ow_headers", "__ow_body", "__ow_user"}
# A connection's own affair, or the platform's: said by the adapter to the model, if at all.
NOT_PASSED_ON = {
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "te",
    "upgrade",
}
FORM = "application/x-www-form-urlencoded"


def value_of(case):
    """The recorded parameters, the long strings that the recordings abbreviate written out."""
    return {name: _whole(member, case) for name, member in case["value"].items()}


def _whole(member, case):
    if not isinstance(member, dict) or "<length>" not in member:
        return member
    plain = "a" * member["<length>"]
    return (
        plain
        if plain.startswith(member["<start>"])
        else base64.b64encode(body_of(case)).decode("ascii")
    )


def body_of(case):
    """The client's bytes, or what the platform made of them where they aren't UTF-8."""
    if "body_repeat" in case:
        character, count = case["body_repeat"]
        return character.encode("ascii") * count
    sent = base64.b64decode(case["body_b64"])
    carried = case["value"].get("__ow_body")
    lossy = isinstance(carried, str) and "\ufffd" in carried
    return sent.decode("utf-8", "replace").encode("utf-8") if lossy else sent


def as_text(value):
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def respaced(text):
    return as_text(json.loads(text)) if text[:1] in "[{" and text[1:] else text


def pairs(query):
    """How the JSON in a query is spaced is nobody's concern."""
    return sorted((name, respaced(text)) for name, text in parse_qsl(query, keep_blank_values=True))


def given(members):
    """A query of these members: what is null has no default to give."""
    return sorted(
        (name, respaced(as_text(value))) for name, value in members.items() if value is not None
    )


def headers_of(reported):
    """As the client wrote them: WSGI has the bytes of a header as latin-1."""
    read = {
        name: value.encode("latin-1").decode("utf-8") for name, value in reported["headers"].items()
    }
    return {
        name: value for name, value in read.items() if name not in NOT_PASSED_ON and not added(name)
    }


def added(name):
    return name.startswith(("x-openwhisk-", "x-forwarded-"))


def report_of(model, value, **members):
    result = model.run(value, **members)
    if "statusCode" not in result:
        return result
    assert result["statusCode"] == 200, result
    return json.loads(result["body"])


def body_in(report):
    return zlib.decompress(base64.b64decode(report["body"]))


def ident(case):
    return "%s %s" % (case["action"] or "pkg/inner", case["name"])


WEB = [case for case in CASES if case["method"] != "INVOKE"]
RAW = [case for case in WEB if "__ow_query" in case["value"]]
NOT_RAW = [case for case in WEB if "__ow_query" not in case["value"]]
INVOKED = [case for case in CASES if case["method"] == "INVOKE"]


def target_of(value):
    """A request without a path goes to the page when it reads, else to the prediction."""
    return value["__ow_path"] or (
        "/" if value["__ow_method"] in ("get", "head") else "/model/predict"
    )


@pytest.mark.parametrize("case", [pytest.param(case, id=ident(case)) for case in RAW])
def test_a_raw_request_arrives_as_it_was_sent(model, case):
    value = value_of(case)
    report = report_of(model, value, action_name="/guest/" + (case["action"] or "pkg/inner"))
    bound = {name: value[name] for name in value if name not in RESERVED}
    query, defaults = (
        report["query"][: len(value["__ow_query"])],
        report["query"][len(value["__ow_query"]) :],
    )
    path = target_of(value)
    kept = {name: bound[name] for name in bound if name not in sent_names(case)}
    sent = {name: text for name, text in value["__ow_headers"].items() if name not in NOT_PASSED_ON}
    headers = headers_of(report)
    if "\n" in sent.get("x-a", ""):
        headers, sent = dict(headers, **{"x-a": ""}), dict(sent, **{"x-a": ""})
    assert {
        "method": report["method"],
        "path": report["path"].encode("latin-1") if as_served(model, path) else b"",
        "query": query,
        "defaults": pairs(defaults.lstrip("&")),
        "headers": {name: text for name, text in headers.items() if not added(name)},
        "body": body_in(report),
    } == {
        "method": case["method"],
        "path": as_served(model, unquote_to_bytes(path)),
        "query": value["__ow_query"],
        "defaults": given(kept),
        "headers": {name: text for name, text in sent.items() if not added(name)},
        "body": body_of(case),
    }
    uri = report["raw_uri"] or report["uri"]
    assert uri.endswith(as_served(model, path) + ("?" + report["query"] if report["query"] else ""))


def as_served(model, path):
    """Werkzeug's own server takes the first part of //a/b for the name of a host."""
    return path[:0] if model.backend == "http" and len(path) > 1 and path[:1] == path[1:2] else path


def sent_names(case):
    """The names that the client gave values to, in its query or in its JSON."""
    value = case["value"]
    names = {name for name, _ in parse_qsl(value["__ow_query"], keep_blank_values=True)}
    if value["__ow_headers"].get("content-type") == "application/json":
        body = json.loads(base64.b64decode(case["body_b64"]).decode("utf-8"))
        names |= set(body) if isinstance(body, dict) else set()
    return names


@pytest.mark.parametrize("case", [pytest.param(case, id=ident(case)) for case in NOT_RAW])
def test_a_request_that_is_not_raw_is_put_together_again(model, case):
    value = value_of(case)
    report = report_of(model, value, action_name="/guest/" + case["action"])
    kind = value["__ow_headers"].get("content-type", "")
    members = {name: value[name] for name in value if name not in RESERVED}
    body = body_in(report)
    if "__ow_body" in value and not json_type(kind):
        expected, got = (given(members), body_of(case)), (pairs(report["query"]), body)
    elif "__ow_body" in value:
        expected, got = (
            (given(members), value["__ow_body"]),
            (pairs(report["query"]), json.loads(body.decode())),
        )
    elif json_type(kind):
        expected, got = ("", members), (report["query"], json.loads(body.decode("utf-8")))
    elif kind == FORM:
        expected, got = ("", given(members)), (report["query"], pairs(body.decode("utf-8")))
    else:
        expected, got = (given(members), b""), (pairs(report["query"]), body)
    assert got == expected
    sent = {name: text for name, text in value["__ow_headers"].items() if name not in NOT_PASSED_ON}
    assert (report["method"], report["path"].encode("latin-1"), headers_of(report)) == (
        case["method"],
        unquote_to_bytes(target_of(value)),
        sent,
    )


def json_type(kind):
    return kind == "application/json" or kind.endswith("+json")


@pytest.mark.parametrize("case", [pytest.param(case, id=ident(case)) for case in INVOKED])
def test_a_plain_invocation_is_a_post_of_its_parameters(model, case):
    value = case["value"]
    report = report_of(model, value)
    body = body_in(report)
    kind = report["headers"].get("content-type", "")
    if "__ow_method" in value:
        members = {name: value[name] for name in value if name not in RESERVED}
        assert (report["method"], report["path"], pairs(report["query"]), body) == (
            "GET",
            "/x",
            given(members),
            b"",
        )
    elif "image" in value:
        assert (report["method"], report["path"], report["query"]) == ("POST", "/model/predict", "")
        assert parts(kind, body)["image"] == (
            "a.png",
            "image/png",
            base64.b64decode(value["image"]["b64"]),
        )
        fields = {
            name: content.decode()
            for name, (_, _, content) in parts(kind, body).items()
            if name != "image"
        }
        assert sorted(fields.items()) == given(
            {name: value[name] for name in value if name != "image"}
        )
    else:
        assert (report["method"], report["path"], report["query"]) == ("POST", "/model/predict", "")
        assert (kind, json.loads(body.decode("utf-8"))) == ("application/json", value)


def parts(kind, body):
    """{field: (file name, type, content)} of a multipart form."""
    message = message_from_bytes(b"Content-Type: " + kind.encode("ascii") + b"\r\n\r\n" + body)
    assert kind.startswith("multipart/form-data; boundary="), kind
    found = {}
    for part in message.get_payload():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        found[name] = (part.get_filename(), part.get("content-type"), content)
    return found


SPELLINGS = {
    "as the platform": b'{"value":{"__ow_body":"\xc3\xa9 A/","__ow_query":"",HEADERS}}',
    "spaced": b'{ "value" : { "__ow_body" : "\xc3\xa9 A/" , "__ow_query" : "", HEADERS } }',
    "last": b'{"value":{"__ow_query":"",HEADERS,"__ow_body":"\xc3\xa9 A/"}}',
    "escapes": b'{"value":{"__ow_query":"",HEADERS,"__ow_body":"\\u00e9 \\u0041\\/"}}',
    "twice": b'{"value":{"__ow_body":"first","__ow_query":"",HEADERS,"__ow_body":"\xc3\xa9 A/"}}',
    "also a member's": b'{"value":{"__ow_query":"",HEADERS,'
    b'"n":{"__ow_body":"no"},"__ow_body":"\xc3\xa9 A/"}}',
    "a member's before": b'{"value":{"n":{"__ow_body":"no"},'
    b'"__ow_query":"",HEADERS,"__ow_body" :"\xc3\xa9 A/"}}',
    "a name's end": b'{"value":{"__ow_query":"",HEADERS,'
    b'"n\\"__ow_body":"no","__ow_body":"\xc3\xa9 A/"}}',
    "said in a header": b'{"value":{"__ow_method":"post","__ow_path":"/p","__ow_query":"",'
    b'"__ow_headers":'
    b'{"content-type":"text/plain","x-a":"{\\"__ow_body\\":\\"no\\"}"},"__ow_body":"\xc3\xa9 A/"}}',
}


@pytest.mark.parametrize("spelling", sorted(SPELLINGS))
def test_a_body_is_the_same_however_its_json_is_spelt(model, spelling):
    """The platform's own spelling is read faster than the others."""
    others = b'"__ow_method":"post","__ow_path":"/p","__ow_headers":{"content-type":"text/plain"}'
    written = SPELLINGS[spelling].replace(b"HEADERS", others)
    result = model.post("/run", written).json
    assert result.get("statusCode") == 200, result
    assert body_in(json.loads(result["body"])) == "\u00e9 A/".encode("utf-8")


def test_a_member_of_that_name_inside_another_is_left_alone(model):
    bound = (
        b'{"value":{"__ow_method":"get","__ow_path":"/p","__ow_query":"","n":{"__ow_body":"kept"}}}'
    )
    report = json.loads(model.post("/run", bound).json["body"])
    assert (pairs(report["query"]), body_in(report)) == ([("n", '{"__ow_body": "kept"}')], b"")


# -- where it goes ---------------------------------------------------------------------------------


def web(method="get", path="", query="", headers=None, body="", **members):
    value = {"__ow_method": method, "__ow_path": path, "__ow_query": query, "__ow_body": body}
    value.update({"__ow_headers": dict({"host": "api.example.com"}, **(headers or {}))}, **members)
    return value


@pytest.mark.parametrize(
    "method, path, expected",
    [
        ("get", "", "/"),
        ("post", "", "/model/predict"),
        ("put", "", "/model/predict"),
        ("patch", "", "/model/predict"),
        ("delete", "", "/model/predict"),
        ("options", "", "/model/predict"),
        ("post", "/", "/"),
        ("get", "/a//b/", "/a//b/"),
    ],
)
def test_no_path_means_the_page_or_the_prediction(model, method, path, expected):
    assert report_of(model, web(method, path))["path"] == expected


def test_a_head_of_no_path_is_for_the_page(own):
    """It has no body to report in, but its line in the log."""
    adapter = own()
    adapter.run(web("head", ""))
    assert "HEAD / 200" in adapter.log


def test_the_entry_path_is_a_setting(own):
    adapter = own(OPENWHISK_ENTRY="/v1/models/half:predict")
    reports = [report_of(adapter, web(method)) for method in ("get", "post")]
    assert [report["path"] for report in reports] == ["/", "/v1/models/half:predict"]
    assert report_of(adapter, {"n": 1})["path"] == "/v1/models/half:predict"


# -- bound parameters ------------------------------------------------------------------------------

MULTIPART = b'--b\r\nContent-Disposition: form-data; name="threshold"\r\n\r\n0.9\r\n--b--\r\n'


@pytest.mark.parametrize(
    "kind, body, query, expected",
    [
        ("text/plain", "abc", "", [("threshold", "0.5")]),
        ("text/plain", "abc", "a=1", [("a", "1"), ("threshold", "0.5")]),
        ("text/plain", "abc", "threshold=0.9", [("threshold", "0.9")]),
        ("text/plain", "abc", "threshold=", [("threshold", "")]),
        ("text/plain", "abc", "threshold", [("threshold", "")]),
        ("text/plain", "abc", "thresh%6Fld=1", [("threshold", "1")]),
        ("application/json", base64.b64encode(b'{"threshold": 0.9}').decode(), "", []),
        (
            "application/json",
            base64.b64encode(b'{"text": "a"}').decode(),
            "",
            [("threshold", "0.5")],
        ),
        (
            "application/json",
            base64.b64encode(b'["threshold"]').decode(),
            "",
            [("threshold", "0.5")],
        ),
        ("application/json", base64.b64encode(b"not JSON").decode(), "", [("threshold", "0.5")]),
        (FORM, "threshold=0.9", "", []),
        (FORM, "a=0.9", "", [("threshold", "0.5")]),
        ("multipart/form-data; boundary=b", base64.b64encode(MULTIPART).decode(), "", []),
    ],
    ids=[
        "alone",
        "beside the client's own",
        "client says otherwise",
        "client says nothing as a value",
        "client names it without a value",
        "client escapes the name",
        "in the client's JSON",
        "not in the client's JSON",
        "JSON that has no names",
        "JSON that is none",
        "in the client's form",
        "not in the client's form",
        "in the client's multipart form",
    ],
)
def test_bound_parameters_are_defaults_of_the_query(model, kind, body, query, expected):
    value = web("post", "/p", query, {"content-type": kind}, body, threshold=0.5)
    assert pairs(report_of(model, value)["query"]) == expected


@pytest.mark.parametrize(
    "bound, text",
    [
        (0.5, "0.5"),
        (True, "true"),
        (7, "7"),
        ("a b&c=\u00e9", "a b&c=\u00e9"),
        ([1, "x"], '[1, "x"]'),
        ({"k": "\u00e9"}, '{"k": "\u00e9"}'),
        ("", ""),
    ],
)
def test_a_bound_value_reads_as_it_would_in_a_query(model, bound, text):
    assert pairs(report_of(model, web("get", "/p", bound=bound))["query"]) == [("bound", text)]


# -- plain invocations -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["post", "POST", "put"])
def test_an_invocation_may_name_its_method_and_path(model, method):
    report = report_of(model, {"__ow_method": method, "__ow_path": "/v1/x", "text": ["a"]})
    body = json.loads(body_in(report).decode("utf-8"))
    assert (report["method"], report["path"], body) == (method.upper(), "/v1/x", {"text": ["a"]})
    assert report["headers"]["content-type"] == "application/json"


FIRED = {
    "accept-encoding": "identity",
    "connection": "close",
    "host": "127.0.0.1:3233",
    "user-agent": "Python-urllib/3.11",
}


def test_what_a_trigger_has_started_is_a_post_of_its_parameters(own):
    """Recorded: it has the headers of the request that fired it, and nothing else of that."""
    adapter = own()
    report = report_of(adapter, {"__ow_headers": FIRED, "text": ["a"]})
    assert (report["method"], report["query"]) == ("POST", "")
    assert json.loads(body_in(report).decode("utf-8")) == {"text": ["a"]}
    assert report["headers"]["content-type"] == "application/json"
    assert "raw" not in adapter.stdout


def test_an_invocation_with_a_file_is_a_form_of_all_its_parameters(model):
    data = bytes(range(256))
    value = {
        "image": {"b64": base64.encodebytes(data * 2).decode("ascii")},
        "threshold": 0.5,
        "text": "caf\u00e9",
        "list": [1, 2],
    }
    report = report_of(model, value)
    found = parts(report["headers"]["content-type"], body_in(report))
    assert found["image"][2] == data * 2
    assert found["image"][0], "a part without a file name is a field, not a file"
    fields = {
        name: respaced(found[name][2].decode("utf-8")) for name in ("threshold", "text", "list")
    }
    assert fields == {"threshold": "0.5", "text": "caf\u00e9", "list": "[1, 2]"}
    assert [found[name][0] for name in ("threshold", "text", "list")] == [None] * 3


@pytest.mark.parametrize(
    "name",
    ['a"b.png', "a\r\nContent-Type: text/html\r\n\r\nevil.png", "\u00e9\u20ac.png", ""],
    ids=["quote", "line break", "beyond ASCII", "empty"],
)
def test_a_file_name_cannot_break_out_of_its_part(model, name):
    value = {"image": {"b64": "aGk=", "filename": name, "content_type": "image/png\r\nX-Evil: 1"}}
    report = report_of(model, value)
    body = body_in(report)
    found = parts(report["headers"]["content-type"], body)
    assert list(found) == ["image"] and found["image"][2] == b"hi"
    assert b"\r\nX-Evil" not in body and b"\r\nContent-Type: text/html" not in body


def test_the_json_of_a_client_stays_json_where_it_looks_like_a_file(model):
    """As TensorFlow Serving takes images; the platform has merged it into the parameters."""
    value = {
        "__ow_method": "post",
        "__ow_path": "/p",
        "__ow_headers": {"content-type": "application/json"},
    }
    report = report_of(model, dict(value, inputs={"b64": "aGk="}))
    assert report["headers"]["content-type"] == "application/json"
    assert json.loads(body_in(report).decode("utf-8")) == {"inputs": {"b64": "aGk="}}


def test_half_a_character_becomes_a_question_mark(model):
    sent = activation({"__ow_method": "get", "__ow_path": "/p", "a\ud800": "\ud800"})
    result = model.post("/run", json.dumps(sent).encode("ascii")).json
    assert json.loads(result["body"])["query"] == "a%3F=%3F"


def test_an_object_that_only_resembles_a_file_stays_json(model):
    value = {"instances": [{"b64": "aGk="}], "odd": {"b64": 3}, "more": {"b64": "aGk=", "other": 1}}
    report = report_of(model, value)
    assert report["headers"]["content-type"] == "application/json"
    assert json.loads(body_in(report).decode("utf-8")) == value


# -- where the model thinks it is ------------------------------------------------------------------


@pytest.mark.parametrize(
    "namespace, name, prefix",
    [
        ("guest", "/guest/model", "/api/v1/web/guest/default/model"),
        ("guest", "/guest/vision/model", "/api/v1/web/guest/vision/model"),
        ("guest", "/other/vision/model", "/api/v1/web/other/vision/model"),
        ("a b@c.d", "/a b@c.d/my model", "/api/v1/web/a b@c.d/default/my model"),
    ],
    ids=["default package", "package", "bound package", "odd names"],
)
def test_the_app_knows_its_place(model, namespace, name, prefix):
    report = report_of(model, web("get", "/p"), namespace=namespace, action_name=name)
    if model.backend == "in-process":
        assert (report["script"], report["path"]) == (prefix, "/p")
    else:
        told = report["headers"]["x-forwarded-prefix"]
        assert (unquote(told), report["path"]) == (prefix, "/p") and " " not in told


@pytest.mark.parametrize(
    "headers, expected",
    [
        ({"host": "api.example.com"}, ("http", "api.example.com")),
        (
            {"host": "api.example.com:8443", "x-forwarded-proto": "https"},
            ("https", "api.example.com:8443"),
        ),
        (
            {"host": "controllers", "x-forwarded-host": "h.example", "x-forwarded-proto": "https"},
            ("https", "h.example"),
        ),
        (
            {"host": "controllers", "x-forwarded-host": "a.example, b.example"},
            ("http", "a.example"),
        ),
        ({"host": "x", "x-forwarded-proto": "javascript"}, ("http", "x")),
        ({"host": "[::1]:8080"}, ("http", "[::1]:8080")),
    ],
    ids=[
        "host",
        "forwarded scheme",
        "forwarded host",
        "first of several",
        "no such scheme",
        "an address in brackets",
    ],
)
def test_scheme_and_host_are_those_of_the_public_url(model, headers, expected):
    report = report_of(model, web("get", "/p", headers=headers))
    told = report["headers"]
    if model.backend == "in-process":
        assert (report["scheme"], told["host"]) == expected
    else:
        assert (told["x-forwarded-proto"], told["x-forwarded-host"]) == expected


@pytest.mark.parametrize(
    "api_host, expected",
    [("https://api.cloud.example", ("https", "api.cloud.example")), ("api.cloud.example", None)],
    ids=["with a scheme", "without"],
)
def test_the_api_host_is_better_than_the_host_header(own, api_host, expected):
    """Behind the platform's own nginx the Host is the name of an upstream."""
    adapter = own(__OW_API_HOST=api_host)
    report = report_of(adapter, web("get", "/p", headers={"host": "controllers"}))
    told = report["headers"]
    direct = (report["scheme"], told["host"])
    seen = (
        direct
        if adapter.backend == "in-process"
        else (told["x-forwarded-proto"], told["x-forwarded-host"])
    )
    assert seen[1] == "api.cloud.example"
    assert expected is None or seen == expected


# -- what may be trusted ---------------------------------------------------------------------------

FORGED = {
    "x-a": "1\r\nX-Evil: 1",
    "x-b": "\uffe9\r\nX-Evil: 1",
    "x-c\r\nx-evil": "1",
    "x-evil: 1\r\nx-d": "1",
    "x d": "1",
    "x:e": "1",
    "": "1",
    "\u00e9": "1",
    "x-f": "a\x00b",
    "x-good": "yes",
}


def test_nothing_that_a_client_sends_becomes_a_second_header(model):
    report = report_of(model, web("get", "/p", headers=FORGED))
    assert report["headers"]["x-good"] == "yes"
    assert not [name for name in report["headers"] if "evil" in name]
    assert not [value for value in report["headers"].values() if set(value) & set("\r\n\0")]


CONTEXT = {
    "activation_id": "0123456789abcdef0123456789abcdef",
    "transaction_id": "tid0123456789",
    "action_name": "/guest/model",
    "namespace": "guest",
    "deadline": "4102444800000",
}


def test_the_app_knows_its_activation(own):
    adapter = own(__OW_API_HOST="https://api.cloud.example")
    report = report_of(adapter, web("get", "/p", __ow_user="alice"), **CONTEXT)
    expected = set(CONTEXT.values()) | {"https://api.cloud.example", "alice"}
    headers = {
        name: value for name, value in report["headers"].items() if name.startswith("x-openwhisk-")
    }
    assert expected <= set(headers.values())
    if adapter.backend == "in-process":
        assert expected <= set(report["openwhisk"].values())


@pytest.mark.parametrize(
    "spelling", ["x-openwhisk-%s", "x_openwhisk_%s", "X-OpenWhisk-%s", "x-openwhisk_%s"]
)
def test_a_client_cannot_forge_the_context(model, spelling):
    names = ["activation-id", "activation_id", "transaction-id", "user", "namespace", "api-key"]
    report = report_of(
        model, web("get", "/p", headers={spelling % name: "forged" for name in names}), **CONTEXT
    )
    assert not [name for name, value in report["headers"].items() if "forged" in value]
    assert "forged" not in report["openwhisk"].values()


@pytest.mark.parametrize(
    "name", ["content_length", "content-length", "transfer-encoding", "transfer_encoding"]
)
def test_a_client_cannot_misstate_the_length_of_its_body(model, name):
    value = web("post", "/p", headers={"content-type": "text/plain", name: "1"}, body="abc")
    assert body_in(report_of(model, value)) == b"abc"


def test_the_api_key_is_nowhere(own):
    key = "0c4a2b5e-1111-4222-8333-444455556666:" + "k3y" * 20
    adapter = own(env={"__OW_API_KEY": key})
    everything = adapter.run_text(web("get", "/process"), api_key=key)
    everything += (
        adapter.run_text(web("get", "/p"), api_key=key)
        + adapter.run_text({"n": 1}, api_key=key)
        + adapter.log
    )
    assert key not in everything and key.split(":")[1] not in everything


def test_what_the_platform_has_lost_is_said_once(own):
    adapter = own()
    said = []
    for _ in range(3):
        before = len(adapter.stdout)
        value = {
            "__ow_method": "post",
            "__ow_path": "/p",
            "__ow_headers": {"content-type": "application/json"},
            "a": 1,
        }
        adapter.run(value)
        said.append("raw" in adapter.stdout[before:])
    assert said == [True, False, False]


# -- without a server ------------------------------------------------------------------------------


def multipart(*heads):
    """A form whose parts have these heads."""
    parts = ["--b\r\n%s\r\n\r\nname=content; name=content\r\n" % head for head in heads]
    return "".join(parts + ["--b--\r\n"]).encode()


@pytest.mark.parametrize(
    "head, names",
    [
        ('Content-Disposition: form-data; name="a"', {"a"}),
        ("content-disposition:form-data;name=a", {"a"}),
        ('Content-Disposition: form-data; name = "a b"; filename="c"', {"a b"}),
        ('Content-Disposition: form-data; filename="x; name=y"; name="a"', {"a"}),
        ('Content-Type: text/plain\r\nContent-Disposition: form-data; NAME="a"', {"a"}),
        ('Content-Disposition: form-data; filename="a"', {""}),
        ('Content-Type: text/plain; name="a"', set()),
    ],
    ids=[
        "quoted",
        "bare",
        "spaced",
        "a file name that names another",
        "second line",
        "no name",
        "another header",
    ],
)
def test_a_multipart_field_is_named_in_the_head_of_its_part(head, names):
    assert names_in_multipart(multipart(head), "b") == names
    assert names_in_multipart(multipart(head, head), "b") == names


@pytest.mark.parametrize("boundary", ["", "x" * 71])
def test_a_multipart_form_without_a_boundary_that_may_be_one_names_nothing(boundary):
    body = b"--" + boundary.encode() + b'\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    assert names_in_multipart(body, boundary) == set()


def raw(kind, body, **members):
    value = {
        "__ow_method": "post",
        "__ow_path": "/p",
        "__ow_query": "",
        "__ow_headers": {"content-type": kind},
    }
    return {**value, "__ow_body": base64.b64encode(body).decode(), **members}


@pytest.mark.parametrize("boundary", ["b", '"b"', '"\\b"'])
def test_a_form_is_taken_apart_at_its_boundary_however_that_is_written(boundary):
    request = request_from_params(
        raw("multipart/form-data; boundary=" + boundary, MULTIPART, threshold=1, size=2), {}
    )
    assert request.query == "size=2"


@pytest.mark.parametrize(
    "body", [b'["threshold"]', b'[["threshold", 1]]', b"\xff", b"[" * 100000, b"9" * 100000]
)
def test_json_without_names_hides_no_bound_parameter(body):
    request = request_from_params(raw("application/json", body, threshold=1), {})
    assert (request.query, request.body) == ("threshold=1", body)


def file_sent(**members):
    """(name, type) of the file that an invocation sends."""
    request = request_from_params({"image": dict({"b64": "aGk="}, **members)}, {})
    kind = dict(request.headers)["content-type"]
    return parts(kind, request.body)["image"][:2]


@pytest.mark.parametrize(
    "members, sent",
    [
        ({}, ("image", "application/octet-stream")),
        ({"filename": "a.png"}, ("a.png", "image/png")),
        ({"filename": "A.JPG"}, ("A.JPG", "image/jpeg")),
        ({"filename": "sound.wav"}, ("sound.wav", "audio/wav")),
        ({"filename": "png"}, ("png", "application/octet-stream")),
        ({"filename": "a.png.unheard-of"}, ("a.png.unheard-of", "application/octet-stream")),
        ({"filename": "a.png", "content_type": "image/jpeg"}, ("a.png", "image/jpeg")),
        ({"filename": "a.png", "type": "image/webp"}, ("a.png", "image/webp")),
        ({"mimetype": "image/gif"}, ("image", "image/gif")),
        ({"content_type": "a/b", "type": "c/d", "mimetype": "e/f"}, ("image", "a/b")),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_the_type_of_a_file_is_the_callers_word_or_what_its_name_ends_in(members, sent):
    assert file_sent(**members) == sent


def test_a_form_is_the_same_each_time_and_ends_where_no_file_can_end_it():
    first = request_from_params({"a": {"b64": "aGk="}}, {})
    assert request_from_params({"a": {"b64": "aGk="}}, {}) == first
    boundary = dict(first.headers)["content-type"].partition("boundary=")[2]
    forged = base64.b64encode(b"--%s--\r\n" % boundary.encode()).decode()
    second = request_from_params({"a": {"b64": forged}}, {})
    assert boundary not in dict(second.headers)["content-type"]


def test_a_value_that_is_null_is_no_field_of_a_form():
    request = request_from_params({"a": {"b64": "aGk="}, "b": None}, {})
    assert list(parts(dict(request.headers)["content-type"], request.body)) == ["a"]


@pytest.mark.parametrize(
    "value, reason",
    [
        ({"__ow_path": 1}, "__ow_path should be str and is int: not from the platform?"),
        ({"__ow_headers": []}, "__ow_headers should be dict and is list: not from the platform?"),
        (
            {"__ow_method": "get /"},
            "__ow_method should be a method like get or post and is 'GET /'",
        ),
        ({"a": {"b64": "a"}}, "a.b64 should be base64 and isn't: "),
        (
            raw("image/png", b"", __ow_body="a"),
            "__ow_body of type image/png should be base64 and isn't: ",
        ),
    ],
    ids=["path", "headers", "method", "file", "body"],
)
def test_what_is_not_the_platforms_is_refused_with_a_reason(value, reason):
    with pytest.raises(Refused) as refused:
        request_from_params(value, {})
    assert refused.value.response.status == 400
    assert json.loads(refused.value.response.body.decode())["error"].startswith(reason)


@pytest.mark.parametrize("digits", [99, 100, 101, 100000])
def test_a_number_of_a_call_is_as_long_as_the_platform_allows(digits):
    body = b'{"value": {"n": %s, "text": "%s"}}' % (b"9" * digits, b"9" * 1000)
    if digits > 100:
        with pytest.raises(Refused):
            object_from_json(body)
    else:
        assert activation_from_json(body)["value"]["n"] == int("9" * digits)


@pytest.mark.parametrize(
    "text, accepted",
    [
        ("", False),
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("x-gzip", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("*;q=0, gzip", True),
        ("nogzip", False),
    ],
)
def test_who_accepts_gzip(text, accepted):
    assert accepts_gzip(text) is accepted


@pytest.mark.parametrize(
    "text, is_one",
    [
        ("h", True),
        ("h:1", True),
        ("h:65535", True),
        ("[::1]:80", True),
        ("[2001:db8::1]", True),
        ("h:0", False),
        ("h:65536", False),
        ("[::::]", False),
        ("[1]", False),
        ("[]:1", False),
        ("h/x", False),
        ("a@h", False),
        ("h\n", False),
        ("", False),
    ],
)
def test_what_may_be_a_host(text, is_one):
    assert is_host(text) is is_one


# -- the settings ----------------------------------------------------------------------------------

SETTINGS = {
    "OPENWHISK_PORT": "1",
    "OPENWHISK_ENTRY": "/x",
    "OPENWHISK_ERRORS": "none",
    "OPENWHISK_HOST": "",
}


def test_the_settings_are_what_the_variables_say():
    assert settings_from_environ({}) == Settings()
    assert settings_from_environ(SETTINGS) == Settings(port=1, entry="/x", errors="none")


@pytest.mark.parametrize(
    "variable, text, example",
    [
        ("OPENWHISK_PORT", "http", "8080"),
        ("OPENWHISK_LIMIT", "1e6", "1048576"),
        ("OPENWHISK_ERRORS", "500-", "404,500-599"),
        ("OPENWHISK_CORS", "none", "app"),
        ("OPENWHISK_PLATFORM", "maybe", "yes"),
        ("OPENWHISK_ENTRY", "/a\n", "/predict"),
        ("OPENWHISK_WARMUP", "predict", "POST /predict sample.json"),
    ],
)
def test_a_setting_that_cannot_be_read_says_what_is_expected(variable, text, example):
    with pytest.raises(Refused) as refused:
        settings_from_environ({variable: text})
    assert str(refused.value) == "%s should look like %s and is %r" % (variable, example, text)


@pytest.mark.parametrize(
    "said, environ, is_one",
    [
        ("auto", {}, False),
        ("auto", {"__OW_API_HOST": "https://api.example.com"}, True),
        ("no", {"__OW_API_HOST": "https://api.example.com"}, False),
        ("yes", {}, True),
    ],
)
def test_the_platform_is_where_it_has_said_so_or_a_setting_does(said, environ, is_one):
    assert is_platform(settings_from_environ({"OPENWHISK_PLATFORM": said}), environ) is is_one


def test_no_two_spellings_of_a_header_are_one():
    """The Kelvin sign is a small k to Python, and no letter of a header's name to anybody."""
    sent = {"coo\u212aie": "forged", "cookie": "mine", "X-OpenWhis\u212a-User": "admin"}
    request = request_from_params({"__ow_headers": sent}, {})
    assert dict(request.headers)["cookie"] == "mine"
    assert "x-openwhisk-user" not in dict(request.headers)
