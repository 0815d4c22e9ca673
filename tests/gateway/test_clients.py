"""The clients that people use, unchanged: curl, the npm client, wskdeploy, and the library that wsk
is made of."""

import json
import os

import pytest

from testing.clients import npm_session, output_of, wsk, wskdeploy
from testing.gateway import WEB
from testing.prerequisites import need
from testing.process import until
from testing.recordings import GUEST_KEY
from testing.replay import json_reply

MANIFEST = """
packages:
  models:
    version: 1.0.0
    license: Apache-2.0
    inputs:
      TOKEN: secret
    actions:
      sentiment:
        docker: replay
        web: raw
        limits: {timeout: 30000, memorySize: 512, logSize: 1}
        inputs:
          MODEL_NAME: sentiment
"""
NOT_EMPTY = "Package not empty (contains 1 entity). Set force param or delete package contents."


def host_of(gateway):
    return f"http://localhost:{gateway.port}"


@pytest.fixture
def curl(gateway):
    """What curl prints for an action's URL, and behind it the status."""
    program = need("curl")
    gateway.create_web("upload")
    url = f"{host_of(gateway)}{WEB}upload"
    return lambda path, *options: output_of(
        program, "-sS", "-w", " %{http_code}", *options, url + path
    )


def test_curl_uploads_a_file_to_a_web_action(curl, replay, tmp_path):
    picture = tmp_path / "picture.png"
    picture.write_bytes(bytes(range(256)) * 3000)
    replay.reply = json_reply(json.dumps({"statusCode": 201, "body": {"a": 1}}))
    assert curl("/model/predict", "-F", f"image=@{picture};type=image/png") == '{\n  "a": 1\n} 201'
    assert len(replay.runs[0]["value"]["__ow_body"]) > 1_000_000


def test_curl_sends_chunks_of_unknown_length(curl, replay, tmp_path):
    (tmp_path / "text").write_text("word " * 50000)
    options = ("-H", "Transfer-Encoding: chunked", "-H", "Content-Type: text/plain")
    replay.reply = json_reply('{"body":"heard"}')
    assert curl("", *options, "--data-binary", f"@{tmp_path}/text") == "heard 200"
    assert replay.runs[0]["value"]["__ow_body"] == "word " * 50000


def test_curl_waits_for_nothing_when_its_file_is_too_large(curl, replay, tmp_path):
    (tmp_path / "large").write_bytes(bytes(1024 * 1024 + 1))
    shown = curl("", "--data-binary", f"@{tmp_path}/large")
    assert "Request larger than allowed: 1048577 > 1048576 bytes." in shown and shown.endswith(
        " 413"
    )
    assert not replay.runs


def test_curl_asks_for_the_head_alone(curl, replay):
    replay.reply = json_reply(json.dumps({"headers": {"x-model": "m"}, "body": "12345"}))
    lines = curl("/model", "-I").splitlines()
    assert lines[0] == "HTTP/1.1 200 OK" and "x-model: m" in lines and "Content-Length: 5" in lines


def test_curl_keeps_its_connection_for_the_next_request(curl, gateway, replay):
    shown = curl(
        "/a", "-w", "%{num_connects} ", f"{host_of(gateway)}{WEB}upload/b", "-o", os.devnull
    )
    assert shown.split() == ["1", "0"]
    assert [run["value"]["__ow_path"] for run in replay.runs] == ["/b", "/a"]


def test_the_npm_client(gateway, replay):
    replay.reply = json_reply('{"answer":42}')
    session = npm_session()
    seen = json.loads(
        output_of(need("node"), session, host_of(gateway), GUEST_KEY, folder=session.parent)
    )
    assert "fromNode" in seen.pop("listed") and isinstance(seen.pop("packages"), int)
    assert seen == {
        "created": "0.0.1",
        "updated": "0.0.2",
        "got": {"kind": "blackbox", "image": "replay", "binary": False},
        "result": {"answer": 42},
        "status": "success",
        "logs": {"logs": []},
        "again": {"answer": 42},
        "triggers": [],
        "rules": [],
        "sequence": {"components": ["/guest/fromNode"] * 2, "kind": "sequence"},
        "piped": {"answer": 42},
        "rule": "active",
        "disabled": "inactive",
        "fired": 32,
        "event": ["guest/on"],
        "bound": {"name": "parcel", "namespace": "guest"},
        "deleted": "fromNode",
        "missing": 404,
    }
    assert replay.runs[0]["value"] == {"a": 1}


