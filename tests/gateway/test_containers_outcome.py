"""What the platform makes of a container's answer, as recorded, and by the rule where nothing was
recorded."""

import base64
import json
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.containers.client import Answer, NoReply
from gateway.containers.invoker import Invoker
from gateway.containers.outcome import (
    Outcome,
    Reply,
    failure_from_init_reply,
    json_from_text,
    out_of_time,
    outcome_from_reply,
)
from gateway.entities import APPLICATION_ERROR, DEVELOPER_ERROR, SUCCESS
from testing.actions import in_loop, initialised_and, order, reply_with, serving

REPLIES = json.loads((Path(__file__).parents[1] / "vectors" / "replies.json").read_text("utf-8"))[
    "cases"
]
# What was recorded behind the redirect is the page of a server that knows no GET.
REDIRECTED = "303 plain"
ARRAYS = {"200 '[]'": [], "200 '[1]'": [1]}


def recorded(*left_out):
    """As parameters; the same name occurs with different bodies."""
    cases = [case for case in REPLIES if case["name"] not in left_out]
    return [pytest.param(case, id=f"{number}: {case['name']}") for number, case in enumerate(cases)]


def reply_bytes(case) -> bytes:
    body = base64.b64decode(case["reply_body_b64"])
    return case["reply_head"].replace("{length}", str(len(body))).encode() + body


def expected(case):
    """Status and result. A web client's array result is a server error, so that no activation was
    recorded for it."""
    if case["name"] in ARRAYS:
        return SUCCESS, ARRAYS[case["name"]]
    return case["activation"]["status"], case["activation"]["result"]


def reply_from(data: bytes):
    """What the wire client makes of these bytes and the end of the connection."""
    answer = Answer()
    try:
        answer.feed(data)
        if not answer.complete:
            answer.feed(b"")
        return answer.reply()
    except NoReply:
        return None


@pytest.mark.parametrize("case", recorded(REDIRECTED))
def test_recorded_reply_is_judged_as_recorded(case):
    outcome = outcome_from_reply(reply_from(reply_bytes(case)))
    assert (outcome.status, outcome.result) == expected(case)


@pytest.mark.parametrize("case", recorded())
def test_recorded_reply_over_a_socket_makes_the_recorded_activation(case):
    def answer(asked):
        if asked.method == "GET":
            page = case["activation"]["result"]["error"].split(": ", 1)[1].encode()
            return reply_with(page, "501 Unsupported method ('GET')")
        return reply_bytes(case)

    async def activation():
        async with serving(initialised_and(answer)) as server:
            invoker = Invoker({"image": server.url}, api_host="http://localhost")
            try:
                return await invoker.invoke(order())
            finally:
                await invoker.close()

    found = in_loop(activation())
    assert (found.status, found.result) == expected(case)


@pytest.mark.parametrize(
    "reply, outcome",
    [
        pytest.param(
            Reply(200, '{"a":1}', 7), Outcome(SUCCESS, {"a": 1}, 7), id="an object is the result"
        ),
        pytest.param(Reply(200, "[1]", 3), Outcome(SUCCESS, [1], 3), id="so is an array"),
        pytest.param(
            Reply(200, '{"error":null,"b":2}', 20),
            Outcome(APPLICATION_ERROR, {"error": None}, 20),
            id="an error of any value, and nothing else of the object",
        ),
        pytest.param(
            Reply(404, '{"error":{"statusCode":404}}', 28),
            Outcome(DEVELOPER_ERROR, {"error": {"statusCode": 404}}, 28),
            id="an error is kept as it is under any other status",
        ),
        pytest.param(
            Reply(201, "[1]", 3),
            Outcome(
                DEVELOPER_ERROR,
                {"error": "The action did not produce a valid JSON or JSON Array response: [1]"},
                3,
            ),
            id="an array under another status",
        ),
        pytest.param(
            Reply(200, "NaN", 3),
            Outcome(
                DEVELOPER_ERROR,
                {"error": "The action did not produce a valid JSON or JSON Array response: NaN"},
                3,
            ),
            id="what only Python takes for JSON",
        ),
        pytest.param(
            Reply(200, '{"a":"é😀"}', 13),
            Outcome(SUCCESS, {"a": "é😀"}, 11),
            id="size is in Java's characters",
        ),
        pytest.param(
            Reply(500, "x" * 1048576, 1048577),
            Outcome(
                APPLICATION_ERROR,
                {
                    "error": "The action produced a response that exceeded the allowed length:"
                    " 1048577 > 1048576 bytes."
                    " The truncated response was: " + "x" * 1048576
                },
                1048577,
            ),
            id="too long, whatever the status",
        ),
    ],
)
def test_run(reply, outcome):
    assert outcome_from_reply(reply) == outcome


@pytest.mark.parametrize(
    "reply, error, size",
    [
        pytest.param(
            Reply(502, '{"error":"no model"}', 20), "no model", 20, id="the error of an object"
        ),
        pytest.param(
            Reply(500, '{"a":1}', 7),
            'The action failed during initialization: {"a":1}',
            7,
            id="an object without one",
        ),
        pytest.param(
            Reply(500, "oops", 4), "The action failed during initialization: oops", 4, id="text"
        ),
        pytest.param(
            Reply(403, "", 0), "The action failed during initialization.", 0, id="nothing"
        ),
        pytest.param(
            None, "The action did not initialize and exited unexpectedly.", 0, id="no answer"
        ),
    ],
)
def test_failed_init(reply, error, size):
    assert failure_from_init_reply(reply) == Outcome(DEVELOPER_ERROR, {"error": error}, size)


@pytest.mark.parametrize("text", ["", "oops", "{}", '{"error":"x"}'])
def test_init_has_succeeded_with_200_whatever_the_body(text):
    assert failure_from_init_reply(Reply(200, text, len(text))) is None


def test_time_limits_name_the_phase():
    assert out_of_time(1000, in_init=False) == Outcome(
        DEVELOPER_ERROR,
        {"error": "The action exceeded its time limits of 1000 milliseconds."},
        0,
        True,
    )
    assert out_of_time(500, in_init=True) == Outcome(
        DEVELOPER_ERROR,
        {"error": "The action exceeded its time limits of 500 milliseconds during initialization."},
        0,
        True,
    )


@pytest.mark.parametrize(
    "text, value",
    [
        pytest.param('"\\ud800x"', "\ud800x", id="half a surrogate pair stays until it is written"),
        pytest.param('"\\ud83d\\ude00"', "😀", id="a whole one stays"),
        pytest.param("[" * 100000, None, id="endless nesting"),
        pytest.param("1.50e999", Decimal("1.50e999"), id="a number that no float can hold"),
        pytest.param('\ufeff{"a":1}', None, id="a byte order mark"),
    ],
)
def test_json(text, value):
    assert json_from_text(text) == value
