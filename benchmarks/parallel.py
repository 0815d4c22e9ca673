"""A model that computes with OpenMP, one prediction after another: python -m benchmarks.parallel

OpenMP keeps threads, and the allocator memory, for each thread that has ever called it. A library
that computes for 300 ms on all cores is asked 100 times, its own server (a new thread for each
request) and the same start command behind openwhisk.py in turn. The threads and the memory of all
processes of a side, after the first prediction and after the last. Writes results/parallel.json.
"""

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.comparing import difference
from benchmarks.results import Scale, arguments, write
from benchmarks.servers import MODELS, SIDES, Call, Server, start_at_port
from testing.prerequisites import need
from testing.process import status_of

SECONDS = 0.3
PREDICTIONS = 100
QUICK = 10


def library_in(folder):
    need("gcc")
    path = Path(folder) / "openmp.so"
    source = str(MODELS / "openmp.c")
    subprocess.run(
        ["gcc", "-O2", "-fopenmp", "-shared", "-fPIC", source, "-o", str(path)], check=True
    )
    return str(path)


def threads_of(server):
    return sum(int(status_of(pid)["Threads"]) for pid in server.family())


def held_by(servers):
    return {
        "resident_mb": difference({side: servers[side].resident_mb() for side in SIDES}),
        "threads": difference({side: threads_of(servers[side]) for side in SIDES}),
    }


def main(given):
    predictions = QUICK if Scale.of(given) != Scale() else PREDICTIONS
    call = Call("/", (), b"{}", str(SECONDS))
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        library, servers = library_in(folder), {}
        for side in SIDES:
            command = ["python", "openmp.py"]
            start = start_at_port(
                side, command, sys.executable, MODELS, given.adapter, LIBRARY=library
            )
            servers[side] = stack.enter_context(Server(start, folder))
            servers[side].first_answer(call)
        first = held_by(servers)
        for _ in range(predictions):
            for side in SIDES:
                servers[side].asked_once(call)
        last = held_by(servers)
    row = {"name": "OpenMP", "predictions": predictions, "first": first, "last": last}
    told(row)
    write(given, "parallel", [row])


def told(row):
    for when in ("first", "last"):
        memory, threads = row[when]["resident_mb"], row[when]["threads"]
        print(
            f"{when}: resident {memory['own']:.1f} / {memory['adapter']:.1f} MB, "
            f"{memory['compared']:+.1f}; threads {threads['own']} / {threads['adapter']}",
            flush=True,
        )


if __name__ == "__main__":
    main(arguments(sys.argv[1:], __doc__))
