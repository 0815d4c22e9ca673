"""Sequences, triggers, rules and bindings beyond the recorded session."""

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from testing.gateway import WEB, Gateway
from testing.process import until
from testing.replay import json_reply

GONE = "The requested resource does not exist."


def error_of(reply):
    return reply.status, reply.json["error"]


def sequence(gateway, name, *components, **content):
    exec_ = {"kind": "sequence", "components": [f"/_/{each}" for each in components]}
    return gateway.rest("PUT", f"actions/{name}?overwrite=true", {"exec": exec_, **content})


def invoked(gateway, name, payload=None):
    return gateway.rest("POST", f"actions/{name}?blocking=true", payload or {})


def put(gateway, path, **content):
    reply = gateway.rest("PUT", f"{path}?overwrite=true", content)
    assert reply.status == 200, reply
    return reply.json


def rule(gateway, name, trigger, action):
    return put(gateway, f"rules/{name}", trigger=f"/_/{trigger}", action=f"/_/{action}")


def recorded_activation(gateway, activation_id):
    path = f"activations/{activation_id}"
    until(lambda: gateway.rest("GET", path).status == 200, lambda: "no record")
    return gateway.rest("GET", path).json


def facts(activation):
    return {each["key"]: each["value"] for each in activation["annotations"]}


def echo(body):
    """What it got is what the next one gets."""
    value = json.loads(body)["value"]
    return json_reply(json.dumps(value if isinstance(value, list) else {**value, "ran": 1}))


# -- sequences ---------------------------------------------------------------------------


def test_no_more_than_fifty_actions_are_taken(gateway):
    gateway.create("step")
    assert sequence(gateway, "fifty", *["step"] * 50).status == 200
    too_long = (400, "Too many actions in the sequence.")
    assert error_of(sequence(gateway, "longer", *["step"] * 51)) == too_long
    assert error_of(sequence(gateway, "longer", "fifty", "step")) == too_long
    assert gateway.rest("GET", "actions/longer").status == 404


def test_a_sequence_that_grew_stops_after_fifty_actions(gateway, replay):
    gateway.create("step")
    sequence(gateway, "inner", "step")
    sequence(gateway, "outer", "inner", "inner")
    sequence(gateway, "inner", *["step"] * 30)
    replay.runs.clear()
    reply = invoked(gateway, "outer")
    assert reply.status == 502 and len(replay.runs) == 50
    assert reply.json["response"]["result"] == {"error": "Too many actions in the sequence."}
    inner = recorded_activation(gateway, reply.json["logs"][1])
    assert len(inner["logs"]) == 20 and inner["response"]["status"] == "application error"


def test_sequences_made_of_each_other_end(gateway):
    """Neither is in the other when it is made: an action becomes a sequence later."""
    for name in ("first", "second", "third"):
        gateway.create(name)
    sequence(gateway, "first", "second")
    sequence(gateway, "second", "third")
    cycle = (400, "Sequence may not refer to itself.")
    assert error_of(sequence(gateway, "third", "first")) == cycle
    assert error_of(sequence(gateway, "third", "third")) == cycle


def test_the_memory_of_a_sequence_is_that_of_its_largest_action(gateway):
    gateway.create("small", limits={"memory": 128})
    gateway.create("large", limits={"memory": 512})
    sequence(gateway, "both", "small", "large", limits={"timeout": 1000})
    limits = facts(invoked(gateway, "both").json)["limits"]
    assert (limits["memory"], limits["timeout"]) == (512, 1000)


def test_what_is_in_the_last_result_goes_before_bound_and_final_parameters(gateway, replay):
    replay.reply = echo
    final = [{"key": "mine", "value": "bound"}, {"key": "kept", "value": 1}]
    gateway.create("keeper", parameters=final, annotations={"final": True})
    sequence(gateway, "keeping", "keeper")
    assert invoked(gateway, "keeping", {"mine": "given"}).status == 200
    assert replay.runs[-1]["value"] == {"mine": "given", "kept": 1}
    assert error_of(invoked(gateway, "keeper", {"mine": "given"}))[0] == 400


def test_a_final_sequence_lets_nobody_name_what_it_runs(gateway):
    gateway.create("step")
    annotations = [{"key": "final", "value": True}]
    assert sequence(gateway, "sealed", "step", annotations=annotations).status == 200
    status, error = error_of(invoked(gateway, "sealed", {"_actions": ["/_/other"]}))
    assert status == 400 and error.startswith("Request defines parameters that are not allowed")


