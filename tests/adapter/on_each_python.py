"""The adapter's tests under each interpreter, with the packages that model images hold.

python -m tests.adapter.on_each_python [PYTEST'S OPTIONS]: all of ENVIRONMENTS, some at a time. Ends
with 1 where a test of one failed.
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

from testing.adapter import ROOT
from tests.adapter.environments import NAMES, environment

AT_ONCE = 4  # most of what they do is waiting for processes
# A server behind a port doesn't care for the packages here; 3.6, 3.7, 3.13 and the project's own
# Python are enough interpreters that ask one.
WITHOUT_HTTP = (
    "py37-flask1.1-restx",
    "py37-flask2.0-restx",
    "py38-flask2.3",
    "py39-flask3.0",
    "py311-flask3.1",
)
# These have a server for ASGI alone.
OF_ASGI = ("py37-uvicorn0.17", "py39-uvicorn0.22", "py313-uvicorn0.54")
# How long the worst input takes: between the oldest and the newest there is nothing to find.
WITH_TIMES = ("py36-flask1.0-restplus", "py313-flask3.1")


class Outcome(NamedTuple):
    """Of one environment: how its tests ended, or why there is none."""

    name: str
    status: int
    output: str


def main(options):
    failed = []
    with ThreadPoolExecutor(AT_ONCE) as executor:
        for outcome in executor.map(lambda name: outcome_on(name, options), NAMES):
            print(report_from_outcome(outcome), flush=True)
            if outcome.status:
                failed.append(outcome.name)
    if failed:
        print("Failed on: " + ", ".join(failed))
    return 1 if failed else 0


def outcome_on(name, options):
    try:
        python = environment(name)
    except pytest.skip.Exception as skipped:
        return Outcome(name, 0, "skipped: %s" % skipped)
    except pytest.fail.Exception as failed:
        return Outcome(name, 1, str(failed))
    with TemporaryDirectory() as folder:
        done = subprocess.run(
            [python, "-m", "pytest", *selection(name), "--basetemp", folder + "/tests", *options],
            cwd=ROOT,
            env=clean_environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    return Outcome(name, done.returncode, done.stdout.decode("utf-8", "replace"))


def selection(name):
    marks = "everywhere"
    if name not in WITH_TIMES:
        marks += " and not timed"
    words = []
    if name in WITHOUT_HTTP:
        words = ["-k", "not http"]
    if name in OF_ASGI:
        words = ["-k", "asgi"]
    cache = "cache_dir=.pytest_cache/" + name
    return ["-q", "-o", cache, "-m", marks, *words, "tests/adapter"]


def clean_environ():
    """Without what belongs to whoever started this, and nothing left in the folder."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("COV", "PYTEST", "VIRTUAL"))
    }
    return dict(kept, PYTHONDONTWRITEBYTECODE="1")


def report_from_outcome(outcome):
    """One line where all is well."""
    output = outcome.output.strip()
    if not outcome.status:
        output = re.sub(r"^=+ | =+$", "", output.splitlines()[-1])
    return "%s: %s" % (outcome.name, output)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
