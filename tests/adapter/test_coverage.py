"""No line and no branch of the adapter that isn't run by a test of the adapter."""

import os
import sys

import pytest

from tests.adapter.again import assert_succeeded, run, run_again

SETTINGS = "--rcfile=tests/adapter/coverage.ini"
COVERAGE = [sys.executable, "-m", "coverage"]


@pytest.mark.timeout(1200)
def test_every_line_and_every_branch_of_the_adapter_is_run(tmp_path):
    file = str(tmp_path / ".coverage")
    assert_succeeded(run_again([*COVERAGE, "run", SETTINGS], tmp_path, COVERAGE_FILE=file))
    for step in ("combine", "report"):
        assert_succeeded(run([*COVERAGE, step, SETTINGS], dict(os.environ, COVERAGE_FILE=file)))
