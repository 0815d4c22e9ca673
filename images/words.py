"""Sentences for people, and the error that carries one. Touches nothing."""

import errno

UNPRINTABLE = "\ufffd"
LONGEST = 2000  # characters of one sentence: some of it was said by a stranger


class Told(Exception):
    """What was given, what was expected, the likely cause: the whole of what a user sees."""

    def __init__(self, text: str) -> None:
        super().__init__(printable(text))


class Unsuitable(Told):
    """No action's image can be made of this base; says what to do."""


class RegistryError(Told):
    """What the registry was asked, what it said, and the likely cause."""


class Broken(RegistryError):
    """The connection ended before the answer did: to be tried again."""


class Absent(Broken):
    """There is nobody who could answer: a second try is of no use."""


def printable(text: str) -> str:
    """The text without what moves a terminal's cursor or changes its colours, cut to a length."""
    shown = ""
    for one in text[:LONGEST]:
        shown += one if one.isprintable() else UNPRINTABLE
    return shown if len(text) <= LONGEST else shown + "..."


def is_full(error: OSError) -> bool:
    """Whether a disk is, or what somebody may have of it."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def size_text(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.4g} {unit}"
        size /= 1000
    return f"{size:.4g} GB"


def plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
