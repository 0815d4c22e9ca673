"""Servers as their documentation starts them, asked directly, through the adapter and through the
gateway.

Each row is one start command, unchanged, on its own ports; the adapter listens on 8080, as it does
in a container.
"""

import json
import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from testing.browser import chromium, first
from testing.example import EXAMPLES, Action, Gateway, ItsOwn, example_python
from testing.prerequisites import need, needed
from testing.process import accepts, alive, descendants, until
from testing.virtualenv import ENVS, locked, virtualenv
from tests.servers.changes import compared, differences
from tests.servers.results import Outcome, said, write_results
from tests.servers.rows import FASTAPI_PAGE, HERE, ROWS

IN_A_CONTAINER = 8080
SECONDS_TO_END = 40
# `make test-servers` runs all rows, CI those that it has time to install.
CHOSEN = [row for row in ROWS if row.in_ci or os.environ.get("SERVERS") == "all"]


def id_of(row):
    return row.name.replace(" ", "-")


each_row = pytest.mark.parametrize("row", CHOSEN, ids=id_of)


@pytest.fixture(scope="session", autouse=True)
def outcomes():
    """What became of each row, written where SERVERS_RESULTS says."""
    found = []
    yield found
    if os.environ.get("SERVERS_RESULTS"):
        write_results(Path(os.environ["SERVERS_RESULTS"]), found)


def python_of(row):
    pins = HERE / "requirements" / (row.packages + ".txt")
    if not pins.exists():
        return example_python(row.packages)
    return virtualenv("servers-" + row.packages, pins, lambda: sys.executable)


def folder_of(row, parent):
    """The row's files, with a Dockerfile that says no more than its start command, its ports and
    its variables."""
    folder = Path(str(parent)) / "model"
    for source in row.folders:
        shutil.copytree(str(source), str(folder), dirs_exist_ok=True)
    lines = ["FROM scratch", "EXPOSE %s" % " ".join(str(port) for port in (row.port, *row.ports))]
    lines += ["ENV %s=%s" % pair for pair in row.environ.items()]
    lines += ["CMD " + json.dumps(row.command)]
    (folder / "Dockerfile").write_text("\n".join(lines) + "\n")
    return folder


class Alone:
    """One server of this module at a time, since each has its own ports; and no daemon of it stays
    behind."""

    def __init__(self, row, folder):
        self.folder = Path(str(folder))
        self.ports = (row.port, *row.ports, IN_A_CONTAINER)
        self.lock = locked(ENVS / "servers-ports.lock")

    def __enter__(self):
        self.lock.__enter__()
        try:
            until(self.free, "its ports", SECONDS_TO_END)  # Triton's last one may still be ending
        except AssertionError:
            self.lock.__exit__(None, None, None)
            needed(False, "one of the ports %s is taken" % (self.ports,))

    def free(self):
        return not any(accepts(port) for port in self.ports)

    def __exit__(self, *failure):
        try:
            end_daemons(self.folder)
            until(self.free, "its ports are free again: %s" % (self.ports,), SECONDS_TO_END)
        finally:
            self.lock.__exit__(*failure)


def end_daemons(folder):
    """What has a file with its process id there; the end of a real container ends them all."""
    for file in folder.glob("**/*.pid"):
        with suppress(OSError, ValueError):
            os.kill(int(file.read_text()), signal.SIGTERM)


def asked(server, row):
    return {
        name: compared(server.ask(*question), server.url, row.masks)
        for name, question in row.questions.items()
    }


OWN = {}


def answers_of_its_own(row, parent):
    folder = folder_of(row, parent)
    if "$PORT" in " ".join(row.command):
        with (folder / "Dockerfile").open("a") as dockerfile:
            dockerfile.write("ENV PORT=%d\n" % row.port)
    with Alone(row, parent), ItsOwn(folder, python_of(row), parent) as server:
        server.wait_until(lambda: is_ready(server, row), "ready")
        return asked(server, row)


def is_ready(server, row):
    try:
        return server.ask("GET", row.ready).status == 200
    except OSError:
        return False


@pytest.fixture
def own(row, tmp_path_factory):
    """What it answers when it is asked directly; both ways to ask it otherwise are compared with
    the same answers."""
    for program in row.needs:
        need(program)
    if row.name not in OWN:
        OWN[row.name] = answers_of_its_own(row, tmp_path_factory.mktemp("own"))
    return OWN[row.name]


