"""Models that work together: one after another in a sequence, and several at once; each is an
action of its own."""

import base64
import json
import os
import re
import subprocess
import sys

import pytest
import yaml

from testing.example import EXAMPLES, environ_of, example_python
from testing.gateway import Gateway
from testing.recordings import GUEST_KEY

FOLDER = EXAMPLES / "compose"
MODELS = [
    FOLDER / "ocr",
    EXAMPLES / "max-sentiment",
    EXAMPLES / "max-digits",
    EXAMPLES / "max-upscale",
]
TEXTS = {
    "praise": "The soup was warm and full of flavour.",
    "blame": "Terrible service, and the room was dirty!",
}
SEQUENCE = "ocr-then-sentiment"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with Gateway(
        tmp_path_factory.mktemp("gateway"), "--python", example_python("max-digits"), *MODELS
    ) as running:
        yield running


@pytest.fixture(scope="module")
def sequence(gateway):
    content = {"exec": {"kind": "sequence", "components": ["/_/ocr", "/_/max-sentiment"]}}
    reply = gateway.rest("PUT", "actions/%s?overwrite=true" % SEQUENCE, content)
    if reply.status == 400 and b"sequence" in reply.body:
        pytest.skip("the gateway has no sequences yet: %s" % reply.json["error"])
    assert reply.status == 200, reply
    return SEQUENCE


def picture(name):
    return base64.b64encode((FOLDER / "samples" / (name + ".png")).read_bytes()).decode()


def invoked(gateway, action, params):
    reply = gateway.rest("POST", "actions/%s?blocking=true&result=true" % action, params)
    return reply.status, reply.json


@pytest.mark.parametrize("name", TEXTS)
def test_the_line_of_a_picture_is_read(gateway, name):
    read = invoked(gateway, "ocr", {"image": {"b64": picture(name)}})
    assert read == (200, {"status": "ok", "text": [TEXTS[name]]})


def test_what_is_no_picture_is_refused(gateway):
    status, answer = invoked(
        gateway, "ocr", {"image": {"b64": base64.b64encode(b"nonsense").decode()}}
    )
    assert (status, answer["error"]["statusCode"]) == (502, 400)
    assert answer["error"]["body"] == {
        "status": "error",
        "message": "This is not an image that can be read",
    }


@pytest.mark.parametrize("name, felt", [("praise", "positive"), ("blame", "negative")])
def test_the_text_of_a_picture_goes_to_the_next_model_as_it_is(gateway, name, felt):
    """What a sequence does, done by hand."""
    _, text = invoked(gateway, "ocr", {"image": {"b64": picture(name)}})
    status, answer = invoked(gateway, "max-sentiment", text)
    (prediction,) = answer["predictions"]
    assert (status, max(prediction, key=prediction.get)) == (200, felt)


@pytest.mark.parametrize("name, felt", [("praise", "positive"), ("blame", "negative")])
def test_a_sequence_says_how_the_text_of_a_picture_feels(gateway, sequence, name, felt):
    status, answer = invoked(gateway, sequence, {"image": {"b64": picture(name)}})
    (prediction,) = answer["predictions"]
    assert (status, max(prediction, key=prediction.get)) == (200, felt)


def test_a_sequence_ends_with_the_model_that_refuses(gateway, sequence):
    status, answer = invoked(
        gateway, sequence, {"image": {"b64": base64.b64encode(b"nonsense").decode()}}
    )
    assert (status, answer["error"]["body"]["message"]) == (
        502,
        "This is not an image that can be read",
    )


def test_a_sequence_keeps_a_record_of_each_step(gateway, sequence):
    params = {"image": {"b64": picture("praise")}}
    activation = gateway.rest("POST", "actions/%s?blocking=true" % sequence, params).json
    steps = [gateway.rest("GET", "activations/" + step).json for step in activation["logs"]]
    assert [step["name"] for step in steps] == ["ocr", "max-sentiment"]
    assert steps[0]["response"]["result"] == {"status": "ok", "text": [TEXTS["praise"]]}


def test_three_models_look_at_one_picture_at_once(gateway):
    environ = environ_of(
        sys.executable, APIHOST="http://127.0.0.1:%d" % gateway.port, AUTH=GUEST_KEY
    )
    command = [sys.executable, FOLDER / "ask_three.py", FOLDER / "samples" / "seven.png"]
    answers = json.loads(subprocess.check_output(command, env=environ))
    assert list(answers) == ["max-digits", "ocr", "max-upscale"]
    assert answers["max-digits"]["predictions"][0]["label_id"] == "7"
    assert answers["ocr"]["text"] == ["7"]
    larger = base64.b64decode(answers["max-upscale"]["body"])
    assert larger.startswith(b"\x89PNG")


PICTURE = str(FOLDER / "samples" / "seven.png")


@pytest.mark.parametrize(
    "words, environ, told",
    [
        ([], {}, "ask_three.py: one picture was expected, like samples/seven.png"),
        (["no.png"], {}, "no.png can't be read: No such file or directory"),
        ([PICTURE], {"AUTH": "no:key"}, "401 Unauthorized: is the model deployed there"),
        ([PICTURE], {"APIHOST": "http://127.0.0.1:9"}, "Connection refused: does the gateway run?"),
    ],
    ids=["no picture", "a picture that isn't there", "another key", "no gateway"],
)
def test_what_a_beginner_forgets_is_told_in_one_sentence(gateway, words, environ, told):
    here = dict(os.environ, APIHOST="http://127.0.0.1:%d" % gateway.port)
    done = subprocess.run(
        [sys.executable, str(FOLDER / "ask_three.py"), *words],
        env=dict(here, **environ),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert told in done.stderr


def test_the_manifest_has_the_models_and_the_sequence_of_the_readme():
    package = yaml.safe_load((FOLDER / "manifest.yaml").read_text())["packages"]["default"]
    assert set(package["actions"]) == {model.name for model in MODELS}
    assert package["sequences"] == {SEQUENCE: {"actions": "ocr, max-sentiment"}}
    readme = (FOLDER / "README.md").read_text()
    assert "wsk action create %s --sequence ocr,max-sentiment" % SEQUENCE in readme


def test_training_again_gives_a_reader_that_does_as_well(tmp_path):
    script = FOLDER / "ocr" / "training" / "train.py"
    python = example_python("max-digits")
    subprocess.run(
        [python, script, tmp_path / "letters.npz"], check=True, stdout=subprocess.DEVNULL
    )
    made, committed = (
        json.loads((path / "metrics.json").read_text()) for path in (tmp_path, FOLDER / "ocr")
    )
    assert made["letters_held_out"] == committed["letters_held_out"]
    assert made["right"] == pytest.approx(committed["right"], abs=0.01)


def test_the_readme_starts_the_gateway_with_the_folders_that_there_are():
    started = re.search(
        r"python -m gateway .*", (FOLDER / "README.md").read_text().replace("\\\n", "")
    ).group()
    folders = [word for word in started.split() if word.startswith("examples/")]
    assert [EXAMPLES.parent / folder for folder in folders] == MODELS
    assert all(os.path.exists(EXAMPLES.parent / folder / "Dockerfile") for folder in folders)
