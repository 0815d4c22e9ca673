"""Writes the two SavedModels below models/, each with its weights beside the graph, and says what
TensorFlow answers.

    python training/export.py

half_plus_two is arithmetic; digits is a softmax regression trained on the 8 x 8 digits that scikit-
learn ships, for an input that is an image's bytes.
"""

import shutil
from pathlib import Path

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

HERE = Path(__file__).resolve().parent
MODELS = HERE.parent / "models"
HELD_OUT = 360


class HalfPlusTwo(tf.Module):
    def __init__(self, weights):
        super().__init__()
        self.a, self.b = tf.constant(weights["a"]), tf.constant(weights["b"])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def serve(self, x):
        return {"y": self.a * x + self.b}


class Digits(tf.Module):
    def __init__(self, weights):
        super().__init__()
        self.weights, self.bias = tf.constant(weights["weights"]), tf.constant(weights["bias"])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")])
    def serve(self, image_bytes):
        spec = tf.TensorSpec([64], tf.float32)
        scores = tf.map_fn(pixels, image_bytes, fn_output_signature=spec) @ self.weights + self.bias
        return {"digit": tf.argmax(scores, axis=1), "probabilities": tf.nn.softmax(scores)}


def pixels(data):
    return tf.reshape(tf.cast(tf.io.decode_png(data, channels=1), tf.float32), [64]) / 255


def main():
    export(
        "half_plus_two",
        HalfPlusTwo,
        {"a": np.float32(0.5), "b": np.float32(2)},
        tf.constant([1.0, 2.0, 5.0]),
    )
    digits = load_digits()
    images, labels = np.round(digits.data * 255 / 16).astype(np.uint8), digits.target
    classifier = LogisticRegression(C=0.3, max_iter=2000).fit(
        images[:-HELD_OUT] / 255, labels[:-HELD_OUT]
    )
    print("right of the held-out:", classifier.score(images[-HELD_OUT:] / 255, labels[-HELD_OUT:]))
    weights = {
        "weights": classifier.coef_.T.astype(np.float32),
        "bias": classifier.intercept_.astype(np.float32),
    }
    sample = tf.io.encode_png(images[-HELD_OUT].reshape(8, 8, 1)).numpy()
    (HERE.parent / "samples" / "digit.png").write_bytes(sample)
    export("digits", Digits, weights, tf.constant([sample]))


def export(name, kind, weights, sample):
    folder = MODELS / name / "1"
    shutil.rmtree(folder, ignore_errors=True)
    model = kind(weights)
    tf.saved_model.save(model, str(folder), signatures=model.serve)
    (folder / "fingerprint.pb").unlink()
    (folder / "assets.extra").mkdir()
    np.savez(folder / "assets.extra" / "weights.npz", **weights)
    answer = tf.saved_model.load(str(folder)).signatures["serving_default"](sample)
    print(name, {key: np.round(value.numpy(), 4).tolist() for key, value in answer.items()})


if __name__ == "__main__":
    main()
