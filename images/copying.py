"""A blob from one registry to another: a stream, never held whole, that goes on after a broken connection."""

import contextlib
import hashlib

from urllib3.exceptions import HTTPError

from images.transport import Broken, RegistryError

TRIES = 5  # without a byte having arrived


class Download:
    """A blob being read, to be handed to an upload as its body; opens another connection when one breaks."""

    def __init__(self, repository, descriptor, progress):
        self.repository, self.descriptor, self.progress = repository, descriptor, progress
        self.hash = hashlib.sha256()
        self.position = self.hashed = 0
        self.response = None

    def __len__(self):
        return self.descriptor.size - self.position

    def read(self, size=-1):
        wanted = len(self) if size is None or size < 0 else min(size, len(self))
        failures = 0
        while wanted:
            try:
                self.response = self.response or self.repository.open_blob(self.descriptor, self.position)
                data = self.response.raw.read(wanted)
                if not data:
                    raise Broken(
                        f"{self.descriptor.digest} ended after {self.position} of {self.descriptor.size} bytes"
                    )
                return self.taken(data)
            except (Broken, HTTPError, OSError) as error:
                failures += 1
                self.close()
                if failures == TRIES:
                    raise RegistryError(f"{self.repository.name}: {error}")
        return b""

    def taken(self, data):
        # What is read a second time, for an upload that has lost it, has been counted already.
        self.hash.update(data[max(0, self.hashed - self.position) :])
        self.position += len(data)
        self.progress(max(0, self.position - self.hashed))
        self.hashed = max(self.hashed, self.position)
        return data

    def go_to(self, position):
        if position != self.position:
            self.close()
            self.position = position

    def close(self):
        if self.response:
            self.response.close()
        self.response = None

    @property
    def is_genuine(self):
        return "sha256:" + self.hash.hexdigest() == self.descriptor.digest


def copy_blob(source, target, descriptor, location, progress):
    """`location` is an upload that is open already, if there is one."""
    location = location or target.start_upload()
    download = Download(source, descriptor, progress)
    try:
        location = send(download, target, location)
    finally:
        download.close()
    if not download.is_genuine:
        target.cancel(location)
        raise RegistryError(f"{source.name}: what came as {descriptor.digest} is something else")
    target.finish(location, descriptor.digest)


def send(download, target, location):
    failures = 0
    while True:
        start = download.position
        try:
            return target.append(location, start, download)
        except RegistryError as error:
            failures += 1
            if failures == TRIES or not (start or isinstance(error, Broken)):
                raise RegistryError(str(error))
            location, arrived = continued(target, location, error)
            download.go_to(arrived)


def continued(target, location, error):
    """Where the upload goes on; with a registry that has lost count of it, or takes no more of it, from its start."""
    if isinstance(error, Broken):
        with contextlib.suppress(RegistryError):
            return target.received(location)
    return target.start_upload(), 0
