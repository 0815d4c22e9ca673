"""A model that answers what it was asked: a mixed-up answer shows, and so does a lost one."""

import hashlib
import json


def body_of(environ):
    return environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))


def application(environ, respond):
    """The nonce comes in the query and in a header, and goes back in both the headers and the
    body."""
    body, query = body_of(environ), environ["QUERY_STRING"]
    said = [("X-Nonce", environ.get("HTTP_X_NONCE", "none"))]
    kind = environ["PATH_INFO"].rpartition("/")[2]
    if kind == "picture":
        respond("200 OK", said + [("Content-Type", "image/png")])
        return [body[::-1]]
    if kind == "text":
        respond("200 OK", said + [("Content-Type", "text/plain; charset=utf-8")])
        return [query.encode("ascii"), b" ", body]
    status = {"missing": "404 NOT FOUND", "broken": "500 INTERNAL SERVER ERROR"}.get(kind, "200 OK")
    respond(status, said + [("Content-Type", "application/json")])
    told = {
        "query": query,
        "method": environ["REQUEST_METHOD"],
        "sha": hashlib.sha256(body).hexdigest(),
    }
    return [json.dumps(told).encode("ascii")]


if __name__ == "__main__":
    from serving import serve

    serve(application)
