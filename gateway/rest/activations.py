"""The collection of activations: list, get, their results and logs.

Touches nothing but through the store."""

from typing import Any, Dict, List, Optional

from gateway.aside import made
from gateway.http import jsontext
from gateway.http.mediatypes import JSON
from gateway.http.messages import Response, json_response
from gateway.refusal import MISSING, Refusal, Stage
from gateway.rest.call import ALL, Call, Handler
from gateway.store import Selection, Store

ID_LENGTH = 32
HEX_DIGITS = frozenset("0123456789abcdef")
WRONG_LENGTH = "Activation id length is {} but must be {}."
NOT_HEX = "The activation id is not valid."
DOCS_WITH_COUNT = "The parameter 'docs' is not permitted with 'count'."


class Activations:
    def __init__(self, store: Store):
        self._store = store
        self._parts: Dict[str, Handler] = {
            "": self._get,
            "result": self._get_result,
            "logs": self._get_logs,
        }

    def handler(self, call: Call) -> Optional[Handler]:
        """Who answers it; None where the platform has no such route. Raises Refusal."""
        names = call.names
        if call.request.method != "GET":
            return None
        if names in ALL:
            return self._list
        if len(names) > 2:
            return None
        check_id(names[0])
        return self._parts.get(names[1] if len(names) == 2 else "")

    async def _list(self, call: Call) -> Response:
        query = call.query
        limit, skip = query.limit("activations"), query.skip("activations")
        count = query.boolean("count", False)
        docs = query.boolean("docs", False)
        since, upto = query.instant("since"), query.instant("upto")
        name = query.action_name("name")
        selection = Selection(call.namespace, name, since, upto, limit, skip)
        if count and docs:
            raise Refusal(400, DOCS_WITH_COUNT)
        if count:
            number = await self._store.count_activations(selection)
            return json_response(200, {"activations": number})
        texts = await self._store.activations(selection, whole=docs)
        return await made(lambda: list_from_texts(texts), sum(map(len, texts)))

    async def _get(self, call: Call) -> Response:
        text = await self._text(call)
        return await made(lambda: json_from_text(text), len(text))

    async def _get_result(self, call: Call) -> Response:
        text = await self._text(call)
        return await made(lambda: json_response(200, record_from_text(text)["response"]), len(text))

    async def _get_logs(self, call: Call) -> Response:
        text = await self._text(call)
        return await made(lambda: logs_from_text(text), len(text))

    async def _text(self, call: Call) -> str:
        """Raises Refusal."""
        text = await self._store.activation(call.namespace, call.names[0])
        if text is None:
            raise Refusal(404, MISSING)
        return text


def json_from_text(text: str) -> Response:
    return Response(200, [], JSON, text.encode("utf-8"))


def list_from_texts(texts: List[str]) -> Response:
    return json_from_text("[" + ",".join(texts) + "]")


def logs_from_text(text: str) -> Response:
    return json_response(200, {"logs": record_from_text(text)["logs"]})


def record_from_text(text: str) -> Any:
    return jsontext.value_from_json(text.encode("utf-8"))


def check_id(text: str) -> None:
    """Raises Refusal."""
    if len(text) != ID_LENGTH:
        raise Refusal(400, WRONG_LENGTH.format(len(text), ID_LENGTH), Stage.CONTENT)
    if not set(text) <= HEX_DIGITS:
        raise Refusal(400, NOT_HEX, Stage.CONTENT)
