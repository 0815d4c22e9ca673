"""A repository in a registry: manifests and blobs, by the distribution specification.

Every byte read is verified.
"""

import contextlib
import json
import re
from typing import Any, NamedTuple, Optional
from urllib.parse import quote, urlencode

from images.image.documents import (
    INDEXES,
    MANIFESTS,
    Descriptor,
    Json,
    Manifest,
    digest_of,
)
from images.image.reference import DIGEST
from images.registry.connection import Answer, Body, bare
from images.registry.transport import Access, Accesses, Transport, joined
from images.words import Broken, RegistryError, Unsuitable

ACCEPTED = ", ".join(INDEXES + MANIFESTS)
LARGEST_DOCUMENT = 8 << 20  # bytes; a manifest or a config is some kilobytes
RANGE = re.compile(r"(?:bytes=)?[0-9]{1,18}-([0-9]{1,18})\Z")
SCHEMA_1 = (
    "the base has a manifest of schema 1, which engines no longer pull: "
    "pull it with an engine from before 2023 and push it again"
)


class Repository:
    """Where to pull from, and with `push` where to push to, mounting from `beside`."""

    def __init__(
        self, transport: Transport, name: str, push: bool = False, beside: str = ""
    ) -> None:
        self.transport, self.name = transport, name
        self.accesses: Accesses = (Access(name, "pull,push" if push else "pull"),)
        self.add_source(beside)

    def add_source(self, name: str) -> None:
        """One more repository that layers are mounted from; the token has to say so."""
        access = Access(name, "pull")
        if name and name != self.name and access not in self.accesses:
            self.accesses += (access,)

    def send(self, method: str, path: str, **options: Any) -> Answer:
        return self.transport.send(method, f"{self.name}/{path}", self.accesses, **options)

    # -- manifests

    def manifest(self, version: str) -> Manifest:
        what = f"the manifest {self.name} {version}"
        with self.send("GET", f"manifests/{version}", headers={"Accept": ACCEPTED}) as answer:
            data = document_of(answer)
        promised = answer.headers.get("docker-content-digest")
        check_digest(what, version if ":" in version else None, data)
        if promised and promised.startswith("sha256:"):
            check_digest(what, promised, data)
        value = value_of(data, what)
        if value.get("schemaVersion") == 1:
            raise Unsuitable(SCHEMA_1)
        told = answer.headers.get("content-type", "").partition(";")[0]
        return Manifest(str(value.get("mediaType") or told), data, value)

    def index_at(self, path: str) -> Optional[Json]:
        """What is listed there; None where nothing is. Raises RegistryError where no list is."""
        what = f"{self.name}/{path}"
        accepted = {"Accept": INDEXES[0]}
        with self.send("GET", path, headers=accepted, expect=(200, 404)) as answer:
            if answer.status == 404:
                return None
            value = value_of(document_of(answer), what)
        if not isinstance(value.get("manifests"), list):
            raise RegistryError(f"{what} isn't a list of manifests")
        return value

    def manifest_digest(self, version: str) -> Optional[str]:
        """None where there is none, or none that is one."""
        answer = self.send(
            "HEAD",
            f"manifests/{version}",
            headers={"Accept": ACCEPTED},
            expect=(200, 401, 403, 404),
        )
        answer.close()
        told = answer.headers.get("docker-content-digest", "")
        return told if answer.status == 200 and DIGEST.match(told) else None

    def put_manifest(self, version: str, manifest: Manifest) -> Answer:
        answer = self.send(
            "PUT",
            f"manifests/{version}",
            headers={"Content-Type": manifest.media_type},
            body=manifest.data,
            expect=(200, 201, 202),
        )
        finish(answer)
        stored = answer.headers.get("docker-content-digest", manifest.digest)
        if stored != manifest.digest:
            registry = self.transport.registry
            raise RegistryError(f"{registry} stored {stored} for the manifest {manifest.digest}")
        return answer

    # -- blobs that are read

    def document(self, descriptor: Descriptor) -> Json:
        """A small blob that is JSON: an image's config."""
        what = f"the blob {descriptor.digest} of {self.name}"
        with self.open_blob(descriptor) as answer:
            data = document_of(answer)
        check_digest(what, descriptor.digest, data)
        return value_of(data, what)

    def open_blob(self, descriptor: Descriptor, start: int = 0) -> Answer:
        """Its bytes from `start` on, as an answer that is still being read."""
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        answer = self.send("GET", f"blobs/{descriptor.digest}", headers=headers, expect=(200, 206))
        if start and answer.status == 200:
            skip(answer, start)
        return answer

    def has_blob(self, digest: str) -> bool:
        answer = self.send("HEAD", f"blobs/{digest}", expect=(200, 404))
        answer.close()
        return answer.status == 200

    # -- blobs that are written

    def mount(self, digest: str, source: str) -> Optional[str]:
        """Empty when the blob is here now, else where it can be uploaded; None for nowhere yet."""
        query = urlencode({"mount": digest, "from": source})
        try:
            answer = self.send("POST", f"blobs/uploads/?{query}", expect=(201, 202))
        except Broken:
            raise
        except RegistryError:  # 401, 403, 404, 405, each of them somebody's way to say "upload it"
            return None
        finish(answer)
        return "" if answer.status == 201 else location_of(answer)

    def start_upload(self) -> str:
        answer = self.send("POST", "blobs/uploads/", expect=(202,))
        finish(answer)
        return location_of(answer)

    def append(self, location: str, start: int, size: int, body: Body) -> str:
        """One more piece of an upload; answers with the location of the next."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        if start:
            headers["Content-Range"] = f"{start}-{start + size - 1}"
        answer = self.at(location, "PATCH", headers=headers, body=body, expect=(201, 202, 204))
        finish(answer)
        return location_of(answer)

    def received(self, location: str) -> "Arrived":
        """How much of an interrupted upload has arrived."""
        answer = self.at(location, "GET", expect=(204,))
        finish(answer)
        last = RANGE.match(answer.headers.get("range", ""))
        count = int(last.group(1)) + 1 if last else 0
        # Registries say 0-0 of an upload that nothing has arrived of.
        return Arrived(location_of(answer), 0 if count == 1 else count)

    def finish(self, location: str, digest: str, data: bytes = b"") -> None:
        joint = "&" if "?" in location else "?"
        url = f"{location}{joint}digest={quote(digest, safe='')}"
        headers = {"Content-Type": "application/octet-stream"}
        answer = self.at(url, "PUT", headers=headers, body=data, expect=(200, 201, 204))
        finish(answer)

    def cancel(self, location: str) -> None:
        with contextlib.suppress(RegistryError):
            self.at(location, "DELETE", expect=range(200, 600)).close()

    def at(self, location: str, method: str, **options: Any) -> Answer:
        return self.transport.send(method, location, self.accesses, **options)


class Arrived(NamedTuple):
    """Where an upload goes on, and after how many bytes."""

    location: str
    size: int


def finish(answer: Answer) -> None:
    """Reads what nobody needs, so that the connection can be used again."""
    with answer, contextlib.suppress(Broken):
        answer.read_up_to(1 << 16)


def location_of(answer: Answer) -> str:
    if "location" not in answer.headers:
        where = f"{answer.method} {bare(answer.url)}"
        raise RegistryError(f"{where}: an answer without a Location")
    return joined(answer.url, answer.headers["location"])


def document_of(answer: Answer) -> bytes:
    data = answer.read_up_to(LARGEST_DOCUMENT)
    if len(data) > LARGEST_DOCUMENT:
        url = bare(answer.url)
        raise RegistryError(f"{url}: over {LARGEST_DOCUMENT} bytes, no manifest or config is")
    return data


def check_digest(what: str, expected: Optional[str], data: bytes) -> None:
    if expected and expected != digest_of(data):
        raise RegistryError(f"{what} should be {expected} and is {digest_of(data)}")


def value_of(data: bytes, what: str) -> Json:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RegistryError(f"{what} isn't JSON: {error}")
    if not isinstance(value, dict):
        raise RegistryError(f"{what} isn't a JSON object")
    return value


def skip(answer: Answer, size: int) -> None:
    while size:
        data = answer.read(min(size, 1 << 16))
        if not data:
            raise Broken("the blob ended early")
        size -= len(data)
