"""A script whose server has a thread of its own, and whose last line is soon reached."""

import json
import threading

from werkzeug.serving import run_simple


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"name": __name__}).encode("ascii")]


server = threading.Thread(target=run_simple, args=("127.0.0.1", 5000, app))
server.start()
server.join(0.2)
print("the last line", flush=True)
