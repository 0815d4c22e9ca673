"""Header lines as they came, and as they are written: pairs in their order, also several of one
name. Touches nothing."""

import re
from typing import List, Optional, Sequence, Tuple

Pairs = Sequence[Tuple[str, str]]
#: Spaces and control characters. Browsers leave some of them out of a name that they read.
LEFT_OUT = bytes(range(33))


def values_of(headers: Pairs, name: str) -> List[str]:
    return [value for key, value in headers if key.lower() == name]


def last_value_of(headers: Pairs, name: str) -> Optional[str]:
    values = values_of(headers, name)
    return values[-1] if values else None


def normal_value(raw: bytes) -> str:
    """A line's value: trimmed, tabs and folds as spaces. Raises UnicodeDecodeError."""
    text = re.sub(r"\r?\n[ \t]+", " ", raw.decode("utf-8"))
    return text.replace("\t", " ").strip(" ")


def low_bytes(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return bytes(ord(character) & 255 for character in text)


def name_as_read(name: str) -> str:
    """What a client may take for the name of the header, in lower case, once it's written."""
    written = low_bytes(name).partition(b":")[0]
    return written.translate(None, LEFT_OUT).lower().decode("latin-1")
