"""Which Python runs the adapter in an image: the image's own, as far as its config and its files tell. Pure."""

import re
from typing import Callable, Dict, List, NamedTuple, Tuple

from images.image.documents import Json
from images.image.startcommand import Start
from images.words import Unsuitable

OLDEST = (3, 6)
SEARCHED = ("usr/local/bin", "usr/bin", "bin", "opt/conda/bin", "opt/venv/bin", "app/.venv/bin")
LIBRARY = re.compile(r"(?:^|/)lib(?:64)?/python(\d+)\.(\d+)/")
NAMED_VERSION = re.compile(r"python(\d+)(?:\.(\d+))?\Z")
VARIABLE = re.compile(r"PYTHON_VERSION=(\d+)\.(\d+)")


OWN, IMAGE = "own", "image"  # what may be wished for, besides the name of a program
GUESS = "python"
NONE, TOO_OLD = "no Python", "a Python older than 3.6"


class Names(NamedTuple):
    """What was seen of an image's files: path to the target of a link, or to nothing."""

    links: Dict[str, str]
    whole: bool  # whether all layers were seen


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
        return Decision(wanted)
    if is_too_old(settings, start):
        return decision_without(wanted, start, TOO_OLD)
    word = python_from_config(settings, start)
    if word:
        return Decision(word)
    found = names()
    word = python_from_names(found)
    if word:
        return Decision(word)
    if found.whole:
        return decision_without(wanted, start, NONE)
    return decision_in_doubt(wanted, start)


def decision_without(wanted: str, start: Start, what: str) -> Decision:
    if wanted == IMAGE:
        raise Unsuitable(
            f"the base has {what} (its start command: {start.text}), and PYTHON=image forbids to add one: "
            "make the base from an image with Python 3.6 or newer, or go without PYTHON=image"
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
    for variable in settings.get("Env") or []:
        version = VARIABLE.match(variable)  # set by Docker's own Python images
        if version:
            new_enough = (int(version.group(1)), int(version.group(2))) >= OLDEST
            return "python" if new_enough else ""
    return ""


def is_too_old(settings: Json, start: Start) -> bool:
    """Whether the config says that its Python can't run the adapter."""
    if re.search(r"python2(\.\d+)?\Z", start.program[0] if start.program else ""):
        return True
    found = [VARIABLE.match(variable) for variable in settings.get("Env") or []]
    versions = [(int(one.group(1)), int(one.group(2))) for one in found if one]
    return any(version < OLDEST for version in versions)


def python_from_names(names: Names) -> str:
    """`python` or `python3`, if there is one on the usual paths that is new enough."""
    for word in ("python", "python3"):
        for folder in SEARCHED:
            path = f"{folder}/{word}"
            if path in names.links and is_new_enough(path, names):
                return word
    return ""


def is_new_enough(path: str, names: Names) -> bool:
    """By the name that its links lead to; a plain `python` by the libraries beside it."""
    for _ in range(10):
        version = NAMED_VERSION.search(path)
        if version and version.group(2):
            return (int(version.group(1)), int(version.group(2))) >= OLDEST
        target = names.links.get(path, "")
        if not target:
            break
        path = target.lstrip("/") if target.startswith("/") else beside(path, target)
    versions = versions_in(names)
    return not versions or versions[-1] >= OLDEST


def beside(path: str, target: str) -> str:
    return f"{path.rpartition('/')[0]}/{target.rpartition('/')[2]}"


def versions_in(names: Names) -> List[Tuple[int, int]]:
    found = [LIBRARY.search(name) for name in names.links]
    return sorted({(int(one.group(1)), int(one.group(2))) for one in found if one})
