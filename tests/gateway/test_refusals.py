"""How a refusal looks: who refused decides, and one place writes it."""

import pytest

from gateway.http.refusals import response_from_refusal
from gateway.refusal import Refusal, Stage

ROUTES_OWN = ("Access-Control-Allow-Origin", "*")
ALLOW = ("Allow", "GET")
COMPACT = b'{"code":"id","error":"no"}'
PRETTY = b'{\n  "code": "id",\n  "error": "no"\n}'
LOOKS = {
    "the connection's, as text": (Stage.CONNECTION, False, [], b"no"),
    "the library's, compact and without the route's headers": (
        Stage.CONTENT,
        False,
        [ALLOW],
        COMPACT,
    ),
    "the library's, compact also for web actions": (Stage.CONTENT, True, [ALLOW], COMPACT),
    "at the door, without the route's headers": (Stage.ADMISSION, False, [ALLOW], COMPACT),
    "at the door of a web action": (Stage.ADMISSION, True, [ALLOW], PRETTY),
    "a route's": (Stage.ROUTE, False, [ROUTES_OWN, ALLOW], COMPACT),
    "a web action's": (Stage.ROUTE, True, [ROUTES_OWN, ALLOW], PRETTY),
}


@pytest.mark.parametrize("stage, pretty, headers, body", LOOKS.values(), ids=LOOKS)
def test_a_refusal_is(stage, pretty, headers, body):
    refusal = Refusal(418, "no", stage, headers=[ALLOW])
    response = response_from_refusal(refusal, "id", [ROUTES_OWN], pretty)
    assert (response.status, response.body) == (418, body)
    assert list(response.headers) == headers
