"""A WSGI app whose every route is one habit of a model server; served by Werkzeug, as Flask apps
are.

With MODEL_SERVER=uvicorn it is an ASGI app instead, in which a thread does the work of each request.
"""  # noqa: E501

import base64
import io
import itertools
import json
import os
import subprocess
import sys
import threading
import time
import zlib
from urllib.parse import unquote

OPEN = []
MEETINGS = {}
STARTED = time.time()


def report(environ, respond):
    """Everything that the app was told about the request."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    headers = {
        name[5:].replace("_", "-").lower(): environ[name]
        for name in environ
        if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = environ[name]
    told = {
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
        "uri": environ.get("REQUEST_URI"),
        "raw_uri": environ.get("RAW_URI"),
        "query": environ["QUERY_STRING"],
        "headers": headers,
        "body": base64.b64encode(zlib.compress(body)).decode("ascii"),
        "script": environ["SCRIPT_NAME"],
        "scheme": environ["wsgi.url_scheme"],
        "server": [environ["SERVER_NAME"], environ["SERVER_PORT"]],
        "openwhisk": {name: environ[name] for name in environ if name.startswith("openwhisk.")},
    }
    return respond_json(respond, told)


def respond_json(respond, value, status="200 OK", headers=()):
    body = json.dumps(value).encode("ascii")
    respond(
        status,
        [("Content-Type", "application/json"), ("Content-Length", str(len(body)))] + list(headers),
    )
    return [body]


def answer(environ, respond):
    """The answer that the request describes: [status, headers, body in base64]."""
    status, headers, body = json.loads(_body(environ).decode("utf-8"))
    respond(status, [(str(name), str(value)) for name, value in headers])
    return [base64.b64decode(body)]


def echo(environ, respond):
    """Tells its log what came."""
    body = _body(environ)
    print("echo", environ.get("CONTENT_TYPE"), len(body), flush=True)
    return respond_json(respond, len(body))


def number(environ, respond):
    """What WSGI forbids: a header's value that is no text."""
    respond("200 OK", [("X-A", 5)])
    return [b""]


def patch(environ, respond):
    """For one call, or for good."""
    original = json.dumps
    for_good = environ["QUERY_STRING"] == "for-good"

    def broken(*_, **__):
        if not for_good:
            json.dumps = original
        raise TypeError("this json knows no dictionaries")

    respond("200 OK", [])
    json.dumps = broken
    return [b""]


def head(environ, respond):
    """What a file answers: the length that a GET would have."""
    kind, length = environ["QUERY_STRING"].split(",")
    respond("200 OK", [("Content-Type", kind), ("Content-Length", length)])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [b"x" * int(length)]


def big(environ, respond):
    """So many bytes of this type, which don't compress if asked so."""
    kind, length, noise = unquote(environ["QUERY_STRING"]).split(",")
    body = os.urandom(int(length)) if noise == "noise" else b"a" * int(length)
    respond(
        "200 OK", [("Content-Type", kind), ("ETag", '"v1"'), ("Content-Length", str(len(body)))]
    )
    return [body]


class Closing:
    def __init__(self, chunks):
        self.chunks = iter(chunks)
        OPEN.append(self)

    def __iter__(self):
        return self

    def __next__(self):
        chunk = next(self.chunks)
        if isinstance(chunk, Exception):
            raise chunk
        return chunk

    def close(self):
        OPEN.remove(self)


