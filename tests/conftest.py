"""What tests of more than one part share."""

import pytest

from testing.bases import base
from testing.engine import engine
from testing.images import images

__all__ = ["base", "engine", "images"]

# Left out by `make test` unless they are named: they install packages, build images, take minutes.
SLOW = (
    "tests/acceptance/",
    "tests/adapter/test_coverage.py",
    "tests/adapter/test_environments.py",
    "tests/adapter/test_interpreters.py",
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


def pytest_collection_modifyitems(items):
    for item in items:
        if item.nodeid.startswith(SLOW):
            item.add_marker(pytest.mark.slow)
