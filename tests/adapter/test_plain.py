"""What a plain client gets, who isn't the platform: byte by byte, and in its own time."""

import errno
import socket
import threading
import time
from contextlib import closing, contextmanager, suppress

import pytest

from openwhisk_adapter import wire
from openwhisk_adapter.listener import body_from_connection
from openwhisk_adapter.messages import Refused
from openwhisk_adapter.servers import Address, OtherProtocol, Unreachable, relay, wsgi
from testing.process import free_port

CHUNKED = b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module", params=["in-process", "http"])
def backend(request):
    """Those in which we read what a plain client sends; behind uvicorn that is uvicorn's."""
    return request.param


def answers(port, *pieces):
    """All that comes back for what is sent in pieces, each some time after the one before."""
    with closing(socket.create_connection(("127.0.0.1", port), 20)) as client:
        for number, piece in enumerate(pieces):
            time.sleep(0.05 if number else 0)
            with suppress(ConnectionError):
                client.sendall(piece)
        with suppress(OSError):  # the other side may have
            client.shutdown(socket.SHUT_WR)
        try:
            return b"".join(iter(lambda: client.recv(65536), b""))
        except ConnectionError:  # refused before it was read to its end
            return b""


def status_of_answer(answer):
    return answer.split(b" ")[1] if answer else b""


def test_a_body_may_come_in_chunks_and_the_chunks_in_pieces(model):
    pieces = [CHUNKED, b"3\r", b"\nabc\r\n2;x=", b"y\r\nde", b"\r\n0\r\nTrailer: x\r\n", b"\r\n"]
    answer = answers(model.port, *pieces)
    assert status_of_answer(answer) == b"200", answer
    if model.backend == "in-process":
        assert answer.endswith(b"\r\n\r\n5")  # Werkzeug's own server tells its app no length


@pytest.mark.parametrize("body", [b"x\r\n", b"1" * 70000], ids=["no number", "no end"])
def test_a_chunk_that_is_none_is_refused_or_ends_the_connection(own, body):
    own = own()
    answer = answers(own.port, CHUNKED, body)
    if own.backend == "in-process":  # Werkzeug reads no body that an app doesn't ask for
        assert status_of_answer(answer) in (b"400", b"")
    assert own.web("GET", "/p").status == 200


def test_who_asks_whether_to_go_on_is_told_so(model):
    head = b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    answer = answers(model.port, head, b"abc")
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert answer.endswith(b"\r\n\r\n3")


@pytest.mark.parametrize("target", [b"http://h/echo", b"http://h?a=b"])
def test_a_target_may_be_a_whole_url(model, target):
    answer = answers(model.port, b"GET " + target + b" HTTP/1.1\r\nHost: h\r\n\r\n")
    assert status_of_answer(answer) in (b"200", b"404"), answer


def test_an_app_that_fails_before_it_answers_is_an_error_of_its_server(model):
    answer = answers(model.port, b"GET /fail HTTP/1.1\r\nHost: h\r\n\r\n")
    assert status_of_answer(answer) == b"500", answer
    assert b"no such label" not in answer or model.backend == "http"


def test_an_app_that_fails_half_way_ends_the_connection_there(model):
    answer = answers(model.port, b"GET /half HTTP/1.1\r\nHost: h\r\n\r\n")
    assert b"half of " in answer, answer


def test_a_date_of_the_models_own_is_the_only_one(model):
    if model.backend == "http":
        return  # Werkzeug lets no app say what a connection is
    told = b'["200 OK", [["Date", "then"], ["Connection", "keep-alive"]], ""]'
    head = b"POST /answer HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(told)
    answer = answers(model.port, head + told)
    assert answer == b"HTTP/1.1 200 OK\r\nConnection: close\r\nDate: then\r\n\r\n"


def test_a_body_larger_than_memory_is_refused(model):
    if model.backend == "http":
        return  # the model's own server's to refuse
    sent = b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n"
    assert status_of_answer(answers(model.port, sent)) in (b"400", b"413", b"502")


def test_a_header_that_comes_twice_is_one_to_an_app(model):
    head = b"GET /p HTTP/1.1\r\nHost: h\r\nX-A: one\r\nX-A: two\r\n\r\n"
    assert b'"one,two"' in answers(model.port, head)


@pytest.mark.parametrize("length", [b"2, 2", b"-1", b"0x2", b"two"])
def test_a_length_that_is_no_number_is_refused(model, length):
    head = b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: " + length + b"\r\n\r\n"
    assert status_of_answer(answers(model.port, head, b"{}")) == b"400"


def test_a_connection_that_says_nothing_gets_nothing(model):
    assert answers(model.port, b"\r\n") == b""


# -- the relay to a server that listens ------------------------------------------------------------


CHUNKS = wire.Head(b"POST / HTTP/1.1", [("Transfer-Encoding", "chunked")])


@pytest.mark.parametrize("data", [b"x\r\n", b"1" * 70000], ids=["no number", "no end"])
def test_a_chunk_that_is_none_is_not_handed_on(data):
    with pytest.raises(Refused):
        relay.Body(CHUNKS).part_of(data)


