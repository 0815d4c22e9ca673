"""A server behind gevent's door: it says that it replaces Python's threads before it listens."""

import os
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/die":
            os._exit(1)
        body = str(os.getpid()).encode("ascii")
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()
    HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
