"""What has to be in the target repository, worked out from a base image alone. Pure: nothing is read or sent."""

import copy
from typing import Any, Dict, List, NamedTuple, Optional

from images.command import command_from_config, interpreter_from_config
from images.content import Blob, Descriptor, Layer, digest_of, json_bytes
from images.reference import Reference

ADAPTER = "/openwhisk.py"
PORT = "8080/tcp"
DOCKER, OCI = "application/vnd.docker.", "application/vnd.oci."
INDEXES = (OCI + "image.index.v1+json", DOCKER + "distribution.manifest.list.v2+json")
MANIFESTS = (OCI + "image.manifest.v1+json", DOCKER + "distribution.manifest.v2+json")
CONFIGS = (OCI + "image.config.v1+json", DOCKER + "container.image.v1+json")
LAYER_TYPES = {
    MANIFESTS[0]: OCI + "image.layer.v1.tar+gzip",
    MANIFESTS[1]: DOCKER + "image.rootfs.diff.tar.gzip",
}
BASE_NAME, BASE_DIGEST = "org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"
CREATED_BY = "COPY openwhisk.py /openwhisk.py"


class Manifest(NamedTuple):
    """As the registry has it."""

    media_type: str
    data: bytes
    value: Dict[str, Any]

    @property
    def digest(self):
        return digest_of(self.data)


class Image(NamedTuple):
    """One platform's."""

    platform: str
    manifest: Manifest
    config: Dict[str, Any]
    interpreter: str = ""  # where the config doesn't tell and the layers were looked through


class Base(NamedTuple):
    """An image, for one platform or for all that its index names."""

    reference: Reference
    digest: str
    images: List[Image]
    index: Optional[Manifest] = None
    remarks: List[str] = []


class Plan(NamedTuple):
    """`manifests` are put in their order; the last one is what the tag will name."""

    source: Reference
    target: Reference
    base_blobs: List[Descriptor]
    blobs: List[Blob]
    manifests: List[Manifest]
    remarks: List[str]

    @property
    def digest(self):
        return self.manifests[-1].digest

    @property
    def base_size(self):
        return sum(blob.size for blob in self.base_blobs)

    @property
    def own_size(self):
        return sum(len(blob.data) for blob in self.blobs) + sum(len(one.data) for one in self.manifests)


class Unsuitable(Exception):
    """No action image can be made of this base; says what to do."""


def plan_from_base(base: Base, target: Reference, layer: Layer) -> Plan:
    labels = {BASE_NAME: str(base.reference), BASE_DIGEST: base.digest}
    configs = [Blob(json_bytes(config_with_layer(image, layer, labels))) for image in base.images]
    manifests = [
        manifest_with_layer(image.manifest, config.descriptor, layer, labels)
        for image, config in zip(base.images, configs)
    ]
    index = [index_with_images(base, manifests)] if base.index else []
    return Plan(
        source=base.reference,
        target=target,
        base_blobs=unique(blob for image in base.images for blob in copied_blobs(image.manifest.value)),
        blobs=unique([layer.blob] + configs),
        manifests=unique(manifests) + index,
        remarks=base.remarks + unique(remark for image in base.images for remark in remarks_on(image)),
    )


def unique(values):
    found = []
    for value in values:
        if value not in found:
            found.append(value)
    return found


def copied_blobs(manifest):
    """Its layers but those that are fetched from elsewhere, as Windows' own are."""
    return [Descriptor(layer["digest"], layer["size"]) for layer in manifest["layers"] if not layer.get("urls")]


def config_with_layer(image, layer, labels):
    """All that the base says stays; its start command becomes what the adapter starts."""
    config = copy.deepcopy(image.config)
    settings = config["config"] = config.get("config") or {}
    if ADAPTER in (settings.get("Entrypoint") or []):
        raise Unsuitable("the base is an action's image already: name the model's own image")
    python = interpreter_from_config(settings) or image.interpreter or "python"
    settings["Cmd"] = command_from_config(settings) or [python, "app.py"]
    settings["Entrypoint"] = [python, ADAPTER]
    settings["ExposedPorts"] = dict(settings.get("ExposedPorts") or {}, **{PORT: {}})
    settings["Labels"] = dict(settings.get("Labels") or {}, **labels)
    add_history(config)
    config["rootfs"]["diff_ids"].append(layer.diff_id)
    return config


def add_history(config):
    """A row for the layer, if there is one for each of the others: tools count them."""
    rows = [row for row in config.get("history") or [] if not row.get("empty_layer")]
    if rows and len(rows) == len(config["rootfs"]["diff_ids"]):
        created = {"created": config["created"]} if "created" in config else {}
        config["history"].append(dict(created, created_by=CREATED_BY))


def manifest_with_layer(base, config, layer, labels):
    value = copy.deepcopy(base.value)
    value["config"].update(config._asdict())
    value["layers"].append(dict(mediaType=LAYER_TYPES[base.media_type], **layer.blob.descriptor._asdict()))
    if base.media_type == MANIFESTS[0]:
        value["annotations"] = dict(value.get("annotations") or {}, **labels)
    return Manifest(base.media_type, json_bytes(value), value)


def index_with_images(base, manifests):
    """The base's index, naming our manifests instead, and nothing that spoke of the old ones."""
    ours = {image.manifest.digest: manifest for image, manifest in zip(base.images, manifests)}
    value = copy.deepcopy(base.index.value)
    value["manifests"] = [
        dict(entry, digest=ours[entry["digest"]].digest, size=len(ours[entry["digest"]].data))
        for entry in value["manifests"]
        if entry["digest"] in ours
    ]
    return Manifest(base.index.media_type, json_bytes(value), value)


def remarks_on(image):
    settings = image.config.get("config") or {}
    if not interpreter_from_config(settings) and not image.interpreter:
        command = " ".join(command_from_config(settings)) or "none"
        yield (
            f"whether there is a Python couldn't be seen from the start command ({command}); "
            "`python` is assumed, --python names another"
        )
