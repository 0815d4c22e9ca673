"""The one way in which any part of the gateway refuses a request. Touches nothing.

What a refusal looks like to the client is decided in gateway/http/refusals.py."""

from enum import Enum
from typing import Sequence, Tuple

# What more than one part says.
MISSING = "The requested resource does not exist."
TOO_LARGE = "Request larger than allowed: {} > {} bytes."
NOT_ALLOWED = "Request defines parameters that are not allowed (e.g., reserved properties)."
CRASHED = "There was an internal server error."


class Stage(Enum):
    """How far a request had come: on the platform that decides how a refusal looks."""

    #: It can't be read: answered as text, and the connection is closed.
    CONNECTION = "connection"
    #: The HTTP library refused it on a route's behalf: none of the route's headers.
    CONTENT = "content"
    #: It may not come in: web actions leave their CORS headers out here.
    ADMISSION = "admission"
    #: The route itself refused it: with all of the route's headers.
    ROUTE = "route"


class Refusal(Exception):
    """A status and the reason in the platform's words; `headers` belong to this refusal alone.
    `hint` is for whoever runs the gateway: how it would have been allowed."""

    def __init__(
        self,
        status: int,
        message: str,
        stage: Stage = Stage.ROUTE,
        headers: Sequence[Tuple[str, str]] = (),
        hint: str = "",
    ):
        super().__init__(message)
        self.status = status
        self.message = message
        self.stage = stage
        self.headers = headers
        self.hint = hint
