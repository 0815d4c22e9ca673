"""Names of images, as `docker pull` reads them. Pure."""

import ipaddress
import re
from typing import NamedTuple

DOCKER_HUB = "docker.io"
DOCKER_HUB_API = "registry-1.docker.io"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*\Z")
HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?\Z")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")


class Reference(NamedTuple):
    registry: str
    repository: str
    version: str  # a tag, or a digest

    def __str__(self):
        return f"{self.registry}/{self.repository}{'@' if self.is_digest else ':'}{self.version}"

    @property
    def is_digest(self):
        return bool(DIGEST.match(self.version))

    @property
    def address(self):
        return DOCKER_HUB_API if self.registry == DOCKER_HUB else self.registry


def reference_from_name(name):
    """`me/max-ocr` lies on Docker Hub, `python` is one of Docker's own there, no tag means `latest`."""
    first, slash, rest = name.partition("/")
    is_host = slash and ("." in first or ":" in first or first == "localhost")
    registry, path = (first, rest) if is_host else (DOCKER_HUB, name)
    path, _, digest = path.partition("@")
    repository, colon, tag = path.partition(":")
    registry = DOCKER_HUB if registry in ("index.docker.io", DOCKER_HUB_API) else registry
    if registry == DOCKER_HUB and "/" not in repository:
        repository = "library/" + repository
    reference = Reference(registry, repository, digest or tag or "latest")
    well_formed = REPOSITORY.match(repository) and HOST.match(registry) and bool(tag) == bool(colon)
    if not well_formed or not (reference.is_digest if digest else TAG.match(reference.version)):
        raise ValueError(f"{name!r} isn't an image's name, one like quay.io/codait/max-ocr:latest was expected")
    return reference


def is_loopback(host):
    """Whether a host, its port aside, is this machine."""
    name = host.rpartition(":")[0] if re.search(r":\d+\Z", host) else host
    address = address_from_host(name)
    return address.is_loopback if address else name == "localhost"


def is_private(host):
    address = address_from_host(host)
    return bool(address and not address.is_global)


def address_from_host(host):
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
