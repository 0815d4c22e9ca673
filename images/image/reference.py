"""Names of images, as `docker pull` reads them. Pure."""

import re
from typing import NamedTuple

DOCKER_HUB = "docker.io"
DOCKER_HUB_API = "registry-1.docker.io"
PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
REPOSITORY = re.compile(rf"{PART}(?:/{PART})*\Z")
NAME_OR_IPV4 = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
HOST = re.compile(rf"(?:{NAME_OR_IPV4}|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?\Z")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
LONGEST_REPOSITORY = 255


class Reference(NamedTuple):
    registry: str
    repository: str
    version: str  # a tag, or a digest

    def __str__(self) -> str:
        return f"{self.registry}/{self.repository}{'@' if self.is_digest else ':'}{self.version}"

    @property
    def is_digest(self) -> bool:
        return bool(DIGEST.match(self.version))

    @property
    def address(self) -> str:
        """Where the registry's API is."""
        return DOCKER_HUB_API if self.registry == DOCKER_HUB else self.registry

    @property
    def short(self) -> str:
        """As people write it: me/max-ocr:1.0.0 for docker.io/me/max-ocr:1.0.0."""
        if self.registry != DOCKER_HUB:
            return str(self)
        return str(self).partition("/")[2].removeprefix("library/")


def reference_from_name(name: str) -> Reference:
    """`me/max-ocr` lies on Docker Hub, `python` is one of Docker's own there, no tag means
    `latest`.
    """
    path = path_of(name)
    registry = name[: -len(path) - 1] if path != name else DOCKER_HUB
    path, _, digest = path.partition("@")
    repository, colon, tag = path.partition(":")
    registry = DOCKER_HUB if registry in ("index.docker.io", DOCKER_HUB_API) else registry
    if registry == DOCKER_HUB and "/" not in repository:
        repository = "library/" + repository
    reference = Reference(registry, repository, digest or tag or "latest")
    if not is_well_formed(reference, digest) or bool(tag) != bool(colon):
        expected = "one like quay.io/codait/max-ocr:1.0.0 was expected"
        cause = cause_of(name)
        raise ValueError(f"{name!r} isn't an image's name, {expected}{cause and ': ' + cause}")
    return reference


def cause_of(name: str) -> str:
    """What is often wrong; empty where it isn't that."""
    scheme = SCHEME.match(name)
    if scheme:
        return f"leave out {scheme.group()}"
    if any(one.isspace() for one in name):
        return "it has a space in it"
    if name.endswith("/"):
        return "it ends with /"
    if name.endswith(":"):
        return "its tag is empty"
    if "//" in name:
        return "it has // in it"
    capitals = re.findall("[A-Z]", path_of(name).partition("@")[0].partition(":")[0])
    return f"it has a capital {capitals[0]}" if capitals else ""


def path_of(name: str) -> str:
    """Without the registry, which is known by what no part of a path has."""
    first, slash, rest = name.partition("/")
    is_host = slash and ("." in first or ":" in first or first == "localhost")
    return rest if is_host else name


def is_well_formed(reference: Reference, digest: str) -> bool:
    version = reference.is_digest if digest else TAG.match(reference.version)
    name = REPOSITORY.match(reference.repository)
    short = len(reference.repository) <= LONGEST_REPOSITORY
    return bool(version and name and short and HOST.match(reference.registry))
