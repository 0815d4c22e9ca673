"""A Flask app in the shape of the MAX models: it serves as its last line, whoever imports it."""

from flask import Flask, jsonify

app = Flask(__name__)


@app.route("/")
def page():
    return jsonify(name=__name__, root=app.root_path)


app.run(host="127.0.0.1", port=5000)
raise SystemExit("app.run() has returned, as it would when the server is stopped")
