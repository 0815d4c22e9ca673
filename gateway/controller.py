"""What the web's, the REST API's and the page's routes have in common: which action is meant,
running it, keeping the record. Touches the store and the invoker."""

import asyncio
import time
import uuid
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from gateway.containers.invoker import Invoker
from gateway.entities import Action, Activation, Order, inherited, path_of
from gateway.refusal import Refusal
from gateway.settings import Settings
from gateway.store import Store
from gateway.terminal import complain

# The platform looks once more when the time is up (recorded: a wait of 5 ms brought what took 23).
GRACE_SECONDS = 0.1


class Invocation(NamedTuple):
    """`activation` is None when it wasn't waited for, or not long enough."""

    activation_id: str
    activation: Optional[Activation]


class Controller:
    def __init__(self, store: Store, invoker: Invoker, settings: Settings):
        self.store = store
        self.invoker = invoker
        self.settings = settings
        self._running: Dict["asyncio.Task[Activation]", Tuple[Order, int]] = {}

    @property
    def running(self) -> List[Tuple[Order, int]]:
        """What isn't recorded yet, and when it was asked for in epoch milliseconds."""
        return list(self._running.values())

    def action_named(
        self,
        namespace: str,
        package: str,
        name: str,
    ) -> Optional[Action]:
        """With the package's parameters where it has none of its own."""
        action = self.store.actions.get(path_of(namespace, package, name))
        holder = self.store.packages.get(path_of(namespace, package))
        if action is None or not package or holder is None:
            return action
        parameters = inherited(holder.parameters, action.parameters)
        return action._replace(parameters=parameters)

    async def invoke(
        self,
        action: Action,
        payload: Dict[str, Any],
        transaction_id: str,
        seconds: float,
    ) -> Invocation:
        """Waits that long; the activation goes on, and its record is kept, whoever still waits
        for it.

        Raises Refusal where too many wait already."""
        order = order_from_payload(action, payload, uuid.uuid4().hex, transaction_id)
        task = asyncio.ensure_future(self._run(order))
        self._running[task] = order, now()
        task.add_done_callback(self._forget)
        # Whether there is room shows in the task's first step, before anybody waits.
        await asyncio.sleep(0)
        if not task.done():
            timeout = seconds + GRACE_SECONDS if seconds else 0
            await asyncio.wait({task}, timeout=timeout)
        return Invocation(order.activation_id, task.result() if task.done() else None)

    async def forget(self, action: Action) -> None:
        """For an action that was updated or deleted: its containers serve nobody new."""
        await self.invoker.forget(action)

    async def _run(self, order: Order) -> Activation:
        activation = await self.invoker.invoke(order)
        try:
            await self.store.add_activation(activation, self.settings.namespace)
        except Refusal as refusal:
            complain(f"The activation {order.activation_id} has no record: {refusal}")
        return activation

    def _forget(self, task: "asyncio.Task[Activation]") -> None:
        del self._running[task]
        # Somebody may have stopped waiting; the failure was told to those who hadn't.
        if not task.cancelled():
            task.exception()

    async def close(self) -> None:
        await self.invoker.close()
        await asyncio.gather(*self._running, return_exceptions=True)
        self.store.close()


def order_from_payload(
    action: Action, payload: Dict[str, Any], activation_id: str, transaction_id: str
) -> Order:
    value = {each.key: each.value for each in action.parameters}
    value.update(payload)
    init_env = {}
    for each in action.parameters:
        if each.init:
            init_env[each.key] = value.pop(each.key)
    return Order(action, value, init_env, activation_id, transaction_id)


def now() -> int:
    """In epoch milliseconds."""
    return time.time_ns() // 1000000
