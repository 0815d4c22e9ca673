"""The TorchServe example: Java front end and Python worker, by itself, behind the adapter and
behind the gateway."""

import json
import subprocess

import pytest

from testing.example import EXAMPLES, KINDS, example_python, instruction, served
from testing.max_server import multipart
from testing.prerequisites import need

NAME = "torchserve"
FOLDER = EXAMPLES / NAME
PREDICT = "/predictions/digits"
SEVEN = (FOLDER / "samples" / "seven.png").read_bytes()
PROBABILITY = {"two": 0.9999, "seven": 0.9999}


@pytest.fixture(scope="module", params=KINDS)
def model(request, tmp_path_factory):
    need("java")
    with served(request.param, NAME, tmp_path_factory.mktemp(request.param)) as server:
        yield server


def predicted(model, body, headers=(("Content-Type", "image/png"),), path=PREDICT, method="POST"):
    reply = model.ask(method, path, headers=headers, body=body)
    return reply.status, json.loads(reply.body.decode())


@pytest.mark.parametrize("name, digit", [("two", 2), ("seven", 7)])
def test_an_image_is_a_digit(model, name, digit):
    status, answer = predicted(model, (FOLDER / "samples" / (name + ".png")).read_bytes())
    assert (status, answer["digit"], len(answer["probabilities"])) == (200, digit, 10)
    assert answer["probabilities"][digit] == pytest.approx(PROBABILITY[name], abs=0.0001)


@pytest.mark.parametrize(
    "method, path",
    [
        ("POST", PREDICT + "/1.0"),
        ("PUT", PREDICT),
        ("PUT", PREDICT + "/1.0"),
        ("POST", "/invocations"),
    ],
)
def test_each_of_torchserves_addresses_of_it_works(model, method, path):
    assert predicted(model, SEVEN, path=path, method=method)[1]["digit"] == 7


def test_an_upload_as_from_a_form_works(model):
    headers, body = multipart("data", "seven.png", SEVEN, "image/png")
    assert predicted(model, body, headers)[1]["digit"] == 7


def test_what_is_not_an_image_is_refused_by_the_models_handler(model):
    status, answer = predicted(model, b"nonsense", [("Content-Type", "application/octet-stream")])
    assert (status, answer) == (
        400,
        {"code": 400, "type": "InternalServerException", "message": "Not an image"},
    )


@pytest.mark.parametrize(
    "method, path, status, kind",
    [
        ("POST", "/predictions/letters", 404, "ModelNotFoundException"),
        ("POST", PREDICT + "/7.0", 404, "ModelVersionNotFoundException"),
        ("GET", "/nothing", 404, "ResourceNotFoundException"),
        ("GET", "/", 405, "MethodNotAllowedException"),
    ],
)
def test_a_route_that_there_is_not_is_refused_in_json(model, method, path, status, kind):
    refused, answer = predicted(model, SEVEN if method == "POST" else b"", path=path, method=method)
    assert (refused, answer["code"], answer["type"]) == (status, status, kind)


def test_it_says_that_it_is_well(model):
    assert predicted(model, b"", path="/ping", method="GET") == (200, {"status": "Healthy"})


@pytest.mark.parametrize(
    "method, path", [("GET", "/models"), ("DELETE", "/models/digits"), ("GET", "/metrics")]
)
def test_neither_its_management_nor_its_metrics_can_be_reached(model, method, path):
    refused, answer = predicted(model, b"", path=path, method=method)
    assert (refused, answer["type"]) in [
        (404, "ResourceNotFoundException"),
        (405, "MethodNotAllowedException"),
    ]


def test_its_api_describes_itself(model):
    description = json.loads(model.ask("GET", "/api-description").body.decode())
    assert "/predictions/{model_name}" in description["paths"]


@pytest.mark.parametrize("kind", ["itself", "gateway"])
def test_curl_as_in_the_documentation_of_torchserve(kind, tmp_path):
    with served(kind, NAME, tmp_path) as model:
        url = model.url + PREDICT
        said = subprocess.check_output(
            [need("curl"), "-s", url, "-T", FOLDER / "samples" / "seven.png"]
        )
    assert json.loads(said.decode())["digit"] == 7


def test_the_image_starts_the_real_server_with_its_own_flags():
    command = instruction(FOLDER, "CMD")
    assert command == [
        "torchserve",
        "--start",
        "--foreground",
        "--ncs",
        "--ts-config",
        "config.properties",
    ]


SAME = """
import sys, io, zipfile, torch
one, other = (torch.jit.load(io.BytesIO(zipfile.ZipFile(f).read("digits.pt"))).state_dict() for f in sys.argv[1:])
print([name for name in one if not torch.allclose(one[name], other[name], atol=1e-3)])
"""  # noqa: E501


def test_training_again_gives_the_committed_weights(tmp_path):
    python = example_python(NAME, "training/requirements.txt")
    store = tmp_path / "model-store"
    subprocess.run(
        [python, FOLDER / "training" / "train.py", store], check=True, stdout=subprocess.DEVNULL
    )
    said = subprocess.check_output(
        [python, "-c", SAME, store / "digits.mar", FOLDER / "model-store" / "digits.mar"]
    )
    assert said == b"[]\n"
    assert (tmp_path / "metrics.json").read_text() == (FOLDER / "metrics.json").read_text()


def test_the_archive_has_the_handler_that_is_shown():
    read = "import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile('digits.mar').read('handler.py'))"  # noqa: E501
    said = subprocess.check_output(
        [example_python(NAME), "-c", read], cwd=str(FOLDER / "model-store")
    )
    assert said.decode() == (FOLDER / "handler.py").read_text()
