"""The recorded session with sequences, triggers, rules and bindings, call for call in its order,
against a running gateway."""

import base64
import json
import re
import time

import pytest

from testing.gateway import Gateway
from testing.recordings import WHISK_AUTH, recorded
from testing.replay import ReplayAction, json_reply

CALLS = recorded("compose")["calls"]
ID = re.compile("[0-9a-f]{32}")
# Facts of one run: there, and a number, is all that can be the same.
MEASURED = ("start", "end", "duration", "updated", "waitTime", "size")
ADDED = ("x-request-id", "server", "date", "connection", "content-length")
# What was sent by the program that made the recording.
CLIENT = [("Accept-Encoding", "identity"), ("User-Agent", "Python-urllib/3.11")]


class Recorder:
    """Answers with what it got, or what a parameter told it to, as the recordings' own action."""

    def __init__(self, action):
        self._action = action

    def reply(self, body):
        run = json.loads(body)
        value = run["value"]
        spec = value.get("__ow_headers", {}).get("x-spec") if isinstance(value, dict) else None
        if spec is not None:
            return json_reply(json.loads(base64.b64decode(spec))["body"])
        told = json.dumps({"init": self._init_of(run["action_name"]), "run": run})
        return json_reply(
            json.dumps(
                {
                    "body": base64.b64encode(told.encode()).decode(),
                    "headers": {"content-type": "application/octet-stream"},
                    "statusCode": 200,
                }
            )
        )

    def _init_of(self, name):
        inits = [each["value"]["env"] for each in self._action.inits]
        return next(env for env in reversed(inits) if env["__OW_ACTION_NAME"] == name)


class Session:
    """All of the calls, made once. Ids are learnt from where they stand in both answers."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.ids = {}
        self.replies = [self._made(call) for call in CALLS]

    def _made(self, call):
        path = call["path"]
        if call["note"] == "delete pk":
            self._empty_package()
        for old in ID.findall(path):
            path = path.replace(old, self.ids.setdefault(old, self.last_id))
        until = time.monotonic() + 20
        while True:
            reply = self._asked(call, path)
            if self._is_complete(call, reply) or time.monotonic() > until:
                break
        self.last_id = reply.header("x-openwhisk-activation-id")
        if not call.get("kept_back"):
            self._learn(call, reply)
        return reply

    def _empty_package(self):
        """What was done here before the last call, and isn't in the recording."""
        for name in ("pk/in", "pk/sin"):
            assert self.gateway.rest("DELETE", f"actions/{name}").status == 200

    def _asked(self, call, path):
        body = call.get("body", "")
        text = body if isinstance(body, str) else json.dumps(body)
        is_web = path.startswith("/api/v1/web")
        headers = [*CLIENT] if is_web else [*CLIENT, ("Authorization", WHISK_AUTH)]
        if text:
            kind = "text/plain" if text == "plain" else "application/json"
            headers.append(("Content-Type", kind))
        return self.gateway.request(call["method"], path, headers, text.encode())

    def _is_complete(self, call, reply):
        """Nobody waited for what some of the activations tell of."""
        if call["method"] != "GET" or call.get("kept_back") or "/activations" not in call["path"]:
            return True
        if reply.status != call["status"]:
            return False
        expected = call["response"]
        return not isinstance(expected, list) or places_in(expected) == places_in(reply.json)

    def _learn(self, call, reply):
        recorded_id = dict(call["headers"]).get("x-openwhisk-activation-id")
        if recorded_id:
            self.ids[recorded_id] = reply.header("x-openwhisk-activation-id")
        for old, new in zip(logs_in(call["response"]), logs_in(parsed(reply))):
            self.ids.update(zip(ID.findall(old), ID.findall(new)))


def place_of(activation):
    """Tells it from others of the same action."""
    topmost = {"key": "topmost", "value": True} in activation["annotations"]
    return activation["name"], "cause" in activation, topmost


