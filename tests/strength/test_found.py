"""What generated input and broken circumstances have brought to light, each by its name."""

import pytest

from tests.support.gateway import REST

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
