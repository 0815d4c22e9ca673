"""Each example's own server against the same start command behind openwhisk.py: python -m
benchmarks.adapter

Both run at the same time and are asked in turn, in rounds, one request after another and 8 at
once, each on a new connection. Before that, in rounds too, both are started in turn, and the
medians of a round compared: the time from the start of the process to its first good answer, the
adapter's with /init in it, and the memory that it then has, summed over its processes (what they
share counts twice). Writes results/adapter.json.
"""

import re
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Callable, NamedTuple

from _pytest.outcomes import OutcomeException

from benchmarks import samples
from benchmarks.comparing import CONNECTIONS, difference, in_rounds, loss, sides, started, summed_up
from benchmarks.results import Scale, arguments, write
from benchmarks.servers import SIDES, Server, start_of
from testing.adapter import copy_adapter
from testing.example import example_python
from tests.adapter.environments import environment

MAX_PINS = "py37-flask1.1-restplus"


class Case(NamedTuple):
    name: str
    what: str
    example: str
    python: Callable[[], str]
    call: Callable[[], samples.Call]
    back_end: str = "in process"


def of_example(name):
    return lambda: example_python(name)


def of_max():
    """What most MAX images hold."""
    return environment(MAX_PINS)


CASES = (
    Case(
        "max-digits-py37",
        "Python 3.7, MAX's pins; 100 KB image",
        "max-digits",
        of_max,
        lambda: samples.digit(100_000),
    ),
    Case(
        "max-digits",
        "100 KB image",
        "max-digits",
        of_example("max-digits"),
        lambda: samples.digit(100_000),
    ),
    Case(
        "max-digits-700k",
        "700 KB image",
        "max-digits",
        of_example("max-digits"),
        lambda: samples.digit(700_000),
    ),
    Case(
        "max-sentiment",
        "1 KB JSON",
        "max-sentiment",
        of_example("max-sentiment"),
        samples.sentences,
    ),
    Case(
        "max-upscale",
        "50 KB PNG in, 700 KB PNG out",
        "max-upscale",
        of_example("max-upscale"),
        lambda: samples.noise(133),
    ),
    Case(
        "fastapi-model",
        "uvicorn; 1 KB JSON",
        "fastapi-model",
        of_example("fastapi-model"),
        samples.texts,
        "ASGI",
    ),
    Case(
        "weather-onnx",
        "uvicorn, onnxruntime; small JSON",
        "weather-onnx",
        of_example("weather-onnx"),
        lambda: samples.of_example("weather-onnx", "/predict", "rainy.json"),
        "ASGI",
    ),
    Case(
        "bento-iris",
        "BentoML; small JSON",
        "bento-iris",
        of_example("bento-iris"),
        lambda: samples.of_example("bento-iris", "/classify", "flowers.json"),
        "HTTP",
    ),
)
QUICK = ("max-digits", "fastapi-model")


def server_of(case, folder):
    """Starts one side."""
    python = case.python()
    return lambda side: Server(
        start_of(side, case.example, python, folder, folder / "openwhisk.py"), folder / "logs"
    )


def starts_of(cases, scale, folder):
    """{name: figures}. Of all before the first load: closed connections, of which load leaves
    thousands, slow down starts. A round is one of all: a busy minute of the machine spoils one
    round of each, not all rounds of one."""
    rounds = {case.name: [] for case in cases}
    for number in range(scale.rounds):
        for case in cases:
            rounds[case.name].append(
                started(server_of(case, folder), SIDES, case.call(), scale.starts)
            )
        print(f"started all, round {number + 1} of {scale.rounds}", flush=True)
    return {name: summed_up_starts(taken) for name, taken in rounds.items()}


def summed_up_starts(rounds):
    return {
        "first_answer_ms": sides(rounds, "seconds", loss, 1000),
        "resident_mb_loaded": sides(rounds, "resident_mb", loss),
    }


def load_of(case, scale, folder):
    server, call = server_of(case, folder), case.call()
    with ExitStack() as stack:
        servers = {side: stack.enter_context(server(side)) for side in SIDES}
        answers = {side: servers[side].first_answer(call)[1] for side in SIDES}
        fresh = {side: servers[side].resident_mb() for side in SIDES}
        rounds = {count: in_rounds(servers, call, count, scale) for count in CONNECTIONS}
        used = {side: servers[side].resident_mb() for side in SIDES}
    assert lasting(answers["own"]) == lasting(answers["adapter"]), answers
    return {
        "name": case.name,
        "what": case.what,
        "back_end": case.back_end,
        "request_bytes": len(call.body),
        "answer_bytes": len(answers["own"]),
        "resident_mb_asked_once": difference(fresh),
        "resident_mb_after_load": difference(used),
        "rounds": {str(count): summed_up(taken) for count, taken in rounds.items()},
    }


def lasting(answer):
    """Without what tells when and where it was asked: fastapi-model's answers do."""
    return re.sub(rb'"(timestamp|url)":"[^"]*"', b"", answer)


def told(row):
    rates = {count: seen["rate"]["compared"] for count, seen in row["rounds"].items()}
    parts = [
        f"{rate['median']:.2f} ({rate['low']:.2f} to {rate['high']:.2f}) at {count}"
        for count, rate in rates.items()
    ]
    start, memory = (
        row["first_answer_ms"]["compared"]["median"],
        row["resident_mb_loaded"]["compared"]["median"],
    )
    print(
        f"{row['name']:16} rate {', '.join(parts)}; first answer {start:+.0f} ms; resident "
        f"{memory:+.1f} MB",
        flush=True,
    )


def chosen_of(given):
    """Those that are named, or all, as far as what they need is there."""
    unknown = set(given.only) - {case.name for case in CASES}
    if unknown:
        sys.exit(
            f"There is no {', '.join(sorted(unknown))}: it is "
            f"{', '.join(case.name for case in CASES)}"
        )
    chosen = []
    for case in CASES:
        if case.name in (given.only or (QUICK if given.quick else [case.name])):
            try:
                case.python()
                chosen.append(case)
            except OutcomeException as missing:
                print(f"{case.name} isn't measured: {missing}", file=sys.stderr)
    return chosen


def main(given):
    scale, rows, chosen = Scale.of(given), [], chosen_of(given)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_adapter(folder, given.adapter)  # what is measured doesn't change on the way
        starts = starts_of(chosen, scale, folder)
        for case in chosen:
            rows.append({**load_of(case, scale, folder), **starts[case.name]})
            told(rows[-1])
    write(given, "adapter", rows)


if __name__ == "__main__":
    main(arguments(sys.argv[1:], __doc__))
