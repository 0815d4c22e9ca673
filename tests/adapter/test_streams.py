"""What a stream to a relay is made of, and what becomes of it when the relay goes."""

import socket
from contextlib import closing

import pytest

from openwhisk_adapter.messages import Request
from openwhisk_adapter.streaming import Stream, relayed_from_request

JSON = [("content-type", "application/json")]


@pytest.mark.parametrize(
    "headers, body",
    [
        (JSON, b"{}"),
        (JSON, b'["STREAM_PORT"]'),
        (JSON, b'{"STREAM_PORT": '),
        (JSON, b'{"STREAM_PORT": 5}'),
        (JSON, b'{"STREAM_HOST": "h", "STREAM_PORT": "70000"}'),
        ([("content-type", "text/plain")], b"STREAM_HOST STREAM_PORT"),
        ([], b'{"STREAM_HOST": "h", "STREAM_PORT": 5}'),
    ],
)
def test_what_names_no_relay_goes_the_usual_way(headers, body):
    assert relayed_from_request(Request("POST", "/", headers=headers, body=body)) is None


def test_what_a_relay_that_goes_has_missed_is_kept():
    said = []
    ours, relay = socket.socketpair()
    with closing(ours):
        stream = Stream(ours, said.append)
        relay.close()
        for piece in (b"one ", b"two ", b"three"):
            stream.add(piece)
        assert (stream.body(), stream.is_whole) == (b"one two three", False)
    assert len(said) == 1 and said[0].startswith("the relay has gone: ")
