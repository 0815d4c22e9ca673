"""The ONNX example: rain or not by itself, behind the adapter and behind the gateway; the model that it serves."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.example import EXAMPLES, KINDS, Action, example_python, fixed_port, instruction, served
from tests.support.needs import needed

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


# What scikit-learn says of its own pipeline, before the export.
@pytest.mark.parametrize(
    "weather, forecast",
    [
        (RAINY, {"rain": True, "prediction": "rain", "probability": 0.9682}),
        (SUNNY, {"rain": False, "prediction": "no rain", "probability": 0.0038}),
    ],
    ids=["rainy", "sunny"],
)
def test_it_says_whether_it_will_rain(model, weather, forecast):
    status, answer = asked(model, weather)
    probability = answer.pop("probability")
    assert (status, answer) == (200, {key: forecast[key] for key in ("rain", "prediction")})
    assert probability == pytest.approx(forecast["probability"], abs=0.0001)


@pytest.mark.parametrize(
    "change, place, reason",
    [
        ({"humidity": 101}, "humidity", "Input should be less than or equal to 100"),
        ({"temperature": "warm"}, "temperature", "Input should be a valid number, unable to parse string as a number"),
        ({"pressure": 1}, "pressure", "Input should be greater than or equal to 850"),
        (
            {"current_weather": "Frogs"},
            "current_weather",
            "Input should be 'Clear', 'Clouds', 'Fog', 'Drizzle', 'Rain', 'Snow' or 'Thunderstorm'",
        ),
        ({"wind": 3}, "wind", "Extra inputs are not permitted"),
    ],
)
def test_weather_that_there_can_not_be_is_refused(model, change, place, reason):
    status, answer = asked(model, {**RAINY, **change})
    problems = [(problem["loc"], problem["msg"]) for problem in answer["detail"]]
    assert (status, problems) == (422, [(["body", place], reason)])


def test_weather_with_a_part_missing_is_refused(model):
    status, answer = asked(model, {name: value for name, value in RAINY.items() if name != "visibility"})
    problems = [(problem["loc"], problem["msg"]) for problem in answer["detail"]]
    assert (status, problems) == (422, [(["body", "visibility"], "Field required")])


def test_the_docs_page_finds_its_description_though_the_app_knows_of_no_prefix(model):
    page = model.ask("GET", "/docs").body.decode()
    assert re.search(r"url: '(.*?)'", page).group(1) == model.prefix + "/openapi.json"
    description = json.loads(model.ask("GET", "/openapi.json").body.decode())
    assert sorted(description["paths"]) == ["/health", "/predict"]


def test_a_plain_invocation_needs_no_path(tmp_path):
    with served("adapter", NAME, tmp_path) as action:
        assert action.run(SUNNY)["prediction"] == "no rain"


def test_the_start_command_of_the_image_works_as_it_is_on_its_privileged_port(tmp_path):
    assert instruction(FOLDER, "CMD") == ["uvicorn", "weather_api:app", "--host", "0.0.0.0", "--port", "80"]
    needed(may_listen_on_port_80(), "this user may not listen on port 80")
    with fixed_port(80), Action(FOLDER, example_python(NAME), tmp_path) as action:
        assert asked(action, RAINY)[1]["prediction"] == "rain"


def may_listen_on_port_80():
    """Root may, and everybody where containers are let: an image's own user often isn't root."""
    capabilities = int(re.search(r"CapEff:\s*(\w+)", Path("/proc/self/status").read_text()).group(1), 16)
    start = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    return start <= 80 or bool(capabilities & 1 << 10)


def test_the_model_scales_its_inputs_itself():
    question = "import onnx; print(*[node.op_type for node in onnx.load('rain.onnx').graph.node])"
    operations = subprocess.check_output([training_python(), "-c", question], cwd=str(FOLDER)).decode().split()
    assert "Scaler" in operations and "OneHotEncoder" in operations


def test_training_again_gives_a_model_that_does_as_well(tmp_path):
    script = FOLDER / "training" / "train.py"
    subprocess.run([training_python(), script, tmp_path / "rain.onnx"], check=True, stdout=subprocess.DEVNULL)
    assert json.loads((tmp_path / "metrics.json").read_text()) == json.loads((FOLDER / "metrics.json").read_text())


def test_the_data_is_what_its_generator_says(tmp_path):
    generator = tmp_path / "generate.py"
    generator.write_text((FOLDER / "training" / "generate.py").read_text())
    subprocess.run([sys.executable, generator], check=True)
    assert (tmp_path / "weather.csv").read_bytes() == (FOLDER / "training" / "weather.csv").read_bytes()


def training_python():
    return example_python(NAME, "training/requirements.txt")
