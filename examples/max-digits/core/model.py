"""The model: reads its weights once, then only computes."""

import numpy as np
from config import MODEL_METADATA, MODEL_PATH
from maxfw.model import MAXModelWrapper

from core.image import image_from_bytes, pixels_from_image

LABELS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class ModelWrapper(MAXModelWrapper):
    MODEL_META_DATA = MODEL_METADATA

    def __init__(self, path=MODEL_PATH):
        with np.load(path, allow_pickle=False) as weights:
            self.layers = [
                (weights["hidden"], weights["hidden_bias"]),
                (weights["output"], weights["output_bias"]),
            ]

    def read_image(self, image_data):
        return image_from_bytes(image_data)

    def _pre_process(self, image):
        return pixels_from_image(image)

    def _predict(self, x):
        (hidden, hidden_bias), (output, output_bias) = self.layers
        scores = np.maximum(x @ hidden + hidden_bias, 0) @ output + output_bias
        likelihoods = np.exp(scores - scores.max())
        return likelihoods / likelihoods.sum()

    def _post_process(self, probabilities):
        """(label_id, label, probability), the most likely first."""
        best_first = np.argsort(-probabilities, kind="stable")
        return [(str(digit), LABELS[digit], float(probabilities[digit])) for digit in best_first]
