"""What a client sends to create or change an action or a package becomes one. Pure: touches
nothing."""

import re
from typing import Any, Dict, List, Optional, Tuple

from gateway import records
from gateway.base64text import is_like_base64
from gateway.entities import (
    Action,
    Annotations,
    Limits,
    Package,
    Parameters,
    next_version,
)
from gateway.http import jsontext
from gateway.names import IMAGE
from gateway.refusal import Refusal
from gateway.rest.call import malformed
from gateway.settings import Bounds, Settings

VERSION = re.compile(r"\d{1,9}\.\d{1,9}\.\d{1,9}\Z", re.ASCII)
LONGEST_IMAGE = 4096
BLACKBOX = "blackbox"
UNITS = {
    "timeout": ("duration {}", "{} milliseconds"),
    "memory": ("memory size {}", "{} MB"),
    "logs": ("log size {}", "{} MB"),
    "concurrency": ("concurrency {}", "{}"),
}

NOT_SUPPORTED = (
    "The specified runtime '{}' is not supported by this platform. Valid values are: 'blackbox'."
)
NO_BINDINGS = "Package bindings are not supported by this platform."
NO_EXEC = "exec undefined"
TOO_LITTLE = "requirement failed: {} below allowed threshold of {}"
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
        exec_ = exec_from_json(content["exec"])
    code = (exec_ or {}).get("code") or ""
    check_size("Code", len(jsontext.utf8(code)), settings.code_bytes)
    check_sizes(content, settings)
    if exec_ is None and old is None:
        raise Refusal(400, NO_EXEC)
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


def package_from_content(
    content: Any,
    place: Tuple[str, str],
    old: Optional[Package],
    now: int,
    settings: Settings,
) -> Package:
    """`place` is namespace and name. Raises Refusal."""
    content = checked_content(content, "parameters")
    if content.get("binding"):
        raise Refusal(400, NO_BINDINGS)
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
    return (*kept.items(), ("exec", BLACKBOX))


def exec_from_json(value: Any) -> Dict[str, Any]:
    """The members of an action that say what it runs. Raises Refusal."""
    if not isinstance(value, dict):
        raise malformed("Object expected in field 'exec'")
    kind = value.get("kind")
    if not isinstance(kind, str):
        raise malformed("'kind' must be a string defined in 'exec'")
    if kind != BLACKBOX:
        raise malformed(NOT_SUPPORTED.format(kind.strip().lower()))
    image = value.get("image")
    if not isinstance(image, str):
        raise malformed("'image' must be a string defined in 'exec' for 'blackbox' actions")
    if len(image) > LONGEST_IMAGE or not IMAGE.match(image.strip()):
        raise malformed("could not parse image name")
    code, main = optional_text(value, "code"), optional_text(value, "main")
    if code is not None and not code.strip():
        code = None
    is_binary = code is not None and is_like_base64(code)
    return {"image": image.strip(), "code": code, "main": main, "binary": is_binary}


def optional_text(value: Dict[str, Any], name: str) -> Optional[str]:
    """Raises Refusal."""
    text = value.get(name)
    if text is not None and not isinstance(text, str):
        raise malformed(f"if defined, '{name}' must be a string in 'exec' for 'blackbox' actions")
    return text


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
        raise Refusal(400, TOO_MUCH.format(said, unit.format(most)))


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