def test_init_parameters_are_there_beside_a_list(gateway, replay):
    replay.reply = json_reply("[1,2]")
    gateway.create("lister")
    gateway.create("taker", parameters=[{"key": "SECRET", "value": "s", "init": True}])
    sequence(gateway, "listing", "lister", "taker")
    assert invoked(gateway, "listing").json["response"]["result"] == [1, 2]
    assert replay.runs[-1]["value"] == [1, 2]
    assert replay.inits[-1]["value"]["env"]["SECRET"] == "s"


def test_a_sequence_shows_what_it_runs_while_it_runs(gateway, replay):
    """An activation that isn't waited for has its records in the end."""
    gateway.create("step")
    sequence(gateway, "going", "step", "step")
    reply = gateway.rest("POST", "actions/going", {})
    assert reply.status == 202 and set(reply.json) == {"activationId"}
    whole = recorded_activation(gateway, reply.json["activationId"])
    parts = [recorded_activation(gateway, each) for each in whole["logs"]]
    assert [each["cause"] for each in parts] == [whole["activationId"]] * 2
    assert whole["duration"] == sum(each["duration"] for each in parts)


def test_a_web_sequence_answers_as_its_last_action_does(gateway, replay):
    replay.reply = json_reply('{"statusCode":201,"headers":{"x-a":"b"},"body":"made"}')
    gateway.create("step")
    annotations = [{"key": "web-export", "value": True}]
    sequence(gateway, "public", "step", annotations=annotations)
    reply = gateway.request("GET", f"{WEB}public/path?a=1")
    assert (reply.status, reply.header("x-a"), reply.body) == (201, "b", b"made")
    assert replay.runs[-1]["value"]["__ow_path"] == "/path"
    gateway.rest("DELETE", "actions/step")
    reply = gateway.request("GET", f"{WEB}public")
    assert error_of(reply) == (400, "Response is not valid 'message/http'.")
    reply = gateway.request("GET", f"{WEB}public.text")
    assert reply.body == b"Sequence component does not exist."


def test_an_error_of_the_first_action_is_the_web_answer(gateway, replay):
    replay.reply = json_reply('{"error":{"statusCode":418,"body":"no"}}')
    gateway.create("step")
    sequence(gateway, "failing", "step", "step", annotations=[{"key": "web-export", "value": True}])
    reply = gateway.request("GET", f"{WEB}failing")
    assert (reply.status, reply.body, len(replay.runs)) == (418, b"no", 1)


# -- triggers and rules ------------------------------------------------------------------


def test_a_trigger_tells_of_each_of_its_rules(gateway, replay):
    gateway.create("listener")
    gateway.create("leaver")
    put(gateway, "triggers/event", parameters=[{"key": "p", "value": 1}])
    rule(gateway, "works", "event", "listener")
    rule(gateway, "rests", "event", "listener")
    rule(gateway, "lost", "event", "leaver")
    gateway.rest("POST", "rules/rests", {"status": "inactive"})
    gateway.rest("DELETE", "actions/leaver")
    reply = gateway.rest("POST", "triggers/event", {"z": 1, "a": 2})
    record = recorded_activation(gateway, reply.json["activationId"])
    started = json.loads(record["logs"][0])["activationId"]
    assert record["logs"] == [
        '{"statusCode":0,"success":true,"activationId":"%s",'
        '"rule":"guest/works","action":"guest/listener"}' % started,
        '{"statusCode":1,"success":false,"rule":"guest/lost",'
        f'"error":"{GONE}","action":"guest/leaver"}}',
        '{"statusCode":1,"success":false,"rule":"guest/rests","error":"Rule \'guest/rests\''
        " is inactive, action 'guest/listener' was not activated.\""
        ',"action":"guest/listener"}',
    ]
    assert list(record["response"]["result"]) == ["a", "z"]
    recorded_activation(gateway, started)
    value = replay.runs[-1]["value"]
    assert "content-type" not in value.pop("__ow_headers")
    assert value == {"p": 1, "a": 2, "z": 1}


