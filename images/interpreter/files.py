"""Reads the files of an image: from a folder, a tar file as `docker export` writes it, or an image's layers.

What could belong to an interpreter is kept in a temporary file; the rest is only counted. Nothing is unpacked.
"""

import gzip
import io
import os
import re
import shutil
import stat
import tarfile
import tempfile
import zlib
from contextlib import contextmanager
from typing import BinaryIO, Callable, Iterable, Iterator, List, NamedTuple, Union

from images.interpreter.tree import (
    BadPath,
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
LARGEST_LAYER = 8 << 30  # as a tar file
LARGEST_HEADER = 64 << 10  # of an entry with a long name
MOST_ENTRIES = 1000000
OF_INTEREST = re.compile(r"(?!.*(site|dist)-packages/)(.*python|.*\.so\b|.*etc/ld\.so\.conf)")
WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
# What tarfile and gzip raise on bytes that nobody has written for them.
DAMAGED = (
    tarfile.TarError,
    zlib.error,
    ArithmeticError,
    EOFError,
    LookupError,
    OSError,
    RecursionError,
    ValueError,
)
ZSTD = b"\x28\xb5\x2f\xfd"


class Unreadable(ValueError):
    """No files can be had of this; says what it is and why."""


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

    def read(self, path: str) -> bytes:
        node = found(self.root, path)[1]
        if not isinstance(node, File):
            raise Unreadable(f"there is no file {path}")
        if node.size > LARGEST_FILE:
            raise Unreadable(f"{path} takes {node.size} bytes, of {LARGEST_FILE} that are read")
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


def node_from_path(path: str) -> Union[Node, None]:
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
    """The lowest first, compressed with gzip or not; each is read once, from its beginning to its end."""
    root = Folder()
    with tempfile.TemporaryFile() as spool:
        for number, stream in enumerate(streams, start=1):
            try:
                add_layer(root, stream, spool)
            except (BadPath, Unreadable) as error:
                raise Unreadable(f"layer {number}: {error}") from None
            except DAMAGED as error:
                raise Unreadable(f"layer {number} can't be read to its end: {error}") from None
        yield Files(root)


class Entry(tarfile.TarInfo):
    """As tarfile reads it, which takes as much memory for a long name as the archive says."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if not self.isreg() and self.size > LARGEST_HEADER:
            raise Unreadable(f"an entry's header takes {self.size} bytes")
        entry: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        return entry


class Layer(NamedTuple):
    """What one adds, and the paths below it that it takes away; with `inner`: what lies in a folder."""

    root: Folder
    removed: List[List[str]]
    emptied: List[List[str]]


def add_layer(root: Folder, stream: BinaryIO, spool: BinaryIO) -> None:
    layer = Layer(Folder(), [], [])
    count = 0
    with tarfile.open(fileobj=tar_from_stream(stream), mode="r|", tarinfo=Entry) as archive:
        entry = archive.next()
        while entry is not None:
            archive.members = []  # type: ignore[attr-defined] # a million of them would take a gigabyte
            count += 1
            if count > MOST_ENTRIES:
                raise Unreadable(f"it holds more than {MOST_ENTRIES} entries")
            if not 0 <= entry.size <= LARGEST_LAYER:
                raise Unreadable(f"{entry.name!r} says that it takes {entry.size} bytes")
            add_entry(layer, archive, entry, spool)
            entry = archive.next()
    for parts in layer.removed:
        remove(root, parts)
    for parts in layer.emptied:
        folder_at(root, parts).clear()
    laid_over(root, layer.root)


def add_entry(
    layer: Layer, archive: tarfile.TarFile, entry: tarfile.TarInfo, spool: BinaryIO
) -> None:
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
        target = "/" + "/".join(parts_of(entry.linkname))
        node = found(layer.root, target)[1]
        put(layer.root, parts, node if isinstance(node, File) else Link(target))
    elif entry.isreg():
        put(layer.root, parts, kept(archive, entry, spool))


def kept(archive: tarfile.TarFile, entry: tarfile.TarInfo, spool: BinaryIO) -> File:
    """A file whose content stands in the spool, if it could be of use."""
    source = archive.extractfile(entry)
    if source is None or entry.size > LARGEST_FILE or not OF_INTEREST.search(entry.name):
        return File(entry.size, not_kept)
    start = spool.seek(0, os.SEEK_END)
    shutil.copyfileobj(source, spool)
    if spool.tell() - start != entry.size:
        raise Unreadable(f"{entry.name!r} ends early")

    def from_spool() -> bytes:
        spool.seek(start)
        return spool.read(entry.size)

    return File(entry.size, from_spool)


def not_kept() -> bytes:
    raise Unreadable("no interpreter is made of such a file")


def tar_from_stream(stream: BinaryIO) -> BinaryIO:
    buffered = io.BufferedReader(Counted(stream.read))
    start = buffered.peek(4)[:4]
    if start == ZSTD:
        raise Unreadable("it is compressed with zstd; gzip was expected")
    if start[:2] != b"\x1f\x8b":
        return buffered
    unpacked = gzip.GzipFile(fileobj=buffered)
    return io.BufferedReader(Counted(unpacked.read))


class Counted(io.RawIOBase):
    """A stream that ends with an error where it is longer than any layer."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.read_from, self.left = read, LARGEST_LAYER

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self.read_from(len(buffer))
        self.left -= len(data)
        if self.left < 0:
            raise Unreadable(f"it holds more than {LARGEST_LAYER} bytes")
        buffer[: len(data)] = data
        return len(data)
