"""Tar files that are the same, byte for byte, whenever and by whomever they are made. Pure."""

import hashlib
import tarfile
import zlib
from typing import BinaryIO, Iterable, Iterator, NamedTuple

from images.action.content import Held, Layer, layer_from_content
from images.image.documents import Descriptor, digest_of

BEST, FASTEST = 9, 1  # how hard to compress: kilobytes of text, gigabytes of weights
FILE_MODE, FOLDER_MODE = 0o644, 0o755
GZIP = 31  # zlib's word for gzip's format; the time in its head is zero
END = b"\0" * (2 * tarfile.BLOCKSIZE)


class Entry(NamedTuple):
    """Everything belongs to root and has no time."""

    name: str
    mode: int
    kind: bytes = tarfile.REGTYPE
    size: int = 0
    target: str = ""  # of a link


def folder(name: str) -> Entry:
    return Entry(name.rstrip("/"), FOLDER_MODE, tarfile.DIRTYPE)


def header_from_entry(entry: Entry) -> bytes:
    info = tarfile.TarInfo(entry.name)
    info.type, info.mode = entry.kind, entry.mode
    info.size, info.linkname = entry.size, entry.target
    info.uname = info.gname = "root"
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def padding(size: int) -> bytes:
    return b"\0" * (-size % tarfile.BLOCKSIZE)


def layer_from_files(files: Iterable["File"], created_by: str) -> Layer:
    """A small layer. The folders between `openwhisk` and each file come along."""
    entries = sorted(files)
    told = set()
    tar = []
    for one in entries:
        parts = one.name.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            name = "/".join(parts[:depth])
            if name not in told:
                told.add(name)
                tar.append(header_from_entry(folder(name)))
        size = len(one.data)
        tar.append(header_from_entry(Entry(one.name, one.mode, size=size)))
        tar.append(one.data + padding(size))
    whole = b"".join([*tar, END])
    return layer_from_content(Held(gzipped(whole)), digest_of(whole), created_by)


class File(NamedTuple):
    name: str
    data: bytes
    mode: int = FILE_MODE


def gzipped(data: bytes) -> bytes:
    packer = zlib.compressobj(BEST, wbits=GZIP)
    return packer.compress(data) + packer.flush()


class Packed(NamedTuple):
    descriptor: Descriptor
    diff_id: str


def packed(pieces: Iterator[bytes], target: BinaryIO) -> Packed:
    """Writes the pieces of a tar file compressed, and holds none of them."""
    packer = zlib.compressobj(FASTEST, wbits=GZIP)
    before, after, size = hashlib.sha256(), hashlib.sha256(), 0

    def put(data: bytes) -> int:
        after.update(data)
        target.write(data)
        return len(data)

    for piece in pieces:
        before.update(piece)
        size += put(packer.compress(piece))
    size += put(packer.flush())
    digest = "sha256:" + after.hexdigest()
    return Packed(Descriptor(digest, size), "sha256:" + before.hexdigest())
