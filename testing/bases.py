"""What stands in for Python's image in the tests' own engine, under its name: Debian with the
packages that the examples pin, so that nothing is fetched by a build."""

import shutil
import subprocess
import sys
from pathlib import Path

import pip
import pytest

from testing.engine import PYTHON3, scratch
from testing.example import EXAMPLES

EXAMPLES_OF_BASE = ("max-digits", "fastapi-model")
BASE = "python:3.12-slim"
BASE_DOCKERFILE = """
FROM {debian}
RUN rm -r /usr/lib/python3/dist-packages/* /usr/lib/python3*/EXTERNALLY-MANAGED \\
 && ln -s python3 /usr/bin/python
COPY pip /usr/lib/python3/dist-packages/pip
RUN printf '#!/bin/sh\\nexec python3 -m pip "$@"\\n' >/usr/local/bin/pip \\
 && chmod +x /usr/local/bin/pip
COPY wheels /wheels
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels
"""


@pytest.fixture(scope="session")
def base(engine):
    """The Debian that stands in for Python's image, with the packages that they pin."""
    with scratch("base-") as folder:
        shutil.copytree(Path(pip.__file__).parent, Path(folder, "pip"))
        for name in EXAMPLES_OF_BASE:
            download(EXAMPLES / name / "requirements.txt", Path(folder, "wheels"))
        Path(folder, "Dockerfile").write_text(BASE_DOCKERFILE.format(debian=engine.image(PYTHON3)))
        return engine.build(BASE, folder)


def download(pins, folder):
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--dest",
        folder,
    ]
    command += [
        "--python-version",
        "3.11",
        "--only-binary",
        ":all:",
        "--no-deps",
        "--requirement",
        pins,
    ]
    subprocess.run(command, check=True)
