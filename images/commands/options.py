"""Words of the command line and of settings: NAME=VALUE, FOLDER=/PATH, commands.

Pure, but for folders that must exist.
"""

import json
import re
import shlex
from typing import Dict, List, Tuple

from images.action.folder import Addition, addition_from_text
from images.action.python import IMAGE, OWN

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
PROGRAM = re.compile(r"[A-Za-z0-9_./+-]+\Z")


def pairs_from_texts(texts: List[str]) -> Dict[str, str]:
    """Raises ValueError for what isn't NAME=VALUE."""
    found: Dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not NAME.match(name) or "\0" in value:
            raise ValueError(f"{text!r}: NAME=VALUE was expected")
        found[name] = value
    return found


def additions_from_texts(texts: List[str]) -> Tuple[Addition, ...]:
    return tuple(addition_from_text(text) for text in texts)


def words_from_text(text: str) -> List[str]:
    """A command as a shell would take it apart, or as a JSON list. Raises ValueError."""
    if text.lstrip().startswith("["):
        try:
            words = json.loads(text)
        except (ValueError, RecursionError):
            words = None
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise ValueError(f"{text!r}: a JSON list of words was expected")
        return words
    return split(text)


def split(text: str) -> List[str]:
    """Separated by spaces; quotation marks hold a word together."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ValueError(f"{text!r}: {str(error).lower()}")


def python_from_text(text: str) -> str:
    if text and not PROGRAM.match(text):
        raise ValueError(f"{text!r}: {OWN}, {IMAGE}, or the name of a program was expected")
    return text
