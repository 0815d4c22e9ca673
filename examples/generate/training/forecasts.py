"""What the radio of an invented country says about its weather. No measurements, no real places.

    python training/forecasts.py        # prints them

Sentences are put together by chance from the pieces below, so that a model has spelling, words,
grammar and something like sense to find: rain falls, sun shines, snow comes with frost.
"""

import random
from typing import List

FORECASTS = 3000
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
PLACES = [
    "in the north",
    "in the south",
    "on the coast",
    "in the hills",
    "in the valleys",
    "on the islands",
]
PLACES += ["around the lakes"]
TIMES = ["in the morning", "around noon", "in the afternoon", "in the evening", "during the night"]
WINDS = ["a light breeze", "a fresh wind", "a strong wind", "gusts", "hardly any wind"]
FROM = ["from the west", "from the east", "from the sea", "from the mountains"]
MILD = {
    "sun": [
        "the sun shines",
        "the sky is clear",
        "it is bright and dry",
        "a few small clouds pass",
    ],
    "rain": [
        "it rains",
        "showers fall",
        "a steady rain falls",
        "drizzle comes and goes",
        "thunder is possible",
    ],
    "fog": [
        "fog lies low",
        "the fog is slow to clear",
        "mist hides the fields",
        "visibility is poor",
    ],
}
COLD = {
    "snow": ["it snows", "snow falls", "light snow is likely", "roads are icy", "the frost is hard"]
}
ADVICE = {
    "sun": ["A good day for a walk.", "Hats are advised.", "Leave the umbrella at home."],
    "rain": ["Take an umbrella.", "Farmers will be glad.", "Good boots help."],
    "fog": ["Drive with care.", "Ferries may be late.", "Lights on, please."],
    "snow": ["Drive with care.", "Children will be glad.", "Wear something warm."],
}


def forecasts() -> List[str]:
    """Always the same, one to a line."""
    chance = random.Random(7)
    return [forecast(chance) + "\n" for _ in range(FORECASTS)]


def forecast(chance):
    cold = chance.random() < 0.3
    degrees = chance.randint(-9, 2) if cold else chance.randint(6, 28)
    kinds = {"sun": MILD["sun"], "fog": MILD["fog"], **COLD} if cold else MILD
    first, second = chance.sample(sorted(kinds), 2)
    sentences = [
        f"On {chance.choice(DAYS)} {chance.choice(kinds[first])} {chance.choice(PLACES)}.",
        f"{chance.choice(TIMES).capitalize()} {chance.choice(kinds[second])} {chance.choice(PLACES)}.",  # noqa: E501
        f"There will be {chance.choice(WINDS)} {chance.choice(FROM)}.",
        f"Temperatures reach {in_words(degrees)}.",
        chance.choice(ADVICE[second]),
    ]
    if chance.random() < 0.4:
        del sentences[2]
    return " ".join(sentences)


def in_words(degrees):
    return f"{-degrees} degrees below zero" if degrees < 0 else f"{degrees} degrees"


if __name__ == "__main__":
    print("".join(forecasts()), end="")
