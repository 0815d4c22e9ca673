"""A WSGI app that shows what came, and answers in each way that there is."""

import base64

from flask import Flask, Response, jsonify, redirect, request

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGOoBwAAgQCA05RTSgAAAABJRU5ErkJggg=="
)
app = Flask(__name__)
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@app.get("/")
def hello():
    return "hello\n", {"Content-Type": "text/plain; charset=utf-8"}


@app.route("/echo", methods=METHODS)
@app.route("/echo/<path:rest>", methods=METHODS)
def echo(rest=""):
    return jsonify(
        method=request.method,
        rest=rest,
        query=request.query_string.decode("latin-1"),
        kind=request.headers.get("Content-Type", ""),
        accept=request.headers.get("Accept", ""),
        own=request.headers.get("X-Own", ""),
        cookie=request.headers.get("Cookie", ""),
        body=base64.b64encode(request.get_data()).decode(),
    )


@app.post("/upload")
def upload():
    file = request.files["file"]
    return jsonify(
        name=file.filename,
        kind=file.content_type,
        size=len(file.read()),
        note=request.form.get("note"),
    )


@app.get("/status/<int:status>")
def status(status):
    return ("", status) if status in (204, 304) else ("status %d" % status, status)


@app.get("/redirect")
def elsewhere():
    return redirect("/echo?from=redirect")


@app.get("/cookies")
def cookies():
    response = Response("two", mimetype="text/plain")
    response.set_cookie("one", "1")
    response.set_cookie("two", "2", httponly=True)
    return response


@app.get("/image")
def image():
    return Response(PNG, mimetype="image/png")


@app.get("/stream")
def stream():
    return Response(("line %d\n" % number for number in range(100)), mimetype="text/plain")


@app.get("/large")
def large():
    return Response("0123456789" * 20000, mimetype="text/plain")


@app.get("/fails")
def fails():
    raise RuntimeError("on purpose")


if __name__ == "__main__":
    app.run()
