"""What a request has to bring by the annotation require-whisk-auth, and whether it does. Pure:
touches nothing."""

import hmac
from typing import Any, Optional

from gateway.entities import Action
from gateway.http import jsontext
from gateway.http.headerlines import values_of
from gateway.http.messages import Request

NOTHING, KEY, SECRET = "", "key", "secret"


def need_of(action: Action) -> str:
    """KEY is one of the platform's, SECRET the action's own."""
    required = required_by(action)
    if required is False:
        return NOTHING
    return KEY if required is True else SECRET


def required_by(action: Action) -> Any:
    return dict(action.annotations).get("require-whisk-auth", False)


def admits(action: Action, request: Request, user: Optional[str]) -> bool:
    need = need_of(action)
    if need == SECRET:
        return has_secret(request, required_by(action))
    return need == NOTHING or user is not None


def has_secret(request: Request, required: Any) -> bool:
    """One that came out as nothing opens no action."""
    given = values_of(request.headers, "x-require-whisk-auth")
    if not given or required is None or isinstance(required, (dict, list)):
        return False
    wanted = required if isinstance(required, str) else jsontext.scalar(required)
    return hmac.compare_digest(given[0].encode(), jsontext.utf8(wanted))
