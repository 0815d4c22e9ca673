"""An app behind waitress."""

import json

from waitress import serve


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"name": __name__}).encode("ascii")]


serve(app, listen="127.0.0.1:5000")
