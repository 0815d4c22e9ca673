"""How long the front waits for a client, with limits short enough to be seen."""

import asyncio

import pytest

from gateway.http import front
from gateway.http.front import BodyLimits, Front, bound_sockets, port_of
from gateway.http.messages import Response, text_response
from gateway.http.urls import text_from_path
from testing.actions import eventually, in_loop

LIMITS = BodyLimits(10, 100)


@pytest.fixture(autouse=True)
def short_limits(monkeypatch):
    for name in (
        "HEAD_SECONDS",
        "BODY_SECONDS",
        "IDLE_SECONDS",
        "ANSWER_SECONDS",
        "LINGER_SECONDS",
    ):
        monkeypatch.setattr(front, name, 0.3)


async def answer(request):
    if text_from_path(request.target.path) == "/crash":
        raise RuntimeError("on purpose")
    if text_from_path(request.target.path) == "/long":
        return text_response(200, "a" * 50_000_000)
    return text_response(200, f"{len(request.body)} of {request.length}")


def asked(*pieces, seconds=0.0):
    """What comes back for pieces that are sent with pauses between them, until the connection is
    closed."""

    async def ask():
        sockets = bound_sockets("127.0.0.1", 0)
        port = port_of(sockets[0])
        served = Front(sockets, answer, lambda start, head: LIMITS)
        await served.listen()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(seconds)
            return await asyncio.wait_for(reader.read(), 10)
        finally:
            writer.close()
            await served.close()

    return asyncio.run(ask())


def test_nothing_at_all_is_answered_with_nothing():
    assert asked() == b""


def test_half_a_first_line():
    assert asked(b"GET / HT") == b""


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: h\r\nX: ", id="half a head"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc", id="half a body"
        ),
    ],
)
def test_half_a_request_is_told_that_it_took_too_long(data):
    assert asked(data).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


def test_a_byte_now_and_then_is_not_enough():
    data = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n"
    assert asked(data, *[b"a"] * 9, seconds=0.05).startswith(b"HTTP/1.1 408 ")


def test_a_connection_is_kept_for_a_while_and_then_closed():
    reply = asked(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert reply.startswith(b"HTTP/1.1 200 OK\r\n") and b"Connection: close" not in reply


def test_a_client_that_takes_nothing_is_left():
    async def ask():
        sockets = bound_sockets("127.0.0.1", 0)
        port = port_of(sockets[0])
        served = Front(sockets, answer, lambda start, head: LIMITS)
        await served.listen()
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET /long HTTP/1.1\r\nHost: h\r\n\r\n")
        await eventually(lambda: served._connections, "the client is heard")
        await eventually(lambda: not served._connections, "the client is left")
        writer.close()
        await served.close()

    in_loop(ask())


def test_of_a_long_body_the_beginning_is_kept_and_the_length_told():
    request = (
        b"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 50\r\n\r\n" + b"a" * 50
    )
    assert asked(request).endswith(b"\r\n\r\n10 of 50")


def test_a_body_that_is_too_long_is_refused():
    request = (
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n"
        + b"a" * 101
        + b"\r\n"
    )
    assert asked(request).startswith(b"HTTP/1.1 413 Content Too Large\r\n")


def test_a_fault_of_ones_own_is_a_500_and_not_the_end(capsys):
    crash = b"GET /crash HTTP/1.1\r\nHost: h\r\n\r\n"
    reply = asked(crash + b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert reply.startswith(b"HTTP/1.1 500 ") and reply.endswith(b"0 of 0")
    assert "on purpose" in capsys.readouterr().err


@pytest.mark.parametrize("status", [101, 205])
def test_an_answer_without_a_visible_end_closes_the_connection(status, monkeypatch):
    async def without_end(request):
        return Response(status)

    monkeypatch.setitem(globals(), "answer", without_end)
    assert b"Connection: close\r\n" in asked(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
