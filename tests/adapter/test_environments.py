"""The table of environments, and that each holds what its pin file says and nothing else."""

import subprocess

import pytest

from testing.virtualenv import interpreter
from tests.adapter.environments import ENVIRONMENTS, NAMES, PINS, environment


def pins_of(name):
    return [
        line
        for line in (PINS / (name + ".txt")).read_text().splitlines()
        if not line.startswith("#")
    ]


def comparable(requirements):
    """Names as the package index compares them; without setuptools, which a new environment may
    hold."""
    names = sorted(line.lower().replace("_", "-") for line in requirements)
    return [name for name in names if not name.startswith("setuptools==")]


def test_every_environment_has_a_pin_file_and_every_pin_file_an_environment():
    assert sorted(NAMES) == sorted(path.stem for path in PINS.glob("*.txt"))


@pytest.mark.parametrize("name", NAMES)
def test_every_pin_is_exact(name):
    assert [pin for pin in pins_of(name) if pin.count("==") != 1 or "*" in pin] == []


@pytest.mark.parametrize("row", ENVIRONMENTS, ids=NAMES)
def test_an_environment_is_its_interpreter_and_its_pins(row):
    python = environment(row.name)
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    assert subprocess.check_output([python, "-c", question]).decode().strip() == row.python
    listing = subprocess.check_output(
        [python, "-m", "pip", "--disable-pip-version-check", "freeze", "--all"]
    )
    installed = [line for line in listing.decode().splitlines() if "==" in line]
    assert comparable(installed) == comparable(pins_of(row.name))


def test_an_environment_is_made_once():
    python = environment(NAMES[-1])
    made = subprocess.check_output(["stat", "-c", "%W %i", python])
    assert environment(NAMES[-1]) == python
    assert subprocess.check_output(["stat", "-c", "%W %i", python]) == made


def test_an_interpreter_that_is_not_there_is_none():
    assert interpreter("3.99") is None
