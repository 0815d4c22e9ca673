"""Whatever a client or an action sends is read in a time that grows with its length, not with the
square of it."""

import time

import pytest

from gateway.access import Access
from gateway.base64text import bytes_from_base64, is_like_base64
from gateway.containers.client import CHARSET, Answer, NoReply
from gateway.containers.logs import LineSplitter
from gateway.containers.outcome import json_from_text
from gateway.containers.startcommand import start_from_dockerfile
from gateway.http import headers, hosts, jsontext, mediatypes, negotiation, startline, urls
from gateway.names import IMAGE, NAME
from gateway.refusal import Refusal
from gateway.rest.query import Query
from gateway.settings import Settings
from gateway.web.address import address_from_path
from gateway.web.params import fields_from_body
from gateway.web.result import survives, type_from_result
from testing.growth import MEBIBYTE, assert_linear, repeated

# -- the first line --------------------------------------------------------------------------------

TARGETS = ["a", "a:", "%41", "%", "@", "[", "[:", "/", "/.", "/..", "?", "?a=", "&", "1:", "a@"]


@pytest.mark.parametrize("piece", TARGETS)
@pytest.mark.parametrize("before", ["", "/", "a:", "http://", "/?"])
@pytest.mark.parametrize("after", ["", '"'], ids=["", "good until its end"])
def test_a_target(piece, before, after):
    def read(size):
        try:
            urls.target_from_text(repeated(piece, size, before, after))
        except urls.IllegalTarget:
            pass

    assert_linear(read)


@pytest.mark.parametrize("piece", ["a=b&", "&", "=", "%41", "+", "%"])
def test_a_query(piece):
    assert_linear(lambda size: Query(repeated(piece, size)))
    assert_linear(lambda size: urls.text_from_pairs(urls.pairs_from_query(repeated(piece, size))))


@pytest.mark.parametrize("piece", ["a=b&", "&", "=", "%41", "+", "a", "é"])
@pytest.mark.parametrize("after", ["", "%", "é"])
def test_a_form(piece, after):
    def read(size):
        try:
            fields_from_body(repeated(piece, size, after=after).encode())
        except Refusal as refusal:
            assert refusal.status == 400

    assert_linear(read)


@pytest.mark.parametrize("piece", ["/", "/a", "/default", "/%41", "/."])
def test_a_path(piece):
    assert_linear(lambda size: address_from_path(urls.path_from_text(repeated(piece, size))))


# -- headers ---------------------------------------------------------------------------------------

PIECES = [
    " ",
    ",",
    ", ",
    "*,",
    "a",
    "a,",
    "a;",
    ";a=b",
    ';a="b"',
    "a/b,",
    '"',
    '\\"',
    "=",
    "a=",
    "a= ",
    "a=b; ",
    "(",
    "()",
    "(a",
    "\\",
    "/",
    "//",
    "//a@",
    ":",
    "0",
    "1-2,",
    "-",
    "%41",
    "?",
    "#",
    "[",
    "1.2.3.4,",
    "::,",
    "W/",
    '"a", ',
    "no-cache ",
    "\t",
    "a-",
    "\x7f",
    "é",
]
BEGINNINGS = [
    "",
    "a=",
    "a/b;",
    'private="',
    "bytes=",
    "bytes ",
    "Basic ",
    "a://",
    'attachment; a="',
]


