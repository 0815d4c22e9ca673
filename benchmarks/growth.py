"""How the cost of an activation grows with its body, beside the model's own server: python -m
benchmarks.growth

A model that does nothing (trivial/) is sent 10 bytes to 1 MB, and answers as much. Milliseconds
as the client sees them, one connection after another, all sizes of both sides in each round; a
line is fitted, and said how far off the farthest size is. Writes results/growth.json.
"""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.comparing import OTHERS, alternating
from benchmarks.results import Scale, arguments, write
from benchmarks.servers import SIDES, Call, Server, start_of
from benchmarks.summary import farthest_from, line_through, percentile, spread

TRIVIAL = Path(__file__).resolve().parent / "trivial"
SIZES = (10, 1_000, 10_000, 100_000, 250_000, 500_000, 750_000, 1_000_000)
BINARY = (("Content-Type", "application/octet-stream"),)


def sent(size):
    return Call("/", BINARY, (bytes(range(250)) * 4000)[:size])


def answered(size):
    return Call("/", BINARY, b"", str(size))


DIRECTIONS = {"request": sent, "answer": answered}


def measured(servers, scale):
    """For each direction, side and size the medians of all rounds."""
    found = {
        (direction, side, size): [] for direction in DIRECTIONS for size in SIZES for side in SIDES
    }
    for number in range(scale.rounds):
        for direction, side, size in alternating(list(found), number):
            seen = undisturbed(servers[side], DIRECTIONS[direction](size), scale.seconds / 4)
            found[direction, side, size].append(percentile(seen["milliseconds"], 50))
    return found


def undisturbed(server, call, seconds):
    """Asked once more where other programs took too much of the machine; of the two, what they
    disturbed less."""
    seen = server.under_load(call, 1, seconds)
    if seen["others"] > OTHERS:
        seen = min(seen, server.under_load(call, 1, seconds), key=lambda one: one["others"])
    return seen


def fitted(points):
    line = line_through(points)
    (start, slope), (size, off) = line, farthest_from(line, points)
    return {
        "start_ms": round(start, 3),
        "ms_per_mb": round(slope * 1e6, 3),
        "farthest": {"bytes": size, "ms": round(off, 3)},
    }


def row(direction, found):
    spreads = {
        side: {size: spread(found[direction, side, size], 3) for size in SIZES} for side in SIDES
    }
    lines = {
        side: fitted([(size, spreads[side][size]["median"]) for size in SIZES]) for side in SIDES
    }
    return {"direction": direction, "lines": lines, "milliseconds": spreads}


def told(row):
    for side, line in row["lines"].items():
        text = "{start_ms:.2f} ms + {ms_per_mb:.2f} ms/MB (farthest: {farthest})".format(**line)
        print(f"{row['direction']:8} {side:8} {text}", flush=True)


def main(given):
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        servers = {}
        for side in SIDES:
            start = start_of(side, TRIVIAL, sys.executable, folder, given.adapter)
            servers[side] = stack.enter_context(Server(start, folder))
            servers[side].first_answer(sent(10))
        found = measured(servers, Scale.of(given))
    rows = [row(direction, found) for direction in DIRECTIONS]
    for one in rows:
        told(one)
    write(given, "growth", rows)


if __name__ == "__main__":
    main(arguments(sys.argv[1:], __doc__))
