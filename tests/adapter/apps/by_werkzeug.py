"""An app that is wrapped when it is served."""

import json

from werkzeug.serving import run_simple


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"name": environ["wrapped"]}).encode("ascii")]


def middleware(environ, start_response):
    environ["wrapped"] = __name__
    return app(environ, start_response)


run_simple("127.0.0.1", 5000, middleware, use_reloader=True, use_debugger=True)
