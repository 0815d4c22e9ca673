"""How many containers a trace of requests takes on so many invokers: python -m benchmarks.scale

`--help` lists what can be said of the platform, of the model and of the requests.

A discrete-event model of OpenWhisk's pools, fed with the cold and warm times of a model that were
measured elsewhere (build.sh prints them). It computes only: no container is started.
"""

import argparse
import csv
import functools
import heapq
import itertools
import json
import math
import random
import sys
import zlib
from typing import Callable, Iterable, List, NamedTuple, Optional, Tuple

from benchmarks.summary import percentile


class Platform(NamedTuple):
    """The rules are the platform's own, with its defaults; see docs/scale.md."""

    invokers: int = 1
    memory: int = 1024
    "MB of containers that an invoker holds."
    share: float = 1.0
    "Of the invokers, those that run Docker actions: 0.1 by default, at least one."
    pause_after: float = 10.0
    resume: float = 0.05
    "Seconds that a paused container takes before it runs again."
    idle: float = 600.0
    "Seconds after which a container that nobody asks is removed."
    settle: float = 0.0
    "Seconds after an answer in which the logs are collected and the container isn't free."
    is_bound: bool = True
    "Whoever had a container started waits for that one, though another may be free sooner."


class Model(NamedTuple):
    name: str = "model"
    memory: int = 512
    concurrency: int = 1
    cold: Tuple[float, ...] = (5.0,)
    "Seconds from nothing to a loaded model: samples, one of which is drawn each time."
    warm: Tuple[float, ...] = (0.5,)
    "Seconds of a prediction."


class Arrival(NamedTuple):
    at: float
    model: str


class Found(NamedTuple):
    requests: int
    cold_starts: int
    most_containers: int
    p50: float
    p99: float
    memory_hours: float
    "GB of containers times hours, whether they compute or wait."


class Container:
    """One that is starting, answering, or waiting to be asked."""

    def __init__(self, model: Model, since: float) -> None:
        self.model = model
        self.since = since
        self.bound: List[Request] = []
        "Those that wait until it has started, and for no other one."
        self.is_ready = False
        self.taken = 0
        self.idle_since: Optional[float] = None
        "None while it is asked something."

    def has_room(self) -> bool:
        return self.taken + len(self.bound) < self.model.concurrency


class Request(NamedTuple):
    arrived: float
    model: Model


class Invoker:
    def __init__(self, memory: int) -> None:
        self.free = memory
        self.containers: List[Container] = []

    def one_with_room(self, model: Model, is_ready: bool) -> Optional[Container]:
        for container in self.containers:
            is_right = container.model is model and container.is_ready == is_ready
            if is_right and container.has_room():
                return container
        return None

    def idle_ones(self) -> List[Container]:
        """Those that may give way, the longest unused first."""
        idle = [one for one in self.containers if one.idle_since is not None]
        return sorted(idle, key=lambda one: one.idle_since or 0.0)


