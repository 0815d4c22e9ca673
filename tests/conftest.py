"""What tests of more than one part share, and the marks by which the Makefile chooses among all."""

import pytest

from testing.bases import base
from testing.engine import engine
from testing.images import images

__all__ = ["base", "engine", "images"]

# Left out by `make test` unless they are named: they install packages, build images, take minutes.
SLOW = (
    "tests/acceptance/",
    "tests/adapter/test_environments.py",
    "tests/benchmarks/",
    "tests/docs/test_commands.py",
    "tests/docs/test_site.py",
    "tests/examples/",
    "tests/gateway/test_containers_docker.py",
    "tests/images/test_build.py",
    "tests/images/test_interpreter.py",
    "tests/images/test_package.py",
    "tests/images/test_provenance.py",
    "tests/servers/",
    "tests/stress/",
)
# Of the adapter, but about what lies around its code, for which one interpreter is enough.
ONCE = (
    "tests/adapter/test_controller.py",
    "tests/adapter/test_environments.py",
    "tests/adapter/test_house.py",
)
# How long something takes tells nothing while each line is written down.
TIMED = ("tests/adapter/test_linear.py",)


def pytest_collection_modifyitems(items):
    for item in items:
        for mark in marks(item.nodeid):
            item.add_marker(mark)


def marks(name):
    if name.startswith(SLOW):
        yield pytest.mark.slow
    if name.startswith("tests/adapter/") and not name.startswith(ONCE):
        yield pytest.mark.everywhere
    if name.startswith(TIMED):
        yield pytest.mark.timed


def pytest_sessionfinish(session, exitstatus):
    nothing_failed = session.config.getoption("last_failed_no_failures", "all") == "none"
    if nothing_failed and exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = 0
