"""A web action's result becomes the response to a request. Pure: touches nothing."""

import re
from decimal import Decimal
from typing import Any, Callable, Dict, List, Optional, Tuple

from gateway.base64text import bytes_from_base64, is_like_base64
from gateway.http import jsontext
from gateway.http.headerlines import name_as_read, values_of
from gateway.http.mediatypes import (
    HTML,
    JSON,
    PLAIN,
    SVG,
    MediaType,
    codec_from_charset,
    media_type_from_text,
)
from gateway.http.messages import Pairs, Response, pretty_response
from gateway.http.negotiation import Preferences
from gateway.refusal import Refusal

NOTHING = object()

NOT_VALID = "Response is not valid '{}'."
UNKNOWN_TYPE = "Response did not specify a known content-type."
MISMATCH = "Response type in header did not match generated content type."
PROPERTY_MISSING = "Response does not include requested property."

# The HTTP library sets these itself and drops what an action says.
NOT_FOR_ACTIONS = frozenset(
    [
        "content-type",
        "content-length",
        "transfer-encoding",
        "date",
        "server",
        "connection",
        "x-request-id",
    ]
)
# With these an action's page could read the gateway's own page, which has the same origin: as a
# service worker for all of the site, or as the window that has opened it.
SITE_WIDE = frozenset(["service-worker-allowed", "cross-origin-opener-policy"])
DROPPED = NOT_FOR_ACTIONS | SITE_WIDE
WITHOUT_BODY = (204, 205, 304)
WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,10}\Z")
LINE_ENDS = {10, 13}


def response_from_result(result: Any, extension: str, preferences: Preferences) -> Response:
    """`result` is what the action answered, or the error in it. Raises Refusal."""
    return PROJECTIONS[extension](result, preferences)


def negotiated(response: Response, preferences: Preferences) -> Response:
    """The platform looks at Accept only where the answer is a success."""
    if response.content_type is not None and response.status < 400:
        preferences.check(response.content_type)
    return response


def not_valid(expected: str) -> Refusal:
    return Refusal(400, NOT_VALID.format(expected))


# -- one property of the result -------------------------------------------------------------------


def as_json(result: Any, preferences: Preferences) -> Response:
    if not isinstance(result, (dict, list)):
        raise not_valid("application/json")
    return negotiated(pretty_response(200, result), preferences)


def as_html(result: Any, preferences: Preferences) -> Response:
    return negotiated(text_under("html", result, HTML, "text/html"), preferences)


def as_svg(result: Any, preferences: Preferences) -> Response:
    return negotiated(text_under("svg", result, SVG, "image/svg+xml"), preferences)


def text_under(name: str, result: Any, content_type: MediaType, shown: str) -> Response:
    text = projected(result, name)
    if not isinstance(text, str):
        raise not_valid(shown)
    return Response(200, [], content_type, jsontext.utf8(text))


def as_text(result: Any, preferences: Preferences) -> Response:
    value = projected(result, "text")
    if value is NOTHING:
        raise Refusal(404, PROPERTY_MISSING)
    text = value if isinstance(value, str) else jsontext.pretty(value)
    charset = preferences.charset_for(PLAIN)
    data = text.encode(codec_from_charset(charset), "replace")
    return Response(200, [], PLAIN._replace(charset=charset), data)


def projected(result: Any, name: str) -> Any:
    """What isn't an object stands for itself."""
    if not isinstance(result, dict):
        return result
    return result.get("body", result.get(name, NOTHING))


# -- the whole of an HTTP response ----------------------------------------------------------------


def as_http(result: Any, preferences: Preferences) -> Response:
    if not isinstance(result, dict):
        raise not_valid("message/http")
    headers = headers_from_result(result.get("headers", {}))
    body = result.get("body")
    is_empty = body is None or body == ""
    status = status_from_result(result.get("statusCode", 204 if is_empty else 200))
    kept = [pair for pair in headers if survives(*pair)]
    if is_empty:
        return Response(status, kept)
    types = values_of(headers, "content-type")
    given = types[0] if types else None
    if isinstance(body, str):
        content_type, data = text_body(given, body)
    else:
        content_type, data = json_body(given, body)
    return without_body(negotiated(Response(status, kept, content_type, data), preferences))


def without_body(response: Response) -> Response:
    if response.status >= 200 and response.status not in WITHOUT_BODY:
        return response
    return response._replace(content_type=None, body=b"")


def headers_from_result(value: Any) -> Pairs:
    if not isinstance(value, dict):
        raise not_valid("message/http")
    headers: List[Tuple[str, str]] = []
    for name in sorted(value, key=jsontext.java_order):
        headers += [(name, text) for text in header_values(value[name])]
    return headers


def header_values(value: Any) -> List[str]:
    if isinstance(value, list):
        return [text for item in value for text in header_values(item)]
    if value is None or isinstance(value, dict):
        raise not_valid("message/http")
    return [value if isinstance(value, str) else jsontext.scalar(value)]


def survives(name: str, value: str) -> bool:
    """A line break would end the header; the platform then drops it as a whole."""
    codes = {ord(character) & 255 for character in name + value}
    return not codes & LINE_ENDS and name_as_read(name) not in DROPPED


def status_from_result(value: Any) -> int:
    if isinstance(value, str) and WHOLE_NUMBER.match(value):
        value = int(value)
    is_number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
    if not is_number or not 100 <= value <= 599 or value != int(value):
        raise not_valid("message/http")
    return int(value)


def type_from_result(given: str, otherwise: str) -> MediaType:
    content_type = media_type_from_text(given.strip(" \t"))
    if content_type is None:
        raise Refusal(400, otherwise)
    return content_type.in_utf8()


def text_body(given: Optional[str], body: str) -> Tuple[MediaType, bytes]:
    content_type = HTML if given is None else type_from_result(given, UNKNOWN_TYPE)
    looks_encoded = content_type.is_json and is_like_base64(body)
    if not content_type.is_binary and not looks_encoded:
        return content_type, jsontext.utf8(body)
    try:
        return content_type, bytes_from_base64(body)
    except ValueError as error:
        raise Refusal(400, MISMATCH) from error


def json_body(given: Optional[str], body: Any) -> Tuple[MediaType, bytes]:
    content_type = JSON if given is None else type_from_result(given, MISMATCH)
    if not content_type.is_json:
        raise Refusal(400, MISMATCH)
    fixed = content_type._replace(parameters=(), charset=None)
    return fixed, jsontext.utf8(jsontext.pretty(body))


PROJECTIONS: Dict[str, Callable[[Any, Preferences], Response]] = {
    ".http": as_http,
    ".json": as_json,
    ".html": as_html,
    ".svg": as_svg,
    ".text": as_text,
}
