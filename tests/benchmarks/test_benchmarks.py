"""That the benchmarks run and say all that they promise; nothing here depends on how fast the
machine is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import samples
from benchmarks.adapter import CASES
from benchmarks.growth import SIZES
from benchmarks.growth import row as growth_row
from benchmarks.layer import DOCKER
from benchmarks.report import SECTIONS, filled, growth_summary, latency_table, section, written
from benchmarks.results import FOLDER, PARTS, folder_of, parser, read
from benchmarks.servers import SIDES
from benchmarks.summary import farthest_from, line_through, percentile, spread
from testing.adapter import ROOT
from testing.example import EXAMPLES
from testing.prerequisites import needed

# A stand-in, and examples that no figures were taken of yet.
NOT_COMPARED = {"generate", "mlflow", "tf-serving", "torchserve", "triton"}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What a quick run of all of them has written."""
    folder = tmp_path_factory.mktemp("results")
    command = [sys.executable, "-m", "benchmarks", "--quick", "--results", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout
    return {name: read(folder, name) for name in SECTIONS}


def measured(results, name):
    """Skips the test where what is measured can't run, like a registry."""
    return needed(results[name], f"{name} could not be measured here")


@pytest.mark.parametrize("name", SECTIONS)
def test_results_name_the_machine_and_how_much_was_measured(results, name):
    content = measured(results, name)
    assert set(content) == {"machine", "quick", "scale", "rows"}
    assert set(content["machine"]) == {
        "processor",
        "cores",
        "memory_gb",
        "system",
        "python",
        "load_at_start",
    }
    assert content["machine"]["cores"] == os.cpu_count()
    assert (content["quick"], content["scale"]) == (
        True,
        {"rounds": 2, "seconds": 0.3, "starts": 1},
    )
    assert content["rows"]


def shape(value):
    """The names of a row, all numbers as `number`; what JSON makes of the keys of a size
    included."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}
    return "number" if isinstance(value, (int, float)) else value


SPREAD = {"median": "number", "low": "number", "high": "number"}


def compared(*names):
    return dict.fromkeys((*names, "compared"), SPREAD)


def rounds(*names):
    latency = {name: {"p50": "number", "p99": "number"} for name in names}
    figures = {
        "rate": compared(*names),
        "latency_ms": latency,
        "processor_ms": compared(*names),
        "others": "number",
    }
    return {"1": figures, "8": figures}


def test_the_adapter_is_compared_with_each_server_in_rate_latency_start_and_memory(results):
    pair = ("own", "adapter")
    numbers = dict.fromkeys((*pair, "compared"), "number")
    assert [shape(row) for row in results["adapter"]["rows"]] == [
        {
            "name": name,
            "what": what,
            "back_end": back_end,
            "request_bytes": "number",
            "answer_bytes": "number",
            "first_answer_ms": compared(*pair),
            "resident_mb_loaded": compared(*pair),
            "resident_mb_asked_once": numbers,
            "resident_mb_after_load": numbers,
            "rounds": rounds(*pair),
        }
        for name, what, back_end in (
            ("max-digits", "100 KB image", "in process"),
            ("fastapi-model", "uvicorn; 1 KB JSON", "ASGI"),
        )
    ]


def test_a_crowd_of_requests_is_answered_by_all_three_back_ends(results):
    numbers = dict.fromkeys(("own", "adapter", "compared"), "number")
    assert [shape(row) for row in results["crowd"]["rows"]] == [
        {
            "name": name,
            "answered": {"own": "number", "adapter": "number"},
            "p50_ms": compared("own", "adapter"),
            "p99_ms": compared("own", "adapter"),
            "resident_mb": numbers,
        }
        for name in ("WSGI", "ASGI", "HTTP")
    ]


def test_a_model_that_computes_on_all_cores_is_asked_again_and_again(results):
    numbers = dict.fromkeys(("own", "adapter", "compared"), "number")
    held = {"resident_mb": numbers, "threads": numbers}
    (row,) = measured(results, "parallel")["rows"]
    expected = {"name": "OpenMP", "predictions": "number", "first": held, "last": held}
    assert shape(row) == expected


def test_the_adapter_is_compared_with_the_cheapest_hop(results):
    assert [shape(row) for row in results["hop"]["rows"]] == [
        {"name": hop, **rounds("own", hop)["1"]} for hop in ("relay", "adapter")
    ]


def test_growth_is_measured_in_both_directions_from_bytes_to_a_megabyte(results):
    sides = {"own", "adapter"}
    rows = results["growth"]["rows"]
    assert [row["direction"] for row in rows] == ["request", "answer"]
    assert all(set(row["lines"]) == set(row["milliseconds"]) == sides for row in rows)
    assert all(min(map(int, row["milliseconds"]["adapter"])) == 10 for row in rows)
    assert all(max(map(int, row["milliseconds"]["adapter"])) == 1_000_000 for row in rows)


def test_the_profile_names_every_stage_of_an_activation(results):
    assert set(results["profile"]["rows"][0]["stages_ms"]) == {
        "read",
        "JSON in",
        "base64 in",
        "request",
        "model",
        "result",
        "text or base64 out",
        "JSON out",
        "log",
        "send",
        "locks, close, the rest",
        "between client and thread",
    }


def test_the_gateway_is_compared_with_the_action_alone_and_the_recorded_standalone(results):
    assert [shape(row) for row in results["gateway"]["rows"]] == [
        {
            "name": "gateway",
            "first_answer_ms": SPREAD,
            "resident_mb": SPREAD,
            "resident_mb_after_load": "number",
            "rounds": rounds("adapter", "gateway"),
            "standalone": {"first_answer_ms": "number", "rate": [14, 24], "resident_mb": "number"},
        }
    ]


def test_the_layer_is_compared_with_docker_in_time_and_bytes(results):
    ways = [
        "layer.py, same registry",
        "layer.py, a second time",
        "layer.py, another registry",
        DOCKER,
    ]
    assert [{**shape(row), "resident_mb": "any"} for row in measured(results, "layer")["rows"]] == [
        {
            "name": way,
            "seconds": SPREAD,
            "sent": "number",
            "received": "number",
            "resident_mb": "any",
        }
        for way in ways[: len(results["layer"]["rows"])]
    ]


@pytest.mark.parametrize("name", SECTIONS)
def test_every_result_becomes_a_section_that_says_what_it_comes_to_and_how_each_table_is_read(
    results, name
):
    content, found = measured(results, name), SECTIONS[name]
    parts = section(name, content)
    assert parts[0] == "## " + found.title
    assert found.summary(content) in parts
    for caption, make in found.tables:
        assert parts[parts.index(caption) + 1] == make(content)
    drawn = found.plot and found.plot(content)
    assert drawn is None or (drawn.startswith("<svg ") and drawn.endswith("</svg>\n"))


def test_pages_and_plots_hold_what_the_results_say():
    made = written()
    assert {file: file.read_text() for file in made} == made


def test_what_is_kept_in_the_project_was_measured_whole():
    kept = {file.name: json.loads(file.read_text())["quick"] for file in FOLDER.glob("*.json")}
    assert kept == dict.fromkeys(kept, False)
    assert kept


@pytest.mark.parametrize(
    "words, folder",
    [
        pytest.param([], FOLDER, id="whole"),
        pytest.param(["--quick"], PARTS, id="quick"),
        pytest.param(["max-digits"], PARTS, id="a part"),
        pytest.param(["max-digits", "--results", "elsewhere"], Path("elsewhere"), id="as was said"),
    ],
)
def test_only_a_whole_measurement_takes_the_place_of_the_kept_one(words, folder):
    assert folder_of(parser("").parse_args(words)) == folder


@pytest.mark.parametrize(
    "module, answer",
    [
        pytest.param("benchmarks", "There is no max-digit: it is adapter, crowd, ", id="benchmark"),
        pytest.param(
            "benchmarks.adapter",
            "There is no max-digit: it is max-digits-py37, max-digits, ",
            id="model",
        ),
    ],
)
def test_an_unknown_name_is_answered_with_the_known_ones(module, answer):
    command = [sys.executable, "-m", module, "max-digit"]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60
    )
    assert done.returncode == 1
    assert answer in done.stderr


def test_every_example_is_compared_with_its_own_server_but_those_that_are_named():
    folders = {folder.name for folder in EXAMPLES.iterdir() if (folder / "Dockerfile").exists()}
    assert {case.example for case in CASES} == folders - NOT_COMPARED
    assert folders >= NOT_COMPARED


@pytest.mark.parametrize(
    "call, least, most",
    [
        pytest.param(samples.sentences(), 900, 1100, id="1 KB of JSON"),
        pytest.param(samples.texts(), 900, 1100, id="1 KB of JSON for FastAPI"),
        pytest.param(samples.digit(100_000), 100_000, 101_000, id="100 KB"),
        pytest.param(samples.digit(700_000), 700_000, 701_000, id="700 KB"),
    ],
)
def test_requests_are_as_large_as_they_are_called(call, least, most):
    assert least <= len(call.body) <= most


def test_latency_is_told_for_both_sides_and_both_numbers_of_connections():
    rounds = {
        count: {
            "latency_ms": {
                "own": {"p50": first, "p99": first + 1},
                "adapter": {"p50": first + 2, "p99": first + 3},
            },
            "processor_ms": {"own": {"median": 0.5}, "adapter": {"median": 0.75}},
        }
        for count, first in (("1", 1), ("8", 10))
    }
    assert latency_table({"rows": [{"name": "model", "rounds": rounds}]}).splitlines()[2:] == [
        "| model | 1.0 / 3.0 | 2.0 / 4.0 | 10.0 / 12.0 | 11.0 / 13.0 | 0.50 / 0.75 |"
    ]


@pytest.mark.parametrize(
    "cost, verdict",
    [
        pytest.param(lambda mb: 1 + 9 * mb, ": a line, 1.00 ms + 9.00 ms for each MB;", id="line"),
        pytest.param(lambda mb: 1 + 9 * mb**2, ": **not a line**, ", id="curve"),
    ],
)
def test_a_cost_that_grows_faster_than_the_body_is_not_called_a_line(cost, verdict):
    found = {("request", side, size): [cost(size / 1e6)] for side in SIDES for size in SIZES}
    assert verdict in growth_summary({"rows": [growth_row("request", found)]})


def test_only_what_is_between_the_markers_of_a_page_is_replaced():
    page = (
        "before\n<!-- results:start -->\nold\n<!-- results:end -->\nafter\n<!-- other:start -->\n"
    )
    new = (
        "before\n<!-- results:start -->\n\nnew \\1\n\n<!-- results:end -->\nafter\n<!-- "
        "other:start -->\n"
    )
    assert filled(page, "results", "new \\1") == new
    assert filled(new, "results", "new \\1") == new


def test_a_spread_is_the_median_and_the_extremes():
    assert spread([3, 1, 2.006]) == {"median": 2.01, "low": 1, "high": 3}


@pytest.mark.parametrize("percent, value", [(50, 5), (99, 10), (90, 9), (1, 1)])
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(percent, value):
    assert percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], percent) == value


@pytest.mark.parametrize(
    "points, line",
    [
        pytest.param([(0, 1), (1, 3), (2, 5)], (1, 2), id="points on a line"),
        pytest.param([(0, 0), (1, 1), (2, 0)], (1 / 3, 0), id="points that no line explains"),
    ],
)
def test_a_line_is_fitted_by_least_squares(points, line):
    assert line_through(points) == pytest.approx(line)


@pytest.mark.parametrize(
    "points, farthest",
    [
        pytest.param([(0, 1), (1, 4), (2, 5)], (1, 1), id="above"),
        pytest.param([(0, 1), (1, 3), (2, 3)], (2, -2), id="below"),
    ],
)
def test_the_point_farthest_from_a_line_lies_above_or_below_it(points, farthest):
    assert farthest_from((1, 2), points) == farthest
