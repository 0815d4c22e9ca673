"""Trains the weights in assets/: python training/train.py, in the model's folder.

A fifth of the sentences in sentences.tsv is held out in turn to be measured; then the model learns
from all of them.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from config import MODEL_PATH
from core.features import PLACES, vector_from_sentence
from core.model import LABELS

FOLDS = 5
STEPS = 500
RATE = 4.0
DECAY = 1e-4


def main():
    labels, sentences = sentences_from_file(Path(__file__).with_name("sentences.tsv"))
    print(
        "{} sentences, accuracy {:.1f} %".format(
            len(labels), 100 * cross_validated(sentences, labels)
        )
    )
    weights, bias = trained(sentences, labels)
    np.savez_compressed(MODEL_PATH, weights=weights.astype(np.float16), bias=np.float32(bias))


def sentences_from_file(path):
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    labels = np.array([float(label == LABELS[0]) for label, _ in lines])
    return labels, np.stack([vector_from_sentence(sentence) for _, sentence in lines])


def cross_validated(sentences, labels):
    """Each sentence judged by a model that has seen neither it nor its opposite."""
    # The n-th negative sentence is the opposite of the n-th positive one, and gives much of it
    # away.
    fold = np.arange(len(labels)) % (len(labels) // 2) % FOLDS
    right = 0
    for held_out in range(FOLDS):
        weights, bias = trained(sentences[fold != held_out], labels[fold != held_out])
        judged = sentences[fold == held_out] @ weights + bias > 0
        right += np.sum(judged == (labels[fold == held_out] == 1))
    return right / len(labels)


def trained(sentences, labels):
    """Logistic regression by gradient descent."""
    seen = np.flatnonzero(sentences.any(axis=0))
    inputs, weights, bias = (
        np.ascontiguousarray(sentences[:, seen]),
        np.zeros(len(seen), np.float32),
        0.0,
    )
    for _ in range(STEPS):
        error = np.float32(1 / (1 + np.exp(-(inputs @ weights + bias))) - labels)
        weights -= RATE * (error @ inputs / len(labels) + DECAY * weights)
        bias -= RATE * error.mean()
    everywhere = np.zeros(PLACES, np.float32)
    everywhere[seen] = weights
    return everywhere, bias


if __name__ == "__main__":
    main()
