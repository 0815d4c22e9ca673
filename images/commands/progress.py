"""How far a copy has come, for people: one line that is written over again.

Writes to the stream it is given.
"""

import time
from typing import TextIO

from images.words import size_text

EVERY = 0.2  # seconds


class Progress:
    """Silent where the stream isn't a terminal, unless `lines` are wanted by whoever reads."""

    def __init__(
        self, stream: TextIO, total: int, lines: bool = False, what: str = "copied"
    ) -> None:
        self.stream, self.total, self.what = stream, total, what
        self.done, self.last = 0, 0.0
        self.live = stream.isatty()
        self.shown = self.live or lines

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *failure: object) -> None:
        if self.live and self.done:
            self.stream.write("\n")

    def __call__(self, size: int) -> None:
        self.done += size
        now = time.monotonic()
        if self.shown and (now - self.last > EVERY or self.done == self.total):
            self.last = now
            line = f"{size_text(self.done)} of at most {size_text(self.total)} {self.what}"
            self.stream.write(f"\r\033[K{line}" if self.live else line + "\n")
            self.stream.flush()
