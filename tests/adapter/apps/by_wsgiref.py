"""An app behind the standard library's own server."""

import json
from wsgiref.simple_server import make_server


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"name": __name__}).encode("ascii")]


with make_server("127.0.0.1", 0, app) as server:
    server.serve_forever()
