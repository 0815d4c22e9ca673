"""Reads one printed line of text: cuts the picture into letters and asks a model of NumPy what
each of them is."""

import io

import numpy as np
from PIL import Image

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,!?'"
SIDE = 14
LARGEST = 4000
INK = 0.5
# The space between two words, and the smallest thing that is no speck, as parts of a line's height.
SPACE, SPECK = 0.3, 0.03


def image_from_bytes(data):
    """A grey image; ValueError for what is none, or too large."""
    try:
        image = Image.open(io.BytesIO(data))
        if max(image.size) > LARGEST:
            raise ValueError("The image is %d x %d pixels, more than %d" % (*image.size, LARGEST))
        return image.convert("L")
    except (OSError, SyntaxError, Image.DecompressionBombError):
        raise ValueError("This is not an image that can be read") from None


def ink_from_image(image):
    """0 for paper, 1 for ink, whichever of the two is the darker."""
    grey = np.asarray(image, np.float32)
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    distance = np.abs(grey - np.median(edge))
    return distance / distance.max() if distance.max() > 16 else np.zeros_like(distance)


def runs(marked):
    """(start, end) of each run of what is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marked.astype(np.int8), [0]])))
    return list(zip(edges[::2], edges[1::2]))


def letters_from_ink(ink):
    """What lies between the white columns, from left to right: (space before it, its values)."""
    rows = runs((ink > INK).any(axis=1))
    if not rows:
        return
    top, bottom = rows[0][0], rows[-1][1]
    line = ink[top:bottom]
    height, end_of_last = bottom - top, None
    for start, end in runs((line > INK).any(axis=0)):
        space = 0 if end_of_last is None else start - end_of_last
        end_of_last = end
        if (line[:, start:end] > INK).sum() > (SPECK * height) ** 2:
            yield space / height, values_from_letter(line[:, start:end])


def values_from_letter(letter):
    """The letter in a square, its form filling it, and besides how high, how low and how wide it
    was."""
    height, width = letter.shape
    rows = np.flatnonzero((letter > INK).any(axis=1))
    cut = letter[rows[0] : rows[-1] + 1]
    square = Image.fromarray(cut).resize(
        (SIDE, SIDE), Image.BOX if min(cut.shape) >= SIDE else Image.BILINEAR
    )
    measures = [rows[0] / height, rows[-1] / height, width / height, width / len(cut)]
    return np.concatenate(
        [np.asarray(square, np.float32).ravel(), np.array(measures, np.float32) * 3]
    )


class Reader:
    def __init__(self, path):
        with np.load(path) as stored:
            self.layers = [
                (stored["inner"], stored["inner_bias"]),
                (stored["outer"], stored["outer_bias"]),
            ]

    def read(self, image):
        text = ""
        for space, values in letters_from_ink(ink_from_image(image)):
            text += " " if space > SPACE else ""
            text += self.letter(values)
        return text

    def letter(self, values):
        (inner, inner_bias), (outer, outer_bias) = self.layers
        scores = np.maximum(values @ inner + inner_bias, 0) @ outer + outer_bias
        return LETTERS[int(scores.argmax())]
