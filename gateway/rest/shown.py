"""Entities as the REST API's answers: one of them, or the part of a list that was asked for.

Touches nothing but threads, through aside: an entity may have megabytes of annotations."""

from typing import Any, Callable, List

from gateway.aside import extent, made
from gateway.http import jsontext
from gateway.http.mediatypes import JSON
from gateway.http.messages import Response, json_response
from gateway.rest.call import Call


async def shown(entity: Any, write: Callable[[Any], Any]) -> Response:
    return await made(lambda: json_response(200, write(entity)), extent(entity))


async def listed(
    collection: str,
    found: List[Any],
    write: Callable[[Any], Any],
    call: Call,
) -> Response:
    """Or how many there are, where that was asked for."""
    limit = call.query.limit(collection)
    skip = call.query.skip(collection)
    if call.query.boolean("count", False):
        return json_response(200, {collection: max(0, len(found) - skip)})
    part = found[skip : skip + limit]
    return await made(lambda: list_from_entities(part, write), extent(part))


def list_from_entities(entities: List[Any], write: Callable[[Any], Any]) -> Response:
    """Written one by one: a single call for all of them would let nobody in between."""
    texts = [jsontext.compact(write(each)) for each in entities]
    return Response(200, [], JSON, jsontext.utf8("[" + ",".join(texts) + "]"))
