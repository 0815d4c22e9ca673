"""Actions, packages and activations as JSON: as clients see them and as the store keeps them.
Touches nothing.

Members come in the platform's order."""

from typing import Any, Dict, Iterable, List, Tuple

from gateway.entities import (
    STATUS_CODES,
    SUCCESS,
    Action,
    Activation,
    Annotations,
    Limits,
    Package,
    Parameter,
    Parameters,
)

Json = Dict[str, Any]


def json_from_parameters(parameters: Iterable[Parameter]) -> List[Json]:
    items: List[Json] = []
    for each in parameters:
        item = {"key": each.key, "value": each.value}
        if each.init:
            item["init"] = True
        items.append(item)
    return items


def json_from_annotations(annotations: Iterable[Tuple[str, Any]]) -> List[Json]:
    return [{"key": key, "value": value} for key, value in annotations]


def parameters_from_json(items: Iterable[Json]) -> Parameters:
    """Of several with one key the last counts."""
    found: Dict[str, Parameter] = {}
    for item in items:
        key = item["key"]
        is_init = item.get("init") is True
        found[key] = Parameter(key, item.get("value"), is_init)
    return tuple(found.values())


def annotations_from_json(items: Iterable[Json]) -> Annotations:
    found = {item["key"]: item.get("value") for item in items}
    return tuple(found.items())


def json_from_limits(limits: Limits) -> Json:
    return {
        "concurrency": limits.concurrency,
        "logs": limits.logs,
        "memory": limits.memory,
        "timeout": limits.timeout,
    }


def json_from_exec(action: Action, with_code: bool) -> Json:
    members: Json = {"kind": "blackbox", "image": action.image}
    if action.code and with_code:
        members["code"] = action.code
    members["binary"] = action.binary
    if action.main:
        members["main"] = action.main
    return members


def namespace_of(action: Action) -> str:
    return f"{action.namespace}/{action.package}" if action.package else action.namespace


def json_from_action(action: Action, with_code: bool = True) -> Json:
    return {
        "annotations": json_from_annotations(action.annotations),
        "exec": json_from_exec(action, with_code),
        "limits": json_from_limits(action.limits),
        "name": action.name,
        "namespace": namespace_of(action),
        "parameters": json_from_parameters(action.parameters),
        "publish": action.publish,
        "updated": action.updated,
        "version": action.version,
    }


def action_from_json(value: Json) -> Action:
    namespace, _, package = value["namespace"].partition("/")
    exec_ = value["exec"]
    return Action(
        namespace=namespace,
        package=package,
        name=value["name"],
        version=value["version"],
        image=exec_["image"],
        main=exec_.get("main"),
        code=exec_.get("code"),
        binary=exec_["binary"],
        limits=Limits(**value["limits"]),
        parameters=parameters_from_json(value["parameters"]),
        annotations=annotations_from_json(value["annotations"]),
        publish=value["publish"],
        updated=value["updated"],
    )


def summary_of_action(action: Action) -> Json:
    return {
        "name": action.name,
        "updated": action.updated,
        "exec": {"binary": action.binary},
        "limits": json_from_limits(action.limits),
        "namespace": namespace_of(action),
        "publish": action.publish,
        "annotations": json_from_annotations(action.annotations),
        "version": action.version,
    }


def json_from_package(package: Package) -> Json:
    return {
        "annotations": json_from_annotations(package.annotations),
        "binding": {},
        "name": package.name,
        "namespace": package.namespace,
        "parameters": json_from_parameters(package.parameters),
        "publish": package.publish,
        "updated": package.updated,
        "version": package.version,
    }


def json_from_package_with(package: Package, actions: Iterable[Action]) -> Json:
    inside = [
        {
            "annotations": json_from_annotations(each.annotations),
            "name": each.name,
            "version": each.version,
        }
        for each in actions
    ]
    members = {**json_from_package(package), "actions": inside, "feeds": []}
    return {name: members[name] for name in sorted(members)}


def package_from_json(value: Json) -> Package:
    return Package(
        namespace=value["namespace"],
        name=value["name"],
        version=value["version"],
        parameters=parameters_from_json(value["parameters"]),
        annotations=annotations_from_json(value["annotations"]),
        publish=value["publish"],
        updated=value["updated"],
    )


def summary_of_package(package: Package) -> Json:
    return {
        "name": package.name,
        "binding": False,
        "updated": package.updated,
        "namespace": package.namespace,
        "publish": package.publish,
        "annotations": json_from_annotations(package.annotations),
        "version": package.version,
    }


def annotations_of_activation(activation: Activation) -> List[Json]:
    facts = {
        "path": activation.action.path,
        "waitTime": activation.wait_time,
        "kind": "blackbox",
        "timeout": activation.timed_out,
        "limits": json_from_limits(activation.action.limits),
    }
    if activation.init_time is not None:
        facts["initTime"] = activation.init_time
    return json_from_annotations(facts.items())


def json_from_activation(activation: Activation, subject: str) -> Json:
    response = {"result": activation.result, "size": activation.size, "status": activation.status}
    return {
        "activationId": activation.activation_id,
        "annotations": annotations_of_activation(activation),
        "duration": activation.end - activation.start,
        "end": activation.end,
        "logs": list(activation.logs),
        "name": activation.action.name,
        "namespace": activation.action.namespace,
        "publish": False,
        "response": {**response, "success": activation.status == SUCCESS},
        "start": activation.start,
        "subject": subject,
        "version": activation.action.version,
    }


def summary_of_activation(activation: Activation) -> Json:
    return {
        "statusCode": STATUS_CODES[activation.status],
        "duration": activation.end - activation.start,
        "name": activation.action.name,
        "activationId": activation.activation_id,
        "end": activation.end,
        "start": activation.start,
        "namespace": activation.action.namespace,
        "publish": False,
        "annotations": annotations_of_activation(activation),
        "version": activation.action.version,
    }
