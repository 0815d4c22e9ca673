"""The REST API under /api/v1/namespaces: which collection a request goes to, and whether the one
who asks may. Touches nothing but through the collections."""

from typing import Dict, Optional, Tuple

from gateway.controller import Controller
from gateway.entities import path_of
from gateway.http.cors import REST_CORS
from gateway.http.messages import Request, Response, json_response
from gateway.http.refusals import response_from_refusal
from gateway.refusal import Refusal, Stage
from gateway.rest.actions import Actions
from gateway.rest.activations import Activations
from gateway.rest.call import ALL, Call, Collection, segments
from gateway.rest.execs import OWN
from gateway.rest.packages import Packages
from gateway.rest.query import Query
from gateway.rest.references import NOT_YOURS
from gateway.rest.rules import Rules
from gateway.rest.triggers import Triggers
from gateway.terminal import complain

# wsk says so to the action that is to feed a trigger.
TO_A_FEED = b'"lifecycleEvent"'
NO_FEEDS = (
    " Nothing feeds triggers here: create it without --feed, and fire it when it is time,"
    " as in: while sleep 300; do wsk trigger fire NAME; done"
)


class Api:
    def __init__(self, controller: Controller):
        self._collections: Dict[str, Collection] = {
            "actions": Actions(controller).handler,
            "packages": Packages(controller).handler,
            "activations": Activations(controller.store).handler,
            "triggers": Triggers(controller).handler,
            "rules": Rules(controller).handler,
        }

    async def answer(
        self, request: Request, path: Tuple[str, ...], user: str
    ) -> Optional[Response]:
        """`path` is what follows /api/v1/namespaces. None where no route fits."""
        try:
            response = await self._routed(request, path, user)
        except Refusal as refusal:
            if refusal.hint:
                complain(refusal.hint)
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
            raise not_yours(call, collection)
        return await handler(call)


def not_yours(call: Call, collection: str) -> Refusal:
    """What is in a package is denied by the package's name, but to whom would change it; a list by
    the namespace alone."""
    names = call.names
    if call.package and call.request.method in ("GET", "POST"):
        names = (call.package,)
    message = NOT_YOURS.format(path_of(call.namespace, *names))
    if collection == "actions" and TO_A_FEED in call.request.body:
        message += NO_FEEDS
    return Refusal(403, message)