def test_a_rule_without_its_trigger_is_inactive_and_stays_so(gateway):
    gateway.create("listener")
    put(gateway, "triggers/short-lived")
    rule(gateway, "widow", "short-lived", "listener")
    gateway.rest("DELETE", "triggers/short-lived")
    assert gateway.rest("GET", "rules/widow").json["status"] == "inactive"
    assert gateway.rest("POST", "rules/widow", {"status": "inactive"}).status == 200
    refused = gateway.rest("POST", "rules/widow", {"status": "active"})
    assert error_of(refused) == (404, "Only rules with existing triggers can be activated")
    put(gateway, "triggers/short-lived")
    assert gateway.rest("GET", "rules/widow").json["status"] == "inactive"
    assert gateway.rest("POST", "triggers/short-lived", {}).status == 204
    assert gateway.rest("POST", "rules/widow", {"status": "active"}).status == 200
    assert gateway.rest("POST", "triggers/short-lived", {}).status == 202


def test_a_rule_that_is_given_another_trigger_leaves_the_old_one(gateway):
    gateway.create("listener")
    for name in ("old", "new"):
        put(gateway, f"triggers/{name}")
    rule(gateway, "mover", "old", "listener")
    gateway.rest("POST", "rules/mover", {"status": "inactive"})
    moved = rule(gateway, "mover", "new", "listener")
    assert (moved["status"], moved["version"]) == ("inactive", "0.0.2")
    assert gateway.rest("GET", "triggers/old").json["rules"] == {}
    assert list(gateway.rest("GET", "triggers/new").json["rules"]) == ["guest/mover"]


def test_rules_run_in_the_order_in_which_they_were_made_or_switched(gateway):
    gateway.create("listener")
    put(gateway, "triggers/row")

    def order():
        return [name[6:] for name in gateway.rest("GET", "triggers/row").json["rules"]]

    for name in ("x", "b", "m"):
        rule(gateway, name, "row", "listener")
    assert order() == ["x", "b", "m"]
    rule(gateway, "b", "row", "listener")
    assert order() == ["x", "b", "m"]
    for status in ("inactive", "active"):
        gateway.rest("POST", "rules/x", {"status": status})
    assert order() == ["b", "m", "x"]


def test_rules_that_are_made_at_the_same_time_are_all_there(gateway):
    gateway.create("listener")
    put(gateway, "triggers/crowded")
    names = [f"rule-{number}" for number in range(16)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda name: rule(gateway, name, "crowded", "listener"), names))
    assert sorted(gateway.rest("GET", "triggers/crowded").json["rules"]) == sorted(
        f"guest/{name}" for name in names
    )


@pytest.mark.parametrize(
    "body, problem",
    [
        (b"", "Unexpected end-of-input at input index 0"),
        (b"{}", "key not found: status"),
        (b'{"status":"on"}', "requirement failed: on is not a recognized rule state"),
    ],
)
def test_a_rule_has_two_states(gateway, body, problem):
    gateway.create("listener")
    put(gateway, "triggers/t")
    rule(gateway, "two", "t", "listener")
    status, error = error_of(gateway.rest("POST", "rules/two", body))
    assert status == 400
    assert error.startswith(f"The request content was malformed:\n{problem}")


@pytest.mark.parametrize("kind", ["actions", "packages", "triggers", "rules"])
def test_one_name_is_for_one_thing(gateway, kind):
    gateway.create("taken")
    put(gateway, "triggers/taken-by-trigger")
    name = "taken-by-trigger" if kind == "actions" else "taken"
    content = {
        "actions": {"exec": {"kind": "blackbox", "image": "replay"}},
        "rules": {"trigger": "/_/taken-by-trigger", "action": "/_/taken"},
    }.get(kind, {})
    elsewhere = (409, "Resource by this name exists but is not in this collection.")
    assert error_of(gateway.rest("PUT", f"{kind}/{name}?overwrite=true", content)) == elsewhere
    assert error_of(gateway.rest("GET", f"{kind}/{name}")) == elsewhere
    assert error_of(gateway.rest("DELETE", f"{kind}/{name}")) == elsewhere


def test_a_model_is_kept_warm_by_a_trigger_and_a_rule(gateway, replay):
    """As docs/deploy.md says: what is fired every so often is a GET."""
    gateway.create("my-model")
    put(gateway, "triggers/every-5-minutes", parameters=[{"key": "__ow_method", "value": "get"}])
    rule(gateway, "keep-my-model-warm", "every-5-minutes", "my-model")
    for _ in range(2):
        assert gateway.rest("POST", "triggers/every-5-minutes").status == 202
    until(lambda: len(replay.runs) == 2, lambda: "it wasn't asked")
    assert [each["value"]["__ow_method"] for each in replay.runs] == ["get", "get"]


