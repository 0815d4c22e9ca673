"""Where an activation's time goes, stage by stage, inside openwhisk.py: python -m
benchmarks.profile

max-digits, a 100 KB image, one connection after another. Each stage is processor time of its
thread, in a process of its own for each round; the model's includes Flask and the form. What of
the client's waiting the stages don't account for is spent between the two: connection, copying,
waking up. Writes results/profile.json.
"""

import json
import sys
import tempfile
from pathlib import Path

from benchmarks import samples
from benchmarks.adapter import of_example, of_max
from benchmarks.comparing import alternating
from benchmarks.results import Scale, arguments, write
from benchmarks.servers import Server, start_of
from benchmarks.summary import spread
from testing.adapter import initialization

STAGED = str(Path(__file__).resolve().parent / "staged.py")
PYTHONS = {"max-digits-py37": of_max, "max-digits": of_example("max-digits")}


def stages(python, scale, adapter, folder):
    """{stage: milliseconds of an activation} of one process, and what the client saw."""
    start = start_of("adapter", "max-digits", python, folder, adapter)
    times = Path(folder) / f"{start.port}.json"
    command = [python, STAGED, str(adapter), str(times), *start.command[2:]]
    call = samples.digit(100_000)
    with Server(start._replace(command=command), folder) as server:
        server.answer("/init", (), json.dumps(initialization()).encode())
        seen = server.under_load(call, 1, scale.seconds)["milliseconds"]
    found = {
        stage: 1000 * seconds / len(seen)
        for stage, seconds in json.loads(times.read_text()).items()
    }
    found["between client and thread"] = sum(seen) / len(seen) - sum(found.values())
    return found


def row(name, rounds):
    spreads = {stage: spread([one[stage] for one in rounds], 3) for stage in rounds[0]}
    return {
        "name": name,
        "stages_ms": dict(sorted(spreads.items(), key=lambda pair: -pair[1]["median"])),
    }


def told(row):
    total = sum(found["median"] for found in row["stages_ms"].values())
    print(f"{row['name']}: {total:.2f} ms an activation")
    for stage, found in row["stages_ms"].items():
        print(f"  {stage:26} {found['median']:7.3f} ms {100 * found['median'] / total:5.1f} %")


def main(given):
    scale = Scale.of(given)
    pythons = {
        name: python_of()
        for name, python_of in PYTHONS.items()
        if name == "max-digits" or not given.quick
    }
    rounds = {name: [] for name in pythons}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(scale.rounds):
            for name in alternating(list(pythons), number):
                rounds[name].append(stages(pythons[name], scale, given.adapter, folder))
    rows = [row(name, taken) for name, taken in rounds.items()]
    for one in rows:
        told(one)
    write(given, "profile", rows)


if __name__ == "__main__":
    main(arguments(sys.argv[1:], __doc__))
