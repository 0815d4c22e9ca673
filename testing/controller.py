"""The controller's side of the contract, for the adapter's tests: what it makes of a request and of
a result.

Pure. Written from the contract alone and held to the recordings by test_controller.py, so that it
can judge the adapter; it shares nothing with the gateway, which has to be judged by the recordings
too.
"""

import base64
import json
import re
import textwrap
from decimal import Decimal
from typing import List, NamedTuple, Optional, Tuple

RESULT_LIMIT = 1048576
TRANSACTION = "t" * 32

_OPEN = """
application: atom+xml base64 javascript rss+xml soap+xml vnd.google-earth.kml+xml x-latex x-vrml
 xhtml+xml xml-dtd xml problem+xml
text: asp cache-manifest calendar css csv html markdown mcf plain richtext tab-separated-values
 uri-list vnd.wap.wml vnd.wap.wmlscript x-asm x-c x-component x-h x-java-source x-pascal
 x-script x-scriptcsh
 x-scriptelisp x-scriptksh x-scriptlisp x-scriptperl x-scriptperl-module x-scriptphyton x-scriptrexx
 x-scriptscheme x-scriptsh x-scripttcl x-scripttcsh x-scriptzsh x-server-parsed-html x-setext x-sgml
 x-speech x-uuencode x-vcalendar x-vcard xml
"""
_FIXED = """
application: json json-patch+json merge-patch+json problem+json vnd.api+json x-www-form-urlencoded
text: event-stream
"""
_BINARY = """
application: cbor excel font-woff gnutar java-archive grpc+proto lha lzx mspowerpoint msword
 octet-stream pdf postscript vnd.google-earth.kmz vnd.ms-excel vnd.ms-excel.addin.macroEnabled.12
 vnd.ms-excel.sheet.binary.macroEnabled.12 vnd.ms-excel.sheet.macroEnabled.12
 vnd.ms-excel.template.macroEnabled.12 vnd.ms-fontobject vnd.ms-powerpoint
 vnd.ms-powerpoint.addin.macroEnabled.12 vnd.ms-powerpoint.presentation.macroEnabled.12
 vnd.ms-powerpoint.slideshow.macroEnabled.12 vnd.ms-word.document.macroEnabled.12
 vnd.ms-word.template.macroEnabled.12 vnd.oasis.opendocument.chart vnd.oasis.opendocument.database
 vnd.oasis.opendocument.formula vnd.oasis.opendocument.graphics vnd.oasis.opendocument.image
 vnd.oasis.opendocument.presentation vnd.oasis.opendocument.spreadsheet vnd.oasis.opendocument.text
 vnd.oasis.opendocument.text-master vnd.oasis.opendocument.text-web
 vnd.openxmlformats-officedocument.presentationml.presentation
 vnd.openxmlformats-officedocument.presentationml.slide
 vnd.openxmlformats-officedocument.presentationml.slideshow
 vnd.openxmlformats-officedocument.presentationml.template
 vnd.openxmlformats-officedocument.spreadsheetml.sheet
 vnd.openxmlformats-officedocument.spreadsheetml.template
 vnd.openxmlformats-officedocument.wordprocessingml.document
 vnd.openxmlformats-officedocument.wordprocessingml.template x-7z-compressed x-ace-compressed
 x-apple-diskimage x-arc-compressed x-bzip x-bzip2 x-chrome-extension x-compress x-compressed
 x-debian-package x-dvi x-font-truetype x-font-opentype x-gtar x-gzip x-rar-compressed
 x-redhat-package-manager x-shockwave-flash x-tar x-tex x-texinfo x-x509-ca-cert x-xpinstall zip
audio: aiff basic midi mod mpeg ogg voc vorbis voxware wav x-pn-realaudio x-psid xm webm
font: woff woff2
image: gif jpeg pict png svg+xml tiff x-icon x-ms-bmp x-pcx x-pict x-quicktime x-rgb x-xbitmap
 x-xpixmap webp
message: http delivery-status rfc822
video: avs-video divx gl mp4 mpeg ogg quicktime x-dv x-flv x-motion-jpeg x-ms-asf x-msvideo
 x-sgi-movie webm
"""


