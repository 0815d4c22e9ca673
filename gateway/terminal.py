"""What goes wrong in the gateway itself, for whoever runs it. Touches standard error alone."""

import sys
from contextlib import suppress


def complain(text: str) -> None:
    """Does without where nobody can take it: a full disk must not cost a client its answer."""
    with suppress(OSError, ValueError):
        print(shown(text.rstrip("\n")), file=sys.stderr, flush=True)


def shown(text: str) -> str:
    """A terminal obeys some characters; what others sent must not reach it as such."""
    return "".join(map(shown_character, text))


def shown_character(character: str) -> str:
    is_harmless = character.isprintable() or character == "\n"
    return character if is_harmless else ascii(character)[1:-1]
