"""A Flask app that is made by a function, inside another, and served at once."""

from flask import Flask, jsonify


def create_app():
    app = Flask(__name__)

    @app.route("/")
    def page():
        return jsonify(name=__name__)

    return app


def main():
    create_app().run(threaded=True)


if __name__ == "__main__":
    main()
