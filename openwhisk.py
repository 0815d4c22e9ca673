"""Makes any model server an Apache OpenWhisk action: put before the image's own start command, it changes nothing else.

    ENTRYPOINT ["python", "/openwhisk.py"]      CMD ["python", "app.py"]

The platform sends `POST /init` once, with environment variables, and `POST /run` for each activation, with parameters.
Those of a web action are an HTTP request taken apart: __ow_method, __ow_path, __ow_query, __ow_headers, __ow_body. They
are put together again, the model's own server answers, and its answer becomes a result {"statusCode", "headers",
"body"} that the platform turns back into the very same answer. A body is text or base64: the media type decides, by the
platform's own table. `/run` is answered with 200, a Content-Length and a JSON object, after a sentinel on both logs.
Every other request is the model's. https://github.com/apache/openwhisk/blob/master/docs/actions-new.md is the contract.
"""

import binascii
import collections
import contextlib
import functools
import importlib
import io
import itertools
import json
import os
import re
import select
import shlex
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import types
import zlib
from typing import Dict, List, NamedTuple, Tuple
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlencode, urlsplit

SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n"
RESERVED = {"__ow_method", "__ow_path", "__ow_query", "__ow_headers", "__ow_body", "__ow_user"}
CONTEXT = ("activation_id", "transaction_id", "action_name", "action_version", "namespace", "deadline", "api_host")
LARGEST = 64 << 20  # bytes of a body, in memory
SPARE_THREADS = 8  # each costs memory, the allocator gives it an arena; so does starting one for every request
PATIENCE = 0.01  # seconds in which a thread takes no connection, or is busy with one, before it counts as slow
HOP_BY_HOP = {"connection", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer", "upgrade"}
NOT_FOR_THE_MODEL = HOP_BY_HOP | {"transfer-encoding", "accept-encoding", "content-length", "content-type", "expect"}
NOT_FOR_THE_CLIENT = HOP_BY_HOP | {"transfer-encoding", "content-length", "content-type", "date", "server"}
CORS = {"access-control-allow-origin", "access-control-allow-methods", "access-control-allow-headers"}


def names_from_words(words):
    """A word that ends in a slash or a dot is the beginning of those after it."""
    prefix = ""
    for word in words.split():
        if word[-1] in "/.":
            prefix = word
        else:
            yield prefix + word


# The platform's registry: base64 or text, whatever the charset. Any other type is text when it names a charset.
TEXT_TYPES = set(
    names_from_words("""
application/ json json-patch+json merge-patch+json problem+json vnd.api+json x-www-form-urlencoded atom+xml base64
javascript problem+xml rss+xml soap+xml vnd.google-earth.kml+xml x-latex x-vrml xhtml+xml xml xml-dtd text/ event-stream
asp cache-manifest calendar css csv html markdown mcf plain richtext tab-separated-values uri-list vnd.wap.wml
vnd.wap.wmlscript x-asm x-c x-component x-h x-java-source x-pascal x-script x-scriptcsh x-scriptelisp x-scriptksh
x-scriptlisp x-scriptperl x-scriptperl-module x-scriptphyton x-scriptrexx x-scriptscheme x-scriptsh x-scripttcl
x-scripttcsh x-scriptzsh x-server-parsed-html x-setext x-sgml x-speech x-uuencode x-vcalendar x-vcard xml
""")
)
BINARY_TYPES = set(
    names_from_words("""
application/ cbor excel font-woff gnutar grpc+proto java-archive lha lzx mspowerpoint msword octet-stream pdf postscript
vnd.google-earth.kmz vnd.ms-excel vnd.ms-fontobject vnd.ms-powerpoint x-7z-compressed x-ace-compressed x-apple-diskimage
x-arc-compressed x-bzip x-bzip2 x-chrome-extension x-compress x-compressed x-debian-package x-dvi x-font-opentype
x-font-truetype x-gtar x-gzip x-rar-compressed x-redhat-package-manager x-shockwave-flash x-tar x-tex x-texinfo
x-x509-ca-cert x-xpinstall zip application/vnd.ms-excel. addin.macroenabled.12 sheet.binary.macroenabled.12
sheet.macroenabled.12 template.macroenabled.12 application/vnd.ms-powerpoint. addin.macroenabled.12
presentation.macroenabled.12 slideshow.macroenabled.12 application/vnd.ms-word. document.macroenabled.12
template.macroenabled.12 application/vnd.oasis.opendocument. chart database formula graphics image presentation
spreadsheet text text-master text-web application/vnd.openxmlformats-officedocument.presentationml. presentation slide
slideshow template application/vnd.openxmlformats-officedocument.spreadsheetml. sheet template
application/vnd.openxmlformats-officedocument.wordprocessingml. document template audio/ aiff basic midi mod mpeg ogg
voc vorbis voxware wav webm x-pn-realaudio x-psid xm font/ woff woff2 image/ gif jpeg pict png svg+xml tiff webp x-icon
x-ms-bmp x-pcx x-pict x-quicktime x-rgb x-xbitmap x-xpixmap message/ delivery-status http rfc822 video/ avs-video divx
gl mp4 mpeg ogg quicktime webm x-dv x-flv x-motion-jpeg x-ms-asf x-msvideo x-sgi-movie
""")
)
TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
PARAMETER = r";[ \t]*({0})[ \t]*=[ \t]*({0}|\"(?:[^\"\\]|\\.)*\")[ \t]*".format(TOKEN)
MEDIA_TYPE = re.compile(r"[ \t]*({0}/{0})[ \t]*((?:{1})*)\Z".format(TOKEN, PARAMETER))
HEADER_NAME = re.compile(r"(?i)(?!x-openwhisk-)[!#$%&'*+\-.^`|~0-9a-z]+\Z")
LENGTH = re.compile(rb"(?i)\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*(?:\r\n|\Z)")
NUMBER = re.compile(r"[0-9]{1,9}\Z")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
FORM = "application/x-www-form-urlencoded"
BODY_MEMBER = b'"__ow_body":"'  # as the platform writes it
FORM_NAME = re.compile(rb'(?i)content-disposition:[^\r\n]*[; ]name="?([^";\r\n]*)')
ACCEPTS_GZIP = re.compile(r"(?i)(gzip|\*)(?!\s*;\s*q=0(\.0*)?\s*(,|$))")
HOST = re.compile(r"([A-Za-z0-9.\-_]+|\[[\da-fA-F:.]+\])(:\d{1,5})?\Z")
ESCAPES = {code: f"%{code:02X}" for code in [*range(32), ord('"')]}
RELATIVE_LINK = re.compile(rb"(?i)\s(?:src|href)\s*=\s*[\"']?(?![/#\"'>{]|[a-z][a-z0-9+.-]*:)\S")
# The platform's is encoded already; no other caller's space or line end may leave the request line.
encoded = functools.partial(quote, safe="/%:@!$&'()*+,;=~-._?[]|", errors="replace")
# What the platform takes for base64 when it stands for JSON, though `true` and `1234` are JSON as well.
LOOKS_LIKE_BASE64 = re.compile(
    r"[\x00- ]*(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)[\x00- ]*\Z"
)


class Settings(NamedTuple):
    """Each is set by OPENWHISK_ and its name in capitals; the README has the table."""

    host: str = "0.0.0.0"
    port: int = 8080
    app: str = ""
    target: int = 0
    ready: str = ""
    preload: int = 0
    entry: str = "/model/predict"
    limit: int = 1048576
    errors: str = "500-599"
    cors: str = "platform"


class Request(NamedTuple):
    """Path and query are percent-encoded. `plain`: no web request but an invocation; `bare`: no path was given."""

    method: str
    path: str
    query: str = ""
    headers: List[Tuple[str, str]] = []
    body: bytes = b""
    prefix: str = ""
    scheme: str = "http"
    host: str = "localhost"
    context: Dict[str, str] = {}
    plain: bool = False
    bare: bool = False
    accepts_gzip: bool = False

    @property
    def target(self):
        return self.path + ("?" + self.query if self.query else "")


class Response(NamedTuple):
    status: int
    headers: List[Tuple[str, str]]
    body: bytes

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name), "")

    @property
    def media(self):
        return media_from_text(self.header("content-type").rstrip("; \t"))


