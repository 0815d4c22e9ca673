"""What make says when something is missing, and that it goes on where it was broken off."""

import os
import subprocess
import sys

import pytest

from testing.prerequisites import need
from tests.docs.walkthrough import ROOT, clone_of_head

NO_NETWORK = {
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_RETRIES": "0",
    "PIP_FIND_LINKS": "",
}


@pytest.fixture
def clone(tmp_path):
    return clone_of_head(tmp_path)


def make(folder, *words, **environ):
    """As a user calls it, who isn't make."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", f"PYTHON={sys.executable}", *words],
        cwd=folder,
        env=dict(kept, **environ),
        capture_output=True,
        text=True,
    )


def test_an_environment_that_was_broken_off_is_made_anew(clone):
    half = clone / ".venv" / "bin"
    half.mkdir(parents=True)
    (half / "python").symlink_to("/bin/false")
    assert make(clone, ".venv/.made").returncode == 0
    subprocess.run(
        [half / "python", "-m", "pip", "--version"], check=True, stdout=subprocess.DEVNULL
    )


def test_a_python_that_makes_no_environment_is_told(clone):
    done = make(clone, ".venv/.made", "PYTHON=false")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == (
        "false couldn't make .venv: Python 3.9 or newer with venv was expected"
        " (on Debian the package python3-venv)"
    )


def test_without_a_network_the_likely_cause_is_told(clone):
    done = make(clone, ".venv/.gateway", **NO_NETWORK)
    assert done.returncode == 2
    assert (
        "pip couldn't install requirements/gateway.txt: is there a network?"
        " (HTTPS_PROXY names a proxy; PIP_INDEX_URL a mirror)" in done.stderr.splitlines()
    )


@pytest.mark.parametrize("name", ["torchserve", "triton"])
def test_an_example_says_before_its_installation_what_else_it_needs(tmp_path, name):
    for file in ("check.sh", "venv"):
        text = (ROOT / "examples" / name / file).read_text()
        (tmp_path / file).write_text(text.replace("/usr/bin/python3", "no-python"))
    (tmp_path / "dirname").symlink_to(need("dirname"))
    done = subprocess.run(
        ["/bin/sh", tmp_path / "check.sh"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert (
        done.stderr.startswith(f"examples/{name} needs ") and "sudo apt-get install" in done.stderr
    )
