"""How TorchServe asks the digits network: an image's bytes in, the digit and its probabilities
out."""

import io

import torch
from PIL import Image, UnidentifiedImageError
from ts.torch_handler.base_handler import BaseHandler
from ts.utils.util import PredictionException

SIDE = 8


class DigitsHandler(BaseHandler):
    def preprocess(self, data):
        return torch.stack([tensor_from_image(row.get("data") or row.get("body")) for row in data])

    def inference(self, data, *args, **kwargs):
        with torch.no_grad():
            return torch.softmax(self.model(data), dim=1)

    def postprocess(self, data):
        return [answer_from_probabilities(row.tolist()) for row in data]


def tensor_from_image(data):
    try:
        image = Image.open(io.BytesIO(data)).convert("L").resize((SIDE, SIDE))
    except (TypeError, UnidentifiedImageError):
        raise PredictionException("Not an image", 400) from None
    return torch.tensor(list(image.getdata()), dtype=torch.float32).reshape(1, SIDE, SIDE) / 255


def answer_from_probabilities(probabilities):
    rounded = [round(value, 4) for value in probabilities]
    return {"digit": rounded.index(max(rounded)), "probabilities": rounded}
