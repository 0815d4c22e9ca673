"""A request to a web action becomes the action's parameters. Pure: touches nothing."""

from typing import Any, Dict, FrozenSet, Optional, Tuple

from gateway.base64text import base64_from_bytes
from gateway.http import jsontext, urls
from gateway.http.headers import content_type_of, headers_for_action
from gateway.http.mediatypes import FORM, MediaType
from gateway.http.messages import Request
from gateway.refusal import NOT_ALLOWED, Refusal, Stage

RESERVED = frozenset(
    [
        "__ow_method",
        "__ow_headers",
        "__ow_path",
        "__ow_user",
        "__ow_query",
        "__ow_body",
    ]
)
NOTHING = object()

MALFORMED = "The request content was malformed:\n{}"


def params_from_request(
    request: Request,
    rest: Tuple[str, ...],
    raw: bool,
    protected: FrozenSet[str] = frozenset(),
    user: Optional[str] = None,
) -> Dict[str, Any]:
    """The parameters that a request brings. Raises Refusal."""
    content_type = content_type_of(request.headers, request.length)
    headers = headers_for_action(request.headers, content_type, request.accepted.accept)
    params: Dict[str, Any] = {
        "__ow_method": request.method.lower(),
        "__ow_headers": headers,
        "__ow_path": urls.text_from_path(rest),
    }
    if user is not None:
        params["__ow_user"] = user
    if raw:
        return {**params, **raw_params(request, content_type)}
    return {**params, **named_params(request, content_type, protected)}


def raw_params(request: Request, content_type: Optional[MediaType]) -> Dict[str, Any]:
    """Query and body as they are."""
    pairs = urls.pairs_from_query(request.target.query)
    body = "" if content_type is None else body_as_text(content_type, request.body)
    return {"__ow_query": urls.text_from_pairs(pairs), "__ow_body": body}


def named_params(
    request: Request, content_type: Optional[MediaType], protected: FrozenSet[str]
) -> Dict[str, Any]:
    """What the query names, and what the body does. Raises Refusal."""
    pairs = urls.pairs_from_query(request.target.query)
    query = {key: value or "" for key, value in pairs}
    body = body_as_value(content_type, request.body)
    named = body if isinstance(body, dict) else {}
    if (set(query) | set(named)) & (RESERVED | protected):
        raise Refusal(400, NOT_ALLOWED)
    if body is NOTHING or named is body:
        return {**query, **named}
    return {**query, "__ow_body": body}


def body_as_value(content_type: Optional[MediaType], body: bytes) -> Any:
    """An object's members become parameters of their own, all else is the parameter __ow_body."""
    if content_type is None:
        return NOTHING
    if content_type.is_json:
        return value_from_body(body) if body else NOTHING
    if content_type.value == FORM:
        return fields_from_body(body)
    return body_as_text(content_type, body)


def value_from_body(body: bytes) -> Any:
    try:
        return jsontext.value_from_json(body)
    except jsontext.Malformed as error:
        raise Refusal(400, MALFORMED.format(error), Stage.CONTENT) from error


def fields_from_body(body: bytes) -> Dict[str, str]:
    try:
        pairs = urls.fields_from_form(body.decode("utf-8", "replace"))
    except urls.IllegalTarget as error:
        raise Refusal(400, str(error), Stage.CONTENT) from error
    return {key: value or "" for key, value in pairs}


def body_as_text(content_type: MediaType, body: bytes) -> str:
    if content_type.is_binary or content_type.value == "application/json":
        return base64_from_bytes(body)
    return body.decode("utf-8", "replace")
