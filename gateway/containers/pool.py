"""Decides which container runs what: starts them up to a limit, lets the rest wait, stops idle
ones.

Touches no container itself but through its runner."""

import asyncio
import itertools
import traceback
from collections import deque
from typing import Any, Callable, Coroutine, Deque, Dict, List, NamedTuple, Optional, Set, Tuple

from gateway.containers.container import NO_RESOURCES, Container, Runner, StartError
from gateway.entities import WHISK_ERROR, Action
from gateway.refusal import Refusal, Stage
from gateway.tally import Places
from gateway.terminal import complain

TOO_MANY = "Too many concurrent requests in flight (count: {}, allowed: {})."


class Closed(Exception):
    """The pool was closed before a container was free."""


class Waiter(NamedTuple):
    number: int
    seat: "asyncio.Future[Seat]"


class Seat:
    """A container in the pool, and how much of it is taken."""

    def __init__(self, lane: "Lane", container: Container):
        self.lane = lane
        self.container = container
        self.initialised = False
        self.retired = False
        self.taken = 0
        self.expiry: Optional[asyncio.TimerHandle] = None

    @property
    def usable(self) -> bool:
        return not (self.retired or self.container.exited.done())

    @property
    def free(self) -> bool:
        # Before /init has succeeded there is room for the one activation that does it.
        room = self.lane.action.limits.concurrency if self.initialised else 1
        return self.usable and self.taken < room

    @property
    def idle(self) -> bool:
        return self.taken == 0 and not self.retired


class Lane:
    """Those that wait for one version of one action, and the containers that serve them."""

    def __init__(self, action: Action, runner: Runner):
        self.action = action
        self.runner = runner
        self.waiting: Deque[Waiter] = deque()
        self.seats: List[Seat] = []
        self.starting = 0
        #: How often its image has become another one meanwhile.
        self.renewals = 0
        #: Its action was updated or deleted.
        self.forgotten = False

    @property
    def deserted(self) -> bool:
        return not (self.waiting or self.seats or self.starting)


LaneKey = Tuple[str, str, int, str]


