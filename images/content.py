"""The one layer, and blobs and their digests. Pure: the same input gives the same bytes."""

import gzip
import hashlib
import io
import json
import tarfile
from typing import NamedTuple


class Descriptor(NamedTuple):
    """What a manifest says of a blob."""

    digest: str
    size: int


class Blob(NamedTuple):
    """Content that is ours, small enough to be held."""

    data: bytes

    @property
    def descriptor(self):
        return Descriptor(digest_of(self.data), len(self.data))


class Layer(NamedTuple):
    blob: Blob
    diff_id: str


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer_from_adapter(source):
    """/openwhisk.py, root-owned, readable by the image's user: byte for byte the tar file of a `docker build`."""
    padding = b"\0" * (-len(source) % tarfile.BLOCKSIZE)
    tar = header(len(source)) + source + padding + b"\0" * (2 * tarfile.BLOCKSIZE)
    return Layer(Blob(compressed(tar)), digest_of(tar))


def header(size):
    """Written out because tarfile leaves the file's kind out of the mode, which Docker doesn't."""
    name, mode, owner, kind = b"openwhisk.py".ljust(100, b"\0"), b"0100644\0", b"0000000\0" * 2, b"0"
    sizes = b"%011o\0%011o\0" % (size, 0)
    rest = kind + b"\0" * 100 + b"ustar\x0000" + b"root".ljust(32, b"\0") * 2 + b"0000000\0" * 2
    start = name + mode + owner + sizes
    checksum = sum(start + b" " * 8 + rest)
    return (start + b"%06o\0 " % checksum + rest).ljust(tarfile.BLOCKSIZE, b"\0")


def compressed(data):
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=9, mtime=0) as file:
        file.write(data)
    return buffer.getvalue()


def json_bytes(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
