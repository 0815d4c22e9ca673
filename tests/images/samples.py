"""Small images for a registry in this process: their blobs are text, their configs are what engines
write.
"""

import json
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, NamedTuple

from images.action.adapter import version
from images.commands.making import Order, made_in_registry, planned_in_registry, workshop
from images.image.reference import reference_from_name
from testing.registry import tar_gz

VERSION = version()
BASE, TARGET = "codait/max-ocr", "me/max-ocr"

ROOT = Path(__file__).resolve().parents[2]
ADAPTER = "/openwhisk/openwhisk.py"
DOCKER = "application/vnd.docker."
OCI = "application/vnd.oci."
FAMILIES = {
    "docker": {
        "manifest": DOCKER + "distribution.manifest.v2+json",
        "config": DOCKER + "container.image.v1+json",
        "layer": DOCKER + "image.rootfs.diff.tar.gzip",
        "index": DOCKER + "distribution.manifest.list.v2+json",
    },
    "oci": {
        "manifest": OCI + "image.manifest.v1+json",
        "config": OCI + "image.config.v1+json",
        "layer": OCI + "image.layer.v1.tar+gzip",
        "index": OCI + "image.index.v1+json",
    },
}
MAX_SETTINGS = {
    "User": "max",
    "WorkingDir": "/home/max",
    "Env": ["PATH=/opt/conda/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8"],
    "ExposedPorts": {"5000/tcp": {}},
    "Cmd": ["/bin/sh", "-c", "python app.py"],
    "Labels": {"maintainer": "somebody"},
}


def order_for(
    registry, target_registry=None, base=BASE + ":latest", target=TARGET + ":1.0.0", **wanted
):
    """One that leads from a registry to itself, or to another."""
    return Order(
        reference_from_name(f"{registry.address}/{base}"),
        reference_from_name(f"{(target_registry or registry).address}/{target}"),
        **wanted,
    )


@contextmanager
def planned(order, environ):
    with workshop(environ) as shop:
        yield planned_in_registry(order, shop, quiet)


def made(order, environ, progress=None):
    """The plan, and what a push of it has come to."""
    with workshop(environ) as shop:
        plan = planned_in_registry(order, shop, quiet)
        outcome = made_in_registry(plan, progress or quiet)
    return outcome.plan, outcome.pushed


def quiet(_):
    """Nobody is told how far it is."""


# A list of what is in an image, as Docker's builder attaches it.
SBOM = (
    b'{"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://spdx.dev/Document"}'
)


class Sample(NamedTuple):
    descriptor: Dict[str, Any]
    manifest: Dict[str, Any]
    config: Dict[str, Any]
    layers: list


def put_image(
    registry,
    repository,
    tag,
    family="docker",
    settings=None,
    architecture="amd64",
    files=None,
    **config,
):
    """An image of two layers; `config` replaces members of its config, None takes one away."""
    types = FAMILIES[family]
    layers = [
        tar_gz({"etc/os-release": b"ID=debian\n"}),
        tar_gz(files or {"home/max/app.py": b"print()\n" * 999}),
    ]
    rows = [
        {"created_by": "ADD rootfs"},
        {"created_by": "USER max", "empty_layer": True},
        {"created_by": "COPY . ."},
    ]
    value = {
        "architecture": architecture,
        "os": "linux",
        "created": "2021-03-04T05:06:07Z",
        "docker_version": "18.09.7",
        "container_config": {"Hostname": "abc"},
        "config": MAX_SETTINGS if settings is None else settings,
        "history": [dict(row, created="2021-03-04T05:06:07Z") for row in rows],
        "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in layers]},
        **config,
    }
    value = {name: member for name, member in value.items() if member is not None}
    described = [
        dict(mediaType=types["layer"], **registry.add_blob(repository, data)) for data, _ in layers
    ]
    described_config = registry.add_blob(repository, json.dumps(value).encode())
    manifest = {
        "schemaVersion": 2,
        "mediaType": types["manifest"],
        "config": dict(mediaType=types["config"], **described_config),
        "layers": described,
    }
    descriptor = registry.add_manifest(repository, tag, types["manifest"], manifest)
    return Sample(descriptor, manifest, value, described)


def put_index(registry, repository, tag, family, samples, attested=0):
    """`samples` by architecture, with as many attestations as wanted."""
    entries = [
        dict(sample.descriptor, platform={"os": "linux", "architecture": architecture})
        for architecture, sample in samples.items()
    ]
    for sample in list(samples.values())[:attested]:
        config, blob = registry.add_blob(repository, b"{}"), registry.add_blob(repository, SBOM)
        statement = {
            "schemaVersion": 2,
            "mediaType": FAMILIES["oci"]["manifest"],
            "config": {"mediaType": OCI + "image.config.v1+json", **config},
            "layers": [{"mediaType": "application/vnd.in-toto+json", **blob}],
        }
        annotations = {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": sample.descriptor["digest"],
        }
        described = registry.add_manifest(
            repository, "statement", FAMILIES["oci"]["manifest"], statement
        )
        unknown = {"os": "unknown", "architecture": "unknown"}
        entries.append(dict(described, platform=unknown, annotations=annotations))
    media_type = FAMILIES[family]["index"]
    value = {"schemaVersion": 2, "mediaType": media_type, "manifests": entries}
    return registry.add_manifest(repository, tag, media_type, value)


def config_of(registry, repository, manifest):
    return json.loads(registry.blobs[repository, manifest["config"]["digest"]])