class Simulation:
    """Events in the order of their time; each may cause later ones."""

    def __init__(self, platform: Platform, models: Iterable[Model], seed: int = 1) -> None:
        self.platform = platform
        self.models = {model.name: model for model in models}
        self.random = random.Random(seed)
        usable = max(1, int(platform.invokers * platform.share))
        self.invokers = [Invoker(platform.memory) for _ in range(usable)]
        self.waiting: List[Request] = []
        self.events: List[Tuple[float, int, Callable[[float], None]]] = []
        self.numbers = itertools.count()
        self.unanswered = 0
        self.latencies: List[float] = []
        self.cold_starts = 0
        self.containers = 0
        self.most_containers = 0
        self.memory_seconds = 0.0

    def run(self, trace: Iterable[Arrival]) -> Found:
        for arrival in trace:
            self.unanswered += 1
            request = Request(arrival.at, self.models[arrival.model])
            self.later(arrival.at, functools.partial(self.arrive, request))
        now = 0.0
        while self.unanswered and self.events:
            now, _, happen = heapq.heappop(self.events)
            happen(now)
        for invoker in self.invokers:
            for container in list(invoker.containers):
                self.remove(invoker, container, now)
        return Found(
            requests=len(self.latencies),
            cold_starts=self.cold_starts,
            most_containers=self.most_containers,
            p50=percentile(self.latencies, 50),
            p99=percentile(self.latencies, 99),
            memory_hours=self.memory_seconds / 1024 / 3600,
        )

    def later(self, at: float, happen: Callable[[float], None]) -> None:
        heapq.heappush(self.events, (at, next(self.numbers), happen))

    # -- what happens ----------------------------------------------------------------------------

    def arrive(self, request: Request, now: float) -> None:
        self.waiting.append(request)
        self.serve(now)

    def serve(self, now: float) -> None:
        """Who has waited longest is asked first; one that nobody can serve keeps no other back."""
        for request in list(self.waiting):
            if self.is_served(request, now):
                self.waiting.remove(request)

    def is_served(self, request: Request, now: float) -> bool:
        for invoker in self.ordered_for(request.model):
            container = invoker.one_with_room(request.model, is_ready=True)
            if container is not None:
                self.ask(invoker, container, request, now)
                return True
        return self.is_bound_to_a_start(request, now)

    def is_bound_to_a_start(self, request: Request, now: float) -> bool:
        for invoker in self.ordered_for(request.model):
            starting = invoker.one_with_room(request.model, is_ready=False)
            if starting is not None and self.platform.is_bound:
                starting.bound.append(request)
                return True
        for invoker in self.ordered_for(request.model):
            if self.has_made_room(invoker, request.model, now):
                container = self.start(invoker, request.model, now)
                if self.platform.is_bound:
                    container.bound.append(request)
                return self.platform.is_bound
        return False

    def ordered_for(self, model: Model) -> List[Invoker]:
        """Each action has an invoker that it comes to first, and goes on from there."""
        home = zlib.crc32(model.name.encode()) % len(self.invokers)
        return self.invokers[home:] + self.invokers[:home]

    def has_made_room(self, invoker: Invoker, model: Model, now: float) -> bool:
        if not self.platform.is_bound and self.is_started_for_all(model):
            return False
        missing = model.memory - invoker.free
        giving_way = []
        for container in invoker.idle_ones():
            if missing <= 0:
                break
            giving_way.append(container)
            missing -= container.model.memory
        if missing > 0:
            return False
        for container in giving_way:
            self.remove(invoker, container, now)
        return True

    def is_started_for_all(self, model: Model) -> bool:
        """For each request that waits for this model a container is on its way."""
        starting = 0
        for invoker in self.invokers:
            for container in invoker.containers:
                starting += container.model is model and not container.is_ready
        return starting >= sum(request.model is model for request in self.waiting)

    def start(self, invoker: Invoker, model: Model, now: float) -> Container:
        container = Container(model, now)
        invoker.containers.append(container)
        invoker.free -= model.memory
        self.cold_starts += 1
        self.containers += 1
        self.most_containers = max(self.most_containers, self.containers)
        at = now + self.random.choice(model.cold)
        self.later(at, functools.partial(self.ready, invoker, container))
        return container

    def ready(self, invoker: Invoker, container: Container, now: float) -> None:
        container.is_ready = True
        bound, container.bound = container.bound, []
        for request in bound:
            self.ask(invoker, container, request, now)
        if not bound:
            self.rest(invoker, container, now)
        self.serve(now)

    def ask(self, invoker: Invoker, container: Container, request: Request, now: float) -> None:
        seconds = self.random.choice(container.model.warm)
        if container.idle_since is not None and self.is_paused(container.idle_since, now):
            seconds += self.platform.resume
        container.idle_since = None
        container.taken += 1
        answered = now + seconds
        self.later(answered, functools.partial(self.answer, request))
        free = answered + self.platform.settle
        self.later(free, functools.partial(self.release, invoker, container))

    def is_paused(self, idle_since: float, now: float) -> bool:
        return now - idle_since > self.platform.pause_after

    def answer(self, request: Request, now: float) -> None:
        self.unanswered -= 1
        self.latencies.append(now - request.arrived)

    def release(self, invoker: Invoker, container: Container, now: float) -> None:
        container.taken -= 1
        if container.taken == 0:
            self.rest(invoker, container, now)
        self.serve(now)

    def rest(self, invoker: Invoker, container: Container, now: float) -> None:
        container.idle_since = now
        too_long = functools.partial(self.expire, invoker, container, now)
        self.later(now + self.platform.idle, too_long)

    def expire(self, invoker: Invoker, container: Container, since: float, now: float) -> None:
        """Unless it was asked again meanwhile."""
        if container.idle_since == since and container in invoker.containers:
            self.remove(invoker, container, now)

    def remove(self, invoker: Invoker, container: Container, now: float) -> None:
        invoker.containers.remove(container)
        invoker.free += container.model.memory
        self.containers -= 1
        self.memory_seconds += (now - container.since) * container.model.memory


