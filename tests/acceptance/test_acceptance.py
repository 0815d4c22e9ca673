"""What anybody may run against a cluster, run against the gateway with Docker's containers: all of
it passes."""

import json
import os
import signal
import subprocess
import sys

import pytest

from acceptance.differences import ACCEPT, CHARSET, NO_TYPE, OPTIONS, differences
from acceptance.messages import Answer, Question
from testing.adapter import ROOT
from testing.gateway import Gateway
from testing.process import until
from testing.recordings import GUEST_KEY

OWN, HERE = "http://127.0.0.1:5000", "http://127.0.0.1:3233/api/v1/web/guest/default/model"


def command(gateway, *options):
    address = "http://127.0.0.1:%d" % gateway.port
    words = [sys.executable, "-m", "acceptance", "--apihost", address, "--registry", "actions"]
    return [*words, "--no-push", *options]


def environ_of(engine):
    return dict(engine.environ, AUTH=GUEST_KEY, PYTHONPATH=ROOT)


@pytest.fixture
def platform(engine, tmp_path):
    reached = {name: engine.environ[name] for name in ("DOCKER_HOST", "DOCKER_CONFIG")}
    options = ["--memory-max", "1024", "--concurrency-max", "8", "--containers", "4"]
    with Gateway(tmp_path, *options, **reached) as running:
        yield running


@pytest.mark.timeout(900)
def test_all_of_it_passes_on_the_gateway(base, engine, platform, tmp_path):
    found = tmp_path / "found.json"
    words = command(platform, "--json", str(found))
    done = subprocess.run(words, cwd=ROOT, env=environ_of(engine), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr + platform.log
    told = json.loads(found.read_text())
    assert {one[0] for one in told["examples"]} == {"max-digits", "fastapi-model"}
    assert [one[2] for one in told["load"]] == [0, 0], "errors"
    assert platform.rest("GET", "actions").json == [], "what it has made is removed"


def heed_ctrl_c():
    """What a shell starts in the background doesn't, these tests included."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_after_ctrl_c_nothing_is_left(base, engine, platform):
    words = command(platform, "--examples", "max-digits")
    running = subprocess.Popen(
        words,
        cwd=ROOT,
        env=environ_of(engine),
        stderr=subprocess.PIPE,
        preexec_fn=heed_ctrl_c,
    )
    until(lambda: platform.rest("GET", "actions").json, "an action is there", 300)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    assert running.returncode != 0
    assert platform.rest("GET", "actions").json == []


def test_no_more_is_asked_than_is_allowed(base, engine, platform):
    words = command(platform, "--examples", "max-digits", "--requests", "5")
    done = subprocess.run(words, cwd=ROOT, env=environ_of(engine), capture_output=True, text=True)
    assert (done.returncode, "--requests 5 are spent" in done.stderr) == (1, True), done.stderr
    assert platform.rest("GET", "actions").json == []


def test_a_key_that_is_none_is_asked_for():
    words = [sys.executable, "-m", "acceptance", "--apihost", "http://127.0.0.1:1"]
    environ = dict(os.environ, AUTH="", PYTHONPATH=ROOT)
    words += ["--registry", "actions"]
    done = subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.returncode == 1 and "uuid:key" in done.stderr


# -- whose difference it is ------------------------------------------------------------------------


def causes(question, own, here):
    return [one.cause for one in differences(question, own, here, OWN, HERE)]


def answer(status=200, kind="", body=b"", *headers):
    pairs = [("Content-Type", kind)] if kind else []
    return Answer(status, pairs + list(headers), body)


def test_what_the_platform_is_known_to_change_is_told_as_its_own():
    get = Question("page")
    assert causes(Question("options", "OPTIONS"), answer(405), answer(200)) == [OPTIONS]
    assert causes(get, answer(200), answer(406)) == [ACCEPT]
    kind = "application/octet-stream"
    assert causes(get, answer(body=b"x"), answer(200, kind, b"x")) == [NO_TYPE]
    own = answer(200, "text/plain; charset=latin-1", b"caf\xe9")
    here = answer(200, "text/plain; charset=UTF-8", "caf\u00e9".encode())
    assert causes(get, own, here) == [CHARSET, CHARSET]


def test_a_page_may_say_where_it_lives():
    own = answer(302, "", b"", ("Location", OWN + "/docs"))
    here = answer(302, "", b"", ("Location", HERE + "/docs"), ("Date", "today"))
    assert causes(Question("page"), own, here) == []


def test_what_is_left_is_ours():
    assert causes(Question("page"), answer(200, "", b"a"), answer(500, "", b"b")) == ["", ""]