def in_a_container(row, parent):
    return Action(folder_of(row, parent), python_of(row), parent, port=IN_A_CONTAINER)


def through_the_gateway(row, parent):
    return Gateway(folder_of(row, parent), python_of(row), parent)


@each_row
@pytest.mark.parametrize("start", [in_a_container, through_the_gateway], ids=["adapter", "gateway"])
def test_a_server_answers_as_it_does_by_itself(row, start, own, tmp_path, outcomes):
    way = "adapter" if start is in_a_container else "gateway"
    outcome = Outcome(row, way, python_of(row), len(own))
    outcomes.append(outcome)
    with Alone(row, tmp_path):
        before = time.monotonic()
        with start(row, tmp_path) as server:
            first = server.ask("GET", row.ready)
            outcome.seconds = time.monotonic() - before
            here = asked(server, row)
    outcome.differences = differences(own, here, way)
    assert (first.status, said(outcome.differences)) == (200, "")


with_a_page = pytest.mark.parametrize("row", [row for row in CHOSEN if row.told[0]], ids=id_of)


@with_a_page
def test_a_page_knows_that_it_lives_below_the_address_of_the_action(row, tmp_path):
    path, words = row.told
    with Alone(row, tmp_path), in_a_container(row, tmp_path) as server:
        page = server.ask("GET", path).body.decode()
        assert words.format(prefix=server.prefix, address=server.url) in page


# -- in a browser, through the gateway -------------------------------------------------------------


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("browser")) as running:
        yield running


with_fastapi = pytest.mark.parametrize(
    "row",
    [row for row in CHOSEN if row.told == FASTAPI_PAGE and row.packages == "web"],
    ids=id_of,
)


@with_fastapi
def test_a_person_tries_out_a_request_on_fastapis_page(row, browser, tmp_path):
    with Alone(row, tmp_path), through_the_gateway(row, tmp_path) as server:
        browser.get(server.url + "/docs")
        first(browser, "#operations-default-hello__get .opblock-summary").click()
        first(browser, ".try-out__btn").click()
        first(browser, ".btn.execute").click()
        status = first(browser, ".live-responses-table tbody .response-col_status").text
        assert (status.split()[0], first(browser, ".request-url pre").text) == (
            "200",
            server.url + "/",
        )


@with_fastapi
def test_a_person_reads_what_fastapi_describes(row, browser, tmp_path):
    with Alone(row, tmp_path), through_the_gateway(row, tmp_path) as server:
        browser.get(server.url + "/redoc")
        assert first(browser, "h1").text.startswith("FastAPI")
        until(lambda: "Upload" in first(browser, "body").text, "what it offers is described")


@pytest.mark.parametrize("row", [row for row in CHOSEN if row.name == "Gradio"], ids=id_of)
def test_a_person_submits_something_on_gradios_page(row, browser, tmp_path):
    with Alone(row, tmp_path), through_the_gateway(row, tmp_path) as server:
        browser.get(server.url + "/")
        first(browser, "textarea").send_keys("quiet")
        first(browser, "button.primary").click()
        until(lambda: "QUIET" in values_of(browser, "textarea"), "the answer is there")


def values_of(browser, selector):
    found = browser.find_elements(By.CSS_SELECTOR, selector)
    return [one.get_property("value") for one in found]


# -- its end ---------------------------------------------------------------------------------------


@each_row
def test_a_server_ends_with_the_container(row, tmp_path):
    for program in row.needs:
        need(program)
    with Alone(row, tmp_path), in_a_container(row, tmp_path) as server:
        family = descendants(server.pid)
        os.kill(server.pid, signal.SIGTERM)
        try:
            until(lambda: server.popen.poll() is not None, lambda: "the end: " + server.log, 10)
            until(
                lambda: not any(alive(pid) for pid in family), "the end of all that it started", 10
            )
        finally:
            for pid in filter(alive, family):
                os.kill(pid, signal.SIGKILL)


def test_every_example_row_has_its_example():
    assert {
        row.packages
        for row in ROWS
        if not (HERE / "requirements" / (row.packages + ".txt")).exists()
    } <= {folder.name for folder in EXAMPLES.iterdir()}
