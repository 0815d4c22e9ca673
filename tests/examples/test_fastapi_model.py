"""The FastAPI example: its API by itself, behind the adapter and behind the gateway; both its
start commands."""

import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import List

import pytest

from testing.browser import chromium, first
from testing.example import (
    EXAMPLES,
    KINDS,
    Action,
    Gateway,
    environ_of,
    example_python,
    fixed_port,
    free_port,
    instruction,
    on_port,
    served,
)

NAME = "fastapi-model"
FOLDER = EXAMPLES / NAME
JSON = [("Content-Type", "application/json")]
SAMPLE = (FOLDER / "samples" / "predict.json").read_bytes()
SAMPLE_TAGS = ["natural-language-processing", "computer-vision"]
# The key that OpenWhisk documents for the namespace of a standalone server.
KEY = "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"  # noqa: E501
TAGS = ["computer-vision", "mlops", "natural-language-processing", "other"]


@pytest.fixture(scope="module", params=KINDS)
def model(request, tmp_path_factory):
    with served(request.param, NAME, tmp_path_factory.mktemp(request.param)) as server:
        yield server


def json_of(reply):
    return json.loads(reply.body.decode())


def envelope(reply):
    """The answer without its time, which is checked to be one."""
    content = json_of(reply)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00", content.pop("timestamp"))
    return content


def ok(model, path, data, method="GET"):
    return {
        "message": "OK",
        "method": method,
        "status-code": 200,
        "url": model.url + path,
        "data": data,
    }


def file(name):
    return json.loads((FOLDER / "model" / (name + ".json")).read_text())


@pytest.mark.parametrize(
    "path, query, data",
    [
        ("/", "", {}),
        ("/performance", "", {"performance": file("performance")}),
        ("/performance", "filter=overall", {"performance": file("performance")["overall"]}),
        ("/performance", "filter=class", {"performance": file("performance")["class"]}),
        ("/args", "", {"args": file("args")}),
        ("/args/alpha", "", {"alpha": 0.5}),
        ("/args/max_ngram", "", {"max_ngram": 2}),
    ],
)
def test_every_question_is_answered_in_the_envelope(model, path, query, data):
    reply = model.ask("GET", path, query)
    assert (reply.status, envelope(reply)) == (
        200,
        ok(model, path + ("?" + query if query else ""), data),
    )


def test_texts_are_tagged_in_their_order(model):
    reply = model.ask("POST", "/predict", headers=JSON, body=SAMPLE)
    predictions = envelope(reply)["data"]["predictions"]
    assert reply.status == 200
    assert [{"text": found["input_text"]} for found in predictions] == json.loads(SAMPLE)["texts"]
    assert [found["predicted_tag"] for found in predictions] == SAMPLE_TAGS
    assert [sorted(found["probabilities"]) for found in predictions] == [TAGS, TAGS]
    assert [sum(found["probabilities"].values()) for found in predictions] == pytest.approx(
        [1, 1], abs=0.001
    )


@pytest.mark.parametrize(
    "body, problem",
    [
        (b"", {"loc": ["body"], "msg": "Field required", "type": "missing"}),
        (b"{}", {"loc": ["body", "texts"], "msg": "Field required", "type": "missing"}),
        (
            b'{"texts": []}',
            {
                "loc": ["body", "texts"],
                "msg": "List should have at least 1 item after validation, not 0",
                "type": "too_short",
            },
        ),
        (
            b'{"texts": [{"text": ""}]}',
            {
                "loc": ["body", "texts", 0, "text"],
                "msg": "String should have at least 1 character",
                "type": "string_too_short",
            },
        ),
        (
            b'{"texts": [{"text": "  "}]}',
            {
                "loc": ["body", "texts", 0, "text"],
                "msg": "Value error, The text is empty",
                "type": "value_error",
            },
        ),
        (
            b'{"texts": [{"text": 5}]}',
            {
                "loc": ["body", "texts", 0, "text"],
                "msg": "Input should be a valid string",
                "type": "string_type",
            },
        ),
        (b'{"texts"', {"loc": ["body", 8], "msg": "JSON decode error", "type": "json_invalid"}),
    ],
    ids=["nothing", "no-texts", "empty-list", "empty-text", "only-spaces", "a-number", "cut-off"],
)
def test_bad_input_is_refused_with_the_reason(model, body, problem):
    reply = model.ask("POST", "/predict", headers=JSON, body=body)
    assert (reply.status, envelope(reply)) == (
        422,
        {
            "message": "The input is not valid",
            "method": "POST",
            "status-code": 422,
            "url": model.url + "/predict",
            "data": {"detail": [problem]},
        },
    )


