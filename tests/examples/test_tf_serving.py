"""The TensorFlow Serving example: the REST contract of the real server, asked of the stand-in that
answers in its place by itself, behind the adapter and behind the gateway."""

import base64
import json
import re
import subprocess

import pytest
import requests

from testing.example import EXAMPLES, KINDS, example_python, instruction, served
from testing.prerequisites import need

NAME = "tf-serving"
FOLDER = EXAMPLES / NAME
MODEL = "/v1/models/half_plus_two"
IMAGE = (FOLDER / "samples" / "digit.png").read_bytes()
JSON, FORM, BINARY = (
    "application/json",
    "application/x-www-form-urlencoded",
    "application/octet-stream",
)
# What TensorFlow itself answered when the SavedModels were exported.
DIGIT = {
    "digit": 2,
    "probabilities": [0.0, 0.003, 0.9866, 0.0046, 0.0, 0.0023, 0.0006, 0.0, 0.0027, 0.0002],
}


@pytest.fixture(scope="module", params=KINDS)
def model(request, tmp_path_factory):
    with served(request.param, NAME, tmp_path_factory.mktemp(request.param)) as server:
        yield server


def predicted(model, body, path=MODEL + ":predict", kind=JSON):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = model.ask("POST", path, headers=[("Content-Type", kind)] if kind else [], body=data)
    return reply.status, json.loads(reply.body.decode())


@pytest.mark.parametrize(
    "kind", [JSON, FORM, "text/plain", BINARY, ""], ids=["json", "form", "text", "binary", "none"]
)
@pytest.mark.parametrize(
    "request_, answer",
    [
        ({"instances": [1.0, 2.0, 5.0]}, {"predictions": [2.5, 3.0, 4.5]}),
        ({"inputs": [1.0, 2.0, 5.0]}, {"outputs": [2.5, 3.0, 4.5]}),
        ({"instances": [{"x": 1.0}, {"x": -4}]}, {"predictions": [2.5, 0.0]}),
        ({"inputs": {"x": [1.0]}}, {"outputs": [2.5]}),
        ({"signature_name": "serving_default", "instances": [0]}, {"predictions": [2.0]}),
    ],
    ids=["instances", "inputs", "named-instances", "named-inputs", "with-a-signature"],
)
def test_half_of_each_number_plus_two_under_every_content_type(model, kind, request_, answer):
    assert predicted(model, request_, kind=kind) == (200, answer)


def test_the_answer_is_laid_out_in_lines_as_the_real_server_does_it(model):
    reply = model.ask("POST", MODEL + ":predict", body=b'{"instances": [1.0, 2.0, 5.0]}')
    words = re.sub(rb"\s+", b"", reply.body)
    assert (reply.status, words) == (200, b'{"predictions":[2.5,3.0,4.5]}')
    assert [value for name, value in reply.headers if name.lower() == "content-type"] == [
        "application/json"
    ]


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode,
        base64.encodebytes,
        lambda data: base64.encodebytes(data).replace(b"\n", b"\r\n"),
    ],
    ids=["b64encode", "encodebytes", "crlf"],
)
@pytest.mark.parametrize("kind", [JSON, FORM], ids=["json", "form"])
def test_an_image_is_sent_as_base64_with_or_without_line_ends(model, text, kind):
    b64 = {"b64": text(IMAGE).decode()}
    status, answer = predicted(model, {"instances": [b64, b64]}, "/v1/models/digits:predict", kind)
    assert (status, [rounded(row) for row in answer["predictions"]]) == (200, [DIGIT, DIGIT])
    status, answer = predicted(
        model, {"inputs": {"image_bytes": [b64]}}, "/v1/models/digits:predict", kind
    )
    assert (
        status,
        {name: values[0] for name, values in rounded(answer["outputs"], 1).items()},
    ) == (200, DIGIT)


@pytest.mark.parametrize("how", ["data", "json"])
@pytest.mark.parametrize("kind", ["itself", "gateway"])
def test_requests_sends_images_as_the_one_input(kind, how, tmp_path):
    request = {"inputs": [{"b64": base64.b64encode(IMAGE).decode()}] * 2}
    body = {"data": json.dumps(request)} if how == "data" else {"json": request}
    with served(kind, NAME, tmp_path) as model:
        reply = requests.post(model.url + "/v1/models/digits:predict", timeout=30, **body)
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "application/json")
    outputs = rounded(reply.json()["outputs"], 1)
    assert outputs == {name: [value, value] for name, value in DIGIT.items()}


def test_a_value_that_is_not_base64_is_refused(model):
    status, answer = predicted(model, {"inputs": [{"b64": "?"}]}, "/v1/models/digits:predict")
    assert (status, answer) == (400, {"error": "Unable to base64 decode"})


