"""A server that gives its answers every shape that HTTP/1.1 allows, and some that it doesn't."""

import gzip
import os
import signal
import socket
import sys
import threading
import time

TEXT = b"Content-Type: text/plain\r\n"
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + TEXT + b"Transfer-Encoding: chunked\r\n\r\n"
PACKED = gzip.compress(b'{"packed": true}')

SHAPES = {
    "/length": OK + TEXT + b"Content-Length: 7\r\n\r\none two",
    "/chunked": CHUNKED + b"3\r\none\r\n4\r\n two\r\n0\r\n\r\n",
    "/extended": CHUNKED + b'3;name="a;b"\r\none\r\n004\r\n two\r\n0;last\r\n\r\n',
    "/trailers": CHUNKED + b"7\r\none two\r\n0\r\nX-Checksum: 1\r\n\r\n",
    "/closed": OK + TEXT + b"Connection: close\r\n\r\none two",
    "/http10": b"HTTP/1.0 200 OK\r\n" + TEXT + b"\r\none two",
    "/continued": b"HTTP/1.1 100 Continue\r\n\r\n"
    + OK
    + TEXT
    + b"Content-Length: 7\r\n\r\none two",
    "/none": b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
    "/unchanged": b'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\n\r\n',
    "/no-reason": b"HTTP/1.1 200\r\n" + TEXT + b"Content-Length: 7\r\n\r\none two",
    "/lower": b"HTTP/1.1 200 OK\r\ncontent-type:text/plain\r\ncontent-length:7\r\n\r\none two",
    "/packed": OK
    + b"Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    % len(PACKED)
    + PACKED,
    "/cookies": OK + TEXT + b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nhi",
    "/latin": OK + TEXT + b"X-A: caf\xe9\r\nContent-Length: 2\r\n\r\nhi",
    "/many": OK + TEXT + b"X-A: 1\r\n" * 2000 + b"Content-Length: 7\r\n\r\none two",
    "/short": OK + TEXT + b"Content-Length: 100\r\n\r\none two",
    "/short-chunks": CHUNKED + b"30\r\none two",
    "/bad-chunks": CHUNKED + b"zz\r\none two\r\n0\r\n\r\n",
    "/long-chunk": CHUNKED + b"3\r\none two\r\n0\r\n\r\n",
    "/huge": OK + TEXT + b"Content-Length: 999999999999\r\n\r\none two",
    "/garbage": b"one two\r\n\r\n",
    "/silent": b"",
    "/folded": OK + TEXT + b"X-A: one\r\n Set-Cookie: admin=1\r\nContent-Length: 2\r\n\r\nhi",
    "/long-header": OK + b"X-A: " + b"a" * 65531 + b"Set-Cookie: admin=1\r\n" + TEXT + b"\r\nhi",
}


def log(*words):
    print(*words, flush=True)


def read_request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None, "", 0
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    lengths = [line.split(":")[1] for line in lines if line.lower().startswith("content-length:")]
    path = lines[0].split(" ")[1]
    while path != "/refused" and lengths and len(body) < int(lengths[0]):
        body += connection.recv(65536)
    return lines, path, len(body)


def answer(connection, address):
    lines, path, length = read_request(connection)
    if lines is None:
        return
    log("asked", lines[0])
    if path.startswith("/die/"):
        log("last words")
        os._exit(int(path[5:]))
    if path.startswith("/kill/"):
        log("last words")
        os.kill(os.getpid(), int(path[6:]))
        time.sleep(10)
    if path.startswith("/print/"):
        print("\n".join("line %d" % number for number in range(int(path[7:]))), flush=True)
    if path == "/ready" and time.time() < READY_AT:
        connection.sendall(b"HTTP/1.1 503 Not Yet\r\nContent-Length: 0\r\n\r\n")
        return
    if path == "/endless":
        connection.sendall(OK + TEXT + b"\r\n")
        while True:
            connection.sendall(b"a" * 65536)
    if path == "/half-a-line":
        print("half a line", end="", flush=True)
    if path == "/endless-line":
        for _ in range(64):
            print("a" * 65536, end="", flush=True)
    if path == "/interim":
        while True:
            connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)
    if path == "/wait-for-ever":
        connection.recv(1)  # until the other side has gone
        return
    if path == "/drip":
        connection.sendall(OK + TEXT + b"\r\n")
        while True:
            connection.sendall(b".")
            time.sleep(0.02)
    if path == "/kept":
        connection.sendall(SHAPES["/length"])
        time.sleep(20)
    if path == "/refused":
        connection.sendall(
            b"HTTP/1.1 413 Too Large\r\nContent-Length: 8\r\nConnection: close\r\n\r\ntoo much"
        )
        return
    told = "\n".join(lines + ["pid %d" % os.getpid(), "from %d" % address[1]] + settings()).encode(
        "latin-1"
    )
    told = OK + TEXT + b"Content-Length: %d\r\n\r\n" % len(told) + told
    connection.sendall(SHAPES.get(path, told))


def settings():
    return [
        "%s=%s" % pair
        for pair in sorted(os.environ.items())
        if "PATH" in pair[0] or "TOLD" in pair[0]
    ]


def handle(connection, address):
    try:
        answer(connection, address)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)
    except OSError:
        pass
    finally:
        connection.close()


def serve(listener):
    while True:
        threading.Thread(target=handle, args=listener.accept(), daemon=True).start()


def mute(listener):
    """What speaks another protocol: as gRPC does, it speaks first, and then waits for the right
    words."""
    kept = []
    while True:
        connection, _ = listener.accept()
        time.sleep(option("MUTE_FOR", 0.0))
        connection.sendall(option("GREETING", "").encode() or b"\0\0\x12\4\0\0\0\0\0" + b"\0" * 18)
        kept.append(connection)


def listening(host, port):
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.bind((host, port))
    listener.listen(64)
    return listener


def option(name, default):
    return type(default)(os.environ.get(name, default))


READY_AT = time.time() + option("READY_AFTER", 0.0)

if __name__ == "__main__":
    log("starting", os.getpid(), sys.argv[1:])
    if option("STUBBORN", 0):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for _ in range(option("CHILDREN", 0)):
        if os.fork() == 0:
            time.sleep(600)
    time.sleep(option("DELAY", 0.0))
    if option("MUTE_PORT", -1) >= 0:
        threading.Thread(
            target=mute, args=(listening("127.0.0.1", option("MUTE_PORT", 0)),), daemon=True
        ).start()
    time.sleep(option("BETWEEN", 0.0))
    if option("NEVER", 0):
        time.sleep(600)
    serve(listening(option("HOST", "127.0.0.1"), option("MODEL_PORT", 0)))
