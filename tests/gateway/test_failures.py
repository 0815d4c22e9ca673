"""The line that says why an activation failed."""

import pytest

from gateway.entities import APPLICATION_ERROR, DEVELOPER_ERROR, SUCCESS, Activation
from gateway.failures import MINUTE, MOST_IN_A_MINUTE, Failures, reason_of
from testing.actions import action


def failed(error, name="a"):
    """None for an activation that went well."""
    status, result = (SUCCESS, {}) if error is None else (DEVELOPER_ERROR, {"error": error})
    return Activation("0" * 32, action(name), 0, 0, 0, None, status=status, result=result)


@pytest.mark.parametrize(
    "error, reason",
    [
        pytest.param("no", "no", id="a word"),
        pytest.param("", "", id="nothing"),
        pytest.param("a\tb\x1e c", "a b ... c", id="other characters that end a line"),
        pytest.param(
            "it ended with KeyError\nTraceback\nKeyError: 1",
            "it ended with KeyError: 1",
            id="a traceback",
        ),
        pytest.param("one\ntwo\nthree\n", "one ... three", id="several lines"),
        pytest.param("x" * 10**6, "x" * 200 + "...", id="a long one"),
        pytest.param(
            {"statusCode": 500, "body": "secret"},
            "the model answered with the status 500",
            id="a response",
        ),
        pytest.param({"statusCode": 404, "body": "secret"}, None, id="a client's own fault"),
        pytest.param({"statusCode": 10**30}, None, id="no status"),
        pytest.param({"secret": 1}, "its error isn't a text", id="something else"),
        pytest.param(None, None, id="no failure"),
    ],
)
def test_reason(error, reason):
    assert reason_of(failed(error)) == reason


def test_the_reason_of_an_application_error():
    assert reason_of(failed("no")._replace(status=APPLICATION_ERROR)) == "no"


def test_an_action_says_the_same_once_until_something_else_comes():
    failures = Failures("http://h")
    told = [
        failures.line_for(failed(error, name), 0)
        for error, name in (("x", "a"), ("x", "a"), ("x", "b"), ("y", "a"), (None, "a"), ("y", "a"))
    ]
    assert told == [
        "a: x  (more: http://h)",
        None,
        "b: x  (more: http://h)",
        "a: y  (more: http://h)",
        None,
        "a: y  (more: http://h)",
    ]


def test_there_are_only_so_many_lines_in_a_minute():
    failures = Failures("http://h")
    told = [failures.line_for(failed(str(number)), number) for number in range(100)]
    assert None not in told[: MOST_IN_A_MINUTE + 1]
    assert told[MOST_IN_A_MINUTE].startswith("More activations fail than are told here")
    assert set(told[MOST_IN_A_MINUTE + 1 :]) == {None}
    assert failures.line_for(failed("x"), MINUTE + 100) == "a: x  (more: http://h)"
