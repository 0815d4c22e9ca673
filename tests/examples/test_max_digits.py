"""examples/max-digits: right about digits, and as an action what it is on its own, on all that MAX
images hold."""

import io
import itertools
import json
import re
import shutil
import subprocess

import pytest
from PIL import Image

from testing.example import EXAMPLES, Gateway, example_python
from testing.max_server import essence, multipart
from tests.adapter.environments import ENVIRONMENTS, environment

NAME = "max-digits"
FOLDER = EXAMPLES / NAME
MAX_IMAGES = [row.name for row in ENVIRONMENTS if row.max_image]
LABELS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def upload(name, kind, field="image"):
    return multipart(field, name, (FOLDER / "samples" / name).read_bytes(), kind)


NOT_AN_IMAGE = multipart("image", "digit.png", b"hello", "image/png")
GET = {
    "metadata": ("/model/metadata", "", []),
    "labels": ("/model/labels", "", []),
    "Swagger's spec": ("/swagger.json", "", []),
    "Swagger's page": ("/", "", []),
    "Swagger's script": ("/swaggerui/swagger-ui-bundle.js", "", [("Accept-Encoding", "gzip")]),
    "Swagger's icon": ("/swaggerui/favicon-16x16.png", "", []),
    "fewer fields": ("/model/metadata", "", [("X-Fields", "id,name")]),
    "an unknown path": ("/nowhere", "", []),
    "GET of what takes POST": ("/model/predict", "", []),
}
REQUESTS = {name: ("GET", *request, b"") for name, request in GET.items()}
REQUESTS.update(
    {
        "predict, a PNG": ("POST", "/model/predict", "", *upload("seven.png", "image/png")),
        "predict, a JPEG": ("POST", "/model/predict", "", *upload("three.jpg", "image/jpeg")),
        "predict, white on black": ("POST", "/model/predict", "", *upload("five.png", "image/png")),
        "predict, a query besides": (
            "POST",
            "/model/predict",
            "a=%C3%A9&a=2",
            *upload("five.png", "image/png"),
        ),
        "predict, not an image": ("POST", "/model/predict", "", *NOT_AN_IMAGE),
        "predict, another field": (
            "POST",
            "/model/predict",
            "",
            *upload("seven.png", "image/png", "file"),
        ),
        "predict, JSON": (
            "POST",
            "/model/predict",
            "",
            [("Content-Type", "application/json")],
            b"{}",
        ),
        "predict, nothing": ("POST", "/model/predict", "", [], b""),
        "POST to an unknown path": ("POST", "/nowhere", "", [], b""),
        "HEAD": ("HEAD", "/model/metadata", "", [], b""),
    }
)


@pytest.fixture(scope="module", params=["requirements.txt", *MAX_IMAGES])
def python(request):
    return (
        example_python(NAME) if request.param == "requirements.txt" else environment(request.param)
    )


