"""An action whose answers are given byte by byte, and that remembers what it was asked. In the
test's own process."""

import json
import socket
import threading
from contextlib import closing, suppress

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


def json_reply(text):
    body = text.encode("utf-8")
    return OK % len(body) + body


class ReplayAction:
    """`reply` holds the bytes that /run gets, or a function of its body that makes them."""

    def __init__(self):
        self.reply = json_reply("{}")
        self.inits = []
        self.runs = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = "http://127.0.0.1:%d" % self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        # Wakes the accept, which closing alone doesn't.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with closing(connection), suppress(OSError):
            path, body = request_from(connection)
            if path == "/init":
                self.inits.append(json.loads(body))
                connection.sendall(json_reply('{"OK":true}'))
            elif path == "/run":
                self.runs.append(json.loads(body))
                self._answer(connection, body)

    def _answer(self, connection, body):
        connection.sendall(self.reply(body) if callable(self.reply) else self.reply)
        # A close with something unread would be a reset, and the answer lost.
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass


def request_from(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            raise OSError("nobody asked")
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    length = next(
        int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:")
    )
    while len(body) < length:
        body += connection.recv(65536)
    return lines[0].split(" ")[1], body
