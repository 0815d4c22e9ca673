"""examples/max-sentiment: sentences in, probabilities out, and as an action what it is on its
own."""

import json
import re
import shutil
import subprocess

import pytest

from testing.example import EXAMPLES, example_python
from testing.max_server import essence

NAME = "max-sentiment"
FOLDER = EXAMPLES / NAME
SAMPLE = (FOLDER / "samples" / "reviews.json").read_bytes()
JSON = [("Content-Type", "application/json")]
ADVICE = "Please supply a valid input json: a 'text' field containing a list of strings."
BAD = {
    "not JSON": b"hello",
    "JSON cut short": b'{"text": ["a"',
    "a string": b'{"text": "good"}',
    "numbers": b'{"text": [1]}',
    "another field": b'{"texts": ["good"]}',
    "a list": b'["good"]',
    "null": b"null",
    "nothing": b"",
    "not UTF-8": b'{"text": ["\xff"]}',
}
REQUESTS = {
    "predict, " + name: ("POST", "/model/predict", "", JSON, body) for name, body in BAD.items()
}
REQUESTS.update(
    {
        "predict": ("POST", "/model/predict", "", JSON, SAMPLE),
        "predict, no sentences": ("POST", "/model/predict", "", JSON, b'{"text": []}'),
        "predict, any alphabet": (
            "POST",
            "/model/predict",
            "",
            JSON,
            '{"text": ["Schön! 你好 \\u0000"]}'.encode(),
        ),
        "predict, JSON sent as a form": (
            "POST",
            "/model/predict",
            "",
            [("Content-Type", "application/x-www-form-urlencoded")],
            SAMPLE,
        ),
        "predict, fewer fields": (
            "POST",
            "/model/predict",
            "",
            [*JSON, ("X-Fields", "status")],
            SAMPLE,
        ),
        "metadata": ("GET", "/model/metadata", "", [], b""),
        "Swagger's spec": ("GET", "/swagger.json", "", [], b""),
        "Swagger's page": ("GET", "/", "", [], b""),
        "an unknown path": ("GET", "/nowhere", "", [], b""),
        "HEAD": ("HEAD", "/model/metadata", "", [], b""),
    }
)


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_the_action_answers_as_the_models_own_server(own, action, name):
    assert essence(action, REQUESTS[name]) == essence(own, REQUESTS[name])


def test_each_sentence_gets_its_two_probabilities_in_order(server):
    answer = server.ask("POST", "/model/predict", "", JSON, SAMPLE)
    result = json.loads(answer.body.decode())
    assert (answer.status, sorted(result), result["status"]) == (
        200,
        ["predictions", "status"],
        "ok",
    )
    kind, unkind = result["predictions"]
    assert kind["positive"] > 0.7 > 0.3 > unkind["positive"]
    assert all(
        sorted(it) == ["negative", "positive"] and abs(sum(it.values()) - 1) < 1e-6
        for it in (kind, unkind)
    )


@pytest.mark.parametrize("name", sorted(BAD))
def test_anything_but_a_list_of_strings_is_refused_with_advice(server, name):
    answer = server.ask("POST", "/model/predict", "", JSON, BAD[name])
    assert (answer.status, json.loads(answer.body.decode())) == (
        400,
        {"status": "error", "message": ADVICE},
    )


def test_training_prints_the_figures_of_the_readme(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(FOLDER, folder)
    printed = subprocess.check_output(
        [example_python(NAME), "training/train.py"], cwd=folder, text=True
    )
    readme = (FOLDER / "README.md").read_text()
    sentences, accuracy = re.match(r"(\d+) sentences, accuracy ([\d.]+) %", printed).groups()
    assert (sentences + " sentences" in readme, "**%s %%**" % accuracy in readme) == (True, True)
