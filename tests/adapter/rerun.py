"""The adapter's other tests once more, in a process of their own."""

import os
import subprocess

from testing.adapter import ROOT

# Those that start all others, and those about what lies around the file, for which once is enough.
LEFT_OUT = (
    "test_coverage.py",
    "test_interpreters.py",
    "test_environments.py",
    "test_house.py",
    "test_controller.py",
)


def run_again(python, folder, *options, **variables):
    """`python`: the words before `-m pytest`. What the tests write lies in the folder, or
    nowhere."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("COV", "PYTEST", "VIRTUAL"))
    }
    command = [
        *python,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--basetemp",
        str(folder / "tests"),
    ]
    command += ["tests/adapter"] + ["--ignore=tests/adapter/" + left_out for left_out in LEFT_OUT]
    return run([*command, *options], dict(kept, PYTHONDONTWRITEBYTECODE="1", **variables))


def run(command, environ):
    return subprocess.run(
        command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def assert_succeeded(done):
    output = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, output[-5000:]
