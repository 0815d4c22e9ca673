"""Rules of the REST API beyond the recorded session."""

import asyncio
import base64
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import SimpleNamespace

import pytest

from gateway.aside import LARGE
from gateway.http.messages import Request
from gateway.http.urls import target_from_text
from gateway.refusal import Refusal
from gateway.rest.actions import Actions
from gateway.rest.call import Call
from gateway.rest.packages import Packages
from gateway.rest.query import Query
from gateway.rest.rules import Rules
from gateway.rest.triggers import Triggers
from gateway.settings import Settings
from gateway.store import Store
from testing.actions import in_loop
from testing.gateway import REST, WEB
from testing.process import until
from testing.recordings import GUEST_KEY
from testing.replay import json_reply

EXEC = {"kind": "blackbox", "image": "replay"}


def error_of(reply):
    return reply.status, reply.json["error"]


@pytest.mark.parametrize(
    "content, message",
    [
        (
            {"exec": {"kind": "nope:1"}},
            "The specified runtime 'nope:1' is not supported by this platform."
            " Valid values are: 'blackbox', 'sequence'.",
        ),
        (
            {"exec": {"kind": "nodejs:20", "code": "x"}},
            "The specified runtime 'nodejs:20' is not supported by this platform."
            " Valid values are: 'blackbox', 'sequence'. It runs such code in its image:"
            " name that in place of the kind, as in --docker openwhisk/action-nodejs-v20.",
        ),
        ({"exec": {"image": "a"}}, "'kind' must be a string defined in 'exec'"),
        ({"exec": {**EXEC, "code": 1}}, "if defined, 'code' must be a string"),
        ({"exec": EXEC, "parameters": {"a": 1}}, "parameters malformed!"),
        ({"exec": EXEC, "annotations": [{"value": 1}]}, "annotations malformed!"),
        ({"exec": EXEC, "version": "one"}, "'version' must be three numbers"),
        ({"exec": EXEC, "limits": {"memory": "much"}}, "memory limit malformed"),
        ({"exec": EXEC, "limits": []}, "Object expected in field 'limits'"),
    ],
)
def test_content_that_is_none(gateway, content, message):
    status, error = error_of(gateway.rest("PUT", "actions/wrong", content))
    assert status == 400 and error.startswith(f"The request content was malformed:\n{message}")
    assert gateway.rest("GET", "actions/wrong").status == 404


@pytest.mark.parametrize(
    "limits, problem",
    [
        ({"memory": 64}, "memory size 64 MB below allowed threshold of 128 MB"),
        (
            {"timeout": 300001},
            "duration 300001 milliseconds exceeds allowed threshold of 300000 milliseconds",
        ),
        ({"logs": 11}, "log size 11 MB exceeds allowed threshold of 10 MB"),
        ({"concurrency": 0}, "concurrency 0 below allowed threshold of 1"),
    ],
)
def test_limits(gateway, limits, problem):
    reply = gateway.rest("PUT", "actions/limited", {"exec": EXEC, "limits": limits})
    assert error_of(reply) == (400, f"requirement failed: {problem}")


def test_an_update_changes_what_it_names(gateway):
    gateway.create(
        "kept",
        annotations={"a": 1, "b": 2},
        parameters=[{"key": "p", "value": 1}],
        limits={"memory": 256},
    )
    content = {
        "annotations": [{"key": "b", "value": 3}, {"key": "c", "value": 4}],
        "delAnnotations": ["a"],
        "limits": {"timeout": 1000},
        "publish": True,
    }
    action = gateway.rest("PUT", "actions/kept?overwrite=true", content).json
    pairs = {pair["key"]: pair["value"] for pair in action["annotations"]}
    assert pairs == {"b": 3, "provide-api-key": False, "c": 4, "exec": "blackbox"}
    assert action["limits"] == {"concurrency": 1, "logs": 10, "memory": 256, "timeout": 1000}
    assert (action["parameters"], action["publish"]) == ([{"key": "p", "value": 1}], True)
    assert action["version"] == "0.0.2"


def test_a_version_is_taken_and_counted_on(gateway):
    gateway.create("versioned", version="1.2.3")
    assert gateway.create("versioned")["version"] == "1.2.4"


