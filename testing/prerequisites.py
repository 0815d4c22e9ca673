"""What a test can't run without: absent, the test is skipped with a reason, or fails where
CI=true."""

import os
import shutil

import pytest


def need(program):
    """The path of a program."""
    return needed(shutil.which(program), "%s isn't installed" % program)


def needed(found, reason):
    """`found`, if there is such a thing."""
    if found:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(reason + " (needed where CI=true)")
    return pytest.skip(reason)
