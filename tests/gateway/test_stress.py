"""Clients that are slow, wrong, endless or gone, and a gateway that is killed: the others notice
nothing."""

import json
import os
import signal
import threading
import time
from contextlib import closing, suppress

import pytest

from gateway.terminal import complain
from testing.gateway import WEB, Gateway, received, reply_from_bytes
from testing.process import until
from testing.replay import ReplayAction, json_reply

GET = f"GET {WEB}hello HTTP/1.1\r\nHost: h\r\n"


@pytest.fixture(scope="module")
def served(gateway):
    gateway.create_web("hello")
    return gateway


WRONG = [
    ("no HTTP at all", b"\x16\x03\x01\x02\x00\x01\x00\r\n", 400),
    ("method unknown", b"BREW / HTTP/1.1\r\nHost: h\r\n\r\n", 501),
    ("method endless", b"G" * 9000, 400),
    ("version unknown", b"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505),
    ("target endless", b"GET /" + b"a" * 9000, 414),
    ("target with a fragment", b"GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    ("host missing", b"GET / HTTP/1.1\r\n\r\n", 400),
    ("host twice", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    ("host wrong", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    ("host other than the target's", b"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", 400),
    ("header without colon", b"GET / HTTP/1.1\r\nHost: h\r\nnonsense\r\n\r\n", 400),
    ("header name too long", b"GET / HTTP/1.1\r\nHost: h\r\nX-" + b"a" * 70 + b": 1\r\n\r\n", 431),
    ("header value too long", b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431),
    ("headers endless", b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 700000, 431),
    ("header not UTF-8", b"GET / HTTP/1.1\r\nHost: h\r\nX: \xe9\r\n\r\n", 400),
    ("header with a NUL", b"GET / HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n", 400),
    (
        "two lengths",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        400,
    ),
    (
        "length and chunks",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
    ),
    ("length no number", b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ten\r\n\r\n", 400),
    (
        "chunk no number",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        400,
    ),
    (
        "trailers endless",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
        + b"a:\r\n" * 130000
        + b"\r\n",
        431,
    ),
    ("coding unknown", b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
]


@pytest.mark.parametrize(
    "data, status", [pytest.param(data, status, id=name) for name, data, status in WRONG]
)
def test_malformed_request_is_answered_and_the_connection_closed(served, data, status):
    reply = served.raw(data)
    assert (reply.status, reply.header("connection")) == (status, "close"), reply
    assert reply.header("content-type") == "text/plain; charset=UTF-8" and reply.body


def test_trailers_are_read_and_left_out_and_another_request_may_follow_them(served, replay):
    head = f"POST {WEB}hello HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n".encode()
    chunks = b"5\r\nhello\r\n0\r\n" + b"X-After: 1\r\n" * 500 + b"\r\n"
    more = head + b"\r\n" + chunks
    last = head + b"Connection: close\r\n\r\n" + chunks
    with closing(served.connect()) as connection:
        connection.sendall(more * 20 + last)
        assert received(connection).count(b"HTTP/1.1 204 No Content\r\n") == 21
    assert len(replay.runs) == 21
    assert not any("x-after" in run["value"]["__ow_headers"] for run in replay.runs)


def test_a_body_beyond_all_limits_is_refused_while_it_comes(served):
    head = (
        b"POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n"
        % f"{WEB}hello".encode()
    )
    with closing(served.connect()) as connection:
        connection.sendall(head)
        with pytest.raises(OSError):
            for _ in range(2000):
                connection.sendall(b"a" * 65536)
    assert served.request("GET", WEB + "hello").status == 204


def test_a_large_body_costs_no_memory(served):
    before = memory_of(served)
    reply = served.request(
        "POST", WEB + "hello", [("Content-Type", "text/plain")], b"a" * 40_000_000
    )
    assert (reply.status, reply.json["error"]) == (
        413,
        "Request larger than allowed: 40000000 > 1048576 bytes.",
    )
    assert memory_of(served) - before < 20_000


def test_a_body_without_a_key_is_not_read(served):
    """The answer is there before the body is, and nothing of that is kept."""
    head = b"PUT /api/v1/namespaces/_/actions/a HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    with closing(served.connect()) as connection:
        connection.sendall(head + b"Content-Length: 50000000\r\nExpect: 100-continue\r\n\r\n")
        reply = reply_from_bytes(received(connection))
    assert (reply.status, reply.header("connection")) == (401, "close")
    assert reply.json["error"].startswith("The resource requires authentication")


@pytest.mark.parametrize("size", [1000, 40_000_000])
def test_a_body_that_comes_without_a_key_costs_no_memory(served, size):
    before = memory_of(served)
    head = b"PUT /api/v1/namespaces/_/actions/a HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    with closing(served.connect()) as connection:
        with suppress(OSError):
            connection.sendall(head + b"Content-Length: %d\r\n\r\n" % size + b"a" * size)
        assert connection.recv(100).startswith(b"HTTP/1.1 401 ")
    assert memory_of(served) - before < 5_000


def test_a_body_for_a_web_action_is_kept_up_to_the_payloads_limit_whatever_the_method(served):
    before = memory_of(served)
    reply = served.request("PUT", WEB + "hello", [("Content-Type", "a/b")], b"a" * 40_000_000)
    assert reply.status == 413
    assert memory_of(served) - before < 20_000


def test_a_length_with_more_digits_than_python_reads(served, replay):
    sent = f"bytes {'9' * 6000}-{'9' * 6000}/*"
    reply = served.request("GET", WEB + "hello", [("Content-Range", sent[:8000])])
    assert reply.status == 204
    assert replay.runs[0]["value"]["__ow_headers"]["content-range"] == sent[:8000]


def test_what_is_printed_for_the_one_who_runs_it_obeys_nobody(capsys):
    complain("a\x1b[2Jb\x07\r\u202ec\nd")
    assert capsys.readouterr().err == "a\\x1b[2Jb\\x07\\r\\u202ec\nd\n"


def memory_of(process):
    with open(f"/proc/{process.pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def test_requests_on_one_connection(served, replay):
    with closing(served.connect()) as connection:
        connection.sendall(
            (
                GET
                + "X-N: 1\r\n\r\n"
                + GET
                + "X-N: 2\r\n\r\n"
                + GET
                + "X-N: 3\r\nConnection: close\r\n\r\n"
            ).encode()
        )
        answers = received(connection)
    assert answers.count(b"HTTP/1.1 204 No Content\r\n") == 3
    assert [run["value"]["__ow_headers"]["x-n"] for run in replay.runs] == ["1", "2", "3"]


def test_http_1_0_gets_its_answer_and_a_closed_connection(served):
    reply = served.raw(f"GET {WEB}hello HTTP/1.0\r\nHost: h\r\n\r\n".encode())
    assert (reply.status, reply.header("connection")) == (204, "close")


def test_a_client_that_waits_to_be_asked_for_its_body(served, replay):
    with closing(served.connect()) as connection:
        connection.sendall(
            (
                GET.replace("GET", "POST")
                + "Content-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
            ).encode()
        )
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        assert reply_from_bytes(received(connection)).status == 204
    assert replay.runs[0]["value"]["__ow_body"] == "YWJj"


def test_a_request_byte_by_byte_stops_nobody(served):
    data = (GET + "Connection: close\r\n\r\n").encode()
    with closing(served.connect()) as connection:
        for place in range(len(data)):
            connection.sendall(data[place : place + 1])
            if place % 20 == 0:
                assert served.request("GET", WEB + "hello").status == 204
        assert reply_from_bytes(received(connection)).status == 204


def test_many_clients_at_once_half_of_which_go_away(tmp_path):
    """No activation is lost or run twice, whoever waits for it, and nothing is left open."""
    release = threading.Event()

    def slowly(body):
        release.wait(30)
        return json_reply("{}")

    with ReplayAction() as action, Gateway(tmp_path, "--image", f"replay={action.url}") as gateway:
        gateway.create_web("slow")
        files = open_files(gateway)
        clients = [gateway.connect(60) for _ in range(200)]
        action.reply = slowly
        for number, client in enumerate(clients):
            request = f"GET {WEB}slow?n={number} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
            client.sendall(request.encode())
        until(lambda: action.runs, "the first activation")
        for client in clients[::2]:
            client.close()
        release.set()
        assert {reply_from_bytes(received(client)).status for client in clients[1::2]} == {204}
        for client in clients[1::2]:
            client.close()
        until(lambda: len(action.runs) == 200, lambda: f"{len(action.runs)} activations")
        assert sorted(int(run["value"]["__ow_query"][2:]) for run in action.runs) == list(
            range(200)
        )
        count = "activations?count=true"
        until(
            lambda: gateway.rest("GET", count).json == {"activations": 200},
            lambda: gateway.rest("GET", count),
        )
        until(
            lambda: open_files(gateway) <= files + 1,
            lambda: f"{open_files(gateway)} files are open, {files} were",
        )


def open_files(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def test_kill_in_the_middle_loses_no_recorded_activation(tmp_path):
    with ReplayAction() as action:
        arguments = ("--image", f"replay={action.url}")
        with Gateway(tmp_path, *arguments) as gateway:
            gateway.create_web("hello", parameters=[{"key": "a", "value": 1.5}])
            answered = []
            stop = threading.Event()
            clients = [
                threading.Thread(target=ask, args=(gateway, answered, stop)) for _ in range(4)
            ]
            for client in clients:
                client.start()
            until(lambda: len(answered) > 50, "fifty answers")
            os.kill(gateway.pid, signal.SIGKILL)
            stop.set()
            for client in clients:
                client.join()
        with Gateway(tmp_path, *arguments) as gateway:
            assert gateway.rest("GET", "actions/hello").json["parameters"] == [
                {"key": "a", "value": 1.5}
            ]
            for activation_id in answered:
                record = gateway.rest("GET", f"activations/{activation_id}")
                assert record.status == 200 and record.json["response"]["success"], record
            assert gateway.request("GET", WEB + "hello").status == 204


def ask(gateway, answered, stop):
    while not stop.is_set():
        try:
            reply = gateway.request("GET", WEB + "hello")
        except (OSError, ValueError):
            return
        answered.append(reply.header("x-openwhisk-activation-id"))


def test_ending_the_gateway_ends_what_runs(tmp_path):
    hanging = threading.Event()
    with ReplayAction() as action, Gateway(tmp_path, "--image", f"replay={action.url}") as gateway:
        gateway.create_web("hello")
        action.reply = lambda body: hanging.wait(30) and json_reply("{}")
        with closing(gateway.connect()) as connection:
            connection.sendall((GET + "\r\n").encode())
            until(lambda: action.runs, "the activation")
            begun = time.monotonic()
            gateway.terminate(signal.SIGINT)
            assert gateway.wait(10) == 0, gateway.log
        hanging.set()
        assert time.monotonic() - begun < 5
        assert "Traceback" not in gateway.stderr, gateway.stderr


def test_names_from_outside_reach_no_shell_and_no_file(served):
    for name in ("..%2F..%2Fetc%2Fpasswd", "$(id)", "a;id", "%00", "a%0d%0ab"):
        assert (
            served.rest(
                "PUT", f"actions/{name}", {"exec": {"kind": "blackbox", "image": "replay"}}
            ).status
            == 400
        )
        assert served.request("GET", f"/api/v1/web/guest/default/{name}").status in (401, 404)


def test_what_an_action_says_in_a_header_stays_in_that_header(served, replay):
    replay.reply = json_reply(
        json.dumps({"headers": {"X-A": "1\u010d\u010aSet-Cookie: x"}, "body": "hi"})
    )
    reply = served.request("GET", WEB + "hello")
    assert (reply.status, reply.header("set-cookie"), reply.header("x-a")) == (200, None, None)
