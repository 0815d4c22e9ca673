"""What an action's image changes in the config of its base, and the label that tells it later.

Pure.
"""

import json
from typing import Any, Dict, List, NamedTuple, Optional

from images.image.documents import Json
from images.image.hints import ADAPTERS_PORT, exposed_ports, health_path
from images.image.settings import listed, members, variables_of
from images.image.shapes import checked
from images.image.startcommand import Start, start_from_settings
from images.words import Unsuitable

BASE_NAME, BASE_DIGEST = (
    "org.opencontainers.image.base.name",
    "org.opencontainers.image.base.digest",
)
VERSION_LABEL, CHANGES_LABEL = "openwhisk-adapter.version", "openwhisk-adapter.changes"
EXPOSED, HEALTH = "OPENWHISK_EXPOSED", "OPENWHISK_HEALTH"
FORMER_ADAPTERS = ("/openwhisk.py",)
SHAPE = {
    "layers": int,
    "python": [str],
    "env?": dict,
    "labels?": dict,
    "entry?": [str],
    "cmd?": [str],
}


class Wishes(NamedTuple):
    """What the user wants to be different from the base."""

    env: Dict[str, str] = {}
    labels: Dict[str, str] = {}
    entry: Optional[List[str]] = None
    cmd: Optional[List[str]] = None


class Changes(NamedTuple):
    """All that makes an action's config of a base's."""

    adapter: str  # its path in the image
    python: List[str]  # the words that start it
    layers: int  # how many of the image's layers are ours, the last ones
    wishes: Wishes
    labels: Dict[str, str]  # where the image comes from


def settings_with_wishes(settings: Json, wishes: Wishes) -> Json:
    """The base's, as a Dockerfile with ENV, LABEL, ENTRYPOINT and CMD would leave them."""
    changed = dict(settings)
    if wishes.entry is not None:
        changed["Entrypoint"], changed["Cmd"] = wishes.entry, None
    if wishes.cmd is not None:
        changed["Cmd"] = wishes.cmd
    if wishes.env:
        variables = variables_of(settings)
        variables.update(wishes.env)  # one that is there keeps its place
        changed["Env"] = [f"{name}={value}" for name, value in variables.items()]
    if wishes.labels:
        changed["Labels"] = members(settings, "Labels")
        changed["Labels"].update(wishes.labels)
    return changed


def settings_from_base(settings: Json, changes: Changes) -> Json:
    """All that the base says stays; its start command becomes what the adapter starts."""
    refuse_action(settings, changes.adapter)
    wished = settings_with_wishes(settings, changes.wishes)
    changed = dict(wished)
    changed["Entrypoint"] = [*changes.python, changes.adapter]
    changed["Cmd"] = start_command(wished)
    changed["ExposedPorts"] = members(wished, "ExposedPorts")
    changed["ExposedPorts"][f"{ADAPTERS_PORT}/tcp"] = {}
    changed["Labels"] = members(wished, "Labels")
    changed["Labels"].update(changes.labels)
    changed["Labels"][CHANGES_LABEL] = text_from_changes(changes)
    hints = hints_from_settings(wished)
    if hints:
        changed["Env"] = listed(wished, "Env") + hints
    return changed


def start_command(settings: Json) -> List[str]:
    words = start_from_settings(settings).words
    if not words:
        raise Unsuitable(
            "the base has no start command: give it a CMD in its Dockerfile, or name one by"
            " layer.py's --cmd or --entry"
        )
    return words


def refuse_action(settings: Json, adapter: str) -> None:
    entrypoint = listed(settings, "Entrypoint")
    if any(path in entrypoint for path in (adapter, *FORMER_ADAPTERS)):
        raise Unsuitable("the base is an action's image already: name the model's own image")


def hints_from_settings(settings: Json) -> List[str]:
    """What the config says of the model's server, as variables, unless the image sets them."""
    ports = [str(port) for port in exposed_ports(settings) if port != ADAPTERS_PORT]
    hints = {EXPOSED: " ".join(ports), HEALTH: health_path(settings)}
    known = variables_of(settings)
    return [f"{name}={value}" for name, value in hints.items() if value and name not in known]


def text_from_changes(changes: Changes) -> str:
    wishes = changes.wishes
    told: Dict[str, Any] = {"layers": changes.layers, "python": changes.python}
    if wishes.env:
        told["env"] = wishes.env
    if wishes.labels:
        told["labels"] = wishes.labels
    if wishes.entry is not None:
        told["entry"] = wishes.entry
    if wishes.cmd is not None:
        told["cmd"] = wishes.cmd
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


class Told(NamedTuple):
    """What an action's image says of how it was made."""

    layers: int
    python: List[str]
    wishes: Wishes


def changes_from_label(text: str) -> Told:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Unsuitable(f"the label {CHANGES_LABEL} isn't JSON: make the action's image anew")
    checked(value, SHAPE, f"the label {CHANGES_LABEL}")
    for name in ("env", "labels"):
        texts = list(members(value, name).values())
        checked(texts, [str], f"the label {CHANGES_LABEL}.{name}")
    wishes = Wishes(
        env=value.get("env") or {},
        labels=value.get("labels") or {},
        entry=value.get("entry"),
        cmd=value.get("cmd"),
    )
    return Told(value["layers"], value["python"], wishes)


def warnings_on(settings: Json, start: Start) -> List[str]:
    """What will be noticed late, in the action, unless it is told now."""
    if ADAPTERS_PORT not in exposed_ports(settings):
        return []
    return [
        f"the base exposes {ADAPTERS_PORT}, which in an action is the adapter's own port: if the"
        f" model's server ({start.text}) listens there, give it another, by --env, --cmd or its own"
        " settings"
    ]
