"""The model: reads its weights once, then only computes."""

import numpy as np
from config import MODEL_METADATA, MODEL_PATH
from maxfw.model import MAXModelWrapper

from core.features import vector_from_sentence

LABELS = ("positive", "negative")


class ModelWrapper(MAXModelWrapper):
    MODEL_META_DATA = MODEL_METADATA

    def __init__(self, path=MODEL_PATH):
        with np.load(path, allow_pickle=False) as weights:
            self.weights, self.bias = weights["weights"].astype(np.float32), float(weights["bias"])

    def _predict(self, x):
        return [float(vector_from_sentence(sentence) @ self.weights) + self.bias for sentence in x]

    def _post_process(self, scores):
        positives = [1 / (1 + np.exp(-score)) for score in scores]
        return [dict(zip(LABELS, (float(positive), float(1 - positive)))) for positive in positives]
