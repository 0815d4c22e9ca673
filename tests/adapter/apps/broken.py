"""A model that can't load as long as its weights are missing, and says so in its log."""

import os
import sys

for number in range(40):
    print("loading layer", number)
sys.stderr.write("the weights are not here\n")
if not os.path.exists("weights"):
    raise RuntimeError("cannot read weights: no such file")


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"loaded"]


if __name__ == "__main__":
    from werkzeug.serving import run_simple

    run_simple("127.0.0.1", 5000, app)
