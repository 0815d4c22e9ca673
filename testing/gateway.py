"""A running gateway for tests: a process of its own, asked over sockets, byte for byte."""

import base64
import json
import re
import socket
import sys
import tempfile
from contextlib import closing
from typing import List, NamedTuple, Tuple

from testing.adapter import ROOT, environment
from testing.process import Process, until
from testing.recordings import GUEST_KEY

WEB = "/api/v1/web/guest/default/"
REST = "/api/v1/namespaces/_/"


class Reply(NamedTuple):
    """A response as it came: headers with their case and order."""

    status: int
    reason: str
    headers: List[Tuple[str, str]]
    body: bytes

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def json(self):
        return json.loads(self.body.decode("utf-8"))


class Gateway(Process):
    """`python -m gateway` on a free port; what it prints at its start has been read."""

    def __init__(self, folder, *arguments, key=GUEST_KEY, **variables):
        self.folder = str(folder)
        self.key = key
        self.data = self.folder + "/gateway.sqlite3"
        words = [sys.executable, "-m", "gateway", "--port", "0", "--data", self.data, *arguments]
        if key != GUEST_KEY:
            words += ["--auth", key]
        variables.setdefault("PYTHONPATH", ROOT)
        super().__init__(
            words, self.folder, environment(**variables), tempfile.mkdtemp(dir=self.folder)
        )
        try:
            until(
                lambda: "stop: Ctrl-C" in self.stdout or self.popen.poll() is not None,
                lambda: self.log,
            )
            assert self.popen.poll() is None, self.log
        except BaseException:
            self.stop()
            raise
        self.port = int(re.findall(r"gateway at http://\S+:(\d+)", self.stdout)[-1])

    def connect(self, seconds=30):
        return socket.create_connection(("127.0.0.1", self.port), seconds)

    def raw(self, data, seconds=30):
        """All that comes back for these bytes until the gateway closes the connection."""
        with closing(self.connect(seconds)) as connection:
            connection.sendall(data)
            return reply_from_bytes(received(connection))

    def request(self, method, target, headers=(), body=b""):
        lines = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers]
        lines += [f"Content-Length: {len(body)}"] if body else []
        return self.raw("\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + body)

    def rest(self, method, path, content=None, key=None):
        """A call of the REST API, with the namespace's key."""
        headers = [
            ("Authorization", "Basic " + base64.b64encode((key or self.key).encode()).decode())
        ]
        body = (
            content
            if isinstance(content, bytes)
            else json.dumps(content).encode()
            if content is not None
            else b""
        )
        headers += [("Content-Type", "application/json")] if body else []
        return self.request(method, path if path.startswith("/") else REST + path, headers, body)

    def create(self, name, image="replay", **content):
        """An action; annotations as a dict."""
        pairs = [
            {"key": key, "value": value} for key, value in content.pop("annotations", {}).items()
        ]
        content = {"exec": {"kind": "blackbox", "image": image}, "annotations": pairs, **content}
        reply = self.rest("PUT", f"actions/{name}?overwrite=true", content)
        assert reply.status == 200, reply
        return reply.json

    def create_web(self, name, image="replay", **content):
        annotations = {
            "web-export": True,
            "raw-http": True,
            "final": True,
            **content.pop("annotations", {}),
        }
        return self.create(name, image, annotations=annotations, **content)


def received(connection):
    pieces = []
    while True:
        piece = connection.recv(1 << 20)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


def reply_from_bytes(data):
    head, _, body = data.partition(b"\r\n\r\n")
    start, *lines = head.decode("latin-1").split("\r\n")
    _, status, reason = start.split(" ", 2)
    return Reply(int(status), reason, [tuple(line.split(": ", 1)) for line in lines], body)
