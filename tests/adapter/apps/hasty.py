"""A model that limits the time of whatever it asks for, and of all other sockets with it."""

import socket
from wsgiref.simple_server import make_server

socket.setdefaulttimeout(0.05)


def application(environ, start_response):
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


make_server("", 0, application).serve_forever()
