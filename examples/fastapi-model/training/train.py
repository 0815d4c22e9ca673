"""Trains the text classifier on projects.csv and writes model/: the model, its arguments, how well
it does.

    python training/train.py

A naive Bayes classifier over words and pairs of words. Needs nothing but Python; the same data and
arguments give the same files.
"""

import csv
import json
import random
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from app.classifier import Classifier, features  # noqa: E402 (the folder above has to be on the path first)

ARGS = {"alpha": 0.5, "max_ngram": 2, "test_share": 0.25, "seed": 7}


def main():
    with open(HERE / "projects.csv", newline="", encoding="utf-8") as file:
        rows = [(row["text"], row["tag"]) for row in csv.DictReader(file)]
    training, held_out = split(rows, ARGS["test_share"], ARGS["seed"])
    classifier = trained(training, ARGS["alpha"], ARGS["max_ngram"])
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "model"
    write(folder / "classifier.json", classifier._asdict())
    write(folder / "args.json", ARGS)
    write(folder / "performance.json", performance(classifier, held_out))


def split(rows, share, seed):
    """The same share of each tag is held out."""
    training, held_out = [], []
    chooser = random.Random(seed)
    for tag in sorted({tag for _, tag in rows}):
        own = [row for row in rows if row[1] == tag]
        chooser.shuffle(own)
        cut = round(len(own) * share)
        held_out, training = held_out + own[:cut], training + own[cut:]
    return training, held_out


def trained(rows, alpha, max_ngram):
    tags = sorted({tag for _, tag in rows})
    counts = {
        tag: Counter(word for text, its in rows if its == tag for word in features(text, max_ngram))
        for tag in tags
    }
    words = sorted(set().union(*counts.values()))
    return Classifier(
        tags=tags,
        max_ngram=max_ngram,
        alpha=alpha,
        rows={tag: sum(its == tag for _, its in rows) for tag in tags},
        totals={tag: sum(counts[tag].values()) for tag in tags},
        counts={word: [counts[tag][word] for tag in tags] for word in words},
    )


def performance(classifier, rows):
    found = [(tag, classifier.prediction(text)["predicted_tag"]) for text, tag in rows]
    per_class = {tag: scores(found, tag) for tag in classifier.tags}
    weights = {tag: per_class[tag]["num_samples"] / len(rows) for tag in classifier.tags}
    overall = {
        name: round(sum(weights[tag] * per_class[tag][name] for tag in classifier.tags), 4)
        for name in ("precision", "recall", "f1")
    }
    return {"overall": {**overall, "num_samples": len(rows)}, "class": per_class}


def scores(found, tag):
    """Precision, recall and their harmonic mean."""
    right = sum(true == said == tag for true, said in found)
    said, true = sum(said == tag for _, said in found), sum(true == tag for true, _ in found)
    precision, recall = right / said if said else 0.0, right / true if true else 0.0
    both = precision + recall
    rounded = (
        round(number, 4)
        for number in (precision, recall, 2 * precision * recall / both if both else 0.0)
    )
    return {**dict(zip(("precision", "recall", "f1"), rounded)), "num_samples": true}


def write(path, value):
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
