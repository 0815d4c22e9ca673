"""The iris classifier as a BentoML service: NumPy arrays in and out, requests that come together
computed together."""

from pathlib import Path
from typing import Annotated, List

import bentoml
import numpy as np
from bentoml.validators import DType, Shape

WEIGHTS = Path(__file__).resolve().parent / "iris.npz"
Flowers = Annotated[np.ndarray, Shape((-1, 4)), DType("float64")]
Probabilities = Annotated[np.ndarray, Shape((-1, 3)), DType("float64")]


@bentoml.service(name="iris_classifier", traffic={"timeout": 30}, workers=1)
class IrisClassifier:
    def __init__(self) -> None:
        with np.load(WEIGHTS) as stored:
            self.weights, self.bias, self.kinds = (
                stored["weights"],
                stored["bias"],
                stored["kinds"].tolist(),
            )

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=500)
    def classify(self, flowers: Flowers) -> Probabilities:
        """The probability of each kind, a row for each flower: sepal length and width, petal
        length and width in cm."""
        scores = flowers @ self.weights + self.bias
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    @bentoml.api
    def labels(self) -> List[str]:
        """The kinds, in the order of the probabilities."""
        return self.kinds
