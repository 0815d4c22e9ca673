"""That the benchmarks run and say all that they promise; nothing here depends on how fast the machine is."""

import json
import os
import subprocess
import sys

import pytest

from benchmarks.report import SECTIONS, filled, section
from benchmarks.results import FOLDER, read
from benchmarks.summary import line_through, percentile, spread
from tests.support.adapter import ROOT


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What a quick run of all of them has written."""
    folder = tmp_path_factory.mktemp("results")
    command = [sys.executable, "-m", "benchmarks", "--quick", "--results", str(folder)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=280)
    assert done.returncode == 0, done.stdout
    return {name: read(folder, name) for name in SECTIONS}


@pytest.mark.parametrize("name", SECTIONS)
def test_results_name_the_machine_and_how_much_was_measured(results, name):
    content = results[name]
    assert set(content) == {"machine", "quick", "scale", "rows"}
    assert set(content["machine"]) == {"processor", "cores", "memory_gb", "system", "python", "load_at_start"}
    assert content["machine"]["cores"] == os.cpu_count()
    assert (content["quick"], content["scale"]) == (True, {"rounds": 2, "seconds": 0.3, "starts": 1})
    assert content["rows"]


def shape(value):
    """The names of a row, all numbers as `number`; what JSON makes of the keys of a size included."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}
    return "number" if isinstance(value, (int, float)) else value


SPREAD = {"median": "number", "low": "number", "high": "number"}


def compared(*names):
    return dict.fromkeys((*names, "compared"), SPREAD)


def rounds(*names):
    latency = {name: {"p50": "number", "p99": "number"} for name in names}
    figures = {"rate": compared(*names), "latency_ms": latency, "processor_ms": compared(*names), "others": "number"}
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
            ("fastapi-model", "uvicorn; 1 KB JSON", "HTTP"),
        )
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


@pytest.mark.parametrize("name", SECTIONS)
def test_every_result_becomes_a_section_of_the_page(results, name, tmp_path):
    title, tables, plot = SECTIONS[name]
    parts = section(name, results[name], tmp_path)
    assert parts[0] == "## " + title
    assert all(part.startswith("| ") for part in parts[-len(tables) :])
    drawn = [file.read_text() for file in tmp_path.iterdir()]
    assert [text.startswith("<svg ") and text.endswith("</svg>\n") for text in drawn] == ([True] if plot else [])


def test_what_is_kept_in_the_project_was_measured_whole():
    for file in sorted(FOLDER.glob("*.json")):
        content = json.loads(file.read_text())
        assert not content.get("quick"), file


def test_only_what_is_between_the_markers_of_a_page_is_replaced():
    page = "before\n<!-- results:start -->\nold\n<!-- results:end -->\nafter\n<!-- other:start -->\n"
    new = "before\n<!-- results:start -->\n\nnew \\1\n\n<!-- results:end -->\nafter\n<!-- other:start -->\n"
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
        pytest.param([(0, 1), (1, 3), (2, 5)], (1, 2, 1), id="points on a line"),
        pytest.param([(0, 0), (1, 1), (2, 0)], (1 / 3, 0, 0), id="points that no line explains"),
    ],
)
def test_a_line_is_fitted_by_least_squares(points, line):
    assert line_through(points) == pytest.approx(line)
