"""What a manifest, a config and an index must hold to be worked on; all else in them stays.

Pure.
"""

import re
from typing import Any

from images.words import Unsuitable

# Digests become parts of addresses, so they are nothing but that.
DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
LARGEST = 1 << 50  # bytes

# A type, a pattern, [the shape of each], or {key: shape}; what stands under `key?` may be missing
# or null.
DESCRIPTOR = {"digest": DIGEST, "size": int, "mediaType?": str, "urls?": [str]}
PLATFORM = {"os?": str, "architecture?": str, "variant?": str}
ENTRY = {"digest": DIGEST, "platform?": PLATFORM, "annotations?": dict, "artifactType?": str}
INDEX = {"manifests": [ENTRY]}
MANIFEST = {"config": DESCRIPTOR, "layers": [DESCRIPTOR], "annotations?": dict}
SETTINGS = {
    "Entrypoint?": [str],
    "Cmd?": [str],
    "Env?": [str],
    "ExposedPorts?": dict,
    "Labels?": dict,
    "WorkingDir?": str,
}
CONFIG = {"rootfs": {"diff_ids": [DIGEST]}, "history?": [dict], "config?": SETTINGS, **PLATFORM}


def checked(value: Any, shape: Any, where: str) -> Any:
    """The value. Raises Unsuitable at the first place that isn't of the shape."""
    if isinstance(shape, re.Pattern):
        if not isinstance(value, str) or not shape.match(value):
            raise Unsuitable(f"{where} should be a digest and is {value!r:.99}: not an image's?")
        return value
    kind: Any = shape if isinstance(shape, type) else type(shape)
    if not isinstance(value, kind) or isinstance(value, bool):
        given = type(value).__name__
        raise Unsuitable(f"{where} should be {kind.__name__} and is {given}: not an image's?")
    if kind is int and not 0 <= value < LARGEST:
        raise Unsuitable(f"{where} can't be {value}: not an image's?")
    if isinstance(shape, list):
        for number, inner in enumerate(value):
            checked(inner, shape[0], f"{where}[{number}]")
    elif isinstance(shape, dict):
        for key, inner in shape.items():
            name = key.rstrip("?")
            if name == key or value.get(name) is not None:
                checked(value.get(name), inner, f"{where}.{name}")
    return value
