"""When an example's environment is made anew."""

import os

import pytest

from testing.example import newer
from testing.virtualenv import fingerprint, with_included


@pytest.fixture
def files(tmp_path):
    """Pins in a folder that name those beside it, with one package each."""
    texts = {
        "requirements.txt": "flask\n",
        "more.txt": "numpy\n",
        "training/requirements.txt": "scipy\n",
    }
    texts["training/requirements.txt"] += "-r ../requirements.txt\n--requirement=../more.txt\n"
    (tmp_path / "training").mkdir()
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        os.utime(tmp_path / name, (1000, 1000))
    return tmp_path


@pytest.mark.parametrize("changed", ["training/requirements.txt", "requirements.txt", "more.txt"])
def test_a_change_in_any_file_of_pins_makes_it_old(files, changed):
    pins, ready = files / "training" / "requirements.txt", files / ".ready"
    assert not newer(ready, with_included(pins))
    ready.touch()
    os.utime(ready, (1001, 1001))
    before = fingerprint(pins)
    assert newer(ready, with_included(pins))
    with (files / changed).open("a") as file:
        file.write("torch\n")
    assert fingerprint(pins) != before and not newer(ready, with_included(pins))
