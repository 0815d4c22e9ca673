"""Two servers side by side, in rounds; each figure of the second is compared with the first's of
the same round."""

import statistics

from benchmarks.summary import percentile, spread

CONNECTIONS = (1, 8)
OTHERS = (
    0.1  # of the machine: a round in which other programs took more is repeated, if there is time
)


def loss(first, second):
    return second - first


def ratio(first, second):
    return second / first


def started(server, names, call, times):
    """Each so many times, in turn, the order alternates: medians of the seconds to its first
    answer, and of the memory that it then has."""
    seen = {name: [] for name in names}
    for number in range(times):
        for name in alternating(names, number):
            with server(name) as process:
                seconds, _ = process.first_answer(call)
                seen[name].append((seconds, process.resident_mb()))
    medians = {name: map(statistics.median, zip(*found)) for name, found in seen.items()}
    return {name: dict(zip(("seconds", "resident_mb"), found)) for name, found in medians.items()}


def alternating(names, number):
    return names if number % 2 == 0 else names[::-1]


def in_rounds(servers, call, connections, scale):
    """What each saw in each round; the order alternates."""
    taken, spare, names = [], scale.rounds // 2, list(servers)
    for server in servers.values():  # so that nobody's first connections count
        server.under_load(call, connections, scale.seconds / 4)
    while len(taken) < scale.rounds:
        order = alternating(names, len(taken))
        one = {name: servers[name].under_load(call, connections, scale.seconds) for name in order}
        if spare and max(seen["others"] for seen in one.values()) > OTHERS:
            spare -= 1
        else:
            taken.append({name: one[name] for name in names})
    return taken


def summed_up(rounds):
    latency = {
        name: {
            f"p{percent}": round(
                percentile([ms for one in rounds for ms in one[name]["milliseconds"]], percent), 2
            )
            for percent in (50, 99)
        }
        for name in rounds[0]
    }
    return {
        "rate": sides(rounds, "rate", ratio),
        "latency_ms": latency,
        "processor_ms": sides(rounds, "processor_ms", loss),
        "others": round(max(seen["others"] for one in rounds for seen in one.values()), 2),
    }


def sides(rounds, figure, compare, factor=1):
    """The spread on both sides, and of what `compare` makes of the two of a round."""
    values = {name: [one[name][figure] * factor for one in rounds] for name in rounds[0]}
    both = [compare(*pair) for pair in zip(*values.values())]
    return {**{name: spread(found) for name, found in values.items()}, "compared": spread(both)}


def difference(values):
    first, second = values.values()
    return {
        **{name: round(value, 1) for name, value in values.items()},
        "compared": round(second - first, 1),
    }
