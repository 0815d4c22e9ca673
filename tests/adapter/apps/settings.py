"""A model that is set up by its environment, when it is imported; and takes its time."""

import json
import os
import pickle
import time

from werkzeug.serving import run_simple

print("starting", flush=True)
time.sleep(float(os.environ.get("LOAD_SECONDS", 0.3)))
LOADED = {
    name: os.environ.get(name)
    for name in ("CORS_ENABLE", "MODEL_TYPE", "NUMBER", "__OW_ACTION_NAME")
}
print("loaded", flush=True)


class Label:
    """Something that is pickled by the name of its module."""


def app(environ, start_response):
    same = type(pickle.loads(pickle.dumps(Label()))) is Label
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(dict(LOADED, pickled=same)).encode("ascii")]


run_simple("127.0.0.1", 5000, app)