def test_code_is_kept_sent_with_init_and_left_out_on_request(gateway, replay):
    code = base64.b64encode(b"PK\x03\x04" * 30).decode()
    gateway.create("coded", exec={**EXEC, "code": code, "main": "run"})
    assert gateway.rest("GET", "actions/coded").json["exec"] == {
        "kind": "blackbox",
        "image": "replay",
        "code": code,
        "binary": True,
        "main": "run",
    }
    assert "code" not in gateway.rest("GET", "actions/coded?code=false").json["exec"]
    assert gateway.rest("POST", "actions/coded?blocking=true", {}).status == 200
    value = replay.inits[0]["value"]
    assert (value["code"], value["binary"], value["main"], value["name"]) == (
        code,
        True,
        "run",
        "coded",
    )


def test_init_parameters_go_to_the_environment(gateway, replay):
    parameters = [{"key": "secret", "value": {"a": 1.50}, "init": True}, {"key": "b", "value": 1}]
    gateway.create("initial", parameters=parameters)
    gateway.rest("POST", "actions/initial?blocking=true", {"c": 2})
    assert replay.inits[0]["value"]["env"]["secret"] == '{"a":1.5}'
    assert replay.runs[0]["value"] == {"b": 1, "c": 2}
    assert gateway.rest("GET", "actions/initial").json["parameters"] == parameters


def test_final_parameters_are_not_a_callers(gateway, replay):
    parameters = [{"key": "a", "value": 1}, {"key": "open", "value": None}]
    gateway.create("final", annotations={"final": True}, parameters=parameters)
    reply = gateway.rest("POST", "actions/final?blocking=true", {"a": 2})
    assert error_of(reply) == (
        400,
        "Request defines parameters that are not allowed (e.g., reserved properties).",
    )
    gateway.rest("POST", "actions/final?blocking=true", {"open": 2})
    assert [run["value"] for run in replay.runs] == [{"a": 1, "open": 2}]


def test_a_package_brings_parameters_and_goes_with_force(gateway, replay):
    gateway.rest(
        "PUT",
        "packages/tools",
        {"parameters": [{"key": "a", "value": 1}, {"key": "b", "value": 1}]},
    )
    gateway.create_web("tools/hammer", parameters=[{"key": "b", "value": 2}])
    assert gateway.request("GET", "/api/v1/web/guest/tools/hammer/x").status == 204
    gateway.rest("POST", "actions/tools/hammer?blocking=true", {"c": 3})
    web, rest = (run["value"] for run in replay.runs)
    assert (web["a"], web["b"], web["__ow_path"], rest) == (1, 2, "/x", {"a": 1, "b": 2, "c": 3})
    assert gateway.rest("DELETE", "packages/tools").status == 409
    assert gateway.rest("DELETE", "packages/tools?force=true").status == 200
    assert gateway.rest("GET", "actions/tools/hammer").status == 404


def test_a_package_named_default(gateway):
    assert error_of(gateway.rest("PUT", "packages/default", {})) == (
        400,
        "Package name 'default' is reserved.",
    )


@pytest.mark.parametrize(
    "query, problem",
    [
        (
            "limit=201",
            "'limit' was malformed:\nThe value '201' is not in the range of 0 to 200 for actions.",
        ),
        ("limit=x", "'limit' was malformed:\nThe value 'x' is not an integer for actions."),
        (
            "skip=-1",
            "'skip' was malformed:\nThe value '-1' is not greater than or equal to 0 for actions.",
        ),
        ("count=maybe", "'count' was malformed:\n'maybe' is not a valid Boolean value"),
    ],
)
def test_parameters_of_a_list(gateway, query, problem):
    assert error_of(gateway.rest("GET", f"actions?{query}")) == (
        400,
        f"The query parameter {problem}",
    )


