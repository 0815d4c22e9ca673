"""A Flask app that serves only when it is the program."""

from flask import Flask, jsonify

app = Flask(__name__)


@app.route("/")
def page():
    return jsonify(name=__name__, root=app.root_path)


if __name__ == "__main__":
    app.run()
