"""The collection of actions: list, get, create, update, invoke, delete.

Touches nothing but through the controller."""

from typing import Any, Dict, Optional, Tuple

from gateway import activationrecords, records
from gateway.aside import made
from gateway.clock import now
from gateway.controller import Controller, Invocation
from gateway.entities import APPLICATION_ERROR, DEVELOPER_ERROR, SUCCESS, Action
from gateway.http.messages import Response, json_response
from gateway.refusal import MISSING, Refusal
from gateway.rest import content
from gateway.rest.call import EXISTS, Call, Handler, content_of, handler_of
from gateway.rest.invocation import checked_payload, found_action, invocable_action
from gateway.rest.references import SequenceCheck, check_collection, check_reach, package_of
from gateway.rest.shown import listed, shown

NOT_ON_BINDING = "Operation not permitted on package binding."
STATUS_OF = {SUCCESS: 200, APPLICATION_ERROR: 502, DEVELOPER_ERROR: 502}


class Actions:
    def __init__(self, controller: Controller):
        self._controller = controller
        self._store = controller.store
        self._settings = controller.settings
        self._methods: Dict[str, Handler] = {
            "GET": self._get,
            "PUT": self._put,
            "POST": self._invoke,
            "DELETE": self._delete,
        }

    def handler(self, call: Call) -> Optional[Handler]:
        """Who answers it; None where the platform has no such route. Raises Refusal."""
        if len(call.names) == 2 and call.names[1] == "":
            return self._list_of_package if call.request.method == "GET" else None
        return handler_of(call, self._list, self._methods, longest=2)

    async def _list(self, call: Call) -> Response:
        found = self._store.actions_in(call.namespace)
        return await listed("actions", found, records.summary_of_action, call)

    async def _list_of_package(self, call: Call) -> Response:
        package = package_of(self._store, call.namespace, call.names[0])
        provider = self._controller.provider_of(package)
        if provider is None:
            raise Refusal(404, MISSING)
        found = self._store.actions_in(provider.namespace, provider.name)
        return await listed("actions", found, records.summary_of_action, call)

    async def _get(self, call: Call) -> Response:
        action = found_action(self._controller, place_of(call))
        with_code = call.query.boolean("code", True)
        return await shown(action, lambda each: records.json_from_action(each, with_code))

    async def _put(self, call: Call) -> Response:
        self._check_package(call)
        overwrite = call.query.boolean("overwrite", False)
        sent = await made(lambda: content_of(call.request), call.request.size)
        async with self._controller.changing:
            self._check_package(call)  # it may have been deleted meanwhile
            action = await self._kept(call, sent, overwrite)
        return await shown(action, records.json_from_action)

    async def _kept(self, call: Call, sent: Any, overwrite: bool) -> Action:
        """Raises Refusal."""
        old = self._store.actions.get(call.path)
        settings = self._settings
        action = await made(
            lambda: content.action_from_content(sent, place_of(call), old, now(), settings),
            call.request.size,
        )
        check_reach(self._store, call.namespace, action.components)
        check_collection(self._store, call.path, "actions")
        if old is not None and not overwrite:
            raise Refusal(409, EXISTS)
        SequenceCheck(self._store, call.path).check(action.components)
        await self._store.put_action(action)
        if old is not None:
            await self._controller.forget(old)
        return action

    async def _delete(self, call: Call) -> Response:
        async with self._controller.changing:
            action = await self._deleted(call)
        return await shown(action, records.json_from_action)

    async def _deleted(self, call: Call) -> Action:
        """Raises Refusal."""
        self._check_package(call)
        check_collection(self._store, call.path, "actions")
        action = self._store.actions.get(call.path)
        if action is None:
            raise Refusal(404, MISSING)
        await self._store.delete_action(action)
        await self._controller.forget(action)
        return action

    async def _invoke(self, call: Call) -> Response:
        blocking = call.query.boolean("blocking", False)
        result_alone = call.query.boolean("result", False)
        seconds = call.query.milliseconds("timeout", self._settings.wait_seconds)
        request = call.request
        payload = await made(lambda: checked_payload(request, self._settings), request.size)
        action = invocable_action(self._controller, place_of(call), payload)
        invocation = await self._controller.invoke(
            action, payload, request.transaction_id, seconds if blocking else 0
        )
        if not blocking:
            invocation = invocation._replace(activation=None)
        activation = invocation.activation
        subject = self._settings.namespace
        return await made(
            lambda: response_from_invocation(invocation, result_alone, subject),
            (activation.size or 0) if activation else 0,
        )

    def _check_package(self, call: Call) -> None:
        """Raises Refusal where the package isn't there, or is another's."""
        if not call.package:
            return
        if package_of(self._store, call.namespace, call.package).binding:
            raise Refusal(400, NOT_ON_BINDING)


def place_of(call: Call) -> Tuple[str, str, str]:
    return call.namespace, call.package, call.name


def response_from_invocation(invocation: Invocation, result_alone: bool, subject: str) -> Response:
    headers = [("x-openwhisk-activation-id", invocation.activation_id)]
    activation = invocation.activation
    if activation is None:
        return json_response(202, {"activationId": invocation.activation_id}, headers)
    status = STATUS_OF.get(activation.status, 500)
    if result_alone:
        result = {} if activation.result is None else activation.result
        return json_response(status, result, headers)
    if not activation.action.components:
        # The platform answers before it has collected the log; the record has it.
        activation = activation._replace(logs=[])
    shown = activationrecords.json_from_activation(activation, subject)
    return json_response(status, shown, headers)
