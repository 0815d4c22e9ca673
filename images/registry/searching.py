"""The names of the files in an image's layers, read only where that is cheap."""

import tarfile
import zlib
from typing import Dict

from images.action.plan import Image
from images.action.python import Names, python_from_names
from images.image.documents import Descriptor, layers_of
from images.interpreter.files import Entry
from images.registry.connection import Answer
from images.registry.repository import Repository
from images.words import RegistryError

CHEAP = 50 << 20  # bytes of layers that are read to find a Python which the config doesn't name
MOST_ENTRIES, MOST_BYTES = 1 << 20, 2 << 30  # of all that is read, unpacked
UNREADABLE = (tarfile.TarError, zlib.error, OSError, EOFError, ValueError, RegistryError)


class AsFile:
    """An answer, as tarfile reads it."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def read(self, size: int) -> bytes:
        return self.answer.read(size)


class TooLarge(Exception):
    """Unpacked, it is larger than any image is: whoever made it wants to be waited for."""


class Search:
    """Small layers first; it ends where a Python is found, or where reading on would be dear."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.names: Dict[str, str] = {}
        self.cheap, self.unpacked, self.entries = CHEAP, MOST_BYTES, 0

    def look_into(self, layer: Descriptor) -> None:
        with self.repository.open_blob(layer) as answer:
            stream = AsFile(answer)
            with tarfile.open(fileobj=stream, mode="r|*", tarinfo=Entry) as tar:  # type: ignore[call-overload]
                for member in tar:
                    tar.members = []
                    self.add(member)
                self.unpacked -= tar.offset

    def add(self, member: tarfile.TarInfo) -> None:
        self.entries += 1
        end = member.offset_data + member.size
        if self.entries > MOST_ENTRIES or end > self.unpacked:
            raise TooLarge
        name = member.name.removeprefix("./").lstrip("/")
        self.names[name] = member.linkname if member.issym() else ""


def names_in_image(repository: Repository, image: Image) -> Names:
    search = Search(repository)
    layers = layers_of(image.manifest.value)
    whole = len(layers) == len(image.manifest.value["layers"])
    for layer in sorted(layers, key=lambda layer: layer.size):
        search.cheap -= layer.size
        if search.cheap < 0:
            return Names(search.names, False)
        try:
            search.look_into(layer)
        except TooLarge:
            return Names(search.names, False)
        except UNREADABLE:  # compressed in a way that this Python can't read
            whole = False
        if python_from_names(Names(search.names, False)):
            break
    return Names(search.names, whole)
