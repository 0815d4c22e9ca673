"""The REST API under /api/v1/namespaces: which collection a request goes to, and whether the one
who asks may. Touches nothing but through the collections."""

from typing import Dict, Optional, Tuple

from gateway.controller import Controller
from gateway.http.cors import REST_CORS
from gateway.http.messages import Request, Response, json_response
from gateway.http.refusals import response_from_refusal
from gateway.refusal import Refusal, Stage
from gateway.rest.actions import Actions
from gateway.rest.activations import Activations
from gateway.rest.call import ALL, Call, Collection, Handler, asked_for_list, listed, segments
from gateway.rest.packages import Packages
from gateway.rest.query import Query

#: The user's own namespace.
OWN = "_"
NOT_YOURS = "The supplied authentication is not authorized to access '{}'."


class Api:
    def __init__(self, controller: Controller):
        self._collections: Dict[str, Collection] = {
            "actions": Actions(controller).handler,
            "packages": Packages(controller).handler,
            "activations": Activations(controller.store).handler,
            "triggers": nothing_in("triggers"),
            "rules": nothing_in("rules"),
        }

    async def answer(
        self, request: Request, path: Tuple[str, ...], user: str
    ) -> Optional[Response]:
        """`path` is what follows /api/v1/namespaces. None where no route fits."""
        try:
            response = await self._routed(request, path, user)
        except Refusal as refusal:
            response = response_from_refusal(refusal, request.transaction_id)
            if refusal.stage is Stage.CONTENT:
                return response
        return response.with_headers(REST_CORS) if response else None

    async def _routed(
        self, request: Request, path: Tuple[str, ...], user: str
    ) -> Optional[Response]:
        names = segments(path)
        if names in ALL:
            return json_response(200, [user]) if request.method == "GET" else None
        namespace, rest = names[0], names[2:]
        collection = names[1] if len(names) > 1 else ""
        own = user if namespace == OWN else namespace
        call = Call(request, own, rest, Query(request.target.query))
        handler_of = self._collections.get(collection)
        handler = handler_of(call) if handler_of else None
        if handler is None:
            return None
        if call.namespace != user:
            asked = (namespace, *rest) if rest else (namespace, collection)
            raise Refusal(403, NOT_YOURS.format("/".join(asked)))
        return await handler(call)


def nothing_in(collection: str) -> Collection:
    """A collection that can be listed, but never has anything in it."""

    async def nothing(call: Call) -> Response:
        return listed(collection, [], lambda item: item, call)

    def handler(call: Call) -> Optional[Handler]:
        return nothing if asked_for_list(call) else None

    return handler
