"""What became of actions and triggers as JSON: as clients see it and as the store keeps it. Touches
nothing.

Members and annotations come in the platform's order."""

from typing import Any, Dict, List, Tuple

from gateway import records
from gateway.entities import (
    SEQUENCE,
    STATUS_CODES,
    SUCCESS,
    Activation,
    Annotations,
    Firing,
)

Json = Dict[str, Any]


def annotations_of_activation(activation: Activation) -> List[Json]:
    action = activation.action
    facts = facts_of_sequence(activation) if action.components else facts_of_run(activation)
    return records.json_from_annotations(facts)


def facts_of_run(activation: Activation) -> Annotations:
    action = activation.action
    facts: List[Tuple[str, Any]] = []
    if activation.cause is not None:
        facts.append(("causedBy", SEQUENCE))
    if action.binding:
        facts.append(("binding", action.binding))
    facts += [
        ("path", action.path),
        ("waitTime", activation.wait_time),
        ("kind", action.kind),
        ("timeout", activation.timed_out),
        ("limits", records.json_from_limits(action.limits)),
    ]
    if activation.init_time is not None:
        facts.append(("initTime", activation.init_time))
    return tuple(facts)


def facts_of_sequence(activation: Activation) -> Annotations:
    action = activation.action
    binding = [("binding", action.binding)] if action.binding else []
    facts: List[Tuple[str, Any]] = [
        ("path", action.path),
        ("waitTime", activation.wait_time),
        ("kind", action.kind),
    ]
    # Its memory is that of what it ran.
    if activation.logs:
        facts.append(("limits", records.json_from_limits(action.limits)))
    if activation.cause is None:
        return (*binding, ("topmost", True), *facts)
    return (*facts, ("causedBy", SEQUENCE), *binding, ("topmost", False))


def json_from_activation(activation: Activation, subject: str) -> Json:
    cause = {} if activation.cause is None else {"cause": activation.cause}
    size = {} if activation.size is None else {"size": activation.size}
    return {
        "activationId": activation.activation_id,
        "annotations": annotations_of_activation(activation),
        **cause,
        "duration": activation.duration,
        "end": activation.end,
        "logs": list(activation.logs),
        "name": activation.action.name,
        "namespace": activation.action.namespace,
        "publish": False,
        "response": {
            "result": activation.result,
            **size,
            "status": activation.status,
            "success": activation.status == SUCCESS,
        },
        "start": activation.start,
        "subject": subject,
        "version": activation.action.version,
    }


def summary_of_activation(activation: Activation) -> Json:
    cause = {} if activation.cause is None else {"cause": activation.cause}
    return {
        "statusCode": STATUS_CODES[activation.status],
        "duration": activation.duration,
        "name": activation.action.name,
        "activationId": activation.activation_id,
        **cause,
        "end": activation.end,
        "start": activation.start,
        "namespace": activation.action.namespace,
        "publish": False,
        "annotations": annotations_of_activation(activation),
        "version": activation.action.version,
    }


def json_from_firing(firing: Firing, subject: str) -> Json:
    """It has no end: what its rules started may still run."""
    return {
        "activationId": firing.activation_id,
        "annotations": [],
        "logs": list(firing.logs),
        "name": firing.trigger.name,
        "namespace": firing.trigger.namespace,
        "publish": False,
        "response": {"result": firing.payload, "status": SUCCESS, "success": True},
        "start": firing.start,
        "subject": subject,
        "version": firing.trigger.version,
    }


def summary_of_firing(firing: Firing) -> Json:
    return {
        "name": firing.trigger.name,
        "activationId": firing.activation_id,
        "start": firing.start,
        "namespace": firing.trigger.namespace,
        "publish": False,
        "annotations": [],
        "version": firing.trigger.version,
    }