def test_half_a_chunk_size_waits_for_its_other_half():
    body = relay.Body(CHUNKS)
    assert body.part_of(b"0") == b"" and not body.is_whole
    assert body.part_of(b"\r\n\r\nGET /") == b"0\r\n\r\n" and body.is_whole


def pair():
    one, other = socket.socketpair()
    other.settimeout(20)
    return one, other


def test_a_server_that_is_gone_is_out_of_reach():
    ours, client = pair()
    with closing(ours), closing(client):
        client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        with pytest.raises(Unreachable, match="can't be reached: Connection refused"):
            relay.relayed(ours, Address("127.0.0.1", free_port()))


def test_a_server_that_cannot_be_reached_is_a_bad_gateway(monkeypatch):
    def no_route(address, seconds):
        raise OSError(errno.EHOSTUNREACH, "No route to host")

    monkeypatch.setattr(relay, "connected", no_route)
    ours, client = pair()
    with closing(ours), closing(client):
        client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        with pytest.raises(Refused, match="can't be reached: No route to host"):
            relay.relayed(ours, Address("127.0.0.1", 1))


def test_a_silent_server_is_not_waited_for_when_the_client_has_said_all(monkeypatch):
    monkeypatch.setattr(relay, "PATIENCE", 0.05)
    ours, client = pair()
    with closing(socket.socket()) as silent, closing(ours), closing(client):
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        began = time.time()
        relay.relayed(ours, Address(*silent.getsockname()))
    assert time.time() - began < 10


def test_a_request_that_turns_out_wrong_adds_nothing_to_an_answer_that_has_begun():
    ours, client = pair()
    with closing(socket.socket()) as listening, closing(client):
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        relaying = threading.Thread(
            target=relay.relayed, args=(ours, Address(*listening.getsockname()))
        )
        client.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        relaying.start()
        server, _ = listening.accept()
        with closing(server):
            server.recv(65536)
            server.sendall(b"HTTP/1.1 200 OK\r\n")
            assert client.recv(65536) == b"HTTP/1.1 200 OK\r\n"
            client.sendall(b"no chunk\r\n")
            assert client.recv(65536) == b""
        relaying.join(20)
        ours.close()
    assert not relaying.is_alive()


def test_a_request_that_turns_out_wrong_before_its_answer_is_refused():
    ours, client = pair()
    with closing(socket.socket()) as silent, closing(ours), closing(client):
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        client.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        later = threading.Timer(0.1, client.sendall, [b"no chunk\r\n"])
        later.start()
        with pytest.raises(Refused) as refused:
            relay.relayed(ours, Address(*silent.getsockname()))
        later.join()
    assert refused.value.response.status == 400


@contextmanager
def dribbling(client, pause):
    """It sends a byte now and then."""
    ended = threading.Event()

    def send():
        while not ended.wait(pause):
            client.sendall(b"a")

    sending = threading.Thread(target=send)
    sending.start()
    try:
        yield
    finally:
        ended.set()
        sending.join()


@pytest.mark.parametrize("read", [wire.head_of_client, body_from_connection])
def test_a_head_has_its_time_as_a_whole(monkeypatch, read):
    monkeypatch.setattr(wire, "SILENCE", 0.3)
    ours, client = pair()
    with closing(ours), closing(client), dribbling(client, 0.05):
        with pytest.raises(Refused) as refused:
            read(ours)
    assert refused.value.response.status == 408


SIZED = b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n"


def read_by_wsgi(connection):
    head, stream = wire.head_of_client(connection)
    wsgi.body_of_request(stream, head)


def read_by_relay(connection):
    with closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        relay.relayed(connection, Address(*silent.getsockname()))


@pytest.mark.parametrize("read", [read_by_wsgi, read_by_relay, body_from_connection])
@pytest.mark.parametrize("pause", [0.02, 60], ids=["byte after byte", "nothing more"])
def test_a_body_keeps_a_pace(monkeypatch, read, pause):
    monkeypatch.setattr(wire, "SILENCE", 0.3)
    ours, client = pair()
    ours.settimeout(0.5)
    client.sendall(SIZED)
    with closing(ours), closing(client), dribbling(client, pause):
        with pytest.raises((Refused, socket.timeout)) as failure:
            read(ours)
    if pause < 1:
        assert failure.value.response.status == 408


TOO_LARGE = {
    "a length": b"Content-Length: 67108865\r\n\r\n",
    "a chunk": b"Transfer-Encoding: chunked\r\n\r\n4000001\r\n",
}


@pytest.mark.parametrize("kind", sorted(TOO_LARGE))
def test_a_body_that_is_too_large_is_the_clients_fault(start, kind):
    adapter = start("model", OPENWHISK_PLATFORM="no")
    answer = answers(adapter.port, b"POST /p HTTP/1.1\r\nHost: h\r\n" + TOO_LARGE[kind])
    assert status_of_answer(answer) == b"413", answer


