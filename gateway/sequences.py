"""Runs a sequence: what one action answers is what the next one gets, until one answers an error.

Touches nothing but through those it is handed, and the clock."""

import uuid
from typing import Any, Awaitable, Callable, List, Optional

from gateway.clock import now
from gateway.entities import APPLICATION_ERROR, SUCCESS, WHISK_ERROR, Action, Activation, Order
from gateway.orders import order_from_payload
from gateway.refusal import Refusal

#: So many actions may run in a sequence, those of the sequences in it counted.
MOST_ACTIONS = 50
#: A sequence has come to contain itself, through a binding that was changed, rather than be this
#: deep; of actions there may be none in it that could be counted.
DEEPEST = 50

TOO_LONG = "Too many actions in the sequence."
NO_SUCH_COMPONENT = "Sequence component does not exist."
FAILED = "Sequence failed."

Find = Callable[[str], Optional[Action]]
Run = Callable[[Order, "SequenceRun"], Awaitable[Activation]]


class Progress:
    """What a sequence has come to: its last result, and what ran for that."""

    def __init__(self, payload: Any):
        self.status = SUCCESS
        self.result = payload
        self.size: Optional[int] = None
        self.ids: List[str] = []
        self.milliseconds = 0
        self.memory = 0
        self.ended = False

    def take(self, activation: Activation) -> None:
        self.status = activation.status
        self.result = activation.result
        self.size = activation.size
        self.ids.append(activation.activation_id)
        self.milliseconds += activation.duration
        self.memory = max(self.memory, activation.action.limits.memory)
        self.ended = isinstance(self.result, dict) and "error" in self.result

    def fail(self, status: str, error: str) -> None:
        self.status = status
        self.result = {"error": error}
        self.size = None
        self.ended = True


class SequenceRun:
    """One run of a sequence together with the sequences in it. `find` gives an action by its path,
    `run` runs an order as a part of it, and keeps that part's record."""

    def __init__(self, find: Find, run: Run):
        self._find = find
        self._run = run
        self._left = MOST_ACTIONS
        self._depth = 0

    async def activation_of(self, order: Order) -> Activation:
        start = now()
        progress = Progress(order.value)
        self._depth += 1
        for path in order.action.components:
            await self._step(path, order, progress)
            if progress.ended:
                break
        self._depth -= 1
        return activation_from_progress(order, progress, start, now())

    async def _step(self, path: str, order: Order, progress: Progress) -> None:
        if self._left == 0 or self._depth > DEEPEST:
            progress.fail(APPLICATION_ERROR, TOO_LONG)
            return
        action = self._find(path)
        if action is None:
            progress.fail(APPLICATION_ERROR, NO_SUCH_COMPONENT)
            return
        if not action.components:
            self._left -= 1
        # The platform gives each part a transaction of its own.
        ids = uuid.uuid4().hex, uuid.uuid4().hex
        part = order_from_payload(action, progress.result, *ids, cause=order.activation_id)
        try:
            progress.take(await self._run(part, self))
        except Refusal:
            progress.fail(WHISK_ERROR, FAILED)


def activation_from_progress(order: Order, progress: Progress, start: int, end: int) -> Activation:
    limits = order.action.limits._replace(memory=progress.memory)
    return Activation(
        activation_id=order.activation_id,
        action=order.action._replace(limits=limits),
        start=start,
        end=end,
        wait_time=0,
        init_time=None,
        status=progress.status,
        result=progress.result,
        size=progress.size,
        logs=progress.ids,
        cause=order.cause,
        ran=progress.milliseconds,
    )
