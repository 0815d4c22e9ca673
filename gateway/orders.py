"""What is sent to an action becomes an order to run it. Touches nothing."""

from typing import Any, Optional

from gateway.entities import Action, Order


def order_from_payload(
    action: Action,
    payload: Any,
    activation_id: str,
    transaction_id: str,
    cause: Optional[str] = None,
) -> Order:
    """What a client, or an earlier action, gives goes before what the action has. A list leaves no
    room for that, and a sequence has nothing of its own."""
    own = () if action.components else action.parameters
    init_env = {each.key: each.value for each in own if each.init}
    if not isinstance(payload, dict):
        return Order(action, payload, init_env, activation_id, transaction_id, cause)
    value = {each.key: each.value for each in own}
    value.update(payload)
    for key in init_env:
        init_env[key] = value.pop(key)
    return Order(action, value, init_env, activation_id, transaction_id, cause)
