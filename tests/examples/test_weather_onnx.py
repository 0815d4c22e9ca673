"""The ONNX example: rain or not by itself, behind the adapter and behind the gateway; the model
that it serves."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from testing.example import (
    EXAMPLES,
    KINDS,
    Action,
    example_python,
    fixed_port,
    instruction,
    served,
)
from testing.prerequisites import needed

NAME = "weather-onnx"
FOLDER = EXAMPLES / NAME
JSON = [("Content-Type", "application/json")]
RAINY = json.loads((FOLDER / "samples" / "rainy.json").read_text())
SUNNY = json.loads((FOLDER / "samples" / "sunny.json").read_text())


@pytest.fixture(scope="module", params=KINDS)
def model(request, tmp_path_factory):
    with served(request.param, NAME, tmp_path_factory.mktemp(request.param)) as server:
        yield server


def asked(model, weather):
    reply = model.ask("POST", "/predict", headers=JSON, body=json.dumps(weather).encode())
    return reply.status, json.loads(reply.body.decode())


@pytest.mark.parametrize(
    "weather, prediction",
    [
        (RAINY, "Rain"),
        (SUNNY, "No_Rain"),
        (
            {**RAINY, "humidity": 0.3, "pressure_millibars": 1030, "current_weather_condition": 0},
            "No_Rain",
        ),
        ({name: str(value) for name, value in RAINY.items()}, "Rain"),
        ({**SUNNY, "cloud_cover": 1}, "No_Rain"),
    ],
    ids=["rainy", "sunny", "windy", "numbers-as-text", "one-more"],
)
def test_it_says_whether_it_will_rain(model, weather, prediction):
    assert asked(model, weather) == (200, {"prediction": prediction})


@pytest.mark.parametrize(
    "change, reason",
    [
        ("warm", "Input should be a valid number, unable to parse string as a number"),
        (None, "Input should be a valid number"),
        ("nan", "Input should be a finite number"),
    ],
)
def test_what_is_not_a_number_is_refused(model, change, reason):
    status, answer = asked(model, {**RAINY, "temp_c": change})
    problems = [(problem["loc"], problem["msg"]) for problem in answer["detail"]]
    assert (status, problems) == (422, [(["body", "temp_c"], reason)])


def test_weather_with_a_part_missing_is_refused(model):
    status, answer = asked(
        model, {name: value for name, value in RAINY.items() if name != "visibility_km"}
    )
    problems = [(problem["loc"], problem["msg"]) for problem in answer["detail"]]
    assert (status, problems) == (422, [(["body", "visibility_km"], "Field required")])


def test_it_greets_and_says_where_its_page_is(model):
    reply = model.ask("GET", "/")
    assert reply.status == 200
    assert json.loads(reply.body.decode())["Hello"].endswith(" at %s/docs." % model.prefix)


def test_the_docs_page_finds_its_description_though_the_app_knows_of_no_prefix(model):
    page = model.ask("GET", "/docs").body.decode()
    assert re.search(r"url: '(.*?)'", page).group(1) == model.prefix + "/openapi.json"
    description = json.loads(model.ask("GET", "/openapi.json").body.decode())
    assert sorted(description["paths"]) == ["/", "/predict"]


def test_a_plain_invocation_needs_no_path(tmp_path):
    with served("adapter", NAME, tmp_path) as action:
        assert action.run(SUNNY) == {"prediction": "No_Rain"}


def test_the_start_command_of_the_image_works_as_it_is_on_its_privileged_port(tmp_path):
    assert instruction(FOLDER, "CMD") == [
        "uvicorn",
        "weather_api:app",
        "--host",
        "0.0.0.0",
        "--port",
        "80",
    ]
    needed(may_listen_on_port_80(), "this user may not listen on port 80")
    with fixed_port(80), Action(FOLDER, example_python(NAME), tmp_path) as action:
        assert asked(action, RAINY) == (200, {"prediction": "Rain"})


def may_listen_on_port_80():
    """Root may, and everybody where containers are let: an image's own user often isn't root."""
    capabilities = int(
        re.search(r"CapEff:\s*(\w+)", Path("/proc/self/status").read_text()).group(1), 16
    )
    start = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    return start <= 80 or bool(capabilities & 1 << 10)


def test_the_model_scales_its_inputs_itself():
    question = "import onnx; print(*[node.op_type for node in onnx.load('rain.onnx').graph.node])"
    operations = (
        subprocess.check_output([training_python(), "-c", question], cwd=str(FOLDER))
        .decode()
        .split()
    )
    assert operations[:2] == ["Scaler", "LinearClassifier"]


def test_training_again_gives_a_model_that_does_as_well(tmp_path):
    script = FOLDER / "training" / "train.py"
    subprocess.run(
        [training_python(), script, tmp_path / "rain.onnx"], check=True, stdout=subprocess.DEVNULL
    )
    assert json.loads((tmp_path / "metrics.json").read_text()) == json.loads(
        (FOLDER / "metrics.json").read_text()
    )


def test_the_data_is_what_its_generator_says(tmp_path):
    generator = tmp_path / "generate.py"
    generator.write_text((FOLDER / "training" / "generate.py").read_text())
    subprocess.run([sys.executable, generator], check=True)
    assert (tmp_path / "weather.csv").read_bytes() == (
        FOLDER / "training" / "weather.csv"
    ).read_bytes()


def training_python():
    return example_python(NAME, "training/requirements.txt")
