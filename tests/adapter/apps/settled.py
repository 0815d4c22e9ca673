"""uvicorn as a program may set it up: WHICH says how."""

import asyncio
import os
import socket
import threading
import time
from contextvars import ContextVar
from urllib.request import urlopen

import uvicorn

PORT = int(os.environ["MODEL_PORT"])
NAME = ContextVar("name", default="")


def says(text):
    async def app(scope, receive, send):
        assert scope["type"] == "http"
        if scope["path"].endswith("/slow"):
            await asyncio.sleep(1)
        if scope["path"].endswith("/end"):
            SERVER.should_exit = True
        told = "%s %s" % (text, NAME.get())
        if scope["path"].endswith("/where"):
            told = scope["root_path"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": told.encode("ascii")})

    return app


def server_of(text, port=PORT, **options):
    return uvicorn.Server(uvicorn.Config(says(text), port=port, **options))


def in_thread(server):
    server.install_signal_handlers = lambda: None
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    return thread


def asks_itself():
    thread = in_thread(server_of("thread"))
    print("heard", urlopen("http://127.0.0.1:%d/" % PORT).read().decode(), flush=True)
    thread.join()


def finds_its_port_taken():
    with socket.socket() as other:
        other.bind(("127.0.0.1", PORT))
        other.listen(1)
        in_thread(server_of("thread")).join()


def has_a_second_server():
    in_thread(server_of("first", port=PORT + 1))
    server_of("second").run()


def has_a_socket_already(**options):
    own = socket.socket()
    own.bind(("127.0.0.1", PORT))
    own.listen(5)
    server_of("handed over", **options).run(sockets=[own])


def has_two_on_one_loop():
    async def both():
        servers = [server_of("first", port=PORT + 1), server_of("second")]
        await asyncio.gather(*[server.serve() for server in servers])

    asyncio.new_event_loop().run_until_complete(both())


def in_context_of(config):
    NAME.set("of the start")
    config.reset_contextvars = True
    uvicorn.Server(config).run()


class Brief(uvicorn.Server):
    """It is told to end while it starts."""

    async def startup(self, sockets=None):
        await super().startup(sockets)
        self.should_exit = True


WAYS = {
    "brief": lambda: Brief(server_of("brief").config).run(),
    "thread": asks_itself,
    "taken": finds_its_port_taken,
    "second": has_a_second_server,
    "together": has_two_on_one_loop,
    "handed over": has_a_socket_already,
    "with a place": lambda: has_a_socket_already(root_path="/its/own"),
    "limited": lambda: server_of("limited", limit_concurrency=2).run(),
    "context": lambda: in_context_of(server_of("context").config),
    "quiet": lambda: server_of("quiet", access_log=False, headers=[("X-A", "1")]).run(),
}
SERVER = server_of("once")
WAYS.get(os.environ["WHICH"], SERVER.run)()
print("the script goes on", flush=True)
