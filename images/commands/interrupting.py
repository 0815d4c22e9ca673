"""What ends a command from outside. Changes how this process takes signals."""

import contextlib
import signal
from typing import Iterator


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
