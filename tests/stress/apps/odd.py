"""A model that says to its server whatever it is told to, also what WSGI forbids."""

import json


def application(environ, respond):
    data = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if environ["PATH_INFO"] == "/json":
        respond("200 OK", [("Content-Type", "application/json")])
        return [b"{}"]
    status, headers, chunks = json.loads(data.decode("utf-8"))
    respond(status, [tuple(pair) if isinstance(pair, list) else pair for pair in headers])
    return [
        chunk.encode("utf-8", "replace") if isinstance(chunk, str) else chunk for chunk in chunks
    ]


if __name__ == "__main__":
    from serving import serve

    serve(application)
