"""Reads an image's files: from its layers, a tar file as `docker export` writes it, or a folder.

What could belong to an interpreter is kept in a temporary file. Nothing is unpacked.
"""

import errno
import gzip
import io
import os
import re
import shutil
import stat
import sys
import tarfile
import tempfile
import zlib
from contextlib import contextmanager
from typing import BinaryIO, Callable, Iterable, Iterator, List, NamedTuple, Optional

from images.interpreter.refusals import Unreadable
from images.interpreter.tree import (
    File,
    Folder,
    Link,
    Node,
    all_files,
    folder_at,
    found,
    laid_over,
    parts_of,
    put,
    remove,
)

LARGEST_FILE = 64 << 20  # libpython with all that a debugger wants takes 31 MB
LARGEST_IMAGE = 8 << 30  # all of its layers, as tar files
LARGEST_PART = 2 << 30  # of the files that could be of use
LARGEST_HEADER = 64 << 10  # of an entry with a long name
MOST_ENTRIES = 1000000
MOST_ENDS = 10
OF_INTEREST = re.compile(r"(?!.*(site|dist)-packages/)(.*python|.*\.so\b|.*etc/ld\.so\.conf)")
WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
# What tarfile and gzip raise on bytes that nobody has written for them.
DAMAGED = (
    tarfile.TarError,
    zlib.error,
    EOFError,
    LookupError,
    OSError,
    RecursionError,
    ValueError,
)
FULL = (errno.ENOSPC, errno.EDQUOT)
HOLES = "a file's header lists holes without end"
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


class Files:
    """All paths begin with a slash; links lead where they lead in a container."""

    def __init__(self, root: Folder) -> None:
        self.root = root

    def paths(self) -> Iterator[str]:
        """Of everything that is no folder."""
        return all_files(self.root)

    def names(self, path: str) -> List[str]:
        """What lies in a folder; nothing where there is none."""
        node = found(self.root, path)[1]
        return sorted(node) if isinstance(node, Folder) else []

    def real_path(self, path: str) -> str:
        """The path of a file with all links followed; empty where there is no file."""
        real, node = found(self.root, path)
        return real if isinstance(node, File) else ""

    def read(self, path: str, largest: int = LARGEST_FILE) -> bytes:
        node = found(self.root, path)[1]
        if not isinstance(node, File):
            raise Unreadable(f"there is no file {path}")
        if node.size > largest:
            raise Unreadable(f"{path} takes {node.size} bytes, where {largest} are read")
        return node.content()


def files_from_folder(folder: str) -> Files:
    root = Folder()
    count = 0
    for path, folders, names in os.walk(folder):
        parts = [part for part in os.path.relpath(path, folder).split(os.sep) if part != "."]
        inside = folder_at(root, parts)
        count += len(folders) + len(names)
        if count > MOST_ENTRIES:
            raise Unreadable(f"{folder} holds more than {MOST_ENTRIES} files")
        for name in names + folders:
            node = node_from_path(os.path.join(path, name))
            if node is not None:
                inside[name] = node
    return Files(root)


def node_from_path(path: str) -> Optional[Node]:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return Link(os.readlink(path))
    if stat.S_ISDIR(status.st_mode):
        return Folder()
    if stat.S_ISREG(status.st_mode):
        return File(status.st_size, lambda: content_of(path))
    return None


