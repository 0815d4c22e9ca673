"""Each example's own server against the same start command behind openwhisk.py: python -m benchmarks.adapter

Requests a second and latency (a new connection each, 1 and 8 at once), processor time of a request, first answer after
the start, resident memory. Both sides run at the same time and are asked in turn, in rounds; what is compared is
compared within its round. Writes results/adapter.json.
"""

import re
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Callable, NamedTuple

from benchmarks import samples
from benchmarks.comparing import CONNECTIONS, difference, in_rounds, loss, sides, started, summed_up
from benchmarks.results import Scale, arguments, write
from benchmarks.servers import SIDES, Server, start_of
from tests.adapter.environments import environment
from tests.support.example import example_python

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
        "max-digits-py37", "Python 3.7, MAX's pins; 100 KB image", "max-digits", of_max, lambda: samples.digit(100_000)
    ),
    Case("max-digits", "100 KB image", "max-digits", of_example("max-digits"), lambda: samples.digit(100_000)),
    Case("max-digits-700k", "700 KB image", "max-digits", of_example("max-digits"), lambda: samples.digit(700_000)),
    Case("max-sentiment", "1 KB JSON", "max-sentiment", of_example("max-sentiment"), samples.sentences),
    Case("max-upscale", "700 KB PNG answer", "max-upscale", of_example("max-upscale"), lambda: samples.noise(130)),
    Case("fastapi-model", "uvicorn; 1 KB JSON", "fastapi-model", of_example("fastapi-model"), samples.texts, "HTTP"),
    Case(
        "weather-onnx",
        "uvicorn, onnxruntime; small JSON",
        "weather-onnx",
        of_example("weather-onnx"),
        lambda: samples.of_example("weather-onnx", "/predict", "rainy.json"),
        "HTTP",
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
    return lambda side: Server(start_of(side, case.example, python, folder, folder / "openwhisk.py"), folder / "logs")


def starts_of(case, scale, folder):
    """Of all cases before the first load: closed connections, of which load leaves thousands, slow down starts."""
    server, call = server_of(case, folder), case.call()
    starts = [started(server, SIDES, call) for _ in range(scale.starts)]
    return {
        "first_answer_ms": sides(starts, "seconds", loss, 1000),
        "resident_mb_loaded": sides(starts, "resident_mb", loss),
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
        f"{rate['median']:.2f} ({rate['low']:.2f} to {rate['high']:.2f}) at {count}" for count, rate in rates.items()
    ]
    start, memory = row["first_answer_ms"]["compared"]["median"], row["resident_mb_loaded"]["compared"]["median"]
    print(
        f"{row['name']:16} rate {', '.join(parts)}; first answer {start:+.0f} ms; resident {memory:+.1f} MB", flush=True
    )


def main(given):
    scale, rows = Scale.of(given), []
    chosen = [case for case in CASES if case.name in given.only] or [
        case for case in CASES if not given.quick or case.name in QUICK
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(given.adapter, folder / "openwhisk.py")  # what is measured doesn't change on the way
        starts = [starts_of(case, scale, folder) for case in chosen]
        for case, start in zip(chosen, starts):
            rows.append({**load_of(case, scale, folder), **start})
            told(rows[-1])
    write(given, "adapter", rows)


if __name__ == "__main__":
    main(arguments(sys.argv[1:], __doc__))
