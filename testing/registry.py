"""Registries on loopback: Debian's docker-registry, and one in this process that can play every odd
behaviour.
"""

import base64
import contextlib
import gzip
import hashlib
import io
import json
import os
import re
import socket
import tarfile
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, ThreadingTCPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from testing.engine import scratch
from testing.prerequisites import need
from testing.process import Process, accepts, free_port, until


@pytest.fixture(scope="session")
def registry():
    """The address of a real one."""
    with real_registry() as address:
        yield address


@contextmanager
def real_registry(tls=None):
    """`tls`: the paths of its certificate and of the certificate's key."""
    program, port = need("docker-registry"), free_port()
    http = {"addr": "127.0.0.1:%d" % port}
    if tls:
        certificate, key = tls
        http["tls"] = {"certificate": str(certificate), "key": str(key)}
    with scratch("registry-") as folder:
        config = os.path.join(folder, "config.yml")
        with open(config, "w") as file:
            json.dump(
                {
                    "version": "0.1",
                    "log": {"level": "warn"},
                    "storage": {
                        "filesystem": {"rootdirectory": folder},
                        "delete": {"enabled": True},
                    },
                    "http": http,
                },
                file,
            )
        with Process([program, "serve", config], folder, dict(os.environ), folder) as process:
            until(lambda: accepts(port), lambda: "a registry: " + process.log)
            yield "127.0.0.1:%d" % port


