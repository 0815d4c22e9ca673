"""What a manifest, a config and an index must hold to be worked on; all else in them stays. Touches nothing."""

from images.plan import Unsuitable

# A type, [the shape of each], or {key: shape}; what stands under `key?` may be missing or null.
DESCRIPTOR = {"digest": str, "size": int, "mediaType?": str, "urls?": [str]}
PLATFORM = {"os?": str, "architecture?": str, "variant?": str}
INDEX = {"manifests": [{"digest": str, "platform?": PLATFORM, "annotations?": dict, "artifactType?": str}]}
MANIFEST = {"config": DESCRIPTOR, "layers": [DESCRIPTOR], "annotations?": dict}
SETTINGS = {"Entrypoint?": [str], "Cmd?": [str], "Env?": [str], "ExposedPorts?": dict, "Labels?": dict}
CONFIG = {"rootfs": {"diff_ids": [str]}, "history?": [dict], "config?": SETTINGS, **PLATFORM}


def checked(value, shape, where):
    """The value. Raises Unsuitable at the first place that isn't of the shape."""
    kind = shape if isinstance(shape, type) else type(shape)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Unsuitable(f"{where} should be {kind.__name__} and is {type(value).__name__}: not an image's?")
    if isinstance(shape, list):
        for number, inner in enumerate(value):
            checked(inner, shape[0], f"{where}[{number}]")
    elif isinstance(shape, dict):
        for key, inner in shape.items():
            name = key.rstrip("?")
            if name == key or value.get(name) is not None:
                checked(value.get(name), inner, f"{where}.{name}")
    return value
