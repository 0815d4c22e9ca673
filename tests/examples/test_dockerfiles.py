"""The examples as images: built from their Dockerfiles, made actions by build.sh, run by the
gateway's Docker.

The bases of the Dockerfiles can't be pulled everywhere. What stands in for them in the tests' own
engine, under their names, is Debian with its Python and the packages that the examples pin, so that
nothing is fetched by a build.
"""

import re
import subprocess

import pytest

from images.action.adapter import version
from testing.example import EXAMPLES, ROOT
from testing.gateway import WEB, Gateway
from testing.max_server import multipart

VERSION = version()
# The path, the request, and what the answer holds as it does where the example is run by itself.
# One start command in the shell form, one in the exec form; the packages of the others would take
# minutes.
ASKED = {
    "max-digits": (
        "/model/predict",
        *multipart(
            "image",
            "seven.png",
            (EXAMPLES / "max-digits" / "samples" / "seven.png").read_bytes(),
            "image/png",
        ),
        b'"predictions": [{"label_id": "7", "label": "seven", "probability": 0.9999',
    ),
    "fastapi-model": (
        "/predict",
        [("Content-Type", "application/json")],
        (EXAMPLES / "fastapi-model" / "samples" / "predict.json").read_bytes(),
        b'"predicted_tag":"natural-language-processing"',
    ),
}


@pytest.fixture(scope="module")
def gateway(engine, tmp_path_factory):
    reached = {name: engine.environ[name] for name in ("DOCKER_HOST", "DOCKER_CONFIG")}
    with Gateway(tmp_path_factory.mktemp("gateway"), **reached) as running:
        yield running


@pytest.mark.parametrize("name", ASKED)
def test_the_image_of_an_example_is_an_action_with_the_same_answer(name, base, engine, gateway):
    engine.build("test/%s:1" % name, EXAMPLES / name)
    settings = {
        "MODELS": "test/%s:1" % name,
        "USERNAME": "actions",
        "ENGINE": "docker",
        "PUSH": "0",
    }
    built = subprocess.run(
        [str(ROOT / "build.sh")], env={**engine.environ, **settings}, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    gateway.create_web(name, image="actions/%s:%s" % (name, VERSION), limits={"memory": 512})
    path, headers, body, said = ASKED[name]
    reply = gateway.request("POST", WEB + name + path, headers, body)
    assert reply.status == 200 and said in reply.body, (reply, gateway.log)


@pytest.mark.parametrize("name", sorted(path.parent.name for path in EXAMPLES.glob("*/Dockerfile")))
def test_all_that_a_dockerfile_copies_is_there(name, engine, tmp_path):
    dockerfile = (EXAMPLES / name / "Dockerfile").read_text()
    without_base = re.sub(
        r"(?m)^FROM .*", "FROM scratch", re.sub(r"(?m)^RUN (.*\\\n)*.*\n", "", dockerfile)
    )
    (tmp_path / "Dockerfile").write_text(without_base)
    engine.build("test/%s-files:1" % name, EXAMPLES / name, "--file", str(tmp_path / "Dockerfile"))
