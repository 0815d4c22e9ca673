"""Anything that a model answers, on its own port or in the adapter's process: one result, and
the next one works."""

import json
import socket
import threading
from contextlib import closing, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testing.adapter import Adapter, link_adapter
from testing.controller import params_from_request, response_from_result
from tests.stress.scale import tried
from tests.stress.test_adapter_requests import check_next, started
from tests.stress.test_pure_adapter import HEADER_NAMES, JSON, TEXTS, TYPES

FINE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
LINES = [
    "HTTP/1.1 200 OK",
    "HTTP/1.0 404",
    "HTTP/1.1 100 Continue",
    "HTTP/1.1 103 x",
    "HTTP/1.1 204 x",
    "HTTP/1.1 304 x",
]
LINES += [
    "HTTP/1.1 099 x",
    "HTTP/1.1 999 x",
    "HTTP/2 200",
    "HTTP/1.1 20",
    "HTTP/1.1  200 OK",
    "ICY 200 OK",
    "",
    ":",
    " x",
]
LINES += [
    "Content-Length: 2",
    "Content-Length: 3",
    "Content-Length: -1",
    "Content-Length: +2",
    "Content-Length: 2, 2",
]
LINES += [
    "Content-Length: 99999999999999999999",
    "Content-Length:",
    "Content-Length: 0x2",
    "Content-Length: 1_0",
]
LINES += [
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: identity",
    "2",
    "2;x=y",
]
LINES += [
    "0",
    "-1",
    "ffffffffffffffff",
    "0x2",
    "1_0",
    "{}",
    "Content-Type: text/plain",
    "Content-Type: image/png",
]
LINES += [
    "Content-Encoding: gzip",
    "Connection: keep-alive",
    "Set-Cookie: a",
    "Set-Cookie: b",
    "X: " + "x" * 70000,
]
LINES += [
    "Location: //[",
    "Location: /a",
    "\xff: \xff",
    "X\x00: \x01",
    "no colon",
    "Content-Type: text/plain; charset=utf-7",
]
SENT = st.lists(st.sampled_from(LINES), max_size=8).flatmap(
    lambda lines: st.sampled_from(["\r\n", "\n", "\r"]).map(
        lambda end: end.join(lines).encode("latin-1")
    )
)
SENT = SENT | st.builds(
    lambda *parts: b"".join(parts),
    st.just(b"HTTP/1.1 200 OK\r\n"),
    SENT,
    st.sampled_from([b"\r\n\r\n", b""]),
    SENT,
)


class Answering:
    """A server that answers what it is told to whoever asks, and closes the connection."""

    def __init__(self):
        self.answer = FINE
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *failure):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with closing(connection), suppress(OSError):
                connection.settimeout(5)
                if connection.recv(65536):
                    connection.sendall(self.answer)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass


@pytest.fixture(scope="module")
def model():
    with Answering() as answering:
        yield answering


@pytest.fixture(scope="module")
def adapter(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    link_adapter(folder)
    (folder / "app.py").write_text("import time; time.sleep(3600)")
    with Adapter(folder, str(folder), OPENWHISK_TARGET=model.port) as running:
        assert running.init().status == 200, running.log
        yield running


@tried(300)
@given(st.sampled_from(["GET", "HEAD", "POST"]), SENT | st.binary(max_size=50))
def test_whatever_a_models_server_sends_becomes_one_result(model, adapter, method, sent):
    model.answer, before = sent, len(adapter.stderr)
    text = adapter.run_text(params_from_request(method.lower(), "/p", "", [], b""))
    assert response_from_result(text, method).status < 600
    assert "Traceback" not in adapter.stderr[before:], adapter.stderr[before:]
    model.answer = FINE
    assert adapter.web("GET", "/").status == 200


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    with started(tmp_path_factory.mktemp("odd"), "in-process", "odd") as running:
        assert running.init().status == 200, running.log
        yield running


STATUSES = st.sampled_from(
    ["200 OK", "200", "099 x", "1000 x", "20", "", "abc", "-12", "٢٠٠ x", 200, None]
)
PAIRS = st.lists(
    st.tuples(HEADER_NAMES | TEXTS | JSON, TYPES | TEXTS | JSON).map(list) | JSON, max_size=4
)


@tried(150)
@given(STATUSES, PAIRS, st.lists(TEXTS | JSON, max_size=3))
def test_whatever_an_app_says_to_its_server_becomes_one_result(odd, status, headers, chunks):
    told = json.dumps([status, headers, chunks]).encode()
    for method in ("post", "head"):
        text = odd.run_text(
            params_from_request(method, "/p", "", [("Content-Type", "image/png")], told)
        )
        assert isinstance(json.loads(text), dict)
    check_next(odd)
