"""The recorded session with the REST API, call for call in its order, against a running gateway."""

import base64
import json
import re

import pytest

from testing.gateway import Gateway
from testing.recordings import GUEST_KEY, recorded
from testing.replay import ReplayAction, json_reply

CALLS = recorded("api")["calls"]
CUT = re.compile(r"^(.*)<… \d+ characters in all>$", re.DOTALL)
# Facts of one run: there, and a number, is all that can be the same.
MEASURED = ("start", "end", "duration", "updated", "waitTime", "initTime")
ECHO = json.dumps(
    {
        "body": "eyJpbml0Ijog",
        "headers": {"content-type": "application/octet-stream"},
        "statusCode": 200,
    }
)


def answer_as_recorder(body):
    """The recorder's action answered what a header told it to, and otherwise what it had got."""
    spec = json.loads(body)["value"].get("__ow_headers", {}).get("x-spec")
    if spec is None:
        return json_reply(ECHO)
    spec = json.loads(base64.b64decode(spec))
    fill = spec.get("fill")
    return json_reply(
        fill["prefix"] + fill["char"] * fill["count"] + fill["suffix"] if fill else spec["body"]
    )


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """All of the calls, made once; each test looks at one of them."""
    with ReplayAction() as action:
        action.reply = answer_as_recorder
        folder = tmp_path_factory.mktemp("api")
        with Gateway(folder, "--image", f"recorder:2={action.url}") as gateway:
            yield play(gateway)


def play(gateway):
    ids, replies = {}, []
    for call in CALLS:
        body = call.get("body")
        sent = (
            body.encode()
            if isinstance(body, str)
            else b""
            if body is None
            else json.dumps(body).encode()
        )
        path = call["path"]
        for old, new in ids.items():
            path = path.replace(old, new)
        headers = (
            [("Authorization", "Basic " + base64.b64encode(GUEST_KEY.encode()).decode())]
            if call["auth"]
            else []
        )
        headers += [("Content-Type", "application/json")] if sent else []
        reply = gateway.request(call["method"], path, headers, sent)
        recorded_id = dict(call["headers"]).get("x-openwhisk-activation-id")
        if recorded_id:
            ids[recorded_id] = reply.header("x-openwhisk-activation-id")
        replies.append(reply)
    return ids, replies


def names():
    seen = {}
    for number, call in enumerate(CALLS):
        seen[call["note"]] = seen.get(call["note"], 0) + 1
        times = seen[call["note"]]
        yield pytest.param(number, id=call["note"] if times == 1 else f"{call['note']} #{times}")


@pytest.mark.parametrize("number", list(names()))
def test_call(number, session):
    ids, replies = session
    call, reply = CALLS[number], replies[number]
    assert reply.status == call["status"], reply
    added = ("x-request-id", "server", "date", "connection")
    shown = [
        name
        for name, _ in reply.headers
        if name.lower() not in added and not name.startswith("Access-Control")
    ]
    assert shown == [name for name, _ in call["headers"]]
    assert reply.header("content-type") == dict(call["headers"])["Content-Type"]
    assert (reply.header("access-control-allow-origin") is not None) == call["cors"]
    if reply.header("content-type").startswith("text/plain"):
        assert reply.body.decode() == call["response"]
        return
    text = reply.body.decode("utf-8")
    for old, new in ids.items():
        text = text.replace(new, old)
    actual, expected = comparable(json.loads(text), call["response"])
    # The order of the members counts, too.
    assert json.dumps(actual, indent=1) == json.dumps(expected, indent=1)


def comparable(actual, expected):
    """Both, with what may differ made equal."""
    if "runtimes" in expected:
        # Only images are run here, so that no other kind is offered.
        assert actual["runtimes"] == {}
        return {**actual, "runtimes": None}, {**expected, "runtimes": None}
    if "buildno" in expected:
        return {**actual, "build": "", "buildno": ""}, {**expected, "build": "", "buildno": ""}
    return plain(actual, expected), plain(expected, expected)


def plain(value, expected):
    if isinstance(value, dict):
        of = expected if isinstance(expected, dict) else {}
        return {name: plain_member(name, value, of) for name in value}
    if isinstance(value, list):
        value, expected = without_init_time(value), without_init_time(expected)
        pairs = zip(
            value, expected if isinstance(expected, list) and len(expected) == len(value) else value
        )
        return [plain(item, other) for item, other in pairs]
    if isinstance(expected, str) and CUT.match(expected):
        # Long texts were cut, and those of the recorder's own action tell of its own /init.
        assert isinstance(value, str)
        return "long text"
    if isinstance(expected, str) and "is not supported by this platform" in expected:
        return re.sub("Valid values are: .*", "", value)
    return value


def without_init_time(items):
    """Which of the activations came to a cold container, there were others about, and is no matter
    of the API."""
    return [
        item for item in items if not (isinstance(item, dict) and item.get("key") == "initTime")
    ]


def plain_member(name, value, expected):
    if name == "code":
        assert re.fullmatch("[A-Za-z0-9]{32}|<code>", value[name])
        return "<code>"
    is_measured = name in MEASURED or name == "value" and value.get("key") in MEASURED
    if is_measured or name == "size" and is_echo(expected):
        assert isinstance(value[name], int) and value[name] >= 0
        return "a number"
    return plain(value[name], expected.get(name))


def is_echo(response):
    return isinstance(response.get("result"), dict) and "body" in response["result"]
