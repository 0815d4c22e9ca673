"""One model behind each of the adapter's three back ends; a fresh adapter where a test needs its
own."""

import importlib.util
import sys

import pytest

from testing.adapter import Adapter, folder_of

# The same app taken as it is about to be served, from a WSGI server or from uvicorn, and as a
# server of its own behind a shell.
COMMANDS = {
    "in-process": ["python", "app.py"],
    "http": ["sh", "-c", "cd . && exec python app.py"],
}
if importlib.util.find_spec("uvicorn"):  # images with Flask don't have it
    COMMANDS["asgi"] = ["env", "MODEL_SERVER=uvicorn", "python", "app.py"]


def pytest_sessionfinish():
    """What was run in this process is written down while it is waited for: on a busy machine it
    may be killed before it comes to its end by itself."""
    coverage = sys.modules.get("coverage")
    current = coverage.Coverage.current() if coverage is not None else None
    if current is not None:
        current.save()


@pytest.fixture(scope="module", params=sorted(COMMANDS, reverse=True))
def backend(request):
    return request.param


@pytest.fixture(scope="module")
def model(backend, tmp_path_factory):
    """A loaded model, shared by the tests of a module: for those that leave nothing behind."""
    parent = tmp_path_factory.mktemp(backend)
    with Adapter(folder_of(parent, "model"), str(parent), COMMANDS[backend]) as adapter:
        reply = adapter.init()
        assert reply.status == 200, (reply, adapter.log)
        adapter.backend = backend
        yield adapter


@pytest.fixture
def start(tmp_path):
    """start(app, *command, SETTING=value): an adapter that has been asked nothing yet."""
    running = []

    def starting(app, *command, **options):
        logs = tmp_path / str(len(running))
        logs.mkdir()
        running.append(Adapter(folder_of(logs, app), str(logs), command, **options))
        return running[-1]

    yield starting
    for adapter in running:
        adapter.stop()


@pytest.fixture
def own(backend, start):
    """own(SETTING=value): a loaded model of the test's own, behind the back end in turn."""

    def owned(app="model", env=None, **options):
        adapter = start(app, *COMMANDS[backend], **options)
        reply = adapter.init(env)
        assert reply.status == 200, (reply, adapter.log)
        adapter.backend = backend
        return adapter

    return owned
