"""Whatever is sent is read in a time that grows with its length, not with the square of it."""

import gzip
import time
from encodings.aliases import aliases

import pytest

from openwhisk_adapter import addresses, codings, envelope, forms, headers, mediatypes, result
from openwhisk_adapter.messages import Request, Response
from openwhisk_adapter.request import request_from_params
from testing import growth
from testing.growth import MEBIBYTE, repeated

NAME = "/guest/model"
GET = Request("GET", "/p", prefix="/api/v1/web/guest/default/model", host="h", bare=True)
PLAIN = Request("POST", "/p", plain=True)


def assert_linear(function):
    def read_anew(size):
        mediatypes.media_from_text.cache_clear()
        function(size)

    growth.assert_linear(read_anew)


# -- what a client sends ---------------------------------------------------------------------------

TYPES = {
    "many parameters": ("a/b", ";a=b", ""),
    "many parameters, then none": ("a/b", ";a=b", ";"),
    "many charsets": ("a/b", ";charset=x", ""),
    "an open quote": ('a/b;a="', "\\a", ""),
    "escapes": ('a/b;a="', "\\\\", '"'),
    "quoted parameters": ("a/b", ';a="b"', "x"),
    "spaces": ("a/b;", " ", ""),
    "spaces first": ("", " ", "a/b;"),
    "spaces last": ("a/b", " ", "x"),
    "semicolons": ("a/b", ";", ""),
    "slashes": ("", "a/", ""),
    "one long name": ("", "a", ""),
    "a long multipart boundary": ("multipart/form-data; boundary=", "-", ""),
    "a long form": ("application/x-www-form-urlencoded; a=", "a", ""),
}


@pytest.mark.parametrize("case", sorted(TYPES))
def test_a_media_type(case):
    before, piece, after = TYPES[case]

    def read(size):
        media = mediatypes.media_from_text(repeated(piece, size, before, after))
        media.parameter("boundary")

    assert_linear(read)


VALUES = {
    "accept-encoding": ["*" + " " * 9, "gzip;", "gzip;q=0.", ",", "gzip,", "* ;", "0", " "],
    "x-forwarded-host": ["a", "a:", "1", "[:", ",", "a,", "%", "-", "a ", "\u00e9"],
    "x-forwarded-proto": ["http", ",", " "],
    "host": ["a", ":1", "::", "@", "[", "]"],
    "x-a": ["\x00", "\r\n", "\u00e9", "a\t", "\ud800", "a"],
}


@pytest.mark.parametrize(
    "name, piece", [(name, piece) for name in sorted(VALUES) for piece in VALUES[name]]
)
@pytest.mark.parametrize("after", ["", "!", "\n"], ids=["", "good until its end", "a line end"])
def test_a_header(name, piece, after):
    def read(size):
        sent = {name: repeated(piece, size, after=after)}
        request_from_params({"__ow_method": "get", "__ow_headers": sent}, {})

    assert_linear(read)


@pytest.mark.parametrize("piece", ["a", "_", "x-openwhisk-", ":", "\n", "\u00e9"])
def test_the_name_of_a_header(piece):
    assert_linear(
        lambda size: request_from_params({"__ow_headers": {repeated(piece, size): "1"}}, {})
    )