# -- bindings ----------------------------------------------------------------------------


@pytest.fixture
def bound(gateway):
    put(gateway, "packages/tools", parameters=[{"key": "a", "value": 1}, {"key": "b", "value": 1}])
    gateway.create("tools/hammer", parameters=[{"key": "c", "value": 3}])
    put(
        gateway,
        "packages/mine",
        binding={"namespace": "_", "name": "tools"},
        parameters=[{"key": "b", "value": 2}],
    )


def test_a_binding_adds_its_parameters_wherever_its_action_runs(gateway, replay, bound):
    sequence(gateway, "hammering", "mine/hammer")
    reply = invoked(gateway, "hammering", {"q": 1})
    assert replay.runs[-1]["value"] == {"a": 1, "b": 2, "c": 3, "q": 1}
    part = recorded_activation(gateway, reply.json["logs"][0])
    names = [each for each in facts(part) if each != "initTime"]
    assert names == ["causedBy", "binding", "path", "waitTime", "kind", "timeout", "limits"]
    assert facts(part)["binding"] == "guest/mine" and facts(part)["path"] == "guest/tools/hammer"


def test_a_web_action_answers_under_a_binding_too(gateway, replay, bound):
    gateway.create_web("tools/saw")
    assert gateway.request("GET", "/api/v1/web/guest/mine/saw").status == 204
    assert replay.runs[-1]["value"]["b"] == 2


def test_a_binding_lists_what_it_stands_for(gateway, bound):
    listed = gateway.rest("GET", "actions/mine/").json
    assert ("guest/tools", "hammer") in [(each["namespace"], each["name"]) for each in listed]
    assert listed == gateway.rest("GET", "actions/tools/").json


def test_a_sequence_that_a_changed_binding_leads_into_itself_comes_to_an_end(gateway):
    """Nothing but sequences runs in it, so that no count of actions ends it."""
    put(gateway, "packages/steady")
    put(gateway, "packages/circle")
    gateway.create("steady/turn")
    put(gateway, "packages/way", binding={"namespace": "_", "name": "steady"})
    assert sequence(gateway, "circle/turn", "way/turn").status == 200
    put(gateway, "packages/way", binding={"namespace": "_", "name": "circle"})
    reply = invoked(gateway, "circle/turn")
    assert reply.status == 502
    assert reply.json["response"]["result"] == {"error": "Too many actions in the sequence."}


def test_a_binding_whose_package_is_gone_leads_nowhere(gateway, bound):
    assert gateway.rest("DELETE", "packages/tools?force=true").status == 200
    for reply in (
        gateway.rest("GET", "packages/mine"),
        gateway.rest("GET", "actions/mine/hammer"),
        gateway.rest("GET", "actions/mine/"),
        invoked(gateway, "mine/hammer"),
    ):
        assert error_of(reply) == (404, GONE)
    assert gateway.rest("DELETE", "packages/mine").status == 200


def test_what_can_not_be_bound(gateway, bound):
    gateway.create("nail")

    def refused(name):
        binding = {"namespace": "_", "name": name}
        return error_of(gateway.rest("PUT", "packages/other", {"binding": binding}))

    assert refused("mine") == (400, "Cannot bind to another package binding.")
    assert refused("nail") == (409, "Cannot bind to a resource that is not a package.")
    status, error = error_of(gateway.rest("PUT", "packages/other", {"binding": {"name": 1}}))
    assert status == 400 and error.endswith("binding malformed!")


# -- what there isn't --------------------------------------------------------------------


def test_a_feed_is_refused_with_what_works_instead(gateway):
    """As wsk asks for one."""
    body = {"lifecycleEvent": "CREATE", "triggerName": "/_/feed", "minutes": 5}
    path = "/api/v1/namespaces/whisk.system/actions/alarms/interval?blocking=true"
    status, error = error_of(gateway.rest("POST", path, body))
    denied = "The supplied authentication is not authorized to access 'whisk.system/alarms'."
    assert (status, error) == (
        403,
        f"{denied} Nothing feeds triggers here: create it without --feed, and fire it when it is"
        " time, as in: while sleep 300; do wsk trigger fire NAME; done",
    )
    assert error_of(gateway.rest("POST", path, {})) == (403, denied)


