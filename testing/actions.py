"""Containers that answer as a test tells them to, over real sockets, and orders to run in them."""

import asyncio
import contextlib
import itertools
from typing import Any, Callable, List, NamedTuple, Tuple

from gateway.entities import Action, Limits, Order

IDS = itertools.count(1)
OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"body":"hi"}'


class Asked(NamedTuple):
    """One request as it came over the wire."""

    method: str
    path: str
    headers: List[Tuple[str, str]]
    body: bytes


class Server:
    """`answer` gets an Asked and gives the bytes to send before the connection is closed, or waits
    first."""

    def __init__(self, answer: Callable[[Asked], Any]):
        self.answer = answer
        self.asked: List[Asked] = []
        self.running = 0
        self.most_running = 0

    @property
    def port(self):
        return self.server.sockets[0].getsockname()[1]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def paths(self):
        return [asked.path for asked in self.asked]

    async def handle(self, reader, writer):
        try:
            asked = await read_request(reader)
            self.asked.append(asked)
            self.running += 1
            self.most_running = max(self.most_running, self.running)
            data = self.answer(asked)
            writer.write(await data if asyncio.iscoroutine(data) else data)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.running -= 1
            writer.close()


async def read_request(reader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    headers = [tuple(line.split(": ", 1)) for line in lines]
    length = int(dict(headers).get("Content-Length", 0))
    method, path, _ = first.split(" ")
    return Asked(method, path, headers, await reader.readexactly(length))


@contextlib.asynccontextmanager
async def serving(answer, host="127.0.0.1", port=0):
    server = Server(answer)
    server.server = await asyncio.start_server(server.handle, host, port, limit=2**22)
    try:
        yield server
    finally:
        server.server.close()


def initialised_and(reply):
    """Answers /init with success and everything else with `reply`, bytes or a function."""

    def answer(asked):
        if asked.path == "/init":
            return OK
        return reply(asked) if callable(reply) else reply

    return answer


def reply_with(body: bytes, status="200 OK", *headers: str) -> bytes:
    lines = [
        f"HTTP/1.1 {status}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def action(name="one", image="image", **changes) -> Action:
    limits = Limits(**changes.pop("limits", {}))
    return Action(
        "guest", changes.pop("package", ""), name, "0.0.1", image, limits=limits, **changes
    )


def order(of: Action = None, value=None, init_env=None) -> Order:
    number = next(IDS)
    return Order(
        of or action(), value or {}, init_env or {}, f"{number:032x}", f"transaction{number}"
    )


def in_loop(work, seconds=60):
    """Runs a coroutine to its end; one that hangs is a failure."""
    return asyncio.run(asyncio.wait_for(work, seconds))


async def eventually(condition, what, seconds=20):
    until = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < until, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.005)
