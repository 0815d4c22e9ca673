"""Request headers as the platform hands them on: those that its HTTP library knows are parsed and written anew.

Touches nothing. A value that doesn't follow the grammar is handed on as it came."""

import re
from typing import Callable, Dict, Iterable, List, Optional, Tuple

from gateway import dates, places, rendering
from gateway.mediatypes import MediaType
from gateway.messages import Pairs

NEVER_HANDED_ON = ("content-length", "transfer-encoding", "timeout-access", "x-ow-extra-logging")

Renderer = Callable[[str], Optional[str]]


def headers_for_action(headers: Pairs, content_type: Optional[MediaType]) -> Dict[str, str]:
    """By lower-case name; of several with one name the last counts, but `connection` collects them."""
    handed: Dict[str, str] = {}
    for name, value in headers:
        name = name.lower()
        if name in NEVER_HANDED_ON:
            continue
        text = rendered(name, value)
        if name == "connection" and name in handed:
            text = f"{handed[name]}, {text}"
        handed[name] = text
    if content_type is not None:
        handed["content-type"] = content_type.text
    return handed


def rendered(name: str, value: str) -> str:
    render = RENDERERS.get(name)
    text = render(value) if render else None
    return value if text is None else text


def values_of(headers: Pairs, name: str) -> List[str]:
    return [value for key, value in headers if key.lower() == name]


def last_value_of(headers: Pairs, name: str) -> Optional[str]:
    return next(iter(reversed(values_of(headers, name))), None)


def table(*rows: Tuple[Renderer, Iterable[str]]) -> Dict[str, Renderer]:
    return {name: render for render, names in rows for name in names}


RENDERERS = table(
    (rendering.media_ranges, ["accept"]),
    (rendering.charset_ranges, ["accept-charset"]),
    (rendering.encoding_ranges, ["accept-encoding"]),
    (rendering.language_ranges, ["accept-language"]),
    (rendering.tokens_or_none, ["access-control-allow-headers", "access-control-expose-headers"]),
    (rendering.tokens_or_none, ["access-control-request-headers", "access-control-allow-methods", "allow"]),
    (rendering.tokens, ["connection", "trailer", "accept-ranges", "sec-websocket-protocol"]),
    (rendering.seconds, ["access-control-max-age", "age"]),
    (rendering.credentials, ["authorization", "proxy-authorization"]),
    (rendering.cache_directives, ["cache-control"]),
    (rendering.content_disposition, ["content-disposition"]),
    (rendering.encodings, ["content-encoding"]),
    (rendering.content_range, ["content-range"]),
    (rendering.cookies, ["cookie"]),
    (dates.date, ["date", "if-modified-since", "if-unmodified-since", "last-modified"]),
    (dates.any_date, ["expires"]),
    (rendering.entity_tag, ["etag"]),
    (rendering.entity_tags, ["if-match", "if-none-match"]),
    (rendering.entity_tag_or_date, ["if-range"]),
    (rendering.date_or_seconds, ["retry-after"]),
    (rendering.expectation, ["expect"]),
    (places.host, ["host"]),
    (places.host_without_port, ["x-forwarded-host"]),
    (places.origins, ["origin", "access-control-allow-origin"]),
    (rendering.byte_ranges, ["range"]),
    (places.plain_reference, ["referer", "content-location"]),
    (places.reference, ["location"]),
    (rendering.transfer_codings, ["te"]),
    (rendering.protocols, ["upgrade"]),
    (rendering.products, ["user-agent", "server"]),
    (places.addresses, ["x-forwarded-for"]),
    (places.address, ["x-real-ip"]),
    (places.scheme, ["x-forwarded-proto"]),
)


def normal_value(raw: bytes) -> str:
    """The value of a header line: trimmed, tabs and folds as spaces. Raises UnicodeDecodeError."""
    text = re.sub(r"\r?\n[ \t]+", " ", raw.decode("utf-8"))
    return text.replace("\t", " ").strip(" ")
