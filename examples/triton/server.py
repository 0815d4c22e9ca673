"""The digits classifier on Triton Inference Server: a NumPy function, which Triton asks for whole
batches."""

from pathlib import Path

import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton

with np.load(Path(__file__).resolve().parent / "digits.npz") as stored:
    WEIGHTS, BIAS = stored["weights"], stored["bias"]


@batch
def classify(image):
    scores = image @ WEIGHTS + BIAS
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities = odds / odds.sum(axis=1, keepdims=True)
    return {"digit": scores.argmax(axis=1)[:, np.newaxis], "probabilities": probabilities}


if __name__ == "__main__":
    with Triton() as triton:
        triton.bind(
            model_name="digits",
            infer_func=classify,
            inputs=[Tensor(name="image", dtype=np.float32, shape=(64,))],
            outputs=[
                Tensor(name="digit", dtype=np.int64, shape=(1,)),
                Tensor(name="probabilities", dtype=np.float32, shape=(10,)),
            ],
            config=ModelConfig(max_batch_size=64, batcher=DynamicBatcher()),
        )
        triton.serve()
