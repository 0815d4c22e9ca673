"""What tests of the models of the MAX shape share, and the page that EXAMPLES_RESULTS asks for."""

import os
from pathlib import Path

from testing.example import EXAMPLES
from testing.max_server import action, own, python, server
from tests.examples.results import Tally

__all__ = ["action", "own", "python", "server"]

tally = Tally()


def pytest_runtest_logreport(report):
    tally.add(report)


def pytest_sessionfinish():
    path = os.environ.get("EXAMPLES_RESULTS")
    if path:
        tally.write(Path(path), {folder.name for folder in EXAMPLES.iterdir()})
