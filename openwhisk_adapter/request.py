"""The request that a client made, from the parameters that the platform made of it."""

import contextlib
import functools
import json
import os
import re
import socket
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from openwhisk_adapter.envelope import bytes_from_base64, checked, json_from_value, text_from_value
from openwhisk_adapter.mediatypes import media_from_text
from openwhisk_adapter.messages import HOP_BY_HOP, Refused, Request
from openwhisk_adapter.settings import Settings

RESERVED = {"__ow_method", "__ow_path", "__ow_query", "__ow_headers", "__ow_body", "__ow_user"}
CONTEXT = ("activation_id", "transaction_id", "action_name", "action_version", "namespace", "deadline", "api_host")
NOT_FOR_THE_MODEL = HOP_BY_HOP | {"transfer-encoding", "accept-encoding", "content-length", "content-type", "expect"}
HEADER_NAME = re.compile(r"(?i)(?!x-openwhisk-)[!#$%&'*+\-.^`|~0-9a-z]+\Z")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
FORM = "application/x-www-form-urlencoded"
FORM_NAME = re.compile(rb'(?i)content-disposition:[^\r\n]*[; ]name="?([^";\r\n]*)')
ACCEPTS_GZIP = re.compile(r"(?i)(gzip|\*)(?!\s*;\s*q=0(\.0*)?\s*(,|$))")
HOST = re.compile(r"([A-Za-z0-9.\-_]+|\[[\da-fA-F:.]+\])(:\d{1,5})?\Z")
ESCAPES = {code: f"%{code:02X}" for code in [*range(32), ord('"')]}
# The platform's is encoded already; no other caller's space or line end may leave the request line.
encoded = functools.partial(quote, safe="/%:@!$&'()*+,;=~-._?[]|", errors="replace")


def latin1_from_text(text):
    """WSGI and call_http want the bytes of a header as characters; the platform has decoded them as UTF-8."""
    return text.encode("utf-8", "replace").decode("latin-1")


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