def test_activations_by_time_name_and_page(gateway, replay):
    gateway.create("timed")
    starts = []
    for _ in range(4):
        starts.append(gateway.rest("POST", "actions/timed?blocking=true", {}).json["start"])
        time.sleep(0.003)

    def listed(query):
        return [
            each["start"] for each in gateway.rest("GET", f"activations?name=timed&{query}").json
        ]

    newest_first = starts[::-1]
    assert listed("") == newest_first
    assert listed("limit=2&skip=1") == newest_first[1:3]
    assert listed(f"since={starts[1]}") == newest_first[:3]
    assert listed(f"upto={starts[1]}") == newest_first[2:]
    assert gateway.rest("GET", f"activations?name=timed&count=true&since={starts[2]}").json == {
        "activations": 2
    }
    assert gateway.rest("GET", "activations?name=a/b/c").status == 400
    assert gateway.rest("GET", "activations?since=yesterday").status == 400


def test_what_was_not_waited_for_is_recorded(gateway, replay):
    gateway.create("later")
    replay.reply = json_reply(json.dumps({"done": 1.50}))
    reply = gateway.rest("POST", "actions/later", {"a": 1})
    path = "activations/" + reply.json["activationId"]
    record = until(
        lambda: gateway.rest("GET", path).status == 200 and gateway.rest("GET", path), "the record"
    ).json
    assert reply.status == 202 and record["response"]["result"] == {"done": 1.5}
    assert gateway.rest("GET", path + "/result").json == record["response"]
    assert gateway.rest("GET", path + "/logs").json == {"logs": []}


def test_an_answer_that_no_text_can_hold_is_recorded(gateway, replay):
    gateway.create("torn")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-7\r\n"
    replay.reply = head + b'Content-Length: 13\r\n\r\n{"a":"+2AA-"}'
    path = "activations/" + gateway.rest("POST", "actions/torn", {}).json["activationId"]
    until(lambda: gateway.rest("GET", path).status == 200, "the record")
    assert gateway.rest("GET", path).json["response"]["result"] == {"a": "?"}


def test_a_wait_that_was_too_short(gateway, replay):
    def slowly(body):
        time.sleep(0.5)
        return json_reply("{}")

    gateway.create("slow")
    replay.reply = slowly
    reply = gateway.rest("POST", "actions/slow?blocking=true&timeout=50", {})
    assert (reply.status, list(reply.json)) == (202, ["activationId"])
    path = "activations/" + reply.json["activationId"]
    until(lambda: gateway.rest("GET", path).status == 200, "the record")
    assert gateway.rest("POST", "actions/slow?blocking=true&timeout=60001", {}).status == 400


def test_a_payload_may_be_no_larger_than_the_platform_takes(gateway):
    gateway.create("fed")
    reply = gateway.rest("POST", "actions/fed?blocking=true", b'{"a":"' + b"a" * 1048576 + b'"}')
    assert error_of(reply) == (413, "Request larger than allowed: 1048584 > 1048576 bytes.")


def test_a_payload_must_be_an_object_of_json(gateway):
    gateway.create("fed")
    assert gateway.rest("POST", "actions/fed?blocking=true", [1]).status == 400
    headers = [
        ("Authorization", "Basic " + base64.b64encode(GUEST_KEY.encode()).decode()),
        ("Content-Type", "text/plain"),
    ]
    assert gateway.request("POST", REST + "actions/fed", headers, b"{}").status == 415


@pytest.mark.parametrize("key", ["a:b", GUEST_KEY + "x", "nocolon"])
def test_another_key(gateway, key):
    reply = gateway.rest("GET", "actions", key=key)
    assert error_of(reply) == (401, "The supplied authentication is invalid")
    assert reply.header("www-authenticate").startswith("Basic realm=")


def test_no_key(gateway):
    reply = gateway.request("GET", REST + "actions")
    assert (
        error_of(reply)[1]
        == "The resource requires authentication, which was not supplied with the request"
    )


def test_a_preflight_of_the_rest_api_needs_no_key(gateway):
    reply = gateway.request("OPTIONS", REST + "actions")
    assert (reply.status, reply.body, reply.header("access-control-allow-methods")) == (
        200,
        b"OK",
        "GET, DELETE, POST, PUT, HEAD",
    )


def test_a_preflight_that_takes_no_empty_answer_gets_the_outer_one(gateway):
    gateway.create_web("hello")
    reply = gateway.request("OPTIONS", WEB + "hello", [("Accept", "application/json")])
    assert (reply.status, reply.body, reply.header("content-type")) == (
        200,
        b"OK",
        "text/plain; charset=UTF-8",
    )
    assert reply.header("access-control-allow-methods") == "GET, DELETE, POST, PUT, HEAD"


