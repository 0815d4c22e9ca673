"""The parameters in a query of the REST API, checked in the platform's words. Touches nothing."""

import re
from typing import Optional

from gateway import urls
from gateway.web import NAME

MOST_LISTED = 200
LISTED = 30
WHOLE = re.compile(r"[+-]?\d{1,18}\Z", re.ASCII)


class BadParameter(ValueError):
    """Says which parameter is wrong and why."""

    def __init__(self, name: str, problem: str):
        super().__init__(f"The query parameter '{name}' was malformed:\n{problem}")


class Query:
    """Of several values for one name the first counts."""

    def __init__(self, query: Optional[str]):
        self._values = {}
        for name, value in urls.pairs_from_query(query):
            self._values.setdefault(name, value or "")

    def boolean(self, name: str, default: bool) -> bool:
        text = self._values.get(name, "true" if default else "false").lower()
        if text in ("true", "yes", "on", "1"):
            return True
        if text in ("false", "no", "off", "0", ""):
            return False
        raise BadParameter(name, f"'{self._values[name]}' is not a valid Boolean value")

    def limit(self, collection: str) -> int:
        number = self._whole("limit", LISTED, collection)
        if not 0 <= number <= MOST_LISTED:
            raise BadParameter(
                "limit", f"The value '{number}' is not in the range of 0 to {MOST_LISTED} for {collection}."
            )
        return number or MOST_LISTED

    def skip(self, collection: str) -> int:
        number = self._whole("skip", 0, collection)
        if number < 0:
            raise BadParameter("skip", f"The value '{number}' is not greater than or equal to 0 for {collection}.")
        return number

    def _whole(self, name: str, default: int, collection: str) -> int:
        text = self._values.get(name, str(default))
        if not WHOLE.match(text):
            raise BadParameter(name, f"The value '{text}' is not an integer for {collection}.")
        return int(text)

    def instant(self, name: str) -> Optional[int]:
        text = self._values.get(name)
        if text is not None and not WHOLE.match(text):
            raise BadParameter(name, f"Parameter is not a valid value for epoch seconds: {text}")
        return None if text is None else int(text)

    def milliseconds(self, name: str, most_seconds: float) -> float:
        """In seconds."""
        text = self._values.get(name)
        if text is None:
            return most_seconds
        most = int(most_seconds * 1000)
        if not WHOLE.match(text) or not 0 < int(text) <= most:
            raise BadParameter(name, f"Timeout must be number of milliseconds up to {most}.")
        return int(text) / 1000

    def action_name(self, name: str) -> Optional[str]:
        text = self._values.get(name, "").strip()
        parts = text.split("/") if text else []
        if len(parts) > 2 or not all(map(NAME.match, parts)):
            raise BadParameter(name, f"Parameter may be a 'simple' name or 'package-name/simple' name: {text}")
        return text or None
