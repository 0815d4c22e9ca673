"""Web actions: a request becomes parameters, a result becomes a response. Pure: touches nothing."""

import base64
import binascii
import re
from decimal import Decimal
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from gateway import jsontext, urls
from gateway.headers import headers_for_action, last_value_of, rendered, values_of
from gateway.mediatypes import HTML, JSON, OCTETS, PLAIN, SVG, MediaType, codec_from_charset, media_type_from_text
from gateway.messages import Pairs, Request, Response, pretty_error, pretty_response
from gateway.negotiation import Preferences

EXTENSIONS = (".http", ".json", ".html", ".svg", ".text")
NAME = re.compile(r"(?:\w|\w[\w@ .&-]{0,254}[\w@.&-])\Z", re.ASCII)
RESERVED = frozenset(["__ow_method", "__ow_headers", "__ow_path", "__ow_user", "__ow_query", "__ow_body"])
FORM = "application/x-www-form-urlencoded"

NOTHING = object()

NOT_VALID = "Response is not valid '{}'."
UNKNOWN_TYPE = "Response did not specify a known content-type."
MISMATCH = "Response type in header did not match generated content type."
PROPERTY_MISSING = "Response does not include requested property."
NOT_ALLOWED = "Request defines parameters that are not allowed (e.g., reserved properties)."

# The HTTP library sets these itself and drops what an action says.
NOT_FOR_ACTIONS = frozenset(
    ["content-type", "content-length", "transfer-encoding", "date", "server", "connection", "x-request-id"]
)
WITHOUT_BODY = (204, 205, 304)
BASE64_LIKE = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)\Z")
JAVA_SPACE = "".join(map(chr, range(0x21)))

ASKED = "access-control-request-headers"
ALLOWED_METHODS = "OPTIONS, GET, DELETE, POST, PUT, HEAD, PATCH"
ALLOWED_HEADERS = "Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent"


class Address(NamedTuple):
    """Which action a URL means, as what its result is wanted, and the rest of the path."""

    namespace: str
    package: str
    name: str
    extension: str
    rest: Tuple[str, ...]


class BadBody(ValueError):
    """The body isn't what its type says; the message is the platform's."""


class NotAllowed(ValueError):
    """A client has set what only the platform or the action's owner may set."""


class Refused(ValueError):
    """A result that can't become the response that was asked for."""

    def __init__(self, message: str, status: int = 400):
        super().__init__(message)
        self.status = status


# -- requests ---------------------------------------------------------------


def address_from_path(path: Tuple[str, ...]) -> Optional[Address]:
    """`path` is what follows /api/v1/web."""
    parts = path[:6]
    names = tuple(map(urls.decoded, parts[1::2]))
    if len(parts) < 6 or parts[::2] != ("/", "/", "/") or not all(map(NAME.match, names)):
        return None
    namespace, package, segment = names
    # The platform looks for "default" at the beginning of the segment, and then expects its end.
    if package.startswith("default") and package != "default":
        return None
    extension = next((each for each in EXTENSIONS if segment.endswith(each)), "")
    name = segment[: len(segment) - len(extension)]
    package = "" if package == "default" else package
    return Address(namespace, package, name, extension or ".http", path[6:])


def content_type_of(request: Request) -> Optional[MediaType]:
    """What the request says, and what the platform says in its place: bytes, if there are any."""
    text = last_value_of(request.headers, "content-type")
    if text is None:
        return OCTETS if request.length else None
    return media_type_from_text(text) or (OCTETS if request.length else None)


def params_from_request(
    request: Request, rest: Tuple[str, ...], raw: bool, protected: frozenset = frozenset(), user: Optional[str] = None
) -> Dict[str, Any]:
    """The parameters that a request brings. Raises BadBody or NotAllowed."""
    content_type = content_type_of(request)
    params = {
        "__ow_method": request.method.lower(),
        "__ow_headers": headers_for_action(request.headers, content_type),
        "__ow_path": urls.text_from_path(rest),
    }
    if user is not None:
        params["__ow_user"] = user
    pairs = urls.pairs_from_query(request.target.query)
    if raw:
        body = "" if content_type is None else body_as_text(content_type, request.body)
        return {**params, "__ow_query": urls.text_from_pairs(pairs), "__ow_body": body}
    query = {key: value or "" for key, value in pairs}
    body = body_as_value(content_type, request.body)
    named = body if isinstance(body, dict) else {}
    if (set(query) | set(named)) & (RESERVED | protected):
        raise NotAllowed(NOT_ALLOWED)
    unnamed = {} if body is NOTHING or named is body else {"__ow_body": body}
    return {**params, **query, **named, **unnamed}


def body_as_value(content_type: Optional[MediaType], body: bytes) -> Any:
    """An object's members become parameters of their own, all else is the parameter __ow_body."""
    if content_type is None or content_type.is_json and not body:
        return NOTHING
    if content_type.is_json:
        return value_from_body(body)
    if content_type.value == FORM:
        return fields_from_body(body)
    return body_as_text(content_type, body)


def value_from_body(body: bytes) -> Any:
    try:
        return jsontext.value_from_json(body)
    except jsontext.Malformed as error:
        raise BadBody(f"The request content was malformed:\n{error}") from error


def fields_from_body(body: bytes) -> Dict[str, str]:
    try:
        pairs = urls.fields_from_form(body.decode("utf-8", "replace"))
    except urls.IllegalTarget as error:
        raise BadBody(str(error)) from error
    return {key: value or "" for key, value in pairs}


def body_as_text(content_type: MediaType, body: bytes) -> str:
    if content_type.is_binary or content_type.value == "application/json":
        return base64.b64encode(body).decode("ascii")
    return body.decode("utf-8", "replace")


