"""The names of the files in an image's layers, read only where that is cheap."""

import sys
import tarfile
from typing import Callable, Dict, List

from images.action.plan import Image
from images.action.python import Names, python_from_names
from images.image.documents import Descriptor, layers_of
from images.interpreter.files import DAMAGED, Entry, forget
from images.registry.connection import Answer
from images.registry.repository import Repository
from images.words import RegistryError

CHEAP = 50 << 20  # bytes of layers that are read to find a Python which the config doesn't name
MOST_ENTRIES, MOST_BYTES = 1 << 20, 2 << 30  # of all that is read, unpacked
MOST_HELD = 64 << 20  # bytes of memory that names take
OF_A_NAME = 200  # bytes that a dictionary needs beside the text
UNREADABLE = (*DAMAGED, RegistryError)


class AsFile:
    """An answer, as tarfile reads it: as much of it as was promised."""

    def __init__(self, answer: Answer, size: int) -> None:
        self.answer, self.left = answer, size

    def read(self, size: int) -> bytes:
        data = self.answer.read(min(size, self.left))
        self.left -= len(data)
        return data


class TooLarge(Exception):
    """Unpacked, it is larger than any image is: whoever made it wants to be waited for."""


class Search:
    """Small layers first; it ends where a Python is found, or where reading on would be dear."""

    def __init__(self, repository: Repository, layers: List[Descriptor], whole: bool) -> None:
        self.repository, self.whole = repository, whole
        self.waiting = sorted(layers, key=lambda layer: layer.size)
        self.names: Dict[str, str] = {}
        self.cheap, self.unpacked, self.entries = CHEAP, MOST_BYTES, 0
        self.held = MOST_HELD

    def until_python(self) -> Names:
        return self.go_on(lambda: bool(python_from_names(Names(self.names, False))))

    def to_the_end(self) -> Names:
        return self.go_on(lambda: False)

    def go_on(self, enough: Callable[[], bool]) -> Names:
        while self.waiting:
            layer = self.waiting.pop(0)
            self.cheap -= layer.size
            if self.cheap < 0:
                return Names(self.names, False)
            try:
                self.look_into(layer)
            except TooLarge:
                return Names(self.names, False)
            except UNREADABLE:  # compressed in a way that this Python can't read
                self.whole = False
            if enough():
                break
        return Names(self.names, self.whole, self.to_the_end if self.waiting else None)

    def look_into(self, layer: Descriptor) -> None:
        with self.repository.open_blob(layer) as answer:
            stream = AsFile(answer, layer.size)
            with tarfile.open(fileobj=stream, mode="r|*", tarinfo=Entry) as tar:  # type: ignore[call-overload]
                for member in tar:
                    forget(tar)
                    self.add(member)
                self.unpacked -= tar.offset

    def add(self, member: tarfile.TarInfo) -> None:
        self.entries += 1
        end = member.offset_data + member.size
        self.held -= sys.getsizeof(member.name) + sys.getsizeof(member.linkname) + OF_A_NAME
        if self.entries > MOST_ENTRIES or end > self.unpacked or self.held < 0:
            raise TooLarge
        name = member.name.removeprefix("./").lstrip("/")
        self.names[name] = member.linkname if member.issym() else ""


def names_in_image(repository: Repository, image: Image) -> Names:
    layers = layers_of(image.manifest.value)
    whole = len(layers) == len(image.manifest.value["layers"])
    return Search(repository, layers, whole).until_python()
