"""What has to be true before an action runs for a call of the REST API. Touches nothing but through
the controller."""

from typing import Any, Dict, Tuple

from gateway.controller import Controller
from gateway.entities import Action, path_of
from gateway.http.messages import Request
from gateway.refusal import MISSING, NOT_ALLOWED, TOO_LARGE, Refusal
from gateway.rest.call import payload_of
from gateway.rest.references import check_collection, check_reach, package_of
from gateway.settings import Settings


def checked_payload(request: Request, settings: Settings) -> Dict[str, Any]:
    """Raises Refusal."""
    most = settings.payload_bytes
    if request.length > most:
        raise Refusal(413, TOO_LARGE.format(request.length, most))
    return payload_of(request)


def found_action(controller: Controller, place: Tuple[str, str, str]) -> Action:
    """`place` is namespace, package and name; the action has what its package adds. Raises
    Refusal."""
    namespace, package, name = place
    if package:
        holder = package_of(controller.store, namespace, package)
        if controller.provider_of(holder) is None:
            raise Refusal(404, MISSING)
    else:
        check_collection(controller.store, path_of(namespace, name), "actions")
    action = controller.action_named(namespace, package, name)
    if action is None:
        raise Refusal(404, MISSING)
    return action


def invocable_action(
    controller: Controller, place: Tuple[str, str, str], payload: Dict[str, Any]
) -> Action:
    """Raises Refusal, also where the payload would change what the action keeps."""
    action = found_action(controller, place)
    check_reach(controller.store, action.namespace, action.components)
    if set(payload) & action.protected_keys:
        raise Refusal(400, NOT_ALLOWED)
    return action