def test_wsk(gateway, replay):
    replay.reply = json_reply('{"answer":42}')
    seen = json.loads(output_of(wsk(), host_of(gateway), GUEST_KEY))
    assert seen.pop("action list")[:2] == ["guest/parcel/inner", "guest/from wsk"]
    # Another test's invocations of this action would be older.
    assert seen.pop("activation list") == ["blackbox", "warm", "success", "guest/from", "wsk:0.0.2"]
    assert seen == {
        "property get": "local",
        "namespace list": "guest",
        "action create": "0.0.1",
        "action create again": "resource already exists",
        "action update": "0.0.2",
        "action get": "replay",
        "action get --url": f"{host_of(gateway)}{WEB}from%20wsk",
        "action get nobody": "The requested resource does not exist.",
        "package get": "inner",
        "action list parcel": ["/guest/parcel/inner", "private", "blackbox"],
        "action invoke -r": {"answer": 42},
        "action invoke -b": {
            "result": {"answer": 42},
            "size": 13,
            "status": "success",
            "success": True,
        },
        "action invoke": 32,
        "activation get": "success",
        "activation logs": [],
        "activation result": {"answer": 42},
        "activation poll": True,
        "package list": ["/guest/parcel", "private"],
        "trigger list, rule list": 0,
        "package delete, too early": NOT_EMPTY,
        "action delete again": "The requested resource does not exist.",
    }
    assert replay.runs[0]["value"] == {"token": "t", "a": 1}


COMPOSED = """
project:
  name: composed
  packages:
    tools:
      version: 1.0.0
      license: Apache-2.0
      actions:
        one: {docker: replay}
        two: {docker: replay}
      sequences:
        both: {actions: "one, two", web: true}
      triggers:
        event:
          inputs: {place: here}
      rules:
        on-event: {trigger: event, action: both}
"""


def test_wskdeploy_deploys_and_undeploys_what_is_composed(gateway, replay, tmp_path):
    (tmp_path / "manifest.yaml").write_text(COMPOSED)
    where = ("--apihost", host_of(gateway), "--auth", GUEST_KEY, "--namespace", "_")
    arguments = ("-m", "manifest.yaml", *where)
    for _ in range(2):
        said = output_of(wskdeploy(), *arguments, folder=tmp_path, HOME=str(tmp_path))
        assert said.strip() == "Success: Deployment completed successfully."
    assert gateway.request("GET", "/api/v1/web/guest/tools/both").status == 204
    assert len(replay.runs) == 2
    assert gateway.rest("POST", "triggers/event", {"q": 1}).status == 202
    until(lambda: len(replay.runs) == 4, lambda: "the rule has started nothing")
    assert replay.runs[2]["value"]["place"] == "here"
    output_of(wskdeploy(), "undeploy", *arguments, folder=tmp_path, HOME=str(tmp_path))
    gone = [gateway.rest("GET", path).status for path in ("packages/tools", "triggers/event")]
    assert [*gone, gateway.rest("GET", "rules/on-event").status] == [404] * 3


def test_wskdeploy_deploys_and_undeploys(gateway, replay, tmp_path):
    (tmp_path / "manifest.yaml").write_text(MANIFEST)
    program = wskdeploy()
    arguments = (
        "-m",
        "manifest.yaml",
        "--apihost",
        host_of(gateway),
        "--auth",
        GUEST_KEY,
        "--namespace",
        "_",
    )
    for _ in range(2):
        output_of(program, *arguments, folder=tmp_path, HOME=str(tmp_path))
    action = gateway.rest("GET", "actions/models/sentiment").json
    assert action["exec"]["image"] == "replay"
    assert action["limits"] == {"concurrency": 1, "logs": 1, "memory": 512, "timeout": 30000}
    assert gateway.request("GET", "/api/v1/web/guest/models/sentiment/model").status == 204
    value = replay.runs[0]["value"]
    assert (value["TOKEN"], value["MODEL_NAME"], value["__ow_path"]) == (
        "secret",
        "sentiment",
        "/model",
    )
    output_of(program, "undeploy", *arguments, folder=tmp_path, HOME=str(tmp_path))
    assert gateway.rest("GET", "packages/models").status == 404
