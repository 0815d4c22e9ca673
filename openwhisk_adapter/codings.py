"""Charsets and gzip: what a model's bytes say, and which bytes can be carried. Touches nothing."""

import codecs
import re
import zlib
from typing import Optional

from openwhisk_adapter.mediatypes import Media, media_from_text
from openwhisk_adapter.messages import Refused, Request, Response, TooLong

# How zlib is told the format.
GZIP = 16 + zlib.MAX_WBITS
GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS

MOST_BYTES_OF_A_CHARACTER = 4  # in UTF-32; in UTF-8 it may be one
PIECE = 1 << 16
LONGEST_CHARSET = 40
REFUSED = re.compile(r"q=0(\.0*)?\Z")
NOT_FOR_TEXT = re.compile("(?i)escape|idna|punycode|undefined")
SCRIPTS = ("application/javascript", "application/x-javascript", "text/javascript")


def media_of(response: Response) -> Media:
    return media_from_text(response.header("content-type").rstrip("; \t"))


def codec_from_charset(charset: str) -> str:
    """UTF-8 where the name means nothing, or is one of Python's own ways to spell text."""
    if len(charset) > LONGEST_CHARSET or NOT_FOR_TEXT.search(charset):
        return "utf-8"
    try:
        "".encode(charset)
    except (LookupError, ValueError):  # unheard of, or with what no name can have in it
        return "utf-8"
    return charset


def accepts_gzip(accept_encoding: str) -> bool:
    """What is said of gzip counts more than what is said of `*`."""
    parameters = {}
    for item in accept_encoding.lower().split(","):
        name, _, parameter = item.partition(";")
        parameters[name.strip()] = parameter.replace(" ", "")
    for name in ("gzip", "x-gzip", "*"):
        if name in parameters:
            return not REFUSED.match(parameters[name])
    return False


def decompressed(response: Response, limit: int) -> Response:
    """Text can't travel compressed. The model wasn't asked to, but some do."""
    encoding = response.header("content-encoding").lower()
    if encoding in ("", "identity") or not response.body:
        return response
    inflater = zlib.decompressobj(GZIP_OR_ZLIB)
    try:
        body = inflater.decompress(response.body, MOST_BYTES_OF_A_CHARACTER * limit)
    except zlib.error as error:
        sent = f"the model's text came with Content-Encoding {encoding}"
        raise Refused(502, f"{sent}, which can't be carried: {error}")
    if inflater.unconsumed_tail:
        raise TooLong(limit + 1, limit)
    return recoded(response, body, response.header("content-type"), "")


def compressed(
    response: Response,
    request: Request,
    limit: int,
) -> Optional[Response]:
    """In gzip where that can be carried: what goes as base64, JSON, and scripts, which go as
    base64 when their type names no charset."""
    is_whole = response.status != 206 and not response.header("content-encoding")
    if not request.accepts_gzip or request.method == "HEAD" or not is_whole:
        return None
    media = media_of(response)
    if media.name in SCRIPTS:
        content_type = "text/javascript"
        body = in_utf8(response.body, media.charset)
    elif media.is_json or not media.is_text:
        content_type = response.header("content-type")
        body = response.body
    else:
        return None
    packed = gzip_from_bytes(body, limit)
    if packed is None:
        return None
    packed_response = recoded(response, packed, content_type, "gzip")
    packed_response.headers.append(("Vary", "Accept-Encoding"))
    return packed_response


def in_utf8(body: bytes, charset: str) -> bytes:
    codec = codec_from_charset(charset)
    if codecs.lookup(codec).name == "utf-8":
        return body
    return body.decode(codec, "replace").encode("utf-8", "replace")


def gzip_from_bytes(body: bytes, limit: int) -> Optional[bytes]:
    """None if it takes more than the limit: not all of a long body is compressed to know that."""
    deflater = zlib.compressobj(6, zlib.DEFLATED, GZIP)
    packed = bytearray()
    for start in range(0, len(body), PIECE):
        packed += deflater.compress(body[start : start + PIECE])
        if len(packed) > limit:
            return None
    packed += deflater.flush()
    return bytes(packed)


def recoded(response: Response, body: bytes, content_type: str, encoding: str) -> Response:
    """Other bytes than the model sent: its entity tag is no longer a strong one."""
    headers = []
    for name, value in response.headers:
        lower = name.lower()
        if lower == "etag" and value.startswith('"'):
            value = "W/" + value
        if lower not in ("content-type", "content-encoding"):
            headers.append((name, value))
    if content_type:
        headers.append(("content-type", content_type))
    if encoding:
        headers.append(("content-encoding", encoding))
    return Response(response.status, headers, body)
