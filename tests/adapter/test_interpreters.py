"""Every other test of the adapter again, under each interpreter and with the packages that model images hold."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.adapter.environments import NAMES, environment
from tests.support.adapter import ROOT

# They are about what lies around the adapter, for which the project's own interpreter is enough.
LEFT_OUT = ("test_interpreters.py", "test_environments.py", "test_file.py", "test_controller.py")
# A server behind a port doesn't care for the packages here, and its interpreter is that of another run.
WITHOUT_HTTP = ("py37-flask1.1-restx", "py37-flask2.0-restx", "py311-flask3.1")
AT_ONCE = 3  # most of what they do is waiting for processes


@pytest.fixture(scope="module")
def started(request, tmp_path_factory):
    """The runs that were asked for, each begun as soon as one before it has ended."""
    wanted = [item.callspec.params["name"] for item in request.session.items if item.parent is request.node]
    with ThreadPoolExecutor(AT_ONCE) as executor:
        folders = {name: tmp_path_factory.mktemp(name) for name in wanted}
        yield {name: executor.submit(run, name, folders[name]) for name in wanted}


def run(name, folder):
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("COV", "PYTEST", "VIRTUAL"))}
    command = [environment(name), "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp", str(folder)]
    command += ["tests/adapter"] + ["--ignore=tests/adapter/" + left_out for left_out in LEFT_OUT]
    command += ["-k", "not http"] if name in WITHOUT_HTTP else []
    return subprocess.run(command, cwd=ROOT, env=kept, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", NAMES)
def test_the_adapter_works_on(name, started):
    done = started[name].result()
    output = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, output[-5000:]
