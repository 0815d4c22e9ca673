"""The request that a client made, from the parameters that the platform made of it.

Touches nothing."""

import re
from typing import AbstractSet, Any, Dict, List, Mapping, NamedTuple, Set, Tuple
from urllib.parse import parse_qsl, urlencode

from openwhisk_adapter.addresses import encoded, prefix_from_name, public_address
from openwhisk_adapter.codings import accepts_gzip
from openwhisk_adapter.envelope import (
    bytes_from_base64,
    checked,
    json_from_value,
    text_from_value,
    value_from_json,
)
from openwhisk_adapter.headers import IS_TOKEN, first_line
from openwhisk_adapter.mediatypes import Media, media_from_text
from openwhisk_adapter.messages import HOP_BY_HOP, Refused, Request
from openwhisk_adapter.settings import Settings

Values = Mapping[str, Any]

FORM = "application/x-www-form-urlencoded"
RESERVED = frozenset(
    (
        "__ow_body",
        "__ow_headers",
        "__ow_method",
        "__ow_path",
        "__ow_query",
        "__ow_user",
    )
)
CONTEXT = (
    "activation_id",
    "transaction_id",
    "action_name",
    "action_version",
    "namespace",
    "deadline",
    "api_host",
)
NOT_FOR_THE_MODEL = HOP_BY_HOP | frozenset(
    (
        "accept-encoding",
        "content-length",
        "content-type",
        "expect",
    )
)


class Content(NamedTuple):
    """Where the parameters went that aren't the platform's own."""

    query: str
    body: bytes
    content_type: str


def request_from_params(
    params: Values,
    activation: Values,
    settings: Settings = Settings(),
) -> Request:
    """The request that the client made, or Refused if these aren't the platform's parameters."""
    method = method_from_params(params)
    path = checked(params, "__ow_path", str, "")
    sent = headers_from_params(params)
    content = content_from_params(params, method, sent.get("content-type", ""))
    context = context_from_activation(activation, params)
    scheme, host = public_address(sent, context.get("api_host", ""))
    prefix = prefix_from_name(context.get("action_name", ""))

    headers = without(sent, NOT_FOR_THE_MODEL)
    headers["host"] = host
    headers["x-forwarded-host"] = host
    headers["x-forwarded-proto"] = scheme
    headers["x-forwarded-prefix"] = prefix
    if content.content_type:
        headers["content-type"] = content.content_type
    if content.body or method in ("POST", "PUT", "PATCH"):
        headers["content-length"] = str(len(content.body))
    for name, value in context.items():
        headers["x-openwhisk-" + name.replace("_", "-")] = first_line(value)

    return Request(
        method=method,
        path=path_of_request(path, method, settings.entry),
        query=encoded(content.query),
        headers=list(headers.items()),
        body=content.body,
        prefix=prefix,
        scheme=scheme,
        host=host,
        context=context,
        plain="__ow_method" not in params,
        bare=not path,
        accepts_gzip=accepts_gzip(sent.get("accept-encoding", "")),
    )


def wants_websocket(params: Mapping[str, Any]) -> bool:
    """A connection that stays open for both sides, which no action can have."""
    headers = params.get("__ow_headers")
    upgrade = headers.get("upgrade") if isinstance(headers, dict) else None
    return isinstance(upgrade, str) and upgrade.strip().lower() == "websocket"


def method_from_params(params: Values) -> str:
    method = checked(params, "__ow_method", str, "post").upper()
    if not re.match(r"[A-Z]+\Z", method):
        reason = f"__ow_method should be a method like get or post and is {method!r}"
        raise Refused(400, reason)
    return method


def path_of_request(path: str, method: str, entry: str) -> str:
    """No path means the page to whoever reads, and the prediction to all others."""
    if not path:
        path = "/" if method in ("GET", "HEAD") else entry
    if not path.startswith("/"):
        path = "/" + path
    return encoded(path)


