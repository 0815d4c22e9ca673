"""Where the body of an answer goes as it comes: touches nothing."""

from openwhisk_adapter.messages import LARGEST, Refused

TOO_LARGE = "the model's answer takes more than %d bytes" % LARGEST


class Sink:
    """Told of an answer piece by piece, by whatever server gives it."""

    def begin(self, status: int) -> None:
        """Before the first piece."""

    def add(self, piece: bytes) -> None:
        raise NotImplementedError

    def body(self) -> bytes:
        """What is left for the result."""
        raise NotImplementedError


class Kept(Sink):
    """In memory, unless it would fill that."""

    def __init__(self) -> None:
        self._body = bytearray()

    def add(self, piece: bytes) -> None:
        self._body += piece
        if len(self._body) > LARGEST:
            raise Refused(502, TOO_LARGE)

    def body(self) -> bytes:
        return bytes(self._body)