def rounded(row, depth=0):
    def walk(value):
        return [walk(item) for item in value] if isinstance(value, list) else round(value, 4)

    return {name: walk(value) for name, value in row.items()}


@pytest.mark.parametrize("path", [MODEL, MODEL + "/versions/1"])
def test_the_model_says_that_it_is_there(model, path):
    reply = model.ask("GET", path)
    status = {"error_code": "OK", "error_message": ""}
    state = {"version": "1", "state": "AVAILABLE", "status": status}
    assert (reply.status, json.loads(reply.body.decode())) == (
        200,
        {"model_version_status": [state]},
    )


@pytest.mark.parametrize(
    "body, status, error",
    [
        (b"", 400, "JSON Parse error: The document is empty"),
        (b"nonsense", 400, "JSON Parse error: Invalid value. at offset: 0"),
        (b"{}", 400, "Missing 'inputs' or 'instances' key"),
        (
            b'{"instances": []}',
            400,
            "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array",
        ),
        (
            b'{"instances": ["one"]}',
            400,
            "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT:"
            ' JSON Value: "one" Type: String is not of expected type: float',
        ),
    ],
    ids=["empty", "not-json", "no-key", "no-instances", "text"],
)
@pytest.mark.parametrize("kind", [JSON, FORM], ids=["json", "form"])
def test_what_is_wrong_is_said_in_json(model, body, status, error, kind):
    assert predicted(model, body, kind=kind) == (status, {"error": error})


@pytest.mark.parametrize(
    "method, path, status, error",
    [
        (
            "POST",
            "/v1/models/nothing:predict",
            404,
            "Servable not found for request: Latest(nothing)",
        ),
        (
            "POST",
            MODEL + "/versions/7:predict",
            404,
            "Servable not found for request: Specific(half_plus_two, 7)",
        ),
        ("GET", "/v1/models/nothing", 404, "Could not find any versions of model nothing"),
        ("GET", MODEL + ":predict", 400, "Malformed request: GET /v1/models/half_plus_two:predict"),
        ("POST", MODEL + ":guess", 400, "Malformed request: POST /v1/models/half_plus_two:guess"),
    ],
)
def test_a_route_that_there_is_not_is_refused_in_json(model, method, path, status, error):
    reply = model.ask(method, path, body=b'{"instances": [1]}' if method == "POST" else b"")
    assert (reply.status, json.loads(reply.body.decode())) == (status, {"error": error})


@pytest.mark.parametrize("kind", ["itself", "gateway"])
def test_curl_as_in_the_documentation_of_tensorflow_serving(kind, tmp_path):
    with served(kind, NAME, tmp_path) as model:
        url = model.url + MODEL + ":predict"
        command = [need("curl"), "-s", "-d", '{"instances": [1.0, 2.0, 5.0]}', "-X", "POST", url]
        assert json.loads(subprocess.check_output(command).decode()) == {
            "predictions": [2.5, 3.0, 4.5]
        }


def test_a_plain_invocation_needs_no_path(tmp_path):
    with served("adapter", NAME, tmp_path) as action:
        assert action.run({"instances": [1.0, 2.0, 5.0]}) == {"predictions": [2.5, 3.0, 4.5]}
        errors = action.run({"instances": "one"})
    assert errors["error"]["statusCode"] == 400


def test_the_rest_port_is_found_beside_the_grpc_port_without_being_told(tmp_path):
    with served("adapter", NAME, tmp_path) as action:
        assert "OPENWHISK_TARGET" not in (action.folder / "Dockerfile").read_text()
        assert predicted(action, {"instances": [1]}) == (200, {"predictions": [2.5]})


def test_the_image_starts_the_real_server_with_its_own_flags():
    assert instruction(FOLDER, "CMD") == [
        "tensorflow_model_server",
        "--port=8500",
        "--rest_api_port=8501",
        "--model_config_file=/models/models.config",
    ]


MISSING = """
import sys, numpy
graph, weights = open(sys.argv[1], "rb").read(), numpy.load(sys.argv[2])
print(len(weights), [name for name in weights if weights[name].tobytes() not in graph])
"""


@pytest.mark.parametrize("name", ["half_plus_two", "digits"])
def test_each_saved_model_holds_the_weights_that_the_stand_in_computes_with(name):
    folder = FOLDER / "models" / name / "1"
    command = [
        example_python(NAME),
        "-c",
        MISSING,
        folder / "saved_model.pb",
        folder / "assets.extra" / "weights.npz",
    ]
    assert subprocess.check_output(command) == b"2 []\n"
