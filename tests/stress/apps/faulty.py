"""A model that fails in the ways that processes fail."""

import ctypes
import os
import signal
import sys
import time


def leave():
    os._exit(3)


def crash():
    ctypes.string_at(0)


def stop_itself():
    os.kill(os.getpid(), signal.SIGKILL)


def fork_and_return():
    """The child goes on with what the parent was doing, as a careless use of os.fork does."""
    if os.fork() == 0:
        time.sleep(0.1)
        os._exit(0)


def fork_and_answer_twice():
    os.fork()


def begin():
    """For whoever wants to do something to us in the middle of a request."""
    open("begun", "w").close()


def take_a_second():
    begin()
    time.sleep(1)


def hang():
    begin()
    time.sleep(3600)


def print_much():
    sys.stdout.write("x" * 100000 + "\n")
    sys.stdout.flush()


FAULTS = {
    fault.__name__: fault
    for fault in (
        leave,
        crash,
        stop_itself,
        fork_and_return,
        fork_and_answer_twice,
        take_a_second,
        hang,
        print_much,
    )
}


def application(environ, respond):
    name = environ["PATH_INFO"].strip("/")
    if name in FAULTS:
        FAULTS[name]()
    respond("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [b"fine, by %d" % os.getpid()]


if __name__ == "__main__":
    from serving import serve

    serve(application)
