"""Generated text as it comes: over the relay that OpenServerless puts before an action."""

import base64
import json
import socket
import threading

import pytest

from testing.process import free_port, until
from tests.adapter.conftest import COMMANDS


class Relay:
    """Takes one connection for a request, and keeps what comes over it until it is closed."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(8)
        self.port = self.listener.getsockname()[1]
        self.received = b""
        self.is_closed = threading.Event()
        threading.Thread(target=self.take, daemon=True).start()

    def take(self):
        try:
            connection, _ = self.listener.accept()
        except OSError:  # the test is over
            return
        with connection:
            for data in iter(lambda: connection.recv(2048), b""):
                self.received += data
        self.is_closed.set()


@pytest.fixture
def relay():
    relay = Relay()
    yield relay
    relay.listener.shutdown(socket.SHUT_RDWR)
    relay.listener.close()


@pytest.fixture
def streaming(backend, start):
    adapter = start("model", *COMMANDS[backend], OPENWHISK_STREAM="127.0.0.1")
    reply = adapter.init()
    assert reply.status == 200, (reply, adapter.log)
    return adapter


def asked(path, query="", port=0, host="127.0.0.1", **members):
    """The parameters of a raw web action, to which the relay has added its two."""
    body = {"prompt": "hello", "STREAM_HOST": host, "STREAM_PORT": str(port), **members}
    return {
        "__ow_method": "post",
        "__ow_path": path,
        "__ow_query": query,
        "__ow_headers": {"content-type": "application/json"},
        "__ow_body": base64_of(body),
    }


def base64_of(value):
    return base64.b64encode(json.dumps(value).encode("utf-8")).decode("ascii")


def test_each_piece_is_with_the_client_before_the_next_one_is_made(streaming, relay, tmp_path):
    go_on = str(tmp_path / "go-on")
    results = []
    params = asked("/steps", go_on, relay.port)
    thread = threading.Thread(target=lambda: results.append(streaming.run(params)))
    thread.start()
    until(lambda: relay.received == b"data: one\n\n", lambda: repr(relay.received))
    assert not results
    open(go_on, "w").close()
    thread.join(20)
    assert relay.is_closed.wait(10)
    assert relay.received == b"data: one\n\ndata: two\n\n"
    assert json.loads(results[0]["body"]) == {"status": 200, "bytes": 22}
    assert results[0]["statusCode"] == 200


def test_the_model_sees_nothing_of_the_relay(streaming, relay):
    streaming.run(asked("/p", "", relay.port))
    assert relay.is_closed.wait(10)
    headers = json.loads(relay.received.decode("utf-8"))["headers"]
    assert headers["content-length"] == str(len('{"prompt":"hello"}'))


def test_what_a_plain_invocation_is_answered_comes_as_well(streaming, relay):
    params = {"STREAM_HOST": "127.0.0.1", "STREAM_PORT": str(relay.port), "prompt": "hello"}
    result = streaming.run(params)
    assert relay.is_closed.wait(10)
    assert result == {"status": 200, "bytes": len(relay.received)}
    assert json.loads(relay.received.decode("utf-8"))["path"] == "/model/predict"


def test_an_error_of_the_model_comes_once(streaming, relay):
    result = streaming.run(asked("/fail", "", relay.port))
    assert relay.is_closed.wait(10)
    assert result["error"]["statusCode"] == 500
    assert relay.received


def test_a_relay_that_is_gone_leaves_the_answer_as_it_would_be_without(streaming):
    result = streaming.run(asked("/p", "", free_port()))
    assert json.loads(result["body"])["path"] == "/p"
    assert "can't be reached" in streaming.stdout


@pytest.mark.parametrize("host", ["localhost", "169.254.169.254", "127.0.0.1.evil.example"])
def test_nobody_else_is_ever_connected_to(streaming, relay, host):
    result = streaming.run(asked("/p", "", relay.port, host))
    assert json.loads(result["body"])["path"] == "/p"
    assert relay.received == b"" and not relay.is_closed.is_set()


@pytest.mark.parametrize("port", ["0", "70000", "-1", "http", "", "1" * 50, "\u00b2", "000080999"])
def test_a_port_that_is_none_is_nobody(streaming, port):
    assert streaming.run(asked("/p", "", port))["statusCode"] == 200


def test_without_the_setting_the_two_members_are_the_models(start, relay):
    adapter = start("model", *COMMANDS["http"])
    assert adapter.init().status == 200
    result = adapter.run(asked("/p", "", relay.port))
    sent = json.loads(result["body"])["headers"]["content-length"]
    assert int(sent) > len("STREAM_HOST") and relay.received == b""
