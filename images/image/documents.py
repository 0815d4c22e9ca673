"""The documents that make an image in a registry: manifests, configs, and blobs by their digest.

Pure: nothing is read or sent.
"""

import hashlib
import json
from typing import Any, Dict, List, NamedTuple

Json = Dict[str, Any]

DOCKER, OCI = "application/vnd.docker.", "application/vnd.oci."
INDEXES = (OCI + "image.index.v1+json", DOCKER + "distribution.manifest.list.v2+json")
MANIFESTS = (OCI + "image.manifest.v1+json", DOCKER + "distribution.manifest.v2+json")
CONFIGS = (OCI + "image.config.v1+json", DOCKER + "container.image.v1+json")
DOCKER_LAYER = DOCKER + "image.rootfs.diff.tar.gzip"
LAYER_TYPES = {
    MANIFESTS[0]: OCI + "image.layer.v1.tar+gzip",
    MANIFESTS[1]: DOCKER_LAYER,
}
EMPTY_CONFIG = OCI + "empty.v1+json"
IN_TOTO = "application/vnd.in-toto+json"
UNCOMPRESSED_LAYER = OCI + "image.layer.v1.tar"


class Descriptor(NamedTuple):
    """What a manifest says of a blob."""

    digest: str
    size: int


class Manifest(NamedTuple):
    """As the registry has it."""

    media_type: str
    data: bytes
    value: Json

    @property
    def digest(self) -> str:
        return digest_of(self.data)

    @property
    def descriptor(self) -> Descriptor:
        return Descriptor(self.digest, len(self.data))


def manifest_from_value(media_type: str, value: Json) -> Manifest:
    return Manifest(media_type, json_bytes(value), value)


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def json_bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def layers_of(manifest: Json) -> List[Descriptor]:
    """Its layers but those that are fetched from elsewhere, as Windows' own are."""
    layers = [layer for layer in manifest["layers"] if not layer.get("urls")]
    return [Descriptor(layer["digest"], layer["size"]) for layer in layers]


def platform_from(value: Any) -> str:
    """linux/arm64/v8, as an index and a config name it."""
    value = value or {}
    system = value.get("os", "linux")
    names = [system, value.get("architecture"), value.get("variant")]
    return "/".join(name for name in names if name)


def is_same_platform(one: str, other: str) -> bool:
    """arm64 has one variant, v8, which is named or not."""
    return one.replace("/arm64/v8", "/arm64") == other.replace("/arm64/v8", "/arm64")
