"""A model that waits for a tenth of a second, as one does that asks another service."""

import os
import time

from werkzeug.serving import run_simple


def application(environ, respond):
    time.sleep(0.1)
    respond("200 OK", [("Content-Type", "application/json")])
    return [b'{"waited": true}']


if __name__ == "__main__":
    run_simple("127.0.0.1", int(os.environ["PORT"]), application, threaded=True)