class Pool:
    """`runner_of` gives the runner of an image, `is_current` whether an action is still what it
    was. Everything here runs in the thread of the event loop."""

    def __init__(
        self,
        runner_of: Callable[[str], Runner],
        most_containers: int,
        most_waiting: int,
        idle_seconds: float,
        is_current: Callable[[Action], bool],
    ):
        self._runner_of = runner_of
        self._is_current = is_current
        self.most_containers = most_containers
        self.most_waiting = most_waiting
        self.idle_seconds = idle_seconds
        self._lanes: Dict[LaneKey, Lane] = {}
        self._stopping: List[Runner] = []
        #: Of those that are on their way down, too, but whose place one on its way up has already.
        self._giving_way: List[Runner] = []
        self._numbers = itertools.count()
        self._tasks: Set["asyncio.Task[Any]"] = set()
        self._closed = False

    def queue(self, action: Action) -> "asyncio.Future[Seat]":
        """First come, first served among the requests of one action; raises Refusal when too many
        wait."""
        waiting = sum(len(lane.waiting) for lane in self._lanes.values())
        if waiting >= self.most_waiting:
            message = TOO_MANY.format(waiting, self.most_waiting)
            raise Refusal(429, message, Stage.ADMISSION)
        return self._queue(self._lane_of(action).waiting.append)

    def queue_again(self, action: Action) -> "asyncio.Future[Seat]":
        """For one that has had its turn without fault of its own: it comes first."""
        return self._queue(self._lane_of(action).waiting.appendleft)

    def _queue(self, put: Callable[[Waiter], None]) -> "asyncio.Future[Seat]":
        waiter = Waiter(next(self._numbers), asyncio.get_running_loop().create_future())
        if self._closed:
            waiter.seat.set_exception(Closed())
        else:
            put(waiter)
            self._balance()
        return waiter.seat

    def census(self) -> List[Places]:
        found: Dict[str, Places] = {}
        for lane in self._lanes.values():
            path = lane.action.path
            so_far = found.get(path, Places(path))
            busy = sum(1 for seat in lane.seats if seat.taken)
            found[path] = so_far._replace(
                busy=so_far.busy + busy,
                idle=so_far.idle + len(lane.seats) - busy,
                starting=so_far.starting + lane.starting,
                waiting=so_far.waiting + len(lane.waiting),
            )
        return sorted(found.values())

    def release(self, seat: Seat, usable: bool) -> None:
        seat.taken -= 1
        seat.retired = seat.retired or not usable
        if seat.taken == 0:
            self._rest(seat)
        self._balance()

    def initialised(self, seat: Seat) -> None:
        seat.initialised = True
        self._in_background(self._learn(seat))
        self._balance()

    async def _learn(self, seat: Seat) -> None:
        await seat.lane.runner.learn(seat.container)
        self._balance()

    def forget(self, path: str) -> None:
        """Those that wait are still served, by the version of the action that they asked for. What
        starts for them goes as soon as nobody waits."""
        for lane in list(self._lanes.values()):
            if lane.action.path != path:
                continue
            lane.forgotten = True
            for seat in list(lane.seats):
                seat.retired = True
                if seat.taken == 0:
                    self._stop(seat)
        self._balance()

    def renew(self, image: str) -> None:
        """The image is another one now: its containers serve nobody new, those that are still
        starting neither."""
        for lane in list(self._lanes.values()):
            if lane.action.image != image:
                continue
            lane.renewals += 1
            for seat in list(lane.seats):
                seat.retired = True
                if seat.taken == 0:
                    self._stop(seat)
        self._balance()

    async def close(self) -> None:
        self._closed = True
        for lane in list(self._lanes.values()):
            for waiter in lane.waiting:
                if not waiter.seat.done():
                    waiter.seat.set_exception(Closed())
            lane.waiting.clear()
            lane.runner.start_no_more()
            for seat in list(lane.seats):
                self._stop(seat)
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _lane_of(self, action: Action) -> Lane:
        key = (action.path, action.version, action.updated, action.image)
        if key not in self._lanes:
            lane = Lane(action, self._runner_of(action.image))
            # It may have been updated while the request was on its way here.
            lane.forgotten = not self._is_current(action)
            self._lanes[key] = lane
        return self._lanes[key]

    def _balance(self) -> None:
        """Hands free containers to those that wait, oldest first, and starts more where none is
        free."""
        waiting = [lane for lane in self._lanes.values() if lane.waiting]
        for lane in sorted(waiting, key=lambda lane: lane.waiting[0].number):
            self._seat(lane)
            while len(lane.waiting) > lane.starting and self._start_one(lane):
                pass
        for key, lane in list(self._lanes.items()):
            if lane.deserted:
                del self._lanes[key]

    def _seat(self, lane: Lane) -> None:
        for seat in [seat for seat in lane.seats if seat.idle and not seat.usable]:
            self._stop(seat)
        for seat in lane.seats:
            while seat.free and lane.waiting:
                self._take(seat, lane.waiting.popleft())

    def _take(self, seat: Seat, waiter: Waiter) -> None:
        if seat.expiry:
            seat.expiry.cancel()
        seat.taken += 1
        waiter.seat.set_result(seat)

    def _start_one(self, lane: Lane) -> bool:
        full_runner = self._is_full(lane.runner)
        if not full_runner and len(self._used()) < self.most_containers:
            victim = None
        else:
            victim = self._victim_for(lane, lane.runner if full_runner else None)
            if victim is None:
                return False
            self._remove(victim)
            self._giving_way.append(victim.lane.runner)
        lane.starting += 1
        self._in_background(self._start(lane, victim))
        return True

    def _used(self) -> List[Runner]:
        """The runner of each container that is there, on its way up or on its way down."""
        used = list(self._stopping)
        for lane in self._lanes.values():
            used += [lane.runner] * (len(lane.seats) + lane.starting)
        return used

    def _is_full(self, runner: Runner) -> bool:
        there = [*self._used(), *self._giving_way]
        return runner.limit is not None and there.count(runner) >= runner.limit

    def _victim_for(self, lane: Lane, runner: Optional[Runner]) -> Optional[Seat]:
        """An idle container that gives way. Of two busy actions only one without a container may
        take it."""
        starving = not lane.seats and not lane.starting
        for other in self._lanes.values():
            if other is lane or runner not in (None, other.runner):
                continue
            if other.waiting and not starving:
                continue
            for seat in other.seats:
                if seat.idle:
                    return seat
        return None

    async def _start(self, lane: Lane, victim: Optional[Seat]) -> None:
        renewals = lane.renewals
        try:
            if victim:
                await self._stopped(victim, self._giving_way)
            container = await lane.runner.start(lane.action)
        except StartError as error:
            self._not_started(lane, error)
        except Exception as error:
            # Whatever a runner did not expect is the fault of no action, and must not keep the
            # others waiting.
            complain(traceback.format_exc())
            message = f"{NO_RESOURCES} ({type(error).__name__})"
            self._not_started(lane, StartError(message, WHISK_ERROR))
        else:
            lane.starting -= 1
            seat = Seat(lane, container)
            seat.retired = lane.renewals != renewals
            self._add(seat)

    def _not_started(self, lane: Lane, error: StartError) -> None:
        lane.starting -= 1
        if lane.waiting:
            lane.waiting.popleft().seat.set_exception(error)
        self._balance()

    def _add(self, seat: Seat) -> None:
        seat.lane.seats.append(seat)
        seat.container.exited.add_done_callback(lambda _: self._lost(seat))
        if self._closed or seat.retired:
            self._stop(seat)
            return
        self._seat(seat.lane)
        if seat.taken == 0:
            self._rest(seat)
        self._balance()

    def _lost(self, seat: Seat) -> None:
        if seat.taken == 0:
            self._stop(seat)
            self._balance()

    def _rest(self, seat: Seat) -> None:
        """Has nothing to do: it waits for a while, where anybody may still come."""
        lane = seat.lane
        if not seat.usable or (lane.forgotten and not lane.waiting):
            self._stop(seat)
            return
        seat.expiry = asyncio.get_running_loop().call_later(self.idle_seconds, self._stop, seat)

    def _stop(self, seat: Seat) -> None:
        if seat in seat.lane.seats:
            self._remove(seat)
            self._stopping.append(seat.lane.runner)
            self._in_background(self._stopped(seat, self._stopping))

    def _remove(self, seat: Seat) -> None:
        seat.lane.seats.remove(seat)
        if seat.expiry:
            seat.expiry.cancel()

    async def _stopped(self, seat: Seat, among: List[Runner]) -> None:
        """`among`: where its runner counts until then."""
        try:
            await seat.container.stop()
        finally:
            among.remove(seat.lane.runner)
            self._balance()

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
