"""The words, quoted texts and lists that header values are made of. Touches nothing."""

import re
from typing import Callable, List, Match, Optional, Pattern, Tuple

SPACE = r"[ \t]*"
TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
QUOTED = r'"(?:[\t !#-\[\]-~\x80-\ufffe]|\\[\t -~\x80-\ufffe])*"'
PARAMETER = rf";[ \t]*({TOKEN})[ \t]*=[ \t]*({TOKEN}|{QUOTED})[ \t]*"
PARAMETERS = re.compile(PARAMETER)
IS_TOKEN = re.compile(TOKEN + r"\Z")
COMMA = re.compile(rf",{SPACE}")

Found = Match[str]
Renderer = Callable[[str], Optional[str]]


def items(
    pattern: Pattern[str],
    text: str,
    empty: bool = False,
) -> Optional[List[Found]]:
    """The matches of a list separated by commas; None if the text is anything else."""
    if not text and empty:
        return []
    found: List[Found] = []
    at = 0
    while True:
        match = pattern.match(text, at)
        if not match or match.end() == at:
            return None
        found.append(match)
        at = match.end()
        if at == len(text):
            return found
        comma = COMMA.match(text, at)
        if not comma:
            return None
        at = comma.end()


def listed(
    pattern: Pattern[str],
    write: Callable[[Found], Optional[str]],
    empty: bool = False,
) -> Renderer:
    """What writes a list anew, item by item; None from `write` spoils the whole."""

    def render(text: str) -> Optional[str]:
        found = items(pattern, text, empty)
        if found is None:
            return None
        parts = []
        for match in found:
            part = write(match)
            if part is None:
                return None
            parts.append(part)
        return ", ".join(parts)

    return render


def parameters_from_text(text: str) -> List[Tuple[str, str]]:
    return [(key, unquoted(value)) for key, value in PARAMETERS.findall(text)]


def unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    return re.sub(r"\\(.)", r"\1", value[1:-1])


def quoted_if_needed(value: str) -> str:
    return value if IS_TOKEN.match(value) else quoted(value)


def quoted(value: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'
