"""The text generator: by itself, behind the adapter and behind the gateway; streams, directly and
through a relay."""

import json
import subprocess
import time
import urllib.request

import pytest

from testing.example import EXAMPLES, KINDS, ROOT, Gateway, example_python, on_port, served
from testing.process import free_port, until
from testing.relay import relay

NAME = "generate"
FOLDER = EXAMPLES / NAME
JSON = [("Content-Type", "application/json")]
FRIDAY = json.loads((FOLDER / "samples" / "friday.json").read_text())
FORECAST = "On Friday mist hides the fields in the valleys. Temperatures reach 6 degrees below zero. Lights on, please."  # noqa: E501


def streams():
    """Whether the adapter hands streams on: it has a setting for it."""
    sources = [ROOT / "openwhisk.py", *ROOT.glob("openwhisk_adapter/*.py")]
    return any("OPENWHISK_STREAM" in source.read_text() for source in sources)


needs_streams = pytest.mark.skipif(not streams(), reason="the adapter has no OPENWHISK_STREAM yet")


@pytest.fixture(scope="module", params=KINDS)
def model(request, tmp_path_factory):
    with served(request.param, NAME, tmp_path_factory.mktemp(request.param)) as server:
        yield server


def generated(model, **changes):
    body = json.dumps({**FRIDAY, **changes}).encode()
    reply = model.ask("POST", "/generate", headers=JSON, body=body)
    kind = {name.lower(): value for name, value in reply.headers}["content-type"]
    return reply.status, kind.split(";")[0], reply.body.decode()


def text_of_events(body):
    *events, last = body.strip().split("\n\n")
    assert last == "data: [DONE]"
    return "".join(json.loads(event[len("data: ") :])["text"] for event in events)


def test_a_forecast_begins_with_the_prompt(model):
    status, kind, body = generated(model)
    assert (status, kind, json.loads(body)) == (200, "application/json", {"text": FORECAST})


def test_a_stream_of_events_is_the_same_forecast_in_words(model):
    status, kind, body = generated(model, stream="events")
    assert (status, kind, text_of_events(body)) == (200, "text/event-stream", FORECAST)
    assert body.startswith('data: {"text": "On Friday "}\n\ndata: {"text": "mist "}\n\n')


def test_a_stream_of_text_is_the_same_forecast(model):
    assert generated(model, stream="text") == (200, "text/plain", FORECAST)


def test_another_seed_writes_another_forecast(model):
    text = json.loads(generated(model, seed=2)[2])["text"]
    assert text.startswith("On Friday ") and text != FORECAST


def test_no_more_is_written_than_is_wanted(model):
    assert json.loads(generated(model, length=5)[2]) == {"text": FORECAST[: len("On Friday ") + 5]}


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"temperature": 0}, "Input should be greater than or equal to 0.1"),
        ({"length": 5000}, "Input should be less than or equal to 4000"),
        ({"prompt": 3}, "Input should be a valid string"),
        ({"stream": "smoke"}, "Input should be 'events' or 'text'"),
    ],
)
def test_a_wish_that_can_not_be_granted_is_refused(model, change, reason):
    status, _, body = generated(model, **change)
    assert (status, [problem["msg"] for problem in json.loads(body)["detail"]]) == (422, [reason])


def arrivals(url, wish):
    """The lines of an answer, and when each of them came."""
    request = urllib.request.Request(url, json.dumps(wish).encode(), dict(JSON))
    with urllib.request.urlopen(request, timeout=60) as reply:
        return [(time.monotonic(), line.decode()) for line in reply]


SLOWLY = {**FRIDAY, "stream": "events", "pace": 0.1}


def came_one_by_one(lines):
    """Whether it took as long as it took to write them: a second at least, for the last of some
    twenty words."""
    return lines[-1][0] - lines[0][0] > 1


def test_by_itself_the_words_come_as_they_are_written(tmp_path):
    with served("itself", NAME, tmp_path) as model:
        lines = arrivals(model.url + "/generate", SLOWLY)
    assert came_one_by_one(lines)


@needs_streams
@pytest.mark.parametrize("stream", ["events", "text"])
def test_through_a_relay_the_words_come_as_they_are_written(stream, tmp_path):
    with streaming_gateway(tmp_path) as gateway, relay(
        "http://127.0.0.1:%d" % gateway.port
    ) as between:
        lines = arrivals(between.url + "/web/guest/default/" + NAME, {**SLOWLY, "stream": stream})
        until(lambda: between.results, "the action's own result")
    text = "".join(line for _, line in lines)
    whole = (
        text.replace("\n", "")
        if stream == "text"
        else text_of_events(text.replace("\n\n\n", "\n\n"))
    )
    assert whole == FORECAST
    assert came_one_by_one(lines)
    status, result = between.results[0]
    assert (status, FORECAST.encode() in result) == (200, False)  # it was sent once


@needs_streams
def test_through_a_relay_a_refusal_comes_once(tmp_path):
    with streaming_gateway(tmp_path) as gateway, relay(
        "http://127.0.0.1:%d" % gateway.port
    ) as between:
        lines = arrivals(between.url + "/web/guest/default/" + NAME, {**SLOWLY, "length": 5000})
    problems = json.loads("".join(line for _, line in lines))["detail"]
    assert [problem["msg"] for problem in problems] == [
        "Input should be less than or equal to 4000"
    ]


@needs_streams
def test_a_client_can_not_choose_where_a_stream_goes(tmp_path):
    """Without a relay of its own the action's answer is the answer, whatever the request says."""
    with served("gateway", NAME, tmp_path) as gateway:
        status, _, body = generated(gateway, STREAM_HOST="127.0.0.1", STREAM_PORT=str(free_port()))
    assert (status, json.loads(body)) == (200, {"text": FORECAST})


def streaming_gateway(parent):
    folder = on_port(NAME, free_port(), parent)
    with (folder / "Dockerfile").open("a") as dockerfile:
        dockerfile.write("ENV OPENWHISK_STREAM=127.0.0.1\n")
    return Gateway(folder, example_python(NAME), parent)


def test_a_plain_invocation_needs_no_path(tmp_path):
    with served("adapter", NAME, tmp_path) as action:
        assert action.run(FRIDAY) == {"text": FORECAST}


SAME = """
import sys, numpy
one, other = (numpy.load(file) for file in sys.argv[1:])
print([name for name in one if one[name].shape != other[name].shape])
"""


@pytest.mark.timeout(600)
def test_training_again_gives_a_model_that_does_as_well(tmp_path):
    python, made = example_python(NAME), tmp_path / "forecasts.npz"
    subprocess.run(
        [python, FOLDER / "training" / "train.py", made], check=True, stdout=subprocess.DEVNULL
    )
    assert subprocess.check_output([python, "-c", SAME, made, FOLDER / "forecasts.npz"]) == b"[]\n"
    metrics, committed = (
        json.loads((path / "metrics.json").read_text()) for path in (tmp_path, FOLDER)
    )
    assert metrics["characters_held_out"] == committed["characters_held_out"]
    assert metrics["right"] == pytest.approx(committed["right"], abs=0.005)
