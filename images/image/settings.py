"""Members of an image's settings, which may be missing or null. Pure."""

from typing import Any, Dict, List, Mapping

USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # engines set it


def listed(value: Mapping[str, Any], name: str) -> List[Any]:
    return list(value.get(name) or [])


def members(value: Mapping[str, Any], name: str) -> Dict[str, Any]:
    return dict(value.get(name) or {})


def variables_of(settings: Mapping[str, Any]) -> Dict[str, str]:
    """The environment that the image sets, in its order."""
    found = {}
    for variable in listed(settings, "Env"):
        name, _, value = variable.partition("=")
        found[name] = value
    return found


def folders_on_path(settings: Mapping[str, Any]) -> List[str]:
    """Without their slashes at both ends."""
    path = variables_of(settings).get("PATH") or USUAL_PATH
    return [folder.strip("/") for folder in path.split(":")]
