"""JSON read as the platform's parser reads it: its limits, its messages, its way with numbers.

Touches nothing. A number whose text a float can't give back (1.50, 1E+400) is a Decimal, so that
it leaves as it came."""

import re
from decimal import Decimal, InvalidOperation
from typing import Any, List, NoReturn, Optional, Tuple

MOST_NESTING = 1000
LONGEST_NUMBER = 100
# Java's BigDecimal has a 32 bit exponent.
LARGEST_EXPONENT = 2147483647

NUMBER = re.compile(rb"-?(0|[0-9]+)?(\.[0-9]*)?([eE][+-]?[0-9]*)?")
SPACE = re.compile(rb"[ \n\r\t]*")
PLAIN = re.compile(rb'[^"\\\x00-\x1f\x80-\xff]*')
LITERALS = {
    b"t": (b"true", True),
    b"f": (b"false", False),
    b"n": (b"null", None),
}
ESCAPES = {
    b"b": "\b",
    b"f": "\f",
    b"n": "\n",
    b"r": "\r",
    b"t": "\t",
    b'"': '"',
    b"\\": "\\",
    b"/": "/",
}
HEX_DIGITS = b"0123456789abcdefABCDEF"
END = ""

TOO_LARGE = "The exponent of {} is too large."
TOO_LONG = (
    "Number too long:The number starting with '{}' had {} characters which is more than the"
    " allowed limit maxNumberCharacters = {}. If this is legit input consider increasing the limit."
)
TOO_DEEP = (
    "JSON input nested too deeply:JSON input was nested more deeply than the configured limit of"
    f" maxNesting = {MOST_NESTING}"
)


class Malformed(ValueError):
    """Says what is wrong in the words of the platform's parser."""


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
        raise Malformed(TOO_LARGE.format(text)) from None
    exponent = exact.as_tuple().exponent
    if not isinstance(exponent, int) or abs(exponent) > LARGEST_EXPONENT:
        raise Malformed(TOO_LARGE.format(text))
    return exact if exact else exact.copy_abs()


def check_length(text: str) -> None:
    if len(text) > LONGEST_NUMBER:
        raise Malformed(TOO_LONG.format(text[:20], len(text), LONGEST_NUMBER))


class Reader:
    """Follows the platform's parser step by step, where it matters what it says or how far it
    goes."""

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
                waiting.append((value, self.key_in(value)))
                continue
            while True:
                if not waiting:
                    return value
                holder, key = waiting.pop()
                put(holder, key, value)
                if self.take(b","):
                    waiting.append((holder, self.key_in(holder)))
                    break
                self.need(b"}" if isinstance(holder, dict) else b"]")
                value = holder

    def begin_value(self, depth: int) -> Tuple[Any, bool]:
        """A value, and whether it was only opened."""
        if depth >= MOST_NESTING:
            raise Malformed(TOO_DEEP)
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
        match = matched(NUMBER, self.data, self.at)
        whole, fraction, exponent = match.groups()
        if not whole:
            minus = match.group().startswith(b"-")
            self.fail("DIGIT", match.start() + minus)
        if whole.startswith(b"0") and len(whole) > 1:
            # A number that starts with a zero is over after it.
            end = match.group().index(b"0") + 1
            text = match.group()[:end].decode("ascii")
            fraction = exponent = None
        else:
            self.check_digits(match)
            text = match.group().decode("ascii")
        self.at += len(text)
        self.space()
        return number_from_text(text) if fraction or exponent else integer_from_text(text)

    def check_digits(self, match: "re.Match[bytes]") -> None:
        _, fraction, exponent = match.groups()
        if fraction == b".":
            self.fail("DIGIT", match.end(2))
        if exponent and exponent[-1:] in b"eE+-":
            self.fail("DIGIT", match.end(3))

    def key_in(self, holder: Any) -> Optional[str]:
        """What comes before a value; None in a list."""
        if not isinstance(holder, dict):
            return None
        key = self.string()
        self.need(b":")
        return key

    def string(self) -> str:
        if self.data[self.at : self.at + 1] != b'"':
            self.fail("'\"'")
        self.at += 1
        parts = []
        while True:
            match = matched(PLAIN, self.data, self.at)
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
            digit = self.data[place : place + 1]
            if not digit or digit not in HEX_DIGITS:
                self.fail("hex digit", place)
        self.at += 5
        digits = self.data[self.at - 4 : self.at]
        return chr(int(digits, 16))

    def wide_character(self) -> str:
        text, self.at = character_from_utf8(self.data, self.at)
        return text

    def space(self) -> None:
        self.at = matched(SPACE, self.data, self.at).end()

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

    def fail(
        self,
        expected: str,
        place: int = -1,
        unexpected: Optional[str] = None,
    ) -> NoReturn:
        place = self.at if place < 0 else place
        place = min(place, len(self.data))
        if unexpected is None:
            unexpected = self.character(place)
        what = "end-of-input" if unexpected == END else f"character '{shown(unexpected)}'"
        number, column, line = line_at(self.data, place)
        where = f"at input index {place} (line {number}, position {column})"
        pointer = " " * (column - 1) + "^"
        raise Malformed(f"Unexpected {what} {where}, expected {expected}:\n{line}\n{pointer}\n")


def matched(pattern: "re.Pattern[bytes]", data: bytes, at: int) -> "re.Match[bytes]":
    """Of a pattern that matches everywhere, if only nothing."""
    match = pattern.match(data, at)
    assert match is not None
    return match


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
    piece = data[start : start + length_from_first_byte(data[start])]
    try:
        return piece.decode("utf-8"), start + len(piece)
    except UnicodeDecodeError:
        return "\ufffd", start + len(piece)


def length_from_first_byte(first: int) -> int:
    if first & 0xE0 == 0xC0:
        return 2
    if first & 0xF0 == 0xE0:
        return 3
    return 4 if first & 0xF8 == 0xF0 else 1


def line_at(data: bytes, place: int) -> Tuple[int, int, str]:
    """The number of a line, the column of a place in it, its text. The platform counts the place
    in bytes, but where lines start in characters."""
    number = 1
    line_start = characters = at = 0
    line: List[str] = []
    while at < len(data):
        character, at = character_at(data, at)
        if character == "\n" and place <= characters:
            break
        characters += 1
        if character == "\n":
            number += 1
            line_start = characters
            line = []
        else:
            line.append("?" if is_control(character) else character)
    return number, place - line_start + 1, "".join(line)


def character_at(data: bytes, at: int) -> Tuple[str, int]:
    """And the place behind it."""
    if data[at] < 0x80:
        return chr(data[at]), at + 1
    return character_from_utf8(data, at)


def is_control(character: str) -> bool:
    return ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0


def shown(character: str) -> str:
    return f"\\u{ord(character):04x}" if is_control(character) else character