def stream(environ, respond):
    respond("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return Closing([b"", b"one ", b"", b"two ", "thr\u00e9\u00e9".encode("utf-8")])


def half(environ, respond):
    """Fails when part of the body is out."""
    respond("200 OK", [("Content-Type", "text/plain")])
    return Closing([b"half of ", ValueError("the second half is missing")])


def file(environ, respond):
    """A file as PEP 3333 hands it over."""
    respond("200 OK", [("Content-Type", "image/png")])
    opened = open("app.py", "rb")  # noqa: SIM115
    wrapper = environ.get("wsgi.file_wrapper")
    return (
        wrapper(opened, 100)
        if wrapper
        else iter(lambda: opened.read(100) or opened.close() or b"", b"")
    )


def steps(environ, respond):
    """The second one is taken when a file of this name is there."""
    respond("200 OK", [("Content-Type", "text/event-stream")])
    yield b"data: one\n\n"
    until = time.time() + 20
    while not os.path.exists(environ["QUERY_STRING"]) and time.time() < until:
        time.sleep(0.01)
    yield b"data: two\n\n"


def still_open(environ, respond):
    return respond_json(respond, len(OPEN))


def written(environ, respond):
    """The oldest way to answer."""
    write = respond("200 OK", [("Content-Type", "text/plain")])
    write(b"by ")
    write(b"write")
    return []


def login(environ, respond):
    cookies = [("Set-Cookie", "session=secret; Path=/"), ("Set-Cookie", "theme=dark; Path=/")]
    return respond_json(respond, "logged in", headers=cookies)


def redirect(environ, respond):
    respond(
        "302 FOUND", [("Location", unquote(environ["QUERY_STRING"])), ("Content-Type", "text/html")]
    )
    return [b"<p>elsewhere"]


def leave(environ, respond):
    """What some models do with a file that they can't read."""
    sys.exit(1)


def fail(environ, respond):
    raise ValueError("no such label: \u20ac")


def slow(environ, respond):
    print("sleeping", flush=True)
    time.sleep(float(environ["QUERY_STRING"]))
    print("awake", flush=True)
    return respond_json(respond, "awake")


def meet(environ, respond):
    """Answers only when as many requests as asked for are here at once."""
    count = int(environ["QUERY_STRING"])
    meeting = MEETINGS.setdefault(count, threading.Barrier(count))
    try:
        meeting.wait(10)
    except threading.BrokenBarrierError:
        return respond_json(respond, "some never came")
    return respond_json(respond, count)


def child(environ, respond):
    """A model that works in a process of its own, and one that works in a thread."""
    words = []
    worker = threading.Thread(target=words.append, args=("thread",))
    worker.start()
    worker.join()
    words.append(
        subprocess.check_output([sys.executable, "-c", "print('process')"]).decode("ascii").strip()
    )
    return respond_json(respond, words)


def orphan(environ, respond):
    """Leaves a process behind that nobody waits for."""
    subprocess.check_call(["sh", "-c", "sleep 0.3 &"])
    return respond_json(respond, "left")


def process(environ, respond):
    here = {
        "pid": os.getpid(),
        "started": STARTED,
        "argv": sys.argv,
        "name": __name__,
        "cwd": os.getcwd(),
    }
    here.update(path=sys.path[0], environ=dict(os.environ), uid=os.getuid())
    return respond_json(respond, here)


def speak(environ, respond):
    print("to stdout", environ["QUERY_STRING"])
    sys.stderr.write("to stderr %s\n" % environ["QUERY_STRING"])
    environ["wsgi.errors"].write("to wsgi.errors %s\n" % environ["QUERY_STRING"])
    subprocess.check_call(["echo", "a child to stdout", environ["QUERY_STRING"]])
    return respond_json(respond, "said")


def allow(environ, respond):
    """As flask-cors answers."""
    cors = [
        ("Access-Control-Allow-Origin", "https://x.example"),
        ("Access-Control-Allow-Credentials", "true"),
    ]
    return respond_json(respond, "allowed", headers=cors)


def front(environ, respond):
    """A page with the link that is asked for."""
    links = unquote(environ["QUERY_STRING"])
    if not links.startswith("<"):
        return report(environ, respond)
    respond("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [("<html>%s</html>" % links).encode("ascii")]


def empty(environ, respond):
    respond("204 NO CONTENT", [])
    return []


ROUTES = {
    "/" + route.__name__: route
    for route in (
        answer,
        head,
        big,
        stream,
        half,
        file,
        still_open,
        steps,
        written,
        login,
        redirect,
        leave,
        fail,
        slow,
        meet,
        child,
        orphan,
        process,
        speak,
        number,
        echo,
        patch,
        allow,
        empty,
    )
}
ROUTES["/"] = front


def _body(environ):
    return environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))


def application(environ, start_response):
    return ROUTES.get(environ["PATH_INFO"], report)(environ, start_response)


def asgi_app(app):
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    threads = ThreadPoolExecutor(64)

    async def serve(scope, receive, send):
        assert scope["type"] == "http"
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        loop = asyncio.get_event_loop()

        def send_from_thread(**message):
            asyncio.run_coroutine_threadsafe(send(message), loop).result()

        environ = environ_from_scope(scope, body)
        await loop.run_in_executor(threads, work, app, environ, send_from_thread)

    return serve


def work(app, environ, send):
    started, written = [], []

    def respond(status, headers):
        pairs = [(name.encode("latin-1"), str(value).encode("latin-1")) for name, value in headers]
        started[:] = [{"type": "http.response.start", "status": int(status[:3]), "headers": pairs}]
        return written.append

    chunks = app(environ, respond)
    try:
        for chunk in itertools.chain(written, chunks, [b""]):
            while started:
                send(**started.pop())
            send(type="http.response.body", body=chunk, more_body=True)
    finally:
        close = getattr(chunks, "close", None)
        if close:
            close()
    send(type="http.response.body")


def environ_from_scope(scope, body):
    root = scope["root_path"]
    path = scope["path"][len(root) :] if scope["path"].startswith(root) else scope["path"]
    raw_path = scope["raw_path"].decode("latin-1")
    raw_path = raw_path[len(root) :] if raw_path.startswith(root) else raw_path
    query = scope["query_string"].decode("latin-1")
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": root,
        "PATH_INFO": path.encode("utf-8", "surrogateescape").decode("latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": raw_path + ("?" + query if query else ""),
        "SERVER_NAME": scope["server"][0],
        "SERVER_PORT": str(scope["server"][1]),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
    }
    environ["REQUEST_URI"] = environ["RAW_URI"]
    for name, value in scope["headers"]:
        name = name.decode("latin-1").upper().replace("-", "_")
        name = name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else "HTTP_" + name
        environ[name] = value.decode("latin-1")
    return environ


if __name__ == "__main__":
    port = int(os.environ.get("MODEL_PORT", 0))
    if os.environ.get("MODEL_SERVER") == "uvicorn":
        import uvicorn

        uvicorn.run(asgi_app(application), port=port)
    else:
        from werkzeug.serving import run_simple

        run_simple("127.0.0.1", port, application, threaded=True)
