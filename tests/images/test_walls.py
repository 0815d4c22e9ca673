"""The rooms of images/: which may know of which, and what none of them touches."""

import ast
import re

import pytest

from tests.images.samples import ROOT

IMAGES = ROOT / "images"
# Each room, and what it may import of the others. What is further down knows more.
ROOMS = {
    "words": [],
    "image": ["words"],
    "action": ["words", "image"],
    "interpreter": [],
    "registry": ["words", "image", "action"],
    "engine": ["words", "image", "action", "registry"],
    "commands": ["words", "image", "action", "interpreter", "registry", "engine"],
    "__main__": ["words", "commands"],
    "__init__": [],
}
NETWORK = {"http", "socket", "ssl", "urllib.request"}
PROCESSES = {"subprocess", "multiprocessing"}
FILES = {"os", "shutil", "tempfile", "pathlib"}
# What a room leaves alone.
UNTOUCHED = {
    "words": NETWORK | PROCESSES | FILES,
    "image": NETWORK | PROCESSES | FILES,
    "action": NETWORK | PROCESSES,
    "registry": {"tempfile", "shutil"},
    "engine": NETWORK,
}
# Run inside a container: they stand alone, and ask over its network.
SENT_AWAY = ("check_action.py", "check_base.py")
# `docker login` leaves programs that have to be asked.
ALLOWED = {("registry/credentials.py", "subprocess")}


def modules():
    return sorted(path for path in IMAGES.rglob("*.py") if path.name not in SENT_AWAY)


def room_of(path):
    return path.relative_to(IMAGES).parts[0].removesuffix(".py")


def imported(path):
    """The names of all modules that a file imports, at whatever place."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(IMAGES)))
def test_a_room_knows_only_those_that_it_may(path):
    room = room_of(path)
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "images" and len(parts) > 1:
            assert parts[1] == room or parts[1] in ROOMS[room], f"{path} imports {name}"
        assert parts[0] not in ("gateway", "openwhisk", "openwhisk_adapter", "requests", "urllib3")


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(IMAGES)))
def test_a_room_leaves_alone_what_is_not_its_own(path):
    untouched = UNTOUCHED.get(room_of(path), set())
    place = str(path.relative_to(IMAGES))
    touched = {
        name for name in imported(path) if name in untouched and (place, name) not in ALLOWED
    }
    assert not touched


def test_the_list_of_the_rooms_is_the_one_that_newcomers_read():
    told = re.findall(r"^(\w+)/? {2,}", (IMAGES / "__init__.py").read_text("utf-8"), re.MULTILINE)
    assert told == [room for room in ROOMS if not room.startswith("__")]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(IMAGES)))
def test_a_function_can_be_seen_at_once(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 45, f"{path}: {node.name}"
