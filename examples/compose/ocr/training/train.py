"""Trains the letters and writes letters.npz, and the samples: python training/train.py [FILE]

Lines of chance text are printed with the font that Pillow ships, in all sizes, a little blurred,
and cut into letters by the code that cuts a client's picture. What is held out are lines of other
text: metrics.json says how many of their letters are read as they were written.
"""

import json
import os
import random
import sys
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # the matrices are small

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from reader import LETTERS, SIDE, Reader, ink_from_image, letters_from_ink  # noqa: E402

SIZES = range(18, 49, 2)
LINES, LENGTH, HELD_OUT = 60, 24, 40
HIDDEN, STEPS, BATCH, RATE = 96, 4000, 128, 0.15
SAMPLES = {
    "praise.png": "The soup was warm and full of flavour.",
    "blame.png": "Terrible service, and the room was dirty!",
}


def main():
    chance = random.Random(0)
    values, labels = drawn_letters(chance, [LINES] * len(SIZES))
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "letters.npz"
    np.savez_compressed(
        path, **{name: value.astype(np.float16) for name, value in trained(values, labels).items()}
    )
    reader = Reader(path)
    values, labels = drawn_letters(chance, [HELD_OUT // len(SIZES) + 1] * len(SIZES))
    right = sum(reader.letter(value) == LETTERS[label] for value, label in zip(values, labels))
    metrics = {"letters_held_out": len(labels), "right": round(right / len(labels), 3)}
    path.with_name("metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    print(metrics)
    if len(sys.argv) == 1:
        for name, text in SAMPLES.items():
            printed(text, 32).save(HERE.parent.parent / "samples" / name)
        printed("7", 48).save(HERE.parent.parent / "samples" / "seven.png")


def printed(text, size):
    """Black on white; each letter for itself, so that no two touch."""
    font = ImageFont.load_default(size)
    image = Image.new("L", (size * (len(text) + 2), 2 * size), "white")
    pen, place = ImageDraw.Draw(image), size // 2
    for letter in text:
        pen.text((place, size // 3), letter, font=font, fill="black")
        place += round(font.getlength(letter)) + max(1, size // 16)
    return image.crop((0, 0, place + size // 2, 2 * size))


def drawn_letters(chance, lines_of_sizes):
    """The values of letters as they are cut from printed lines, and which letters they are."""
    values, labels = [], []
    for size, lines in zip(SIZES, lines_of_sizes):
        for _ in range(lines):
            text = "H" + "".join(chance.choice(LETTERS) for _ in range(LENGTH)) + "g"
            image = printed(text, size).filter(
                ImageFilter.GaussianBlur(chance.random() * size / 40)
            )
            cut = [value for _, value in letters_from_ink(ink_from_image(image))]
            if len(cut) == len(text):
                values += cut
                labels += [LETTERS.index(letter) for letter in text]
    return np.array(values, np.float32), np.array(labels)


def trained(values, labels):
    chance = np.random.default_rng(0)
    inner = (chance.standard_normal((values.shape[1], HIDDEN)) / SIDE).astype(np.float32)
    outer = (chance.standard_normal((HIDDEN, len(LETTERS))) / np.sqrt(HIDDEN)).astype(np.float32)
    inner_bias, outer_bias = np.zeros(HIDDEN, np.float32), np.zeros(len(LETTERS), np.float32)
    for step in range(STEPS):
        chosen = chance.integers(0, len(labels), BATCH)
        hidden = np.maximum(values[chosen] @ inner + inner_bias, 0)
        scores = hidden @ outer + outer_bias
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        wrong = odds / odds.sum(axis=1, keepdims=True)
        wrong[np.arange(BATCH), labels[chosen]] -= 1
        wrong *= RATE * (1 - step / STEPS) / BATCH
        back = wrong @ outer.T * (hidden > 0)
        outer -= hidden.T @ wrong
        outer_bias -= wrong.sum(axis=0)
        inner -= values[chosen].T @ back
        inner_bias -= back.sum(axis=0)
    return {"inner": inner, "inner_bias": inner_bias, "outer": outer, "outer_bias": outer_bias}


if __name__ == "__main__":
    main()
