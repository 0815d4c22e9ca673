"""The yardstick itself: the controller's rules as the tests apply them, against what a real one
did."""

import base64
import json
import os

import pytest

from testing.controller import TRANSACTION, Answer, params_from_request, response_from_result

VECTORS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "vectors")
with open(os.path.join(VECTORS, "results.json"), encoding="utf-8") as _file:
    RESULTS = json.load(_file)["cases"]
with open(os.path.join(VECTORS, "requests.json"), encoding="utf-8") as _file:
    REQUESTS = json.load(_file)["cases"]


def result_text(case):
    if "result" in case:
        return case["result"]
    fill = case["fill"]
    return fill["prefix"] + fill["char"] * fill["count"] + fill["suffix"]


def recorded_body(response):
    if "body_b64" in response:
        return base64.b64decode(response["body_b64"])
    return response.get("body", "").encode("utf-8")


def projected(case):
    """Content negotiation and the other extensions are the controller's alone: no action changes
    them."""
    return case["ext"] == "http" and case["response"]["status"] != 406


def recorded(case):
    response = case["response"]
    left_out = ("connection", "x-openwhisk-activation-id")
    headers = sorted(
        (name, value) for name, value in response["headers"] if name.lower() not in left_out
    )
    return Answer(response["status"], headers, recorded_body(response))


@pytest.mark.parametrize("case", [pytest.param(c, id=c["name"]) for c in RESULTS if projected(c)])
def test_a_result_becomes_the_recorded_response(case):
    cors = not case["name"].startswith("custom options")
    answer = response_from_result(result_text(case), case["method"], case["headers"], cors)
    body = (
        b""
        if "fill" in case and answer.status == 200
        else answer.body.replace(TRANSACTION.encode(), b"<code>")
    )
    headers = sorted(
        pair for pair in answer.headers if pair[0].lower() != "x-openwhisk-activation-id"
    )
    assert answer._replace(headers=headers, body=body) == recorded(case)


RAW_BODIES = [c for c in REQUESTS if c.get("action") == "raw" and "value" in c and "body_b64" in c]


@pytest.mark.parametrize("case", [pytest.param(c, id=c["name"]) for c in RAW_BODIES])
def test_a_raw_body_travels_as_recorded(case):
    """The type is taken as the controller has re-rendered it, since no rule here needs to render
    one."""
    headers = list(case["value"]["__ow_headers"].items())
    params = params_from_request(
        case["method"], "", "", headers, base64.b64decode(case["body_b64"])
    )
    assert params["__ow_body"] == case["value"]["__ow_body"]
