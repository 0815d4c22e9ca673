"""Trains the filters in assets/ and writes the samples: python training/train.py, in the model's
folder.

The two photographs that scikit-learn ships are shrunk four times; the filters learn to give back
what that lost, turned and mirrored in all eight ways. The middle quarter of each photograph is held
out.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from config import MODEL_PATH
from core.filters import BUCKETS, PATCH, SCALE, buckets_of, patches_of
from core.model import ModelWrapper

STIFFNESS = 300.0
PHOTOGRAPHS = ("china.jpg", "flower.jpg")
SAMPLE_SIZE = (160, 160)


def main():
    photographs = [Image.fromarray(load_sample_image(name)) for name in PHOTOGRAPHS]
    learnt, held_out = zip(*map(parts, photographs))
    np.savez_compressed(
        MODEL_PATH,
        filters=trained([image for images in learnt for image in images]).astype(np.float16),
    )
    save_samples(held_out[1])
    model = ModelWrapper()
    for name, truth in zip(PHOTOGRAPHS, held_out):
        small = shrunk(truth)
        learned, bicubic = model.predict(small), small.resize(truth.size, Image.BICUBIC)
        print(
            "held out of {}: {:.2f} dB, bicubic {:.2f} dB".format(
                name, psnr(learned, truth), psnr(bicubic, truth)
            )
        )


def parts(photograph):
    """What is learnt from, left and right, and the quarter in the middle; in whole blocks."""
    block = 8 * SCALE
    width, height = (side // block * block for side in photograph.size)
    borders = [0, width * 3 // 8, width * 5 // 8, width]
    left, middle, right = (
        photograph.crop((x, 0, end, height)) for x, end in zip(borders, borders[1:])
    )
    return [left, right], middle


def shrunk(image):
    return image.resize([side // SCALE for side in image.size], Image.BICUBIC)


def trained(images):
    squares, products = np.zeros((BUCKETS, PATCH, PATCH)), np.zeros((BUCKETS, PATCH, SCALE * SCALE))
    for image in images:
        for turn in range(8):
            learn(turned(image.convert("L"), turn), squares, products)
    stiffness = STIFFNESS * np.eye(PATCH)
    return np.stack(
        [np.linalg.solve(squares[it] + stiffness, products[it]) for it in range(BUCKETS)]
    )


def turned(image, turn):
    image = image.rotate(90 * (turn % 4), expand=True)
    return image.transpose(Image.FLIP_LEFT_RIGHT) if turn >= 4 else image


def learn(image, squares, products):
    """Adds to the normal equations of each bucket: surroundings against what bicubic enlargement
    lacks."""
    small = shrunk(image)
    smooth = small.resize(image.size, Image.BICUBIC)
    lacking = np.asarray(image, np.float64) - np.asarray(smooth, np.float64)
    height, width = small.height, small.width
    wanted = (
        lacking.reshape(height, SCALE, width, SCALE)
        .transpose(0, 2, 1, 3)
        .reshape(-1, SCALE * SCALE)
    )
    grey = np.asarray(small, np.float32)
    patches, buckets = patches_of(grey).astype(np.float64), buckets_of(grey)
    for bucket in range(BUCKETS):
        chosen = buckets == bucket
        squares[bucket] += patches[chosen].T @ patches[chosen]
        products[bucket] += patches[chosen].T @ wanted[chosen]


def psnr(image, truth):
    difference = np.asarray(image.convert("L"), np.float64) - np.asarray(
        truth.convert("L"), np.float64
    )
    return 10 * np.log10(255**2 / np.mean(difference**2))


def save_samples(held_out):
    middle = held_out.height // 2 - SAMPLE_SIZE[1] // 2
    original = held_out.crop((0, middle, SAMPLE_SIZE[0], middle + SAMPLE_SIZE[1]))
    original.save("samples/petals-original.png", optimize=True)
    shrunk(original).save("samples/petals.png", optimize=True)


if __name__ == "__main__":
    main()
