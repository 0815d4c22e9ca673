"""A server with several ports: `python app.py KIND:PORT:SECONDS ...` opens each that late."""

import os
import socket
import sys
import threading
import time

METRICS = "# HELP asked How often.\n# TYPE asked counter\nasked 1\n"
STARTED = time.time()


def answer(status, body="", kind="text/plain"):
    head = "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    return (head % (status, kind, len(body)) + body).encode("ascii")


def model(port, method, path):
    return answer("200 OK", "model at %d" % port)


def without_star(port, method, path):
    return b"" if path == "*" else model(port, method, path)


def nothing(port, method, path):
    return answer("404 Not Found", "nothing at %d" % port)


def healthy(port, method, path):
    """The one that has the path which tells whether it is ready."""
    return (
        model(port, method, path) if path in ("/health", "/told") else nothing(port, method, path)
    )


def loading(port, method, path):
    """As a proxy whose back end isn't there yet."""
    if time.time() - STARTED < float(os.environ["LOADING"]):
        return answer(os.environ.get("STATUS", "503") + " Not Yet")
    return model(port, method, path)


def exporter(port, method, path):
    """Of a library, which has the same page everywhere."""
    return answer("200 OK", METRICS, "text/plain; version=0.0.4; charset=utf-8")


def quiet_exporter(port, method, path):
    """Of Triton, which has empty pages everywhere else."""
    return answer("200 OK", METRICS if path == "/metrics" else "")


KINDS = {
    "model": model,
    "without-star": without_star,
    "nothing": nothing,
    "healthy": healthy,
    "loading": loading,
    "exporter": exporter,
    "quiet-exporter": quiet_exporter,
    "leaving": model,
}


def serve(kind, port, seconds):
    if os.environ.get("WAIT") == "at work":
        while time.time() < STARTED + float(seconds):
            pass
    else:
        time.sleep(float(seconds))
    host = os.environ.get("BIND", "127.0.0.1")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if os.environ.get("ONLY_IPV6"):
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind((host, int(port)))
    listener.listen(64)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=handle, args=(kind, int(port), connection), daemon=True).start()
        if kind == "leaving" and os.path.exists("leave"):
            listener.close()
            time.sleep(600)


def handle(kind, port, connection):
    with connection:
        if kind == "grpc":
            connection.sendall(b"\0\0\x12\4\0\0\0\0\0" + b"\0" * 18)
            time.sleep(5)
            return
        data = connection.recv(65536)
        if data:
            method, path = data.decode("latin-1").split(" ")[:2]
            print("asked", port, method, path, flush=True)
            connection.sendall(KINDS[kind](port, method, path))


if __name__ == "__main__":
    for word in sys.argv[1:]:
        kind, port, seconds = word.format(PORT=os.environ.get("PORT")).split(":")
        threading.Thread(target=serve, args=(kind, port, seconds), daemon=True).start()
    time.sleep(600)
