"""JSON as the platform reads and writes it: its limits, its messages, its way with numbers. Touches nothing.

A number whose text a float can't give back (1.50, 1E+400) is a Decimal, so that it leaves as it came."""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, List, NoReturn, Tuple

MOST_NESTING = 1000
LONGEST_NUMBER = 100
# Java's BigDecimal has a 32 bit exponent.
LARGEST_EXPONENT = 2147483647

NUMBER = re.compile(rb"-?(0|[0-9]+)?(\.[0-9]*)?([eE][+-]?[0-9]*)?")
SPACE = re.compile(rb"[ \n\r\t]*")
PLAIN = re.compile(rb'[^"\\\x00-\x1f\x80-\xff]*')
BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
LITERALS = {b"t": (b"true", True), b"f": (b"false", False), b"n": (b"null", None)}
ESCAPES = {b"b": "\b", b"f": "\f", b"n": "\n", b"r": "\r", b"t": "\t", b'"': '"', b"\\": "\\", b"/": "/"}
END = ""


class Malformed(ValueError):
    """Says what is wrong in the words of the platform's parser."""


def value_from_json(data: bytes) -> Any:
    try:
        text = data.decode("utf-8")
        if text.count("[") + text.count("{") < MOST_NESTING or nesting(text) < MOST_NESTING:
            return json.loads(text, parse_float=number_from_text, parse_int=integer_from_text, parse_constant=refuse)
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


def integer_from_text(text: str) -> int:
    check_length(text)
    return int(text)


def number_from_text(text: str) -> Any:
    check_length(text)
    number = float(text)
    if repr(number) == text and text != "-0.0":
        return number
    exact = decimal_from_text(text)
    return float(text) if str(exact) == repr(number) else exact


def decimal_from_text(text: str) -> Decimal:
    try:
        exact = Decimal(text)
    except InvalidOperation:
        raise Malformed(f"The exponent of {text} is too large.") from None
    if abs(exact.as_tuple().exponent) > LARGEST_EXPONENT:
        raise Malformed(f"The exponent of {text} is too large.")
    return exact if exact else exact.copy_abs()


def check_length(text: str) -> None:
    if len(text) > LONGEST_NUMBER:
        raise Malformed(
            f"Number too long:The number starting with '{text[:20]}' had {len(text)} characters which is more"
            f" than the allowed limit maxNumberCharacters = {LONGEST_NUMBER}. If this is legit input consider"
            " increasing the limit."
        )


