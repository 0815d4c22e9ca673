"""A plan carried out in registries: what isn't there yet is sent, the tag last."""

from typing import List, Mapping, NamedTuple, Optional, Set

from images.action.content import Content, Held
from images.action.plan import Plan
from images.image.documents import Descriptor
from images.image.reference import Reference
from images.registry.copying import Progress, copy_blob, upload
from images.registry.credentials import Credentials, credentials_for, credentials_from_environ
from images.registry.referring import Attached, attach_all
from images.registry.remembered import Remembered
from images.registry.repository import Repository
from images.registry.transport import Transport

WORTH_MOUNTING = 1 << 20  # bytes


class Pushed(NamedTuple):
    """What a push has come to: `sent` is all bytes that went over the wire."""

    image: str
    digest: str
    mounted: int
    copied: int
    sent: int
    attached: int = 0  # statements on the image
    remarks: List[str] = []


class Repositories(NamedTuple):
    source: Repository
    target: Repository

    @property
    def sent(self) -> int:
        return sum(one.sent for one in self.transports)

    def close(self) -> None:
        for one in self.transports:
            one.connections.close()

    @property
    def transports(self) -> Set[Transport]:
        return {self.source.transport, self.target.transport}


def repositories_for(
    base: Reference, target: Reference, environ: Mapping[str, str], insecure: bool = False
) -> Repositories:
    """Two repositories; of the same registry, they share their connections and their tokens."""
    there = Transport(target.address, credentials_of_target(target, environ), insecure)
    here = there
    if base.registry != target.registry:
        here = Transport(base.address, credentials_for(base.registry, environ), insecure)
    beside = base.repository if here is there else ""
    return Repositories(
        Repository(here, base.repository),
        Repository(there, target.repository, push=True, beside=beside),
    )


def repository_to_read(
    reference: Reference,
    environ: Mapping[str, str],
    insecure: bool = False,
    target: Optional[Reference] = None,
) -> Repository:
    """`target`: in its registry the environment's name and password count."""
    if target is not None and target.registry == reference.registry:
        known = credentials_of_target(target, environ)
    else:
        known = credentials_for(reference.registry, environ)
    return Repository(Transport(reference.address, known, insecure), reference.repository)


def credentials_of_target(target: Reference, environ: Mapping[str, str]) -> Optional[Credentials]:
    return credentials_from_environ(environ) or credentials_for(target.registry, environ)


def push(
    plan: Plan,
    repositories: Repositories,
    progress: Progress,
    remembered: Remembered,
    kept_in: Optional[Repository] = None,
) -> Pushed:
    """Whoever pulls the tag meanwhile, or after a push that broke off, gets a whole image.

    `kept_in` is where the layers of ours are that an earlier action's image has already.
    """
    source, target = repositories
    attached = Attached(0, [])
    ways = {"mounted": 0, "copied": 0, "there": 0}
    if target.manifest_digest(plan.target.version) != plan.digest:
        for descriptor in plan.base_blobs:
            ways[bring(descriptor, source, target, progress)] += 1
        for descriptor in plan.kept_blobs if kept_in else []:
            bring(descriptor, kept_in or source, target, progress)
        for content in plan.blobs:
            # The bytes of small ones were never announced as something to wait for.
            told = unnoticed if isinstance(content, Held) else progress
            place(content, target, remembered, told)
        for manifest in plan.manifests[:-1]:
            target.put_manifest(manifest.digest, manifest)
        attached = attach_all(
            plan, source, target, lambda blob: bring(blob, source, target, unnoticed)
        )
        target.put_manifest(plan.target.version, plan.manifests[-1])
    return Pushed(
        image=str(plan.target),
        digest=plan.digest,
        mounted=ways["mounted"],
        copied=ways["copied"],
        sent=repositories.sent,
        attached=attached.number,
        remarks=attached.remarks,
    )


def place(content: Content, target: Repository, remembered: Remembered, progress: Progress) -> None:
    """What is ours and large is sent to a registry once, and mounted from there ever after."""
    digest, size = content.descriptor
    if size < WORTH_MOUNTING:
        upload(content, target, progress)
        return
    registry = target.transport.registry
    known = remembered.repository(registry, digest)
    if known and known != target.name and not target.has_blob(digest):
        target.add_source(known)
        location = target.mount(digest, known)
        if location:
            target.cancel(location)
    upload(content, target, progress)
    remembered.keep(registry, digest, target.name)


def unnoticed(size: int) -> None:
    pass


def bring(
    descriptor: Descriptor, source: Repository, target: Repository, progress: Progress
) -> str:
    """A base's layer into the target repository, by the cheapest way that the registry offers."""
    same_registry = source.transport is target.transport
    if same_registry and source.name == target.name:
        return "there"
    location = target.mount(descriptor.digest, source.name) if same_registry else None
    if location == "":
        return "mounted"
    if target.has_blob(descriptor.digest):
        if location:
            target.cancel(location)
        return "there"
    copy_blob(source, target, descriptor, location, progress)
    return "copied"
