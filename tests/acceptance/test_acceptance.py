"""What anybody may run against a cluster, run against the gateway with Docker's containers: all of
it passes."""

import json
import os
import re
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from acceptance import checks
from acceptance.__main__ import deployed
from acceptance.checks import Subject, awake
from acceptance.cluster import Cluster, Failed
from acceptance.differences import ACCEPT, CHARSET, NO_TYPE, OPTIONS, differences
from acceptance.http import Place
from acceptance.messages import Answer, Question
from testing.adapter import ROOT
from testing.gateway import Gateway
from testing.process import heed_ctrl_c, until
from testing.recordings import GUEST_KEY
from tests.acceptance.odd import answering, certificate_with_key

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
    environ = dict(environ_of(engine), REGISTRY="of-make", PYTHON="python3")  # no business of it
    done = subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr + platform.log
    told = json.loads(found.read_text())
    assert {one["example"] for one in told["examples"]} == {"max-digits", "fastapi-model"}
    assert [one["errors"] for one in told["load"]] == [0, 0]
    assert platform.rest("GET", "actions").json == [], "what it has made is removed"


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
    assert running.returncode == 130
    assert platform.rest("GET", "actions").json == []


class Interrupted(Place):
    """Where Ctrl-C comes between what a PUT has done and its answer."""

    def ask(self, question):
        answer = super().ask(question)
        if question.method == "PUT":
            raise KeyboardInterrupt
        return answer


def test_what_was_made_when_ctrl_c_came_is_removed_too(tmp_path):
    with Gateway(tmp_path) as platform:
        cluster = Cluster(Interrupted("http://127.0.0.1:%d" % platform.port, GUEST_KEY), 100)
        with pytest.raises(KeyboardInterrupt):
            cluster.make_action("acceptance-model", "image")
        assert platform.rest("GET", "actions").json != []
        assert cluster.remove_all() == []
        assert platform.rest("GET", "actions").json == []


def test_no_more_is_asked_than_is_allowed(base, engine, platform):
    words = command(platform, "--examples", "max-digits", "--requests", "5")
    done = subprocess.run(words, cwd=ROOT, env=environ_of(engine), capture_output=True, text=True)
    assert (done.returncode, "--requests 5 are spent" in done.stderr) == (2, True), done.stderr
    assert platform.rest("GET", "actions").json == []


def test_a_key_that_is_none_is_asked_for():
    status, said = told("--apihost", "http://127.0.0.1:1", auth="")
    assert status == 2 and "uuid:key" in said


# -- clusters that aren't what they should be: one sentence each -----------------------------------


def told(*options, auth="uuid:key"):
    words = [sys.executable, "-m", "acceptance", "--registry", "actions", *options]
    environ = dict(os.environ, AUTH=auth, PYTHONPATH=ROOT)
    done = subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.stdout == "" and done.stderr.count("\n") == 1, done.stdout + done.stderr
    return done.returncode, done.stderr.replace("acceptance: ", "").strip()


def http(body, status="200 OK"):
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


NO_CLUSTER = {
    "another protocol": (b"SSH-2.0-x\r\n", "doesn't answer as a web server does"),
    "a page": (
        http(b"<p>not here</p>", "404 Not Found"),
        "is no OpenWhisk: it answers 404 to /api/v1/namespaces: '<p>not here</p>'",
    ),
    "other JSON": (
        http(b'{"a": 1}'),
        """is no OpenWhisk: it answers 200 to /api/v1/namespaces: '{"a": 1}'""",
    ),
    "deep JSON": (
        http(b"[" * 200000),
        "is no OpenWhisk: it answers 200 to /api/v1/namespaces: '" + "[" * 199,
    ),
    "half an answer": (http(b'["guest"]')[:-1], "broke off within an answer"),
    "a refusal": (
        http(b"{}", "401 Unauthorized"),
        "refuses the key: is it what `wsk property get --auth` says?",
    ),
}


@pytest.mark.parametrize("says, sentence", NO_CLUSTER.values(), ids=NO_CLUSTER)
def test_what_is_no_cluster_is_told_in_a_sentence(says, sentence):
    with answering(says) as url:
        assert told("--apihost", url) == (2, "%s %s" % (url, sentence))


def test_nobody_there_and_no_tls_there_are_told_apart():
    with answering(http(b"{}")) as url:
        status, said = told("--apihost", url.replace("http:", "https:"))
    assert (status, "doesn't speak TLS" in said) == (2, True), said
    assert told("--apihost", url) == (2, url + " can't be reached: Connection refused")


def test_a_certificate_that_nobody_vouches_for_needs_insecure(tmp_path):
    certificate = certificate_with_key(tmp_path)
    with answering(http(b"<p>", "404 Not Found"), certificate) as url:
        status, said = told("--apihost", url)
        assert (status, "--insecure believes any certificate" in said) == (2, True), said
        assert "is no OpenWhisk" in told("--apihost", url, "--insecure")[1]


def test_an_image_that_the_cluster_cannot_pull_is_no_list_of_differences(platform):
    cluster = Cluster(Place("http://127.0.0.1:%d" % platform.port, GUEST_KEY), 100)
    subject = Subject(cluster, cluster.namespace(), "gone", "nowhere.invalid/gone:1")
    assert cluster.make_action(subject.name, subject.image).status == 200
    with pytest.raises(Failed) as failed:
        awake(subject, Question("first"))
    assert re.match("the action gone can't be started there: .*nowhere.invalid", str(failed.value))


def test_an_action_that_fails_without_a_record_is_told_in_a_sentence(monkeypatch):
    monkeypatch.setattr(checks, "ACTIVATIONS", 0)
    answer = Answer(400, [("x-openwhisk-activation-id", "1" * 32)], b"")
    cluster = SimpleNamespace(web=lambda *_: None, ask=lambda *_: answer, activation=lambda _: None)
    with pytest.raises(Failed) as failed:
        awake(Subject(cluster, "guest", "gone", "image"), Question("first"))
    told = f"the action gone can't be asked: activation {'1' * 32} has no record after 0 s"
    assert str(failed.value) == told


def test_a_limit_that_is_too_low_is_told_as_the_cluster_tells_it(tmp_path):
    with Gateway(tmp_path, "--memory-max", "128") as platform:
        asked = Cluster(Place("http://127.0.0.1:%d" % platform.port, GUEST_KEY), 100)
        with pytest.raises(Failed) as failed:
            deployed(asked, "guest", "model", "me/model:1")
    sentence = "the cluster refuses the action model: "
    assert str(failed.value).startswith(sentence) and "128" in str(failed.value)


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
