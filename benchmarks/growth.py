"""How the cost of an activation grows with its body, beside the model's own server: python -m benchmarks.growth

A model that does nothing (trivial/) is sent 10 bytes to 1 MB, and answers as much. Milliseconds as the client sees
them, one connection after another, all sizes of both sides in each round; a line is fitted. Writes results/growth.json.
"""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.results import Scale, arguments, write
from benchmarks.servers import SIDES, Call, Server, start_of
from benchmarks.summary import line_through, percentile, spread

TRIVIAL = Path(__file__).resolve().parent / "trivial"
SIZES = (10, 1_000, 10_000, 100_000, 250_000, 500_000, 750_000, 1_000_000)
BINARY = (("Content-Type", "application/octet-stream"),)


def sent(size):
    return Call("/", BINARY, (bytes(range(250)) * 4000)[:size])


def answered(size):
    return Call("/", BINARY, b"", str(size))


DIRECTIONS = {"request": sent, "answer": answered}


def measured(servers, call_of, scale):
    """For each side and size the medians of all rounds."""
    found = {(side, size): [] for side in SIDES for size in SIZES}
    for _ in range(scale.rounds):
        for size in SIZES:
            for side in SIDES:
                seen = servers[side].under_load(call_of(size), 1, scale.seconds / 4)
                found[side, size].append(percentile(seen["milliseconds"], 50))
    return found


def fitted(points):
    start, slope, explained = line_through(points)
    return {"start_ms": round(start, 3), "ms_per_mb": round(slope * 1e6, 3), "r2": round(explained, 4)}


def row(direction, found):
    spreads = {side: {size: spread(found[side, size], 3) for size in SIZES} for side in SIDES}
    lines = {side: fitted([(size, spreads[side][size]["median"]) for size in SIZES]) for side in SIDES}
    return {"direction": direction, "lines": lines, "milliseconds": spreads}


def told(row):
    for side, line in row["lines"].items():
        text = "{start_ms:.2f} ms + {ms_per_mb:.2f} ms/MB (r2 {r2:.3f})".format(**line)
        print(f"{row['direction']:8} {side:8} {text}", flush=True)


def main(given):
    rows = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        servers = {}
        for side in SIDES:
            start = start_of(side, TRIVIAL, sys.executable, folder, given.adapter)
            servers[side] = stack.enter_context(Server(start, folder))
            servers[side].first_answer(sent(10))
        for direction, call_of in DIRECTIONS.items():
            rows.append(row(direction, measured(servers, call_of, Scale.of(given))))
            told(rows[-1])
    write(given, "growth", rows)


if __name__ == "__main__":
    main(arguments(sys.argv[1:], __doc__))
