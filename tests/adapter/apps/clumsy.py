"""A WSGI app that answers in old ways and does careless things to its process.

With FORKED it is served by a process that the script has forked."""

import multiprocessing
import os
import sys
import time

from werkzeug.serving import run_simple

OK = ("200 OK", [("Content-Type", "text/plain")])


class Unclosable(list):
    def close(self):
        raise OSError("its file has gone")


def written(environ, respond):
    write = respond(*OK)
    write(b"one ")
    yield b"two "
    write(b"three")


def twice(environ, respond):
    respond(*OK)
    respond(*OK)
    return [b""]


def too_late(environ, respond):
    respond(*OK)
    yield b"half"
    try:
        raise ValueError("the second half is missing")
    except ValueError:
        respond("500 Error", [], sys.exc_info())
    yield b" and an error page"


def unclosable(environ, respond):
    respond(*OK)
    return Unclosable([b"whole"])


def fork(environ, respond):
    who = b"child" if os.fork() == 0 else b"parent"
    respond(*OK)
    return [who]


def fork_and_exit(environ, respond):
    if os.fork() == 0:
        sys.exit(3)
    respond(*OK)
    return [b"parent"]


def without_time(environ, respond):
    time.sleep = time.monotonic = time.time = None
    respond(*OK)
    return [b"fine"]


def without_log(environ, respond):
    import select

    os.write = select.poll = None
    respond(*OK)
    return [b"fine"]


def hurried(environ, respond):
    import threading

    threading.Event().wait(20)
    return []


def without_descriptors(environ, respond):
    os.closerange(3, 1000)
    return []


def application(environ, respond):
    return globals()[environ["PATH_INFO"].strip("/")](environ, respond)


def serve():
    run_simple("127.0.0.1", int(os.environ.get("PORT", 0)), application, threaded=True)


if __name__ == "__main__":
    if os.environ.get("FORKED"):
        process = multiprocessing.get_context("fork").Process(target=serve)
        process.start()
        process.join()
    else:
        serve()
