"""The result that the platform turns back into a model's answer, or into why it can't.

Touches nothing."""

import binascii
import re
from typing import Any, Dict, List, Optional, Tuple

from openwhisk_adapter.addresses import own_location
from openwhisk_adapter.codings import (
    MOST_BYTES_OF_A_CHARACTER,
    codec_from_charset,
    compressed,
    decompressed,
    media_of,
)
from openwhisk_adapter.envelope import Base64, json_from_result, portable_value_from_json
from openwhisk_adapter.headers import CONTROL, IS_TOKEN, latin1_from_text
from openwhisk_adapter.mediatypes import OCTETS, Media, media_from_text
from openwhisk_adapter.messages import (
    HOP_BY_HOP,
    LONGEST_LINE,
    Refused,
    Request,
    Response,
    TooLong,
)
from openwhisk_adapter.settings import Settings

Result = Dict[str, Any]
Pairs = List[Tuple[str, str]]

NOT_FOR_THE_CLIENT = HOP_BY_HOP | frozenset(
    (
        "content-length",
        "content-type",
        "date",
        "server",
    )
)
CORS = frozenset(
    (
        "access-control-allow-headers",
        "access-control-allow-methods",
        "access-control-allow-origin",
    )
)
WITHOUT_BODY = (204, 205, 304)
DEEPEST = 500  # lists and objects in each other; the platform reads about 1000, json writes fewer

LENGTH = re.compile(r"[0-9]{1,9}\Z")
BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}\Z")
SPACE_TO_THE_PLATFORM = "".join(map(chr, range(33)))
RELATIVE_LINK = re.compile(
    rb"(?i)\s(?:src|href)\s*=\s*[\"']?"
    rb"(?![/#\"'>{]|[a-z][a-z0-9+.-]*:)\S"
)


def result_from_response(
    response: Response, request: Request, settings: Settings = Settings()
) -> Result:
    """What the platform turns back into this very response, or into one that says why it can't."""
    return result_and_json(response, request, settings)[0]


def result_and_json(
    response: Response, request: Request, settings: Settings
) -> Tuple[Result, bytes]:
    """Both, as the limit is on the JSON, and writing a large one takes time."""
    try:
        return fitting_result(response, request, settings)
    except Refused as refusal:
        result = carried(refusal.response, request, settings)
        return result, json_from_result(result)


def fitting_result(
    response: Response, request: Request, settings: Settings
) -> Tuple[Result, bytes]:
    """As it is or, if that is too long, in gzip."""
    try:
        return result_within_limit(response, request, settings)
    except TooLong:
        packed = compressed(response, request, settings.limit)
        if packed is None:
            raise
    return result_within_limit(packed, request, settings)


def result_within_limit(
    response: Response, request: Request, settings: Settings
) -> Tuple[Result, bytes]:
    if not 100 <= response.status <= 599:
        reason = f"the model answered with status {response.status}, and HTTP has 100 to 599"
        raise Refused(502, reason)
    # Before base64 and JSON, which take several times the memory of the body.
    least = least_size(length_of_body(response, request), media_of(response))
    if least > settings.limit:
        raise TooLong(least, settings.limit)
    result = carried(response, request, settings)
    written = json_from_result(result)
    if len(written) > settings.limit:
        raise TooLong(len(written), settings.limit)
    return result, written


def length_of_body(response: Response, request: Request) -> int:
    """To a HEAD it is what the model says."""
    length = response.header("content-length")
    if request.method != "HEAD" or response.body or response.status in WITHOUT_BODY:
        return len(response.body)
    return int(length) if LENGTH.match(length) else 0


def least_size(length: int, media: Media) -> int:
    """The bytes that a body of this length takes in a result, or fewer."""
    if media.is_text:
        return length // MOST_BYTES_OF_A_CHARACTER
    return (length + 2) // 3 * 4


