"""A naive Bayes text classifier: what is counted in training, and the prediction from it. Pure."""

import json
import math
import re
from pathlib import Path
from typing import Dict, List, NamedTuple

STOPWORDS = frozenset(
    re.findall(r"\w+", "a an and are as at be by for from in into is it of on or that the to with")
)


def features(text, max_ngram):
    """Words, and runs of up to `max_ngram` of them."""
    words = [word for word in re.findall(r"\w+", text.lower()) if word not in STOPWORDS]
    return [
        " ".join(words[start : start + length])
        for length in range(1, max_ngram + 1)
        for start in range(len(words) - length + 1)
    ]


class Classifier(NamedTuple):
    """`counts` says of each word how often each tag has it; `totals` are the sums of these, `rows`
    the texts."""

    tags: List[str]
    max_ngram: int
    alpha: float
    rows: Dict[str, int]
    totals: Dict[str, int]
    counts: Dict[str, List[int]]

    def prediction(self, text):
        """The tag, and how probable each tag is."""
        scores = [math.log(self.rows[tag] / sum(self.rows.values())) for tag in self.tags]
        for word in features(text, self.max_ngram):
            for index, count in enumerate(self.counts.get(word, ())):
                total = self.totals[self.tags[index]] + self.alpha * len(self.counts)
                scores[index] += math.log((count + self.alpha) / total)
        odds = [math.exp(score - max(scores)) for score in scores]
        probabilities = {tag: round(odd / sum(odds), 4) for tag, odd in zip(self.tags, odds)}
        return {
            "input_text": text,
            "predicted_tag": self.tags[scores.index(max(scores))],
            "probabilities": probabilities,
        }


def classifier_from_file(path):
    return Classifier(**json.loads(Path(path).read_text(encoding="utf-8")))
