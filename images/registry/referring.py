"""What is said of an image, in registries: read beside the base, put beside the action's."""

from typing import Any, Callable, List, NamedTuple

from images.action.plan import Plan, Statement, unique
from images.action.provenance import Attachment, entry_of, kept_statement, own_attachment
from images.image.documents import INDEXES, Descriptor, Json, Manifest, manifest_from_value
from images.image.settings import listed
from images.image.shapes import MANIFEST, checked
from images.registry.copying import upload
from images.registry.repository import Repository
from images.words import Broken, RegistryError, Unsuitable

MOST = 20  # statements of one image, blobs of one statement
LARGEST = 64 << 20  # bytes of one statement: a list of all packages takes some

Bring = Callable[[Descriptor], str]


class Attached(NamedTuple):
    number: int
    remarks: List[str]


def attach_all(plan: Plan, source: Repository, target: Repository, bring: Bring) -> Attached:
    """Ours and the base's. What a registry doesn't take is told, and no reason to have no image."""
    attached, remarks = 0, []
    try:
        attach(own_attachment(plan), target)
        attached += 1
    except Broken:
        raise
    except RegistryError as error:
        remarks.append(f"{target.transport.registry} takes no statements on images: {error}")
        return Attached(attached, remarks)
    for statement in statements_on(plan, source):
        try:
            keep(statement, plan, source, target, bring)
            attached += 1
        except Broken:
            raise
        except (RegistryError, Unsuitable) as error:
            remarks.append(f"a statement on the base isn't kept: {error}")
    return Attached(attached, remarks)


def statements_on(plan: Plan, source: Repository) -> List[Statement]:
    """Those in the base's index, and those that refer to it or to one of its images."""
    found = list(plan.statements)
    for digest in plan.counterparts:
        found += [Statement(one, digest) for one in referrers_of(source, digest)]
    return unique(found)[:MOST]


def referrers_of(repository: Repository, digest: str) -> List[str]:
    """Nothing where the registry knows none, in either of the two ways to know them."""
    for path in (f"referrers/{digest}", f"manifests/{digest.replace(':', '-')}"):
        try:
            value = repository.index_at(path)
        except (RegistryError, Unsuitable):
            continue
        if value is None:
            continue
        entries: List[Any] = value.get("manifests") or []
        digests = [entry.get("digest") for entry in entries if isinstance(entry, dict)]
        return [one for one in digests if isinstance(one, str)]
    return []


def keep(
    statement: Statement, plan: Plan, source: Repository, target: Repository, bring: Bring
) -> None:
    manifest = source.manifest(statement.digest)
    value = checked(manifest.value, MANIFEST, f"the statement {statement.digest}")
    blobs = [value["config"], *value["layers"]]
    size = sum(blob["size"] for blob in blobs)
    if len(blobs) > MOST or size > LARGEST:
        raise Unsuitable(f"{statement.digest} has {len(blobs)} blobs of {size} bytes together")
    for blob in blobs:
        bring(Descriptor(blob["digest"], blob["size"]))
    ours = plan.counterparts.get(statement.about)
    if ours is None:
        raise Unsuitable(f"{statement.digest} speaks of {statement.about}, which isn't in the base")
    attach(Attachment(kept_statement(manifest, statement.about, ours), []), target)


def attach(attachment: Attachment, target: Repository) -> None:
    for blob in attachment.blobs:
        upload(blob, target, lambda size: None)
    manifest = attachment.manifest
    answer = target.put_manifest(manifest.digest, manifest)
    if "oci-subject" not in answer.headers:
        list_under_tag(manifest, target)


def list_under_tag(manifest: Manifest, target: Repository) -> None:
    """For registries that don't list referrers themselves: the specification's other way."""
    tag = manifest.value["subject"]["digest"].replace(":", "-")
    value = target.index_at(f"manifests/{tag}")
    if value is None:
        value = {"schemaVersion": 2, "mediaType": INDEXES[0], "manifests": []}
    entry: Json = {
        **entry_of(manifest),
        "artifactType": manifest.value["artifactType"],
        "annotations": manifest.value["annotations"],
    }
    others = [one for one in listed(value, "manifests") if one.get("digest") != manifest.digest]
    value["manifests"] = [*others, entry]
    target.put_manifest(tag, manifest_from_value(INDEXES[0], value))
