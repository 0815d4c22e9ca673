"""What generated input and broken circumstances have brought to light, each by its name."""

import json

import pytest

from tests.support.gateway import REST, WEB
from tests.support.replay import json_reply

ACTION = {"exec": {"kind": "blackbox", "image": "replay"}}


@pytest.mark.parametrize(
    "collection, content, message",
    [
        ("actions", {**ACTION, "parameters": [{"key": "\ud800", "value": 1}]}, None),
        ("actions", {**ACTION, "delAnnotations": [[]]}, None),
        ("actions", {**ACTION, "delAnnotations": 5}, "delAnnotations malformed!"),
        ("packages", {"exec": 1}, None),
    ],
    ids=["half a character in a key", "annotations to remove that are lists", "no list of them", "a package with exec"],
)
def test_content_that_was_an_internal_error(gateway, collection, content, message):
    reply = gateway.rest("PUT", f"{REST}{collection}/found?overwrite=true", content)
    if message is None:
        assert reply.status == 200, reply
    else:
        assert (reply.status, reply.json["error"]) == (400, "The request content was malformed:\n" + message)


@pytest.mark.parametrize("charset", ["idna", "punycode", "undefined", "unicode_escape", "hex"])
def test_an_action_that_names_a_charset_of_pythons_own_is_read_as_utf_8(gateway, replay, charset):
    gateway.create_web("found")
    body = '{"body": "é\\u0001"}'.encode()
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset={charset}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    replay.reply = head.encode() + body
    reply = gateway.request("GET", WEB + "found")
    assert (reply.status, reply.body) == (200, "é\u0001".encode()), reply
    assert "Traceback" not in gateway.stderr


@pytest.mark.timeout(30)
def test_a_charset_that_takes_the_square_of_a_text_holds_nobody_up(gateway, replay):
    gateway.create_web("found")
    text = "".join(map(chr, range(0x4E00, 0x9E00))) * 10
    replay.reply = json_reply(json.dumps({"text": text}, ensure_ascii=False))
    reply = gateway.request("GET", WEB + "found.text", [("Accept-Charset", "punycode")])
    assert (reply.status, reply.body) == (200, text.encode()), reply.status