def places_in(activations):
    return sorted(map(place_of, activations))


def parsed(reply):
    is_json = (reply.header("content-type") or "").startswith("application/json")
    return reply.json if is_json else reply.body.decode()


def logs_in(response):
    """Of every activation in it."""
    if isinstance(response, list):
        return [log for each in in_one_order(response) for log in logs_in(each)]
    return response.get("logs", []) if isinstance(response, dict) else []


def in_one_order(items):
    """Rules of one trigger start what they start side by side."""
    if not all(isinstance(each, dict) and "activationId" in each for each in items):
        return items
    return sorted(items, key=place_of)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    with ReplayAction() as action:
        action.reply = Recorder(action).reply
        folder = tmp_path_factory.mktemp("compose")
        with Gateway(folder, "--image", f"recorder:2={action.url}") as gateway:
            yield Session(gateway)


def shown():
    seen = {}
    for number, call in enumerate(CALLS):
        note = call["note"]
        seen[note] = seen.get(note, 0) + 1
        if not call.get("kept_back"):
            times = seen[note]
            yield pytest.param(number, id=note if times == 1 else f"{note} #{times}")


@pytest.mark.parametrize("number", list(shown()))
def test_call(number, session):
    call, reply = CALLS[number], session.replies[number]
    assert reply.status == call["status"], reply
    names = [name for name, _ in reply.headers if name.lower() not in ADDED]
    assert names == [name for name, _ in call["headers"] if name.lower() not in ADDED]
    assert reply.header("content-type") == dict(call["headers"]).get("Content-Type")
    text = json.dumps(parsed(reply))
    for old, new in session.ids.items():
        text = text.replace(new, old)
    actual, expected = plain(json.loads(text)), plain(call["response"])
    # The order of the members counts, too.
    assert json.dumps(actual, indent=1) == json.dumps(expected, indent=1)


def plain(value, key=None):
    """With what may differ made equal, and what the recorder's action answered told in words."""
    if isinstance(value, dict):
        if is_told(value):
            return told(value)
        key = value.get("key")
        return {name: plain_member(name, item, key) for name, item in value.items()}
    if isinstance(value, list):
        kept = [each for each in in_one_order(value) if not is_init_time(each)]
        return [plain(each) for each in kept]
    if isinstance(value, str) and "action_name" in value:
        # The web's answer is the body alone.
        return plain(json.loads(value))
    return value


def plain_member(name, value, key):
    if name == "code":
        assert re.fullmatch("[A-Za-z0-9]{32}|<code>", value)
        return "<code>"
    if name in MEASURED or (name == "value" and key in MEASURED):
        assert isinstance(value, int) and value >= 0
        return "a number"
    return plain(value)


def is_init_time(item):
    """Which activation came to a cold container is no matter of what was composed."""
    return isinstance(item, dict) and item.get("key") == "initTime"


def is_told(value):
    return "run" in value or {"body", "headers", "statusCode"} <= set(value)


def told(value):
    """What the action had got, wherever its answer went on to: members in no order."""
    inner = value if "run" in value else json.loads(base64.b64decode(value["body"]))
    run, init = inner["run"], inner["init"]
    env = init.get("value", {}).get("env", init)
    rest = {name: item for name, item in value.items() if name not in TOLD}
    facts = {
        "asked": [run[name] for name in ("action_name", "action_version", "namespace")],
        "started": [env[f"__OW_{name}"] for name in ("ACTION_NAME", "NAMESPACE")],
        "members": sorted(run),
        "value": ordered(plain(run["value"])),
    }
    return ordered({**facts, **plain(rest)})


TOLD = ("init", "run", "wire", "body", "headers", "statusCode")


def ordered(value):
    if isinstance(value, dict):
        items = {name: ordered(item) for name, item in sorted(value.items())}
        return {**items, "host": "<host>"} if "user-agent" in items else items
    return [ordered(each) for each in value] if isinstance(value, list) else value
