"""What the tests of images share."""

import os

import pytest

from testing.registry import Odd, registry

__all__ = ["registry"]


@pytest.fixture
def home(tmp_path):
    """Environment variables of somebody who has never logged in anywhere."""
    return {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}


@pytest.fixture
def odd():
    """A registry that can play what registries in the wild do."""
    with Odd().served() as served:
        yield served


@pytest.fixture
def other():
    """And one more."""
    with Odd().served() as served:
        yield served
