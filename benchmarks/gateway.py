"""The gateway against the adapter asked directly, with an action that does nothing: python -m
benchmarks.gateway

What the platform costs on the way: first answer after the start (the gateway's, with the action
started cold), web requests a second (a new connection each), resident memory of the gateway's
own process. Beside them stand the recorded figures of OpenWhisk standalone, which isn't run
here. Writes results/gateway.json.
"""

import sys
import tempfile
from contextlib import ExitStack

from benchmarks.comparing import CONNECTIONS, in_rounds, summed_up
from benchmarks.growth import TRIVIAL
from benchmarks.machine import resident_mb
from benchmarks.results import Scale, arguments, write
from benchmarks.servers import WEB, Call, Server, gateway_of, start_of
from benchmarks.summary import spread

CALLS = {"adapter": Call("/", (), b"1"), "gateway": Call(WEB + TRIVIAL.name, (), b"1")}
# Commit 1fae641a2 on a machine with two cores: a JVM, with Docker.
STANDALONE = {"first_answer_ms": 14200, "rate": [14, 24], "resident_mb": 390}


def first_answers(times, folder):
    """Of the gateway, its one action started cold; and what it then takes in memory, without its
    action."""
    seconds, resident = [], []
    for _ in range(times):
        with Server(gateway_of(TRIVIAL, folder), folder) as process:
            seconds.append(process.first_answer(CALLS["gateway"])[0] * 1000)
            resident.append(resident_mb([process.pid]))
    return spread(seconds), spread(resident)


class Asked:
    """A server that is asked in its own way, whatever call is given."""

    def __init__(self, server):
        self.server = server

    def under_load(self, call, connections, seconds):
        return self.server.under_load(CALLS[self.server.side], connections, seconds)


def main(given):
    scale = Scale.of(given)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        cold, resident = first_answers(scale.rounds * scale.starts, folder)
        starts = [
            start_of("adapter", TRIVIAL, sys.executable, folder, given.adapter),
            gateway_of(TRIVIAL, folder),
        ]
        servers = {start.side: stack.enter_context(Server(start, folder)) for start in starts}
        for side, server in servers.items():
            server.first_answer(CALLS[side])
        asked = {side: Asked(server) for side, server in servers.items()}
        rounds = {
            str(count): summed_up(in_rounds(asked, None, count, scale)) for count in CONNECTIONS
        }
        row = {
            "name": "gateway",
            "first_answer_ms": cold,
            "resident_mb": resident,
            "resident_mb_after_load": round(resident_mb([servers["gateway"].pid]), 1),
            "rounds": rounds,
            "standalone": STANDALONE,
        }
    rates = ", ".join(
        f"{seen['rate']['gateway']['median']:.0f} at {count}" for count, seen in rounds.items()
    )
    print(
        f"gateway: first answer {cold['median']:.0f} ms; {rates} a second; "
        f"{resident['median']:.0f} MB"
    )
    write(given, "gateway", [row])


if __name__ == "__main__":
    main(arguments(sys.argv[1:], __doc__))
