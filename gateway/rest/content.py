"""What a client sends to create or change an entity becomes one. Pure: touches nothing."""

import re
from typing import Any, Dict, List, Optional, Tuple

from gateway import records
from gateway.entities import (
    Action,
    Annotations,
    Binding,
    Limits,
    Package,
    Parameter,
    Parameters,
    Rule,
    Trigger,
    next_version,
)
from gateway.http import jsontext
from gateway.names import NAME
from gateway.refusal import Refusal
from gateway.rest.call import malformed
from gateway.rest.execs import OWN, exec_from_json, path_from_reference
from gateway.settings import Bounds, Settings

VERSION = re.compile(r"\d{1,9}\.\d{1,9}\.\d{1,9}\Z", re.ASCII)
UNITS = {
    "timeout": ("duration {}", "{} milliseconds"),
    "memory": ("memory size {}", "{} MB"),
    "logs": ("log size {}", "{} MB"),
    "concurrency": ("concurrency {}", "{}"),
}

NO_EXEC = "exec undefined"
BAD_BINDING = "binding malformed!"
BAD_FEED = "Feed name is not valid"
NO_CONDUCTORS = (
    "Conductor actions are not supported by this platform: join actions in a sequence,"
    " or in a program that invokes them."
)
NO_ENDS = "rule requires a valid trigger and a valid action"
TOO_LITTLE = "requirement failed: {} below allowed threshold of {}"
# Those of the gateway that allow more. What the client is told is the platform's.
OPTIONS = {
    "timeout": "--timeout-max",
    "memory": "--memory-max",
    "concurrency": "--concurrency-max",
}
HINT = "Refused an action with {}: start the gateway with {} {} to allow it."
TOO_MUCH = "requirement failed: {} exceeds allowed threshold of {}"
LARGER = "{} larger than allowed: {} > {} bytes."


def action_from_content(
    content: Any,
    place: Tuple[str, str, str],
    old: Optional[Action],
    now: int,
    settings: Settings,
) -> Action:
    """`place` is namespace, package and name. What the content doesn't say stays as it was.
    Raises Refusal."""
    content = checked_content(content, "exec")
    exec_ = None
    if content.get("exec") is not None:
        exec_ = exec_from_json(content["exec"], place[0])
    code = (exec_ or {}).get("code") or ""
    check_size("Code", len(jsontext.utf8(code)), settings.code_bytes)
    check_sizes(content, settings)
    if exec_ is None and old is None:
        raise Refusal(400, NO_EXEC)
    base = old or Action(*place, version="0.0.0")
    new = base._replace(**(exec_ or {}))
    annotations = merged_annotations(new, content, created=old is None)
    if dict(annotations).get("conductor") is True:
        raise Refusal(400, NO_CONDUCTORS)
    return new._replace(
        version=content.get("version") or next_version(base.version),
        limits=limits_from_json(content.get("limits"), base.limits, settings.bounds),
        parameters=action_parameters(base, new, content),
        annotations=annotations,
        publish=bool(content.get("publish", base.publish)),
        updated=now,
    )


def action_parameters(
    old: Action,
    new: Action,
    content: Dict[str, Any],
) -> Parameters:
    """A sequence has one parameter, which shows what it runs, and leaves it to nobody."""
    if new.components:
        return (Parameter("_actions", [f"/{each}" for each in new.components]),)
    return replaced_parameters(() if old.components else old.parameters, content)


def package_from_content(
    content: Any,
    place: Tuple[str, str],
    old: Optional[Package],
    now: int,
    settings: Settings,
) -> Package:
    """`place` is namespace and name. Raises Refusal."""
    content = checked_content(content, "parameters")
    binding = binding_from_json(content.get("binding"), place[0])
    check_sizes(content, settings)
    base = old or Package(*place, version="0.0.0")
    binding = binding or base.binding
    annotations = replaced_annotations(base.annotations, content)
    annotations = tuple(pair for pair in annotations if pair[0] != "binding")
    if binding is not None:
        annotations += (("binding", records.json_from_binding(binding)),)
    return base._replace(
        version=content.get("version") or next_version(base.version),
        parameters=replaced_parameters(base.parameters, content),
        annotations=annotations,
        publish=bool(content.get("publish", base.publish)),
        updated=now,
        binding=binding,
    )


def binding_from_json(value: Any, namespace: str) -> Optional[Binding]:
    """An empty one is none. Raises Refusal."""
    if not value:
        return None
    if not isinstance(value, dict):
        raise malformed(BAD_BINDING)
    owner, name = value.get("namespace"), value.get("name")
    if not is_name(owner) or not is_name(name):
        raise malformed(BAD_BINDING)
    return Binding(namespace if owner == OWN else str(owner), str(name))


def is_name(value: Any) -> bool:
    return isinstance(value, str) and NAME.match(value) is not None


