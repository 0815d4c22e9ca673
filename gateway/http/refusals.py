"""How a refusal looks to a client: the one place that writes it. Touches nothing."""

from typing import Any

from gateway.http import jsontext
from gateway.http.mediatypes import JSON
from gateway.http.messages import Pairs, Response, text_response
from gateway.refusal import Refusal, Stage


def response_from_refusal(
    refusal: Refusal, transaction_id: str = "", headers: Pairs = (), pretty: bool = False
) -> Response:
    """`headers` are the route's; `pretty` is how web actions write their own."""
    if refusal.stage is Stage.CONNECTION:
        return text_response(refusal.status, refusal.message)
    write = jsontext.compact
    if pretty and refusal.stage is not Stage.CONTENT:
        write = jsontext.pretty
    body = jsontext.utf8(write(error_value(refusal.message, transaction_id)))
    shown = headers if refusal.stage is Stage.ROUTE else ()
    return Response(refusal.status, [*shown, *refusal.headers], JSON, body)


def error_value(message: str, transaction_id: str) -> Any:
    return {"code": transaction_id, "error": message}
