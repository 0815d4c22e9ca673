"""What is said of an action's image: an in-toto statement of ours, and what others have said of its
base. Pure.
"""

from typing import Any, Dict, List, NamedTuple

from images.action.content import Held
from images.action.plan import Plan
from images.image.documents import (
    EMPTY_CONFIG,
    IN_TOTO,
    MANIFESTS,
    Descriptor,
    Json,
    Manifest,
    json_bytes,
    manifest_from_value,
)

STATEMENT = "https://in-toto.io/Statement/v1"
SLSA = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:serverless-max-models:action-image:1"
PREDICATE = "in-toto.io/predicate-type"
BASE_DIGEST = "org.opencontainers.image.base.digest"
NOTHING = Held(b"{}")  # the config of what is no image


class Attachment(NamedTuple):
    """A manifest about another one, and the blobs of ours that it names."""

    manifest: Manifest
    blobs: List[Held]


def own_attachment(plan: Plan) -> Attachment:
    statement = Held(json_bytes(statement_from_plan(plan)))
    layer = {
        "mediaType": IN_TOTO,
        **statement.descriptor._asdict(),
        "annotations": {PREDICATE: SLSA},
    }
    config = {"mediaType": EMPTY_CONFIG, **NOTHING.descriptor._asdict()}
    value = referrer(plan.manifests[-1], IN_TOTO, config, [layer], {PREDICATE: SLSA})
    return Attachment(value, [NOTHING, statement])


def statement_from_plan(plan: Plan) -> Json:
    """Whose image it is, what it was made of, and which layers are ours."""
    subjects = [subject(str(plan.target), manifest) for manifest in plan.manifests]
    source = {"uri": str(plan.source), "digest": {"sha256": hex_of(plan.base_digest)}}
    return {
        "_type": STATEMENT,
        "subject": subjects,
        "predicateType": SLSA,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"base": str(plan.source), "version": plan.version},
                "resolvedDependencies": [source],
            },
            "runDetails": {
                "builder": {"id": f"{BUILD_TYPE}:{plan.version}"},
                "byproducts": layers_told(plan),
            },
        },
    }


def subject(name: str, manifest: Manifest) -> Json:
    return {"name": name, "digest": {"sha256": hex_of(manifest.digest)}}


def layers_told(plan: Plan) -> List[Json]:
    """Each layer of ours once."""
    told: Dict[str, Any] = {}
    for part in plan.parts:
        for layer in part.layers:
            told[layer.descriptor.digest] = {
                "name": layer.created_by,
                "digest": {"sha256": hex_of(layer.descriptor.digest)},
                "annotations": {"diff_id": layer.diff_id},
            }
    return list(told.values())


def kept_statement(statement: Manifest, base_digest: str, ours: Manifest) -> Manifest:
    """What was said of the base, attached to the image that is made of it; its own words stay."""
    value = statement.value
    kind = value.get("artifactType") or value["config"].get("mediaType") or IN_TOTO
    annotations = {**(value.get("annotations") or {}), BASE_DIGEST: base_digest}
    return referrer(ours, str(kind), value["config"], value["layers"], annotations)


def referrer(
    about: Manifest, kind: str, config: Json, layers: List[Json], annotations: Json
) -> Manifest:
    value = {
        "schemaVersion": 2,
        "mediaType": MANIFESTS[0],
        "artifactType": kind,
        "config": config,
        "layers": layers,
        "subject": entry_of(about),
        "annotations": annotations,
    }
    return manifest_from_value(MANIFESTS[0], value)


def entry_of(manifest: Manifest) -> Json:
    """As an index and a subject name it."""
    descriptor: Descriptor = manifest.descriptor
    return {"mediaType": manifest.media_type, **descriptor._asdict()}


def hex_of(digest: str) -> str:
    return digest.partition(":")[2]
