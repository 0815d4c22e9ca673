"""Targets and queries, beyond those that were recorded."""

import pytest

from gateway.http import urls
from gateway.http.cors import web_cors
from gateway.web.address import address_from_path


@pytest.mark.parametrize(
    "target, path",
    [
        ("/a/%2F/b", "/a/%2F/b"),
        ("/a%2Fb", "/a%2Fb"),
        ("/%2e%2E/a", "/a"),
        ("/a/..", "/"),
        ("/a/b/..", "/a/"),
        ("/a/.", "/a/"),
        ("/a/.b/..c", "/a/.b/..c"),
        ("/../../a", "/a"),
        ("//a//", "//a//"),
        ("/%c3%a9%FF", "/%C3%A9%EF%BF%BD"),
        ("/%7B%41", "/%7BA"),
        ("http://h:80/a%20b", "/a%20b"),
        ("/", "/"),
    ],
)
def test_a_path_has_one_spelling(target, path):
    assert urls.text_from_path(urls.target_from_text(target).path) == path


@pytest.mark.parametrize(
    "target, message",
    [
        ("/a#b", "Invalid input '#', expected segment, '/', '?' or 'EOI' (line 1, column 3)"),
        (
            "/a?b#c",
            "Invalid input '#', expected query-char, pct-encoded or 'EOI' (line 1, column 5)",
        ),
        ("/a?%4", "Unexpected end of input, expected HEXDIG (line 1, column 6)"),
        ("/%4g", "Invalid input 'g', expected HEXDIG (line 1, column 4)"),
        ("/a|b", "Invalid input '|', expected segment, '/', '?' or 'EOI' (line 1, column 3)"),
    ],
)
def test_an_illegal_target_is_refused(target, message):
    with pytest.raises(urls.IllegalTarget) as caught:
        urls.target_from_text(target)
    assert str(caught.value) == f"Illegal request-target: {message}"


@pytest.mark.parametrize(
    "form, fields",
    [
        ("", []),
        ("a=1&a=2", [("a", "1"), ("a", "2")]),
        ("a+b=c%20d&e", [("a b", "c d"), ("e", None)]),
        ("x=[1]|{2}", [("x", "[1]|{2}")]),
    ],
)
def test_a_form(form, fields):
    assert urls.fields_from_form(form) == fields


@pytest.mark.parametrize(
    "form, message",
    [
        ("=%zz&&", "Invalid input 'z', expected HEXDIG (line 1, column 3): =%zz&&\n  ^"),
        ("a=1 2", "Invalid input ' ', expected part, '&' or 'EOI' (line 1, column 4): a=1 2\n   ^"),
    ],
)
def test_a_form_that_is_none(form, message):
    with pytest.raises(urls.IllegalTarget) as caught:
        urls.fields_from_form(form)
    assert str(caught.value) == f"Illegal query: {message}"


@pytest.mark.parametrize(
    "path, address",
    [
        ("/guest/default/a", ("guest", "", "a", ".http", "")),
        ("/guest/pkg/a.json/b.svg", ("guest", "pkg", "a", ".json", "/b.svg")),
        ("/guest/default/a%20b.text/", ("guest", "", "a b", ".text", "/")),
        ("/guest/default/a.svg.html", ("guest", "", "a.svg", ".html", "")),
        ("/guest/default", None),
        ("/guest//a", None),
        ("/guest/default/a!b", None),
        ("/guest/defaults/a", None),
    ],
)
def test_where_a_web_url_leads(path, address):
    found = address_from_path(urls.target_from_text(path).path)
    assert (found and (*found[:4], urls.text_from_path(found.rest))) == address


def test_a_preflights_headers_come_back_as_the_platform_writes_them():
    assert web_cors([("Access-Control-Request-Headers", "x-a,X-B")])[2][1] == "x-a, X-B"
