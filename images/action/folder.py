"""The layer of a folder that is added to an image: the same bytes each time.

Reads the folder, writes a file of its own.
"""

import hashlib
import os
import stat
import tarfile
import tempfile
from pathlib import Path
from typing import Callable, Iterator, List, NamedTuple

from images.action.content import Filed, Layer, layer_from_content
from images.action.tar import (
    END,
    FOLDER_MODE,
    Entry,
    folder,
    header_from_entry,
    packed,
    padding,
)
from images.words import Unsuitable, is_full, size_text

PIECE = 1 << 20
TAKEN = ("openwhisk", "proc", "sys", "dev")
# Often links, which a folder of that name would hide with all that is behind them.
LINKS = {
    "bin": "usr/bin",
    "sbin": "usr/sbin",
    "lib": "usr/lib",
    "lib64": "usr/lib64",
    "var/run": "run",
    "var/lock": "run/lock",
}
# Folders that every image has, where their modes aren't the usual one.
MODES = {"tmp": 0o1777, "var/tmp": 0o1777, "root": 0o700}

Progress = Callable[[int], None]


class Addition(NamedTuple):
    """What `--add FOLDER=/PATH` says."""

    source: Path
    target: str

    @property
    def created_by(self) -> str:
        return f"ADD {self.source.name} {self.target}"


class Found(NamedTuple):
    """A file, folder or link of the folder, and when it was last written."""

    entry: Entry
    path: Path
    written: int


def addition_from_text(text: str) -> Addition:
    """Raises ValueError for what isn't FOLDER=/PATH."""
    source, equals, target = text.rpartition("=")
    parts = target.strip("/").split("/")
    if not source or not equals or not target.startswith("/") or parts == [""]:
        raise ValueError(f"{text!r}: FOLDER=/PATH was expected, like model=/models/m")
    if any(part in ("", ".", "..") for part in parts) or "\0" in target:
        raise ValueError(f"{text!r}: {target} isn't a plain path")
    if parts[0] in TAKEN:
        raise ValueError(f"{text!r}: nothing can be added below /{parts[0]}")
    for link, place in LINKS.items():
        if "/".join(parts[: len(link.split("/"))]) == link:
            raise ValueError(
                f"{text!r}: /{link} is a link to /{place} in most images and would no longer be"
                f" one: name a place below /{place}"
            )
    path = Path(source)
    if not path.exists():
        raise ValueError(f"{text!r}: there is no folder {source} here")
    return Addition(path.resolve(), "/" + "/".join(parts))


def layer_from_addition(addition: Addition, inside: str, file: Path, progress: Progress) -> Layer:
    """`inside` is the image's working directory, which keeps its owner; `file` is to be written."""
    parents = parents_of(addition.target, inside)
    try:
        with file.open("wb") as target:
            result = packed(pieces(parents, addition, progress), target)
    except OSError as error:
        file.unlink(missing_ok=True)
        cause = full_text(addition) if is_full(error) else str(error)
        raise Unsuitable(f"{addition.source} can't be added: {cause}")
    content = Filed(file, result.descriptor)
    return layer_from_content(content, result.diff_id, addition.created_by)


def full_text(addition: Addition) -> str:
    needed = f"it is packed, which takes up to {size_text(size_of(addition))}"
    place = tempfile.gettempdir()
    return f"no space is left in {place}, where {needed}; TMPDIR names another place"


def size_of(addition: Addition) -> int:
    """In bytes, of all its files."""
    return sum(one.entry.size for one in entries_from_path(addition.source, ""))


def parents_of(target: str, inside: str) -> List[Entry]:
    """Folders on the way: what has no entry gets an owner and a mode of the engine's choice."""
    parts = target.strip("/").split("/")
    own = inside.strip("/") + "/"
    found = []
    for depth in range(1, len(parts)):
        way = "/".join(parts[:depth])
        if not own.startswith(way + "/"):
            found.append(folder(way)._replace(mode=MODES.get(way, FOLDER_MODE)))
    return found


def entries_from_path(source: Path, name: str) -> Iterator[Found]:
    """In the order of their names: a folder before what it holds."""
    if source.is_file():
        yield found_at(source, name, source.parent)
        return
    waiting = [(source, name)]
    while waiting:
        path, path_name = waiting.pop()
        one = found_at(path, path_name, source)
        yield one
        if one.entry.kind == tarfile.DIRTYPE:
            names = sorted(os.listdir(path), reverse=True)
            waiting += [(path / inner, f"{path_name}/{inner}") for inner in names]


def found_at(path: Path, name: str, root: Path) -> Found:
    try:
        seen = path.lstat()
    except OSError as error:
        raise Unsuitable(f"{path} can't be added: {error.strerror}")
    mode, written = stat.S_IMODE(seen.st_mode), seen.st_mtime_ns
    if stat.S_ISDIR(seen.st_mode):
        return Found(Entry(name, mode, tarfile.DIRTYPE), path, written)
    if stat.S_ISREG(seen.st_mode):
        return Found(Entry(name, mode, size=seen.st_size), path, written)
    if stat.S_ISLNK(seen.st_mode):
        target = os.readlink(path)
        if leaves(path, target, root):
            raise Unsuitable(f"{path} is a link to {target}, out of the folder that is added")
        return Found(Entry(name, 0o777, tarfile.SYMTYPE, target=target), path, written)
    raise Unsuitable(f"{path} is neither a file, a folder nor a link: it can't be added")


def leaves(link: Path, target: str, root: Path) -> bool:
    """Wherever the container has put the folder, the link has to lead to the same place."""
    if os.path.isabs(target):
        return True
    led = os.path.normpath(link.parent / target)
    real = os.path.realpath(led)
    return not is_below(led, str(root)) or not is_below(real, str(root))


def is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")


def pieces(parents: List[Entry], addition: Addition, progress: Progress) -> Iterator[bytes]:
    """The tar file, if the folder is in the end as it was in the beginning."""
    for parent in parents:
        yield header_from_entry(parent)
    before, listed = listing(addition), hashlib.sha256()
    for one in entries_from_path(addition.source, addition.target[1:]):
        listed.update(line_of(one))
        yield header_from_entry(one.entry)
        if one.entry.kind == tarfile.REGTYPE:
            yield from content_of(one, progress)
            yield padding(one.entry.size)
    if not before == listed.digest() == listing(addition):
        raise changed(addition.source)
    yield END


def listing(addition: Addition) -> bytes:
    """Another one if anything has changed meanwhile."""
    found = hashlib.sha256()
    for one in entries_from_path(addition.source, addition.target[1:]):
        found.update(line_of(one))
    return found.digest()


def line_of(one: Found) -> bytes:
    return repr(one).encode("utf-8", "surrogateescape")


def content_of(one: Found, progress: Progress) -> Iterator[bytes]:
    """Its bytes; refused when there are more or fewer than its entry says."""
    left = one.entry.size
    with one.path.open("rb") as file:
        while left:
            piece = file.read(min(left, PIECE))
            if not piece:
                raise changed(one.path)
            left -= len(piece)
            progress(len(piece))
            yield piece
        if file.read(1):
            raise changed(one.path)


def changed(path: Path) -> Unsuitable:
    return Unsuitable(f"{path} changed while it was read: add it once nothing writes to it")
