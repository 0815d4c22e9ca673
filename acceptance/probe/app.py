"""A model server that does on request what models do seldom: fail, take long, say much, end."""

import json
import os
import sys
import time
from urllib.parse import unquote
from wsgiref.simple_server import make_server

JSON = [("Content-Type", "application/json")]


def status(code, body):
    return f"{code} As Asked", JSON, json.dumps({"status": code}).encode()


def slow(seconds, body):
    time.sleep(float(seconds))
    return "200 OK", JSON, json.dumps({"slept": float(seconds)}).encode()


def big(size, body):
    return "200 OK", [("Content-Type", "application/octet-stream")], os.urandom(int(size))


def say(text, body):
    print("said", unquote(text), flush=True)
    return "200 OK", JSON, b"{}"


def crash(code, body):
    sys.stdout.flush()
    os._exit(int(code))


def echo(_, body):
    return "200 OK", [("Content-Type", "application/octet-stream")], body


def who(_, body):
    return "200 OK", JSON, json.dumps({"pid": os.getpid(), "host": os.uname().nodename}).encode()


ROUTES = {"status": status, "slow": slow, "big": big, "say": say, "crash": crash, "echo": echo}


def app(environ, respond):
    name, _, rest = environ["PATH_INFO"].strip("/").partition("/")
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    route = ROUTES.get(name, who)
    line, headers, content = route(int(rest) if route is status else rest, body)
    respond(line, headers)
    return [content]


make_server("0.0.0.0", 5000, app).serve_forever()
