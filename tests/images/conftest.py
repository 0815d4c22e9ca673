"""What the tests of images share."""

import os

import pytest

from testing.registry import registry

__all__ = ["registry"]


@pytest.fixture
def home(tmp_path):
    """Environment variables of somebody who has never logged in anywhere."""
    return {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
