"""Which Python runs the adapter in an image: the image's own, as far as its config and its files
tell. Pure.
"""

import posixpath
import re
from typing import Callable, Dict, NamedTuple, Optional, Set, Tuple

from images.image.documents import Json
from images.image.settings import folders_on_path, variables_of
from images.image.startcommand import Start
from images.words import Unsuitable

Version = Tuple[int, int]

OLDEST = (3, 6)
SEARCHED = ("usr/local/bin", "usr/bin", "bin", "opt/conda/bin", "opt/venv/bin", "app/.venv/bin")
LIBRARY = re.compile(r"(?:^|/)lib(?:64)?/python[0-9]{1,3}\.[0-9]{1,3}/")
NUMBERS = re.compile(r"(?:^|python)([0-9]{1,3})\.([0-9]{1,3})", re.ASCII)
PYTHON_2 = re.compile(r"python2(\.[0-9]+)?\Z")
VARIABLE = "PYTHON_VERSION"  # set by Docker's own Python images
MOST_LINKS = 10


OWN, IMAGE = "own", "image"  # what may be wished for, besides the name of a program
GUESS = "python"
NONE, TOO_OLD = "no Python", "a Python older than 3.6"


class Names(NamedTuple):
    """What was seen of an image's files: path to the target of a link, or to nothing."""

    links: Dict[str, str]
    whole: bool  # whether all layers were seen
    rest: Optional[Callable[[], "Names"]] = None  # reads on where the search ended at a Python


class Decision(NamedTuple):
    """`word` starts the adapter; an empty one stands for a Python that is added."""

    word: str
    remark: str = ""


def decision_on_image(
    settings: Json, start: Start, wanted: str, names: Callable[[], Names]
) -> Decision:
    """`names` is asked only if the config doesn't tell."""
    if wanted == OWN:
        return Decision("")
    if wanted not in ("", IMAGE):
        return decision_named(settings, start, wanted, names)
    if is_too_old(settings, start):
        return decision_without(wanted, start, TOO_OLD)
    word = python_from_config(settings, start)
    if word:
        return Decision(word)
    found = names()
    word = python_from_names(found, settings)
    if word:
        return Decision(word)
    if found.whole:
        return decision_without(wanted, start, NONE)
    return decision_in_doubt(wanted, start)


def decision_named(
    settings: Json, start: Start, wanted: str, names: Callable[[], Names]
) -> Decision:
    """As it is wished for; with a word if all layers can be seen and it is in none of them."""
    if wanted == start.python:
        return Decision(wanted)
    found = names()
    if not has_program(settings, wanted, found) and found.rest:
        found = found.rest()
    if not found.whole or has_program(settings, wanted, found):
        return Decision(wanted)
    word = python_from_names(found, settings)
    other = f"; {word} is there" if word else ""
    missing = f"no {wanted} was found in the base's layers{other}"
    return Decision(wanted, f"{missing}: without it the action can't start")


def has_program(settings: Json, word: str, names: Names) -> bool:
    """On the image's PATH and the usual one; in doubt, where a path is relative, it has."""
    if word.startswith("/"):
        return word[1:] in names.links or "usr" + word in names.links  # /bin may be a link
    if "/" in word:
        return True
    paths = folders_on_path(settings) + list(SEARCHED)
    return any(f"{path}/{word}" in names.links for path in paths)


def decision_without(wanted: str, start: Start, what: str) -> Decision:
    if wanted == IMAGE:
        raise Unsuitable(
            f"the base has {what} (its start command: {start.text}), and PYTHON=image forbids to"
            f" add"
            " one: make the base from an image with Python 3.6 or newer, or go without PYTHON=image"
        )
    return Decision("")


def decision_in_doubt(wanted: str, start: Start) -> Decision:
    unseen = f"whether there is a Python couldn't be seen from the start command ({start.text})"
    if wanted == IMAGE or start.is_python_program:
        return Decision(GUESS, f"{unseen}; `{GUESS}` is assumed, --python names another")
    return Decision("", f"{unseen}; one is added, --python names the image's own")


def python_from_config(settings: Json, start: Start) -> str:
    """Empty when the config doesn't tell."""
    if start.python:
        return start.python
    version = version_from_text(variables_of(settings).get(VARIABLE, ""))
    return "python" if version and version >= OLDEST else ""


def is_too_old(settings: Json, start: Start) -> bool:
    """Whether the config says that its Python can't run the adapter."""
    if start.program and PYTHON_2.search(start.program[0]):
        return True
    version = version_from_text(variables_of(settings).get(VARIABLE, ""))
    return version is not None and version < OLDEST


def version_from_text(text: str) -> Optional[Version]:
    """Of `3.11.4` or of a path with `python3.11` in it."""
    found = NUMBERS.search(text)
    return (int(found.group(1)), int(found.group(2))) if found else None


def python_from_names(names: Names, settings: Json) -> str:
    """`python` or `python3`, if there is one on the usual paths that is new enough; with its
    folder where the image's PATH doesn't name that.
    """
    known = folders_on_path(settings)
    for word in ("python", "python3"):
        for folder in SEARCHED:
            path = f"{folder}/{word}"
            if path in names.links and is_new_enough(path, names):
                return word if folder in known else f"/{path}"
    return ""


def is_new_enough(path: str, names: Names) -> bool:
    """By the name that its links lead to; a plain `python` by the libraries beside it."""
    for _ in range(MOST_LINKS):
        version = version_from_text(path.rpartition("/")[2])
        if version:
            return version >= OLDEST
        target = names.links.get(path, "")
        if not target:
            break
        path = target.lstrip("/") if target.startswith("/") else beside(path, target)
    versions = versions_in(names)
    return not versions or max(versions) >= OLDEST


def beside(path: str, target: str) -> str:
    return posixpath.join(posixpath.dirname(path), posixpath.basename(target))


def versions_in(names: Names) -> Set[Version]:
    """Of the standard libraries that lie in the image."""
    found = {LIBRARY.search(name) for name in names.links}
    versions = {version_from_text(one.group()) for one in found if one}
    return {version for version in versions if version}
