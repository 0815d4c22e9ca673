"""A character model: the last characters in, one more out, again and again. NumPy and a file of
weights."""

from typing import Iterator, NamedTuple, Tuple

import numpy as np

CONTEXT = 28
END = "\n"
# The end of a forecast, as the model has always seen one before the next.
BEFORE = "Leave the umbrella at home." + END


class Weights(NamedTuple):
    alphabet: str
    embedding: np.ndarray
    inner: np.ndarray
    inner_bias: np.ndarray
    outer: np.ndarray
    outer_bias: np.ndarray


def weights_from_file(path) -> Weights:
    with np.load(path) as stored:
        weights = Weights(**stored)
    return weights._replace(alphabet=str(weights.alphabet))


def indices_from_text(alphabet: str, text: str) -> np.ndarray:
    """Characters that the model has never seen are as good as a space."""
    known = {character: index for index, character in enumerate(alphabet)}
    return np.array([known.get(character, known[" "]) for character in text], np.int64)


def scores_from_windows(
    weights: Weights, windows: np.ndarray
) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The score of each next character, and on the way there what was seen and made of it."""
    seen = weights.embedding[windows].reshape(len(windows), -1)
    inner = np.tanh(seen @ weights.inner + weights.inner_bias)
    return inner @ weights.outer + weights.outer_bias, seen, inner


def characters(
    weights: Weights, prompt: str, length: int, temperature: float, seed: int
) -> Iterator[str]:
    """What follows the prompt, character by character, until the line ends or there are `length`
    of them."""
    chance = np.random.default_rng(seed)
    window = indices_from_text(weights.alphabet, (BEFORE + prompt)[-CONTEXT:])
    for _ in range(length):
        scores = scores_from_windows(weights, window[np.newaxis])[0][0] / temperature
        odds = np.exp(scores - scores.max(), dtype=np.float64)
        index = chance.choice(len(odds), p=odds / odds.sum())
        if weights.alphabet[index] == END:
            return
        yield weights.alphabet[index]
        window = np.append(window[1:], index)
