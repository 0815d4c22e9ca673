"""The least that a model can do: whatever it is sent, it answers as many bytes as the query
says."""

from wsgiref.simple_server import make_server


def app(environ, start_response):
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    size = int(environ["QUERY_STRING"] or 2)
    start_response(
        "200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(size))]
    )
    return [bytes(size)]


make_server("", 5000, app).serve_forever()
