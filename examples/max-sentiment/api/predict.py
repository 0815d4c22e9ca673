"""POST /model/predict."""

from core.model import LABELS, ModelWrapper
from flask import request
from maxfw.core import MAX_API, PredictAPI, fields

ADVICE = "Please supply a valid input json: a 'text' field containing a list of strings."

model_input = MAX_API.model(
    "ModelInput",
    {"text": fields.List(fields.String, required=True, description="Sentences to be judged")},
)

label_prediction = MAX_API.model(
    "LabelPrediction",
    {
        label: fields.Float(required=True, description="Probability that it is " + label)
        for label in LABELS
    },
)

predict_response = MAX_API.model(
    "ModelPredictResponse",
    {
        "status": fields.String(required=True, description="Response status message", example="ok"),
        "predictions": fields.List(
            fields.Nested(label_prediction), description="One for each sentence, in the same order"
        ),
    },
)


class ModelPredictAPI(PredictAPI):
    model_wrapper = ModelWrapper()

    @MAX_API.doc("predict")
    @MAX_API.expect(model_input)
    @MAX_API.marshal_with(predict_response)
    def post(self):
        """Make a prediction given input data"""
        payload = request.get_json(force=True, silent=True)
        sentences = payload.get("text") if isinstance(payload, dict) else None
        if not isinstance(sentences, list) or not all(
            isinstance(sentence, str) for sentence in sentences
        ):
            MAX_API.abort(400, ADVICE, status="error")
        return {"status": "ok", "predictions": self.model_wrapper.predict(sentences)}
