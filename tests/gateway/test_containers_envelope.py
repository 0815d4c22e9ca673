"""The bodies of /init and /run, against the recorded ones."""

import json
from pathlib import Path

import pytest

from gateway.containers.envelope import init_body_from_order, run_body_from_order
from gateway.entities import Action, Order
from testing.actions import action, order

ENVELOPE = json.loads((Path(__file__).parents[1] / "vectors" / "requests.json").read_text("utf-8"))[
    "envelope"
]
NO_KEY = (("provide-api-key", False),)


def recorded_order():
    run, init = ENVELOPE["run"], ENVELOPE["init"]["value"]["env"]
    of = Action("guest", "", "rawbound", "0.0.3", "image", annotations=NO_KEY)
    # The recording holds texts already: what makes them out of values is tested below.
    init_env = {key: value for key, value in init.items() if not key.startswith("__OW_")}
    return Order(of, run["value"], init_env, run["activation_id"], run["transaction_id"])


def test_init_is_as_recorded():
    deadline = int(ENVELOPE["init"]["value"]["env"]["__OW_DEADLINE"])
    assert (
        json.loads(init_body_from_order(recorded_order(), deadline, "uuid:key")) == ENVELOPE["init"]
    )


def test_run_is_as_recorded():
    deadline = int(ENVELOPE["run"]["deadline"])
    assert (
        json.loads(run_body_from_order(recorded_order(), deadline, "uuid:key")) == ENVELOPE["run"]
    )


@pytest.mark.parametrize(
    "value, text",
    [
        pytest.param("s3", "s3", id="text"),
        pytest.param(True, "true", id="boolean"),
        pytest.param(None, "", id="null"),
        pytest.param(0.5, "0.5", id="number"),
        pytest.param({"a": [1, "é"]}, '{"a":[1,"é"]}', id="object, compact"),
    ],
)
def test_init_parameters_are_texts_in_the_environment(value, text):
    body = json.loads(init_body_from_order(order(init_env={"key": value}), 1))
    assert body["value"]["env"]["key"] == text


def test_code_and_main_are_sent_where_there_are_any():
    of = action(code="aGk=", binary=True, main="start")
    value = json.loads(init_body_from_order(order(of), 1))["value"]
    assert (value["code"], value["binary"], value["main"]) == ("aGk=", True, "start")


def test_an_action_in_a_package_is_named_with_it():
    of = order(action("inner", package="pkg"))
    assert json.loads(run_body_from_order(of, 1))["action_name"] == "/guest/pkg/inner"


@pytest.mark.parametrize(
    "annotations, given",
    [
        pytest.param((), True, id="missing"),
        pytest.param((("provide-api-key", True),), True, id="true"),
        pytest.param((("provide-api-key", {}),), True, id="an object"),
        pytest.param(NO_KEY, False, id="false"),
        pytest.param((("provide-api-key", 0),), False, id="zero"),
        pytest.param((("provide-api-key", ""),), False, id="nothing"),
        pytest.param((("provide-api-key", None),), False, id="null"),
    ],
)
def test_the_api_key_is_given_unless_an_annotation_says_no(annotations, given):
    of = order(action(annotations=annotations))
    env = json.loads(init_body_from_order(of, 1, "uuid:key"))["value"]["env"]
    assert env.get("__OW_API_KEY") == ("uuid:key" if given else None)
    assert json.loads(run_body_from_order(of, 1, "uuid:key")).get("api_key") == (
        "uuid:key" if given else None
    )


def test_what_no_encoding_can_carry_does_not_stop_an_order():
    assert b'"?"' in run_body_from_order(order(value={"a": "\ud800"}), 1)
