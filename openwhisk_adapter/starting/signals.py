"""SIGTERM and SIGINT, for us and for a script that has handlers: touches the signal module."""

import os
import signal
import threading
from typing import Any, Callable, Dict, Optional

Handler = Any

DEFAULTS = {
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGINT: signal.default_int_handler,
}


class Signals:
    """Both are told: we end when nobody is being answered, the script as it would without us."""

    def __init__(self) -> None:
        self._stop: Optional[Callable[[], None]] = None
        self._theirs: Dict[int, Any] = {}
        self.is_told_to_script = False
        self._set = signal.signal
        self._get = signal.getsignal
        self._pid = os.getpid()

    def install(
        self,
        stop: Callable[[], None],
    ) -> None:
        self._stop = stop
        for number in DEFAULTS:
            self._set(number, self._arrived)

    def share(self) -> None:
        """From now on a script may set handlers, and ours stay, also when its app is taken."""
        self._theirs.clear()
        module: Any = signal
        module.signal = self._set_by_script
        module.getsignal = self._get_by_script

    def _is_own_handler(self, number: int) -> bool:
        handler = self._theirs.get(number)
        return callable(handler) and handler is not signal.default_int_handler

    def _set_by_script(self, number: int, handler: Any) -> Any:
        is_in_main_thread = threading.current_thread() is threading.main_thread()
        if number not in DEFAULTS or not is_in_main_thread:  # where python refuses
            return self._set(number, handler)
        before = self._get_by_script(number)
        self._theirs[number] = handler
        return before

    def _get_by_script(self, number: int) -> Any:
        if number not in DEFAULTS:
            return self._get(number)
        return self._theirs.get(number, DEFAULTS[signal.Signals(number)])

    def _arrived(
        self,
        number: int,
        frame: Any,
    ) -> None:
        is_for_script = self._is_own_handler(number)
        self.is_told_to_script = self.is_told_to_script or is_for_script
        if os.getpid() != self._pid:
            self._arrived_at_a_fork(number)
        elif self._stop is not None:
            self._stop()
        if is_for_script:
            self._theirs[number](number, frame)

    def _arrived_at_a_fork(self, number: int) -> None:
        """A process that the script has made of this one ends as the script alone would have it."""
        if not self._is_own_handler(number):
            self._set(number, self._get_by_script(number))
            os.kill(os.getpid(), number)
