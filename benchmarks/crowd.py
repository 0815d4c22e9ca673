"""200 requests at once, each of which waits: python -m benchmarks.crowd

As many as one container may get. A model that only waits for a tenth of a second is asked by 200
connections again and again, its own server and the same start command behind openwhisk.py in turn:
a WSGI app and an ASGI app, each as `python app.py`, and the WSGI app behind a shell, where it is a
process of its own, reached over HTTP. Every request has to be answered. Memory is what all the
processes of a side have after the rounds. Writes results/crowd.json.
"""

import sys
import tempfile
from contextlib import ExitStack
from typing import Callable, List, NamedTuple

from benchmarks.comparing import alternating, difference, ratio, sides
from benchmarks.results import Scale, arguments, write
from benchmarks.servers import MODELS, SIDES, Call, Server, start_at_port
from benchmarks.summary import percentile
from testing.example import example_python

AT_ONCE = 200
CALL = Call("/", (), b"{}")


class Case(NamedTuple):
    name: str
    command: List[str]
    python: Callable[[], str]


def of_tests():
    return sys.executable


def of_fastapi():
    """An environment with uvicorn."""
    return example_python("fastapi-model")


CASES = (
    Case("WSGI", ["python", "waiting_wsgi.py"], of_tests),
    Case("ASGI", ["python", "waiting_asgi.py"], of_fastapi),
    Case("HTTP", ["sh", "-c", "cd . && exec python waiting_wsgi.py"], of_tests),
)


def row_of(case, scale, adapter):
    rounds = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        servers = {}
        for side in SIDES:
            start = start_at_port(side, case.command, case.python(), MODELS, adapter)
            servers[side] = stack.enter_context(Server(start, folder))
            servers[side].first_answer(CALL)
        for number in range(scale.rounds):
            seen = {}
            for side in alternating(list(SIDES), number):
                seen[side] = servers[side].under_load(CALL, AT_ONCE, scale.seconds)
            rounds.append({side: figures_of(seen[side]) for side in SIDES})
        used = {side: servers[side].resident_mb() for side in SIDES}
    return {
        "name": case.name,
        "answered": {side: sum(one[side]["answered"] for one in rounds) for side in SIDES},
        "p50_ms": sides(rounds, "p50", ratio),
        "p99_ms": sides(rounds, "p99", ratio),
        "resident_mb": difference(used),
    }


def figures_of(seen):
    taken = seen["milliseconds"]
    return {"answered": len(taken), "p50": percentile(taken, 50), "p99": percentile(taken, 99)}


def told(row):
    p99, memory = row["p99_ms"], row["resident_mb"]["compared"]
    print(
        f"{row['name']}: p99 {p99['own']['median']:.0f} ms / {p99['adapter']['median']:.0f} ms, "
        f"{p99['compared']['median']:.2f} times; resident {memory:+.1f} MB",
        flush=True,
    )


def main(given):
    rows = []
    for case in CASES:
        rows.append(row_of(case, Scale.of(given), given.adapter))
        told(rows[-1])
    write(given, "crowd", rows)


if __name__ == "__main__":
    main(arguments(sys.argv[1:], __doc__))
