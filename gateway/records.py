"""Actions, packages, triggers and rules as JSON: as clients see them and as the store keeps them.
Touches nothing.

Members come in the platform's order."""

from typing import Any, Dict, Iterable, List, Optional, Tuple

from gateway.entities import (
    Action,
    Annotations,
    Binding,
    Limits,
    Link,
    Package,
    Parameter,
    Parameters,
    Rule,
    Trigger,
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
    if action.components:
        return {"components": [f"/{each}" for each in action.components], "kind": action.kind}
    members: Json = {"kind": action.kind, "image": action.image}
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
        image=exec_.get("image", ""),
        main=exec_.get("main"),
        code=exec_.get("code"),
        binary=exec_.get("binary", False),
        limits=Limits(**value["limits"]),
        parameters=parameters_from_json(value["parameters"]),
        annotations=annotations_from_json(value["annotations"]),
        publish=value["publish"],
        updated=value["updated"],
        components=tuple(each[1:] for each in exec_.get("components", ())),
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
        "binding": json_from_binding(package.binding),
        "name": package.name,
        "namespace": package.namespace,
        "parameters": json_from_parameters(package.parameters),
        "publish": package.publish,
        "updated": package.updated,
        "version": package.version,
    }


def json_from_binding(binding: Optional[Binding]) -> Json:
    return {"name": binding.name, "namespace": binding.namespace} if binding else {}


def json_from_package_with(package: Package, actions: Iterable[Action]) -> Json:
    """With what is in it; feeds are actions that are said to be some."""
    inside: Dict[bool, List[Json]] = {True: [], False: []}
    for each in actions:
        is_feed = "feed" in dict(each.annotations)
        inside[is_feed].append(
            {
                "annotations": json_from_annotations(each.annotations),
                "name": each.name,
                "version": each.version,
            }
        )
    members = {**json_from_package(package), "actions": inside[False], "feeds": inside[True]}
    return {name: members[name] for name in sorted(members)}


def package_from_json(value: Json) -> Package:
    binding = value.get("binding")
    return Package(
        namespace=value["namespace"],
        name=value["name"],
        version=value["version"],
        parameters=parameters_from_json(value["parameters"]),
        annotations=annotations_from_json(value["annotations"]),
        publish=value["publish"],
        updated=value["updated"],
        binding=Binding(binding["namespace"], binding["name"]) if binding else None,
    )


def summary_of_package(package: Package) -> Json:
    return {
        "name": package.name,
        "binding": json_from_binding(package.binding) or False,
        "updated": package.updated,
        "namespace": package.namespace,
        "publish": package.publish,
        "annotations": json_from_annotations(package.annotations),
        "version": package.version,
    }


def json_from_trigger(trigger: Trigger) -> Json:
    members: Json = {
        "annotations": json_from_annotations(trigger.annotations),
        "limits": {},
        "name": trigger.name,
        "namespace": trigger.namespace,
        "parameters": json_from_parameters(trigger.parameters),
        "publish": trigger.publish,
    }
    if trigger.links is not None:
        members["rules"] = {each.rule: json_from_link(each) for each in trigger.links}
    return {**members, "updated": trigger.updated, "version": trigger.version}


def json_from_link(link: Link) -> Json:
    return {"action": json_from_path(link.action), "status": status_text(link.active)}


def json_from_path(path: str) -> Json:
    place, _, name = path.rpartition("/")
    return {"name": name, "path": place}


def path_from_json(value: Json) -> str:
    return f"{value['path']}/{value['name']}"


def status_text(active: bool) -> str:
    return "active" if active else "inactive"


def trigger_from_json(value: Json) -> Trigger:
    rules = value.get("rules")
    links = None if rules is None else tuple(link_from_json(*pair) for pair in rules.items())
    return Trigger(
        namespace=value["namespace"],
        name=value["name"],
        version=value["version"],
        parameters=parameters_from_json(value["parameters"]),
        annotations=annotations_from_json(value["annotations"]),
        publish=value["publish"],
        updated=value["updated"],
        links=links,
    )


def link_from_json(rule: str, value: Json) -> Link:
    return Link(rule, path_from_json(value["action"]), value["status"] == "active")


def summary_of_trigger(trigger: Trigger) -> Json:
    return {
        "name": trigger.name,
        "updated": trigger.updated,
        "namespace": trigger.namespace,
        "publish": trigger.publish,
        "annotations": json_from_annotations(trigger.annotations),
        "version": trigger.version,
    }


def json_from_rule(rule: Rule, active: Optional[bool] = None) -> Json:
    """Without `active` as lists and the store have it."""
    members: Json = {
        "action": json_from_path(rule.action),
        "annotations": json_from_annotations(rule.annotations),
        "name": rule.name,
        "namespace": rule.namespace,
        "publish": rule.publish,
    }
    if active is not None:
        members["status"] = status_text(active)
    trigger = json_from_path(rule.trigger)
    return {**members, "trigger": trigger, "updated": rule.updated, "version": rule.version}


def rule_from_json(value: Json) -> Rule:
    return Rule(
        namespace=value["namespace"],
        name=value["name"],
        version=value["version"],
        trigger=path_from_json(value["trigger"]),
        action=path_from_json(value["action"]),
        annotations=annotations_from_json(value["annotations"]),
        publish=value["publish"],
        updated=value["updated"],
    )
