"""examples/max-upscale: an image in, a larger PNG out, and as an action what it is on its own."""

import io
import json
import math
import re
import shutil
import subprocess

import pytest
from PIL import Image, ImageChops, ImageStat

from testing.browser import chromium, first
from testing.example import EXAMPLES, Gateway, example_python, on_port
from testing.max_server import essence, multipart
from testing.process import free_port

NAME = "max-upscale"
FOLDER = EXAMPLES / NAME
PETALS = (FOLDER / "samples" / "petals.png").read_bytes()
ADVICE = "Please submit a valid image in PNG, TIFF or JPEG format of at most 2000 x 2000 pixels: "


def form(image, kind="PNG"):
    file = io.BytesIO()
    image.save(file, kind)
    return multipart("image", "image." + kind.lower(), file.getvalue(), "image/" + kind.lower())


UPLOAD = multipart("image", "petals.png", PETALS, "image/png")
REQUESTS = {
    "predict": ("POST", "/model/predict", "", *UPLOAD),
    "predict, not an image": (
        "POST",
        "/model/predict",
        "",
        *multipart("image", "a.png", b"hello", "image/png"),
    ),
    "predict, another field": (
        "POST",
        "/model/predict",
        "",
        *multipart("file", "petals.png", PETALS, "image/png"),
    ),
    "metadata": ("GET", "/model/metadata", "", [], b""),
    "Swagger's spec": ("GET", "/swagger.json", "", [], b""),
    "Swagger's page": ("GET", "/", "", [], b""),
    "an unknown path": ("GET", "/nowhere", "", [], b""),
    "HEAD": ("HEAD", "/model/metadata", "", [], b""),
}


def enlarged(server, upload):
    answer = server.ask("POST", "/model/predict", "", *upload)
    assert (answer.status, answer.header("content-type")) == (200, ["image/png"]), answer
    return Image.open(io.BytesIO(answer.body))


def decibels(image, truth):
    squares = ImageStat.Stat(ImageChops.difference(image.convert("L"), truth.convert("L"))).sum2[0]
    return 10 * math.log10(255**2 * truth.width * truth.height / squares)


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_the_action_answers_as_the_models_own_server(own, action, name):
    assert essence(action, REQUESTS[name]) == essence(own, REQUESTS[name])


def test_an_image_comes_back_four_times_as_large_and_sharper_than_bicubic(server):
    with Image.open(FOLDER / "samples" / "petals-original.png") as truth, Image.open(
        io.BytesIO(PETALS)
    ) as small:
        image = enlarged(server, UPLOAD)
        assert (image.format, image.size, image.mode) == ("PNG", truth.size, "RGB")
        bicubic = decibels(small.convert("RGB").resize(truth.size, Image.BICUBIC), truth)
        assert decibels(image, truth) > bicubic + 0.3


@pytest.mark.parametrize(
    "upload, size",
    [
        pytest.param(form(Image.new("L", (7, 5), 99)), (28, 20), id="grey"),
        pytest.param(form(Image.new("RGBA", (6, 6))), (24, 24), id="transparent"),
        pytest.param(form(Image.new("RGB", (30, 20)), "JPEG"), (120, 80), id="JPEG"),
        pytest.param(form(Image.new("RGB", (30, 20)), "TIFF"), (120, 80), id="TIFF"),
        pytest.param(form(Image.new("1", (1, 1))), (4, 4), id="one pixel"),
        pytest.param(form(Image.new("1", (2000, 1000))), (2000, 1000), id="shrunk to 500 first"),
    ],
)
def test_every_usable_image_is_enlarged(server, upload, size):
    assert enlarged(server, upload).size == size


@pytest.mark.parametrize(
    "upload, reason",
    [
        pytest.param(
            multipart("image", "a.png", b"hello", "image/png"),
            "it can't be read as an image.",
            id="text",
        ),
        pytest.param(form(Image.new("L", (9, 9)), "GIF"), "it is GIF.", id="another format"),
        pytest.param(form(Image.new("1", (2001, 9))), "it is 2001 x 9 pixels.", id="too wide"),
    ],
)
def test_what_is_not_a_usable_image_is_refused_with_advice(server, upload, reason):
    answer = server.ask("POST", "/model/predict", "", *upload)
    assert answer.status == 400
    assert json.loads(answer.body.decode()) == {"status": "error", "message": ADVICE + reason}


def test_an_answer_that_no_platform_carries_is_refused_with_its_size(own, action):
    noise = form(Image.effect_noise((300, 300), 90))
    assert enlarged(own, noise).size == (1200, 1200)
    answer = action.ask("POST", "/model/predict", "", *noise)
    assert answer.status == 413
    assert "1048576" in json.loads(answer.body.decode())["error"]


@pytest.mark.parametrize("said, status", [(', produces=["image/png"]', "200"), ("", "406")])
def test_a_person_gets_an_image_on_swaggers_page_where_the_model_says_that_it_makes_one(
    said, status, tmp_path
):
    """Swagger asks for JSON alone unless the model says more, and the platform keeps to that."""
    folder = on_port(NAME, free_port(), tmp_path)
    predict = folder / "api" / "predict.py"
    predict.write_text(predict.read_text().replace(', produces=["image/png"]', said))
    with Gateway(folder, example_python(NAME), tmp_path) as model, chromium(tmp_path) as browser:
        browser.get(model.url + "/")
        first(browser, "[id='operations-tag-model']").click()
        first(browser, ".opblock-post .opblock-summary").click()
        first(browser, ".try-out__btn").click()
        first(browser, "input[type=file]").send_keys(str(FOLDER / "samples" / "petals.png"))
        first(browser, ".btn.execute").click()
        shown = first(browser, ".live-responses-table tbody .response-col_status").text
        assert shown.split()[0] == status


def test_training_prints_the_figures_of_the_readme(tmp_path):
    stated = re.findall(
        r"\| `(\w+\.jpg)` \| ([\d.]+) dB \| ([\d.]+) dB", (FOLDER / "README.md").read_text()
    )
    folder = copied(tmp_path)
    python = example_python(NAME, "training/requirements.txt")
    printed = subprocess.check_output([python, "training/train.py"], cwd=folder, text=True)
    assert re.findall(r"held out of (\S+): ([\d.]+) dB, bicubic ([\d.]+) dB", printed) == stated


def copied(parent):
    folder = parent / "model"
    shutil.copytree(FOLDER, folder)
    return folder
