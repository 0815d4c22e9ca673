"""JSON as the platform reads and writes it. Touches nothing.

What Python's own reader takes, the platform takes, too, and nothing else; the platform's words for
what is wrong are found by a slow reader, where the text isn't long."""

import json
import json.scanner
import re
from decimal import Decimal
from typing import Any, Dict, Iterable, List, NoReturn, Tuple

from gateway.http.jsonreader import (
    MOST_NESTING,
    TOO_DEEP,
    Malformed,
    Reader,
    character_from_utf8,
    integer_from_text,
    number_from_text,
)

__all__ = ["Malformed", "Reader", "compact", "pretty", "utf8", "value_from_json"]

#: Of a longer text the platform's words would be long, too, and take seconds to find.
LONGEST_EXPLAINED = 16384
#: Python's reader is one long call into C; where there is so much to read it had better be short
#: ones.
MOST_AT_ONCE = 20000
#: More than fit into any parameters; Python needs longer to count them than others like to wait.
MOST_OPENED = 500000
TOO_MANY = f"JSON input has more than {MOST_OPENED} lists and objects"
#: In characters: of an action's code there may be many millions.
LONG_TEXT = 1 << 20
#: Of a long text, which is written in pieces: a single call into C lets nobody in between.
PIECE = 1 << 16
MALFORMED = "Unexpected input at input index {} (line {}, position {})"

STRUCTURE = re.compile(r'\\.|["\[\]{}]', re.DOTALL)
WIDE = re.compile(
    rb"[\xc0-\xdf].?|[\xe0-\xef].{0,2}|[\xf0-\xf7].{0,3}|[\x80-\xbf\xf8-\xff]",
    re.DOTALL,
)


def value_from_json(data: bytes) -> Any:
    """Members come sorted, as the platform keeps them. Raises Malformed."""
    try:
        return value_from_text(text_from_utf8(data))
    except (ValueError, RecursionError) as error:
        problem = error
    if len(data) <= LONGEST_EXPLAINED:
        return Reader(data).value_alone()
    if isinstance(problem, json.JSONDecodeError):
        place = (problem.pos, problem.lineno, problem.colno)
        raise Malformed(MALFORMED.format(*place))
    raise problem if isinstance(problem, Malformed) else Malformed(TOO_DEEP)


def value_from_text(text: str) -> Any:
    """Raises ValueError or RecursionError."""
    opened = text.count("[") + text.count("{")
    if opened >= MOST_NESTING:
        check_nesting(text)
    decoder = json.JSONDecoder if opened < MOST_AT_ONCE else DecoderInSteps
    return json.loads(
        text,
        cls=decoder,
        parse_float=number_from_text,
        parse_int=integer_from_text,
        parse_constant=refuse,
        object_pairs_hook=sorted_members,
    )


class DecoderInSteps(json.JSONDecoder):
    """Python's own as it is written in Python, which few know of."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        steps: Any = json.decoder
        scanner: Any = json.scanner
        self.parse_object = steps.JSONObject
        self.parse_array = steps.JSONArray
        self.scan_once = scanner.py_make_scanner(self)


def text_from_utf8(data: bytes) -> str:
    """What isn't UTF-8 is read as the platform's parser does."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return WIDE.sub(wide_character, data).decode("utf-8")


def wide_character(match: "re.Match[bytes]") -> bytes:
    text, _ = character_from_utf8(match.group(), 0)
    return text.encode("utf-8")


def sorted_members(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    """Of several with one name the last counts."""
    members = dict(pairs)
    return {name: members[name] for name in sorted_names(members)}


def sorted_names(names: Iterable[str]) -> List[str]:
    return sorted(names, key=java_order)


def check_nesting(text: str) -> None:
    """Raises Malformed."""
    depth = opened = 0
    is_string = False
    for match in STRUCTURE.finditer(text):
        sign = match.group()
        if sign == '"':
            is_string = not is_string
        elif sign in "[{" and not is_string:
            depth += 1
            opened += 1
        elif sign in "]}" and not is_string:
            depth -= 1
        if depth >= MOST_NESTING:
            raise Malformed(TOO_DEEP)
        if opened > MOST_OPENED:
            raise Malformed(TOO_MANY)


def refuse(text: str) -> NoReturn:
    raise Malformed(text)


# -- writing --------------------------------------------------------------


def compact(value: Any) -> str:
    if has_long_text(value):
        return exact(value)
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except TypeError:
        return exact(value)


def has_long_text(value: Any, depth: int = 2) -> bool:
    """Where an action's code is: in an object, or in one of that object's members."""
    if isinstance(value, str):
        return len(value) > LONG_TEXT
    if depth == 0 or not isinstance(value, dict):
        return False
    return any(has_long_text(each, depth - 1) for each in value.values())


def exact(value: Any) -> str:
    """With numbers as they came, and put together once: copies of a long text take time, too."""
    pieces: List[str] = []
    write(value, pieces)
    return "".join(pieces)


def write(value: Any, pieces: List[str]) -> None:
    comma = ""
    if isinstance(value, dict):
        pieces.append("{")
        for key, item in value.items():
            pieces += (comma, quoted(key), ":")
            write(item, pieces)
            comma = ","
        pieces.append("}")
    elif isinstance(value, (list, tuple)):
        pieces.append("[")
        for item in value:
            pieces.append(comma)
            write(item, pieces)
            comma = ","
        pieces.append("]")
    elif isinstance(value, str):
        pieces += pieces_from_text(value)
    else:
        pieces.append(scalar(value))


def pretty(value: Any, indent: str = "") -> str:
    """Two spaces, lists in one line, keys in order."""
    if isinstance(value, dict):
        inner = indent + "  "
        members = []
        for key in sorted_names(value):
            members.append(f"{inner}{quoted(key)}: {pretty(value[key], inner)}")
        return "{\n" + ",\n".join(members) + "\n" + indent + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(pretty(item, indent) for item in value) + "]"
    return scalar(value)


def java_order(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def pieces_from_text(text: str) -> List[str]:
    if len(text) <= PIECE:
        return [quoted(text)]
    pieces = ['"']
    for start in range(0, len(text), PIECE):
        piece = quoted(text[start : start + PIECE])
        pieces.append(piece[1:-1])
    pieces.append('"')
    return pieces


def scalar(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def utf8(text: str) -> bytes:
    """Half a surrogate pair, which JSON can spell and UTF-8 can't, becomes a question mark as in
    Java."""
    return text.encode("utf-8", "replace")


def whole_characters(text: str) -> str:
    """The same, for a text that stays one."""
    return utf8(text).decode("utf-8")
