"""An image that holds the adapter alone, for COPY --from=openwhisk-adapter:VERSION."""

import argparse
from typing import List, Mapping, NamedTuple

from images.action.adapter import layer_from_project, version
from images.action.changes import VERSION_LABEL
from images.action.content import Held, Layer
from images.commands.arguments import target_from_name
from images.engine.archive import Local
from images.engine.engine import NAMES, Engine, EngineError, working_engine
from images.image.documents import (
    CONFIGS,
    DOCKER_LAYER,
    INDEXES,
    MANIFESTS,
    Manifest,
    json_bytes,
    manifest_from_value,
)
from images.image.reference import Reference
from images.registry.copying import upload
from images.registry.pushing import repositories_for
from images.words import printable

ARCHITECTURES = ("amd64", "arm64")
REGISTRY = "registry"


class AdapterImage(NamedTuple):
    """The same files for every architecture, as COPY --from looks for its own."""

    layer: Layer
    configs: List[Held]
    manifests: List[Manifest]
    listing: Manifest


def adapter_image() -> AdapterImage:
    layer = layer_from_project()
    configs = [config_for(architecture, layer) for architecture in ARCHITECTURES]
    manifests = [manifest_for(config, layer) for config in configs]
    entries = [
        {
            "mediaType": MANIFESTS[1],
            **manifest.descriptor._asdict(),
            "platform": {"os": "linux", "architecture": architecture},
        }
        for architecture, manifest in zip(ARCHITECTURES, manifests)
    ]
    value = {"schemaVersion": 2, "mediaType": INDEXES[1], "manifests": entries}
    return AdapterImage(layer, configs, manifests, manifest_from_value(INDEXES[1], value))


def config_for(architecture: str, layer: Layer) -> Held:
    value = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Labels": {VERSION_LABEL: version()}},
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]},
        "history": [{"created_by": layer.created_by}],
    }
    return Held(json_bytes(value))


def manifest_for(config: Held, layer: Layer) -> Manifest:
    value = {
        "schemaVersion": 2,
        "mediaType": MANIFESTS[1],
        "config": {"mediaType": CONFIGS[1], **config.descriptor._asdict()},
        "layers": [{"mediaType": DOCKER_LAYER, **layer.descriptor._asdict()}],
    }
    return manifest_from_value(MANIFESTS[1], value)


def main(words: List[str], environ: Mapping[str, str]) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m images adapter", description=__doc__)
    default = f"openwhisk-adapter:{version()}"
    parser.add_argument(
        "name", metavar="IMAGE", nargs="?", default=default, help=f"its name ({default})"
    )
    engines = [*NAMES, REGISTRY]
    text = "docker or podman take it in, registry pushes it; default: the first engine that works"
    parser.add_argument("--engine", choices=engines, help=text)
    arguments = parser.parse_args(words)
    try:
        target = target_from_name(arguments.name, advice_on_latest(arguments.name))
    except ValueError as error:
        parser.error(printable(str(error)))
    if arguments.engine == REGISTRY:
        print(pushed(target, environ))
    else:
        print(loaded(target, arguments.engine))
    return 0


def advice_on_latest(name: str) -> str:
    versioned = f"{name.removesuffix(':latest')}:{version()}"
    return f"is tagged latest: name the version, as in {versioned}"


def loaded(target: Reference, name: str) -> str:
    """Into the engine: for its own architecture."""
    engine = Engine(name) if name else working_engine()
    if not engine:
        raise EngineError("neither docker nor podman works here; --engine registry goes without")
    image = adapter_image()
    config = image.configs[ARCHITECTURES.index(engine.architecture())]
    local = Local(target.short, config, [image.layer.diff_id], [image.layer])
    engine.load(local, lambda line: None)
    return f"{target.short}  {local.image_id}"


def pushed(target: Reference, environ: Mapping[str, str]) -> str:
    image = adapter_image()
    repositories = repositories_for(target, target, environ)
    repository = repositories.target
    try:
        for content in [image.layer.content, *image.configs]:
            if content:
                upload(content, repository, lambda size: None)
        for manifest in image.manifests:
            repository.put_manifest(manifest.digest, manifest)
        repository.put_manifest(target.version, image.listing)
    finally:
        repositories.close()
    return f"{target}@{image.listing.digest}"
