"""The result that the platform turns back into a model's response."""

import binascii
import contextlib
import functools
import json
import re
import zlib

from openwhisk_adapter.envelope import Base64, json_from_result
from openwhisk_adapter.mediatypes import media_from_text
from openwhisk_adapter.messages import HOP_BY_HOP, LARGEST, Refused, Response
from openwhisk_adapter.request import CONTROL, latin1_from_text
from openwhisk_adapter.settings import Settings

NOT_FOR_THE_CLIENT = HOP_BY_HOP | {"transfer-encoding", "content-length", "content-type", "date", "server"}
CORS = {"access-control-allow-origin", "access-control-allow-methods", "access-control-allow-headers"}
NUMBER = re.compile(r"[0-9]{1,9}\Z")
RELATIVE_LINK = re.compile(rb"(?i)\s(?:src|href)\s*=\s*[\"']?(?![/#\"'>{]|[a-z][a-z0-9+.-]*:)\S")
# What the platform takes for base64 when it stands for JSON, though `true` and `1234` are JSON as well.
LOOKS_LIKE_BASE64 = re.compile(
    r"[\x00- ]*(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)[\x00- ]*\Z"
)


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


def carried(response, request, settings):
    media = media_of(response)
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


def media_of(response):
    return media_from_text(response.header("content-type").rstrip("; \t"))


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
    media, content_type, body = media_of(response), response.header("content-type"), response.body
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
    page = response.status == 200 and media_of(response).name == "text/html"
    if page and request.bare and request.prefix and request.method == "GET" and RELATIVE_LINK.search(response.body):
        return Response(302, [("Location", request._replace(path=request.prefix + "/").target)], b"")
    return response
