"""One gateway and one replaying action for all the cases of a module."""

import pytest

from testing.gateway import Gateway
from testing.replay import ReplayAction, json_reply


@pytest.fixture(scope="module")
def replaying():
    with ReplayAction() as action:
        yield action


@pytest.fixture(scope="module")
def gateway(replaying, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    with Gateway(
        folder, "--image", f"replay={replaying.url}", "--image", f"recorder:2={replaying.url}"
    ) as running:
        yield running


@pytest.fixture
def replay(replaying):
    """The action as a test finds it: it answers {} and has seen nothing."""
    replaying.reply = json_reply("{}")
    replaying.inits.clear()
    replaying.runs.clear()
    return replaying
