"""What an action runs, as a client says it: an image, or other actions in a row. Pure: touches
nothing."""

from typing import Any, Dict, List, Optional, Tuple

from gateway.base64text import is_like_base64
from gateway.entities import BLACKBOX, SEQUENCE
from gateway.names import IMAGE, NAME
from gateway.refusal import Refusal
from gateway.rest.call import BAD_NAME, malformed

# The platform's own kinds and their newest versions here, as images that run the same code.
LONGEST_IMAGE = 4096
IMAGES_OF_KINDS = {
    "dotnet": "openwhisk/action-dotnet-v6.0",
    "go": "openwhisk/action-golang-v1.20",
    "java": "openwhisk/java8action",
    "nodejs": "openwhisk/action-nodejs-v20",
    "php": "openwhisk/action-php-v8.1",
    "python": "openwhisk/action-python-v3.11",
    "ruby": "openwhisk/action-ruby-v2.5",
    "rust": "openwhisk/action-rust-v1.34",
    "swift": "openwhisk/action-swift-v5.7",
}
NOT_SUPPORTED = (
    "The specified runtime '{}' is not supported by this platform."
    " Valid values are: 'blackbox', 'sequence'."
)
USE_IMAGE = " It runs such code in its image: name that in place of the kind, as in --docker {}."
NOT_QUALIFIED = (
    "requirement failed: The fully qualified name of the entity must contain"
    " at least the namespace and the name of the entity."
)
NO_COMPONENT = "No component specified for the sequence."
OWN = "_"


def exec_from_json(value: Any, namespace: str) -> Dict[str, Any]:
    """The members of an action that say what it runs. Raises Refusal."""
    if not isinstance(value, dict):
        raise malformed("Object expected in field 'exec'")
    kind = value.get("kind")
    if not isinstance(kind, str):
        raise malformed("'kind' must be a string defined in 'exec'")
    if kind == SEQUENCE:
        return sequence_from_json(value, namespace)
    if kind == BLACKBOX:
        return blackbox_from_json(value)
    raise malformed(not_supported(kind.strip().lower()))


def not_supported(kind: str) -> str:
    image = IMAGES_OF_KINDS.get(kind.partition(":")[0])
    return NOT_SUPPORTED.format(kind) + (USE_IMAGE.format(image) if image else "")


def blackbox_from_json(value: Dict[str, Any]) -> Dict[str, Any]:
    """Raises Refusal."""
    image = value.get("image")
    if not isinstance(image, str):
        raise malformed("'image' must be a string defined in 'exec' for 'blackbox' actions")
    if len(image) > LONGEST_IMAGE or not IMAGE.match(image.strip()):
        raise malformed("could not parse image name")
    code, main = optional_text(value, "code"), optional_text(value, "main")
    if code is not None and not code.strip():
        code = None
    is_binary = code is not None and is_like_base64(code)
    members = {"image": image.strip(), "code": code, "main": main, "binary": is_binary}
    return {**members, "components": ()}


def optional_text(value: Dict[str, Any], name: str) -> Optional[str]:
    """Raises Refusal."""
    text = value.get(name)
    if text is not None and not isinstance(text, str):
        raise malformed(f"if defined, '{name}' must be a string in 'exec' for 'blackbox' actions")
    return text


def sequence_from_json(value: Dict[str, Any], namespace: str) -> Dict[str, Any]:
    """Raises Refusal."""
    if value.get("components") is None:
        raise malformed("'components' must be defined for sequence kind")
    if not isinstance(value["components"], list):
        raise malformed("'components' must be an array")
    components = components_from_json(value["components"], namespace)
    if not components:
        raise Refusal(400, NO_COMPONENT)
    members = {"image": "", "code": None, "main": None, "binary": False}
    return {**members, "components": components}


def components_from_json(items: List[Any], namespace: str) -> Tuple[str, ...]:
    """Raises Refusal."""
    return tuple(path_from_reference(each, namespace) for each in items)


def path_from_reference(value: Any, namespace: str) -> str:
    """/_/ocr, or guest/package/ocr, as the path of what it names. Raises Refusal."""
    if not isinstance(value, str):
        raise malformed("fully qualified name malformed")
    owner, *names = [each for each in value.split("/") if each] or [""]
    if not names:
        raise malformed(NOT_QUALIFIED)
    if not all(NAME.match(each) for each in (owner, *names)):
        raise malformed(BAD_NAME)
    return "/".join((namespace if owner == OWN else owner, *names))
