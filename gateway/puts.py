"""What a client sends to create or change an action or a package becomes one. Pure: touches nothing."""

import re
from typing import Any, Dict, List, Optional, Tuple

from gateway import jsontext, records
from gateway.entities import Action, Limits, Package, Parameter
from gateway.settings import Bounds, Settings
from gateway.web import is_binary_code

IMAGE = re.compile(
    r"(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9.\-]*[a-zA-Z0-9])?(?::[0-9]+)?)/)?"
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
    r"(?::\w[\w.\-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[+.\-_][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?\Z",
    re.ASCII,
)
VERSION = re.compile(r"\d{1,9}\.\d{1,9}\.\d{1,9}\Z", re.ASCII)
UNITS = {
    "timeout": ("duration {}", "{} milliseconds"),
    "memory": ("memory size {}", "{} MB"),
    "logs": ("log size {}", "{} MB"),
    "concurrency": ("concurrency {}", "{}"),
}

NOT_SUPPORTED = "The specified runtime '{}' is not supported by this platform. Valid values are: 'blackbox'."
NO_BINDINGS = "Package bindings are not supported by this platform."


class BadContent(ValueError):
    """The content isn't what it has to be; answered before anything is looked up."""


class NotPermitted(ValueError):
    """Well formed, but not allowed."""

    def __init__(self, message: str, status: int = 400):
        super().__init__(message)
        self.status = status


def action_from_put(content: Any, place: Tuple[str, str, str], old: Optional[Action], now: int, settings: Settings):
    """`place` is namespace, package and name. What the content doesn't say stays as it was."""
    content = checked_content(content, "exec")
    exec_ = exec_from_json(content["exec"]) if content.get("exec") is not None else None
    check_size("Code", len(jsontext.utf8((exec_ or {}).get("code") or "")), settings.code_bytes)
    check_sizes(content, settings)
    if exec_ is None and old is None:
        raise NotPermitted("exec undefined")
    base = old or Action(*place, version="0.0.0", image="")
    annotations = merged_annotations(base, content, created=old is None)
    return base._replace(
        version=content.get("version") or next_version(base.version),
        limits=limits_from_json(content.get("limits"), base.limits, settings.bounds),
        parameters=replaced_parameters(base.parameters, content),
        annotations=annotations,
        publish=bool(content.get("publish", base.publish)),
        updated=now,
        **(exec_ or {}),
    )


def package_from_put(content: Any, place: Tuple[str, str], old: Optional[Package], now: int, settings: Settings):
    content = checked_content(content, "parameters")
    if content.get("binding"):
        raise NotPermitted(NO_BINDINGS)
    check_sizes(content, settings)
    base = old or Package(*place, version="0.0.0")
    annotations = base.annotations
    if content.get("annotations") is not None:
        annotations = records.annotations_from_json(content["annotations"])
    return base._replace(
        version=content.get("version") or next_version(base.version),
        parameters=replaced_parameters(base.parameters, content),
        annotations=tuple(pair for pair in annotations if pair[0] != "binding"),
        publish=bool(content.get("publish", base.publish)),
        updated=now,
    )


def checked_content(content: Any, needed: str) -> Dict[str, Any]:
    if not isinstance(content, dict):
        raise BadContent(f"Object expected in field '{needed}'")
    for name in ("parameters", "annotations"):
        check_pairs(content.get(name), name)
    version = content.get("version")
    if version is not None and not (isinstance(version, str) and VERSION.match(version)):
        raise BadContent("'version' must be three numbers, as in 0.0.1")
    if not isinstance(content.get("publish", False), bool):
        raise BadContent("'publish' must be true or false")
    return content


def check_pairs(items: Any, name: str) -> None:
    if items is None:
        return
    good = isinstance(items, list) and all(
        isinstance(item, dict) and isinstance(item.get("key"), str) and item["key"].strip() for item in items
    )
    if not good:
        raise BadContent(f"{name} malformed!")


def replaced_parameters(old: Tuple[Parameter, ...], content: Dict[str, Any]) -> Tuple[Parameter, ...]:
    items = content.get("parameters")
    return old if items is None else records.parameters_from_json(items)


def next_version(version: str) -> str:
    start, _, last = version.rpartition(".")
    return f"{start}.{int(last) + 1}"


def merged_annotations(base: Action, content: Dict[str, Any], created: bool) -> Tuple[Tuple[str, Any], ...]:
    """New ones replace or join the old ones; the platform itself adds what it wants to know."""
    removed = content.get("delAnnotations") or ()
    if not isinstance(removed, (list, tuple)):
        raise BadContent("delAnnotations malformed!")
    kept = {key: value for key, value in base.annotations if key not in removed}
    kept.update(records.annotations_from_json(content.get("annotations") or ()))
    if created:
        kept.setdefault("provide-api-key", False)
    kept.pop("exec", None)
    return (*kept.items(), ("exec", "blackbox"))


def exec_from_json(value: Any) -> Dict[str, Any]:
    if not isinstance(value, dict):
        raise BadContent("Object expected in field 'exec'")
    kind = value.get("kind")
    if not isinstance(kind, str):
        raise BadContent("'kind' must be a string defined in 'exec'")
    if kind != "blackbox":
        raise BadContent(NOT_SUPPORTED.format(kind.strip().lower()))
    image, code, main = value.get("image"), value.get("code"), value.get("main")
    if not isinstance(image, str):
        raise BadContent("'image' must be a string defined in 'exec' for 'blackbox' actions")
    if not IMAGE.match(image.strip()):
        raise BadContent("could not parse image name")
    for name, text in (("code", code), ("main", main)):
        if text is not None and not isinstance(text, str):
            raise BadContent(f"if defined, '{name}' must be a string in 'exec' for 'blackbox' actions")
    code = code if code and code.strip() else None
    return {"image": image.strip(), "code": code, "main": main, "binary": bool(code and is_binary_code(code))}


def limits_from_json(value: Any, old: Limits, bounds: Bounds) -> Limits:
    if value is None:
        return old
    if not isinstance(value, dict):
        raise BadContent("Object expected in field 'limits'")
    new = {name: value[name] for name in Limits._fields if value.get(name) is not None}
    for name, number in new.items():
        if not isinstance(number, int) or isinstance(number, bool):
            raise BadContent(f"{name} limit malformed")
        check_bounds(name, number, *getattr(bounds, name))
    return old._replace(**new)


def check_bounds(name: str, number: int, least: int, most: int) -> None:
    what, unit = UNITS[name]
    said = what.format(unit.format(number))
    if number < least:
        raise NotPermitted(f"requirement failed: {said} below allowed threshold of {unit.format(least)}")
    if number > most:
        raise NotPermitted(f"requirement failed: {said} exceeds allowed threshold of {unit.format(most)}")


def check_sizes(content: Dict[str, Any], settings: Settings) -> None:
    for name in ("parameters", "annotations"):
        check_size(name.capitalize(), size_of_pairs(content.get(name) or []), settings.parameter_bytes)


def size_of_pairs(items: List[Dict[str, Any]]) -> int:
    return sum(
        len(jsontext.utf8(item["key"])) + len(jsontext.utf8(jsontext.compact(item.get("value")))) for item in items
    )


def check_size(what: str, size: int, most: int) -> None:
    if size > most:
        raise NotPermitted(f"{what} larger than allowed: {size} > {most} bytes.", 413)