def cors_headers(headers: Pairs) -> Pairs:
    asked = next(iter(values_of(headers, ASKED)), None)
    return [
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Methods", ALLOWED_METHODS),
        ("Access-Control-Allow-Headers", ALLOWED_HEADERS if asked is None else rendered(ASKED, asked)),
    ]


# -- results ----------------------------------------------------------------


def response_from_result(result: Any, extension: str, preferences: Preferences, transaction_id: str) -> Response:
    """`result` is what the action answered, or the error in it. Raises NotAcceptable."""
    try:
        return PROJECTIONS[extension](result, preferences)
    except Refused as error:
        return pretty_error(error.status, str(error), transaction_id)


def negotiated(response: Response, preferences: Preferences) -> Response:
    """The platform looks at Accept only where the answer is a success."""
    if response.content_type is not None and response.status < 400:
        preferences.check(response.content_type)
    return response


def as_json(result: Any, preferences: Preferences) -> Response:
    if not isinstance(result, (dict, list)):
        raise Refused(NOT_VALID.format("application/json"))
    return negotiated(pretty_response(200, result), preferences)


def as_html(result: Any, preferences: Preferences) -> Response:
    return negotiated(text_under("html", result, HTML, "text/html"), preferences)


def as_svg(result: Any, preferences: Preferences) -> Response:
    return negotiated(text_under("svg", result, SVG, "image/svg+xml"), preferences)


def text_under(name: str, result: Any, content_type: MediaType, shown: str) -> Response:
    text = projected(result, name)
    if not isinstance(text, str):
        raise Refused(NOT_VALID.format(shown))
    return Response(200, [], content_type, jsontext.utf8(text))


def as_text(result: Any, preferences: Preferences) -> Response:
    value = projected(result, "text")
    if value is NOTHING:
        raise Refused(PROPERTY_MISSING, 404)
    text = value if isinstance(value, str) else jsontext.pretty(value)
    charset = preferences.charset_for(PLAIN)
    return Response(200, [], PLAIN._replace(charset=charset), text.encode(codec_from_charset(charset), "replace"))


def projected(result: Any, name: str) -> Any:
    """What isn't an object stands for itself."""
    if not isinstance(result, dict):
        return result
    return result.get("body", result.get(name, NOTHING))


def as_http(result: Any, preferences: Preferences) -> Response:
    if not isinstance(result, dict):
        raise Refused(NOT_VALID.format("message/http"))
    headers = headers_from_result(result.get("headers", {}))
    body = result.get("body")
    status = status_from_result(result.get("statusCode", 200 if body not in (None, "") else 204))
    given = next((value for name, value in headers if name.lower() == "content-type"), None)
    kept = [pair for pair in headers if survives(*pair)]
    if body is None or body == "":
        return Response(status, kept)
    read = text_body if isinstance(body, str) else json_body
    content_type, data = read(given, body)
    return without_body(negotiated(Response(status, kept, content_type, data), preferences))


def without_body(response: Response) -> Response:
    if response.status >= 200 and response.status not in WITHOUT_BODY:
        return response
    return response._replace(content_type=None, body=b"")


def headers_from_result(value: Any) -> Pairs:
    if not isinstance(value, dict):
        raise Refused(NOT_VALID.format("message/http"))
    return [(name, text) for name in sorted(value, key=jsontext.java_order) for text in header_values(value[name])]


def header_values(value: Any) -> List[str]:
    if isinstance(value, list):
        return [text for item in value for text in header_values(item)]
    if value is None or isinstance(value, dict):
        raise Refused(NOT_VALID.format("message/http"))
    return [value if isinstance(value, str) else jsontext.scalar(value)]


def survives(name: str, value: str) -> bool:
    """A line break would end the header; the platform then drops it as a whole."""
    low_bytes = {ord(character) & 255 for character in name + value}
    return name.lower() not in NOT_FOR_ACTIONS and not low_bytes & {10, 13}


def status_from_result(value: Any) -> int:
    if isinstance(value, str) and re.match(r"[+-]?[0-9]{1,10}\Z", value):
        value = int(value)
    is_number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
    if not is_number or not 100 <= value <= 599 or value != int(value):
        raise Refused(NOT_VALID.format("message/http"))
    return int(value)


def type_from_result(given: str, otherwise: str) -> MediaType:
    content_type = media_type_from_text(given.strip(" \t"))
    if content_type is None:
        raise Refused(otherwise)
    return content_type.in_utf8()


def text_body(given: Optional[str], body: str) -> Tuple[MediaType, bytes]:
    content_type = HTML if given is None else type_from_result(given, UNKNOWN_TYPE)
    looks_encoded = content_type.is_json and is_binary_code(body)
    if content_type.is_binary or looks_encoded:
        return content_type, bytes_from_base64(body)
    return content_type, jsontext.utf8(body)


def json_body(given: Optional[str], body: Any) -> Tuple[MediaType, bytes]:
    content_type = JSON if given is None else type_from_result(given, MISMATCH)
    if not content_type.is_json:
        raise Refused(MISMATCH)
    fixed = content_type._replace(parameters=(), charset=None)
    return fixed, jsontext.utf8(jsontext.pretty(body))


def is_binary_code(text: str) -> bool:
    return bool(BASE64_LIKE.match(text.strip(JAVA_SPACE)))


def bytes_from_base64(text: str) -> bytes:
    """As Java decodes it: no line breaks, padding may be absent but not wrong."""
    try:
        if not re.match(r"[A-Za-z0-9+/]*={0,2}\Z", text) or "=" in text and len(text) % 4:
            raise Refused(MISMATCH)
        return base64.b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise Refused(MISMATCH) from error


PROJECTIONS = {".http": as_http, ".json": as_json, ".html": as_html, ".svg": as_svg, ".text": as_text}