class Base64(str):
    """Text in which no character needs an escape."""


class Media(NamedTuple):
    """The name keeps all parameters but the charset."""

    name: str
    charset: str
    is_text: bool

    @property
    def is_json(self):
        return self.name == "application/json" or self.name.endswith("+json")


class Refused(Exception):
    """Why the model is not asked, or its answer not sent: `response` tells whoever asked."""

    def __init__(self, status, reason):
        super().__init__(reason)
        self.response = Response(status, [("Content-Type", "application/json")], json_from_value({"error": reason}))


class OtherProtocol(ValueError):
    """A frame of HTTP/2 and so of gRPC, where both sides speak first: nobody has understood the request."""


def settings_from_environ(environ):
    forms = {int: r"\d{1,9}", "cors": "app|platform", "errors": r"none|\d{3}(-\d{3})?(,\d{3}(-\d{3})?)*"}
    found = Settings()
    for name, default in found._asdict().items():
        variable, kind = "OPENWHISK_" + name.upper(), type(default)
        text = environ.get(variable) or str(default)
        if not re.match(r"(%s)\Z" % forms.get(name, forms.get(kind, ".*")), text):
            raise Refused(502, f"{variable} should look like {default!r} and is {text!r}")
        found = found._replace(**{name: kind(text)})
    return found


@functools.lru_cache(maxsize=256)
def media_from_text(text):
    """What the platform can't read is application/octet-stream to it: a `;` at the end, no slash."""
    match = MEDIA_TYPE.match(text) or MEDIA_TYPE.match("application/octet-stream")
    name, parameters = match.group(1).lower(), sorted(re.findall(PARAMETER, match.group(2)))
    charset = "".join([value.strip('"') for key, value in parameters if key.lower() == "charset"][-1:])
    charset = charset if re.match(TOKEN + r"\Z", charset) else ""
    is_text = name in TEXT_TYPES or (bool(charset) and name not in BINARY_TYPES and not name.startswith("multipart/"))
    others = "".join(f"; {key}={value}" for key, value in parameters if key.lower() != "charset")
    return Media(name + others, charset, is_text)


def checked(members, name, kind, default):
    value = members.get(name, default)
    if not isinstance(value, kind):
        raise Refused(400, f"{name} should be {kind.__name__} and is {type(value).__name__}: not from the platform?")
    return value


def bytes_from_base64(text, what):
    try:
        return binascii.a2b_base64(text)
    except ValueError as error:
        raise Refused(400, f"{what} should be base64 and isn't: {error}")


def latin1_from_text(text):
    """WSGI and call_http want the bytes of a header as characters; the platform has decoded them as UTF-8."""
    return text.encode("utf-8", "replace").decode("latin-1")


