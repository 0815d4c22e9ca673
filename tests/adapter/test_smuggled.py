"""What a client hides in a request, for a server that reads it in another way than we do."""

import io
import json

import pytest

from openwhisk_adapter import wire
from openwhisk_adapter.messages import Refused
from openwhisk_adapter.servers import relay
from tests.adapter.test_guarded import SERVER, answer_to

HIDDEN = {
    "bare CR": b"A: b\rX-OpenWhisk-User: admin\r\n",
    "folded line": b"A: b\r\n X-OpenWhisk-User: admin\r\n",
    "folded value": b"X-OpenWhisk-User:\r\n admin\r\n",
    "space before the colon": b"X-OpenWhisk-User : admin\r\n",
    "NUL": b"A: b\0X-OpenWhisk-User: admin\r\n",
    "no colon": b"A\r\n",
    "no name": b": admin\r\n",
    "two hosts": b"Host: y\r\n",
    "a coding that few know": b"Transfer-Encoding: xchunked\r\n",
    "no coding": b"Transfer-Encoding: identity\r\n",
    "two codings": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
}
CHUNKED = wire.Head(b"POST / HTTP/1.1", [("Transfer-Encoding", "chunked")])


def head_of(data):
    return wire.head_of_request(io.BytesIO(data))


@pytest.mark.parametrize("backend", ["http", "in-process"])
@pytest.mark.parametrize("kind", sorted(HIDDEN))
def test_a_head_that_two_could_read_in_two_ways_is_refused(public_of, backend, kind):
    sent = b"POST /told HTTP/1.1\r\nHost: x\r\n" + HIDDEN[kind] + b"\r\n0\r\n\r\n"
    assert answer_to(public_of(backend), sent).startswith(b"HTTP/1.1 400 ")


@pytest.fixture(scope="module")
def public_of(tmp_path_factory):
    """A plain server behind each of the back ends in which we read the head."""
    from testing.adapter import Adapter, folder_of
    from tests.adapter.conftest import COMMANDS

    running = {}

    def public(backend):
        if backend not in running:
            parent = tmp_path_factory.mktemp(backend)
            folder = folder_of(parent, "model")
            command = COMMANDS[backend]
            running[backend] = Adapter(folder, str(parent), command, OPENWHISK_PLATFORM="no")
        return running[backend]

    yield public
    for adapter in running.values():
        adapter.stop()


@pytest.mark.parametrize(
    "line",
    [
        b"GET /a",
        b"GET  /a HTTP/1.1",
        b"GET /a HTTP/1.1\rA: b",
        b"PRI * HTTP/2.0",
        b"G(T /a HTTP/1.1",
    ],
)
def test_a_request_line_of_another_kind_is_refused(line):
    with pytest.raises(Refused):
        head_of(line + b"\r\nHost: x\r\n\r\n")


@pytest.mark.parametrize("name", ["X.OpenWhisk.User", "X_OpenWhisk-User", "SCRIPT_NAME"])
def test_a_name_that_cgi_takes_for_another_is_left_out(name):
    head = head_of(b"GET / HTTP/1.1\r\n%s: admin\r\nB: c\r\n\r\n" % name.encode("ascii"))
    assert wire.headers_from_outside(head) == [("B", "c")]


def test_no_trailer_becomes_a_header():
    body = relay.Body(CHUNKED)
    sent = b"1\r\na\r\n0\r\nX-OpenWhisk-User: admin\r\n\r\n"
    assert body.part_of(sent) == b"1\r\na\r\n0\r\n\r\n"
    assert body.is_whole


def test_chunks_are_written_anew():
    body = relay.Body(CHUNKED)
    sent = b" 003;a\rb\nabc\n0;x\n\n"
    pieces = [body.part_of(bytes([byte])) for byte in bytearray(sent)]
    assert b"".join(pieces) == b"3\r\nabc\r\n0\r\n\r\n"


def test_a_chunk_that_is_longer_than_it_says_is_refused():
    with pytest.raises(Refused):
        relay.Body(CHUNKED).part_of(b"3\r\nabcXX\r\n0\r\n\r\n")


@pytest.mark.parametrize("lines", [b"Upgrade: h2c", b"Upgrade: websocket, h2c", b"A: b"])
def test_nobody_changes_to_a_protocol_that_is_not_looked_into(lines):
    head = head_of(b"GET / HTTP/1.1\r\nConnection: Upgrade\r\n" + lines + b"\r\n\r\n")
    written = relay.bytes_from_head(head, relay.wants_websocket(head)).lower()
    assert b"upgrade" not in written and b"connection: close" in written


def test_a_header_ends_with_a_letter_that_some_take_for_a_space(public_of):
    sent = "GET /p HTTP/1.1\r\nHost: x\r\nX-A: voil\u00e0\r\n\r\n".encode("utf-8")
    for backend in ("http", "in-process"):
        _, _, body = answer_to(public_of(backend), sent).partition(b"\r\n\r\n")
        value = json.loads(body.decode("utf-8"))["headers"]["x-a"]
        assert value.encode("latin-1").decode("utf-8") == "voil\u00e0"


def test_a_folded_line_of_the_models_is_no_header_of_its_own(start):
    adapter = start("odd_server", *SERVER)
    assert adapter.init().status == 200
    answer = adapter.web("GET", "/folded")
    assert answer.header("x-a") == ["one Set-Cookie: admin=1"]
    assert not answer.header("set-cookie")
