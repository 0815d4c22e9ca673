"""A server in this process that ends in its own way: `python app.py HOW`."""

import asyncio
import http.server
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

HERE = ("127.0.0.1", int(os.environ.get("MODEL_PORT", 0)))


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(float(self.path.partition("?")[2] or 0))
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"here")

    def log_message(self, *_):
        pass


def farewell():
    print("last words", flush=True)


def by_asyncio():
    """As aiohttp and uvicorn do."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    ending = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ending.set)

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nhere")
        await writer.drain()
        writer.close()

    loop.run_until_complete(asyncio.start_server(answer, *HERE))
    loop.run_until_complete(ending.wait())
    farewell()


def by_exit():
    """As Django's runserver does."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        http.server.HTTPServer(HERE, Handler).serve_forever()
    finally:
        farewell()


def by_event():
    """As sanic and KServe do: the server has a thread of its own."""
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    server = http.server.HTTPServer(HERE, Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while not ending.wait(0.1):
        pass
    server.shutdown()
    farewell()


def by_thread():
    """No handler, and a thread that python waits for at its end."""
    server = http.server.HTTPServer(HERE, Handler)
    threading.Thread(target=server.serve_forever).start()


def by_process():
    """No handler, and workers that python ends at its end."""
    server = http.server.HTTPServer(HERE, Handler)
    for _ in range(2):
        multiprocessing.Process(target=server.serve_forever, daemon=True).start()
    while True:
        time.sleep(1)


def by_child():
    """Its child, a program of its own, does as the environment says when it is told to end."""
    server = http.server.HTTPServer(HERE, Handler)
    subprocess.Popen(["sh", "-c", os.environ["CHILD"]])
    while not os.path.exists("trapped"):
        time.sleep(0.01)
    server.serve_forever()


def by_interrupt():
    """As `asyncio.run` does: a handler for Ctrl-C alone."""
    signal.signal(signal.SIGINT, lambda *_: farewell())
    http.server.HTTPServer(HERE, Handler).serve_forever()


def late():
    """A handler that is set when the server runs already."""
    server = http.server.HTTPServer(HERE, Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    time.sleep(0.5)
    by_event_of(server)


def by_event_of(server):
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    while not ending.wait(0.1):
        pass
    farewell()


def stubborn():
    signal.signal(signal.SIGTERM, lambda *_: None)
    http.server.HTTPServer(HERE, Handler).serve_forever()


if __name__ == "__main__":
    globals()[sys.argv[1]]()