def text_from_value(value):
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def json_from_value(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def query_from_values(values):
    pairs = [(key, text_from_value(value)) for key, value in values.items() if value is not None]
    return urlencode(pairs, errors="replace")


def first_line(value):
    """The platform, given a stray byte, swallows the line end and the next header line (recorded)."""
    return latin1_from_text(CONTROL.split(value)[0])


def headers_from_params(params):
    """Without names with `_`, which CGI can't tell from `-`, and those of our own."""
    return {
        name.lower(): first_line(value)
        for name, value in checked(params, "__ow_headers", dict, {}).items()
        if HEADER_NAME.match(name) and isinstance(value, str)
    }


def body_from_params(params, content_type):
    """By the platform's rule: base64 for binary types and for JSON in a raw action, text for all others."""
    media = media_from_text(content_type)
    if media.is_json and "__ow_query" not in params:
        return json_from_value(params.get("__ow_body", ""))
    body = checked(params, "__ow_body", str, "")
    if not content_type or (media.is_text and media.name != "application/json"):
        return body.encode("utf-8", "replace")
    return bytes_from_base64(body, f"__ow_body of type {content_type}")


def names_in_body(body, media):
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        if media.name.startswith("multipart/form-data"):
            return {name.decode() for name in FORM_NAME.findall(body)}
        if media.is_json:
            return set(dict(json.loads(body.decode())))
        if media.name == FORM:
            return {name for name, _ in parse_qsl(body.decode(), True)}
    return set()


def is_file(value):
    known = isinstance(value, dict) and {"b64"} <= set(value) <= {"b64", "filename", "content_type"}
    return known and all(isinstance(part, str) for part in value.values())


def form_from_values(values, boundary):
    """A multipart form in which each {"b64": ...} is a file, so that an invocation can send an image."""
    parts = []
    for key, value in values.items():
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{key.translate(ESCAPES)}"'
        content = text_from_value(value).encode("utf-8", "replace")
        if is_file(value):
            name, kind = value.get("filename", key), value.get("content_type", "application/octet-stream")
            head += f'; filename="{name.translate(ESCAPES)}"\r\nContent-Type: {kind.translate(ESCAPES)}'
            content = bytes_from_base64(value["b64"], key + ".b64")
        if value is not None:
            parts.append(head.encode("utf-8", "replace") + b"\r\n\r\n" + content)
    return b"\r\n".join(parts + [f"--{boundary}--\r\n".encode()])


def query_and_body(params, method, content_type):
    """Where the parameters that aren't the platform's own belong, and under which content type."""
    values = {key: value for key, value in params.items() if key not in RESERVED}
    if "__ow_query" in params or "__ow_body" in params:
        query, body = checked(params, "__ow_query", str, ""), body_from_params(params, content_type)
        if values:
            sent = {name for name, _ in parse_qsl(query, True)} | names_in_body(body, media_from_text(content_type))
            bound = query_from_values({key: values[key] for key in values if key not in sent})
            query = "&".join(filter(None, (query, bound)))
        return query, body, content_type
    if method in ("GET", "HEAD") or ("__ow_headers" in params and not content_type):
        return query_from_values(values), b"", content_type
    if media_from_text(content_type).name == FORM:
        return "", query_from_values(values).encode(), content_type
    if not content_type and any(map(is_file, values.values())):
        boundary = os.urandom(16).hex()
        return "", form_from_values(values, boundary), "multipart/form-data; boundary=" + boundary
    return "", json_from_value(values), content_type or "application/json"


def request_from_params(params, activation, settings=Settings()):
    """The request that the client made, from the parameters that the platform made of it."""
    sent = headers_from_params(params)
    method, path = checked(params, "__ow_method", str, "post").upper(), checked(params, "__ow_path", str, "")
    if not re.match(r"[A-Z]+\Z", method):
        raise Refused(400, f"__ow_method should be a method like get or post and is {method!r}")
    query, body, content_type = query_and_body(params, method, sent.get("content-type", ""))
    context = {key: str(activation[key]) for key in CONTEXT if activation.get(key)}
    context.update({"user": str(params["__ow_user"])} if "__ow_user" in params else {})
    scheme, host = public_address(sent, context.get("api_host", ""))
    prefix = prefix_from_name(context.get("action_name", ""))
    headers = {name: value for name, value in sent.items() if name not in NOT_FOR_THE_MODEL}
    headers.update({"host": host, "x-forwarded-host": host, "x-forwarded-proto": scheme, "x-forwarded-prefix": prefix})
    headers.update({"content-type": content_type} if content_type else {})
    headers.update({"content-length": str(len(body))} if body or method in ("POST", "PUT", "PATCH") else {})
    headers.update(("x-openwhisk-" + key.replace("_", "-"), first_line(context[key])) for key in context)
    goal = path or ("/" if method in ("GET", "HEAD") else settings.entry)
    return Request(
        method=method,
        path=encoded(goal if goal[0] == "/" else "/" + goal),
        query=encoded(query),
        headers=list(headers.items()),
        body=body,
        prefix=prefix,
        scheme=scheme,
        host=host,
        context=context,
        plain="__ow_method" not in params,
        bare=not path,
        accepts_gzip=bool(ACCEPTS_GZIP.search(sent.get("accept-encoding", ""))),
    )


def prefix_from_name(action_name):
    """/api/v1/web/guest/default/hello from /guest/hello: the name leaves `default` out, the URL doesn't."""
    parts = quote(action_name.strip("/"), errors="replace").split("/")
    parts[1:1] = ["default"] if len(parts) == 2 else []
    return "/api/v1/web/" + "/".join(parts) if len(parts) == 3 else ""


def public_address(headers, api_host):
    """Not from `Host` if anything else tells: behind the stock nginx that is the name of an upstream."""
    scheme, _, host = api_host.rstrip("/").rpartition("://")
    first = {name: headers.get("x-forwarded-" + name, "").split(",")[0].strip() for name in ("proto", "host")}
    schemes, hosts = (first["proto"].lower(), scheme), (first["host"], host, headers.get("host", ""))
    return next((x for x in schemes if x in ("http", "https")), "http"), next(filter(is_host, hosts), "localhost")


def is_host(text):
    with contextlib.suppress(ValueError, OSError):
        address = urlsplit("//" + text)
        if "[" in text:
            socket.inet_pton(socket.AF_INET6, address.hostname or "")
        return HOST.match(text) and address.port != 0
    return False


def result_from_response(response, request, settings=Settings()):
    """A result that the platform turns back into this very response, or into one that says why it can't be carried."""
    return result_and_json(response, request, settings)[0]


def result_and_json(response, request, settings):
    """Both, as the limit is on the JSON, and writing a large one takes time."""
    try:
        for attempt in (lambda: response, lambda: compressed(response, request)):
            result = carried(attempt(), request, settings)
            written = json_from_result(result)
            if len(written) <= settings.limit:
                return result, written
        advice = "accept gzip (curl --compressed), ask for less, or raise the platform's limit and OPENWHISK_LIMIT"
        raise Refused(413, f"the answer takes {len(written)} bytes of {settings.limit} that are allowed: {advice}")
    except Refused as refusal:
        result = carried(refusal.response, request, settings)
        return result, json_from_result(result)


def json_from_result(result):
    """Base64, which comes last, is put in as it is: json would look at each of its characters, a million perhaps."""
    answer = result.get("error", result)
    body = answer.get("body")
    if not isinstance(body, Base64):
        return json_from_value(result)
    others = {**answer, "body": ""}
    before, after = json_from_value(others if answer is result else {"error": others}).rsplit(b'""', 1)
    return b"".join((before, b'"', body.encode(), b'"', after))


def carried(response, request, settings):
    media = response.media
    if media.is_text and not media.is_json:
        response = decompressed(response)
    if request.method == "HEAD" and not response.body:
        # The platform derives Content-Length and Content-Type from a body that it then doesn't send.
        length = response.header("content-length")
        response = response._replace(body=b" " * min(int(length) if NUMBER.match(length) else 0, LARGEST))
    content_type, body = text_from_body(response.body, media)
    if request.plain and media.is_json:
        with contextlib.suppress(ValueError, RecursionError):
            body = json.loads(response.body.decode())
            if isinstance(body, dict) and response.status < 400 and "error" not in body:
                return body
    headers = headers_from_pairs(response.headers, request, settings)
    headers.update({"content-type": content_type} if response.body else {})
    result = {"statusCode": response.status, "headers": headers, "body": body}
    failed = response.status in statuses_from_text("400-999" if request.plain else settings.errors)
    return {"error": result} if failed else result


@functools.lru_cache(maxsize=4)
def statuses_from_text(text):
    bounds = re.findall(r"(\d+)-?(\d*)", text)
    return {status for first, last in bounds for status in range(int(first), int(last or first) + 1)}


def text_from_body(body, media):
    """The body as the platform wants it, and the type under which it arrives: text as UTF-8, bytes as bytes."""
    content_type = media.name + (f"; charset={media.charset}" if media.charset else "")
    if media.is_text:
        try:
            text = body.decode(codec_from_charset(media.charset))
            body = text.encode()  # some charsets give halves of characters
        except UnicodeError:
            if not media.is_json:
                content_type = "application/octet-stream" if media_from_text(media.name).is_text else media.name
        else:
            if not media.is_json or not LOOKS_LIKE_BASE64.match(text):
                return content_type, text
    return content_type, Base64(binascii.b2a_base64(body, newline=False), "ascii")


def codec_from_charset(charset):
    """UTF-8 where the name means nothing, or is one of Python's own ways to spell text."""
    with contextlib.suppress(LookupError):
        if not re.search("(?i)escape|idna|punycode|undefined", charset):
            "".encode(charset)
            return charset
    return "utf-8"


def headers_from_pairs(pairs, request, settings):
    """An array where a name is repeated. The platform writes the low byte of each character and drops line ends."""
    left_out = NOT_FOR_THE_CLIENT if settings.cors == "app" else NOT_FOR_THE_CLIENT | CORS
    headers, names = {}, {}
    for name, value in pairs:
        if name.lower() not in left_out:
            value = own_location(value, request) if name.lower() == "location" else value
            value = value if max(value, default="") < "\u0100" else latin1_from_text(value)
            headers.setdefault(names.setdefault(name.lower(), name), []).append(CONTROL.sub(" ", value))
    return {name: values[0] if len(values) == 1 else values for name, values in headers.items()}


def own_location(location, request):
    """Below the action's URL, whatever host or prefix the model's server takes for its own."""
    own = re.match(r"(?i)https?://" + re.escape(request.host) + r"(?=[/?#]|\Z)", location)
    path = (location[own.end() :] or "/") if own else location
    inside = re.match(re.escape(request.prefix) + r"(?=[/?#]|\Z)", path)
    return request.prefix + path if re.match(r"/(?!/)", path) and not inside else path


def decompressed(response):
    """Text can't travel compressed. The model wasn't asked to, but some do."""
    encoding = response.header("content-encoding").lower()
    if encoding in ("", "identity") or not response.body:
        return response
    try:
        inflater = zlib.decompressobj(47)
        body = inflater.decompress(response.body, LARGEST)
        if inflater.unconsumed_tail:
            raise zlib.error(f"it takes more than {LARGEST} bytes when that is undone")
    except zlib.error as error:
        raise Refused(502, f"the model's text came with Content-Encoding {encoding}, which can't be carried: {error}")
    return recoded(response, body, {"content-encoding": ""})


def compressed(response, request):
    """In gzip where that can be carried: binary, JSON, and a script, which is binary when its type names no charset."""
    media, content_type, body = response.media, response.header("content-type"), response.body
    as_it_is = request.method == "HEAD" or response.status == 206 or response.header("content-encoding")
    if as_it_is or not request.accepts_gzip:
        return response
    if media.name in ("application/javascript", "application/x-javascript", "text/javascript"):
        content_type, body = "text/javascript", body.decode(codec_from_charset(media.charset), "replace").encode()
    elif media.is_text and not media.is_json:
        return response
    response = response._replace(headers=response.headers + [("Vary", "Accept-Encoding")])
    deflater = zlib.compressobj(6, zlib.DEFLATED, 31)
    packed = deflater.compress(body) + deflater.flush()
    return recoded(response, packed, {"content-type": content_type, "content-encoding": "gzip"})


def recoded(response, body, headers):
    """Other bytes than the model sent: its entity tag is no longer a strong one."""
    kept = [(name, value) for name, value in response.headers if name.lower() not in headers]
    weak = [(name, re.sub(r'\A"', 'W/"', value) if name.lower() == "etag" else value) for name, value in kept]
    return response._replace(headers=weak + [pair for pair in headers.items() if pair[1]], body=body)


def redirected_to_slash(response, request):
    """A page with relative links only works below the action's URL when that ends in a slash."""
    page = response.status == 200 and response.media.name == "text/html"
    if page and request.bare and request.prefix and request.method == "GET" and RELATIVE_LINK.search(response.body):
        return Response(302, [("Location", request._replace(path=request.prefix + "/").target)], b"")
    return response


def call_wsgi(app, request):
    """The back end for an app in this process: what its own server would do, without the socket."""
    started, written = [], []

    def start_response(status, headers, exc_info=None):
        started[:] = [int(status[:3]), [(str(name), str(value)) for name, value in headers]]
        return written.append

    chunks = app(environ_from_request(request), start_response)
    try:
        body = whole(itertools.chain(written, chunks))
    finally:
        getattr(chunks, "close", bool)()
    return Response(*started, body=b"" if request.method == "HEAD" else body)


def whole(chunks):
    """A body in memory, unless it would fill that."""
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > LARGEST:
            raise Refused(502, f"the model's answer takes more than {LARGEST} bytes")
    return bytes(body)


def environ_from_request(request):
    address, headers = urlsplit("//" + request.host), dict(request.headers)
    environ = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": unquote_to_bytes(request.prefix).decode("latin-1"),
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query,
        "REQUEST_URI": request.target,
        "RAW_URI": request.target,
        "SERVER_NAME": address.hostname or "localhost",
        "SERVER_PORT": str(address.port or {"http": 80, "https": 443}[request.scheme]),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "OpenWhisk",
        "REMOTE_ADDR": headers.get("x-forwarded-for", "127.0.0.1").split(",")[0].strip(),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers:
        prefix = "" if name in ("content-type", "content-length") else "HTTP_"
        environ[prefix + name.upper().replace("-", "_")] = value
    environ.update(("openwhisk." + key, value) for key, value in request.context.items())
    return environ


def call_http(address, mounts, request, connection=None, timeout=None):
    """The back end for a server that listens: one new connection, no second try of what may have been done."""
    # gunicorn's way to tell a WSGI app its prefix: in this header, and in the path as well
    mount = [("SCRIPT_NAME", request.prefix)] if mounts else []
    lines = ["%s %s%s HTTP/1.1" % (request.method, request.prefix if mounts else "", request.target)]
    lines += ["%s: %s" % pair for pair in request.headers + mount + [("connection", "close")]]
    with connection or connecting(address) as connection:
        connection.settimeout(timeout)
        # an answer may come before the question has been read
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall("\r\n".join(lines + ["", ""]).encode("latin-1") + request.body)
        with connection.makefile("rb", 65536) as stream:
            if stream.peek(1)[:1] == b"\0":
                raise OtherProtocol(address[1])
            return response_from_stream(stream, request.method)


def connecting(address):
    """A connection that needn't be there yet: whoever uses it waits, and is told when it can't be."""
    connection = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    connection.setblocking(False)
    connection.connect_ex(address)
    return connection


def head_from_stream(stream):
    """The first line and the header lines of an HTTP message."""
    lines = itertools.takewhile(bytes.strip, iter(functools.partial(stream.readline, 65536), b""))
    first, *others = list(itertools.islice(lines, 1000)) or [b""]
    if len(others) == 999:
        raise Refused(502, "a head of a thousand lines")
    pairs = (line.decode("latin-1").partition(":") for line in others)
    return first, [(name.strip(), value.strip()) for name, _, value in pairs]


def response_from_stream(stream, method):
    status = 100
    while status < 200:
        first, headers = head_from_stream(stream)
        found = re.match(rb"HTTP/1\.\d (\d{3})\b", first)
        if not found:
            raise ValueError("%r is not HTTP" % first[:80])
        status = int(found.group(1))
    response = Response(status, headers, b"")
    if method == "HEAD" or status in (204, 304):
        return response
    length = response.header("content-length")
    if "chunked" in response.header("transfer-encoding").lower():
        chunks = chunks_from_stream(stream)
    elif length:
        chunks = [read_exactly(stream, int(length))]
    else:
        chunks = iter(functools.partial(stream.read, 65536), b"")
    return response._replace(body=whole(chunks))


def chunks_from_stream(stream):
    size = 1
    while size:
        size = int(stream.readline(4096).split(b";")[0], 16)
        yield read_exactly(stream, size)
        if size and stream.readline(3).strip():
            raise ValueError("a chunk that is longer than it says")


def read_exactly(stream, size):
    if not 0 <= size <= LARGEST:
        raise Refused(502, "a body of %d bytes, where %d are allowed" % (size, LARGEST))
    data = stream.read(size) if size else b""
    if len(data) < size:
        raise ConnectionError("%d bytes of %d" % (len(data), size))
    return data


class Model:
    """The model's own server, in this process or another: started by whoever asks first, and again when it has died."""

    def __init__(self, command, settings):
        self.command, self.settings, self.lock = command, settings, threading.Lock()
        self.script_due = threading.Event()  # for the main thread: where a script runs as python runs it
        self.tail = collections.deque(maxlen=20)
        self.back_end = self.process = self.settled = None
        self.other_ports, self.own_sockets = set(), set()
        self.log_lock, self.half_line = threading.Lock(), b""
        self.running, self.load_seconds, self.how_it_ended = False, 0.0, ""

    def load(self, deadline):
        """One function, `Request -> Response`, whatever the server is."""
        began = time.monotonic()
        _, seconds = limits(deadline)
        if not self.lock.acquire(timeout=seconds):
            raise self.refusal("the model is still being loaded")
        try:
            if not self.running:
                self.start()
            # In this process a look takes its time from the script that is loading.
            pause = shortest = 0.002 if self.process else 0.1
            while not self.back_end:
                if self.settled.wait(pause) and self.back_end:
                    break
                looked = time.monotonic()
                if not self.running:
                    raise self.refusal("the model couldn't be loaded")
                if looked - began > seconds:
                    raise self.refusal("the model wasn't ready in time (raise -t)")
                server = self.listening_server()
                if server and self.running:
                    self.back_end = server
                pause = min(max(shortest, 2 * (time.monotonic() - looked), (looked - began) / 100), 0.25)
            return self.back_end
        finally:
            self.lock.release()
            self.load_seconds += time.monotonic() - began

    def computes_here(self):
        return not self.process and not (self.back_end and self.back_end.func is call_http)

    @contextlib.contextmanager
    def approached(self):
        """The back end if it is there; a server in another process takes the connection while we read the request."""
        back_end = self.back_end
        with contextlib.ExitStack() as held:
            with contextlib.suppress(OSError):  # too many open files: call_http will say so
                if back_end and back_end.func is call_http:
                    connection = held.enter_context(connecting(back_end.args[0]))
                    back_end = functools.partial(back_end, connection=connection)
            yield back_end

    def preload(self):
        with contextlib.suppress(Refused):  # /init tries again, and tells
            self.load(None)

    def start(self):
        self.process, self.how_it_ended, self.settled = None, "", threading.Event()
        self.tail.clear()
        self.other_ports.clear()
        if self.settings.app or script_from_command(self.command):
            self.own_sockets, self.running = sockets_of(os.getpid()), True
            return self.script_due.set()
        environ = {"UVICORN_ROOT_PATH": prefix_from_name(os.environ.get("__OW_ACTION_NAME", "")), **os.environ}
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "bufsize": 0}
        try:
            self.process = subprocess.Popen(self.command, env=environ, start_new_session=True, **pipes)
        except OSError as error:
            raise Refused(502, f"the start command {self.command} can't be run: {error}")
        self.running = True
        os.set_blocking(self.process.stdout.fileno(), False)
        for work, subject in ((self.read_log, self.process.stdout), (self.wait, self.process)):
            threading.Thread(target=work, args=(subject,), daemon=True).start()

    @contextlib.contextmanager
    def script_run(self):
        """From when the script is due until it ends: with the app that it would serve, which is ours to call."""
        while not self.script_due.wait(0.1):
            pass
        self.script_due.clear()
        with apps_taken(self.take, self.tail):
            try:
                yield
                self.tail.append("the script came to its end without serving an app or opening a port\n")
            except BaseException as error:
                log_exception()
                error.__traceback__ = None  # its frames hold what the script had: sockets, a model
        self.end()

    def script(self):
        """For exec: everything as `python SCRIPT` has it."""
        script = script_from_command(self.command)
        sys.path[0] = os.path.dirname(os.path.abspath(script[0])) if script else os.getcwd()
        if self.settings.app:
            self.take(app_from_name(self.settings.app))
            return "", {}
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        main.__file__, sys.argv = os.path.abspath(script[0]), script
        with open(script[0], "rb") as file:
            return compile(file.read(), script[0], "exec", dont_inherit=True), vars(main)

    def take(self, app):
        self.back_end = functools.partial(call_wsgi, app)
        self.settled.set()

    def end(self):
        """What was started is no more, but for an app, which lives in this process."""
        if not self.back_end or self.back_end.func is call_http:
            self.running, self.back_end = False, None
            self.settled.set()

    def read_log(self, output):
        ready = select.poll()
        ready.register(output)
        while self.copy_log(output):
            ready.poll()

    def copy_log(self, output):
        """What a server has printed so far, in whole lines; False when no more can come."""
        until = time.monotonic() + 0.1  # one that never stops printing doesn't hold up an activation
        with self.log_lock:
            for data in iter(functools.partial(output.read, 65536), None):
                text = self.half_line + data
                end = text.rfind(b"\n") + 1 if data else len(text)
                whole, self.half_line = text[:end].decode("utf-8", "replace"), text[end:]
                self.tail.extend(whole.splitlines(True)[-20:])
                to_log(sys.stdout, whole)
                if not data or time.monotonic() > until:
                    return bool(data)
        return True

    def settle_log(self):
        """What the server has printed so far belongs to this activation."""
        if self.process:
            self.copy_log(self.process.stdout)

    def wait(self, process):
        """Until it ends. As process 1 we are handed its orphans as well."""
        pid = 0
        while pid != process.pid:
            pid, status = os.waitpid(-1, 0)
        process.returncode = status
        name = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else ""
        advice = " (out of memory? raise -m)" if name == "SIGKILL" else ""
        self.how_it_ended = name + advice or f"exit code {os.WEXITSTATUS(status)}"
        self.kill(signal.SIGKILL)
        self.end()

    def kill(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def stop(self):
        if self.process:
            self.kill(signal.SIGTERM)
            self.settled.wait(5)
            self.kill(signal.SIGKILL)

    def refusal(self, what):
        if self.how_it_ended:
            self.settle_log()
            what += f": {self.command[0]} ended with {self.how_it_ended}"
        return Refused(502, "\n".join([what] + [line.rstrip() for line in self.tail]))

    def failed(self, error):
        """No answer came from a server: it may have died of the question."""
        if self.process and self.settled.wait(0.5):
            return self.refusal("the model's server died during this request")
        return self.refusal(f"the model's server ended the connection without a whole answer ({error!r})")

    def listening_server(self):
        """The back end, once the server is ready: when it accepts connections, if that tells enough. It doesn't of
        gunicorn, which listens before it has loaded, and when only one of several ports speaks HTTP."""
        target, ready = self.settings.target, self.settings.ready
        leader = self.process.pid if self.process else os.getpid()
        addresses = [("127.0.0.1", target)] if target else listening_addresses(sockets_of(leader) - self.own_sockets)
        addresses = [address for address in addresses if address[1] not in {self.settings.port, *self.other_ports}]
        telling = not (ready or len(addresses) > 1 or any("gunicorn" in word for word in self.command))
        question = Request("GET", ready) if ready else Request("OPTIONS", "*")
        for address in addresses:
            with contextlib.suppress(OSError, ValueError, Refused):
                if telling:
                    with socket.create_connection(address, timeout=1) as probe:
                        if select.select([probe], [], [], 0.005)[0]:  # not HTTP: there the client speaks first
                            continue
                    return functools.partial(call_http, address, False)
                answer = call_http(address, False, question._replace(headers=[("host", "localhost")]), timeout=1)
                if answer.status // 100 == 2 or not ready:
                    return functools.partial(call_http, address, answer.header("server").startswith("gunicorn"))
        return None


def sockets_of(leader):
    """Those that a process and its session have open, but for the ones that have no address, as asyncio's own."""
    found = set()
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        with contextlib.suppress(OSError):
            if pid == leader or os.getsid(pid) == leader:
                found.update(os.readlink(entry.path) for entry in os.scandir(f"/proc/{pid}/fd"))
    with contextlib.suppress(OSError), open("/proc/net/unix", errors="replace") as rows:
        found.difference_update(f"socket:[{inode}]" for row in rows for inode in row.split()[6:7])
    return {link for link in found if link.startswith("socket:")}


def listening_addresses(sockets):
    """Where they accept connections. On a large machine the kernel takes milliseconds for each of its tables."""
    for family, table in ((socket.AF_INET, "tcp"), (socket.AF_INET6, "tcp6")):
        with contextlib.suppress(OSError), open("/proc/net/" + table) as rows:
            for row in (row.split() for row in rows if " 0A " in row) if sockets else ():
                if f"socket:[{row[9]}]" in sockets:
                    sockets = sockets - {f"socket:[{row[9]}]"}
                    address, _, port = row[1].rpartition(":")
                    words = (int(word, 16) for word in re.findall("." * 8, address))
                    host = socket.inet_ntop(family, b"".join(struct.pack("=L", word) for word in words))
                    yield host if address.strip("0") else "127.0.0.1", int(port, 16)


@contextlib.contextmanager
def apps_taken(taken, tail):
    """Where an app would be served it is handed to us, and its thread waits there; what it prints before is kept."""

    def take(app):
        undo.close()
        taken(app)
        while True:  # a longer sleep would keep a signal that another thread has caught from the main thread
            time.sleep(0.1)

    def write(write_on, text):
        tail.extend(((tail.pop() if tail and not tail[-1].endswith("\n") else "") + text).splitlines(True))
        return write_on(text)

    places = {
        "flask.cli:show_server_banner": lambda *_, **__: None,
        "werkzeug.serving:run_simple": lambda hostname, port, application, *_, **__: take(application),
        "wsgiref.simple_server:WSGIServer.serve_forever": lambda server, *_: (
            server.server_close() or take(server.get_app())
        ),
        "waitress:serve": lambda app, *_, **__: take(app),
    }
    with contextlib.ExitStack() as undo:
        for stream in (sys.stdout, sys.stderr):
            undo.callback(vars(stream).pop, "write")
            stream.write = functools.partial(write, stream.write)
        for place, substitute in places.items():
            module, path = place.split(":")
            with contextlib.suppress(Exception):  # a package that can't be imported is the script's own to stumble over
                *owners, name = path.split(".")
                owner = functools.reduce(getattr, owners, importlib.import_module(module))
                undo.callback(setattr, owner, name, getattr(owner, name))
                setattr(owner, name, substitute)
        yield


def script_from_command(command):
    """The arguments of `python SCRIPT ...`, also behind an init or a plain shell; None for any other command."""
    folder, name = os.path.split(command[0])
    if name in ("tini", "dumb-init", "docker-init", "exec", "env"):
        return script_from_command(command[command.index("--") + 1 if "--" in command else 1 :] or [""])
    if name in ("sh", "bash", "dash", "ash") and len(command) == 3 and command[1] in ("-c", "-lc"):
        simple = re.match(r"[\w./:@%+,= \t-]*\Z", command[2])
        return script_from_command(shlex.split(command[2]) or [""]) if simple else None
    if not re.match(r"python[\d.]*\Z", name) or folder not in ("", os.path.dirname(sys.executable)):
        return None
    arguments = command[2:] if command[1:2] == ["-u"] else command[1:]
    return arguments if arguments and not arguments[0].startswith("-") else None


def app_from_name(name):
    """What OPENWHISK_APP=module:attribute names; an import that fails inside of it is reported as itself."""
    module, _, attribute = name.partition(":")
    try:
        app = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if not (module + ".").startswith(f"{error.name}."):
            raise
        raise ImportError(f"OPENWHISK_APP={name!r}: there is no module {module!r} in {sys.path[0]}")
    for part in (attribute or "app").split("."):
        app = getattr(app, part, None)
    if not callable(app):
        raise TypeError(f"OPENWHISK_APP={name!r}: a WSGI app was expected there, not {app!r}")
    return app


class Adapter:
    """The platform's two calls, answered by one model."""

    def __init__(self, model):
        self.model, self.lock = model, threading.Lock()
        self.initialized = self.stopping = False
        self.open, self.unanswered = set(), {}

    def handle(self, connection):
        """The platform's two calls are read by a reader that knows nothing else, all the rest by the model's server."""
        connection.setblocking(True)  # a model may have called socket.setdefaulttimeout
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 60, 0))
        start = connection.recv(12, socket.MSG_PEEK | socket.MSG_WAITALL)
        call = {b"POST /run": self.run, b"POST /init": self.init}.get(start.rpartition(b" ")[0])
        send = functools.partial(self.send, connection)
        try:
            if call:
                self.open.add(connection)
                call(body_from_connection(connection), send)
            elif start:
                pass_on(connection, self.model.back_end or self.model.load(None))
        except Refused as refusal:
            send(refusal.response.status, refusal.response.body)
        finally:
            self.leave(connection)

    def send(self, connection, status, body):
        head = f"HTTP/1.1 {status} \r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        with contextlib.suppress(OSError):  # whoever asked may have gone
            connection.sendall(head.encode() + body)
        self.leave(connection)

    def leave(self, connection):
        self.open.discard(connection)
        if self.stopping:
            self.stop()

    def stop(self, *_):
        """On SIGTERM: at once when idle, else by the last running activation."""
        self.stopping = True
        if not self.open:
            self.model.stop()
            os._exit(0)

    def init(self, body, send):
        with self.lock:
            if self.initialized:
                raise Refused(403, "Cannot initialize the action more than once.")
            self.initialized = True
        try:
            value = checked(object_from_json(body), "value", dict, {})
            if value.get("code"):
                raise Refused(502, "this image is a model, it takes no code: create the action without a file")
            sent = checked(value, "env", dict, {})
            environ = {name: text_from_value(sent[name]) for name in sent if name != "__OW_API_KEY"}
            self.model.settings = settings_from_environ({**os.environ, **environ})
            os.environ.update(environ)
            self.model.load(environ.get("__OW_DEADLINE"))
        except Exception as error:
            self.initialized = False
            self.end_log("")
            raise Refused(502, str(error))
        send(200, b'{"ok":true}')

    def run(self, body, send):
        with self.model.approached() as back_end:
            self.activate(body, send, back_end)

    def activate(self, body, send, back_end):
        """Sends one result, whatever happens: the model's, or shortly before the deadline that there is none."""
        began, settings, request = time.monotonic(), self.model.settings, Request("POST", "/run", plain=True)
        this = threading.Event()  # not finish itself: a cycle would keep the request until the collector comes

        def finish(response):
            response = redirected_to_slash(response, request)
            _, written = result_and_json(response, request, settings)
            if self.unanswered.pop(this, None):
                line = f"{request.method} {request.path} {response.status} {(time.monotonic() - began) * 1000:.0f} ms"
                self.end_log(f"{line} {len(response.body)} bytes\n")
                send(200, written)
                this.set()

        self.unanswered[this] = float("inf"), "", finish
        try:
            activation = activation_from_json(body)
            deadline, params = activation.get("deadline"), checked(activation, "value", dict, {})
            limit, patience = limits(deadline)
            if "__ow_headers" in params and "__ow_query" not in params:
                lost = "This web action isn't raw: what the platform merges, sorts or drops is lost (--web raw)\n"
                to_log_once(sys.stdout, lost)
            activation["api_host"] = os.environ.get("__OW_API_HOST")
            request = request_from_params(params, activation, settings)
            more = f"wsk action update {activation.get('action_name', 'ACTION')} -t {int(limit * 2000)}"
            reason = f"the model was still busy shortly before its limit, {limit:.1f} s: `{more}` gives it more time"
            self.unanswered[this] = began + patience, reason, finish
            finish(self.answer(request, deadline, back_end))
        except Refused as refusal:
            finish(refusal.response)
        except Exception:
            log_exception()
            finish(Refused(500, "this request or its answer can't be carried: the activation's log says why").response)
        this.wait(60)  # the other thread may just be answering; the connection is closed when this one returns

    def answer(self, request, deadline, back_end):
        back_end = back_end or self.model.load(deadline)
        began = time.monotonic()
        try:
            response = back_end(request)
        except Refused:
            raise
        except OtherProtocol as error:  # it took its time to speak first; HTTP will come at another port
            self.model.other_ports.add(error.args[0])
            self.model.back_end = None
            return self.answer(request, deadline, None)
        except BaseException as error:  # SystemExit too: some models call sys.exit where they mean to raise
            if back_end.func is call_http:
                raise self.model.failed(error)
            log_exception()
            raise Refused(500, "the model failed on this request: the activation's log says why")
        timing = f"model;dur={(time.monotonic() - began) * 1000:.1f}"
        if self.model.load_seconds:
            timing += f", load;dur={self.model.load_seconds * 1000:.1f}"
            self.model.load_seconds = 0.0
        return response._replace(headers=response.headers + [("Server-Timing", timing)])

    def end_log(self, text):
        self.model.settle_log()
        to_log(sys.stdout, text + SENTINEL)
        to_log(sys.stderr, SENTINEL)

    def watch_deadlines(self):
        """One thread that looks now and then: a timer for each run would cost each run a thread."""
        while True:
            time.sleep(0.05)
            for moment, reason, finish in list(self.unanswered.values()):
                if time.monotonic() > moment:
                    finish(Refused(504, reason).response)


