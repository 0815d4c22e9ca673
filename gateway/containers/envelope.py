"""The bodies of /init and /run, from an order. Touches nothing."""

from typing import Any, Dict, Optional

from gateway.entities import Action, Order
from gateway.http import jsontext


def init_body_from_order(
    order: Order,
    deadline: int,
    api_key: Optional[str] = None,
) -> bytes:
    action = order.action
    value: Dict[str, Any] = {
        "name": action.name,
        "binary": action.binary,
        "main": action.main or "main",
    }
    if action.code:
        value["code"] = action.code
    value["env"] = env_from_order(order, deadline, api_key)
    return json_bytes({"value": value})


def env_from_order(
    order: Order,
    deadline: int,
    api_key: Optional[str] = None,
) -> Dict[str, str]:
    action = order.action
    env = {key: text_from_value(value) for key, value in order.init_env.items()}
    env.update(
        __OW_ACTION_NAME=f"/{action.path}",
        __OW_ACTION_VERSION=action.version,
        __OW_ACTIVATION_ID=order.activation_id,
        __OW_DEADLINE=str(deadline),
        __OW_NAMESPACE=action.namespace,
        __OW_TRANSACTION_ID=order.transaction_id,
    )
    if api_key and wants_api_key(action):
        env["__OW_API_KEY"] = api_key
    return env


def run_body_from_order(
    order: Order,
    deadline: int,
    api_key: Optional[str] = None,
) -> bytes:
    action = order.action
    body = {
        "action_name": f"/{action.path}",
        "action_version": action.version,
        "activation_id": order.activation_id,
        "deadline": str(deadline),
        "namespace": action.namespace,
        "transaction_id": order.transaction_id,
        "value": order.value,
    }
    if api_key and wants_api_key(action):
        body["api_key"] = api_key
    return json_bytes(body)


def wants_api_key(action: Action) -> bool:
    """Without the annotation the platform hands the key out; any JSON but these counts as yes."""
    wanted = dict(action.annotations).get("provide-api-key", True)
    return wanted not in (False, 0, "", None)


def text_from_value(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json_bytes(value).decode()


def json_bytes(value: Any) -> bytes:
    return jsontext.utf8(jsontext.compact(value))
