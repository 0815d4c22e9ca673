"""A WSGI app that does to its log what libraries do to theirs, and answers all the same."""

import contextlib
import io
import logging
import sys
import threading

from werkzeug.serving import run_simple

ORIGINAL = sys.stdout
INSIDE, MAY_LEAVE = threading.Event(), threading.Event()


class NoFlush:
    def write(self, text):
        return len(text)


class ToLogging(io.TextIOBase):
    """What some projects use so that print() gets a time and a level."""

    def write(self, text):
        logging.getLogger("model").warning(text)
        return len(text)


class Leaving(io.TextIOBase):
    def flush(self):
        raise SystemExit("flushed")


class Waiting(io.TextIOBase):
    """For somebody who never comes."""

    def flush(self):
        threading.Event().wait()


STREAMS = {
    "none": lambda: None,
    "no-flush": NoFlush,
    "binary": io.BytesIO,
    "logging": ToLogging,
    "leaving": Leaving,
    "waiting": Waiting,
    "closed": lambda: closed(),
    "original": lambda: ORIGINAL,
}


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


def app(environ, respond):
    kind = environ["PATH_INFO"].strip("/")
    if kind == "half":
        ORIGINAL.write("half a line")
    elif kind == "redirect":
        respond("200 OK", [("Content-Type", "text/plain")])
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            INSIDE.set()
            MAY_LEAVE.wait(20)
        return [text.getvalue().encode("utf-8")]
    elif kind == "leave":
        INSIDE.wait(20)
        MAY_LEAVE.set()
    elif kind in STREAMS:
        sys.stdout = STREAMS[kind]()
    respond("200 OK", [("Content-Type", "text/plain")])
    return [kind.encode("ascii")]


run_simple("0.0.0.0", 5000, app)