class Odd:
    """A registry in this process.

    Its switches are what registries in the wild do; `log` is what it was asked.
    """

    def __init__(self):
        self.blobs, self.manifests, self.uploads, self.log = {}, {}, {}, []
        self.mount_status = 201  # other than 201 and 202: refused with that status
        self.token_server = ""  # "all", "first scope only", "refuses sources"
        self.public = set()  # repositories that may be pulled without a token's word
        self.users = {}  # who gets a token for more than pulling what is public
        self.locations = "absolute"  # or "absolute path", "relative path"
        self.locations_with_query = False
        self.cdn = None  # another address that blobs are redirected to
        self.corrupt = set()  # digests whose bytes come out changed
        self.break_downloads_after = self.break_uploads_after = None  # bytes, once each
        self.keeps_breaking = False  # uploads, each time after as many bytes
        self.forgets_uploads = self.refuses_the_rest = False  # after a break
        self.refuses_tags = False
        self.lists_referrers = True  # else a client has to keep a list under a tag
        self.refuses_statements = False
        self.hides_lists = False  # those under a tag, though there are some
        self.read_only = False
        self.error = None  # what everything is refused with: a value, or bytes
        self.says_digest = None  # of every manifest, whatever it is
        self.dripping = False  # bodies come a byte at a time
        self.cut_off = False  # whether a client went away in the middle of it

    def add_blob(self, repository, data):
        digest = digest_of(data)
        self.blobs[repository, digest] = data
        return {"digest": digest, "size": len(data)}

    def add_manifest(self, repository, tag, media_type, value):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        digest = digest_of(data)
        self.manifests[repository, digest] = self.manifests[repository, tag] = (media_type, data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def referrers(self, repository, digest):
        """Entries of the manifests that have this one for their subject."""
        found = {}
        for (name, version), (media_type, data) in self.manifests.items():
            value = json.loads(data)
            subject = value.get("subject") if isinstance(value, dict) else None
            speaks_of_it = subject and subject["digest"] == digest
            if name == repository and version.startswith("sha256:") and speaks_of_it:
                described = {"digest": version, "size": len(data), "mediaType": media_type}
                found[version] = dict(described, artifactType=value["artifactType"])
        return list(found.values())

    def asked(self, method=None):
        return [line for line in self.log if not method or line.startswith(method + " ")]

    def json_manifest(self, repository, tag):
        return json.loads(self.manifests[repository, tag][1])

    @contextmanager
    def served(self):
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"odd": self}))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.address = "127.0.0.1:%d" % server.server_address[1]
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    odd = None

    def log_message(self, *_):
        pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except ConnectionError:  # the client, or a switch, has closed it
            self.close_connection = True

    def do(self):
        if self.odd.read_only and self.command not in ("GET", "HEAD"):
            return self.answer(405)
        parts = urlsplit(self.path)
        self.query = parse_qs(parts.query, keep_blank_values=True)
        self.odd.log.append("%s %s" % (self.command, self.path))
        if self.odd.error is not None:
            return self.refuse(self.odd.error)
        if parts.path == "/token":
            return self.token()
        match = re.match(
            r"/(v2|cdn)/(.+)/(manifests|blobs|uploads|referrers)/(.*)\Z",
            parts.path.replace("blobs/uploads", "uploads"),
        )
        if not match:
            return self.answer(404)
        self.front, self.repository, kind, self.name = match.groups()
        if self.front == "cdn":
            assert "Authorization" not in self.headers, "a token has leaked"
        elif not self.allowed():
            return None
        return getattr(self, "%s_%s" % (self.command.lower(), kind))()

    def refuse(self, error):
        try:
            self.answer(403, [], error if isinstance(error, bytes) else json.dumps(error).encode())
        except ConnectionError:
            self.odd.cut_off = True
            raise

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do

    def answer(self, status, headers=(), body=b""):
        if self.command in ("POST", "PUT", "PATCH") and not getattr(self, "read", None):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.read = None
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.write(body)

    def write(self, body):
        if not self.odd.dripping:
            self.wfile.write(body)
            return
        for number in range(len(body)):
            self.wfile.write(body[number : number + 1])
            time.sleep(0.01)  # nobody waits for the end of it

    # -- tokens: their text says what they allow

    def token(self):
        scopes = self.query.get("scope", [])
        user = base64.b64decode(self.headers.get("Authorization", "Basic ")[6:]).decode()
        known = not self.odd.users or user in self.odd.users
        if self.odd.token_server == "refuses sources" and len(scopes) > 1:
            return self.answer(400)
        if self.odd.token_server == "first scope only":
            scopes = scopes[:1]
        granted = [scope for scope in scopes if known or scope.split(":")[1] in self.odd.public]
        if not granted:
            return self.answer(401)
        return self.answer(
            200, [], json.dumps({"token": ",".join(granted).replace(" ", "")}).encode()
        )

    def allowed(self):
        if not self.odd.token_server:
            return True
        action = (
            "pull" if self.command in ("GET", "HEAD") and "/uploads/" not in self.path else "push"
        )
        mount_source = self.query.get("from", [None])[0]
        needed = [(self.repository, action)] + [(mount_source, "pull")] * bool(mount_source)
        missing = [pair for pair in needed if not self.grants(*pair)]
        if missing == [(mount_source, "pull")]:
            self.answer(
                202, self.location(self.new_upload())
            )  # as distribution does: no right to mount, so upload
        elif missing:
            challenge = 'Bearer realm="http://%s/token",service="odd",scope="repository:%s:pull"'
            self.answer(
                401, [("WWW-Authenticate", challenge % (self.odd.address, self.repository))]
            )
        return not missing

    def grants(self, repository, action):
        token = self.headers.get("Authorization", "").replace("Bearer ", "")
        scopes = re.findall(r"repository:([^:]+):((?:pull|push)(?:,(?:pull|push))*)", token)
        return any(name == repository and action in actions.split(",") for name, actions in scopes)

    # -- manifests

    def get_manifests(self):
        if self.odd.hides_lists and self.name.startswith("sha256-"):
            return self.answer(403)
        found = self.odd.manifests.get((self.repository, self.name))
        if not found:
            return self.answer(
                404, [], b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'
            )
        digest = self.odd.says_digest or digest_of(found[1])
        headers = [("Content-Type", found[0]), ("Docker-Content-Digest", digest)]
        body = found[1] + b" " if digest_of(found[1]) in self.odd.corrupt else found[1]
        return self.answer(200, headers, body)

    head_manifests = get_manifests

    def get_referrers(self):
        if not self.odd.lists_referrers:
            return self.answer(404)
        listed = {"schemaVersion": 2, "manifests": self.odd.referrers(self.repository, self.name)}
        return self.answer(200, [], json.dumps(listed).encode())

    def put_manifests(self):
        data, self.read = self.rfile.read(int(self.headers["Content-Length"])), True
        value = json.loads(data)
        if self.odd.refuses_statements and "subject" in value:
            return self.answer(400, [], b'{"errors":[{"code":"MANIFEST_INVALID"}]}')
        if self.odd.refuses_tags and not self.name.startswith("sha256:"):
            return self.answer(503)
        named = [value["config"]] + value["layers"] if "layers" in value else []
        missing = [blob for blob in named if not blob.get("urls") and not self.has(blob["digest"])]
        missing += [
            one
            for one in value.get("manifests", [])
            if (self.repository, one["digest"]) not in self.odd.manifests
        ]
        if (
            missing
            or value.get("mediaType", self.headers["Content-Type"]) != self.headers["Content-Type"]
        ):
            return self.answer(
                400, [], b'{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown"}]}'
            )
        self.odd.add_manifest(self.repository, self.name, self.headers["Content-Type"], data)
        headers = [("Docker-Content-Digest", digest_of(data))]
        if "subject" in value and self.odd.lists_referrers:
            headers.append(("OCI-Subject", value["subject"]["digest"]))
        return self.answer(201, headers)

    # -- blobs

    def has(self, digest):
        return (self.repository, digest) in self.odd.blobs

    def head_blobs(self):
        return self.answer(200 if self.has(self.name) else 404)

    def get_blobs(self):
        if not self.has(self.name):
            return self.answer(404)
        if self.odd.cdn and self.front == "v2":
            location = "http://%s/cdn/%s/blobs/%s?signature=s" % (
                self.odd.cdn,
                self.repository,
                self.name,
            )
            return self.answer(307, [("Location", location)])
        data = self.odd.blobs[self.repository, self.name]
        if self.name in self.odd.corrupt:
            data = data + b" " if data.startswith(b"{") else data[:-1] + bytes([data[-1] ^ 1])
        start = int((re.findall(r"bytes=(\d+)-", self.headers.get("Range", "")) or ["0"])[0])
        breaking, self.odd.break_downloads_after = self.odd.break_downloads_after, None
        if breaking is None:
            return self.answer(206 if start else 200, [], data[start:])
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[:breaking])
        raise ConnectionAbortedError

    # -- uploads

    def new_upload(self):
        name = "upload%d" % len(self.odd.uploads)
        self.odd.uploads[name] = b""
        return name

    def location(self, name):
        name += "?_state=a%2Fb%3D" if self.odd.locations_with_query else ""
        path = "/v2/%s/blobs/uploads/%s" % (self.repository, name)
        address = "http://%s%s" % (self.odd.address, path)
        return [
            (
                "Location",
                {"absolute": address, "absolute path": path, "relative path": name}[
                    self.odd.locations
                ],
            )
        ]

    def post_uploads(self):
        digest, source = (self.query.get(name, [None])[0] for name in ("mount", "from"))
        if digest and self.odd.mount_status not in (201, 202):
            return self.answer(self.odd.mount_status)
        if digest and (source, digest) in self.odd.blobs and self.odd.mount_status == 201:
            self.odd.blobs[self.repository, digest] = self.odd.blobs[source, digest]
            return self.answer(201, [("Location", "/v2/%s/blobs/%s" % (self.repository, digest))])
        return self.answer(202, self.location(self.new_upload()))

    def patch_uploads(self):
        if not self.knows_state():
            return self.answer(400)
        have, size = len(self.odd.uploads[self.name]), int(self.headers["Content-Length"])
        if "Content-Range" in self.headers and not self.headers["Content-Range"].startswith(
            "%d-" % have
        ):
            return self.answer(416)
        if "Content-Range" in self.headers and self.odd.refuses_the_rest:
            return self.answer(416)
        breaking = self.odd.break_uploads_after
        if not self.odd.keeps_breaking:
            self.odd.break_uploads_after = None
        elif size <= breaking:
            breaking = None
        self.odd.uploads[self.name] += self.rfile.read(size if breaking is None else breaking)
        self.read = True
        if breaking is not None:
            if self.odd.forgets_uploads:
                del self.odd.uploads[self.name]
            raise ConnectionAbortedError
        return self.answer(202, self.location(self.name) + self.range())

    def range(self):
        return [("Range", "0-%d" % max(0, len(self.odd.uploads[self.name]) - 1))]

    def get_uploads(self):
        if self.name not in self.odd.uploads:
            return self.answer(404)
        return self.answer(204, self.location(self.name) + self.range())

    def put_uploads(self):
        if not self.knows_state():
            return self.answer(400)
        data = self.odd.uploads.pop(self.name) + self.rfile.read(
            int(self.headers.get("Content-Length") or 0)
        )
        self.read = True
        if digest_of(data) != self.query["digest"][0]:
            return self.answer(
                400, [], b'{"errors":[{"code":"DIGEST_INVALID","message":"digest invalid"}]}'
            )
        self.odd.blobs[self.repository, digest_of(data)] = data
        return self.answer(201)

    def delete_uploads(self):
        return self.answer(204 if self.odd.uploads.pop(self.name, None) is not None else 404)

    def knows_state(self):
        wanted = ["a/b="] if self.odd.locations_with_query else None
        return self.name in self.odd.uploads and self.query.get("_state") == wanted


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def tar_gz(files):
    """A layer of these files: name to content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=0), digest_of(buffer.getvalue())


@contextmanager
def cut_once(address, after):
    """Another address of a registry: the first connection that carries more than `after` bytes one
    way is cut.
    """
    cuts = []

    class Relay(BaseRequestHandler):
        def handle(self):
            host, port = address.split(":")
            with socket.create_connection((host, int(port))) as there:
                back = threading.Thread(target=self.relay, args=(there, self.request))
                back.start()
                self.relay(self.request, there)
                back.join()

        def relay(self, source, target):
            sent = 0
            with contextlib.suppress(OSError):
                for data in iter(lambda: source.recv(1 << 16), b""):
                    sent += len(data)
                    if sent > after and not cuts:
                        cuts.append(sent)
                        break
                    target.sendall(data)
            for end in (source, target):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    with ThreadingTCPServer(("127.0.0.1", 0), Relay) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield "127.0.0.1:%d" % server.server_address[1], cuts
        finally:
            server.shutdown()
            thread.join()
