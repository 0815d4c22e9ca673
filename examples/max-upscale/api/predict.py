"""POST /model/predict."""

from core.model import ModelWrapper
from flask import send_file
from maxfw.core import MAX_API, PredictAPI
from werkzeug.datastructures import FileStorage

input_parser = MAX_API.parser()
input_parser.add_argument(
    "image",
    type=FileStorage,
    location="files",
    required=True,
    help="An image file (PNG, JPEG or TIFF). A side of more than 500 pixels is shrunk to 500 first.",  # noqa: E501
)


class ModelPredictAPI(PredictAPI):
    model_wrapper = ModelWrapper()

    @MAX_API.doc("predict", produces=["image/png"])
    @MAX_API.expect(input_parser)
    def post(self):
        """Make a prediction given input data"""
        upload = input_parser.parse_args()["image"]
        try:
            image = self.model_wrapper.read_image(upload.read())
        except ValueError as error:
            MAX_API.abort(400, str(error), status="error")
        enlarged = self.model_wrapper.predict(image)
        return send_file(self.model_wrapper.write_image(enlarged), mimetype="image/png")