def held_out():
    """The held-out digits one by one: (label, image)."""
    with Image.open(FOLDER / "samples" / "held-out.png") as picture:
        side = picture.height // len(LABELS)
        for row, column in itertools.product(range(len(LABELS)), range(picture.width // side)):
            left, top = column * side, row * side
            yield str(row), picture.crop((left, top, left + side, top + side))


def predicted(server, form):
    answer = server.ask("POST", "/model/predict", "", *form)
    assert answer.status == 200, answer
    return json.loads(answer.body.decode("utf-8"))


def refused(server, form):
    answer = server.ask("POST", "/model/predict", "", *form)
    return answer.status, json.loads(answer.body.decode("utf-8"))


def png(image, **options):
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return multipart("image", "digit.png", file.getvalue(), "image/png")


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_the_action_answers_as_the_models_own_server(own, action, name):
    assert essence(action, REQUESTS[name]) == essence(own, REQUESTS[name])


def test_options_are_the_models_own_unless_the_platform_answers_them(own, action):
    request = ("OPTIONS", "/model/predict", "", [], b"")
    if isinstance(action, Gateway):
        assert action.ask(*request).header("Allow") == []
    else:
        assert essence(action, request) == essence(own, request)


@pytest.mark.parametrize(
    "name, kind, digit",
    [("seven.png", "image/png", 7), ("three.jpg", "image/jpeg", 3), ("five.png", "image/png", 5)],
)
def test_a_digit_comes_back_as_labelled_probabilities_the_likeliest_first(
    server, name, kind, digit
):
    answer = predicted(server, upload(name, kind))
    likeliest, probabilities = (
        answer["predictions"][0],
        [it["probability"] for it in answer["predictions"]],
    )
    assert (answer["status"], likeliest["label_id"], likeliest["label"]) == (
        "ok",
        str(digit),
        LABELS[digit],
    )
    assert sorted(it["label_id"] for it in answer["predictions"]) == sorted(map(str, range(10)))
    assert probabilities == sorted(probabilities, reverse=True)
    assert abs(sum(probabilities) - 1) < 1e-5


def test_a_transparent_image_is_ink_on_white(server):
    with Image.open(FOLDER / "samples" / "seven.png") as picture:
        ink = Image.new("RGBA", picture.size, "black")
        ink.putalpha(Image.eval(picture.convert("L"), lambda grey: 255 - grey))
    assert predicted(server, png(ink))["predictions"][0]["label"] == "seven"


def test_an_empty_sheet_is_answered_too(server):
    assert predicted(server, png(Image.new("L", (100, 100), 255)))["status"] == "ok"


ADVICE = "Please submit a valid image in PNG or JPEG format of at most 4096 x 4096 pixels: "
BAD_IMAGES = {
    "text": (multipart("image", "a.png", b"hello", "image/png"), "it can't be read as an image."),
    "nothing": (multipart("image", "a.png", b"", "image/png"), "it can't be read as an image."),
    "another format": (multipart("image", "a.gif", b"GIF89a" + bytes(20), "image/gif"), None),
    "a PNG cut short": (
        multipart("image", "a.png", png(Image.effect_noise((99, 99), 50))[1][:900], "image/png"),
        None,
    ),
    "too wide": (png(Image.new("1", (4097, 1))), "it is 4097 x 1 pixels."),
    "a bomb": (png(Image.new("1", (20000, 20000))), None),
}


@pytest.mark.parametrize("name", sorted(BAD_IMAGES))
def test_what_is_not_a_usable_image_is_refused_with_advice(server, name):
    form, reason = BAD_IMAGES[name]
    status, answer = refused(server, form)
    assert (status, answer["status"], answer["message"][: len(ADVICE)]) == (400, "error", ADVICE)
    assert reason is None or answer["message"] == ADVICE + reason


def test_a_missing_image_is_refused_as_every_max_model_does(server):
    status, answer = refused(server, upload("seven.png", "image/png", "file"))
    assert (status, answer["message"]) == (400, "Input payload validation failed")
    assert "image" in answer["errors"]


def test_the_held_out_digits_are_as_often_right_as_the_readme_says(own):
    answers = [
        predicted(own, png(image))["predictions"][0]["label_id"] == label
        for label, image in held_out()
    ]
    stated = re.search(r"\*\*([\d.]+) %\*\* of the (\d+)", (FOLDER / "README.md").read_text())
    assert len(answers) == int(stated.group(2))
    assert "%.1f" % (100.0 * sum(answers) / len(answers)) == stated.group(1)


def test_swaggers_page_finds_its_spec_and_its_files_below_the_actions_address(action):
    page = action.ask("GET", "/").body.decode("utf-8")
    links = re.findall(r'(?:src|href)="([^"]+)"|url: "([^"]+)"', page)
    host, prefix = "http://127.0.0.1:%d" % action.port, action.prefix + "/"
    found = [link or spec for link, spec in links if not (link or spec).startswith("https://fonts")]
    assert len(found) >= 4
    for link in found:
        path = link.replace(host, "").replace(prefix, "/")
        assert link.replace(host, "").startswith(prefix), link
        assert action.ask("GET", path, headers=[("Accept-Encoding", "gzip")]).status == 200


def test_training_gives_a_model_that_is_as_good_as_the_committed_one(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(FOLDER, folder)
    (folder / "assets" / "digits.npz").unlink()
    python = example_python(NAME, "training/requirements.txt")
    printed = subprocess.check_output([python, "training/train.py"], cwd=folder, text=True)
    accuracy = float(re.search(r"held out: 400 digits, accuracy ([\d.]+) %", printed).group(1))
    assert accuracy > 94
    assert (folder / "samples" / "held-out.png").read_bytes() == (
        FOLDER / "samples" / "held-out.png"
    ).read_bytes()