def limits(deadline):
    """Seconds until a deadline, a day if there is none or a clock has jumped; and how many of them are the model's."""
    try:
        seconds = float(deadline) / 1000 - time.time()
    except (TypeError, ValueError, OverflowError):
        seconds = 0
    seconds = seconds if 0 < seconds < 86400 else 86400
    return seconds, seconds - min(1, seconds / 10)


def object_from_json(body):
    try:
        return checked({"the body": json.loads(body.decode())}, "the body", dict, {})
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"the body should be JSON of the platform and isn't: {error}")


def activation_from_json(body):
    """json looks at each character of a string, which can be a megabyte of base64: that has no escapes to look for."""
    found = body.find(BODY_MEMBER)
    start = found + len(BODY_MEMBER)
    end = body.find(b'"', start)
    others = body[:start] + body[end:]
    if found >= 0 and body.find(b"\\", start, end) < 0 and others.count(b'__ow_body"') == 1:
        activation = object_from_json(others)
        params = checked(activation, "value", dict, {})
        if params.get("__ow_body") == "":
            sent = str(memoryview(body)[start:end], "utf-8", "replace")
            return {**activation, "value": {**params, "__ow_body": sent}}
    return object_from_json(body)


def to_log(stream, text):
    with contextlib.suppress(OSError, ValueError):  # a full disk or a closed pipe doesn't cost the activation
        stream.write(text)
        stream.flush()


