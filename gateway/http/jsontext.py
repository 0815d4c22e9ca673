"""JSON as the platform reads and writes it. Touches nothing.

What Python's own reader takes, the platform takes, too; the rest is left to the slow one, which
knows the platform's words for what is wrong."""

import json
import re
from decimal import Decimal
from typing import Any, NoReturn

from gateway.http.jsonreader import (
    MOST_NESTING,
    Malformed,
    Reader,
    integer_from_text,
    number_from_text,
)

__all__ = ["Malformed", "Reader", "compact", "pretty", "utf8", "value_from_json"]

BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def value_from_json(data: bytes) -> Any:
    try:
        text = data.decode("utf-8")
        opened = text.count("[") + text.count("{")
        if opened < MOST_NESTING or nesting(text) < MOST_NESTING:
            return json.loads(
                text,
                parse_float=number_from_text,
                parse_int=integer_from_text,
                parse_constant=refuse,
            )
    except (ValueError, RecursionError):
        pass
    return Reader(data).value_alone()


def nesting(text: str) -> int:
    depth = deepest = 0
    for match in BRACKETS.finditer(text):
        if match.group() in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif match.group() in "]}":
            depth -= 1
    return deepest


def refuse(text: str) -> NoReturn:
    raise Malformed(text)


# -- writing --------------------------------------------------------------


def compact(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except TypeError:
        return exact(value)


def exact(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{quoted(key)}:{exact(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(exact, value)) + "]"
    return scalar(value)


def pretty(value: Any, indent: str = "") -> str:
    """Two spaces, lists in one line, keys in order."""
    if isinstance(value, dict):
        inner = indent + "  "
        members = []
        for key in sorted(value, key=java_order):
            members.append(f"{inner}{quoted(key)}: {pretty(value[key], inner)}")
        return "{\n" + ",\n".join(members) + "\n" + indent + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(pretty(item, indent) for item in value) + "]"
    return scalar(value)


def in_order(value: Any) -> Any:
    """The value itself, its keys sorted, as the platform keeps what it parsed."""
    # Not by recursion: what clients send may be nested deeper than that goes.
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += each
        elif isinstance(each, dict):
            members = {key: each[key] for key in sorted(each, key=java_order)}
            each.clear()
            each.update(members)
            waiting += members.values()
    return value


def java_order(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def scalar(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def utf8(text: str) -> bytes:
    """Half a surrogate pair, which JSON can spell and UTF-8 can't, becomes a question mark as in
    Java."""
    return text.encode("utf-8", "replace")
