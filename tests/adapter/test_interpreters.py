"""Every other test of the adapter again, under each interpreter and with the packages that model
images hold."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.adapter.environments import NAMES, environment
from tests.adapter.rerun import assert_succeeded, run_again

# A server behind a port doesn't care for the packages here, and its interpreter is that of another
# run.
WITHOUT_HTTP = ("py37-flask1.1-restx", "py37-flask2.0-restx", "py311-flask3.1")
# These have a server for ASGI alone.
OF_ASGI = ("py37-uvicorn0.17", "py39-uvicorn0.22", "py313-uvicorn0.54")
# How long the worst input takes: between the oldest and the newest there is nothing to find.
WITH_TIMES = ("py36-flask1.0-restplus", "py313-flask3.1")
AT_ONCE = 3  # most of what they do is waiting for processes


@pytest.fixture(scope="module")
def started(request, tmp_path_factory):
    """The runs that were asked for, each begun as soon as one before it has ended."""
    wanted = [
        item.callspec.params["name"]
        for item in request.session.items
        if item.parent is request.node
    ]
    with ThreadPoolExecutor(AT_ONCE) as executor:
        folders = {name: tmp_path_factory.mktemp(name) for name in wanted}
        yield {name: executor.submit(run, name, folders[name]) for name in wanted}


def run(name, folder):
    options = []
    if name in WITHOUT_HTTP:
        options = ["-k", "not http"]
    if name in OF_ASGI:
        options = ["-k", "asgi"]
    if name not in WITH_TIMES:
        options.append("--ignore=tests/adapter/test_linear.py")
    return run_again([environment(name)], folder, *options)


@pytest.mark.timeout(2400)
@pytest.mark.parametrize("name", NAMES)
def test_the_adapter_works_on(name, started):
    assert_succeeded(started[name].result())
