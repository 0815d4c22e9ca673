"""Header values that the platform's HTTP library parses and writes anew, beyond those that were
recorded.

The expectations follow the grammar and the renderers of that library."""

import pytest

from gateway.http.headerlines import normal_value
from gateway.http.headers import headers_for_action
from gateway.http.headers import rendered as value_of
from gateway.http.mediatypes import media_type_from_text

RENDERED = [
    ("accept", "text/html;level=1;q=0.70 , */*;q=0.1", "text/html; level=1;q=0.7, */*;q=0.1"),
    ("accept", "TEXT/HTML", "text/html"),
    ("accept", "*", "*/*"),
    ("accept", "image/*;q=0.5;a=b", "image/*;q=0.5; a=b"),
    ("accept", "text/plain;q=2", "text/plain;q=2"),
    ("accept", "garbage", "garbage"),
    ("accept", "text/html;q=1.0", "text/html"),
    ("accept-charset", "utf-8, latin1;q=0.5, *;q=0", "UTF-8, ISO-8859-1;q=0.5, *;q=0.0"),
    ("accept-encoding", "GZIP, Br ;q=0.25", "gzip, Br;q=0.25"),
    ("accept-encoding", "gzip;q=high", "gzip;q=high"),
    ("accept-language", "de-AT , *;q=0.5", "de-AT, *;q=0.5"),
    ("access-control-request-headers", "x-a,x-b", "x-a, x-b"),
    ("authorization", "basic  YTpi", "Basic YTpi"),
    ("authorization", "Basic YQ==", "Basic YTo="),
    ("authorization", "bearer abc", "Bearer abc"),
    ("authorization", "Basic a:b", "Basic a:b"),
    (
        "authorization",
        'Digest username="u v", algorithm=MD5',
        'Digest algorithm=MD5,username="u v"',
    ),
    ("authorization", "Token abc==", "Token abc=="),
    ("cache-control", "max-age=007,private", "max-age=7, private"),
    ("cache-control", 'no-cache="a , b"', 'no-cache="a,b"'),
    ("cache-control", 'x = "a b"', 'x="a b"'),
    ("connection", "close,upgrade", "close, upgrade"),
    (
        "content-disposition",
        "Form-Data; name=a; filename=b.png",
        'form-data; filename="b.png"; name="a"',
    ),
    ("content-encoding", "GZip", "gzip"),
    ("content-range", "bytes  0-9 / 20", "bytes 0-9/20"),
    ("cookie", "a=1; b", "a=1"),
    ("cookie", "no pairs", "no pairs"),
    ("cookie", 'a="1";b=2=3', "a=1; b=2=3"),
    ("date", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ("if-modified-since", "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ("if-modified-since", "Mon, 06 Nov 1994 08:49:37 GMT", "Mon, 06 Nov 1994 08:49:37 GMT"),
    ("date", "yesterday", "yesterday"),
    ("expires", "-1", "Wed, 01 Jan 1800 00:00:00 GMT"),
    ("expect", "100-Continue", "100-continue"),
    ("host", "Example.COM:80", "example.com:80"),
    ("if-none-match", '"a",W/"b"', '"a", W/"b"'),
    ("if-none-match", "unquoted", "unquoted"),
    ("if-range", '"a"', '"a"'),
    ("origin", "HTTPS://Example.com:8443", "https://example.com:8443"),
    ("origin", "null", "null"),
    ("origin", "https://x.example/path", "https://x.example/path"),
    ("range", "bytes=0-4,10-, -5", "bytes=0-4, 10-, -5"),
    ("range", "bytes=9-1", "bytes=9-1"),
    ("range", "lines=1-2", "lines=1-2"),
    ("referer", "http://Example.com/a/../b%7e?x=[", "http://Example.com/a/../b%7e?x=["),
    ("referer", "http://Example.com/a/../b%7e", "http://example.com/b~"),
    ("referer", "http://x/#part", "http://x/#part"),
    ("referer", "https://x:443/a", "https://x/a"),
    ("referer", "https://x:80/a", "https://x:80/a"),
    ("referer", "https://user@x/a", "https://user@x/a"),
    ("referer", "/a?b=c", "/a?b=c"),
    ("te", "Trailers,deflate", "trailers, deflate"),
    ("te", "deflate;q=0.5", "deflate;q=0.5"),
    ("upgrade", "h2c,websocket/13", "h2c, websocket/13"),
    ("user-agent", "curl / 8.0", "curl/8.0"),
    ("user-agent", "A/1 (x; (y) z)", "A/1 (x;  (y)z)"),
    ("user-agent", "Mozilla/5.0 (Macintosh; U; en", "Mozilla/5.0 (Macintosh; U; en"),
    ("x-forwarded-for", "::1,10.0.0.1, unknown", "0:0:0:0:0:0:0:1, 10.0.0.1, unknown"),
    ("x-forwarded-for", "10.0.0.1:8080", "10.0.0.1:8080"),
    ("x-forwarded-host", "Example.com:8080", "example.com"),
    ("x-forwarded-proto", "HTTPS", "https"),
    ("x-real-ip", "2001:DB8::1", "2001:db8:0:0:0:0:0:1"),
    ("x-anything", "a,b;c", "a,b;c"),
]


@pytest.mark.parametrize(
    "name, value, expected", [pytest.param(*row, id=f"{row[0]}: {row[1]}") for row in RENDERED]
)
def test_value_is_written_as_the_platform_writes_it(name, value, expected):
    assert value_of(name, value) == expected


TYPES = [
    ('multipart/form-data; boundary="a b"', 'multipart/form-data; boundary="a b"'),
    ("text/plain; b=2; a=1; charset=ascii", "text/plain; a=1; b=2; charset=US-ASCII"),
    ("application/octet-stream; charset=utf-8", "application/octet-stream"),
    ("application/yaml; charset=utf-8", "application/yaml; charset=UTF-8"),
    ('text/plain; x="a\\"b"', 'text/plain; x="a\\"b"'),
    (
        "application/VND.ms-excel.sheet.macroenabled.12",
        "application/vnd.ms-excel.sheet.macroEnabled.12",
    ),
    (
        "application/vnd.ms-excel.sheet.macroEnabled.12; a=b",
        "application/vnd.ms-excel.sheet.macroenabled.12; a=b",
    ),
]


@pytest.mark.parametrize("text, expected", TYPES)
def test_content_type_is_written_as_the_platform_writes_it(text, expected):
    assert media_type_from_text(text).text == expected


@pytest.mark.parametrize(
    "text",
    ["", "text", "text/plain;", "text/plain; charset", "a b/c", "text/plain; a=b=c", "text/*/x"],
)
def test_content_type_that_is_none(text):
    assert media_type_from_text(text) is None


def test_several_headers_with_one_name():
    headers = [("X-A", "1"), ("x-a", "2"), ("Connection", "close"), ("connection", "te")]
    assert headers_for_action(headers, None) == {"x-a": "2", "connection": "close, te"}


@pytest.mark.parametrize(
    "name", ["Content-Length", "Transfer-Encoding", "Timeout-Access", "X-OW-Extra-Logging"]
)
def test_header_that_no_action_sees(name):
    assert headers_for_action([(name, "1")], None) == {}


def test_content_type_that_is_none_reaches_the_action_with_an_empty_body():
    assert headers_for_action([("Content-Type", "garbage")], None) == {"content-type": "garbage"}


def test_a_folded_line_is_one_line():
    assert normal_value(b" a\tb\r\n  c ") == "a b c"
