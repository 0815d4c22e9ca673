"""The image that a Python is made of: where it is read, and what is said when it can't be."""

import os
import resource
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import pytest

from images.commands.own import OwnPython
from images.engine.engine import Engine
from images.registry.remembered import write_whole
from images.words import Unsuitable
from testing.engine import PYTHON3
from tests.images.samples import BASE, ROOT, TARGET, put_image, quiet


def test_the_image_of_a_python_that_has_to_be_added_is_named(odd, home):
    put_image(odd, BASE, "latest", settings={"Cmd": ["tensorflow_model_server"]})
    python = f"{odd.address}/library/python:3"
    words = [f"{odd.address}/{BASE}", f"{odd.address}/{TARGET}:1"]
    command = [sys.executable, str(ROOT / "layer.py"), *words, "--python-image", python]
    done = subprocess.run(command, env=home, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"layer.py: a Python has to be added, which runs the adapter, and {python}, of which it"
        f" would be made, can't be read: GET http://{odd.address}/v2/library/python/manifests"
    )
    assert done.stderr.endswith("; PYTHON_IMAGE names another\n")


def test_one_that_only_the_engine_has_is_asked_for_nowhere_else_and_read_once(
    engine, home, monkeypatch
):
    name = engine.image(PYTHON3)
    monkeypatch.setattr(OwnPython, "from_registry", lambda *_: pytest.fail("a registry was asked"))
    here = Engine("docker", engine.environ)
    told = []
    first = OwnPython(name, home, here).make("amd64", told.append)
    second = OwnPython(name, home, here).make("amd64", told.append)
    assert second == first._replace(remark="")
    assert told == [f"making a Python for the adapter of {name}"]
    with pytest.raises(Unsuitable, match="its Python is for x86_64, aarch64 was expected"):
        OwnPython(name, home, here).make("arm64", quiet)


def test_a_full_disk_is_not_the_images_fault(odd, home, monkeypatch):
    files = {"usr/bin/python3": b"x" * 100_000}
    put_image(odd, "library/python", "3", files=files)
    full = "images.interpreter.files.tempfile.TemporaryFile"
    monkeypatch.setattr(full, partial(Path("/dev/full").open, "w+b"))
    name = f"{odd.address}/library/python:3"
    with pytest.raises(Unsuitable) as refusal:
        OwnPython(name, home, None).make("amd64", quiet)
    assert str(refusal.value) == (
        f"no Python can be made of {name}: no space is left in {tempfile.gettempdir()}; TMPDIR"
        " names another place"
    )


def test_what_can_not_be_kept_whole_leaves_nothing(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        write_whole(tmp_path / "cache" / "python-1", b"x" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert os.listdir(tmp_path / "cache") == []
