"""An image that is in an engine alone, read the way a registry's is.

Its layers pass by and are not kept.
"""

import json
import subprocess
import tarfile
from typing import Dict

from images.action.plan import Base, Image
from images.engine.engine import Engine, EngineError
from images.image.documents import (
    CONFIGS,
    LAYER_TYPES,
    MANIFESTS,
    Json,
    digest_of,
    manifest_from_value,
    platform_from,
)
from images.image.reference import reference_from_name
from images.registry.resolving import check_config

LARGEST = 8 << 20  # bytes of a document; everything larger is a layer


def base_from_engine(engine: Engine, name: str) -> Base:
    """The digest is that of the config: an image that was never pushed has no other."""
    data = config_from_engine(engine, name)
    config: Json = json.loads(data)
    diff_ids = (config.get("rootfs") or {}).get("diff_ids") or []
    check_config(config, len(diff_ids), name)
    value = {
        "schemaVersion": 2,
        "mediaType": MANIFESTS[1],
        "config": {"mediaType": CONFIGS[1], "digest": digest_of(data), "size": len(data)},
        "layers": [layer_entry(diff_id) for diff_id in diff_ids],
    }
    manifest = manifest_from_value(MANIFESTS[1], value)
    image = Image(platform_from(config), manifest, config)
    return Base(reference_from_name(name), digest_of(data), [image])


def layer_entry(diff_id: str) -> Json:
    return {"mediaType": LAYER_TYPES[MANIFESTS[1]], "digest": diff_id, "size": 0}


def config_from_engine(engine: Engine, name: str) -> bytes:
    """Byte for byte: `inspect` leaves out some of it."""
    documents = documents_from_engine(engine, name)
    try:
        described = json.loads(documents["manifest.json"])[0]["Config"]
        return documents[described]
    except (KeyError, IndexError, TypeError, ValueError):
        raise EngineError(f"what `{engine.name} save {name}` prints can't be read")


def documents_from_engine(engine: Engine, name: str) -> Dict[str, bytes]:
    process = engine.start(["save", name], False, errors=subprocess.DEVNULL)
    found: Dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
            for member in tar:
                # Podman's layers are links, which can't be followed in a stream.
                is_document = member.isreg() and member.size <= LARGEST
                file = tar.extractfile(member) if is_document else None
                if file:
                    data = file.read()
                    if data[:1] in (b"{", b"["):
                        found[member.name] = data
    except tarfile.TarError as error:
        raise EngineError(f"`{engine.name} save {name}` failed: {error}")
    finally:
        engine.forget(process)
    return found
