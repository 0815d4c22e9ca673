"""What a base image is: reads its manifests and configs, and the names in its layers only where that is cheap."""

import tarfile

from urllib3.exceptions import HTTPError

from images.command import command_from_config, interpreter_from_config
from images.content import Descriptor
from images.plan import CONFIGS, INDEXES, MANIFESTS, Base, Image, Unsuitable, copied_blobs
from images.shapes import CONFIG, INDEX, MANIFEST, checked
from images.transport import RegistryError

CHEAP = 50 << 20  # bytes of layers that are read to find a Python which the config doesn't name
SEARCHED = ("usr/local/bin/", "usr/bin/", "bin/", "opt/conda/bin/")


def base_from_repository(repository, reference, platform="", interpreter=""):
    top = repository.manifest(reference.version)
    if top.media_type in MANIFESTS:
        image = image_from_manifest(repository, top, "", interpreter)
        if platform not in ("", image.platform):
            raise Unsuitable(f"{reference} is for {image.platform} only, {platform} was asked for")
        return Base(reference, top.digest, [image])
    if top.media_type not in INDEXES:
        raise Unsuitable(f"{reference} is {top.media_type or 'without a media type'}: not an image's manifest")
    entries, remarks = entries_from_index(top.value)
    chosen = [entry for entry in entries if platform in ("", platform_from(entry.get("platform")))]
    if not chosen:
        there = ", ".join(platform_from(entry.get("platform")) for entry in entries) or "nothing"
        raise Unsuitable(f"{reference} has {there}: {platform or 'an image'} was asked for")
    images = [
        image_from_manifest(
            repository, repository.manifest(entry["digest"]), platform_from(entry.get("platform")), interpreter
        )
        for entry in chosen
    ]
    return Base(reference, top.digest, images, None if platform else top, remarks)


def entries_from_index(index):
    """The images in it, and a word on what is left out: it speaks of manifests that ours replace."""
    images, others = [], []
    for entry in checked(index, INDEX, "the index")["manifests"]:
        attests = "vnd.docker.reference.type" in (entry.get("annotations") or {})
        unknown = platform_from(entry.get("platform")).startswith("unknown/")
        (others if attests or unknown or entry.get("artifactType") else images).append(entry)
    said = (
        f"{len(others)} attestation{'s' * (len(others) != 1)} of the base dropped: made for the image without the layer"
    )
    return images, [said] * bool(others)


def platform_from(value):
    value = value or {}
    names = (value.get("os", "linux"), value.get("architecture", ""), value.get("variant", ""))
    return "/".join(filter(None, names))


def image_from_manifest(repository, manifest, platform, interpreter):
    described = checked(manifest.value, MANIFEST, f"the manifest {manifest.digest}")["config"]
    if manifest.media_type not in MANIFESTS or described.get("mediaType") not in CONFIGS:
        raise Unsuitable(f"{repository.name} {manifest.digest} isn't a container image's manifest")
    config = repository.document(Descriptor(described["digest"], described["size"]))
    layers, diff_ids = manifest.value["layers"], checked(config, CONFIG, "the config")["rootfs"]["diff_ids"]
    if len(layers) != len(diff_ids):
        raise Unsuitable(f"{manifest.digest} has {len(layers)} layers, its config {len(diff_ids)}: no engine runs that")
    if config.get("os", "linux") != "linux":
        raise Unsuitable(f"{manifest.digest} is for {config['os']}, OpenWhisk runs Linux containers")
    python = interpreter or interpreter_from_layers(repository, manifest.value, config.get("config") or {})
    return Image(platform or platform_from(config), manifest, config, python)


def interpreter_from_layers(repository, manifest, settings):
    """Empty when the config tells already, or when it would take too much reading to know."""
    blobs = copied_blobs(manifest)
    if interpreter_from_config(settings) or sum(blob.size for blob in blobs) > CHEAP:
        return ""
    try:
        names = {name for blob in blobs for name in names_in_layer(repository, blob)}
    except (tarfile.TarError, HTTPError, OSError, EOFError):
        return ""  # compressed in a way that this Python can't read
    for python in ("python", "python3"):
        if any(folder + python in names for folder in SEARCHED):
            return python
    command = " ".join(command_from_config(settings)) or "none"
    raise Unsuitable(no_python(command))


def no_python(command):
    return (
        f"the base has no Python (its start command: {command}), and openwhisk.py runs on the image's own: "
        "make the base from an image with Python 3.6 or newer, or add one to it, "
        "like `RUN apt-get install -y python3-minimal`"
    )


def names_in_layer(repository, descriptor):
    try:
        with repository.open_blob(descriptor) as response:
            with tarfile.open(fileobj=response.raw, mode="r|*") as tar:
                return [member.name.lstrip("./") for member in tar]
    except RegistryError as error:
        raise OSError(str(error))