def log_exception():
    import traceback  # not earlier: most activations do without, and it takes milliseconds of the start

    to_log(sys.stderr, traceback.format_exc())


to_log_once = functools.lru_cache(maxsize=None)(to_log)


def body_from_connection(connection):
    """Of a POST as the platform's clients send it: with a Content-Length."""
    data = b""
    for received in iter(functools.partial(connection.recv, 65536), b""):
        data += received
        if b"\r\n\r\n" in data or len(data) > 65536:
            break
    head, _, body = data.partition(b"\r\n\r\n")
    found = LENGTH.search(head)
    size = int(found.group(1)) if found else LARGEST + 1
    if size > LARGEST:
        raise Refused(400, f"a whole request with a Content-Length of at most {LARGEST} was expected")
    if b"\r\nexpect:" in head.lower():
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = body[:size]
    while received and len(body) < size:  # MSG_WAITALL or not, a pause of the container ends a recv
        received = connection.recv(size - len(body), socket.MSG_WAITALL)
        body += received
    return body


def pass_on(client, back_end):
    """Not the platform: the same image is a plain HTTP server, as the model's own."""
    if back_end.func is call_wsgi:
        from werkzeug.serving import make_server

        server = make_server("127.0.0.1", 0, back_end.args[0], threaded=True)
        server.socket.close()
        return server.finish_request(client, client.getpeername())
    with socket.create_connection(back_end.args[0]) as server:
        ends = {client: server, server: client}
        while ends:
            for end in select.select(list(ends), [], [])[0]:
                data = end.recv(65536)
                ends[end].sendall(data) if data else ends.pop(end).shutdown(socket.SHUT_WR)


