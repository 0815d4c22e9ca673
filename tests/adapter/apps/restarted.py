"""A script with a server of its own that gives up when it is asked to, and leaves its port open
behind it."""

import os
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"here")
        if self.path == "/leave":
            raise SystemExit(9)


HTTPServer(("127.0.0.1", int(os.environ["MODEL_PORT"])), Handler).serve_forever()
