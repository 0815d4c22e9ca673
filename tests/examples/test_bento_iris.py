"""The BentoML example: `bentoml serve` by itself, behind the adapter and behind the gateway;
batches, page, client."""

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from selenium.webdriver.common.by import By

from testing.browser import chromium
from testing.example import (
    EXAMPLES,
    KINDS,
    Action,
    environ_of,
    example_python,
    fixed_port,
    instruction,
    served,
)
from testing.process import until

NAME = "bento-iris"
FOLDER = EXAMPLES / NAME
JSON = [("Content-Type", "application/json")]
SAMPLE = (FOLDER / "samples" / "flowers.json").read_bytes()
KINDS_OF_IRIS = ["setosa", "versicolor", "virginica"]
# The three flowers of the sample, as scikit-learn's pipeline has them.
PROBABILITIES = [[0.9847, 0.0153, 0.0], [0.0326, 0.9061, 0.0613], [0.0, 0.0246, 0.9754]]


@pytest.fixture(scope="module", params=KINDS)
def model(request, tmp_path_factory):
    with served(request.param, NAME, tmp_path_factory.mktemp(request.param)) as server:
        yield server


def classified(model, body=SAMPLE):
    reply = model.ask("POST", "/classify", headers=JSON, body=body)
    return reply.status, json.loads(reply.body.decode())


def test_flowers_are_classified(model):
    status, probabilities = classified(model)
    assert status == 200
    assert [pytest.approx(row, abs=0.0001) for row in PROBABILITIES] == probabilities


def test_the_kinds_have_names(model):
    reply = model.ask("POST", "/labels")
    assert (reply.status, json.loads(reply.body.decode())) == (200, KINDS_OF_IRIS)


@pytest.mark.parametrize(
    "body, problem",
    [
        (b'{"flowers": "x"}', "Value error, could not convert string to float: 'x'"),
        (b'{"flowers": [[1]]}', "Value error, cannot reshape array of size 1 into shape (4)"),
        (b"{}", "Field required"),
        (b"{", "Invalid JSON: EOF while parsing an object at line 1 column 1"),
    ],
    ids=["text", "one-number", "nothing", "cut-off"],
)
def test_what_is_not_flowers_is_refused_by_bentoml(model, body, problem):
    status, answer = classified(model, body)
    assert (status, answer["error"], answer["detail"][0]["msg"]) == (
        400,
        "1 validation error for Input",
        problem,
    )


def test_an_unknown_route_is_bentomls_own_404(model):
    reply = model.ask("GET", "/nothing")
    assert (reply.status, reply.body) == (404, b"Not Found")


@pytest.mark.parametrize("path", ["/readyz", "/livez", "/healthz"])
def test_it_says_that_it_is_well(model, path):
    reply = model.ask("GET", path)
    assert (reply.status, reply.body) == (200, b"\n")


def test_the_description_is_served_below_the_address(model):
    description = json.loads(model.ask("GET", "/docs.json").body.decode())
    assert {"/classify", "/labels", "/readyz", "/metrics"} <= set(description["paths"])


@pytest.mark.parametrize("kind", ["itself", "adapter"])
def test_requests_at_the_same_time_are_computed_in_batches(kind, tmp_path):
    with served(kind, NAME, tmp_path) as model, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: classified(model), range(64)))
        metrics = model.ask("GET", "/metrics").body.decode()
    assert [answer for answer in answers if answer != answers[0]] == []
    requests, batches = (
        float(
            re.search(
                r"(?m)^bentoml_service_adaptive_batch_size_%s\{.*\} (.*)$" % what, metrics
            ).group(1)
        )
        for what in ("sum", "count")
    )
    assert requests == 64 and batches < 64


def test_a_plain_invocation_needs_no_path(tmp_path):
    with served("adapter", NAME, tmp_path) as action:
        result = action.run(json.loads(SAMPLE))
    assert [pytest.approx(row, abs=0.0001) for row in PROBABILITIES] == result["body"]


def test_bentoml_serve_works_as_it_is_on_its_own_port(tmp_path):
    assert (instruction(FOLDER, "CMD"), instruction(FOLDER, "EXPOSE")) == (
        ["bentoml", "serve"],
        ["3000"],
    )
    with fixed_port(3000), Action(FOLDER, example_python(NAME), tmp_path) as action:
        assert classified(action)[0] == 200


CLIENT = """
import sys, bentoml, numpy
with bentoml.SyncHTTPClient(sys.argv[1]) as client:
    probabilities = client.classify(flowers=numpy.array([[5.1, 3.5, 1.4, 0.2]]))
    print(type(probabilities).__name__, probabilities.shape, client.labels()[probabilities.argmax()])
"""  # noqa: E501


@pytest.mark.parametrize("kind", ["itself", "gateway"])
def test_bentomls_own_client_sends_and_gets_arrays(kind, tmp_path):
    python = example_python(NAME)
    with served(kind, NAME, tmp_path) as model:
        said = subprocess.check_output([python, "-c", CLIENT, model.url], env=environ_of(python))
    assert said.decode() == "ndarray (1, 3) setosa\n"


@pytest.mark.parametrize("kind", ["itself", "gateway"])
def test_its_page_comes_up_below_the_bare_address(kind, tmp_path):
    with served(kind, NAME, tmp_path) as model, chromium(tmp_path) as browser:
        browser.get(model.url)
        summary = "#operations-Service_APIs-iris_classifier__classify .opblock-summary-path"
        found = until(
            lambda: browser.find_elements(By.CSS_SELECTOR, summary), lambda: browser.page_source, 30
        )
        assert (found[0].text, browser.current_url) == ("/classify", model.url + "/")


SAME = """
import sys, numpy
one, other = (numpy.load(file) for file in sys.argv[1:])
close = {name: one[name] == other[name] if name == "kinds" else numpy.isclose(one[name], other[name]) for name in one}
print([name for name in close if not close[name].all()])
"""  # noqa: E501


def test_training_again_gives_the_committed_weights(tmp_path):
    python, made = example_python(NAME, "training/requirements.txt"), tmp_path / "iris.npz"
    subprocess.run(
        [python, FOLDER / "training" / "train.py", made], check=True, stdout=subprocess.DEVNULL
    )
    assert subprocess.check_output([python, "-c", SAME, made, FOLDER / "iris.npz"]) == b"[]\n"
    assert (tmp_path / "metrics.json").read_text() == (FOLDER / "metrics.json").read_text()
