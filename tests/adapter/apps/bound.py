"""A WSGI app that is served long after its program has opened a port: that of its own server, of
its metrics, or of a page that is there while it loads."""

import os
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from wsgiref.simple_server import make_server

FIRST = os.environ["FIRST"]
LOADING = 1  # seconds
PAGES = {"its metrics": b"# TYPE asked counter\nasked 1\n", "a page": b"not yet"}


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"the model"]


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(PAGES[FIRST])


def serve_page():
    server = HTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()


if FIRST in PAGES:
    serve_page()
    time.sleep(LOADING)
server = make_server("127.0.0.1", int(os.environ["MODEL"]), app)
if FIRST not in PAGES:
    time.sleep(LOADING)
server.serve_forever()
