"""What the platform's HTTP client puts on the wire, and which answers it takes; over real
sockets."""

import asyncio
import json
import socket
from pathlib import Path

import pytest

from gateway.containers.client import NoReply, NotListening, post, post_when_listening
from gateway.containers.outcome import REPLY_LIMIT, Reply
from testing.actions import Asked, in_loop, reply_with, serving
from testing.process import free_port

WIRE = json.loads((Path(__file__).parents[1] / "vectors" / "requests.json").read_text("utf-8"))[
    "envelope"
]["wire"]
BODY = b'{"value":{}}'


def exchanged(answer, body=BODY):
    """What was asked, and the reply; `answer` is bytes or a function of the request."""

    async def work():
        async with serving(answer if callable(answer) else lambda asked: answer) as server:
            return server, await post("127.0.0.1", server.port, "/run", body)

    server, reply = in_loop(work())
    return server.asked, reply


def test_request_looks_as_recorded():
    async def work():
        async with serving(lambda asked: reply_with(b"{}")) as server:
            await post("127.0.0.1", server.port, "/run", BODY)
            return server.port, server.asked

    port, asked = in_loop(work())
    headers = [tuple(pair) for pair in WIRE]
    changed = {"Content-Length": str(len(BODY)), "Host": f"127.0.0.1:{port}"}
    assert asked == [
        Asked("POST", "/run", [(name, changed.get(name, value)) for name, value in headers], BODY)
    ]


