"""A repository in a registry: manifests and blobs, by the distribution specification. Every byte read is verified."""

import json
from urllib.parse import quote, urlencode, urljoin

from urllib3.exceptions import HTTPError

from images.content import digest_of
from images.plan import INDEXES, MANIFESTS, Manifest, Unsuitable
from images.transport import Access, Broken, RegistryError

ACCEPTED = ", ".join(INDEXES + MANIFESTS)
LARGEST_DOCUMENT = 8 << 20  # bytes; a manifest or a config is some kilobytes


class Repository:
    """Where to pull from, and where to push to if `push`; `beside` is the repository that is mounted from."""

    def __init__(self, transport, name, push=False, beside=""):
        self.transport, self.name = transport, name
        self.accesses = (Access(name, "pull,push" if push else "pull"),)
        self.accesses += (Access(beside, "pull"),) if beside and beside != name else ()

    def send(self, method, path, **options):
        return self.transport.send(method, f"{self.name}/{path}", self.accesses, **options)

    def manifest(self, version):
        response = self.send("GET", f"manifests/{version}", headers={"Accept": ACCEPTED}, stream=True)
        data = read_document(response)
        digest = digest_of(data)
        for promised in (version if ":" in version else None, response.headers.get("Docker-Content-Digest")):
            if promised not in (None, digest):
                raise RegistryError(f"the manifest {self.name} {version} should be {promised} and is {digest}")
        value = value_of(data, f"the manifest {self.name} {version}")
        kind = value.get("mediaType") or response.headers.get("Content-Type", "").partition(";")[0]
        if value.get("schemaVersion") == 1:
            raise Unsuitable(
                "the base has a manifest of schema 1, which engines no longer pull: "
                "pull it with an engine from before 2023 and push it again"
            )
        return Manifest(kind, data, value)

    def manifest_digest(self, version):
        """None where there is none."""
        response = self.send("HEAD", f"manifests/{version}", headers={"Accept": ACCEPTED}, expect=(200, 401, 403, 404))
        return response.headers.get("Docker-Content-Digest") if response.status_code == 200 else None

    def put_manifest(self, version, manifest):
        headers = {"Content-Type": manifest.media_type}
        response = self.send("PUT", f"manifests/{version}", headers=headers, data=manifest.data, expect=(200, 201, 202))
        stored = response.headers.get("Docker-Content-Digest", manifest.digest)
        if stored != manifest.digest:
            raise RegistryError(f"{self.transport.registry} stored {stored} for the manifest {manifest.digest}")

    def document(self, descriptor):
        """A small blob that is JSON: an image's config."""
        with self.open_blob(descriptor) as response:
            data = read_document(response)
        if digest_of(data) != descriptor.digest:
            raise RegistryError(f"the blob {descriptor.digest} of {self.name} is {digest_of(data)}")
        return value_of(data, f"the blob {descriptor.digest} of {self.name}")

    def open_blob(self, descriptor, start=0):
        """Its bytes from `start` on, as an answer that is still being read."""
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={start}-"} if start else {})}
        response = self.send("GET", f"blobs/{descriptor.digest}", headers=headers, stream=True, expect=(200, 206))
        if start and response.status_code == 200:
            skip(response.raw, start)
        return response

    def has_blob(self, digest):
        return self.send("HEAD", f"blobs/{digest}", expect=(200, 404)).status_code == 200

    def mount(self, digest, source):
        """Empty when the blob is in this repository now, else where it can be uploaded; None for nowhere yet."""
        query = urlencode({"mount": digest, "from": source})
        try:
            response = self.send("POST", f"blobs/uploads/?{query}", headers={"Content-Length": "0"}, expect=(201, 202))
        except Broken:
            raise
        except RegistryError:  # 401, 403, 404, 405, each of them somebody's way to say "upload it"
            return None
        return "" if response.status_code == 201 else location_of(response)

    def start_upload(self):
        return location_of(self.send("POST", "blobs/uploads/", headers={"Content-Length": "0"}, expect=(202,)))

    def append(self, location, start, body):
        """One more piece of an upload; answers with the location of the next."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(len(body))}
        if start:
            headers["Content-Range"] = f"{start}-{start + len(body) - 1}"
        return location_of(self.at(location, "PATCH", headers=headers, data=body, expect=(201, 202, 204)))

    def received(self, location):
        """Where an interrupted upload goes on and how many bytes have arrived."""
        response = self.at(location, "GET", expect=(204,))
        last = response.headers.get("Range", "").rpartition("-")[2]
        return location_of(response), int(last) + 1 if last.isdigit() and last != "0" else 0

    def finish(self, location, digest, data=b""):
        joined = location + ("&" if "?" in location else "?") + "digest=" + quote(digest, safe="")
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(len(data))}
        self.at(joined, "PUT", headers=headers, data=data, expect=(200, 201, 204))

    def cancel(self, location):
        self.at(location, "DELETE", expect=range(200, 600))

    def at(self, location, method, **options):
        return self.transport.send(method, location, self.accesses, **options)

    def upload(self, blob):
        """Whether it had to be sent."""
        descriptor = blob.descriptor
        if self.has_blob(descriptor.digest):
            return False
        self.finish(self.start_upload(), descriptor.digest, blob.data)
        return True


def location_of(response):
    if "Location" not in response.headers:
        raise RegistryError(f"{response.request.method} {response.url}: an answer without a Location")
    return urljoin(response.url, response.headers["Location"])


def read_document(response):
    with response:
        try:
            data = response.raw.read(LARGEST_DOCUMENT + 1, decode_content=True)
        except HTTPError as error:
            raise Broken(f"{response.url.partition('?')[0]}: {error}")
    if len(data) > LARGEST_DOCUMENT:
        raise RegistryError(
            f"{response.url.partition('?')[0]}: over {LARGEST_DOCUMENT} bytes, no manifest or config is"
        )
    return data


def value_of(data, what):
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RegistryError(f"{what} isn't JSON: {error}")
    if not isinstance(value, dict):
        raise RegistryError(f"{what} isn't a JSON object")
    return value


def skip(stream, size):
    while size:
        data = stream.read(min(size, 1 << 16))
        if not data:
            raise Broken("the blob ended early")
        size -= len(data)
