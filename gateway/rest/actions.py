"""The collection of actions: list, get, create, update, invoke, delete.

Touches nothing but through the controller."""

from typing import Dict, Optional

from gateway import records
from gateway.aside import made
from gateway.controller import Controller, Invocation, now
from gateway.entities import APPLICATION_ERROR, DEVELOPER_ERROR, SUCCESS, Action
from gateway.http.messages import Response, json_response
from gateway.refusal import MISSING, NOT_ALLOWED, TOO_LARGE, Refusal
from gateway.rest import content
from gateway.rest.call import (
    ALL,
    Call,
    Handler,
    check_names,
    content_of,
    listed,
    payload_of,
)
from gateway.rest.packages import package_of

EXISTS = "resource already exists"
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
        method, names = call.request.method, call.names
        if names in ALL:
            return self._list if method == "GET" else None
        if len(names) == 2 and names[1] == "":
            return self._list_of_package if method == "GET" else None
        if len(names) > 2:
            return None
        check_names(names)
        return self._methods.get(method)

    async def _list(self, call: Call) -> Response:
        found = self._store.actions_in(call.namespace)
        return listed("actions", found, records.summary_of_action, call)

    async def _list_of_package(self, call: Call) -> Response:
        package = package_of(self._store, call.namespace, call.names[0])
        found = self._store.actions_in(call.namespace, package.name)
        return listed("actions", found, records.summary_of_action, call)

    async def _get(self, call: Call) -> Response:
        action = self._with_package(call)
        with_code = call.query.boolean("code", True)
        return json_response(200, records.json_from_action(action, with_code))

    async def _put(self, call: Call) -> Response:
        self._check_package(call)
        overwrite = call.query.boolean("overwrite", False)
        old = self._store.actions.get(call.path)
        place = (call.namespace, call.package, call.name)
        request, settings = call.request, self._settings
        action = await made(
            lambda: content.action_from_content(content_of(request), place, old, now(), settings),
            request.size,
        )
        if old is not None and not overwrite:
            raise Refusal(409, EXISTS)
        await self._store.put_action(action)
        if old is not None:
            await self._controller.forget(old)
        return json_response(200, records.json_from_action(action))

    async def _delete(self, call: Call) -> Response:
        self._check_package(call)
        action = self._action(call)
        await self._store.delete_action(action)
        await self._controller.forget(action)
        return json_response(200, records.json_from_action(action))

    async def _invoke(self, call: Call) -> Response:
        blocking = call.query.boolean("blocking", False)
        result_alone = call.query.boolean("result", False)
        seconds = call.query.milliseconds("timeout", self._settings.wait_seconds)
        request = call.request
        most = self._settings.payload_bytes
        if request.length > most:
            raise Refusal(413, TOO_LARGE.format(request.length, most))
        payload = await made(lambda: payload_of(request), request.size)
        action = self._with_package(call)
        if set(payload) & action.protected_keys:
            raise Refusal(400, NOT_ALLOWED)
        waiting = seconds if blocking else 0
        invocation = await self._controller.invoke(action, payload, request.transaction_id, waiting)
        if not blocking:
            invocation = invocation._replace(activation=None)
        activation = invocation.activation
        subject = self._settings.namespace
        return await made(
            lambda: response_from_invocation(invocation, result_alone, subject),
            activation.size if activation else 0,
        )

    def _action(self, call: Call) -> Action:
        """Raises Refusal."""
        action = self._store.actions.get(call.path)
        if action is None:
            raise Refusal(404, MISSING)
        return action

    def _with_package(self, call: Call) -> Action:
        """With what the package adds. Raises Refusal."""
        self._check_package(call)
        action = self._controller.action_named(call.namespace, call.package, call.name)
        if action is None:
            raise Refusal(404, MISSING)
        return action

    def _check_package(self, call: Call) -> None:
        """Raises Refusal where the package isn't there."""
        if call.package:
            package_of(self._store, call.namespace, call.package)


def response_from_invocation(invocation: Invocation, result_alone: bool, subject: str) -> Response:
    headers = [("x-openwhisk-activation-id", invocation.activation_id)]
    activation = invocation.activation
    if activation is None:
        return json_response(202, {"activationId": invocation.activation_id}, headers)
    status = STATUS_OF.get(activation.status, 500)
    if result_alone:
        result = {} if activation.result is None else activation.result
        return json_response(status, result, headers)
    # The platform answers before it has collected the log; the record has it.
    shown = records.json_from_activation(activation._replace(logs=[]), subject)
    return json_response(status, shown, headers)
