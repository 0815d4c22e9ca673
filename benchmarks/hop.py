"""A hop that understands nothing and the adapter, both before the same server: python -m
benchmarks.hop

fastapi-model (uvicorn, 1 KB JSON) is asked itself, through relay.py, and through openwhisk.py,
in turn. What the relay loses is lost by whatever is written in Python and stands between a
client and a server on the same cores: one more connection, and one more process that has to wake
up, for the request and for the answer. The relay takes one request after another, so only that
is asked of it. Writes results/hop.json.
"""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks import samples
from benchmarks.comparing import in_rounds, summed_up
from benchmarks.results import Scale, arguments, write
from benchmarks.servers import Server, Start, start_of
from testing.example import environ_of, example_python, free_port
from testing.process import accepts, until

EXAMPLE = "fastapi-model"
RELAY = Path(__file__).resolve().parent / "relay.py"
HOPS = ("relay", "adapter")


def relay_of(own, python):
    port = free_port()
    return Start(
        "relay",
        [python, str(RELAY), str(port), str(own.port)],
        own.folder,
        environ_of(python),
        port,
    )


def main(given):
    scale, call, python = Scale.of(given), samples.texts(), example_python(EXAMPLE)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        own = start_of("own", EXAMPLE, python, folder)
        starts = [
            own,
            relay_of(own, python),
            start_of("adapter", EXAMPLE, python, folder, given.adapter),
        ]
        servers = {
            start.side: stack.enter_context(Server(start, folder / "logs")) for start in starts
        }
        for side in ("own", "adapter"):
            servers[side].first_answer(call)
        until(lambda: accepts(servers["relay"].port), "the relay listens")
        rounds = in_rounds(servers, call, 1, scale)
    rows = [
        {"name": hop, **summed_up([{"own": one["own"], hop: one[hop]} for one in rounds])}
        for hop in HOPS
    ]
    print(", ".join(f"{row['name']}: rate {row['rate']['compared']['median']:.2f}" for row in rows))
    write(given, "hop", rows)


if __name__ == "__main__":
    main(arguments(sys.argv[1:], __doc__))
