"""Model images of all kinds for a Docker engine: each is built on first use, from what is on this
machine.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from testing.engine import NO_PYTHON, PYTHON3, scratch
from tests.adapter.environments import environment

SERVERS = Path(__file__).resolve().parents[1] / "tests" / "images" / "servers"
EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "max-digits"
FLASK_APP = """
from flask import Flask, request

app = Flask(__name__)


@app.route("/")
def who():
    return "a small model"


@app.route("/model/predict", methods=["POST"])
def predict():
    return {"size": len(request.get_data())}


app.run("0.0.0.0", 5000)
"""
UNUSED = shutil.ignore_patterns(
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "lib2to3",
    "ensurepip",
    "config-*",
    "__pycache__",
    "*.a",
    "pytest*",
    "pip*",
)
# What a MAX image says; its Python lies in a folder of its own, as conda's does.
MAX = """
FROM {base}
RUN useradd --create-home --shell /bin/bash max
COPY lib /usr/lib
COPY python /opt/conda
ENV PATH=/opt/conda/bin:$PATH LC_ALL=C.UTF-8
USER max
WORKDIR /home/max
COPY app ./
EXPOSE 5000
CMD python app.py
"""
SMALL = """
FROM {base}
WORKDIR /srv
COPY app.py ./
ENV MODEL_TYPE=small
LABEL maintainer=somebody
EXPOSE 5000
{rest}
"""


class Images:
    """Names of images that are there once they have been asked for."""

    def __init__(self, engine):
        self.engine = engine

    def max_shape(self, name="test/max-digits:1"):
        """Python 3.7, MAX's pins, user max, the shell form of `python app.py`: an example as users
        would build it.
        """
        with scratch("image-") as folder:
            python = copy_python(environment("py37-flask1.1-restx"), Path(folder))
            shutil.copytree(str(EXAMPLE), os.path.join(folder, "app"), ignore=UNUSED)
            make_links(python)
            return self.built(name, folder, MAX.format(base=self.engine.image(NO_PYTHON)))

    def flask_3(self, name="test/flask:1", rest='CMD ["python3", "app.py"]', app=FLASK_APP):
        """Debian's python3 and Flask: there is no `python`."""
        return self.small(name, self.engine.image(PYTHON3), rest, app)

    def no_flask(self, name="test/no-flask:1"):
        rest = "RUN rm -r /usr/lib/python3/dist-packages/flask\nCMD python3 app.py"
        return self.small(name, self.engine.image(PYTHON3), rest)

    def no_python(self, name="test/no-python:1"):
        """A server in Perl: it answers with method, path and the length of the body."""
        serve = (SERVERS / "server.pl").read_text()
        rest = 'CMD ["/usr/bin/perl", "app.py"]'
        return self.small(name, self.engine.image(NO_PYTHON), rest, serve)

    def small(self, name, base, rest, app=FLASK_APP):
        with scratch("image-") as folder:
            Path(folder, "app.py").write_text(app)
            return self.built(name, folder, SMALL.format(base=base, rest=rest))

    def built(self, name, folder, dockerfile):
        Path(folder, "Dockerfile").write_text(dockerfile)
        return self.engine.build(name, folder)


def copy_python(python, folder):
    """The interpreter of a virtual environment and its packages, as one tree that can lie
    anywhere."""
    question = "import sys, site; print(sys.base_prefix); print(site.getsitepackages()[0])"
    prefix, packages = subprocess.check_output([python, "-c", question]).decode().split("\n")[:2]
    lib = "lib/" + os.path.basename(os.path.dirname(packages))
    target = folder / "python"
    shutil.copytree(prefix + "/" + lib, str(target / lib), ignore=only_outside_packages)
    shutil.copytree(packages, str(target / lib / "site-packages"), ignore=UNUSED)
    (target / "bin").mkdir()
    shutil.copy(os.path.realpath(python), str(target / "bin"))
    (folder / "lib").mkdir()
    for library in Path(prefix, "lib").glob("libpython3.?m.so.*"):
        shutil.copy(str(library), str(folder / "lib"))
    return target / "bin"


def only_outside_packages(folder, names):
    return UNUSED(folder, names) | ({"site-packages"} & set(names))


def make_links(folder):
    real = next(folder.iterdir()).name
    for name in ("python", "python3"):
        (folder / name).symlink_to(real)


@pytest.fixture(scope="session")
def images(engine):
    return Images(engine)
