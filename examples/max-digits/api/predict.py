"""POST /model/predict."""

from core.model import ModelWrapper
from maxfw.core import MAX_API, PredictAPI, fields
from werkzeug.datastructures import FileStorage

input_parser = MAX_API.parser()
input_parser.add_argument(
    "image",
    type=FileStorage,
    location="files",
    required=True,
    help="An image file (PNG or JPEG) of one digit",
)

label_prediction = MAX_API.model(
    "LabelPrediction",
    {
        "label_id": fields.String(required=False, description="Label identifier", example="7"),
        "label": fields.String(required=True, description="Label", example="seven"),
        "probability": fields.Float(
            required=True, description="Probability of the label", example=0.98
        ),
    },
)

predict_response = MAX_API.model(
    "ModelPredictResponse",
    {
        "status": fields.String(required=True, description="Response status message", example="ok"),
        "predictions": fields.List(
            fields.Nested(label_prediction),
            description="Labels and their probabilities, the most likely first",
        ),
    },
)


class ModelPredictAPI(PredictAPI):
    model_wrapper = ModelWrapper()

    @MAX_API.doc("predict")
    @MAX_API.expect(input_parser)
    @MAX_API.marshal_with(predict_response)
    def post(self):
        """Make a prediction given input data"""
        upload = input_parser.parse_args()["image"]
        try:
            image = self.model_wrapper.read_image(upload.read())
        except ValueError as error:
            MAX_API.abort(400, str(error), status="error")
        predictions = self.model_wrapper.predict(image)
        return {
            "status": "ok",
            "predictions": [dict(zip(label_prediction, prediction)) for prediction in predictions],
        }
