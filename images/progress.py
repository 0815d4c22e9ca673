"""How far a copy has come, for people: one line that is written over again. Writes to the stream it is given."""

import time

EVERY = 0.2  # seconds


class Progress:
    """Silent where the stream isn't a terminal, unless `lines` are wanted for whoever reads them."""

    def __init__(self, stream, total, lines=False):
        self.stream, self.total, self.done, self.last = stream, total, 0, 0.0
        self.live = stream.isatty()
        self.shown = self.live or lines

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        if self.live and self.done:
            self.stream.write("\n")

    def __call__(self, size):
        self.done += size
        now = time.monotonic()
        if self.shown and (now - self.last > EVERY or self.done == self.total):
            self.last = now
            line = f"{size_text(self.done)} of at most {size_text(self.total)} copied"
            self.stream.write(f"\r\033[K{line}" if self.live else line + "\n")
            self.stream.flush()


def size_text(size):
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.4g} {unit}"
        size /= 1000
    return f"{size:.4g} GB"
