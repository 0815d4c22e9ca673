"""The names of the files in an image's layers, read only where that is cheap."""

import sys
import tarfile
from typing import Callable, Dict, NamedTuple

from images.action.plan import Image
from images.action.python import Names, python_from_names
from images.image.documents import Descriptor, layers_of
from images.interpreter.files import DAMAGED, OPAQUE, WHITEOUT, Entry, forget
from images.registry.connection import AsFile
from images.registry.repository import Repository
from images.words import RegistryError

CHEAP = 50 << 20  # bytes of layers that are read to find a Python which the config doesn't name
MOST_ENTRIES, MOST_BYTES = 1 << 20, 2 << 30  # of all that is read, unpacked
MOST_HELD = 64 << 20  # bytes of memory that names take
LONGEST_NAME = 1000  # characters: no Python lies that deep
OF_A_NAME = 200  # bytes that a dictionary needs beside the text
UNREADABLE = (*DAMAGED, RegistryError)


class TooLarge(Exception):
    """Unpacked, it is larger than any image is: whoever made it wants to be waited for."""


class Seen(NamedTuple):
    """A name, as the highest layer that has it says: where a link leads to, else nothing."""

    layer: int
    target: str


class Search:
    """Small layers first; it ends where a Python is found, or where reading on would be dear."""

    def __init__(self, repository: Repository, image: Image) -> None:
        layers = layers_of(image.manifest.value)
        self.repository, self.settings = repository, image.settings
        self.whole = len(layers) == len(image.manifest.value["layers"])
        self.waiting = sorted(enumerate(layers), key=lambda one: one[1].size)
        self.seen: Dict[str, Seen] = {}
        # The highest layers that take a name away, or empty a folder, in those below them.
        self.removed: Dict[str, int] = {}
        self.emptied: Dict[str, int] = {}
        self.cheap, self.unpacked, self.entries = CHEAP, MOST_BYTES, 0
        self.held = MOST_HELD

    def until_python(self) -> Names:
        return self.go_on(lambda: bool(python_from_names(self.names(False), self.settings)))

    def to_the_end(self) -> Names:
        return self.go_on(lambda: False)

    def go_on(self, enough: Callable[[], bool]) -> Names:
        while self.waiting:
            number, layer = self.waiting.pop(0)
            self.cheap -= layer.size
            if self.cheap < 0:
                return self.names(False)
            try:
                self.look_into(number, layer)
            except TooLarge:
                return self.names(False)
            except UNREADABLE:  # compressed in a way that this Python can't read
                self.whole = False
            if enough():
                break
        return self.names(self.whole)._replace(rest=self.to_the_end if self.waiting else None)

    def names(self, whole: bool) -> Names:
        there = {}
        for name, seen in self.seen.items():
            if self.is_there(name, seen):
                there[name] = seen.target
        return Names(there, whole)

    def is_there(self, name: str, seen: Seen) -> bool:
        """Whether no layer above has taken it away, or a folder in which it lies."""
        if not self.removed and not self.emptied:
            return True
        if self.removed.get(name, -1) > seen.layer:
            return False
        folder = name.rpartition("/")[0]
        while folder:
            if self.removed.get(folder, -1) > seen.layer:
                return False
            if self.emptied.get(folder, -1) > seen.layer:
                return False
            folder = folder.rpartition("/")[0]
        return self.emptied.get("", -1) <= seen.layer

    def look_into(self, number: int, layer: Descriptor) -> None:
        with self.repository.open_blob(layer) as answer:
            stream = AsFile(answer, layer.size)
            with tarfile.open(fileobj=stream, mode="r|*", tarinfo=Entry) as tar:  # type: ignore[call-overload]
                for member in tar:
                    forget(tar)
                    self.add(member, number)
                self.unpacked -= tar.offset

    def add(self, member: tarfile.TarInfo, layer: int) -> None:
        self.entries += 1
        end = member.offset_data + member.size
        self.held -= sys.getsizeof(member.name) + sys.getsizeof(member.linkname) + OF_A_NAME
        if self.entries > MOST_ENTRIES or end > self.unpacked or self.held < 0:
            raise TooLarge
        if len(member.name) > LONGEST_NAME:
            return
        name = member.name.removeprefix("./").strip("/")
        folder, _, last = name.rpartition("/")
        if last == OPAQUE:
            self.emptied[folder] = max(layer, self.emptied.get(folder, -1))
        elif last.startswith(WHITEOUT):
            gone = f"{folder}/{last[len(WHITEOUT) :]}".lstrip("/")
            self.removed[gone] = max(layer, self.removed.get(gone, -1))
        else:
            seen = Seen(layer, member.linkname if member.issym() else "")
            self.seen[name] = max(seen, self.seen.get(name, seen))


def names_in_image(repository: Repository, image: Image) -> Names:
    return Search(repository, image).until_python()