def _registered(kind, table):
    lines = (line.split(":") for line in table.replace("\n ", " ").strip().splitlines())
    names = (main + "/" + sub for main, subs in lines for sub in subs.split())
    return {name.lower(): (name, kind) for name in names}


REGISTERED = {}
for _kind, _table in (("open", _OPEN), ("fixed", _FIXED), ("binary", _BINARY)):
    REGISTERED.update(_registered(_kind, _table))

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_VALUE = r'(?:%s|"(?:[^"\\]|\\.)*")' % _TOKEN
_PARAMETER = re.compile(r";[ \t]*(%s)[ \t]*=[ \t]*(%s)[ \t]*" % (_TOKEN, _VALUE))
_TYPE = re.compile(
    r"\s*(%s)/(%s)[ \t]*((?:;[ \t]*%s[ \t]*=[ \t]*%s[ \t]*)*)\s*\Z"
    % (_TOKEN, _TOKEN, _TOKEN, _VALUE)
)


class MediaType(NamedTuple):
    value: str
    kind: str
    charset: Optional[str]

    @property
    def is_json(self):
        return self.value == "application/json" or self.value.endswith("+json")


class Answer(NamedTuple):
    status: int
    headers: List[Tuple[str, str]]
    body: bytes

    def header(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def type(self):
        return (self.header("content-type") or [None])[0]

    @property
    def json(self):
        return json.loads(self.body.decode("utf-8"))


def media_type(text):
    # type: (str) -> Optional[MediaType]
    """The media type as the controller reads it; None where it can't."""
    match = _TYPE.match(text)
    if not match:
        return None
    name, charset, params = (match.group(1) + "/" + match.group(2)).lower(), None, {}
    for key, value in _PARAMETER.findall(match.group(3)):
        value = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
        if key.lower() == "charset":
            charset = value
        else:
            params[key] = value
    spelling, kind = REGISTERED.get(name, (name, "binary" if charset is None else "open"))
    if name.startswith("multipart/"):
        kind = "binary"
    if params:
        spelling = name + "".join("; %s=%s" % (key, _quoted(params[key])) for key in sorted(params))
    return MediaType(spelling, kind, charset)


def _quoted(value):
    return value if re.match(_TOKEN + r"\Z", value) else '"%s"' % re.sub(r'(["\\])', r"\\\1", value)


# -- requests ------------------------------------------------------------


def params_from_request(method, path="", query="", headers=(), body=b""):
    """The parameters of a raw web action: what /run gets as its value."""
    names = {name.lower(): value for name, value in headers}
    if body and "content-type" not in names:
        names["content-type"] = "application/octet-stream"
    kind = media_type(names["content-type"]) if "content-type" in names else None
    if kind is None or kind.kind == "binary" or kind.value == "application/json":
        text = base64.b64encode(body).decode("ascii")
    else:
        text = body.decode("utf-8", "replace")
    return {
        "__ow_method": method.lower(),
        "__ow_path": path,
        "__ow_query": query,
        "__ow_headers": names,
        "__ow_body": text,
    }


# -- results ------------------------------------------------------------


def response_from_result(text, method="GET", request_headers=(), cors=True):
    # type: (str, str, tuple, bool) -> Answer
    """What the client of a .http web action gets when its action answered `text` to /run."""
    added = _cors_headers({name.lower(): value for name, value in request_headers}) if cors else []
    answer = _projected(text)
    headers = added + answer.headers
    if answer.status < 200 or answer.status in (204, 205, 304):
        headers, body = [pair for pair in headers if pair[0] != "Content-Type"], b""
    else:
        headers, body = headers + [("Content-Length", str(len(answer.body)))], answer.body
    return Answer(answer.status, headers, b"" if method == "HEAD" else body)


def _cors_headers(request_headers):
    allowed = "Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent"
    return [
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Methods", "OPTIONS, GET, DELETE, POST, PUT, HEAD, PATCH"),
        (
            "Access-Control-Allow-Headers",
            request_headers.get("access-control-request-headers", allowed),
        ),
    ]


def _projected(text):
    if len(text.encode("utf-8")) > RESULT_LIMIT:
        return _refusal("Response is not valid 'message/http'.")
    result = json.loads(text, parse_float=Decimal)
    result = result.get("error", result)
    try:
        return _http(result)
    except ValueError as problem:
        return _refusal(str(problem))


def _refusal(message):
    body = '{\n  "code": "%s",\n  "error": %s\n}' % (TRANSACTION, json.dumps(message))
    return Answer(400, [("Content-Type", "application/json")], body.encode("utf-8"))


def _http(result):
    if not isinstance(result, dict):
        raise ValueError("Response is not valid 'message/http'.")
    headers, body = _headers(result.get("headers", {})), result.get("body")
    status = _status(result.get("statusCode", 204 if body in (None, "") else 200))
    given = [value for name, value in headers if name.lower() == "content-type"][:1]
    kept = [pair for pair in headers if _survives(*pair)]
    if body in (None, ""):
        return Answer(status, kept, b"")
    if isinstance(body, str):
        kind, sent = _text_body(given[0] if given else "text/html", body)
    else:
        kind, sent = _json_body(given[0] if given else "application/json", body)
    return Answer(status, kept + [("Content-Type", kind)], sent)


def _headers(value):
    if not isinstance(value, dict):
        raise ValueError("Response is not valid 'message/http'.")
    return [(name, text) for name in sorted(value) for text in _flattened(value[name])]


def _flattened(value):
    if isinstance(value, list):
        return [text for item in value for text in _flattened(item)]
    if value is None or isinstance(value, dict):
        raise ValueError("Response is not valid 'message/http'.")
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return ["".join(chr(ord(character) & 255) for character in text)]


def _survives(name, value):
    dropped = (
        "content-type",
        "content-length",
        "transfer-encoding",
        "date",
        "server",
        "connection",
        "x-request-id",
    )
    return name.lower() not in dropped and not set(name + value) & set("\r\n")


def _status(value):
    if isinstance(value, str) and re.match(r"[+-]?\d+\Z", value):
        value = int(value)
    number = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    if not number or value != int(value) or not 100 <= value <= 599:
        raise ValueError("Response is not valid 'message/http'.")
    return int(value)


def _text_body(given, body):
    kind = media_type(given)
    if kind is None:
        raise ValueError("Response did not specify a known content-type.")
    if kind.kind == "binary":
        return kind.value, _decoded(body)
    if kind.is_json and _looks_like_base64(body):
        return _rendered(kind), _decoded(body)
    return _rendered(kind), body.encode("utf-8")


def _rendered(kind):
    return kind.value + ("; charset=UTF-8" if kind.kind == "open" else "")


def _json_body(given, body):
    kind = media_type(given)
    if kind is None or not kind.is_json:
        raise ValueError("Response type in header did not match generated content type.")
    return kind.value.split(";")[0], _pretty(body).encode("utf-8")


def _looks_like_base64(body):
    text = body.strip("".join(map(chr, range(33))))
    return bool(text) and len(text) % 4 == 0 and bool(re.match(r"[A-Za-z0-9+/]+={0,2}\Z", text))


def _decoded(body):
    padded = body + "=" * (-len(body) % 4) if "=" not in body else body
    if len(body) % 4 == 1 or not re.match(r"[A-Za-z0-9+/]*={0,2}\Z", body) or len(padded) % 4:
        raise ValueError("Response type in header did not match generated content type.")
    return base64.b64decode(padded)


def _pretty(value):
    if isinstance(value, dict):
        members = ",\n".join(
            "%s: %s" % (_pretty(key), _pretty(value[key])) for key in sorted(value)
        )
        return "{\n%s\n}" % textwrap.indent(members, "  ")
    if isinstance(value, list):
        return "[%s]" % ", ".join(map(_pretty, value))
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)