def test_a_conductor_is_refused_with_what_works_instead(gateway):
    annotations = [{"key": "conductor", "value": True}]
    content = {"exec": {"kind": "blackbox", "image": "replay"}, "annotations": annotations}
    assert error_of(gateway.rest("PUT", "actions/leader", content)) == (
        400,
        "Conductor actions are not supported by this platform: join actions in a sequence,"
        " or in a program that invokes them.",
    )


def test_the_api_gateway_is_refused_with_what_works_instead(gateway):
    path = "/api/v1/web/whisk.system/apimgmt/createApi.http?accesstoken=x&spaceguid=y"
    reply = gateway.request("POST", path, [("Content-Type", "application/json")], b"{}")
    assert error_of(reply) == (
        404,
        f"{GONE} There is no API gateway here: a web action has a URL of its own,"
        " which 'wsk action get NAME --url' prints.",
    )


# -- the data file -----------------------------------------------------------------------

REFUSE_RULES = """
CREATE TRIGGER full BEFORE INSERT ON rules BEGIN SELECT RAISE(ABORT, 'no room'); END;
"""


def test_a_rule_that_cannot_be_kept_is_known_to_no_trigger(replaying, tmp_path):
    with Gateway(tmp_path, "--image", f"replay={replaying.url}") as gateway:
        gateway.create("a")
        for name in ("t", "other"):
            put(gateway, f"triggers/{name}")
        rule(gateway, "r", "t", "a")
        paths = ("triggers/t", "triggers/other", "rules/r")
        before = [gateway.rest("GET", path).json for path in paths]
        with closing(sqlite3.connect(gateway.data)) as database:
            database.executescript(REFUSE_RULES)
        ends = {"trigger": "/_/other", "action": "/_/a"}
        for path in ("rules/new", "rules/r?overwrite=true"):
            refused = gateway.rest("PUT", path, ends)
            assert error_of(refused) == (500, "The data file can't be written to: no room.")
        assert [gateway.rest("GET", path).json for path in paths] == before


OLD_TABLES = """
CREATE TABLE actions (path TEXT PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE packages (path TEXT PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE activations (id TEXT PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL,
    path TEXT NOT NULL, start INTEGER NOT NULL, record TEXT NOT NULL, summary TEXT NOT NULL);
"""
OLD = {
    "annotations": [],
    "name": "old",
    "namespace": "guest",
    "parameters": [],
    "publish": False,
    "updated": 1,
    "version": "0.0.7",
}
OLD_ACTION = {
    **OLD,
    "exec": {"kind": "blackbox", "image": "replay", "binary": False},
    "limits": {"concurrency": 1, "logs": 10, "memory": 256, "timeout": 60000},
}
OLD_PACKAGE = {**OLD, "name": "parcel", "binding": {}}


def test_a_data_file_from_before_there_were_sequences_opens(replaying, replay, tmp_path):
    with sqlite3.connect(f"{tmp_path}/gateway.sqlite3") as database:
        database.executescript(OLD_TABLES)
        for table, record in (("actions", OLD_ACTION), ("packages", OLD_PACKAGE)):
            values = (f"guest/{record['name']}", json.dumps(record))
            database.execute(f"INSERT INTO {table} VALUES (?, ?)", values)
    database.close()
    with Gateway(tmp_path, "--image", f"replay={replaying.url}") as gateway:
        assert gateway.rest("GET", "actions/old").json["version"] == "0.0.7"
        assert gateway.rest("GET", "packages/parcel").json["binding"] == {}
        sequence(gateway, "new", "old")
        assert invoked(gateway, "new").status == 200


def test_all_of_it_survives_a_restart(replaying, tmp_path):
    options = ("--image", f"replay={replaying.url}")
    paths = ("actions/s", "triggers/t", "rules/r", "packages/b", "packages/p")
    with Gateway(tmp_path, *options) as gateway:
        gateway.create("a")
        sequence(gateway, "s", "a")
        put(gateway, "packages/p", publish=True)
        put(gateway, "packages/b", binding={"namespace": "_", "name": "p"})
        put(gateway, "triggers/t")
        rule(gateway, "r", "t", "s")
        gateway.rest("POST", "rules/r", {"status": "inactive"})
        before = [gateway.rest("GET", path).json for path in paths]
    with Gateway(tmp_path, *options) as gateway:
        assert [gateway.rest("GET", path).json for path in paths] == before