@pytest.mark.parametrize(
    "method, path, query, status, message",
    [
        ("GET", "/nothing", "", 404, "Not Found"),
        ("GET", "/predict", "", 405, "Method Not Allowed"),
        (
            "GET",
            "/args/beta",
            "",
            404,
            "There is no argument 'beta', there are: alpha, max_ngram, seed, test_share",
        ),
        (
            "GET",
            "/performance",
            "filter=best",
            404,
            "There is no filter 'best', there are: class, overall",
        ),
    ],
)
def test_errors_come_in_the_envelope_too(model, method, path, query, status, message):
    reply = model.ask(method, path, query)
    assert (reply.status, envelope(reply)) == (
        status,
        {
            "message": message,
            "method": method,
            "status-code": status,
            "url": model.url + path + ("?" + query if query else ""),
            "data": {},
        },
    )


def test_the_docs_page_asks_for_the_description_below_its_own_address(model):
    page = model.ask("GET", "/docs").body.decode()
    assert "url: '%s/openapi.json'" % model.prefix in page
    description = json_of(model.ask("GET", "/openapi.json"))
    assert sorted(description["paths"]) == ["/", "/args", "/args/{arg}", "/performance", "/predict"]
    assert description.get("servers", []) == ([{"url": model.prefix}] if model.prefix else [])


def redirected(model):
    """Where a path with a slash too many leads, without the host, which may be left out."""
    reply = model.ask("GET", "/args/")
    location = [value for name, value in reply.headers if name.lower() == "location"]
    return reply.status, [
        re.sub("^http://127.0.0.1:%d" % model.port, "", value) for value in location
    ]


def test_a_redirect_stays_below_the_address(model):
    assert redirected(model) == (307, [model.prefix + "/args"])


GUNICORN = [
    "gunicorn",
    "-c",
    "app/gunicorn.py",
    "-k",
    "uvicorn_worker.UvicornWorker",
    "app.api:app",
]


def started_by_gunicorn(parent):
    """A copy of the example with the other start command, on a free port."""
    port = free_port()
    folder = on_port(NAME, port, parent)
    dockerfile, settings = folder / "Dockerfile", folder / "app" / "gunicorn.py"
    dockerfile.write_text(dockerfile.read_text() + "CMD %s\n" % json.dumps(GUNICORN))
    settings.write_text(settings.read_text().replace(":8000", ":%d" % port))
    return folder


def test_gunicorn_with_uvicorn_workers_serves_the_same(tmp_path):
    with Action(started_by_gunicorn(tmp_path), example_python(NAME), tmp_path) as model:
        predictions = envelope(model.ask("POST", "/predict", headers=JSON, body=SAMPLE))["data"][
            "predictions"
        ]
        assert [found["predicted_tag"] for found in predictions] == SAMPLE_TAGS
        assert envelope(model.ask("GET", "/args/alpha")) == ok(model, "/args/alpha", {"alpha": 0.5})
        assert "url: '%s/openapi.json'" % model.prefix in model.ask("GET", "/docs").body.decode()
        assert redirected(model) == (307, [model.prefix + "/args"])


def test_an_app_that_does_not_ask_for_its_prefix_gets_none_from_gunicorn(tmp_path):
    """What the README says of such apps: all works but the docs page, which asks for the wrong
    openapi.json."""
    folder = started_by_gunicorn(tmp_path)
    (folder / "app" / "api.py").write_text("from fastapi import FastAPI\n\napp = FastAPI()\n")
    with Action(folder, example_python(NAME), tmp_path) as model:
        assert "url: '/openapi.json'" in model.ask("GET", "/docs").body.decode()
        assert model.ask("GET", "/openapi.json").status == 200


@pytest.mark.parametrize(
    "command", [instruction(FOLDER, "CMD"), GUNICORN], ids=["uvicorn", "gunicorn"]
)
def test_both_start_commands_work_as_they_are_on_their_own_port(command, tmp_path):
    with fixed_port(8000), Action(FOLDER, example_python(NAME), tmp_path, command) as model:
        assert envelope(model.ask("GET", "/")) == ok(model, "/", {})


def test_a_plain_invocation_needs_no_path(tmp_path):
    with served("adapter", NAME, tmp_path) as action:
        result = action.run({"texts": [{"text": "Counting cars in images"}]})
    assert [found["predicted_tag"] for found in result["data"]["predictions"]] == [
        "computer-vision"
    ]