def test_chunks_that_are_too_large_together_are_the_clients_fault(monkeypatch):
    monkeypatch.setattr(wire, "LARGEST", 5)
    with pytest.raises(Refused) as refused:
        wire.whole(iter([b"abc", b"def"]), 413)
    assert refused.value.response.status == 413


HEADS = {"a long line": b"A: " + b"a" * 70000 + b"\r\n", "many lines": b"A: b\r\n" * 1001}


@pytest.mark.parametrize("lines", [pytest.param(HEADS[name], id=name) for name in sorted(HEADS)])
def test_a_head_that_is_too_large_is_the_clients_fault(model, lines):
    answer = answers(model.port, b"GET /p HTTP/1.1\r\nHost: h\r\n" + lines + b"\r\n")
    assert status_of_answer(answer) == b"431", answer


def test_an_upgraded_connection_belongs_to_its_two_ends():
    ours, client = pair()
    with closing(socket.socket()) as listening, closing(client):
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        relaying = threading.Thread(
            target=relay.relayed, args=(ours, Address(*listening.getsockname()))
        )
        client.sendall(
            b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        )
        relaying.start()
        server, _ = listening.accept()
        with closing(server):
            assert b"Connection: Upgrade\r\n" in server.recv(65536)
            server.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 101")
            client.sendall(b"anything")
            assert server.recv(65536) == b"anything"
        relaying.join(20)
        ours.close()
    assert not relaying.is_alive()


class Serving:
    """A server's port, whose one connection is answered by what the test does with it."""

    def __init__(self, answer):
        self.listening = socket.socket()
        self.listening.bind(("127.0.0.1", 0))
        self.listening.listen(1)
        self.address = Address(*self.listening.getsockname())
        threading.Thread(target=self.answer, args=(answer,), daemon=True).start()

    def answer(self, answer):
        connection, _ = self.listening.accept()
        with closing(self.listening), closing(connection):
            connection.recv(65536)
            answer(connection)


@contextmanager
def relayed_to(answer):
    """A client of a server that answers so, and the thread of the relay between them."""
    server = Serving(answer)
    ours, client = pair()
    relaying = threading.Thread(target=relay.relayed, args=(ours, server.address), daemon=True)
    relaying.start()
    with closing(ours), closing(client):
        yield client, relaying


def upgraded(connection):
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
    while True:
        data = connection.recv(100)
        if not data:
            return
        connection.sendall(data)


def test_a_websocket_may_say_little_for_as_long_as_it_likes(monkeypatch):
    monkeypatch.setattr(wire, "SILENCE", 0.2)
    with relayed_to(upgraded) as (client, relaying):
        client.sendall(
            b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        )
        assert client.recv(1000).startswith(b"HTTP/1.1 101")
        for number in range(6):
            time.sleep(0.1)  # a client that speaks now and then
            client.sendall(b"%d" % number)
            assert client.recv(10) == b"%d" % number
        client.close()
        relaying.join(20)
        assert not relaying.is_alive()


def talking_first(connection):
    """It reads only when all of its answer has been taken."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    connection.sendall(b"b" * LARGE)
    left = LARGE
    while left:
        left -= len(connection.recv(65536))


LARGE = 16 << 20


def test_both_sides_may_talk_at_once(monkeypatch):
    monkeypatch.setattr(relay, "PATIENCE", 5)
    with relayed_to(talking_first) as (client, relaying):
        client.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % LARGE)
        assert client.recv(38) == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
        asking = threading.Thread(target=client.sendall, args=(b"a" * LARGE,), daemon=True)
        asking.start()
        answer = b"".join(iter(lambda: client.recv(1 << 20), b""))
        asking.join(20)
        relaying.join(20)
    assert answer == b"b" * LARGE and not asking.is_alive()


def refusing(connection):
    connection.shutdown(socket.SHUT_RD)
    connection.sendall(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\n\r\ntoo much")


def test_a_server_that_wants_no_more_is_heard_to_its_end():
    with relayed_to(refusing) as (client, relaying):
        client.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % LARGE)
        answer = b"".join(iter(lambda: client.recv(65536), b""))
        relaying.join(20)
    assert answer.endswith(b"too much") and not relaying.is_alive()


def test_who_takes_no_more_is_told_no_more():
    one, other = pair()
    ours, theirs = pair()
    theirs.close()
    with closing(one), closing(other), closing(ours):
        relaying = relay.Relay(one, ours, None, None, is_upgrade=False, may_speak_grpc=False)
        relaying.tell_server(b"a")
        relaying.tell_server(b"b")
        assert relaying.is_deaf and not relaying.is_anything_untaken()


def test_who_says_nothing_yet_has_not_ended():
    one, other = pair()
    with closing(one), closing(other):
        side = relay.Side(one)
        assert (side.say(), side.has_ended) == (b"", False)


def test_a_port_that_speaks_grpc_is_looked_away_from():
    server = Serving(lambda connection: connection.sendall(b"\0\0\4"))
    client, taken = socket.socketpair()
    with closing(client), closing(taken):
        client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        with pytest.raises(OtherProtocol, match="port %d speaks gRPC" % server.address.port):
            relay.relayed(taken, server.address, may_speak_grpc=True)
