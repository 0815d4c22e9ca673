"""Trains the character model on the forecasts and writes its weights to forecasts.npz: a minute or
two.

    python training/train.py [FILE]

A network of one hidden layer sees the last characters and says how likely each character is to come
next. The last tenth of the forecasts is held out; metrics.json says how often the likeliest
character is the right one there.
"""

import json
import os
import sys
from pathlib import Path

# Read when NumPy is imported. The matrices are small: a thread on each core would do little but
# wait for the others.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from forecasts import forecasts  # noqa: E402
from generator import CONTEXT, Weights, indices_from_text, scores_from_windows  # noqa: E402

EMBEDDED, HIDDEN = 10, 240
STEPS, BATCH = 14000, 256
RATE, DECAY_1, DECAY_2 = 0.003, 0.9, 0.99


def main():
    lines = forecasts()
    cut = len(lines) * 9 // 10
    alphabet = "".join(sorted(set("".join(lines))))
    weights = trained(alphabet, "".join(lines[:cut]))
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "forecasts.npz"
    np.savez(path, **weights._replace(alphabet=np.array(alphabet))._asdict())
    windows, following = windows_of(alphabet, "".join(lines[cut:]))
    right = scores_from_windows(weights, windows)[0].argmax(axis=1) == following
    metrics = {"characters_held_out": len(following), "right": round(float(right.mean()), 3)}
    path.with_name("metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    print(metrics)


def windows_of(alphabet, text):
    """Each character of a text as an index, and the CONTEXT indices before it."""
    indices = indices_from_text(alphabet, text)
    windows = np.lib.stride_tricks.sliding_window_view(indices, CONTEXT)[:-1]
    return windows, indices[CONTEXT:]


def trained(alphabet, text):
    chance = np.random.default_rng(0)
    windows, following = windows_of(alphabet, text)
    shapes = {
        "embedding": (len(alphabet), EMBEDDED),
        "inner": (CONTEXT * EMBEDDED, HIDDEN),
        "inner_bias": (HIDDEN,),
        "outer": (HIDDEN, len(alphabet)),
        "outer_bias": (len(alphabet),),
    }
    values = {name: initial(shape, chance) for name, shape in shapes.items()}
    mean = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    square = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    for step in range(1, STEPS + 1):
        chosen = chance.integers(0, len(following), BATCH)
        slopes = slopes_of(Weights(alphabet, **values), windows[chosen], following[chosen])
        rate = RATE * (1 - step / STEPS) * np.sqrt(1 - DECAY_2**step) / (1 - DECAY_1**step)
        for name, slope in slopes.items():  # Adam
            mean[name] += (1 - DECAY_1) * (slope - mean[name])
            square[name] += (1 - DECAY_2) * (slope**2 - square[name])
            values[name] -= np.float32(rate) * mean[name] / (np.sqrt(square[name]) + 1e-8)
    return Weights(alphabet, **values)


def initial(shape, chance):
    if len(shape) == 1:
        return np.zeros(shape, np.float32)
    return (chance.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32)


def slopes_of(weights, windows, following):
    """How the loss changes with each weight."""
    scores, seen, inner = scores_from_windows(weights, windows)
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    wrong = odds / odds.sum(axis=1, keepdims=True)
    wrong[np.arange(len(following)), following] -= 1
    wrong /= len(following)
    back = wrong @ weights.outer.T * (1 - inner**2)
    embedding = np.zeros_like(weights.embedding)
    np.add.at(embedding, windows, (back @ weights.inner.T).reshape(*windows.shape, EMBEDDED))
    return {
        "embedding": embedding,
        "inner": seen.T @ back,
        "inner_bias": back.sum(axis=0),
        "outer": inner.T @ wrong,
        "outer_bias": wrong.sum(axis=0),
    }


if __name__ == "__main__":
    main()
