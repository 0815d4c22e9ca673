"""POST /model/predict: a picture of a printed line in the form's field `image`, its text in
JSON."""

from pathlib import Path

from flask import Flask, request
from reader import Reader, image_from_bytes

app = Flask(__name__)
reader = Reader(Path(__file__).resolve().parent / "letters.npz")


@app.route("/model/predict", methods=["POST"])
def predict():
    upload = request.files.get("image")
    if upload is None:
        return {"status": "error", "message": "The form's field image is missing"}, 400
    try:
        image = image_from_bytes(upload.read())
    except ValueError as error:
        return {"status": "error", "message": str(error)}, 400
    return {"status": "ok", "text": [reader.read(image)]}


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000)
