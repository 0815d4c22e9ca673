"""The parameters in a query of the REST API, checked in the platform's words. Touches nothing."""

import re
from typing import Dict, Optional

from gateway.http import urls
from gateway.names import NAME
from gateway.refusal import Refusal, Stage

MOST_LISTED = 200
LISTED = 30
WHOLE = re.compile(r"[+-]?\d{1,18}\Z", re.ASCII)
YES = ("true", "yes", "on", "1")
NO = ("false", "no", "off", "0", "")

MALFORMED = "The query parameter '{}' was malformed:\n{}"
NOT_BOOLEAN = "'{}' is not a valid Boolean value"
NOT_IN_RANGE = "The value '{}' is not in the range of 0 to {} for {}."
NEGATIVE = "The value '{}' is not greater than or equal to 0 for {}."
NOT_WHOLE = "The value '{}' is not an integer for {}."
NOT_INSTANT = "Parameter is not a valid value for epoch seconds: {}"
NOT_MILLISECONDS = "Timeout must be number of milliseconds up to {}."
NOT_A_NAME = "Parameter may be a 'simple' name or 'package-name/simple' name: {}"


def malformed(name: str, problem: str) -> Refusal:
    return Refusal(400, MALFORMED.format(name, problem), Stage.CONTENT)


class Query:
    """Of several values for one name the first counts. What can't be read raises Refusal."""

    def __init__(self, query: Optional[str]):
        self._values: Dict[str, str] = {}
        for name, value in urls.pairs_from_query(query):
            self._values.setdefault(name, value or "")

    def boolean(self, name: str, default: bool) -> bool:
        if name not in self._values:
            return default
        text = self._values[name].lower()
        if text in YES:
            return True
        if text in NO:
            return False
        raise malformed(name, NOT_BOOLEAN.format(self._values[name]))

    def limit(self, collection: str) -> int:
        number = self._whole("limit", LISTED, collection)
        if not 0 <= number <= MOST_LISTED:
            raise malformed("limit", NOT_IN_RANGE.format(number, MOST_LISTED, collection))
        return number or MOST_LISTED

    def skip(self, collection: str) -> int:
        number = self._whole("skip", 0, collection)
        if number < 0:
            raise malformed("skip", NEGATIVE.format(number, collection))
        return number

    def _whole(self, name: str, default: int, collection: str) -> int:
        text = self._values.get(name, str(default))
        if not WHOLE.match(text):
            raise malformed(name, NOT_WHOLE.format(text, collection))
        return int(text)

    def instant(self, name: str) -> Optional[int]:
        text = self._values.get(name)
        if text is None:
            return None
        if not WHOLE.match(text):
            raise malformed(name, NOT_INSTANT.format(text))
        return int(text)

    def milliseconds(self, name: str, most_seconds: float) -> float:
        """In seconds."""
        text = self._values.get(name)
        if text is None:
            return most_seconds
        most = int(most_seconds * 1000)
        if not WHOLE.match(text) or not 0 < int(text) <= most:
            raise malformed(name, NOT_MILLISECONDS.format(most))
        return int(text) / 1000

    def action_name(self, name: str) -> Optional[str]:
        text = self._values.get(name, "").strip()
        parts = text.split("/") if text else []
        if len(parts) > 2 or not all(map(NAME.match, parts)):
            raise malformed(name, NOT_A_NAME.format(text))
        return text or None
