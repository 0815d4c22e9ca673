"""When and how this process ends: touches nothing but that."""

import threading
from os import _exit, getpid
from time import monotonic, sleep
from typing import Any, Callable

from openwhisk_adapter.log import Log, flush

LONGEST = 25  # seconds: a platform that has sent SIGTERM kills after 30
LOOK = 0.01


class Ending:
    """After SIGTERM: once nobody is being answered, and what was started had its time to end."""

    def __init__(
        self,
        is_idle: Callable[[], bool],
        stop_model: Callable[[], None],
        log: Log,
    ) -> None:
        self._is_idle = is_idle
        self._stop_model = stop_model
        self._log = log
        self._is_due = threading.Event()

    def begin(self) -> None:
        """From a signal's handler, where nothing may take long."""
        if self._is_due.is_set():
            return
        self._is_due.set()
        try:
            threading.Thread(target=self._end, daemon=True).start()
        except RuntimeError:  # no thread to be had
            _exit(0)

    def give_up(self, reason: str) -> None:
        self._log.error(reason)
        flush()
        _exit(1)

    def _end(self) -> None:
        try:
            until = monotonic() + LONGEST
            while not self._is_idle() and monotonic() < until:
                sleep(LOOK)
            self._stop_model()
            flush()
        finally:  # whatever fails, without a file to be opened for example
            _exit(0)


def end_copy(pid: int, code: Any = 0) -> None:
    """A model may have forked: its copy of this process ends where the model's own code does."""
    if getpid() != pid:
        flush()
        _exit(code if isinstance(code, int) else bool(code))
