"""A Flask app with the reloader on, which would start a second process, and the debugger."""

import os

from flask import Flask, jsonify

app = Flask(__name__)
with open("starts", "a") as starts:
    starts.write("%d\n" % os.getpid())


@app.route("/")
def page():
    return jsonify(pid=os.getpid(), name=__name__)


@app.route("/model/predict", methods=["POST"])
def predict():
    raise ValueError("a debugger would show this to everyone")


if __name__ == "__main__":
    app.run(debug=True, use_reloader=True)