# -- traces ----------------------------------------------------------------------------------------


def steady(rate: float, seconds: float, model: str = "model", seed: int = 1) -> List[Arrival]:
    """So many requests a second on average, at random moments."""
    source = random.Random(seed)
    arrivals = []
    now = source.expovariate(rate)
    while now < seconds:
        arrivals.append(Arrival(now, model))
        now += source.expovariate(rate)
    return arrivals


def burst(count: int, model: str = "model") -> List[Arrival]:
    return [Arrival(0.0, model)] * count


def trace_from_file(file: str) -> List[Arrival]:
    """Lines like `12.5,detect`: seconds since the beginning, and which model."""
    arrivals = []
    with open(file, newline="") as rows:
        for number, row in enumerate(csv.reader(rows), 1):
            try:
                at, model = row
                arrivals.append(Arrival(amount(at), model))
            except ValueError:
                raise ValueError(f"{file}, line {number}: `seconds,model` was expected") from None
    return sorted(arrivals)


# -- the command
# -------------------------------------------------------------------------------------


def amount(text: str) -> float:
    """A number that isn't negative, nor without an end."""
    number = float(text)
    if not 0 <= number < math.inf:
        raise ValueError(text)
    return number


def positive(text: str) -> float:
    if amount(text) == 0:
        raise ValueError(text)
    return float(text)


def count(text: str) -> int:
    if int(text) < 1:
        raise ValueError(text)
    return int(text)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__)
    kind = made.add_mutually_exclusive_group(required=True)
    kind.add_argument("--trace", help="a file of lines `seconds,model`")
    kind.add_argument("--rate", type=positive, help="requests a second, for --seconds")
    kind.add_argument("--burst", type=count, help="so many requests at once")
    made.add_argument("--seconds", type=amount, default=600)
    made.add_argument("--invokers", type=count, default=1)
    made.add_argument("--pool", type=count, default=1024, help="MB of containers on each invoker")
    made.add_argument(
        "--share", type=positive, default=1.0, help="of invokers that run Docker actions"
    )
    made.add_argument("--settle", type=amount, default=0.0, help="seconds for logs after an answer")
    made.add_argument("--memory", type=count, default=512, help="MB of the action (wsk -m)")
    made.add_argument("--concurrency", type=count, default=1, help="of the action (wsk -c)")
    made.add_argument("--cold", type=amount, default=5.0, help="seconds to a loaded model")
    made.add_argument("--warm", type=amount, default=0.5, help="seconds of a prediction")
    made.add_argument("--json", action="store_true")
    return made


def trace_from_arguments(given: argparse.Namespace) -> List[Arrival]:
    if given.trace:
        return trace_from_file(given.trace)
    if given.burst:
        return burst(given.burst)
    return steady(given.rate, given.seconds)


def main(words: List[str]) -> None:
    command = parser()
    given = command.parse_args(words)
    if given.memory > given.pool:
        command.error("an action of --memory %d doesn't fit --pool %d" % (given.memory, given.pool))
    try:
        trace = trace_from_arguments(given)
    except (OSError, ValueError) as error:
        command.error(str(error))
    platform = Platform(given.invokers, given.pool, given.share, settle=given.settle)
    models = []
    for name in sorted({arrival.model for arrival in trace}):
        cold, warm = (given.cold,), (given.warm,)
        models.append(Model(name, given.memory, given.concurrency, cold, warm))
    found = Simulation(platform, models).run(trace)
    if given.json:
        print(json.dumps(found._asdict()))
        return
    for name, value in found._asdict().items():
        print("%-16s %s" % (name.replace("_", " "), round(value, 3)))


if __name__ == "__main__":
    main(sys.argv[1:])