class Server:
    """Threads that share one listening socket. A model in this process has one of them: more would only take the
    interpreter from each other, so others join when nobody has taken a connection for a while, and quick ones leave
    again. For a model in another process there are as many as connections, and a few that wait."""

    def __init__(self, listener, handle, computes_here):
        self.listener, self.handle, self.computes_here = listener, handle, computes_here
        self.busy_since = {}  # by thread; one that waits for a connection will be
        self.slow = False

    def start(self):
        with contextlib.suppress(RuntimeError):  # at the limit of threads those that are there go on
            threading.Thread(target=self.work, daemon=True).start()

    def work(self):
        this, staying = object(), True
        while staying:
            began = self.busy_since[this] = float("inf")
            try:
                connection, _ = self.listener.accept()
                began = self.busy_since[this] = time.monotonic()
                if not self.waiting() and (self.slow or not self.computes_here()):
                    self.start()
                with connection:
                    self.handle(connection)
            except Exception as error:
                to_log(sys.stderr, f"a connection ended early: {error!r}\n")
                time.sleep(PATIENCE)  # if there are too many files open, not all of the time is for saying so
            del self.busy_since[this]
            self.slow = slow = time.monotonic() - began > PATIENCE
            lasting = slow or not self.computes_here()
            staying = self.waiting() < SPARE_THREADS if lasting else self.is_left_alone()

    def waiting(self):
        return list(self.busy_since.values()).count(float("inf"))

    def is_left_alone(self):
        """The socket: nobody waits at it, or has taken a connection just now."""
        return time.monotonic() - max(list(self.busy_since.values()), default=0) > PATIENCE

    def watch(self):
        """Two threads may have left because of each other: that is seen here as well."""
        while True:
            select.select([self.listener], [], [])
            time.sleep(PATIENCE)
            if self.is_left_alone():
                self.slow = True
                self.start()


