"""A planned image as an engine takes it in: our layers and its config; the base's layers are in the
engine. Writes files.
"""

import shutil
import tarfile
from pathlib import Path
from typing import Iterator, List, NamedTuple, Union

from images.action.content import Content, Held, Layer
from images.action.tar import END, Entry, header_from_entry, padding
from images.image.documents import (
    CONFIGS,
    MANIFESTS,
    UNCOMPRESSED_LAYER,
    Descriptor,
    Json,
    json_bytes,
)

PIECE = 1 << 20


class Local(NamedTuple):
    """One platform's image, to be known by a name."""

    name: str
    config: Held
    diff_ids: List[str]  # of all layers
    layers: List[Layer]  # of ours, the last ones

    @property
    def image_id(self) -> str:
        return self.config.descriptor.digest


def archive_pieces(local: Local) -> Iterator[bytes]:
    """What `docker load` reads: it asks for the content of layers that it doesn't have."""
    config = f"{hex_of(local.image_id)}.json"
    manifest = {
        "Config": config,
        "RepoTags": [local.name],
        "Layers": [f"{hex_of(diff_id)}/layer.tar" for diff_id in local.diff_ids],
    }
    yield from entry_pieces(config, local.config)
    for layer in local.layers:
        if layer.content:
            yield from entry_pieces(f"{hex_of(layer.diff_id)}/layer.tar", layer.content)
    yield from entry_pieces("manifest.json", Held(json_bytes([manifest])))
    yield END


def entry_pieces(name: str, content: Content) -> Iterator[bytes]:
    size = content.descriptor.size
    yield header_from_entry(Entry(name, 0o644, tarfile.REGTYPE, size))
    with content.open() as file:
        yield from iter(lambda: file.read(PIECE), b"")
    yield padding(size)


def write_layout(local: Local, folder: Path) -> None:
    """An OCI layout, for podman, which knows the base's layers by what they are unpacked."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    ours = {layer.diff_id: layer for layer in local.layers}
    layers = [layer_entry(diff_id, ours.get(diff_id)) for diff_id in local.diff_ids]
    manifest: Json = {
        "schemaVersion": 2,
        "mediaType": MANIFESTS[0],
        "config": {"mediaType": CONFIGS[0], **local.config.descriptor._asdict()},
        "layers": layers,
    }
    described = Held(json_bytes(manifest))
    contents: List[Content] = [local.config, described]
    contents += [layer.content for layer in local.layers if layer.content]
    for content in contents:
        write_content(content, blobs / hex_of(content.descriptor.digest))
    entry = {"mediaType": MANIFESTS[0], **described.descriptor._asdict()}
    index = {"schemaVersion": 2, "manifests": [entry]}
    (folder / "index.json").write_bytes(json_bytes(index))
    (folder / "oci-layout").write_bytes(json_bytes({"imageLayoutVersion": "1.0.0"}))


def layer_entry(diff_id: str, ours: Union[Layer, None]) -> Json:
    """What an engine has already is never looked at, so its size is anything."""
    described = ours.descriptor if ours else Descriptor(diff_id, 1)
    kind = UNCOMPRESSED_LAYER + ("+gzip" if ours else "")
    return {"mediaType": kind, **described._asdict()}


def write_content(content: Content, path: Path) -> None:
    with content.open() as source, path.open("wb") as target:
        shutil.copyfileobj(source, target, PIECE)


def hex_of(digest: str) -> str:
    return digest.partition(":")[2]