def trigger_from_content(
    content: Any,
    place: Tuple[str, str],
    old: Optional[Trigger],
    now: int,
    settings: Settings,
) -> Trigger:
    """`place` is namespace and name. Raises Refusal."""
    content = checked_content(content, "parameters")
    check_sizes(content, settings)
    base = old or Trigger(*place, version="0.0.0")
    annotations = replaced_annotations(base.annotations, content)
    feed = dict(annotations).get("feed", "a name")
    if old is None and not is_path(feed):
        raise Refusal(400, BAD_FEED)
    return base._replace(
        version=content.get("version") or next_version(base.version),
        parameters=replaced_parameters(base.parameters, content),
        annotations=annotations,
        publish=bool(content.get("publish", base.publish)),
        updated=now,
    )


def is_path(value: Any) -> bool:
    return isinstance(value, str) and all(map(is_name, value.strip("/").split("/")))


def rule_from_content(
    content: Any,
    place: Tuple[str, str],
    old: Optional[Rule],
    now: int,
    settings: Settings,
) -> Rule:
    """`place` is namespace and name. Raises Refusal."""
    content = checked_content(content, "trigger")
    check_sizes(content, settings)
    base = old or Rule(*place, version="0.0.0", trigger="", action="")
    ends = {
        each: path_from_reference(content[each], place[0])
        for each in ("trigger", "action")
        if content.get(each) is not None
    }
    return base._replace(
        version=content.get("version") or next_version(base.version),
        annotations=replaced_annotations(base.annotations, content),
        publish=bool(content.get("publish", base.publish)),
        updated=now,
        **ends,
    )


def check_rule(rule: Rule) -> None:
    """Raises Refusal where it lacks one of its ends."""
    if not rule.trigger or not rule.action:
        raise Refusal(400, NO_ENDS)


def checked_content(content: Any, needed: str) -> Dict[str, Any]:
    """Raises Refusal."""
    if not isinstance(content, dict):
        raise malformed(f"Object expected in field '{needed}'")
    for name in ("parameters", "annotations"):
        check_pairs(content.get(name), name)
    version = content.get("version")
    if version is not None and not is_version(version):
        raise malformed("'version' must be three numbers, as in 0.0.1")
    if not isinstance(content.get("publish", False), bool):
        raise malformed("'publish' must be true or false")
    return content


def is_version(value: Any) -> bool:
    return isinstance(value, str) and VERSION.match(value) is not None


def check_pairs(items: Any, name: str) -> None:
    """Raises Refusal."""
    if items is None:
        return
    if not isinstance(items, list) or not all(map(is_pair, items)):
        raise malformed(f"{name} malformed!")


def is_pair(item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    key = item.get("key")
    return isinstance(key, str) and key.strip() != ""


def replaced_parameters(old: Parameters, content: Dict[str, Any]) -> Parameters:
    items = content.get("parameters")
    return old if items is None else records.parameters_from_json(items)


def replaced_annotations(old: Annotations, content: Dict[str, Any]) -> Annotations:
    items = content.get("annotations")
    return old if items is None else records.annotations_from_json(items)


def merged_annotations(
    base: Action,
    content: Dict[str, Any],
    created: bool,
) -> Annotations:
    """New ones replace or join the old ones; the platform itself adds what it wants to know."""
    removed = content.get("delAnnotations") or ()
    if not isinstance(removed, (list, tuple)):
        raise malformed("delAnnotations malformed!")
    kept = {key: value for key, value in base.annotations if key not in removed}
    kept.update(records.annotations_from_json(content.get("annotations") or ()))
    if created:
        kept.setdefault("provide-api-key", False)
    kept.pop("exec", None)
    return (*kept.items(), ("exec", base.kind))


def limits_from_json(value: Any, old: Limits, bounds: Bounds) -> Limits:
    """Raises Refusal."""
    if value is None:
        return old
    if not isinstance(value, dict):
        raise malformed("Object expected in field 'limits'")
    asked = [name for name in Limits._fields if value.get(name) is not None]
    new = {name: value[name] for name in asked}
    for name, number in new.items():
        if not isinstance(number, int) or isinstance(number, bool):
            raise malformed(f"{name} limit malformed")
        check_bounds(name, number, *getattr(bounds, name))
    return old._replace(**new)


def check_bounds(name: str, number: int, least: int, most: int) -> None:
    """Raises Refusal."""
    what, unit = UNITS[name]
    said = what.format(unit.format(number))
    if number < least:
        raise Refusal(400, TOO_LITTLE.format(said, unit.format(least)))
    if number > most:
        message = TOO_MUCH.format(said, unit.format(most))
        option = OPTIONS.get(name)
        hint = HINT.format(said, option, number) if option else ""
        raise Refusal(400, message, hint=hint)


def check_sizes(content: Dict[str, Any], settings: Settings) -> None:
    """Raises Refusal."""
    for name in ("parameters", "annotations"):
        size = size_of_pairs(content.get(name) or [])
        check_size(name.capitalize(), size, settings.parameter_bytes)


def size_of_pairs(items: List[Dict[str, Any]]) -> int:
    size = 0
    for item in items:
        size += len(jsontext.utf8(item["key"]))
        size += len(jsontext.utf8(jsontext.compact(item.get("value"))))
    return size


def check_size(what: str, size: int, most: int) -> None:
    """Raises Refusal."""
    if size > most:
        raise Refusal(413, LARGER.format(what, size, most))
