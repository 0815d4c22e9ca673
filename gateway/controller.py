"""What the web's, the REST API's and the page's routes have in common: which action is meant,
running it, keeping the record. Touches the store, the invoker and the terminal."""

import asyncio
import uuid
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from gateway.clock import now
from gateway.containers.invoker import Invoker
from gateway.entities import (
    SUCCESS,
    Action,
    Activation,
    Firing,
    Order,
    Package,
    inherited,
    path_of,
    place_from_path,
)
from gateway.failures import Failures
from gateway.orders import order_from_payload
from gateway.refusal import Refusal
from gateway.sequences import SequenceRun
from gateway.settings import Settings
from gateway.store import Store
from gateway.tally import Tally
from gateway.terminal import complain

# The platform looks once more when the time is up (recorded: a wait of 5 ms brought what took 23).
GRACE_SECONDS = 0.1


class Invocation(NamedTuple):
    """`activation` is None when it wasn't waited for, or not long enough."""

    activation_id: str
    activation: Optional[Activation]


class Controller:
    def __init__(self, store: Store, invoker: Invoker, settings: Settings, failures: Failures):
        self.store = store
        self.invoker = invoker
        self.settings = settings
        self._failures = failures
        self.tally = Tally()
        # A trigger and its rules know of each other: who changes one must not do so half-way.
        self.changing = asyncio.Lock()
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
        """With the parameters of the package, and of the binding that leads to it, where it has
        none of its own."""
        holder = self.store.packages.get(path_of(namespace, package)) if package else None
        if holder is None:
            return self.store.actions.get(path_of(namespace, package, name))
        provider = self.provider_of(holder)
        action = self.store.actions.get(path_of(provider.path, name)) if provider else None
        if provider is None or action is None:
            return None
        parameters = inherited(provider.parameters, action.parameters)
        binding = holder.path if holder.binding else ""
        return action._replace(parameters=parameters, binding=binding)

    def action_at(self, path: str) -> Optional[Action]:
        return self.action_named(*place_from_path(path))

    def provider_of(self, package: Package) -> Optional[Package]:
        """The package itself; of a binding the one it stands for, with the binding's parameters.
        None where that is gone."""
        if package.binding is None:
            return package
        provider = self.store.packages.get(package.binding.path)
        if provider is None or provider.binding:
            return None
        parameters = inherited(provider.parameters, package.parameters)
        return provider._replace(parameters=parameters)

    async def invoke(
        self,
        action: Action,
        payload: Any,
        transaction_id: str,
        seconds: float,
    ) -> Invocation:
        """Waits that long; the activation goes on, and its record is kept, whoever still waits
        for it.

        Raises Refusal where too many wait already."""
        order = order_from_payload(action, payload, uuid.uuid4().hex, transaction_id)
        task = self._begin(order)
        # Whether there is room shows in the task's first step, before anybody waits.
        await asyncio.sleep(0)
        if not task.done():
            timeout = seconds + GRACE_SECONDS if seconds else 0
            await asyncio.wait({task}, timeout=timeout)
        return Invocation(order.activation_id, task.result() if task.done() else None)

    def needs_engine(self, action: Action) -> bool:
        """Neither a folder nor a URL stands for its image."""
        return not action.components and action.image not in self.invoker.images

    async def forget(self, action: Action) -> None:
        """For an action that was updated or deleted: its containers serve nobody new."""
        await self.invoker.forget(action)

    async def record(self, firing: Firing) -> None:
        """For a trigger whose rules have started what they start."""
        try:
            await self.store.add_firing(firing, self.settings.namespace)
        except Refusal as refusal:
            complain(f"The activation {firing.activation_id} has no record: {refusal}")

    def _begin(
        self, order: Order, within: Optional[SequenceRun] = None
    ) -> "asyncio.Task[Activation]":
        """`within` is the run of the sequence that the order is a part of."""
        task = asyncio.ensure_future(self._run(order, within))
        self._running[task] = order, now()
        task.add_done_callback(self._forget)
        return task

    async def _run(self, order: Order, within: Optional[SequenceRun]) -> Activation:
        if order.action.components:
            sequence = within or SequenceRun(self.action_at, self._begin)
            activation = await sequence.activation_of(order)
        else:
            activation = await self.invoker.invoke(order)
        self.tally.add(activation, failed=activation.status != SUCCESS)
        self._tell_failure(activation)
        try:
            await self.store.add_activation(activation, self.settings.namespace)
        except Refusal as refusal:
            complain(f"The activation {order.activation_id} has no record: {refusal}")
        return activation

    def _tell_failure(self, activation: Activation) -> None:
        line = self._failures.line_for(activation, now())
        if line is not None:
            complain(line)

    def _forget(self, task: "asyncio.Task[Activation]") -> None:
        del self._running[task]
        # Somebody may have stopped waiting; the failure was told to those who hadn't.
        if not task.cancelled():
            task.exception()

    async def close(self) -> None:
        await self.invoker.close()
        await asyncio.gather(*self._running, return_exceptions=True)
        self.store.close()
