"""The names of the files in an image's layers, read only where that is cheap."""

import tarfile
import zlib
from typing import Dict

from images.action.plan import Image
from images.action.python import Names, python_from_names
from images.image.documents import Descriptor, layers_of
from images.registry.connection import Answer
from images.registry.repository import Repository
from images.words import RegistryError

CHEAP = 50 << 20  # bytes of layers that are read to find a Python which the config doesn't name
MOST_NAMES, MOST_BYTES = 1 << 20, 4 << 30  # of one layer, unpacked
UNREADABLE = (tarfile.TarError, zlib.error, OSError, EOFError, ValueError, RegistryError)


class AsFile:
    """An answer, as tarfile reads it."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def read(self, size: int) -> bytes:
        return self.answer.read(size)


def names_in_image(repository: Repository, image: Image) -> Names:
    """Small layers first; it ends where a Python is found, or where reading on would be dear."""
    found: Dict[str, str] = {}
    left = CHEAP
    layers = layers_of(image.manifest.value)
    whole = len(layers) == len(image.manifest.value["layers"])
    for layer in sorted(layers, key=lambda layer: layer.size):
        left -= layer.size
        if left < 0:
            return Names(found, False)
        try:
            found.update(names_in_layer(repository, layer))
        except UNREADABLE:  # compressed in a way that this Python can't read
            whole = False
        if python_from_names(Names(found, False)):
            break
    return Names(found, whole)


def names_in_layer(repository: Repository, layer: Descriptor) -> Dict[str, str]:
    names: Dict[str, str] = {}
    with repository.open_blob(layer) as answer:
        with tarfile.open(fileobj=AsFile(answer), mode="r|*") as tar:  # type: ignore[call-overload]
            for member in tar:
                tar.members = []
                if len(names) > MOST_NAMES or member.offset > MOST_BYTES:
                    raise ValueError("no image's layer is as large as that")
                name = member.name.removeprefix("./").lstrip("/")
                names[name] = member.linkname if member.issym() else ""
    return names