def test_a_transaction_id_is_taken_over_but_for_the_platforms_own(gateway):
    assert gateway.request("GET", "/", [("X-Request-ID", "mine")]).header("x-request-id") == "mine"
    assert (
        len(gateway.request("GET", "/", [("X-Request-ID", "sid_1")]).header("x-request-id")) == 32
    )


@pytest.mark.parametrize(
    "wanted, given, status",
    [
        (12, "12", 204),
        (12, "13", 401),
        (12, None, 401),
        ({"a": 1}, "1", 401),
        ("", "", 204),
        ("", None, 401),
        (None, "", 401),
        (None, "null", 401),
        (None, None, 401),
        (False, "", 204),
        (False, None, 204),
    ],
)
def test_require_whisk_auth(gateway, wanted, given, status):
    gateway.create_web("guarded", annotations={"require-whisk-auth": wanted})
    headers = [] if given is None else [("X-Require-Whisk-Auth", given)]
    assert gateway.request("GET", WEB + "guarded", headers).status == status


def test_an_annotation_without_a_value_opens_no_action(gateway):
    annotations = [{"key": "web-export", "value": True}, {"key": "require-whisk-auth"}]
    content = {"exec": {"kind": "blackbox", "image": "replay"}, "annotations": annotations}
    assert gateway.rest("PUT", "actions/guarded?overwrite=true", content).status == 200
    assert gateway.request("GET", WEB + "guarded").status == 401


def test_an_action_that_answers_preflights_itself(gateway, replay):
    gateway.create_web(
        "own", annotations={"web-custom-options": True, "require-whisk-auth": "secret"}
    )
    replay.reply = json_reply(
        json.dumps({"headers": {"Access-Control-Allow-Origin": "https://a"}, "statusCode": 200})
    )
    reply = gateway.request("OPTIONS", WEB + "own")
    origins = [
        value for name, value in reply.headers if name.lower() == "access-control-allow-origin"
    ]
    assert (reply.status, origins) == (200, ["https://a"])
    assert replay.runs[0]["value"]["__ow_method"] == "options"
    assert gateway.request("GET", WEB + "own").status == 401


def test_no_action_is_left_in_a_package_that_is_deleted_at_the_same_moment(gateway):
    def put(name):
        return gateway.rest("PUT", f"actions/leaving/{name}", {"exec": EXEC}).status

    def delete():
        return gateway.rest("DELETE", "packages/leaving?force=true").status

    def left():
        actions = gateway.rest("GET", "actions?limit=200").json
        return [each["name"] for each in actions if each["namespace"].endswith("/leaving")]

    with ThreadPoolExecutor(4) as clients:
        for _ in range(10):
            gateway.rest("PUT", "packages/leaving", {})
            put("first")
            puts = [clients.submit(put, name) for name in "abc"]
            is_deleted = delete() == 200
            assert {each.result() for each in puts} <= {200, 404}
            assert (is_deleted, left()) == (True, [])


@pytest.mark.parametrize("collection", [Actions, Packages, Triggers, Rules])
def test_long_content_is_looked_at_where_nobody_waits_for_it(collection, tmp_path, monkeypatch):
    threads = []

    def noted(content, settings):
        threads.append(threading.current_thread())

    monkeypatch.setattr("gateway.rest.content.check_sizes", noted)
    annotations = [{"key": "k", "value": "v" * LARGE}]
    exec_ = {"kind": "blackbox", "image": "replay"}
    body = json.dumps({"annotations": annotations, "exec": exec_}).encode()
    request = Request(
        "PUT", target_from_text("/"), [("Content-Type", "application/json")], body, len(body)
    )
    call = Call(request, "guest", ("name",), Query(None))

    async def work(store):
        parts = {"store": store, "settings": Settings(), "changing": asyncio.Lock()}
        # A rule needs two ends.
        with suppress(Refusal):
            await collection(SimpleNamespace(**parts)).handler(call)(call)

    store = Store(str(tmp_path / "data"), 10, 10**9)
    try:
        in_loop(work(store))
    finally:
        store.close()
    assert threads and threading.main_thread() not in threads
