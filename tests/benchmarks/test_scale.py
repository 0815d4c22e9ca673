"""The model of the platform's pools, against arithmetic and against a gateway that runs the same
trace."""

import json
import subprocess
import sys
import threading
import time

import pytest

from benchmarks.scale import (
    Arrival,
    Model,
    Platform,
    Simulation,
    burst,
    main,
    steady,
    trace_from_file,
)
from testing.adapter import ROOT
from testing.gateway import WEB, Gateway

COLD, WARM = 5.0, 0.5


def found(trace, platform=Platform(memory=8192), **model):
    model = Model(**{"cold": (COLD,), "warm": (WARM,), **model})
    return Simulation(platform, [model]).run(trace)


def test_the_first_request_waits_for_a_container_and_the_next_does_not():
    seen = found([Arrival(0, "model"), Arrival(10, "model")])
    assert (seen.cold_starts, seen.p50, seen.p99) == (1, WARM, COLD + WARM)


def test_requests_at_once_need_a_container_each_unless_one_takes_several():
    assert found(burst(8)).cold_starts == 8
    assert found(burst(8), concurrency=8).cold_starts == 1


def test_a_container_whose_log_is_being_collected_is_not_free():
    close = [Arrival(0, "model"), Arrival(COLD + WARM + 0.1, "model")]
    assert found(close).cold_starts == 1
    assert found(close, Platform(memory=8192, settle=1.0)).cold_starts == 2


def test_without_room_a_request_waits_for_a_container_that_is_busy():
    seen = found(burst(2), Platform(memory=512))
    assert (seen.most_containers, seen.p99) == (1, COLD + 2 * WARM)


def test_an_idle_container_of_another_model_gives_way():
    trace = [Arrival(0, "one"), Arrival(20, "two")]
    models = [Model(name, cold=(COLD,), warm=(WARM,)) for name in ("one", "two")]
    seen = Simulation(Platform(memory=512), models).run(trace)
    assert (seen.cold_starts, seen.most_containers) == (2, 1)


def test_a_container_that_nobody_asks_for_ten_minutes_is_gone():
    assert found([Arrival(0, "model"), Arrival(599, "model")]).cold_starts == 1
    assert found([Arrival(0, "model"), Arrival(610, "model")]).cold_starts == 2


def test_a_paused_container_takes_a_moment():
    platform = Platform(memory=512, resume=0.25)
    seen = found([Arrival(0, "model"), Arrival(6, "model"), Arrival(30, "model")], platform)
    assert sorted([seen.p50, seen.p99]) == [WARM + 0.25, COLD + WARM]


def test_docker_actions_have_a_tenth_of_the_invokers():
    platform = Platform(invokers=20, memory=512, share=0.1)
    assert found(burst(10), platform).most_containers == 2


def test_a_trace_is_a_file_of_seconds_and_models(tmp_path):
    (tmp_path / "trace.csv").write_text("2.5,two\n1,one\n")
    expected = [Arrival(1.0, "one"), Arrival(2.5, "two")]
    assert trace_from_file(str(tmp_path / "trace.csv")) == expected


def test_the_command_says_what_it_takes():
    command = [sys.executable, "-m", "benchmarks.scale", "--burst", "8", "--pool", "8192", "--json"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    told = json.loads(done.stdout.decode())
    assert (told["requests"], told["cold_starts"], told["p99"]) == (8, 8, 5.5)


# -- the same trace for both
# ---------------------------------------------------------------------------

SLEEPER = """
import time
from wsgiref.simple_server import make_server

time.sleep(1.5)


def app(environ, respond):
    time.sleep(0.5)
    respond("200 OK", [("Content-Type", "text/plain")])
    return [b"slept"]


make_server("127.0.0.1", 5000, app).serve_forever()
"""


def played(gateway, trace):
    """Milliseconds of each request, asked at its moment."""
    latencies = []

    def ask(arrival):
        began = time.monotonic()
        answer = gateway.request("GET", WEB + "sleeper/")
        assert answer.status == 200, answer
        latencies.append(time.monotonic() - began)

    began = time.monotonic()
    threads = []
    for arrival in trace:
        time.sleep(max(0.0, began + arrival.at - time.monotonic()))
        threads.append(threading.Thread(target=ask, args=(arrival,)))
        threads[-1].start()
    for thread in threads:
        thread.join(60)
    return sorted(latencies)


def within(value, other, share=0.15):
    return abs(value - other) <= share * max(value, other)


@pytest.mark.timeout(300)
def test_it_foretells_what_a_gateway_does_with_the_same_trace(tmp_path):
    """Percentiles and cold starts within 15 %, for a model whose time no processor decides."""
    folder = tmp_path / "sleeper"
    folder.mkdir()
    (folder / "app.py").write_text(SLEEPER)
    # The gateway starts the first container of a folder alone, to see whether others fit beside it.
    trace = [Arrival(0, "sleeper")]
    for arrival in steady(rate=4, seconds=25, model="sleeper", seed=3):
        trace.append(Arrival(arrival.at + 6, "sleeper"))
    with Gateway(tmp_path, "--containers", "6", str(folder)) as gateway:
        cold = played(gateway, [Arrival(0, "sleeper")])[0]
        warm = min(played(gateway, [Arrival(0, "sleeper")])[0] for _ in range(5))
    (tmp_path / "again").mkdir()
    with Gateway(tmp_path / "again", "--containers", "6", str(folder)) as gateway:
        latencies = played(gateway, trace)
        activations = gateway.rest("GET", "activations?limit=200&docs=true").json
    cold_starts = sum("initTime" in json.dumps(one["annotations"]) for one in activations)
    model = Model("sleeper", 256, 1, (cold - warm,), (warm,))
    platform = Platform(memory=6 * 256, is_bound=False)
    seen = Simulation(platform, [model]).run(trace)
    p50 = latencies[len(latencies) // 2]
    p99 = latencies[-1 - len(latencies) // 100]
    told = (seen, p50, p99, cold_starts)
    assert seen.requests == len(latencies)
    assert within(seen.p50, p50) and within(seen.p99, p99), told
    assert within(seen.cold_starts, cold_starts), told


REFUSED = {
    "a rate below nothing": (["--rate", "-1"], "argument --rate: invalid positive value: '-1'"),
    "no requests": (["--burst", "0"], "argument --burst: invalid count value: '0'"),
    "no such file": (["--trace", "/nowhere"], "No such file or directory: '/nowhere'"),
    "an action larger than its invoker": (
        ["--burst", "1", "--memory", "4096"],
        "an action of --memory 4096 doesn't fit --pool 1024",
    ),
}


@pytest.mark.parametrize("words, sentence", REFUSED.values(), ids=REFUSED)
def test_what_has_no_meaning_is_refused_in_a_sentence(words, sentence, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert (ended.value.code, sentence in capsys.readouterr().err) == (2, True)


def test_a_line_of_a_trace_that_is_none_is_named(tmp_path, capsys):
    file = tmp_path / "trace.csv"
    file.write_text("0,model\nlater,model\n")
    with pytest.raises(SystemExit):
        main(["--trace", str(file)])
    assert "trace.csv, line 2: `seconds,model` was expected" in capsys.readouterr().err
