"""What has to be in the target repository, worked out from a base image alone.

Pure: nothing is read or sent.
"""

import copy
from typing import Dict, Iterable, List, NamedTuple, Optional, TypeVar

from images.action.adapter import ADAPTER
from images.action.changes import (
    BASE_DIGEST,
    BASE_NAME,
    VERSION_LABEL,
    Changes,
    Wishes,
    settings_from_base,
    warnings_on,
)
from images.action.content import Content, Held, Layer
from images.image.documents import (
    LAYER_TYPES,
    MANIFESTS,
    Descriptor,
    Json,
    Manifest,
    json_bytes,
    layers_of,
    manifest_from_value,
)
from images.image.reference import Reference
from images.image.settings import listed, members
from images.image.startcommand import start_from_settings

T = TypeVar("T")


class Python(NamedTuple):
    """What runs the adapter: the words that start it, and its layer if it has to be added."""

    words: List[str]
    layer: Optional[Layer] = None
    remark: str = ""


class Image(NamedTuple):
    """One platform's."""

    platform: str
    manifest: Manifest
    config: Json

    @property
    def settings(self) -> Json:
        settings: Json = self.config.get("config") or {}
        return settings


class Statement(NamedTuple):
    """A manifest that speaks of an image, and the digest of that one."""

    digest: str
    about: str


class Base(NamedTuple):
    """An image, for one platform or for all that its index names."""

    reference: Reference
    digest: str
    images: List[Image]
    listing: Optional[Manifest] = None  # the index
    remarks: List[str] = []
    statements: List[Statement] = []


class Part(NamedTuple):
    """What is ours in one of the base's images: the words that start Python, and the layers."""

    python: List[str]
    layers: List[Layer]
    remark: str = ""


class Ours(NamedTuple):
    """What makes an action of a base: a part for each of its images."""

    parts: List[Part]
    wishes: Wishes
    version: str


def part_from_python(python: Python, layers: List[Layer]) -> Part:
    own = [python.layer] if python.layer else []
    return Part(python.words, own + layers, python.remark)


class Plan(NamedTuple):
    """`manifests` are put in their order; the last one is what the tag will name."""

    source: Reference
    target: Reference
    base_blobs: List[Descriptor]
    kept_blobs: List[Descriptor]  # layers of ours that an action's image has already
    blobs: List[Content]
    manifests: List[Manifest]
    configs: List[Held]
    parts: List[Part]  # for each config
    remarks: List[str]
    base_digest: str
    counterparts: Dict[str, Manifest]  # ours, by the digest of the base's
    statements: List[Statement]  # on the base, as its index names them
    version: str

    @property
    def digest(self) -> str:
        return self.manifests[-1].digest

    @property
    def base_size(self) -> int:
        return sum(blob.size for blob in self.base_blobs)

    @property
    def own_size(self) -> int:
        blobs = sum(blob.descriptor.size for blob in self.blobs)
        return blobs + sum(len(one.data) for one in self.manifests)


def plan_from_base(base: Base, target: Reference, ours: Ours) -> Plan:
    labels = {
        BASE_NAME: str(base.reference),
        BASE_DIGEST: base.digest,
        VERSION_LABEL: ours.version,
    }
    configs, manifests = [], []
    for image, part in zip(base.images, ours.parts):
        changes = Changes(ADAPTER, part.python, len(part.layers), ours.wishes, labels)
        config = Held(json_bytes(config_with_layers(image, part.layers, changes)))
        configs.append(config)
        manifest = manifest_with_layers(image.manifest, config.descriptor, part.layers, labels)
        manifests.append(manifest)
    index = index_with_images(base, manifests)
    layers = [layer for part in ours.parts for layer in part.layers]
    contents = unique([layer.content for layer in layers if layer.content])
    there = [layer.descriptor for layer in layers if not layer.content]
    named = [blob for image in base.images for blob in layers_of(image.manifest.value)]
    return Plan(
        source=base.reference,
        target=target,
        base_blobs=unique(named),
        kept_blobs=unique(there),
        blobs=[*contents, *unique(configs)],
        manifests=unique(manifests) + index,
        configs=configs,
        parts=ours.parts,
        remarks=unique([*base.remarks, *remarks_on(base, ours.parts)]),
        base_digest=base.digest,
        counterparts=counterparts_of(base, manifests + index),
        statements=base.statements,
        version=ours.version,
    )


def counterparts_of(base: Base, manifests: List[Manifest]) -> Dict[str, Manifest]:
    """What takes the place of each of the base's manifests."""
    found = {image.manifest.digest: one for image, one in zip(base.images, manifests)}
    found[base.digest] = manifests[-1]
    return found


def unique(values: Iterable[T]) -> List[T]:
    found: List[T] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found


def remarks_on(base: Base, parts: List[Part]) -> List[str]:
    found = []
    for image, part in zip(base.images, parts):
        found += warnings_on(image.settings, start_from_settings(image.settings))
        found += [part.remark] if part.remark else []
    return found


def config_with_layers(image: Image, layers: List[Layer], changes: Changes) -> Json:
    config = copy.deepcopy(image.config)
    config["config"] = settings_from_base(image.settings, changes)
    for layer in layers:
        add_history(config, layer)
        config["rootfs"]["diff_ids"].append(layer.diff_id)
    return config


def add_history(config: Json, layer: Layer) -> None:
    """A row for the layer, if there is one for each of the others: tools count them."""
    rows = rows_of_layers(config)
    if rows and len(rows) == len(config["rootfs"]["diff_ids"]):
        created = {"created": config["created"]} if "created" in config else {}
        config["history"].append(dict(created, created_by=layer.created_by))


def rows_of_layers(config: Json) -> List[Json]:
    """Those of the history that made a layer."""
    return [row for row in listed(config, "history") if not row.get("empty_layer")]


def manifest_with_layers(
    base: Manifest, config: Descriptor, layers: List[Layer], labels: Json
) -> Manifest:
    value = copy.deepcopy(base.value)
    value["config"].update(config._asdict())
    kind = LAYER_TYPES[base.media_type]
    for layer in layers:
        value["layers"].append(dict(mediaType=kind, **layer.descriptor._asdict()))
    if base.media_type == MANIFESTS[0]:
        value["annotations"] = {**members(value, "annotations"), **labels}
    return manifest_from_value(base.media_type, value)


def index_with_images(base: Base, manifests: List[Manifest]) -> List[Manifest]:
    """The base's index, if it has one, naming our manifests instead, and nothing else."""
    if base.listing is None:
        return []
    ours = {image.manifest.digest: one for image, one in zip(base.images, manifests)}
    value = copy.deepcopy(base.listing.value)
    value["manifests"] = [
        dict(entry, **ours[entry["digest"]].descriptor._asdict())
        for entry in value["manifests"]
        if entry["digest"] in ours
    ]
    return [manifest_from_value(base.listing.media_type, value)]
