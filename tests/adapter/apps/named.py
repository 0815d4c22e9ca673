"""Apps that nothing serves: they have to be named."""

import json


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"name": __name__}).encode("ascii")]


class Holder:
    wsgi = staticmethod(app)


holder = Holder()
number = 3

if __name__ == "__main__":
    print("run as a script")