@pytest.mark.parametrize(
    "answer, reply",
    [
        pytest.param(reply_with(b""), Reply(200, "", 0), id="an empty body"),
        pytest.param(
            b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}", Reply(200, "{}", 2), id="no reason"
        ),
        pytest.param(
            b"HTTP/1.1 100 Continue\r\n\r\n" + reply_with(b"{}"),
            Reply(200, "{}", 2),
            id="after a 100",
        ),
        pytest.param(
            reply_with(b"caf\xe9").replace(b"application/json", b"text/plain; charset=latin1"),
            Reply(200, "café", 4),
            id="the reply's own charset",
        ),
        pytest.param(
            reply_with(b"+2AA-+2D3eAA-").replace(b"json", b"json; charset=utf-7"),
            Reply(200, "?😀", 13),
            id="half a surrogate pair, which is no character",
        ),
        pytest.param(
            reply_with("é".encode()).replace(b"application/json", b"text/plain; charset=nope"),
            Reply(200, "é", 2),
            id="UTF-8 where it names one that doesn't exist",
        ),
        pytest.param(
            reply_with("é".encode()).replace(b"application/json", b"text/plain; charset=base64"),
            Reply(200, "é", 2),
            id="or that is none",
        ),
        pytest.param(
            reply_with(b"{}", "200 OK", "Content-Encoding: br"),
            Reply(200, "{}", 2),
            id="an encoding it doesn't undo",
        ),
        pytest.param(
            reply_with(b"", "200 OK", "Content-Encoding: gzip"),
            Reply(200, "", 0),
            id="a compressed nothing",
        ),
        pytest.param(
            reply_with(b"x" * REPLY_LIMIT),
            Reply(200, "x" * REPLY_LIMIT, REPLY_LIMIT),
            id="as long as allowed",
        ),
        pytest.param(
            reply_with(b"x" * (REPLY_LIMIT + 1)),
            Reply(200, "x" * REPLY_LIMIT, REPLY_LIMIT + 1),
            id="longer than allowed is cut",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * REPLY_LIMIT,
            Reply(200, "x" * REPLY_LIMIT, 99999999),
            id="the rest of a long one is not waited for",
        ),
        pytest.param(
            reply_with(b"x", "302 Found", "Location: /y"),
            Reply(302, "x", 1),
            id="a redirect is an answer",
        ),
        pytest.param(
            reply_with(b"x", "303 See Other"), Reply(303, "x", 1), id="a 303 that leads nowhere"
        ),
    ],
)
def test_answer_is_taken(answer, reply):
    assert exchanged(answer)[1] == reply


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"garbage\r\n\r\n", id="garbage"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n{}", id="no length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}", id="a negative length"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}", id="a body that is too short"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\n{}\r\n0\r\n\r\n",
            id="chunked",
        ),
        pytest.param(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", id="204"),
        pytest.param(b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", id="205"),
        pytest.param(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\n", id="304"),
        pytest.param(reply_with(b"xx", "200 OK", "Content-Encoding: gzip"), id="gzip"),
        pytest.param(reply_with(b"xx", "200 OK", "Content-Encoding: deflate"), id="deflate"),
        pytest.param(
            reply_with(b"", "303 See Other", "Location: ftp://x/"),
            id="redirected to another scheme",
        ),
        pytest.param(reply_with(b"", "303 See Other", "Location: /run"), id="redirected for ever"),
        pytest.param(
            reply_with(b"", "303 See Other", "Location: http://[x"), id="redirected to no address"
        ),
        pytest.param(
            reply_with(b"", "303 See Other", "Location: http://x:99999/"),
            id="redirected to no port",
        ),
        pytest.param(
            reply_with(b"", "303 See Other", f"Location: http://{'a' * 70}.x/"),
            id="redirected to no name",
        ),
        pytest.param(
            reply_with(b"", "303 See Other", "Location: http://127.0.0.1:1/"),
            id="redirected to nobody",
        ),
    ],
)
def test_answer_is_none(answer):
    with pytest.raises(NoReply):
        exchanged(answer)


def test_a_303_is_followed_with_get_and_then_other_redirects_too():
    answers = {
        "/run": reply_with(b"", "303 See Other", "Location: /one?a=b"),
        "/one?a=b": reply_with(b"", "302 Found", "Location: two"),
        "/two": reply_with(b"there"),
    }
    asked, reply = exchanged(lambda asked: answers[asked.path])
    assert reply == Reply(200, "there", 5)
    assert [(one.method, one.path, one.body) for one in asked] == [
        ("POST", "/run", BODY),
        ("GET", "/one?a=b", b""),
        ("GET", "/two", b""),
    ]


@pytest.mark.parametrize("where", ["http://127.0.0.1:{}/", "http://localhost:{}/", "//[::1]:{}/"])
def test_a_303_leads_nowhere_but_to_the_container_itself(where):
    async def work():
        async with serving(lambda asked: reply_with(b"secret")) as other:
            elsewhere = "Location: " + where.format(other.port)
            redirect = reply_with(b"", "303 See Other", elsewhere)
            async with serving(lambda asked: redirect) as server:
                with pytest.raises(NoReply, match="redirected to another place"):
                    await post("127.0.0.1", server.port, "/run", BODY)
            return other.asked

    assert in_loop(work()) == []


def test_an_answer_that_is_announced_for_ever_is_none():
    with pytest.raises(NoReply, match="announced"):
        exchanged(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000)


def test_a_large_body_arrives_whole():
    body = b"x" * 3_000_000
    asked, _ = exchanged(reply_with(b"{}"), body)
    assert asked[0].body == body


def test_nobody_listening_is_told_from_no_answer():
    with pytest.raises(NotListening):
        in_loop(post("127.0.0.1", free_port(), "/run", BODY))


def test_an_unknown_host_is_not_waited_for():
    with pytest.raises(NoReply, match="no such host"):
        in_loop(post_when_listening("no-such-host.invalid", 80, "/init", BODY))


def test_init_is_sent_once_somebody_listens():
    async def work():
        port = free_port()
        waiting = asyncio.ensure_future(post_when_listening("127.0.0.1", port, "/init", BODY))
        await asyncio.sleep(0.12)
        assert not waiting.done()
        async with serving(lambda asked: reply_with(b"{}"), port=port) as server:
            return await waiting, server.paths()

    assert in_loop(work()) == (Reply(200, "{}", 2), ["/init"])


def test_the_address_may_be_a_name_or_ipv6():
    async def work():
        async with serving(lambda asked: reply_with(b"{}"), host="::1") as server:
            await post("::1", server.port, "/run", BODY)
            return server.port, dict(server.asked[0].headers)["Host"]

    if not socket.has_ipv6:
        pytest.skip("no IPv6 on this machine")
    port, host = in_loop(work())
    assert host == f"[::1]:{port}"
