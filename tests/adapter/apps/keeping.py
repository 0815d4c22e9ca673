"""A WSGI app that keeps things beyond a request: a context variable, and a process."""

import os
import threading
import time

from werkzeug.serving import run_simple

try:
    from contextvars import ContextVar
except ImportError:  # Python 3.6
    ContextVar = None

WHO = ContextVar("who", default="nobody") if ContextVar else None


def seen_before(who):
    before = WHO.get()
    WHO.set(who)
    return "%s on %d" % (before, threading.get_ident())


def forked():
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    return str(child)


def app(environ, respond):
    path = environ["PATH_INFO"]
    text = forked() if path == "/fork" else seen_before(environ["QUERY_STRING"])
    respond("200 OK", [("Content-Type", "text/plain")])
    return [text.encode("ascii")]


if __name__ == "__main__":
    run_simple("127.0.0.1", int(os.environ["PORT"]), app)
