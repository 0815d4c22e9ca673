"""Trains the weights in assets/ and writes the samples: python training/train.py, in the model's
folder.

The digits that scikit-learn ships (8 x 8 pixels, 16 greys) are drawn as images, turned and slanted
a little, and go through the very code that reads a client's image. The last 40 of each digit, from
other hands than the first, are held out: never trained on, and drawn in samples/held-out.png, a row
for each digit.
"""

import os
import sys
from pathlib import Path

# Read when NumPy is imported. The matrices are small: a thread on each core would do little but
# wait for the others.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from config import MODEL_PATH
from core.image import SIDE, pixels_from_image
from core.model import LABELS, ModelWrapper

HELD_OUT = 40
MARGIN = 2
ENLARGED = 6
COPIES = 12
HELD_OUT_SHEET = "samples/held-out.png"


def main():
    digits = load_digits()
    images = [paper_from_digit(values) for values in digits.images]
    held_out = np.concatenate(
        [np.flatnonzero(digits.target == digit)[-HELD_OUT:] for digit in range(len(LABELS))]
    )
    trained_on = np.setdiff1d(np.arange(len(images)), held_out)

    network = trained([images[i] for i in trained_on], digits.target[trained_on])
    save_weights(network)
    save_sheet([images[i] for i in held_out])
    save_samples([images[i] for i in held_out])

    model = ModelWrapper()
    right = sum(int(model.predict(images[i])[0][0]) == digits.target[i] for i in held_out)
    print("trained on {} digits, {} copies of each".format(len(trained_on), COPIES + 1))
    print(
        "held out: {} digits, accuracy {:.1f} %".format(
            len(held_out), 100.0 * right / len(held_out)
        )
    )


def paper_from_digit(values):
    """Black on white, with a margin as a digit on paper has one."""
    ink = np.pad(values / 16, MARGIN, mode="constant")
    return Image.fromarray(np.uint8(np.rint(255 * (1 - ink))))


def trained(images, labels):
    chance = np.random.RandomState(0)
    inputs = [pixels_from_image(image) for image in images]
    for _ in range(COPIES):
        inputs += [pixels_from_image(varied(image, chance)) for image in images]
    network = MLPClassifier(
        hidden_layer_sizes=(128,),
        alpha=1e-2,
        batch_size=128,
        max_iter=40,
        tol=0,
        n_iter_no_change=40,
        random_state=0,
    )
    return network.fit(np.array(inputs), np.tile(labels, COPIES + 1))


def varied(image, chance):
    """The same digit from another hand: turned, slanted, wider or narrower, on grey or even dark
    paper."""
    side = image.width * ENLARGED
    image = image.resize((side, side), Image.BICUBIC)
    image = image.rotate(chance.uniform(-8, 8), resample=Image.BILINEAR, fillcolor=255)
    slant, width = chance.uniform(-0.1, 0.1), chance.uniform(0.9, 1.1)
    middle = side / 2
    matrix = (width, slant, middle * (1 - width - slant), 0, 1, 0)
    image = image.transform(
        image.size, Image.AFFINE, matrix, resample=Image.BILINEAR, fillcolor=255
    )
    paper, ink = chance.uniform(170, 255), chance.uniform(0, 100)
    grey = ink + np.asarray(image, np.float32) / 255 * (paper - ink)
    grey = np.clip(grey + chance.normal(0, 4, grey.shape), 0, 255)
    return Image.fromarray(np.uint8(grey if chance.rand() < 0.8 else 255 - grey))


def save_weights(network):
    names = ("hidden", "output"), ("hidden_bias", "output_bias")
    weights = dict(zip(names[0], network.coefs_), **dict(zip(names[1], network.intercepts_)))
    np.savez_compressed(
        MODEL_PATH, **{name: array.astype(np.float32) for name, array in weights.items()}
    )


def save_sheet(images):
    side = SIDE + 2 * MARGIN
    sheet = Image.new("L", (HELD_OUT * side, len(LABELS) * side))
    for number, image in enumerate(images):
        sheet.paste(image, (number % HELD_OUT * side, number // HELD_OUT * side))
    sheet.save(HELD_OUT_SHEET, optimize=True)


def save_samples(held_out):
    """The first held-out digit of three rows, as a scan, a photograph and a blackboard would show
    it."""
    for digit, name, blackboard in (
        (7, "seven.png", False),
        (3, "three.jpg", False),
        (5, "five.png", True),
    ):
        image = held_out[digit * HELD_OUT].resize((240, 240), Image.BICUBIC)
        image = Image.eval(image, lambda grey: 255 - grey) if blackboard else image
        image.save("samples/" + name)


if __name__ == "__main__":
    main()
