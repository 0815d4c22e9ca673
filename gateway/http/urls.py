"""Request targets and queries as the platform's HTTP library reads, normalises and writes them.
Touches nothing."""

import re
from typing import List, Match, NamedTuple, NoReturn, Optional, Pattern, Tuple

UNRESERVED = "A-Za-z0-9\\-._~"
PATH_CHARACTERS = UNRESERVED + "!$&'()*+,;=@:"
QUERY_CHARACTERS = PATH_CHARACTERS + "/?"
QUERY_KEPT = UNRESERVED + "!$'()*,:@/?"
PERCENT = "%[0-9A-Fa-f]{2}"

PATH = re.compile(f"(?:[{PATH_CHARACTERS}/]|{PERCENT})*")
QUERY = re.compile(f"(?:[{QUERY_CHARACTERS}]|{PERCENT})*")
# It ends where it must, so the plus has no other way to be read.
FORM = re.compile(rf"(?:[!\"$&-~]+|{PERCENT})*")
ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+\-.]*):(?://([^/?]*))?(.*)\Z", re.DOTALL)
USER = f"(?:[{UNRESERVED}!$&'()*+,;=:]|{PERCENT})*"
NAME = f"(?:[{UNRESERVED}!$&'()*+,;=]|{PERCENT})*"
IP_LITERAL = r"\[[0-9A-Fa-f:.]+\]"
# A name without a user looks like one itself.
AUTHORITY = re.compile(rf"{USER}(?:(?:@?{IP_LITERAL}|@{NAME})(?::[0-9]{{1,5}})?)?\Z")
PERCENTS = re.compile(f"(?:{PERCENT})+")


class IllegalTarget(ValueError):
    """Says what is wrong in the words of the platform's parser."""


class Target(NamedTuple):
    """`path` holds "/" and segments in turn, these in their one normal spelling; `query` is None
    without a "?"."""

    path: Tuple[str, ...]
    query: Optional[str]
    authority: Optional[str] = None


Pairs = List[Tuple[str, Optional[str]]]


def target_from_text(text: str) -> Target:
    """`text` as it came, bytes as latin-1. Strict, as the platform is: an unencoded bracket is an
    error."""
    start, authority = 0, None
    if not text.startswith("/"):
        match = ABSOLUTE.match(text)
        if not match:
            return target_from_authority(text)
        authority, start = match.group(2) or "", match.start(3)
    path_end = end_of(PATH, text, start)
    if path_end < len(text) and text[path_end] != "?":
        refuse(text, path_end, "segment, '/', '?' or 'EOI'")
    query = query_from_text(text, path_end + 1) if path_end < len(text) else None
    return Target(collapsed(path_from_text(text[start:path_end])), query, authority)


def target_from_authority(text: str) -> Target:
    match = AUTHORITY.match(text)
    if not match:
        refuse(text, 0, "request-target")
    return Target((), None, text)


def query_from_text(text: str, start: int) -> str:
    end = end_of(QUERY, text, start)
    if end < len(text) and end == start:
        refuse(text, end, "rawQueryString or 'EOI'")
    if end < len(text):
        refuse(text, end, "query-char, pct-encoded or 'EOI'")
    return text[start:]


def end_of(
    pattern: Pattern[str],
    text: str,
    start: int = 0,
) -> int:
    """Where a pattern ends that matches everywhere, if only nothing."""
    match = pattern.match(text, start)
    return match.end() if match else start


def refuse(text: str, place: int, expected: str) -> NoReturn:
    _, message = problem(text, place, expected)
    raise IllegalTarget(f"Illegal request-target: {message}")


def problem(
    text: str,
    place: int,
    expected: str,
) -> Tuple[int, str]:
    """The column, from 1 on, and what is wrong there."""
    if text[place : place + 1] == "%":
        has_digit = re.match("[0-9A-Fa-f]", text[place + 1 : place + 2])
        place += 2 if has_digit else 1
        expected = "HEXDIG"
    what = f"Invalid input '{text[place]}'" if place < len(text) else "Unexpected end of input"
    return place + 1, f"{what}, expected {expected} (line 1, column {place + 1})"


def path_from_text(text: str) -> Tuple[str, ...]:
    parts = re.findall("/|[^/]+", text)
    return tuple(map(normal_part, parts))


def normal_part(part: str) -> str:
    """The one spelling of a segment; "/" is left alone."""
    return part if part == "/" else encoded(decoded(part), PATH_CHARACTERS)


def collapsed(path: Tuple[str, ...]) -> Tuple[str, ...]:
    """Without the segments "." and "..", also those that were written as %2e."""
    if not {".", ".."} & set(path):
        return path
    waiting, output = list(reversed(path)), []
    while waiting:
        part = waiting.pop()
        if part != "/" or not waiting or waiting[-1] not in (".", ".."):
            output.append(part)
            continue
        if waiting.pop() == ".." and output and output[-1] != "/":
            output = output[:-2]
        if not waiting:
            output.append("/")
    return tuple(output)


def text_from_path(path: Tuple[str, ...]) -> str:
    return "".join(path)


def decoded(text: str) -> str:
    """Runs of %XX are UTF-8; what isn't becomes U+FFFD."""
    return PERCENTS.sub(text_from_percents, text)


def text_from_percents(run: Match[str]) -> str:
    data = bytes.fromhex(run.group().replace("%", ""))
    return data.decode("utf-8", "replace")


def encoded(text: str, kept: str) -> str:
    return re.sub(f"[^{kept}]", lambda match: percent(match.group()), text)


def percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "replace"))


def pairs_from_query(query: Optional[str]) -> Pairs:
    """In order, decoded; the value of a name without "=" is None."""
    if not query:
        return []
    return [pair_from_text(part) for part in query.split("&")]


def pair_from_text(text: str) -> Tuple[str, Optional[str]]:
    key, equals, value = text.replace("+", " ").partition("=")
    return decoded(key), decoded(value) if equals else None


def text_from_pairs(pairs: Pairs) -> str:
    return "&".join(
        query_part(key) if value is None else f"{query_part(key)}={query_part(value)}"
        for key, value in pairs
    )


def query_part(text: str) -> str:
    return encoded(text, QUERY_KEPT + " ").replace(" ", "+")


def fields_from_form(text: str) -> Pairs:
    """The pairs of a form. Raises IllegalTarget."""
    place = form_end(text)
    if place < len(text):
        raise IllegalTarget(f"Illegal query: {problem_in_form(text, place)}")
    return pairs_from_query(text)


def form_end(text: str) -> int:
    """The first place that is neither part of a name or value nor a sign between them."""
    return end_of(FORM, text)


def problem_in_form(text: str, place: int) -> str:
    in_value = "=" in text[text.rfind("&", 0, place) + 1 : place]
    expected = "part, '&' or 'EOI'" if in_value else "part, '=', '&' or 'EOI'"
    column, message = problem(text, place, expected)
    return f"{message}: {text}\n{' ' * (column - 1)}^"
