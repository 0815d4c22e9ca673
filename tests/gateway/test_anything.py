"""Whatever comes, the pure parts answer it: nothing but their own exceptions leaves them."""

import contextlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.http import jsontext, urls
from gateway.http.headers import RENDERERS, rendered
from gateway.http.mediatypes import media_type_from_text
from gateway.http.negotiation import preferences_from_headers
from gateway.http.startline import start_from_line
from gateway.refusal import Refusal
from gateway.web.address import EXTENSIONS
from gateway.web.result import response_from_result

# A busy machine is no failure.
patiently = settings(deadline=None, max_examples=60)
PIECES = [
    "a",
    "Z",
    "0",
    "9",
    "-",
    "_",
    "*",
    "/",
    ";",
    ",",
    "=",
    '"',
    "\\",
    "(",
    ")",
    " ",
    "\t",
    "%",
    "%zz",
    ".",
    ":",
]
PIECES += [
    "[",
    "]",
    "@",
    "#",
    "?",
    "&",
    "+",
    "é",
    "€",
    "q=",
    "charset=",
    "bytes=",
    "Basic ",
    "Bearer ",
    "http://",
    "::1",
]
TEXTS = st.lists(st.sampled_from(PIECES)).map("".join) | st.text()
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
RESULTS = JSON | st.fixed_dictionaries(
    {},
    optional={
        "statusCode": JSON,
        "body": JSON,
        "headers": JSON
        | st.dictionaries(st.sampled_from(["content-type", "Content-Type", "x"]) | TEXTS, JSON),
    },
)


@pytest.mark.parametrize("name", sorted(RENDERERS))
@patiently
@given(TEXTS)
def test_header_value(name, text):
    assert isinstance(rendered(name, text), str)


@patiently
@given(TEXTS)
def test_media_type(text):
    found = media_type_from_text(text)
    assert found is None or media_type_from_text(found.text).value == found.value


@patiently
@given(TEXTS)
def test_target(text):
    with contextlib.suppress(urls.IllegalTarget):
        target = urls.target_from_text(text)
        again = urls.text_from_path(target.path)
        assert not again or urls.text_from_path(urls.target_from_text(again).path) == again


@patiently
@given(TEXTS)
def test_form(text):
    with contextlib.suppress(urls.IllegalTarget):
        urls.fields_from_form(text)


@patiently
@given(st.binary() | TEXTS.map(str.encode))
@example(b'{"a":"\xf0\x9f\x98"}')
@example(b"[" * 1200)
def test_json(data):
    with contextlib.suppress(jsontext.Malformed):
        value = jsontext.value_from_json(data)
        assert jsontext.compact(
            jsontext.value_from_json(jsontext.utf8(jsontext.compact(value)))
        ) == jsontext.compact(value)


@patiently
@given(st.binary())
def test_first_line(data):
    with contextlib.suppress(Refusal):
        start_from_line(data)


@patiently
@given(RESULTS, st.sampled_from(EXTENSIONS), st.lists(TEXTS, max_size=2))
def test_result(result, extension, accepted):
    preferences = preferences_from_headers([("Accept", text) for text in accepted])
    with contextlib.suppress(Refusal):
        response = response_from_result(result, extension, preferences)
        assert 100 <= response.status <= 599 and isinstance(response.body, bytes)
        assert (response.content_type is None) <= (not response.body)
