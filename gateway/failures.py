"""Which line says why an activation failed, for whoever runs the gateway. Touches nothing: it's
told the time.

Much of such a line is a model's own text: it is short, and there aren't many of them."""

from collections import deque
from typing import Deque, Dict, Optional

from gateway.entities import SUCCESS, Activation, path_of

#: In characters.
LONGEST = 200
LOOKED_AT = 2000
MINUTE = 60000
MOST_IN_A_MINUTE = 20

LINE = "{}: {}  (more: {})"
TOO_MANY = "More activations fail than are told here  (all of them: {})"
ANSWERED = "the model answered with the status {}"
NO_TEXT = "its error isn't a text"


class Failures:
    """`page` is where more is to be seen."""

    def __init__(self, page: str):
        self._page = page
        self._last: Dict[str, str] = {}
        self._told: Deque[int] = deque(maxlen=MOST_IN_A_MINUTE + 1)

    def line_for(self, activation: Activation, now: int) -> Optional[str]:
        """None where nothing is to be said: it went well, or as the time before, or too many were
        told within a minute. `now` is in milliseconds."""
        action = activation.action
        reason = reason_of(activation)
        if reason is None:
            self._last.pop(action.path, None)
            return None
        if reason == self._last.get(action.path):
            return None
        self._last[action.path] = reason
        return self._within_bounds(
            LINE.format(path_of(action.package, action.name), reason, self._page), now
        )

    def _within_bounds(self, line: str, now: int) -> Optional[str]:
        while self._told and self._told[0] <= now - MINUTE:
            self._told.popleft()
        if len(self._told) > MOST_IN_A_MINUTE:
            return None
        self._told.append(now)
        return TOO_MANY.format(self._page) if len(self._told) > MOST_IN_A_MINUTE else line


def reason_of(activation: Activation) -> Optional[str]:
    """None where it didn't fail, or only refused what a client had asked for."""
    if activation.status == SUCCESS:
        return None
    error = activation.result["error"]
    if isinstance(error, str):
        return in_one_line(error)
    status = error.get("statusCode") if isinstance(error, dict) else None
    if not isinstance(status, int):
        return NO_TEXT
    return ANSWERED.format(status) if 500 <= status < 600 else None


def in_one_line(error: str) -> str:
    """A traceback's last line says what its first one only names."""
    text = error.strip()
    first, last = nth_line(text[:LOOKED_AT], 0), nth_line(text[-LOOKED_AT:], -1)
    if first == last:
        return first
    start, _, name = first.rpartition(" ")
    if last.startswith(name):
        return short(f"{start} {last}")
    return short(f"{first} ... {last}")


def nth_line(text: str, number: int) -> str:
    lines = text.splitlines() or [""]
    return short(lines[number])


def short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."
