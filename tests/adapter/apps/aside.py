"""A WSGI app at ASIDE, and the model at MODEL: which is which, no server tells."""

import os
import sys
import threading
from wsgiref.simple_server import make_server


def app_that_says(text):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [text.encode("ascii")]

    return app


def by_werkzeug(port, app):
    from werkzeug.serving import run_simple

    run_simple("127.0.0.1", port, app)


def by_wsgiref(port, app):
    with make_server("127.0.0.1", port, app) as server:
        server.serve_forever(poll_interval=0.1)


def by_waitress(port, app):
    from waitress import serve

    serve(app, listen="127.0.0.1:%d" % port)


if __name__ == "__main__":
    serve = {"werkzeug": by_werkzeug, "wsgiref": by_wsgiref, "waitress": by_waitress}[sys.argv[1]]
    ports = {name: int(os.environ[name]) for name in ("ASIDE", "MODEL")}
    beside = threading.Thread(target=serve, args=(ports["ASIDE"], app_that_says("aside")))
    beside.daemon = True
    beside.start()
    serve(ports["MODEL"], app_that_says("the model"))