def headers_from_params(params: Values) -> Dict[str, str]:
    """Without names with `_`, which CGI can't tell from `-`, and without those of our own."""
    headers = {}
    for name, value in checked(params, "__ow_headers", dict, {}).items():
        lower = name.lower()
        is_good = IS_TOKEN.match(name) and "_" not in name
        is_ours = lower.startswith("x-openwhisk-")
        if is_good and not is_ours and isinstance(value, str):
            headers[lower] = first_line(value)
    return headers


def context_from_activation(
    activation: Values,
    params: Values,
) -> Dict[str, str]:
    """What the platform says of the activation, as the model may know it."""
    context = {}
    for name in CONTEXT:
        if activation.get(name):
            context[name] = str(activation[name])
    if "__ow_user" in params:
        context["user"] = str(params["__ow_user"])
    return context


def content_from_params(
    params: Values,
    method: str,
    content_type: str,
) -> Content:
    """Three ways: the client's own body, a query where a body has no place, or a new body."""
    values = without(params, RESERVED)
    if "__ow_query" in params or "__ow_body" in params:
        return content_as_sent(params, values, content_type)
    is_bare_web_request = "__ow_headers" in params and not content_type
    if method in ("GET", "HEAD") or is_bare_web_request:
        return Content(query_from_values(values), b"", content_type)
    return content_from_values(values, content_type)


def content_as_sent(
    params: Values,
    values: Values,
    content_type: str,
) -> Content:
    """Parameters that are bound to the action are defaults: what the client sent counts more."""
    query = checked(params, "__ow_query", str, "")
    body = body_from_params(params, content_type)
    if values:
        media = media_from_text(content_type)
        sent = names_in_query(query) | names_in_body(body, media)
        bound = query_from_values(without(values, sent))
        query = "&".join(filter(None, (query, bound)))
    return Content(query, body, content_type)


def content_from_values(values: Values, content_type: str) -> Content:
    """A form where the client sent one or an invocation has files, else JSON."""
    if media_from_text(content_type).name == FORM:
        return Content("", query_from_values(values).encode(), content_type)
    if not content_type and has_files(values):
        from openwhisk_adapter.forms import form_from_values

        form = form_from_values(values)
        return Content("", form.body, form.content_type)
    return Content("", json_from_value(values), content_type or "application/json")


def has_files(values: Values) -> bool:
    for value in values.values():
        if isinstance(value, dict) and "b64" in value:
            from openwhisk_adapter.forms import is_file  # its hash takes 2 ms of a start without

            if is_file(value):
                return True
    return False


def body_from_params(params: Values, content_type: str) -> bytes:
    """By the platform's rule: base64 for binary types and for JSON in a raw action, else text."""
    media = media_from_text(content_type)
    is_raw = "__ow_query" in params
    if media.is_json and not is_raw:
        return json_from_value(params.get("__ow_body", ""))
    body = checked(params, "__ow_body", str, "")
    is_text = media.is_text and media.name != "application/json"
    if is_text or not content_type:
        return body.encode("utf-8", "replace")
    return bytes_from_base64(body, f"__ow_body of type {content_type}")


def without(values: Values, names: AbstractSet[str]) -> Dict[str, Any]:
    kept = {}
    for name, value in values.items():
        if name not in names:
            kept[name] = value
    return kept


def query_from_values(values: Values) -> str:
    pairs: List[Tuple[str, str]] = []
    for name, value in values.items():
        if value is not None:
            pairs.append((name, text_from_value(value)))
    return urlencode(pairs, errors="replace")


def names_in_query(query: str) -> Set[str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    return {name for name, _ in pairs}


def names_in_body(body: bytes, media: Media) -> Set[str]:
    """The names that the client gave values to; none where its body has no names."""
    try:
        if media.name.startswith("multipart/form-data"):
            from openwhisk_adapter.forms import names_in_multipart

            return names_in_multipart(body, media.parameter("boundary"))
        if media.is_json:
            value = value_from_json(body)
            return set(value) if isinstance(value, dict) else set()
        if media.name == FORM:
            return names_in_query(body.decode())
    except (ValueError, RecursionError):
        pass
    return set()
