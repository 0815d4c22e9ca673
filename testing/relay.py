"""A relay for streams as OpenServerless has one: invokes the action and hands on what the action
sends it.

`POST /web/NAMESPACE/PACKAGE/ACTION` with JSON becomes the same request to the platform, with two
more members: where to connect to. What comes over that one connection is the answer, whatever the
action's result says.
"""

import json
import socket
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = 2048
SECONDS_TO_CONNECT = 60


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"  # an answer ends with its connection

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])).decode())
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(SECONDS_TO_CONNECT)
            host, port = listener.getsockname()
            body.update(STREAM_HOST=host, STREAM_PORT=str(port))
            threading.Thread(target=self.server.invoke, args=(self.path, body), daemon=True).start()
            connection, _ = listener.accept()
        self.send_response(200)
        self.end_headers()
        with connection:
            self.hand_on(connection)

    def hand_on(self, connection):
        while True:
            piece = connection.recv(PIECE)
            if not piece:
                return
            self.wfile.write(piece + b"\n")
            self.wfile.flush()

    def log_message(self, *words):
        pass


class Relay(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, platform):
        super().__init__(("127.0.0.1", 0), Handler)
        self.platform, self.results = platform, []

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.server_port

    def invoke(self, path, body):
        """Asks the platform's web action, and keeps its result for those who want to see it."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(
            self.platform + "/api/v1" + path, json.dumps(body).encode(), headers
        )
        try:
            reply = urllib.request.urlopen(request, timeout=120)
        except urllib.error.HTTPError as error:
            reply = error
        with reply:
            self.results.append((reply.status, reply.read()))


@contextmanager
def relay(platform):
    server = Relay(platform)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
