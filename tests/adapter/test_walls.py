"""Which room of the adapter may know which: imports run one way, pure rooms touch nothing."""

import ast
import os

import pytest

from testing.adapter import ROOT

HOUSE = "openwhisk_adapter"

PURE = [
    "addresses",
    "codings",
    "envelope",
    "forms",
    "headers",
    "mediatypes",
    "messages",
    "request",
    "result",
    "settings",
    "sinks",
]
# What a pure room may take from the standard library: nothing that knows of files, sockets, clocks.
COMPUTES_ONLY = {
    "binascii",
    "codecs",
    "functools",
    "hashlib",
    "ipaddress",
    "json",
    "math",
    "re",
    "typing",
    "urllib.parse",
    "zlib",
}
TOUCHES = {"open", "print", "input", "exec", "eval", "compile", "__import__"}

# Room: who may import it. A name stands for the rooms below it as well.
KNOWN_TO = {
    "envelope": ["action", "forms", "request", "result", "streaming"],
    "forms": ["request", "warmup"],
    "request": ["action"],
    "result": ["action"],
    "servers": ["action", "listener", "model", "servers", "starting", "warmup"],
    "starting": ["model", "starting"],
    "starting.signals": ["front", "model", "starting"],
    "model": ["action", "front", "listener"],
    "action": ["front", "listener"],
    "listener": ["front"],
    "streaming": ["action"],
    "warmup": ["action"],
    "front": ["__main__"],
    "__main__": [],
}
# What no room there may import, whatever the table above says.
UNKNOWN_TO = {
    "messages": [HOUSE],
    "servers": ["action", "front", "listener", "model", "starting"],
    "starting": ["action", "front", "listener", "model"],
    "log": ["action", "front", "listener", "model", "servers", "starting"],
}


def rooms():
    """{name: its syntax tree}, like `servers.wsgi`; a package is named like its folder."""
    found = {}
    for folder, _, names in os.walk(os.path.join(ROOT, HOUSE)):
        for name in names:
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                parts = os.path.relpath(path, os.path.join(ROOT, HOUSE))[:-3].split(os.sep)
                with open(path, encoding="utf-8") as file:
                    found[".".join(part for part in parts if part != "__init__")] = ast.parse(
                        file.read()
                    )
    return found


ROOMS = rooms()


def imported(tree):
    """What is imported anywhere in it, at its top or later: full names."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            names |= {whole_name(node.module, alias.name) for alias in node.names}
    return names


def whole_name(module, name):
    """A room where `from` imports one, else the module that it imports from."""
    inner = "%s.%s" % (module, name)
    return inner if inner[len(HOUSE) + 1 :] in ROOMS and inner.startswith(HOUSE) else module


def known(room):
    """The other rooms that this one imports."""
    inside = {name[len(HOUSE) + 1 :] for name in imported(ROOMS[room]) if is_within(name, HOUSE)}
    return inside - {"", room}


def is_within(name, outer):
    return name == outer or name.startswith(outer + ".")


def is_among(room, names):
    return any(is_within(room, name) for name in names)


def closest(room):
    """The entry of the table that says the most about this room."""
    entries = [name for name in KNOWN_TO if is_within(room, name)]
    return max(entries, key=len) if entries else None


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_a_room_says_in_its_first_line_what_it_is_for(room):
    first = (ast.get_docstring(ROOMS[room]) or "").split("\n")[0]
    assert len(first) > 20, first


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_a_room_knows_only_those_that_it_may(room):
    wrong = []
    for other in known(room):
        entry = closest(other)
        if entry is not None and not is_among(room, KNOWN_TO[entry]):
            wrong.append(other)
    for place, others in UNKNOWN_TO.items():
        if is_within(room, place):
            wrong += [
                other for other in known(room) if is_among(other, others) or others == [HOUSE]
            ]
    assert wrong == []


@pytest.mark.parametrize("room", PURE)
def test_a_pure_room_touches_nothing(room):
    names = imported(ROOMS[room])
    outside = {name for name in names if not is_within(name, HOUSE)}
    used = {node.id for node in ast.walk(ROOMS[room]) if isinstance(node, ast.Name)}
    assert (known(room) - set(PURE), outside - COMPUTES_ONLY, used & TOUCHES) == (
        set(),
        set(),
        set(),
    )


def test_no_rooms_know_each_other_in_a_circle():
    """Whoever imports only rooms that are left out already is left out next."""
    left = {room: known(room) for room in ROOMS}
    while left:
        free = [room for room in left if not left[room] & set(left)]
        assert free, "in a circle, or behind one: %s" % sorted(left)
        for room in free:
            del left[room]


def test_the_table_is_about_rooms_that_there_are():
    named = set(PURE) | set(KNOWN_TO) | set(UNKNOWN_TO)
    named |= {room for entry in KNOWN_TO.values() for room in entry}
    assert sorted(named - set(ROOMS)) == []