class Reader:
    """Follows the platform's parser step by step, where it matters what it says or how far it goes."""

    def __init__(self, data: bytes):
        self.data = data
        self.at = 0

    def value_alone(self) -> Any:
        value = self.values()
        if self.at < len(self.data):
            self.fail("end-of-input")
        return value

    def values(self) -> Any:
        """One value; what it is nested in waits on a list, not on the interpreter's stack."""
        waiting: List[Tuple[Any, Any]] = []
        self.space()
        while True:
            value, opened = self.begin_value(len(waiting))
            if opened:
                waiting.append((value, self.key() if isinstance(value, dict) else None))
                continue
            while True:
                if not waiting:
                    return value
                holder, key = waiting.pop()
                put(holder, key, value)
                if self.take(b","):
                    waiting.append((holder, self.key() if isinstance(holder, dict) else None))
                    break
                self.need(b"}" if isinstance(holder, dict) else b"]")
                value = holder

    def begin_value(self, depth: int) -> Tuple[Any, bool]:
        """A value, and whether it was only opened."""
        if depth >= MOST_NESTING:
            raise Malformed(
                "JSON input nested too deeply:JSON input was nested more deeply than the configured limit of"
                f" maxNesting = {MOST_NESTING}"
            )
        start = self.data[self.at : self.at + 1]
        if start == b"{":
            return self.opened({}, b"}")
        if start == b"[":
            return self.opened([], b"]")
        if start == b'"':
            return self.string(), False
        if start in LITERALS:
            return self.literal(*LITERALS[start]), False
        if start and start in b"-0123456789":
            return self.number(), False
        return self.fail("JSON Value")

    def opened(self, holder: Any, close: bytes) -> Tuple[Any, bool]:
        self.at += 1
        self.space()
        return holder, not self.take(close)

    def literal(self, text: bytes, value: Any) -> Any:
        start = self.at
        for length in range(1, len(text) + 1):
            if self.data[start : start + length] != text[:length]:
                self.fail("JSON Value", start, self.character(start + length - 1))
        self.at += len(text)
        self.space()
        return value

    def number(self) -> Any:
        match = NUMBER.match(self.data, self.at)
        whole, fraction, exponent = match.groups()
        self.check_digits(match, whole, fraction, exponent)
        if whole.startswith(b"0") and len(whole) > 1:
            whole, fraction, exponent = b"0", None, None
            text = match.group()[: match.group().index(b"0") + 1].decode("ascii")
        else:
            text = match.group().decode("ascii")
        self.at += len(text)
        self.space()
        return number_from_text(text) if fraction or exponent else integer_from_text(text)

    def check_digits(self, match, whole, fraction, exponent) -> None:
        if not whole:
            self.fail("DIGIT", match.start() + match.group().startswith(b"-"))
        if whole.startswith(b"0") and len(whole) > 1:
            return
        if fraction == b".":
            self.fail("DIGIT", match.end(2))
        if exponent and exponent[-1:] in b"eE+-":
            self.fail("DIGIT", match.end(3))

    def key(self) -> str:
        key = self.string()
        self.need(b":")
        return key

    def string(self) -> str:
        if self.data[self.at : self.at + 1] != b'"':
            self.fail("'\"'")
        self.at += 1
        parts = []
        while True:
            match = PLAIN.match(self.data, self.at)
            parts.append(match.group().decode("ascii"))
            self.at = match.end()
            start = self.data[self.at : self.at + 1]
            if start == b"\\":
                parts.append(self.escape())
            elif start >= b"\x80":
                parts.append(self.wide_character())
            else:
                self.need(b'"')
                return joined(parts)

    def escape(self) -> str:
        self.at += 1
        letter = self.data[self.at : self.at + 1]
        if letter in ESCAPES:
            self.at += 1
            return ESCAPES[letter]
        if letter != b"u":
            self.fail("JSON escape sequence")
        for place in range(self.at + 1, self.at + 5):
            if self.data[place : place + 1] not in tuple(b"%c" % digit for digit in b"0123456789abcdefABCDEF"):
                self.fail("hex digit", place)
        self.at += 5
        return chr(int(self.data[self.at - 4 : self.at], 16))

    def wide_character(self) -> str:
        text, self.at = character_from_utf8(self.data, self.at)
        return text

    def space(self) -> None:
        self.at = SPACE.match(self.data, self.at).end()

    def take(self, token: bytes) -> bool:
        if self.data[self.at : self.at + 1] != token:
            return False
        self.at += 1
        self.space()
        return True

    def need(self, token: bytes) -> None:
        if not self.take(token):
            self.fail(f"'{token.decode('ascii')}'")

    def character(self, place: int) -> str:
        return self.data[place : place + 1].decode("latin-1")

    def fail(self, expected: str, place: int = -1, unexpected: str = None) -> NoReturn:
        place = self.at if place < 0 else place
        place = min(place, len(self.data))
        unexpected = self.character(place) if unexpected is None else unexpected
        what = "end-of-input" if unexpected == END else f"character '{shown(unexpected)}'"
        number, column, line = line_at(self.data, place)
        raise Malformed(
            f"Unexpected {what} at input index {place} (line {number}, position {column}), expected {expected}:"
            f"\n{line}\n{' ' * (column - 1)}^\n"
        )


def put(holder: Any, key: Any, value: Any) -> None:
    if isinstance(holder, dict):
        holder[key] = value
    else:
        holder.append(value)


def joined(parts: List[str]) -> str:
    """Halves of a surrogate pair, written apart, become one character."""
    text = "".join(parts)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def character_from_utf8(data: bytes, start: int) -> Tuple[str, int]:
    """As the platform reads it: the first byte alone says how many follow, whatever they are."""
    first = data[start]
    length = 2 if first & 0xE0 == 0xC0 else 3 if first & 0xF0 == 0xE0 else 4 if first & 0xF8 == 0xF0 else 1
    piece = data[start : start + length]
    try:
        return piece.decode("utf-8"), start + len(piece)
    except UnicodeDecodeError:
        return "\ufffd", start + len(piece)


def line_at(data: bytes, place: int) -> Tuple[int, int, str]:
    """The number of a line, the column of a place in it, its text. The platform counts the place in bytes,
    but where lines start in characters."""
    number, line_start, characters, at, line = 1, 0, 0, 0, []
    while at < len(data):
        character, at = (chr(data[at]), at + 1) if data[at] < 0x80 else character_from_utf8(data, at)
        if character == "\n" and place <= characters:
            break
        characters += 1
        if character == "\n":
            number, line_start, line = number + 1, characters, []
        else:
            line.append("?" if is_control(character) else character)
    return number, place - line_start + 1, "".join(line)


def is_control(character: str) -> bool:
    return ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0


def shown(character: str) -> str:
    return f"\\u{ord(character):04x}" if is_control(character) else character


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
    """Two spaces, lists in one line, keys in order: the platform keeps what it parsed sorted."""
    if isinstance(value, dict):
        inner = indent + "  "
        members = (f"{inner}{quoted(key)}: {pretty(value[key], inner)}" for key in sorted(value, key=java_order))
        return "{\n" + ",\n".join(members) + "\n" + indent + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(pretty(item, indent) for item in value) + "]"
    return scalar(value)


def java_order(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def scalar(value: Any) -> str:
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def utf8(text: str) -> bytes:
    """Half a surrogate pair, which JSON can spell and UTF-8 can't, becomes a question mark as in Java."""
    return text.encode("utf-8", "replace")
