"""Bytes of our own that go into a registry or an engine: held in memory, or in a file."""

import io
from pathlib import Path
from typing import BinaryIO, NamedTuple, Optional, Union

from images.image.documents import Descriptor, digest_of


class Held(NamedTuple):
    """Content of some kilobytes."""

    data: bytes

    @property
    def descriptor(self) -> Descriptor:
        return Descriptor(digest_of(self.data), len(self.data))

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)


class Filed(NamedTuple):
    """Content that may be larger than the memory."""

    path: Path
    descriptor: Descriptor

    def open(self) -> BinaryIO:
        return self.path.open("rb")


Content = Union[Held, Filed]


class Layer(NamedTuple):
    """`diff_id` is the digest of the tar file before it was compressed."""

    descriptor: Descriptor
    diff_id: str
    created_by: str
    content: Optional[Content] = None  # None: it is in the source's repository


def layer_from_content(content: Content, diff_id: str, created_by: str) -> Layer:
    return Layer(content.descriptor, diff_id, created_by, content)
