"""Content into a registry: a stream, never held whole, that goes on after a broken connection."""

import contextlib
import hashlib
from typing import BinaryIO, Callable, Optional, Union

from images.action.content import Content, Held
from images.image.documents import Descriptor
from images.registry.connection import Answer
from images.registry.repository import Arrived, Repository
from images.words import Broken, RegistryError

TRIES = 5  # without a byte having arrived

Progress = Callable[[int], None]


class Stream:
    """A blob on its way, to be handed to an upload as its body.

    Says of each byte once that it has passed.
    """

    def __init__(self, descriptor: Descriptor, progress: Progress) -> None:
        self.descriptor, self.progress = descriptor, progress
        self.hash = hashlib.sha256()
        self.position = self.hashed = 0

    @property
    def left(self) -> int:
        return self.descriptor.size - self.position

    def taken(self, data: bytes) -> bytes:
        # What is read a second time, for an upload that has lost it, has been counted already.
        self.hash.update(data[max(0, self.hashed - self.position) :])
        self.position += len(data)
        self.progress(max(0, self.position - self.hashed))
        self.hashed = max(self.hashed, self.position)
        return data

    @property
    def is_genuine(self) -> bool:
        return "sha256:" + self.hash.hexdigest() == self.descriptor.digest


class Download(Stream):
    """Of another registry; opens another connection when one breaks."""

    def __init__(self, repository: Repository, descriptor: Descriptor, progress: Progress) -> None:
        super().__init__(descriptor, progress)
        self.repository = repository
        self.answer: Optional[Answer] = None

    def read(self, size: int = -1) -> bytes:
        wanted = self.left if size < 0 else min(size, self.left)
        failures = 0
        while wanted:
            try:
                if self.answer is None:
                    self.answer = self.repository.open_blob(self.descriptor, self.position)
                data = self.answer.read(wanted)
                if data:
                    return self.taken(data)
                raise Broken(
                    f"{self.descriptor.digest} ended after {self.position}"
                    f" of {self.descriptor.size} bytes"
                )
            except Broken as error:
                failures += 1
                self.close()
                if failures == TRIES:
                    raise RegistryError(f"{self.repository.name}: {error}")
        return b""

    def go_to(self, position: int) -> None:
        if position != self.position:
            self.close()
            self.position = position

    def close(self) -> None:
        if self.answer is not None:
            self.answer.close()
        self.answer = None


class Reading(Stream):
    """Of a file of our own."""

    def __init__(self, content: Content, progress: Progress) -> None:
        super().__init__(content.descriptor, progress)
        self.file: BinaryIO = content.open()

    def read(self, size: int = -1) -> bytes:
        wanted = self.left if size < 0 else min(size, self.left)
        return self.taken(self.file.read(wanted))

    def go_to(self, position: int) -> None:
        self.file.seek(position)
        self.position = position

    def close(self) -> None:
        self.file.close()


AnyStream = Union[Download, Reading]


def copy_blob(
    source: Repository,
    target: Repository,
    descriptor: Descriptor,
    location: Optional[str],
    progress: Progress,
) -> None:
    """`location` is an upload that is open already, if there is one."""
    download = Download(source, descriptor, progress)
    try:
        arrive(download, target, location or target.start_upload(), source.name)
    finally:
        download.close()


def upload(content: Content, target: Repository, progress: Progress) -> bool:
    """Whether it had to be sent."""
    descriptor = content.descriptor
    if target.has_blob(descriptor.digest):
        return False
    if isinstance(content, Held):
        target.finish(target.start_upload(), descriptor.digest, content.data)
        progress(descriptor.size)
        return True
    reading = Reading(content, progress)
    try:
        arrive(reading, target, target.start_upload(), str(content.path))
    finally:
        reading.close()
    return True


def arrive(stream: AnyStream, target: Repository, location: str, whence: str) -> None:
    location = send(stream, target, location)
    if not stream.is_genuine:
        target.cancel(location)
        digest = stream.descriptor.digest
        raise RegistryError(f"{whence}: what came as {digest} is something else")
    target.finish(location, stream.descriptor.digest)


def send(stream: AnyStream, target: Repository, location: str) -> str:
    failures = furthest = 0
    while True:
        start = stream.position
        try:
            return target.append(location, start, stream.left, stream)  # type: ignore[arg-type]
        except RegistryError as error:
            failures += 1
            if failures == TRIES or not (start or isinstance(error, Broken)):
                raise RegistryError(str(error))
            arrived = continued(target, location, error)
            if arrived.size > stream.descriptor.size:
                raise RegistryError(f"{error}; then it had more than was sent")
            if arrived.size > furthest:
                failures, furthest = 0, arrived.size
            location = arrived.location
            stream.go_to(arrived.size)


def continued(target: Repository, location: str, error: RegistryError) -> Arrived:
    """Where the upload goes on; with a registry that has lost count of it, from its start."""
    if isinstance(error, Broken):
        with contextlib.suppress(RegistryError):
            return target.received(location)
    return Arrived(target.start_upload(), 0)