@pytest.mark.parametrize("name", sorted(headers.RENDERERS))
@pytest.mark.parametrize("piece", PIECES)
def test_a_header(name, piece):
    for before in BEGINNINGS:
        for after in ("", "\x7f", "x", '"'):
            text = (before, after)

            def read(size, text=text):
                headers.rendered(name, repeated(piece, size, *text).strip(" "))

            began = time.process_time()
            read(MEBIBYTE // 64)
            if time.process_time() - began > 0.02:
                assert_linear(read)


@pytest.mark.parametrize("piece", ["*,", "a/b,", "a/b;q=0.1,", ";", "a"])
def test_what_a_client_accepts(piece):
    lines = [("Accept", repeated(piece, 8000)), ("Accept-Charset", repeated(piece, 8000))]

    def read(size):
        found = negotiation.preferences_from_headers(lines * (size // 16000))
        found.accepts_type(mediatypes.JSON)
        found.accepts_charset("utf-8")
        assert len(found.types) <= negotiation.MOST_RANGES

    assert_linear(read)


@pytest.mark.parametrize("piece", [" ", ",", "close,", "keep-alive, "])
def test_what_a_connection_is_to_become(piece):
    start = startline.Start("GET", "/", b"1.1")
    assert_linear(
        lambda size: startline.wants_close(start, [("connection", repeated(piece, size))])
    )


@pytest.mark.parametrize("piece", ["a", ":", "[", "%41", ".", " "])
def test_where_a_request_comes_from(piece):
    access = Access(Settings())
    for name in ("Host", "Origin", "Authorization", "Sec-Fetch-Site"):

        def read(size, name=name):
            sent = [("Host", "127.0.0.1"), (name, repeated(piece, size))]
            access.misuse_of_public_key(sent)
            access.user_of(sent)

        assert_linear(read)
    assert_linear(lambda size: hosts.host(repeated(piece, size)))


@pytest.mark.parametrize("after", ["", ";", "x"])
@pytest.mark.parametrize("piece", [";a=b", ';a="b"', ";a", ";", " ", '"', "a", ";charset=x"])
def test_a_media_type(piece, after):
    def read(size):
        text = repeated(piece, size, "a/b", after)
        mediatypes.media_type_from_text(text)
        CHARSET.search(text)
        try:
            type_from_result(text, "no")
        except Refusal as refusal:
            assert refusal.status == 400

    assert_linear(read)


@pytest.mark.parametrize("piece", ["a", "_", "__", "a_", "a-", "a/", ":", "a.b/", " ", "@", "a:1/"])
@pytest.mark.parametrize("after", ["", "!"])
def test_a_name(piece, after):
    assert_linear(lambda size: IMAGE.match(repeated(piece, size, after=after)))
    assert_linear(lambda size: NAME.match(repeated(piece, size, after=after)))


# -- JSON ------------------------------------------------------------------------------------------

JSON = {
    "digits": ("", "9", ""),
    "digits behind a point": ("0.", "9", ""),
    "numbers": ("[", "9,", "9]"),
    "exact numbers": ("[", "1.50,", "9]"),
    "too large numbers": ("[", "1e400,", "9]"),
    "not a number": ("[", "NaN,", "9]"),
    "lists": ("", "[", ""),
    "objects": ("", '{"a":', ""),
    "closed lists": ("[", "[],", "[]]"),
    "lists that are not closed": ("[", "[],", ""),
    "objects in a list": ("[", '{"b":1,"a":2},', "{}]"),
    "deep and not closed": ("[" * 900, '{"a":1,"b":[2],', ""),
    "escapes": ('"', "\\u0041", '"'),
    "halves of characters": ('"', "\\ud800", '"'),
    "backslashes": ('"', "\\", ""),
    "escaped quotes in an open text": ("[{" * 600 + '"', '\\"', ""),
    "quotes in brackets": ("[" * 999, '"', ""),
    "an open text": ('"', "a", ""),
    "spaces": ("", " ", ""),
    "lines": ("", "\n", "x"),
    "commas": ("[", ",", ""),
    "names": ("{", '"a":1,', '"a":1}'),
    "many names": ("{", '"a":1,', '"b":1}'),
    "wide characters": ('"', "é", '"'),
    "no UTF-8": ('"', "\udce9", '"'),
    "no UTF-8 and more": ('"', "\udcf0", ""),
}


@pytest.mark.parametrize("case", sorted(JSON))
def test_json_of_a_client(case):
    before, piece, after = JSON[case]

    def read(size):
        data = repeated(piece, size, before, after).encode("utf-8", "surrogateescape")
        try:
            jsontext.compact(jsontext.value_from_json(data))
        except jsontext.Malformed as problem:
            assert len(str(problem)) < 100000

    assert_linear(read)


@pytest.mark.parametrize("case", sorted(JSON))
def test_json_of_an_action(case):
    before, piece, after = JSON[case]
    assert_linear(
        lambda size: jsontext.pretty(json_from_text(repeated(piece, size, before, after)))
    )


# -- the rest of what actions send -----------------------------------------------------------------


@pytest.mark.parametrize("piece", ["A", "AAAA ", "=", " ", "\n", "AAA="])
@pytest.mark.parametrize("after", ["", "=", "!"])
def test_base64(piece, after):
    def read(size):
        text = repeated(piece, size, after=after)
        is_like_base64(text)
        try:
            bytes_from_base64(text)
        except ValueError:
            pass

    assert_linear(read)


@pytest.mark.parametrize("piece", ["a", "\n", "\r\n", "\xff", "é"])
def test_what_an_action_prints(piece):
    def read(size):
        splitter = LineSplitter()
        data = repeated(piece, size).encode("utf-8")
        for start in range(0, len(data), 2048):
            splitter.lines_from(data[start : start + 2048])

    assert_linear(read)


@pytest.mark.parametrize("piece", ["a", "\r\n", "\u010a", "é"])
def test_a_header_of_a_result(piece):
    assert_linear(lambda size: survives("x-a", repeated(piece, size)))


def test_announcements_of_an_answer_that_never_comes():
    with pytest.raises(NoReply):
        Answer().feed(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


DOCKERFILES = ["A", "A=b ", "A=${b:-", "${", "$a", '"', '\\"', "'", "\\ ", "\\\n", "\n", "#\n", "}"]


@pytest.mark.parametrize("piece", DOCKERFILES)
@pytest.mark.parametrize("before", ["", "ENV ", "ENV A=", "ENV A ", "CMD ", "CMD ["])
def test_a_dockerfile(piece, before):
    assert_linear(lambda size: start_from_dockerfile(repeated(piece, size, before), {}))
