"""The examples as images: built from their Dockerfiles, made actions by build.sh, run by the gateway's Docker.

The bases of the Dockerfiles can't be pulled everywhere. What stands in for them in the tests' own engine, under their
names, is Debian with its Python and the packages that the examples pin, so that nothing is fetched by a build.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pip
import pytest

from images.action.adapter import version
from tests.support.engine import PYTHON3, scratch
from tests.support.example import EXAMPLES, ROOT
from tests.support.gateway import WEB, Gateway
from tests.support.max_server import multipart

VERSION = version()
BASE = "python:3.12-slim"
BASE_DOCKERFILE = """
FROM {debian}
RUN rm -r /usr/lib/python3/dist-packages/* /usr/lib/python3*/EXTERNALLY-MANAGED && ln -s python3 /usr/bin/python
COPY pip /usr/lib/python3/dist-packages/pip
RUN printf '#!/bin/sh\\nexec python3 -m pip "$@"\\n' >/usr/local/bin/pip && chmod +x /usr/local/bin/pip
COPY wheels /wheels
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels
"""


# The path, the request, and what the answer holds as it does where the example is run by itself. One start command in
# the shell form, one in the exec form; the packages of the others would take minutes.
ASKED = {
    "max-digits": (
        "/model/predict",
        *multipart("image", "seven.png", (EXAMPLES / "max-digits" / "samples" / "seven.png").read_bytes(), "image/png"),
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
def base(engine):
    """The Debian that stands in for Python's image, with the packages that they pin."""
    with scratch("base-") as folder:
        shutil.copytree(Path(pip.__file__).parent, Path(folder, "pip"))
        for name in ASKED:
            download(EXAMPLES / name / "requirements.txt", Path(folder, "wheels"))
        Path(folder, "Dockerfile").write_text(BASE_DOCKERFILE.format(debian=engine.image(PYTHON3)))
        return engine.build(BASE, folder)


def download(pins, folder):
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--dest", folder]
    command += ["--python-version", "3.11", "--only-binary", ":all:", "--no-deps", "--requirement", pins]
    subprocess.run(command, check=True)


@pytest.fixture(scope="module")
def gateway(engine, tmp_path_factory):
    reached = {name: engine.environ[name] for name in ("DOCKER_HOST", "DOCKER_CONFIG")}
    with Gateway(tmp_path_factory.mktemp("gateway"), **reached) as running:
        yield running


@pytest.mark.parametrize("name", ASKED)
def test_the_image_of_an_example_is_an_action_with_the_same_answer(name, base, engine, gateway):
    engine.build("test/%s:1" % name, EXAMPLES / name)
    settings = {"MODELS": "test/%s:1" % name, "USERNAME": "actions", "ENGINE": "docker", "PUSH": "0"}
    built = subprocess.run([str(ROOT / "build.sh")], env={**engine.environ, **settings}, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    gateway.create_web(name, image="actions/%s:%s" % (name, VERSION), limits={"memory": 512})
    path, headers, body, said = ASKED[name]
    reply = gateway.request("POST", WEB + name + path, headers, body)
    assert reply.status == 200 and said in reply.body, (reply, gateway.log)


@pytest.mark.parametrize("name", sorted(path.parent.name for path in EXAMPLES.glob("*/Dockerfile")))
def test_all_that_a_dockerfile_copies_is_there(name, engine, tmp_path):
    dockerfile = (EXAMPLES / name / "Dockerfile").read_text()
    without_base = re.sub(r"(?m)^FROM .*", "FROM scratch", re.sub(r"(?m)^RUN (.*\\\n)*.*\n", "", dockerfile))
    (tmp_path / "Dockerfile").write_text(without_base)
    engine.build("test/%s-files:1" % name, EXAMPLES / name, "--file", str(tmp_path / "Dockerfile"))
