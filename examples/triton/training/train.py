"""Trains the digits classifier on the images that scikit-learn ships and writes its weights to
digits.npz.

    python training/train.py [FILE]

metrics.json has how it does on the 360 images that are held out.
"""

import json
import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

HERE = Path(__file__).resolve().parent
HELD_OUT = 360


def main():
    digits = load_digits()
    images, labels = (digits.data / 16).astype(np.float32), digits.target
    classifier = LogisticRegression(C=0.3, max_iter=2000)
    classifier.fit(images[:-HELD_OUT], labels[:-HELD_OUT])
    accuracy = classifier.score(images[-HELD_OUT:], labels[-HELD_OUT:])
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "digits.npz"
    weights = classifier.coef_.T.astype(np.float32)
    np.savez(path, weights=weights, bias=classifier.intercept_.astype(np.float32))
    metrics = {"held_out": HELD_OUT, "accuracy": round(float(accuracy), 4)}
    path.with_name("metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    if len(sys.argv) == 1:
        write_samples(images[-HELD_OUT:], labels[-HELD_OUT:])
    print(metrics)


def write_samples(images, labels):
    """The request of the V2 protocol for two held-out digits."""
    two = [int(np.flatnonzero(labels == digit)[0]) for digit in (2, 7)]
    data = [[round(float(value), 4) for value in images[index]] for index in two]
    tensor = {"name": "image", "shape": [2, 64], "datatype": "FP32", "data": data}
    text = json.dumps({"inputs": [tensor]})
    (HERE.parent / "samples" / "two-and-seven.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
