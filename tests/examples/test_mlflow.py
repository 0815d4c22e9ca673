"""The MLflow example: `mlflow models serve` by itself, behind the adapter and behind the
gateway."""

import json
import re
import subprocess

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

NAME = "mlflow"
FOLDER = EXAMPLES / NAME
JSON, CSV = "application/json", "text/csv"
SAMPLE = (FOLDER / "samples" / "wines.json").read_bytes()
TABLE = (FOLDER / "samples" / "wines.csv").read_bytes()
WINES = json.loads(SAMPLE)["dataframe_split"]
RECORDS = [dict(zip(WINES["columns"], row)) for row in WINES["data"]]
CULTIVARS = ["class_0", "class_1", "class_2"]


@pytest.fixture(scope="module", params=KINDS)
def model(request, tmp_path_factory):
    with served(request.param, NAME, tmp_path_factory.mktemp(request.param)) as server:
        yield server


def invoked(model, body, kind=JSON):
    reply = model.ask("POST", "/invocations", headers=[("Content-Type", kind)], body=body)
    return reply.status, json.loads(reply.body.decode())


@pytest.mark.parametrize(
    "kind, body, cultivars",
    [
        (JSON, SAMPLE, CULTIVARS),
        (JSON, json.dumps({"dataframe_records": RECORDS}).encode(), CULTIVARS),
        (JSON, json.dumps({"inputs": RECORDS}).encode(), CULTIVARS),
        (JSON + "; charset=utf-8", SAMPLE, CULTIVARS),
        (CSV, TABLE, ["class_0", "class_2"]),
    ],
    ids=["split", "records", "inputs", "with-a-charset", "csv"],
)
def test_wines_are_told_apart_in_each_of_mlflows_formats(model, kind, body, cultivars):
    assert invoked(model, body, kind) == (200, {"predictions": cultivars})


def test_a_wine_with_measures_missing_is_refused_by_the_models_signature(model):
    status, answer = invoked(model, b'{"dataframe_records": [{"alcohol": 13}]}')
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "Model is missing inputs ['malic_acid', 'ash', " in answer["message"]


@pytest.mark.parametrize("body", [b"{", b"{}", b"[1]"], ids=["cut-off", "nothing", "a-list"])
def test_what_is_not_mlflows_json_is_refused(model, body):
    status, answer = invoked(model, body)
    assert (status, answer["error_code"]) == (400, "BAD_REQUEST")


def test_a_form_is_refused_with_the_types_that_would_do(model):
    reply = model.ask(
        "POST",
        "/invocations",
        headers=[("Content-Type", "application/x-www-form-urlencoded")],
        body=b"x=1",
    )
    assert reply.status == 415
    assert reply.body.endswith(b"Got 'application/x-www-form-urlencoded'.")


@pytest.mark.parametrize("path", ["/ping", "/health"])
def test_it_says_that_it_is_well(model, path):
    reply = model.ask("GET", path)
    assert (reply.status, reply.body) == (200, b"\n")


def test_it_says_which_mlflow_it_is(model):
    pinned = re.search(r"(?m)^mlflow==(.+)$", (FOLDER / "requirements.txt").read_text()).group(1)
    reply = model.ask("GET", "/version")
    assert (reply.status, reply.body.decode()) == (200, pinned)


def test_its_page_finds_its_description_below_the_address(model):
    page = model.ask("GET", "/docs").body.decode()
    assert re.search(r"url: '(.*?)'", page).group(1) == model.prefix + "/openapi.json"
    description = json.loads(model.ask("GET", "/openapi.json").body.decode())
    assert {"/ping", "/invocations"} <= set(description["paths"])


def test_a_plain_invocation_needs_no_path(tmp_path):
    with served("adapter", NAME, tmp_path) as action:
        assert action.run(json.loads(SAMPLE)) == {"predictions": CULTIVARS}


def test_mlflow_models_serve_works_as_it_is_on_its_own_port(tmp_path):
    assert instruction(FOLDER, "CMD")[:3] == ["mlflow", "models", "serve"]
    assert instruction(FOLDER, "EXPOSE") == ["5000"]
    with fixed_port(5000), Action(FOLDER, example_python(NAME), tmp_path) as action:
        assert invoked(action, SAMPLE) == (200, {"predictions": CULTIVARS})


SAME = """
import sys, mlflow.sklearn, numpy
one, other = (mlflow.sklearn.load_model(folder) for folder in sys.argv[1:])
print(all(numpy.allclose(a, b) for a, b in zip(vars(one[-1]).values(), vars(other[-1]).values())
    if isinstance(a, numpy.ndarray) and a.dtype.kind == "f"), list(one[-1].classes_) == list(other[-1].classes_))
"""  # noqa: E501


def test_training_again_gives_the_committed_model(tmp_path):
    python, made = example_python(NAME), tmp_path / "model"
    script = FOLDER / "training" / "train.py"
    subprocess.run(
        [python, script, made], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    said = subprocess.check_output(
        [python, "-c", SAME, made, FOLDER / "model"], stderr=subprocess.DEVNULL
    )
    assert said == b"True True\n"
    assert (tmp_path / "metrics.json").read_text() == (FOLDER / "metrics.json").read_text()
