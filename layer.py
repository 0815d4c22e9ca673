"""Makes an action's image of a model's image inside the registry: a layer of kilobytes, no engine, no root, no disk.

    python layer.py quay.io/codait/max-object-detector me/max-object-detector:1.0.0

resolve reads what the base is, plan works out what has to be there, push sends what isn't there yet.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

from images import resolving
from images.content import layer_from_adapter
from images.copying import copy_blob
from images.credentials import credentials_for, credentials_from_environ
from images.plan import Plan, Unsuitable, plan_from_base
from images.progress import Progress, size_text
from images.reference import reference_from_name
from images.repository import Repository
from images.transport import RegistryError, Transport

ADAPTER = Path(__file__).resolve().parent / "openwhisk.py"


class Pushed(NamedTuple):
    """What a push has come to: bytes are of blobs and manifests, `sent` is all that went over the wire."""

    image: str
    digest: str
    mounted: int
    copied: int
    sent: int


class Repositories(NamedTuple):
    source: Repository
    target: Repository


def resolve(repositories, reference, platform="", interpreter=""):
    return resolving.base_from_repository(repositories.source, reference, platform, interpreter)


def plan(base, target, adapter):
    return plan_from_base(base, target, layer_from_adapter(adapter))


def push(plan: Plan, repositories: Repositories, progress):
    """The tag last: whoever pulls it meanwhile, or after a push that broke off, gets a whole image."""
    source, target = repositories
    mounted = copied = 0
    if target.manifest_digest(plan.target.version) != plan.digest:
        for descriptor in plan.base_blobs:
            how = bring(descriptor, source, target, progress)
            mounted, copied = mounted + (how == "mounted"), copied + (how == "copied")
        for blob in plan.blobs:
            target.upload(blob)
        for manifest in plan.manifests[:-1]:
            target.put_manifest(manifest.digest, manifest)
        target.put_manifest(plan.target.version, plan.manifests[-1])
    transports = {source.transport, target.transport}
    sent = sum(transport.sent for transport in transports)
    return Pushed(f"{plan.target}", plan.digest, mounted, copied, sent)


def bring(descriptor, source, target, progress):
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


def repositories_for(base, target, environ, insecure):
    """Two repositories; of the same registry, they share their connections and their tokens."""
    known = credentials_from_environ(environ) or credentials_for(target.registry, environ)
    there = Transport(target.address, known, insecure)
    here = there
    if base.registry != target.registry:
        here = Transport(base.address, credentials_for(base.registry, environ), insecure)
    beside = base.repository if here is there else ""
    return Repositories(Repository(here, base.repository), Repository(there, target.repository, True, beside))


def arguments_from(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", metavar="BASE", help="the model's image")
    parser.add_argument("target", metavar="TARGET", help="the action's image, with a tag other than latest")
    parser.add_argument("--dry-run", action="store_true", help="read the base, print the plan, send nothing")
    parser.add_argument("--platform", default="", help="one of an index's platforms, like linux/arm64; default: all")
    parser.add_argument("--python", default="", help="the image's Python, where its config doesn't tell")
    parser.add_argument("--insecure", action="store_true", help="plain HTTP; this machine's registries need it not")
    parser.add_argument("--json", action="store_true", help="the outcome as one JSON object, progress in lines")
    arguments = parser.parse_args(words)
    if reference_from_name(arguments.target).version == "latest":
        parser.error(
            f"{arguments.target} is tagged latest, which OpenWhisk pulls again for every container: name a version"
        )
    return arguments


def main(words, environ):
    arguments = arguments_from(words)
    base, target = reference_from_name(arguments.base), reference_from_name(arguments.target)
    repositories = repositories_for(base, target, environ, arguments.insecure)
    found = resolve(repositories, base, arguments.platform, arguments.python)
    planned = plan(found, target, ADAPTER.read_bytes())
    for remark in planned.remarks:
        print(f"{target.repository}: {remark}", file=sys.stderr)
    if arguments.dry_run:
        print(text_from_plan(planned))
        return
    with Progress(sys.stderr, planned.base_size, lines=arguments.json) as progress:
        pushed = push(planned, repositories, progress)
    print(json.dumps(pushed._asdict()) if arguments.json else text_from_pushed(pushed))


def text_from_plan(planned):
    """The plan in bytes. Which of the base's layers are in the target already, only a push finds out."""
    same = planned.source.registry == planned.target.registry
    where = "mounted, no bytes" if same else f"copied where missing, at most {planned.base_size:,} bytes"
    lines = [f"{planned.target}@{planned.digest}", f"  from {planned.source}"]
    lines += [f"  {len(planned.base_blobs)} layers of the base: {where}"]
    lines += [f"  {len(blob.data):>8,} bytes  blob {blob.descriptor.digest}" for blob in planned.blobs]
    lines += [f"  {len(one.data):>8,} bytes  {one.media_type} {one.digest}" for one in planned.manifests]
    return "\n".join(lines + [f"  {planned.own_size:>8,} bytes of our own to send"])


def text_from_pushed(pushed):
    name, sent = pushed.image.rpartition(":")[0], size_text(pushed.sent)
    return f"{name}@{pushed.digest}  {pushed.mounted} layers mounted, {pushed.copied} copied, {sent} sent"


if __name__ == "__main__":
    try:
        main(sys.argv[1:], os.environ)
    except (RegistryError, Unsuitable, ValueError) as error:
        raise SystemExit(f"layer.py: {error}")
    except KeyboardInterrupt:
        raise SystemExit("layer.py: interrupted; nothing that looks finished has been left")
