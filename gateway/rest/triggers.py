"""The collection of triggers: list, get, create, update, fire, delete.

Touches nothing but through the controller."""

import uuid
from typing import Any, Dict, Optional

from gateway import records
from gateway.aside import made
from gateway.clock import now
from gateway.controller import Controller
from gateway.entities import Firing, Link, Trigger, place_from_path
from gateway.http import jsontext
from gateway.http.headers import headers_for_action
from gateway.http.messages import Request, Response, json_response
from gateway.refusal import MISSING, Refusal
from gateway.rest import content
from gateway.rest.call import EXISTS, Call, Handler, content_of, handler_of
from gateway.rest.invocation import checked_payload, invocable_action
from gateway.rest.references import check_collection
from gateway.rest.shown import listed, shown
from gateway.store import Store

TRIGGERS = "triggers"
INACTIVE = "Rule '{}' is inactive, action '{}' was not activated."
# How an activation that couldn't be started counts.
REFUSED, BROKEN = 1, 3


class Triggers:
    def __init__(self, controller: Controller):
        self._controller = controller
        self._store = controller.store
        self._settings = controller.settings
        self._methods: Dict[str, Handler] = {
            "GET": self._get,
            "PUT": self._put,
            "POST": self._fire,
            "DELETE": self._delete,
        }

    def handler(self, call: Call) -> Optional[Handler]:
        """Who answers it; None where the platform has no such route. Raises Refusal."""
        return handler_of(call, self._list, self._methods)

    async def _list(self, call: Call) -> Response:
        found = self._store.triggers_in(call.namespace)
        return await listed(TRIGGERS, found, records.summary_of_trigger, call)

    async def _get(self, call: Call) -> Response:
        trigger = trigger_of(self._store, call.path)
        return await shown(trigger, records.json_from_trigger)

    async def _put(self, call: Call) -> Response:
        overwrite = call.query.boolean("overwrite", False)
        sent = await made(lambda: content_of(call.request), call.request.size)
        async with self._controller.changing:
            trigger = await self._kept(call, sent, overwrite)
        return await shown(trigger, records.json_from_trigger)

    async def _kept(self, call: Call, sent: Any, overwrite: bool) -> Trigger:
        """Raises Refusal."""
        old = self._store.triggers.get(call.path)
        place = (call.namespace, call.name)
        settings = self._settings
        trigger = await made(
            lambda: content.trigger_from_content(sent, place, old, now(), settings),
            call.request.size,
        )
        check_collection(self._store, call.path, TRIGGERS)
        if old is not None and not overwrite:
            raise Refusal(409, EXISTS)
        await self._store.put_trigger(trigger)
        return trigger

    async def _delete(self, call: Call) -> Response:
        async with self._controller.changing:
            trigger = trigger_of(self._store, call.path)
            await self._store.delete_trigger(trigger)
        return await shown(trigger, records.json_from_trigger)

    async def _fire(self, call: Call) -> Response:
        request = call.request
        payload = await made(lambda: checked_payload(request, self._settings), request.size)
        trigger = trigger_of(self._store, call.path)
        links = trigger.links or ()
        if not any(each.active for each in links):
            return Response(204, [])
        start, activation_id = now(), uuid.uuid4().hex
        params = {each.key: each.value for each in trigger.parameters}
        params.update(payload)
        params["__ow_headers"] = headers_of(call.request)
        logs = []
        for each in links:
            logs.append(jsontext.compact(await self._line(each, params, call)))
        firing = Firing(activation_id, trigger, start, payload, logs)
        await self._controller.record(firing)
        headers = [("x-openwhisk-activation-id", activation_id)]
        return json_response(202, {"activationId": activation_id}, headers)

    async def _line(self, link: Link, params: Dict[str, Any], call: Call) -> Dict[str, Any]:
        """What became of one of its rules."""
        if not link.active:
            return line_of_failure(link, REFUSED, INACTIVE.format(link.rule, link.action))
        try:
            place = place_from_path(link.action)
            action = invocable_action(self._controller, place, params)
            transaction_id = call.request.transaction_id
            invocation = await self._controller.invoke(action, params, transaction_id, 0)
        except Refusal as refusal:
            status = BROKEN if refusal.status >= 500 else REFUSED
            return line_of_failure(link, status, refusal.message)
        return {
            "statusCode": 0,
            "success": True,
            "activationId": invocation.activation_id,
            "rule": link.rule,
            "action": link.action,
        }


def headers_of(request: Request) -> Dict[str, str]:
    """Without those that tell of the body, which the platform keeps with that."""
    headers = headers_for_action(request.headers, None, request.accepted.accept)
    headers.pop("content-type", None)
    return headers


def line_of_failure(link: Link, status: int, error: str) -> Dict[str, Any]:
    members = {"statusCode": status, "success": False, "rule": link.rule}
    return {**members, "error": error, "action": link.action}


def trigger_of(store: Store, path: str) -> Trigger:
    """Raises Refusal."""
    check_collection(store, path, TRIGGERS)
    trigger = store.triggers.get(path)
    if trigger is None:
        raise Refusal(404, MISSING)
    return trigger
