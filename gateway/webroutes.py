"""/api/v1/web: which action is asked for, whether it may be, and what becomes of its activation.

Touches nothing but through the service."""

import asyncio
import hmac
from typing import Any, Optional

from gateway import jsontext, web
from gateway.entities import APPLICATION_ERROR, SUCCESS, Action, Activation
from gateway.invoker import Overloaded
from gateway.messages import Pairs, Request, Response, compact_error, pretty_error, text_response
from gateway.negotiation import NotAcceptable, preferences_from_headers
from gateway.service import Invocation, Service, protected_keys

METHODS = ("GET", "DELETE", "POST", "PUT", "HEAD", "OPTIONS", "PATCH")
# Reading or writing more than this takes long enough for others to notice.
LARGE = 65536

MISSING = "The requested resource does not exist."
TOO_LARGE = "Request larger than allowed: {} > {} bytes."
UNAUTHORIZED = "Authentication is possible but has failed or not yet been provided."
NOT_READY = "Response not yet ready."
FAILED = "There was an error processing your request."
CRASHED = "There was an internal server error."


async def answer(service: Service, request: Request, address: web.Address, user: Optional[str]) -> Optional[Response]:
    """None where the answer is up to the routes outside of web actions."""
    action = service.action_with_package(address.namespace, address.package, address.name)
    annotations = dict(action.annotations) if action else {}
    if annotations.get("web-export") is not True:
        return pretty_error(404, MISSING, request.transaction_id)
    if request.length > service.settings.payload_bytes:
        message = TOO_LARGE.format(request.length, service.settings.payload_bytes)
        return pretty_error(413, message, request.transaction_id)
    own_options = annotations.get("web-custom-options") is True
    cors = [] if own_options else web.cors_headers(request.headers)
    if request.method == "OPTIONS" and not own_options:
        return Response(200, cors) if preferences_from_headers(request.headers).welcome_nothing else None
    open_to_all = own_options and request.method == "OPTIONS"
    if not open_to_all and not admitted(annotations.get("require-whisk-auth"), request, user):
        return pretty_error(401, UNAUTHORIZED, request.transaction_id).with_headers(cors)
    try:
        return await invoked(service, request, address, action, user, cors)
    except (web.BadBody, NotAcceptable) as error:
        status = 400 if isinstance(error, web.BadBody) else 406
        return compact_error(status, str(error), request.transaction_id)
    except web.NotAllowed as error:
        return pretty_error(400, str(error), request.transaction_id).with_headers(cors)
    except Overloaded as error:
        return pretty_error(429, str(error), request.transaction_id)


def admitted(needed: Any, request: Request, user: Optional[str]) -> bool:
    if needed is None or needed is False:
        return True
    if needed is True:
        return user is not None
    if isinstance(needed, (dict, list)):
        return False
    wanted = needed if isinstance(needed, str) else jsontext.scalar(needed)
    given = next((value for name, value in request.headers if name.lower() == "x-require-whisk-auth"), "")
    return hmac.compare_digest(given.encode(), jsontext.utf8(wanted))


async def invoked(
    service: Service, request: Request, address: web.Address, action: Action, user: Optional[str], cors: Pairs
) -> Response:
    raw = dict(action.annotations).get("raw-http") is True
    arguments = (request, address.rest, raw, protected_keys(action), user)
    if request.length > LARGE:
        params = await asyncio.get_running_loop().run_in_executor(None, web.params_from_request, *arguments)
    else:
        params = web.params_from_request(*arguments)
    invocation = await service.invoke(action, params, request.transaction_id, service.settings.wait_seconds)
    if invocation.activation and invocation.activation.size > LARGE:
        return await asyncio.get_running_loop().run_in_executor(None, response, request, address, invocation, cors)
    return response(request, address, invocation, cors)


def response(request: Request, address: web.Address, invocation: Invocation, cors: Pairs) -> Response:
    """Raises NotAcceptable."""
    activation = invocation.activation
    if activation and activation.status == SUCCESS and not isinstance(activation.result, dict):
        # The platform trips over a list, and loses the headers with it.
        return text_response(500, CRASHED)
    headers = [*cors, ("x-openwhisk-activation-id", invocation.activation_id)]
    return projected(request, address, activation).with_headers(headers)


def projected(request: Request, address: web.Address, activation: Optional[Activation]) -> Response:
    preferences = preferences_from_headers(request.headers)
    if activation is None:
        return web.negotiated(pretty_error(202, NOT_READY, request.transaction_id), preferences)
    if activation.status not in (SUCCESS, APPLICATION_ERROR):
        return pretty_error(400, FAILED, request.transaction_id)
    result = activation.result if activation.status == SUCCESS else activation.result["error"]
    return web.response_from_result(result, address.extension, preferences, request.transaction_id)
