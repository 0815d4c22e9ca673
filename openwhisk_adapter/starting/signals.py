"""SIGTERM and SIGINT for us and for a script that has handlers of its own: touches the signal module's functions."""

import signal
from typing import Any, Callable, Dict, Optional

OURS = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """Both are told: we end when nobody is being answered, the script as it would without us."""

    def __init__(self) -> None:
        self._stop: Optional[Callable[[], None]] = None
        self._theirs: Dict[int, Any] = {}
        self._set = signal.signal
        self._get = signal.getsignal

    def install(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        for number in OURS:
            self._set(number, self._arrived)

    def substitutes(self) -> Dict[str, Callable[..., Any]]:
        """For as long as a script runs in this process."""
        return {"signal:signal": self._set_by_script, "signal:getsignal": self._get_by_script}

    def has_handler_of_script(self) -> bool:
        return any(callable(handler) for handler in self._theirs.values())

    def _set_by_script(self, number: int, handler: Any) -> Any:
        if number not in OURS:
            return self._set(number, handler)
        before = self._get_by_script(number)
        self._theirs[number] = handler
        return before

    def _get_by_script(self, number: int) -> Any:
        if number not in OURS:
            return self._get(number)
        default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        return self._theirs.get(number, default)

    def _arrived(self, number: int, frame: Any) -> None:
        if self._stop is not None:
            self._stop()
        handler = self._theirs.get(number)
        if callable(handler) and handler is not signal.default_int_handler:
            handler(number, frame)
