"""Request headers as the platform hands them on: those that its HTTP library knows are parsed and
written anew. Touches nothing. A value that doesn't follow the grammar is handed on as it came."""

from typing import Dict, Iterable, Optional, Tuple

from gateway.http import credentials, dates, hosts, ranges, rendering
from gateway.http.grammar import Renderer
from gateway.http.headerlines import Pairs, last_value_of
from gateway.http.mediatypes import OCTETS, MediaType, media_type_from_text

NEVER_HANDED_ON = (
    "content-length",
    "transfer-encoding",
    "timeout-access",
    "x-ow-extra-logging",
)


def headers_for_action(
    headers: Pairs, content_type: Optional[MediaType], accept: Optional[str] = None
) -> Dict[str, str]:
    """By lower-case name; of several with one name the last counts, but `connection` collects
    them. `accept` is what that header has become, where somebody has read it already."""
    values: Dict[str, str] = {}
    for given, value in headers:
        name = given.lower()
        if name in NEVER_HANDED_ON:
            continue
        if name == "connection":
            value = rendered(name, value)
            value = f"{values[name]}, {value}" if name in values else value
        values[name] = value
    handed = {name: rendered(name, value) for name, value in values.items()}
    handed.update((name, values[name]) for name in ("connection",) if name in values)
    if "accept" in handed and accept:
        handed["accept"] = accept
    if content_type is not None:
        handed["content-type"] = content_type.text
    return handed


def rendered(name: str, value: str) -> str:
    render = RENDERERS.get(name)
    text = render(value) if render else None
    return value if text is None else text


def content_type_of(headers: Pairs, length: int) -> Optional[MediaType]:
    """What the request says, and what the platform says in its place: bytes, if there are any."""
    instead = OCTETS if length else None
    text = last_value_of(headers, "content-type")
    if text is None:
        return instead
    return media_type_from_text(text) or instead


def table(
    *rows: Tuple[Renderer, Iterable[str]],
) -> Dict[str, Renderer]:
    return {name: render for render, names in rows for name in names}


RENDERERS = table(
    (ranges.media_ranges, ["accept"]),
    (ranges.charset_ranges, ["accept-charset"]),
    (ranges.encoding_ranges, ["accept-encoding"]),
    (ranges.language_ranges, ["accept-language"]),
    (rendering.tokens_or_none, ["access-control-allow-headers", "access-control-expose-headers"]),
    (rendering.tokens_or_none, ["access-control-request-headers", "access-control-allow-methods"]),
    (rendering.tokens_or_none, ["allow"]),
    (rendering.tokens, ["connection", "trailer", "accept-ranges", "sec-websocket-protocol"]),
    (rendering.seconds, ["access-control-max-age", "age"]),
    (credentials.credentials, ["authorization", "proxy-authorization"]),
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
    (hosts.host, ["host"]),
    (hosts.host_without_port, ["x-forwarded-host"]),
    (hosts.origins, ["origin", "access-control-allow-origin"]),
    (rendering.byte_ranges, ["range"]),
    (hosts.plain_reference, ["referer", "content-location"]),
    (hosts.reference, ["location"]),
    (rendering.transfer_codings, ["te"]),
    (rendering.protocols, ["upgrade"]),
    (rendering.products, ["user-agent", "server"]),
    (hosts.addresses, ["x-forwarded-for"]),
    (hosts.address, ["x-real-ip"]),
    (hosts.scheme, ["x-forwarded-proto"]),
)
