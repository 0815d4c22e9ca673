"""The two log streams as they were at the start, and a model's last lines: touches 1 and 2."""

import collections
import contextlib
import os
import sys
from os import fstat, getpid, write
from select import POLLOUT, poll
from threading import Lock
from time import monotonic
from typing import Any, Deque, List, Sequence, Set, Tuple

SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX"
NO_SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION"  # where a client's path or a model has said it
TAIL = 20  # lines of a model that an owner gets to see when it can't be loaded
LONGEST = 1000  # characters of such a line
ALL_AT_ONCE = 4096  # bytes that a pipe with room takes without waiting
PATIENCE = 1  # seconds in which somebody should read the log


class Tail:
    """The last lines that a model has printed, and above them an earlier one that tells why."""

    def __init__(self) -> None:
        self.telling: Sequence[str] = ()
        self._told = ""
        self._lines: Deque[str] = collections.deque(maxlen=TAIL)
        self._lock = Lock()

    def add(self, text: str) -> None:
        with self._lock:
            is_unfinished = self._lines and not self._lines[-1].endswith("\n")
            if is_unfinished:
                text = self._lines.pop() + text
            for line in text.splitlines(True):
                if len(line) > LONGEST:
                    line = line[:LONGEST] + "...\n"
                self._lines.append(line)
                if any(words in line.lower() for words in self.telling):
                    self._told = line

    def clear(self) -> None:
        with self._lock:
            self._lines.clear()
            self._told = ""

    def lines(self) -> List[str]:
        with self._lock:
            lines = [line.rstrip() for line in self._lines]
            told = self._told.rstrip()
            return lines if not told or told in lines else [told, "..."] + lines


class Copy:
    """Of a stream at the start: what a model does to descriptor 1 is its own affair."""

    def __init__(self, descriptor: int) -> None:
        try:
            self._descriptor = os.dup(descriptor)
        except OSError:  # closed by whoever started us
            self._descriptor = os.open(os.devnull, os.O_WRONLY)
        self._file = _file_at(self._descriptor)

    def write(self, text: str) -> None:
        """A log that nobody reads keeps no answer back: what can't be written in time is lost."""
        left = memoryview(text.encode("utf-8", "replace"))
        until = monotonic() + PATIENCE
        writable = poll()
        writable.register(self._descriptor, POLLOUT)
        with contextlib.suppress(OSError):
            if _file_at(self._descriptor) != self._file:  # closed by a model, and some file of its
                return
            while left and writable.poll(milliseconds_until(until)):
                left = left[write(self._descriptor, left[:ALL_AT_ONCE]) :]


class Log:
    """To both streams as they were; what others have said in it can't look like a sentinel."""

    def __init__(self) -> None:
        self.tail = Tail()
        self._stdout = Copy(1)
        self._stderr = Copy(2)
        self._lock = Lock()
        self._pid = getpid()
        self._said: Set[str] = set()
        self._unfinished: Set[int] = set()

    def line(self, text: str) -> None:
        with self._lock:
            self._stdout.write(self._ended(1) + without_sentinel(text) + "\n")

    def once(self, text: str) -> None:
        with self._lock:
            known = text in self._said
            self._said.add(text)
        if not known:
            self.line(text)

    def error(self, text: str) -> None:
        with self._lock:
            self._stderr.write(self._ended(2) + without_sentinel(text) + "\n")

    def exception(self) -> str:
        """The exception that is being handled, as python would show it."""
        text = "%s, which can't be shown" % sys.exc_info()[0]
        with contextlib.suppress(Exception):
            import traceback  # most containers do without, and it takes milliseconds

            text = traceback.format_exc()
        flush()
        self.error(text.rstrip())
        return text

    def seen(
        self,
        descriptor: int,
        text: str,
    ) -> None:
        """What a script in this process has written to one of the two streams."""
        if getpid() != self._pid:  # a copy of us, whose lock a thread that it hasn't got may hold
            return
        self.tail.add(text)
        if text.endswith("\n"):
            self._unfinished.discard(descriptor)
        elif text:
            self._unfinished.add(descriptor)

    def printed(self, text: str) -> None:
        """By the model's own server in another process."""
        self.tail.add(text)
        with self._lock:
            self._stdout.write(without_sentinel(text))

    def end_activation(self, line: str = "") -> None:
        """The platform reads each stream up to the sentinel, a line of its own."""
        text = without_sentinel(line) + "\n" if line else ""
        with self._lock:
            self._stdout.write(self._ended(1) + text + SENTINEL + "\n")
            self._stderr.write(self._ended(2) + SENTINEL + "\n")

    def _ended(self, descriptor: int) -> str:
        """The end of a line that a script has left open."""
        if descriptor not in self._unfinished:
            return ""
        self._unfinished.discard(descriptor)
        return "\n"


def flush() -> None:
    """What Python still holds of a model's lines: it may have put anything in their place."""
    for name in ("stdout", "stderr"):
        stream: Any = getattr(sys, name, None)
        with contextlib.suppress(BaseException):
            stream.flush()


def without_sentinel(text: str) -> str:
    return text.replace(SENTINEL, NO_SENTINEL)


def milliseconds_until(moment: float) -> float:
    return max(0, moment - monotonic()) * 1000


def _file_at(descriptor: int) -> Tuple[int, int]:
    found = fstat(descriptor)
    return found.st_dev, found.st_ino
