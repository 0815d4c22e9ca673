"""What a base image is: reads its manifests and configs, of each platform."""

from typing import List, NamedTuple, Set

from images.action.plan import Base, Image, Statement
from images.image.documents import (
    CONFIGS,
    INDEXES,
    MANIFESTS,
    Descriptor,
    Json,
    Manifest,
    is_same_platform,
    platform_from,
)
from images.image.reference import Reference
from images.image.shapes import CONFIG, INDEX, MANIFEST, checked
from images.registry.repository import Repository
from images.words import Unsuitable

MOST_IMAGES = 50  # of an index: all of their documents are held
KIND, ABOUT = "vnd.docker.reference.type", "vnd.docker.reference.digest"


class Entries(NamedTuple):
    """What an index names: images, and what speaks of them."""

    images: List[Json]
    statements: List[Json]


def base_from_repository(repository: Repository, reference: Reference, platform: str = "") -> Base:
    top = repository.manifest(reference.version)
    if top.media_type in MANIFESTS:
        image = image_from_manifest(repository, top, "")
        refuse_other_platform(image, reference, platform)
        return Base(reference, top.digest, [image])
    if top.media_type not in INDEXES:
        kind = top.media_type or "without a media type"
        raise Unsuitable(f"{reference} is {kind}: not an image's manifest")
    entries = entries_from_index(top.value)
    chosen = chosen_entries(entries, reference, platform)
    if len(chosen) > MOST_IMAGES:
        told = f"{reference} has {len(chosen)} images, {MOST_IMAGES} at most were expected"
        raise Unsuitable(f"{told}: is it an index of platforms?")
    images = [image_from_entry(repository, entry) for entry in chosen]
    statements = statements_from_entries(entries.statements, {one["digest"] for one in chosen})
    listing = None if platform else top
    return Base(reference, top.digest, images, listing, statements=statements)


def refuse_other_platform(image: Image, reference: Reference, platform: str) -> None:
    if platform and not is_same_platform(platform, image.platform):
        there = image.platform
        raise Unsuitable(f"{reference} is for {there} only, {platform} was asked for")


def statements_from_entries(entries: List[Json], images: Set[str]) -> List[Statement]:
    """Attestations as Docker's builder puts them: beside the images in the index."""
    found = []
    for entry in entries:
        about = (entry.get("annotations") or {}).get(ABOUT)
        if about in images:
            found.append(Statement(entry["digest"], about))
    return found


def image_for_platform(repository: Repository, reference: Reference, platform: str) -> Image:
    top = repository.manifest(reference.version)
    if top.media_type not in INDEXES:
        return image_from_manifest(repository, top, "")
    entries = entries_from_index(top.value)
    return image_from_entry(repository, chosen_entries(entries, reference, platform)[0])


def chosen_entries(entries: Entries, reference: Reference, platform: str) -> List[Json]:
    """One for the platform; without one, all that OpenWhisk runs."""
    names = [platform_from(entry.get("platform")) for entry in entries.images]
    named = list(zip(entries.images, names))
    if platform:
        chosen = [entry for entry, name in named if is_same_platform(name, platform)][:1]
    else:
        chosen = [entry for entry, name in named if name.partition("/")[0] == "linux"]
    if not chosen:
        nothing = "attestations only" if entries.statements else "nothing"
        there = ", ".join(names) or nothing
        raise Unsuitable(
            f"{reference} has {there}: {platform or 'an image for Linux'} was asked for"
        )
    return chosen


def entries_from_index(index: Json) -> Entries:
    images: List[Json] = []
    statements: List[Json] = []
    for entry in checked(index, INDEX, "the index")["manifests"]:
        attests = KIND in (entry.get("annotations") or {})
        unknown = platform_from(entry.get("platform")).startswith("unknown/")
        is_statement = attests or unknown or entry.get("artifactType")
        (statements if is_statement else images).append(entry)
    return Entries(images, statements)


def image_from_entry(repository: Repository, entry: Json) -> Image:
    platform = platform_from(entry.get("platform"))
    return image_from_manifest(repository, repository.manifest(entry["digest"]), platform)


def image_from_manifest(repository: Repository, manifest: Manifest, platform: str) -> Image:
    value = checked(manifest.value, MANIFEST, f"the manifest {manifest.digest}")
    described = value["config"]
    if manifest.media_type not in MANIFESTS or described.get("mediaType") not in CONFIGS:
        raise Unsuitable(f"{repository.name} {manifest.digest} isn't a container image's manifest")
    config = repository.document(Descriptor(described["digest"], described["size"]))
    check_config(config, len(value["layers"]), manifest.digest)
    return Image(platform or platform_from(config), manifest, config)


def check_config(config: Json, layers: int, name: str) -> None:
    diff_ids = checked(config, CONFIG, "the config")["rootfs"]["diff_ids"]
    if layers != len(diff_ids):
        counts = f"{layers} layers, its config {len(diff_ids)}"
        raise Unsuitable(f"{name} has {counts}: no engine runs that")
    if config.get("os", "linux") != "linux":
        raise Unsuitable(f"{name} is for {config['os']}, OpenWhisk runs Linux containers")
