"""A model for MLServer that adds up rows."""

import numpy as np
from mlserver import MLModel
from mlserver.codecs import decode_args


class Sums(MLModel):
    async def load(self) -> bool:
        return True

    @decode_args
    async def predict(self, rows: np.ndarray) -> np.ndarray:
        return rows.sum(axis=1, keepdims=True)