def main(command):
    if command and command[0].startswith("-"):
        print(__doc__, *[f"OPENWHISK_{name.upper()}={value}" for name, value in Settings()._asdict().items()], sep="\n")
        mistake = f"\n{command[0]!r} is no start command: openwhisk.py has settings, not options"
        sys.exit(0 if command[0] in ("-h", "--help") else mistake)
    try:
        settings = settings_from_environ(os.environ)
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
    except Refused as refusal:
        sys.exit(refusal)
    except OSError as error:
        sys.exit(f"openwhisk.py can't listen on {settings.host}, OPENWHISK_PORT={settings.port}: {error}")
    if os.environ.get("PORT") == str(settings.port):  # Knative's word for where we listen isn't the model's to take
        del os.environ["PORT"]
    listener.listen(128)
    model = Model(command or ["python", "app.py"], settings)
    adapter = Adapter(model)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, adapter.stop)
    server = Server(listener, adapter.handle, model.computes_here)
    for work in [server.watch, adapter.watch_deadlines] + ([model.preload] if settings.preload else []):
        threading.Thread(target=work, daemon=True).start()
    server.start()
    threading.Thread(target=bool).start()  # the first end of a thread loads a library: while there is a file for it
    return model


if __name__ == "__main__":
    model = main(sys.argv[1:])
    while True:
        # Here, at the bottom of the stack: in Python 3.11 a few frames more made imports take up to 70 ms longer.
        with model.script_run():
            exec(*model.script())
