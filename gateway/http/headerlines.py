"""Header lines as they came: pairs in their order, also several of one name. Touches nothing."""

import re
from typing import List, Optional, Sequence, Tuple

Pairs = Sequence[Tuple[str, str]]


def values_of(headers: Pairs, name: str) -> List[str]:
    return [value for key, value in headers if key.lower() == name]


def last_value_of(headers: Pairs, name: str) -> Optional[str]:
    values = values_of(headers, name)
    return values[-1] if values else None


def normal_value(raw: bytes) -> str:
    """A line's value: trimmed, tabs and folds as spaces. Raises UnicodeDecodeError."""
    text = re.sub(r"\r?\n[ \t]+", " ", raw.decode("utf-8"))
    return text.replace("\t", " ").strip(" ")