def content_of(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(LARGEST_FILE)


@contextmanager
def files_from_tar(stream: BinaryIO) -> Iterator[Files]:
    """What `docker export` writes."""
    with files_from_layers([stream]) as files:
        yield files


@contextmanager
def files_from_layers(streams: Iterable[BinaryIO]) -> Iterator[Files]:
    """The lowest first, compressed with gzip or not; each is read once, from beginning to end."""
    with tempfile.TemporaryFile() as kept:
        reader = LayerReader(kept)
        for number, stream in enumerate(streams, start=1):
            try:
                reader.add(stream)
            except Unreadable as error:
                raise Unreadable(f"layer {number}: {error}") from None
            except DAMAGED as error:
                if isinstance(error, OSError) and error.errno in FULL:
                    raise  # it's this machine's disk, and no fault of the image
                raise Unreadable(f"layer {number} can't be read to its end: {error}") from None
        yield Files(reader.root)


class Entry(tarfile.TarInfo):
    """As tarfile reads it, which takes as much memory for a long name as the archive says."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if not self.isreg() and self.size > LARGEST_HEADER:
            raise Unreadable(f"an entry's header takes {self.size} bytes")
        entry: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        return entry

    def _proc_sparse(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self._sparse_structs[1]:  # type: ignore[attr-defined] # whether a list goes on and on
            raise Unreadable(HOLES)
        entry: tarfile.TarInfo = super()._proc_sparse(archive)  # type: ignore[misc]
        return entry

    def _proc_gnusparse_10(self, *_: object) -> None:
        raise Unreadable(HOLES)


class Layer(NamedTuple):
    """What one adds; what it takes away from those below it, and the folders there it empties."""

    root: Folder
    removed: List[List[str]]
    emptied: List[List[str]]


class LayerReader:
    """Lays one layer over the other. What could be of use stands in the file `kept`."""

    def __init__(self, kept: BinaryIO) -> None:
        self.root, self.kept = Folder(), kept
        self.entries, self.bytes_left, self.kept_left = 0, LARGEST_IMAGE, LARGEST_PART

    def add(self, stream: BinaryIO) -> None:
        layer = Layer(Folder(), [], [])
        unpacked = self.unpacked(stream)
        with tarfile.open(fileobj=unpacked, mode="r|", tarinfo=Entry) as archive:
            entry = archive.next()
            while entry is not None:
                forget(archive)
                self.check(entry)
                self.add_entry(layer, archive, entry)
                entry = archive.next()
        while unpacked.read(65536):  # up to its checksum
            pass
        for parts in layer.removed:
            remove(self.root, parts)
        for parts in layer.emptied:
            folder_at(self.root, parts).clear()
        laid_over(self.root, layer.root)

    def check(self, entry: tarfile.TarInfo) -> None:
        self.entries += 1
        if self.entries > MOST_ENTRIES:
            raise Unreadable(f"the image holds more than {MOST_ENTRIES} files")
        if not 0 <= entry.size <= self.bytes_left:
            name, size = entry.name[:200], entry.size
            raise Unreadable(f"{name!r} should take {size} bytes, of {self.bytes_left} at most")

    def add_entry(self, layer: Layer, archive: tarfile.TarFile, entry: tarfile.TarInfo) -> None:
        """Devices and pipes are left out: nothing is made of them."""
        parts = parts_of(entry.name)
        if not parts:
            return
        if parts[-1] == OPAQUE:
            layer.emptied.append(parts[:-1])
        elif parts[-1].startswith(WHITEOUT):
            layer.removed.append(parts[:-1] + [parts[-1][len(WHITEOUT) :]])
        elif entry.isdir():
            put(layer.root, parts, Folder())
        elif entry.issym():
            put(layer.root, parts, Link(entry.linkname))
        elif entry.islnk():
            put(layer.root, parts, same_file(layer.root, entry.linkname))
        elif entry.isreg():
            put(layer.root, parts, self.file(archive, entry))

    def file(self, archive: tarfile.TarFile, entry: tarfile.TarInfo) -> File:
        source = archive.extractfile(entry)
        if source is None or entry.size > LARGEST_FILE or not OF_INTEREST.match(entry.name):
            return File(entry.size, not_kept)
        self.kept_left -= entry.size
        if self.kept_left < 0:
            raise Unreadable(f"its programs and libraries take more than {LARGEST_PART} bytes")
        start = self.kept.seek(0, os.SEEK_END)
        shutil.copyfileobj(source, self.kept)
        if self.kept.tell() - start != entry.size:
            raise Unreadable(f"{entry.name!r} ends early")

        def content() -> bytes:
            self.kept.seek(start)
            return self.kept.read(entry.size)

        return File(entry.size, content)

    def unpacked(self, stream: BinaryIO) -> BinaryIO:
        counted = Counted(stream.read, self)
        buffered = io.BufferedReader(counted)
        start = buffered.peek(4)[:4]
        if start == ZSTD:
            raise Unreadable("it is compressed with zstd; gzip was expected")
        if start[:2] != GZIP:
            return buffered
        counted.most_ends = sys.maxsize  # gzip asks for more while it gives out what it has
        return io.BufferedReader(Counted(gzip.GzipFile(fileobj=buffered).read, self))


def forget(archive: tarfile.TarFile) -> None:
    """What tarfile keeps of the entries that have passed: a million take a gigabyte."""
    archive.members, archive.pax_headers = [], {}  # type: ignore[attr-defined]


def same_file(root: Folder, target: str) -> Node:
    """What a second name of a file stands for."""
    path = "/" + "/".join(parts_of(target))
    node = found(root, path)[1]
    return node if isinstance(node, File) else Link(path)


def not_kept() -> bytes:
    raise Unreadable("no interpreter is made of such a file")


class Counted(io.RawIOBase):
    """A stream whose bytes are counted, and how often somebody has read on at its end.

    tarfile steps over as many bytes as an entry says to have, whether they are there or not.
    """

    def __init__(self, read: Callable[[int], bytes], reader: LayerReader) -> None:
        self.read_from, self.reader = read, reader
        self.ends, self.most_ends = 0, MOST_ENDS

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self.read_from(len(buffer))
        while data and len(data) < len(buffer):  # a connection gives what has come
            more = self.read_from(len(buffer) - len(data))
            if not more:
                break
            data += more
        self.reader.bytes_left -= len(data)
        if self.reader.bytes_left < 0:
            raise Unreadable(f"the image takes more than {LARGEST_IMAGE} bytes")
        self.ends += not data
        if self.ends > self.most_ends:
            raise Unreadable("it ends before its last file does")
        buffer[: len(data)] = data
        return len(data)
