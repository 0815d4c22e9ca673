"""A script with signal handlers of its own, which tells what it finds of the platform's."""

import signal
import sys
from wsgiref.simple_server import make_server


def leave(number, frame):
    print("leaving after %d" % number, flush=True)
    sys.exit(0)


before = signal.signal(signal.SIGTERM, leave)
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
TOLD = [
    before is signal.SIG_DFL,
    signal.getsignal(signal.SIGTERM) is leave,
    signal.getsignal(signal.SIGINT) is signal.default_int_handler,
    signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN,
]


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [repr(TOLD).encode()]


make_server("127.0.0.1", 0, app).serve_forever()
