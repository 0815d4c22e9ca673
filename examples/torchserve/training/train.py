"""Trains the digits network and packs it with its handler for TorchServe: model-store/digits.mar.

    python training/train.py [FOLDER]

The images are those that scikit-learn ships. metrics.json has how it does on the 360 that are held
out.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn

HERE = Path(__file__).resolve().parent
EXAMPLE = HERE.parent
HELD_OUT = 360
EPOCHS = 60


def network():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 4 * 4, 10),
    )


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    digits = load_digits()
    images = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
    labels = torch.tensor(digits.target)
    model = trained(images[:-HELD_OUT], labels[:-HELD_OUT])
    with torch.no_grad():
        right = model(images[-HELD_OUT:]).argmax(dim=1) == labels[-HELD_OUT:]
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else EXAMPLE / "model-store"
    folder.mkdir(exist_ok=True)
    pack(model, folder)
    metrics = {"held_out": HELD_OUT, "accuracy": round(float(right.float().mean()), 4)}
    (folder.parent / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    if len(sys.argv) == 1:
        write_samples(digits)
    print(metrics)


def trained(images, labels):
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003, weight_decay=0.0001)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(images)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images[chosen]), labels[chosen]).backward()
            optimizer.step()
    return model.eval()


def pack(model, folder):
    """What `torch-model-archiver` makes of the network, as TorchScript, and of handler.py."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "digits.pt")
        torch.jit.script(model).save(str(file))
        command = [Path(sys.executable).with_name("torch-model-archiver"), "--force"]
        command += ["--model-name", "digits", "--version", "1.0", "--serialized-file", file]
        command += ["--handler", EXAMPLE / "handler.py", "--export-path", folder]
        subprocess.run([str(word) for word in command], check=True)


def write_samples(digits):
    for name, digit in (("two", 2), ("seven", 7)):
        index = np.flatnonzero(digits.target[-HELD_OUT:] == digit)[0] - HELD_OUT
        grey = np.round(digits.images[index] * 255 / 16).astype(np.uint8)
        Image.fromarray(grey).save(EXAMPLE / "samples" / (name + ".png"))


if __name__ == "__main__":
    main()