def test_training_again_gives_the_committed_model(tmp_path):
    subprocess.run([sys.executable, FOLDER / "training" / "train.py", tmp_path], check=True)
    made = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_text() for path in (FOLDER / "model").iterdir()}
    assert sorted(made) == ["args.json", "classifier.json", "performance.json"]


def test_the_start_command_is_the_one_that_such_images_have():
    assert instruction(FOLDER, "CMD") == [
        "uvicorn",
        "app.api:app",
        "--host",
        "0.0.0.0",
        "--port",
        "8000",
    ]


@pytest.fixture(params=["itself", "gateway", "gateway-gunicorn"])
def page(request, tmp_path):
    if request.param == "gateway-gunicorn":
        server = Gateway(started_by_gunicorn(tmp_path), example_python(NAME), tmp_path)
    else:
        server = served(request.param, NAME, tmp_path)
    with server as model, chromium(tmp_path) as browser:
        browser.get(model.url + "/docs")
        yield model, browser


def test_a_person_tries_it_out_on_the_docs_page(page):
    model, browser = page
    first(browser, "#operations-Prediction-predict_predict_post .opblock-summary").click()
    first(browser, ".try-out__btn").click()
    first(browser, ".btn.execute").click()
    assert (
        first(browser, ".live-responses-table tbody .response-col_status").text.split()[0] == "200"
    )
    answer = json.loads(
        first(browser, ".live-responses-table tbody .response-col_description code").text
    )
    assert first(browser, ".request-url pre").text == model.url + "/predict"
    assert [found["predicted_tag"] for found in answer["data"]["predictions"]] == SAMPLE_TAGS


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with served("gateway", NAME, tmp_path_factory.mktemp("gateway")) as server:
        yield server


def batch(url, *options):
    """What batch.py prints for the ten lines of the sample, three of them in an activation."""
    command = [
        sys.executable,
        FOLDER / "batch.py",
        url,
        FOLDER / "samples" / "texts.txt",
        "--lines",
        "3",
        *options,
    ]
    return subprocess.run(
        command, env=environ_of(sys.executable), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_a_file_is_predicted_by_invoking_the_action(gateway):
    by_action = batch(
        gateway.url.replace("/web/guest/default/", "/namespaces/_/actions/"), "--auth", KEY
    )
    on_the_web = batch(gateway.url)
    assert (
        (by_action.returncode, by_action.stderr)
        == (on_the_web.returncode, on_the_web.stderr)
        == (0, b"")
    )
    predictions = [json.loads(line) for line in by_action.stdout.decode().splitlines()]
    lines = (FOLDER / "samples" / "texts.txt").read_text().splitlines()
    assert [found["input_text"] for found in predictions] == lines
    assert [found["predicted_tag"] for found in predictions].count("computer-vision") == 3
    assert on_the_web.stdout == by_action.stdout


@pytest.mark.parametrize(
    "path, options, complaint",
    [
        (
            "",
            ["--lines", "0"],
            "argument --lines: '0' was given, a whole number from 1 was expected",
        ),
        ("x", [], "/default/fastapi-modelx/predict answered 404: {"),
    ],
    ids=["no-lines-at-a-time", "no-such-action"],
)
def test_a_batch_that_fails_says_why(gateway, path, options, complaint):
    done = batch(gateway.url + path, *options)
    assert done.returncode != 0 and done.stdout == b"" and complaint in done.stderr.decode()


class Slow(BaseHTTPRequestHandler):
    """The platform's API as it answers for an activation that takes longer than a minute: later."""

    asked: List[str] = []

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(202, {"activationId": "89fdd95a678a4515bdd95a678a3515bc"})

    def do_GET(self):
        if len(self.asked) < 3:
            self.answer(404, {"error": "The requested resource does not exist."})
        else:
            prediction = {"predicted_tag": "mlops"}
            self.answer(200, {"success": True, "result": {"data": {"predictions": [prediction]}}})

    def answer(self, status, value):
        self.asked.append(self.path)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())

    def log_message(self, *words):
        pass


def test_a_batch_waits_for_an_activation_that_takes_long():
    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = "http://127.0.0.1:%d/api/v1/namespaces/_/" % server.server_port
        done = batch(url + "actions/fastapi-model", "--auth", KEY, "--lines", "10")
        server.shutdown()
    result = "/api/v1/namespaces/_/activations/89fdd95a678a4515bdd95a678a3515bc/result"
    assert (done.returncode, done.stdout.decode()) == (0, '{"predicted_tag": "mlops"}\n')
    assert Slow.asked[1:] == [result] * 3
