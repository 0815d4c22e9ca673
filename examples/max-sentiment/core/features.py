"""What the model looks at in a sentence: places in a vector; touches nothing."""

import re
import zlib

import numpy as np

PLACES = 1 << 14
WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|[!?]")


def vector_from_sentence(sentence):
    """As long as any other sentence's, so that many words count no more than a few."""
    vector = np.zeros(PLACES, np.float32)
    for feature in features(WORD.findall(sentence.lower())):
        # Not hash(), which is another one in every process.
        vector[zlib.crc32(feature.encode("utf-8")) % PLACES] = 1
    return vector / max(1.0, np.sqrt(vector.sum()))


def features(words):
    """Words, pairs of them ("not good"), and beginnings of long ones, as "disappoint" of what it
    grew into."""
    for word in words:
        yield word
        if len(word) > 5:
            yield word[:5] + "-"
    for pair in zip(["^", *words], words):
        yield " ".join(pair)
