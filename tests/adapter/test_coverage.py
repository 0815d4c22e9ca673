"""No line and no branch of the adapter that isn't run by a test of the adapter."""

import os
import sys

import pytest

from tests.adapter.rerun import assert_succeeded, run, run_again

SETTINGS = "--rcfile=tests/adapter/coverage.ini"
COVERAGE = [sys.executable, "-m", "coverage"]
# How long something takes tells nothing while each line is written down.
WITHOUT_TIMES = "--ignore=tests/adapter/test_linear.py"


@pytest.mark.timeout(2400)
def test_every_line_and_every_branch_of_the_adapter_is_run(tmp_path):
    file = str(tmp_path / ".coverage")
    command = [*COVERAGE, "run", SETTINGS]
    assert_succeeded(run_again(command, tmp_path, WITHOUT_TIMES, COVERAGE_FILE=file))
    for step in ("combine", "report"):
        assert_succeeded(run([*COVERAGE, step, SETTINGS], dict(os.environ, COVERAGE_FILE=file)))