def test_many_headers():
    def read(size):
        request_from_params(
            {"__ow_headers": {"x-%d" % number: "1" for number in range(size // 16)}}, {}
        )

    assert_linear(read)


@pytest.mark.parametrize("name", ["__ow_path", "__ow_query", "__ow_user"])
@pytest.mark.parametrize(
    "piece", ["%", "%2F", "/", "../", "&", "=", "a=b&", "+", ";", "\u00e9", " ", "\ud800"]
)
def test_a_path_or_a_query(name, piece):
    params = {"__ow_method": "get", "__ow_query": "", "bound": 1}
    assert_linear(lambda size: request_from_params({**params, name: repeated(piece, size)}, {}))


@pytest.mark.parametrize("piece", ["/", "a/", "a", "://", "%", " "])
@pytest.mark.parametrize("name", ["action_name", "api_host", "namespace"])
def test_what_is_said_of_an_activation(name, piece):
    assert_linear(lambda size: request_from_params({}, {name: repeated(piece, size)}))


MULTIPART = {
    "boundaries": ("", "--b", ""),
    "boundaries on lines": ("", "--b\r\n", ""),
    "almost boundaries": ("", "--\r\n-", ""),
    "lines": ("--b\r\n", "\r\n", ""),
    "names": ("--b\r\nContent-Disposition: form-data", "; name=a", ""),
    "almost names": ("--b\r\nContent-Disposition: form-data", " name", ""),
    "dispositions": ("--b\r\n", "Content-Disposition:", ""),
    "dispositions on lines": ("--b\r\n", "Content-Disposition: ; name=\r\n", ""),
    "semicolons": ("--b\r\nContent-Disposition:", ";", ""),
    "spaces": ("--b\r\nContent-Disposition:;", " ", "x"),
    "spaces before an equals sign": ("--b\r\nContent-Disposition:;a", " ", "x"),
    "semicolons and spaces": ("--b\r\nContent-Disposition:", ";  ", ""),
    "open quotes": ("--b\r\nContent-Disposition:", ';a="', ""),
    "one open quote": ('--b\r\nContent-Disposition:;a="', "a", ""),
    "a long name": ("--b\r\nContent-Disposition:;", "a", ""),
    "a part without an end": ("--b\r\nContent-Disposition: form-data; name=", "a", ""),
    "a content of dispositions": ("--b\r\n\r\n", "content-disposition: name", ""),
}


@pytest.mark.parametrize("case", sorted(MULTIPART))
def test_a_multipart_form(case):
    before, piece, after = MULTIPART[case]
    assert_linear(
        lambda size: forms.names_in_multipart(repeated(piece, size, before, after).encode(), "b")
    )


def test_a_multipart_form_with_a_boundary_that_is_slow_to_find():
    boundary = "-" * 4000 + "a" + "-" * 4000
    assert_linear(lambda size: forms.names_in_multipart(b"-" * size, boundary))
    assert_linear(lambda size: forms.names_in_multipart(b"-" * size, "-" * 60 + "a" + "-" * 9))


JSON = {
    "digits": ("", "9", ""),
    "digits behind a point": ("0.", "9", ""),
    "digits of an exponent": ("1e", "9", ""),
    "a negative number": ("-", "9", ""),
    "numbers": ("[", "9,", "9]"),
    "longest numbers": ("[", "9" * 99 + ",", "9]"),
    "too large numbers": ("[", "1e400,", "9]"),
    "not a number": ("[", "NaN,", "9]"),
    "lists": ("", "[", ""),
    "objects": ("", '{"a":', ""),
    "closed lists": ("[", "[],", "[]]"),
    "lists in lists": ("[", "[[[[]]]],", "[]]"),
    "escapes": ('"', "\\u0041", '"'),
    "halves of characters": ('"', "\\ud800", '"'),
    "backslashes": ('"', "\\", ""),
    "an open text": ('"', "a", ""),
    "quotes": ("", '"', ""),
    "spaces": ("", " ", ""),
    "commas": ("[", ",", ""),
    "names": ("{", '"a":1,', '"a":1}'),
    "bodies": ("{", '"__ow_body":"', ""),
    "a body of backslashes": ('{"value":{"__ow_body":"', "\\", '"}}'),
    "a body without end": ('{"value":{"__ow_body":"', "a", ""),
    "a base64 body": ('{"value":{"__ow_body":"', "a", '"}}'),
}


def json_of(case, size):
    before, piece, after = JSON[case]
    return repeated(piece, size, before, after).encode()


@pytest.mark.parametrize("case", sorted(JSON))
def test_the_json_of_a_call(case):
    def read(size):
        try:
            envelope.activation_from_json(json_of(case, size))
        except envelope.Refused as refusal:
            assert refusal.response.status == 400

    assert_linear(read)


@pytest.mark.parametrize("case", sorted(JSON))
def test_the_json_of_a_client_whose_names_are_wanted(case):
    sent = {
        "__ow_method": "post",
        "__ow_query": "",
        "__ow_headers": {"content-type": "a/b+json; charset=utf-8"},
    }

    def read(size):
        body = json_of(case, size).decode()
        request_from_params({**sent, "__ow_body": body, "bound": 1}, {})

    assert_linear(read)


@pytest.mark.parametrize("piece", ["=", "!", "a", "aGk=", " ", "\n"])
def test_base64(piece):
    def read(size):
        sent = {
            "__ow_method": "post",
            "__ow_query": "",
            "__ow_headers": {"content-type": "image/png"},
        }
        try:
            request_from_params({**sent, "__ow_body": repeated(piece, size)}, {})
        except envelope.Refused as refusal:
            assert refusal.response.status == 400

    assert_linear(read)


@pytest.mark.parametrize("member", ["filename", "content_type"])
@pytest.mark.parametrize("piece", ['"', ".", "a", "\r\n", "\u00e9", "/"])
def test_an_invocation_with_a_file(member, piece):
    assert_linear(
        lambda size: request_from_params({"a": {"b64": "", member: repeated(piece, size)}}, {})
    )


def test_an_invocation_with_many_files():
    def read(size):
        request_from_params({"f%d" % number: {"b64": "aGk="} for number in range(size // 64)}, {})

    assert_linear(read)


# -- what a model answers --------------------------------------------------------------------------

LOCATIONS = [
    "/",
    "//",
    "http://h",
    "http://h/",
    "/api/v1/web/guest/default/model",
    "?",
    "\\",
    "\t",
    "%",
    "a:",
]


@pytest.mark.parametrize("piece", LOCATIONS)
@pytest.mark.parametrize("host", ["h", "h" * 1000, "."])
def test_a_location(piece, host):
    request = GET._replace(host=host)
    assert_linear(lambda size: addresses.own_location(repeated(piece, size), request))


@pytest.mark.parametrize("piece", ["\x01", "\r\n", "\u20ac", "\u00e9", "\ud800", " "])
def test_the_value_of_a_header(piece):
    assert_linear(lambda size: result.header_value(repeated(piece, size)))
    assert_linear(lambda size: headers.first_line(repeated(piece, size)))


@pytest.mark.parametrize("name", ["X-A", "X-%d", "Set-Cookie", "Location"])
def test_many_headers_of_an_answer(name):
    def read(size):
        pairs = [(name.replace("%d", str(number)), "/") for number in range(size // 64)]
        result.headers_from_pairs(pairs, GET, result.Settings())

    assert_linear(read)


PAGES = {
    "almost links": ("", " src", ""),
    "links": ("", ' src=":', ""),
    "spaces before an equals sign": (" src", " ", "x"),
    "spaces behind an equals sign": (" src=", " ", ""),
    "spaces and a scheme": (" src=", " ", "a:"),
    "a long scheme": (" src=", "a", ":"),
    "schemes": ("", " href=a:", ""),
    "spaces and almost links": ("", " src  ", ""),
    "equals signs": (" src", "=", ""),
    "line ends": ("", "\r\n", "src"),
}


@pytest.mark.parametrize("case", sorted(PAGES))
def test_a_page(case):
    before, piece, after = PAGES[case]

    def read(size):
        page = repeated(piece, size, before, after).encode()
        result.redirected_to_slash(Response(200, [("Content-Type", "text/html")], page), GET)

    assert_linear(read)


BASE64 = {
    "base64": ("", "A", ""),
    "not quite": ("", "A", "!"),
    "signs at its end": ("A", "=", ""),
    "spaces first": ("", " ", "!"),
    "spaces last": ("AAAA", " ", "!"),
    "spaces within": ("", "AAAA ", ""),
}


@pytest.mark.parametrize("case", sorted(BASE64))
def test_json_that_may_look_like_base64(case):
    before, piece, after = BASE64[case]
    assert_linear(lambda size: result.looks_like_base64(repeated(piece, size, before, after)))


@pytest.mark.parametrize("case", sorted(JSON))
def test_json_as_the_result_of_an_invocation(case):
    answered = [("Content-Type", "application/json")]

    def read(size):
        result.result_from_response(Response(200, answered, json_of(case, size)), PLAIN)

    assert_linear(read)


CODECS = sorted(set(aliases.values()) | set(aliases))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("piece", [b"a", b"+", b"\xff", b"\x1b$B", b"~{", b"\xe9", b"-", b"+A"])
def test_text_in_any_charset(piece):
    """No codec of Python's that a model may name takes long."""
    text = repeated(piece, MEBIBYTE, b"", b"")
    slow = {}
    for name in CODECS:
        began = time.process_time()
        result.text_in_charset(text, name)
        codings.in_utf8(text, name)
        taken = time.process_time() - began
        if taken > 1:
            slow[name] = taken
    assert slow == {}


def test_text_that_grows_when_it_is_decompressed():
    kind = [("Content-Type", "text/html"), ("Content-Encoding", "gzip")]
    answers = {size: gzip.compress(b"a" * (64 * size), 1) for size in (MEBIBYTE // 16, MEBIBYTE)}
    assert_linear(lambda size: result.result_from_response(Response(200, kind, answers[size]), GET))
