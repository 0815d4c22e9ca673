"""/api/v1/web: whether a web action may be asked, and its one walk from the request to the
response. Touches nothing but through the controller."""

from typing import Any, Optional

from gateway.aside import made
from gateway.controller import Controller, Invocation
from gateway.entities import APPLICATION_ERROR, SUCCESS, Action, Activation
from gateway.http.cors import web_cors
from gateway.http.headerlines import Pairs
from gateway.http.messages import Request, Response, pretty_response, text_response
from gateway.http.refusals import error_value, response_from_refusal
from gateway.refusal import CRASHED, MISSING, TOO_LARGE, Refusal, Stage
from gateway.web import guard
from gateway.web.address import Address
from gateway.web.params import params_from_request
from gateway.web.result import negotiated, response_from_result

UNAUTHORIZED = "Authentication is possible but has failed or not yet been provided."
NOT_READY = "Response not yet ready."
FAILED = "There was an error processing your request."

# Where wsk looks for the API gateway.
API_GATEWAY = ("whisk.system", "apimgmt")
NO_API_GATEWAY = (
    f"{MISSING} There is no API gateway here: a web action has a URL of its own,"
    " which 'wsk action get NAME --url' prints."
)


class WebRoute:
    """Answers requests to web actions."""

    def __init__(self, controller: Controller):
        self._controller = controller

    async def answer(
        self, request: Request, address: Address, user: Optional[str]
    ) -> Optional[Response]:
        """None where the answer is up to the routes outside of web actions."""
        headers: Pairs = []
        try:
            action = self._exported_action(request, address)
            own_options = annotation(action, "web-custom-options") is True
            if not own_options:
                headers = web_cors(request.headers)
            is_options = request.method == "OPTIONS"
            if is_options and not own_options:
                welcome = request.accepted.welcome_nothing
                return Response(200, headers) if welcome else None
            if not is_options and not guard.admits(action, request, user):
                raise Refusal(401, UNAUTHORIZED)
            return await self._invoked(request, address, action, user, headers)
        except Refusal as refusal:
            return refused(refusal, request, headers)

    def _exported_action(self, request: Request, address: Address) -> Action:
        """Raises Refusal."""
        if (address.namespace, address.package) == API_GATEWAY:
            raise Refusal(404, NO_API_GATEWAY, Stage.ADMISSION)
        action = self._controller.action_named(address.namespace, address.package, address.name)
        if action is None or annotation(action, "web-export") is not True:
            raise Refusal(404, MISSING, Stage.ADMISSION)
        most = self._controller.settings.payload_bytes
        if request.length > most:
            raise Refusal(413, TOO_LARGE.format(request.length, most), Stage.ADMISSION)
        return action

    async def _invoked(
        self,
        request: Request,
        address: Address,
        action: Action,
        user: Optional[str],
        cors: Pairs,
    ) -> Response:
        """Raises Refusal, where the client gets no activation's id."""

        def params() -> Any:
            is_raw = annotation(action, "raw-http") is True
            return params_from_request(request, address.rest, is_raw, action.protected_keys, user)

        def response() -> Response:
            return response_from_invocation(invocation, request, address, cors)

        seconds = self._controller.settings.wait_seconds
        invocation = await self._controller.invoke(
            action, await made(params, request.size), request.transaction_id, seconds
        )
        activation = invocation.activation
        written = (activation.size or 0) if activation else 0
        return await made(response, request.size + written)


def annotation(action: Action, name: str) -> Any:
    return dict(action.annotations).get(name)


def response_from_invocation(
    invocation: Invocation, request: Request, address: Address, cors: Pairs
) -> Response:
    """Raises Refusal."""
    activation = invocation.activation
    if activation and activation.status == SUCCESS and not isinstance(activation.result, dict):
        # The platform trips over a list, and loses the headers with it.
        return text_response(500, CRASHED)
    headers = [*cors, ("x-openwhisk-activation-id", invocation.activation_id)]
    try:
        return response_from_activation(activation, request, address).with_headers(headers)
    except Refusal as refusal:
        return refused(refusal, request, headers)


def response_from_activation(
    activation: Optional[Activation], request: Request, address: Address
) -> Response:
    """Raises Refusal."""
    if activation is None:
        waiting = pretty_response(202, error_value(NOT_READY, request.transaction_id))
        return negotiated(waiting, request.accepted)
    if activation.status not in (SUCCESS, APPLICATION_ERROR):
        raise Refusal(400, FAILED)
    result = activation.result
    if activation.status == APPLICATION_ERROR:
        result = result["error"]
    return response_from_result(result, address.extension, request.accepted)


def refused(refusal: Refusal, request: Request, headers: Pairs) -> Response:
    return response_from_refusal(refusal, request.transaction_id, headers, pretty=True)
