"""What the routes have in common: who asks, which action is meant, running it and keeping the record.

Touches the store and the invoker."""

import asyncio
import hmac
import time
import uuid
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from gateway.complaints import complain
from gateway.entities import Action, Activation, Order, Parameter
from gateway.headers import last_value_of
from gateway.invoker import Invoker
from gateway.messages import Request
from gateway.rendering import user_and_password
from gateway.settings import GUEST_KEY, Settings
from gateway.sites import foreign_header
from gateway.store import NotKept, Store

# The platform looks once more when the time is up (recorded: a wait of 5 ms brought what took 23).
GRACE_SECONDS = 0.1


class Invocation(NamedTuple):
    """`activation` is None when it wasn't waited for, or not long enough."""

    activation_id: str
    activation: Optional[Activation]


class Service:
    def __init__(self, store: Store, invoker: Invoker, settings: Settings):
        self.store = store
        self.invoker = invoker
        self.settings = settings
        self._running: Dict[asyncio.Task, Tuple[Order, int]] = {}

    @property
    def running(self) -> List[Tuple[Order, int]]:
        """What isn't recorded yet, and when it was asked for in epoch milliseconds."""
        return list(self._running.values())

    def user_of(self, request: Request) -> Optional[str]:
        """The namespace whose key the request brings."""
        pair = credentials_from_header(last_value_of(request.headers, "authorization"))
        if pair is None or not hmac.compare_digest(":".join(pair).encode(), self.settings.key.encode()):
            return None
        return self.settings.namespace

    def misuse_of_public_key(self, request: Request) -> Optional[str]:
        """The header by which a browser shows that another site has asked, where any site knows the key."""
        return foreign_header(request.headers, self.settings.host) if self.settings.key == GUEST_KEY else None

    def action_with_package(self, namespace: str, package: str, name: str) -> Optional[Action]:
        """With the package's parameters where it has none of its own."""
        path = "/".join(part for part in (namespace, package, name) if part)
        action = self.store.actions.get(path)
        holder = self.store.packages.get(f"{namespace}/{package}")
        if action is None or not package or holder is None:
            return action
        return action._replace(parameters=inherited(holder.parameters, action.parameters))

    async def invoke(self, action: Action, payload: Dict[str, Any], transaction_id: str, seconds: float) -> Invocation:
        """Waits that long; the activation goes on, and its record is kept, whoever still waits for it.

        Raises Overloaded."""
        order = order_from_payload(action, payload, uuid.uuid4().hex, transaction_id)
        task = asyncio.ensure_future(self._run(order))
        self._running[task] = order, time.time_ns() // 1000000
        task.add_done_callback(self._forget)
        # Whether there is room shows in the task's first step, before anybody waits.
        await asyncio.sleep(0)
        if not task.done():
            await asyncio.wait({task}, timeout=seconds + GRACE_SECONDS if seconds else 0)
        return Invocation(order.activation_id, task.result() if task.done() else None)

    async def _run(self, order: Order) -> Activation:
        activation = await self.invoker.invoke(order)
        try:
            await self.store.add_activation(activation, self.settings.namespace)
        except NotKept as error:
            complain(f"The activation {order.activation_id} has no record: {error}")
        return activation

    def _forget(self, task: asyncio.Task) -> None:
        del self._running[task]
        # Somebody may have stopped waiting; the failure was told to those who hadn't.
        if not task.cancelled():
            task.exception()

    async def close(self) -> None:
        await self.invoker.close()
        await asyncio.gather(*self._running, return_exceptions=True)
        self.store.close()


def credentials_from_header(value: Optional[str]) -> Optional[Tuple[str, str]]:
    scheme, _, token = (value or "").strip().partition(" ")
    return user_and_password(token.strip()) if scheme.lower() == "basic" else None


def inherited(outer: Tuple[Parameter, ...], own: Tuple[Parameter, ...]) -> Tuple[Parameter, ...]:
    return tuple({each.key: each for each in (*outer, *own)}.values())


def order_from_payload(action: Action, payload: Dict[str, Any], activation_id: str, transaction_id: str) -> Order:
    value = {each.key: each.value for each in action.parameters}
    value.update(payload)
    init_env = {each.key: value.pop(each.key) for each in action.parameters if each.init}
    return Order(action, value, init_env, activation_id, transaction_id)


def protected_keys(action: Action) -> frozenset:
    """What a final action has set, nobody else may."""
    if dict(action.annotations).get("final") is not True:
        return frozenset()
    return frozenset(each.key for each in action.parameters if each.value is not None)