def carried(response: Response, request: Request, settings: Settings) -> Result:
    """The result, of any size."""
    media = media_of(response)
    if media.is_text and not media.is_json:
        response = decompressed(response, settings.limit)
    if request.method == "HEAD" and not response.body:
        # The platform derives type and length from a body that it then doesn't send.
        response = response._replace(body=b" " * length_of_body(response, request))
    content_type, text = text_from_body(response.body, media)
    body: Any = text
    if request.plain and media.is_json:
        body = value_to_inline(response.body, otherwise=text)
        is_object = isinstance(body, dict)
        if is_object and response.status < 400 and "error" not in body:
            return body  # type: ignore[no-any-return]
    headers = headers_from_pairs(response.headers, request, settings)
    if response.body:
        headers["content-type"] = content_type
    result = {"statusCode": response.status, "headers": headers, "body": body}
    failures = "400-599" if request.plain else settings.errors
    return {"error": result} if is_among(response.status, failures) else result


def is_among(status: int, ranges: str) -> bool:
    """Whether a list like 404,500-599 has it."""
    for first, last in re.findall(r"(\d+)-?(\d*)", ranges):
        if int(first) <= status <= int(last or first):
            return True
    return False


def value_to_inline(body: bytes, otherwise: str) -> Any:
    """The value itself, of JSON that the platform reads as json writes it."""
    try:
        value = portable_value_from_json(body)
    except (ValueError, RecursionError):
        return otherwise
    opened = body.count(b"[") + body.count(b"{")
    if opened > DEEPEST and is_deep(value):
        return otherwise
    return value


def is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        inner: List[Any] = []
        for outer in level:
            if isinstance(outer, dict):
                inner.extend(outer.values())
            elif isinstance(outer, list):
                inner.extend(outer)
        if not inner:
            return False
        level = inner
    return True


def text_from_body(body: bytes, media: Media) -> Tuple[str, str]:
    """The type under which it arrives, and the body as the platform wants it: text or base64."""
    content_type = media.name
    if media.charset:
        content_type += f"; charset={media.charset}"
    if media.is_text:
        text = text_in_charset(body, media.charset)
        if text is None and not media.is_json:
            # Not in its charset: it goes byte for byte, under a type for which that is allowed.
            content_type = OCTETS if media_from_text(media.name).is_text else media.name
        elif text is not None and not (media.is_json and looks_like_base64(text)):
            return content_type, text
    return content_type, Base64(binascii.b2a_base64(body, newline=False), "ascii")


def text_in_charset(body: bytes, charset: str) -> Optional[str]:
    try:
        text = body.decode(codec_from_charset(charset))
        text.encode()  # some charsets give halves of characters
    except UnicodeError:
        return None
    return text


def looks_like_base64(text: str) -> bool:
    """The platform decodes such JSON: `true` and `1234`, though they are JSON as well."""
    text = text.strip(SPACE_TO_THE_PLATFORM)
    return len(text) % 4 == 0 and BASE64.match(text) is not None


def headers_from_pairs(
    pairs: Pairs,
    request: Request,
    settings: Settings,
) -> Dict[str, Any]:
    """An array where a name is repeated."""
    left_out = NOT_FOR_THE_CLIENT
    if settings.cors == "platform":
        left_out = left_out | CORS
    spelling: Dict[str, str] = {}
    values_of: Dict[str, List[str]] = {}
    for name, value in pairs:
        check_line(name, value)
        lower = name.lower()
        if lower in left_out or not IS_TOKEN.match(name):
            continue
        if lower == "location":
            value = own_location(value, request)
        name = spelling.setdefault(lower, name)
        values_of.setdefault(name, []).append(header_value(value))
    headers: Dict[str, Any] = {}
    for name, values in values_of.items():
        headers[name] = values[0] if len(values) == 1 else values
    return headers


def check_line(name: str, value: str) -> None:
    size = len(name) + len(value)
    if size > LONGEST_LINE:
        reason = (
            f"the model's header {name[:40]!r} has {size} bytes, and clients read {LONGEST_LINE}"
        )
        raise Refused(502, reason)


def header_value(text: str) -> str:
    """The platform writes the low byte of each character, and drops a line that has a line end."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        text = latin1_from_text(text)
    return CONTROL.sub(" ", text)


def redirected_to_slash(response: Response, request: Request) -> Response:
    """A page with relative links works below the action's URL only when that ends in a slash."""
    is_bare_get = request.method == "GET" and request.bare and request.prefix
    if not is_bare_get or response.status != 200 or media_of(response).name != "text/html":
        return response
    if not RELATIVE_LINK.search(response.body):
        return response
    slash = request._replace(path=request.prefix + "/")
    return Response(302, [("Location", slash.target)], b"")
