"""The Triton example: NVIDIA's own tritonserver, by itself, behind the adapter and behind the
gateway."""

import json
import struct
import subprocess

import pytest

from testing.example import EXAMPLES, KINDS, example_python, instruction, served

NAME = "triton"
FOLDER = EXAMPLES / NAME
JSON = [("Content-Type", "application/json")]
SAMPLE = (FOLDER / "samples" / "two-and-seven.json").read_bytes()
IMAGES = json.loads(SAMPLE)["inputs"][0]["data"]
INFER = "/v2/models/digits/infer"


@pytest.fixture(scope="module", params=KINDS)
def model(request, tmp_path_factory):
    with served(request.param, NAME, tmp_path_factory.mktemp(request.param)) as server:
        wait_for_the_model(server)
        yield server


def wait_for_the_model(server):
    """By itself Triton listens before it has loaded it; the adapter has waited."""
    server.wait_until(
        lambda: server.ask("GET", "/v2/models/digits/ready").status == 200, "the model"
    )


def asked(model, body, headers=(), path=INFER):
    reply = model.ask("POST", path, headers=[*JSON, *headers], body=body)
    return reply.status, json.loads(reply.body.decode())


def outputs(answer):
    return {output["name"]: output for output in answer["outputs"]}


def test_two_images_are_two_digits(model):
    status, answer = asked(model, SAMPLE)
    digit = outputs(answer)["digit"]
    assert (status, answer["model_name"], answer["model_version"]) == (200, "digits", "1")
    assert digit == {"name": "digit", "datatype": "INT64", "shape": [2, 1], "data": [2, 7]}
    probabilities = outputs(answer)["probabilities"]
    assert (probabilities["datatype"], probabilities["shape"]) == ("FP32", [2, 10])
    assert probabilities["data"][2] == pytest.approx(0.9866, abs=0.0001)


def test_only_the_output_that_is_wanted_is_sent(model):
    wanted = {**json.loads(SAMPLE), "id": "one", "outputs": [{"name": "digit"}]}
    status, answer = asked(model, json.dumps(wanted).encode())
    assert (status, answer["id"], list(outputs(answer))) == (200, "one", ["digit"])


def test_tensors_are_sent_and_sent_back_as_bytes_behind_the_json(model):
    pixels = struct.pack("<64f", *IMAGES[1])
    tensor = {
        "name": "image",
        "shape": [1, 64],
        "datatype": "FP32",
        "parameters": {"binary_data_size": len(pixels)},
    }
    wanted = {"name": "digit", "parameters": {"binary_data": True}}
    head = json.dumps({"inputs": [tensor], "outputs": [wanted]}).encode()
    headers = [
        ("Inference-Header-Content-Length", str(len(head))),
        ("Content-Type", "application/octet-stream"),
    ]
    reply = model.ask("POST", INFER, headers=headers, body=head + pixels)
    assert reply.status == 200, reply
    said = {name.lower(): value for name, value in reply.headers}
    length = int(said["inference-header-content-length"])
    assert outputs(json.loads(reply.body[:length].decode()))["digit"]["parameters"] == {
        "binary_data_size": 8
    }
    assert reply.body[length:] == struct.pack("<q", 7)


@pytest.mark.parametrize(
    "body, problem",
    [
        (b"{", "failed to parse the request JSON buffer: Missing a name for object member. at 1"),
        (b"{}", "Unable to parse 'inputs': attempt to access non-existing object member 'inputs'"),
    ],
    ids=["cut-off", "nothing"],
)
def test_what_is_not_the_protocol_is_refused_by_triton(model, body, problem):
    assert asked(model, body) == (500, {"error": problem})  # which is what Triton calls it


def test_a_tensor_of_another_shape_is_refused_by_triton(model):
    tensor = {"name": "image", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}
    status, answer = asked(model, json.dumps({"inputs": [tensor]}).encode())
    assert status == 400
    assert (
        "unexpected shape for input 'image' for model 'digits'. Expected [-1,64], got [1,2]."
        in answer["error"]
    )


def test_a_model_that_there_is_not_is_refused_by_triton(model):
    status, answer = asked(model, SAMPLE, path="/v2/models/letters/infer")
    assert (status, answer) == (404, {"error": "Request for unknown model: 'letters' is not found"})


@pytest.mark.parametrize("path", ["/v2/health/live", "/v2/health/ready", "/v2/models/digits/ready"])
def test_it_says_that_it_is_well(model, path):
    reply = model.ask("GET", path)
    assert (reply.status, reply.body) == (200, b"")


def test_the_model_describes_itself(model):
    described = json.loads(model.ask("GET", "/v2/models/digits").body.decode())
    assert described["inputs"] == [{"name": "image", "datatype": "FP32", "shape": [-1, 64]}]
    assert {output["name"]: output["datatype"] for output in described["outputs"]} == {
        "digit": "INT64",
        "probabilities": "FP32",
    }


def test_it_is_triton_that_answers_and_neither_its_grpc_nor_its_metrics(model):
    server = json.loads(model.ask("GET", "/v2").body.decode())
    assert (server["name"], server["version"]) == ("triton", "2.51.0")
    assert model.ask("GET", "/metrics").status == 404


def test_a_plain_invocation_needs_no_path(tmp_path):
    with served("adapter", NAME, tmp_path) as action:
        result = action.run(json.loads(SAMPLE))
    assert outputs(result)["digit"]["data"] == [2, 7]


CLIENT = """
import json, sys, numpy, tritonclient.http as triton
client = triton.InferenceServerClient(sys.argv[1].partition("//")[2])
image = numpy.array(json.load(open(sys.argv[2]))["inputs"][0]["data"], numpy.float32)
tensor = triton.InferInput("image", image.shape, "FP32")
tensor.set_data_from_numpy(image)
print(client.infer("digits", [tensor]).as_numpy("digit").ravel().tolist())
"""


@pytest.mark.parametrize("kind", ["itself", "gateway"])
def test_tritons_own_client_asks_with_arrays(kind, tmp_path):
    with served(kind, NAME, tmp_path) as model:
        wait_for_the_model(model)
        sample = FOLDER / "samples" / "two-and-seven.json"
        said = subprocess.check_output([example_python(NAME), "-c", CLIENT, model.url, sample])
    assert said == b"[2, 7]\n"


def test_the_image_starts_the_script_of_pytritons_documentation():
    assert instruction(FOLDER, "CMD") == ["python", "server.py"]


SAME = """
import sys, numpy
one, other = (numpy.load(file) for file in sys.argv[1:])
print([name for name in one if not numpy.allclose(one[name], other[name], atol=1e-5)])
"""


def test_training_again_gives_the_committed_weights(tmp_path):
    python, made = example_python(NAME, "training/requirements.txt"), tmp_path / "digits.npz"
    subprocess.run(
        [python, FOLDER / "training" / "train.py", made], check=True, stdout=subprocess.DEVNULL
    )
    assert subprocess.check_output([python, "-c", SAME, made, FOLDER / "digits.npz"]) == b"[]\n"
    assert (tmp_path / "metrics.json").read_text() == (FOLDER / "metrics.json").read_text()
