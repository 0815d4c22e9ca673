"""The pure half of web actions, over every recorded request and result."""

import json

import pytest

from gateway.containers.outcome import Reply, outcome_from_reply
from gateway.entities import APPLICATION_ERROR
from gateway.http import jsontext
from gateway.http.headerlines import normal_value
from gateway.http.messages import Request
from gateway.http.negotiation import preferences_from_headers
from gateway.http.refusals import response_from_refusal
from gateway.http.urls import target_from_text
from gateway.refusal import Refusal, Stage
from gateway.web.address import address_from_path
from gateway.web.params import params_from_request
from gateway.web.result import response_from_result
from testing.recordings import (
    body_of,
    expected_body,
    headers_of,
    recorded,
    shortened,
    text_of_result,
    with_ids,
)

REQUESTS = recorded("requests")
LATIN1 = "header latin1 header"


def cases_with_value():
    chosen = (
        case
        for case in REQUESTS["cases"]
        # The recorded fault, a byte that swallows the next line, is answered with 400 here.
        if "value" in case and case["method"] != "INVOKE" and case["name"] != LATIN1
    )
    return [pytest.param(case, id=name) for case, name in with_ids(chosen)]


def request_of(case):
    body = body_of(case)
    headers = [(name, normal_value(value.encode("utf-8"))) for name, value in headers_of(case)]
    return Request(case["method"], target_from_text(case["target"]), headers, body, len(body))


@pytest.mark.parametrize("case", cases_with_value())
def test_params_are_those_that_arrived(case):
    request = request_of(case)
    address = address_from_path(request.target.path[6:])
    action = REQUESTS["actions"].get(
        case["action"], {"annotations": {"raw-http": True}, "params": []}
    )
    bound = {key: value for key, value, options in action["params"] if not options.get("init")}
    if address.package:
        bound = {"p": "pkg", "threshold": "act"}
    raw = action["annotations"].get("raw-http", False)
    user = case["value"].get("__ow_user")
    params = params_from_request(request, address.rest, raw, frozenset(), user)
    assert json.loads(jsontext.compact(shortened({**bound, **params}))) == case["value"]


@pytest.mark.parametrize(
    "case", [pytest.param(*pair[:1], id=pair[1]) for pair in with_ids(recorded("results")["cases"])]
)
def test_response_is_the_one_that_came(case):
    outcome = outcome_from_reply(reply_of(text_of_result(case)))
    result = outcome.result["error"] if outcome.status == APPLICATION_ERROR else outcome.result
    preferences = preferences_from_headers(case["headers"])
    expected = case["response"]
    try:
        response = response_from_result(result, "." + case["ext"], preferences)
    except Refusal as refusal:
        if refusal.stage is Stage.CONTENT:
            assert (406, str(refusal)) == (
                expected["status"],
                json.loads(expected["body"])["error"],
            )
            return
        response = response_from_refusal(refusal, "<code>", pretty=True)
    assert response.status == expected["status"]
    assert own_headers(response.headers) == action_headers(expected["headers"], case)
    content_type = response.content_type and response.content_type.text
    assert content_type == dict(expected["headers"]).get("Content-Type")
    if "fill" not in case and case["method"] != "HEAD":
        assert response.body == expected_body(expected)


def reply_of(text):
    return Reply(200, text[:1048576], len(text.encode("utf-8")))


def own_headers(headers):
    return [[low_bytes(name), low_bytes(value)] for name, value in headers]


def low_bytes(text):
    return "".join(chr(ord(character) & 255) for character in text)


def action_headers(headers, case):
    """Those behind the activation id, without what the front adds."""
    names = [name for name, _ in headers]
    start = names.index("x-openwhisk-activation-id") + 1
    kept = headers[start : names.index("Connection")]
    return [[name, value.replace("<id>", "mine")] for name, value in kept]
