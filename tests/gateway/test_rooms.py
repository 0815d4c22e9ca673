"""The gateway's walls: which of its rooms may know which, and that the pure ones touch nothing."""

import ast
from pathlib import Path

import pytest

from testing.adapter import ROOT

GATEWAY = Path(ROOT) / "gateway"

# Lowest first. A room may import what stands above its own line here, and nothing below it.
GROUND = """
    activationrecords aside base64text clock entities failures loopback names orders records refusal
    sequences settings tally terminal version
"""
ROOMS = {
    "http": "",
    "access": "http",
    "store": "http",
    "containers": "http",
    "controller": "containers store",
    "web": "controller http",
    "rest": "controller http store",
    "page": "access controller http store web",
    "router": "access http rest web",
    "server": "access containers controller http page rest router store web",
    "commandline": "containers",
    "__main__": "commandline server",
}
PURE = """
    access activationrecords base64text entities failures loopback names orders records refusal
    settings tally
    http.cors http.credentials http.dates http.grammar http.headerlines http.headers http.hosts
    http.jsonreader http.jsontext http.mediatypes http.messages http.negotiation http.ranges
    http.refusals http.rendering http.startline http.urls
    web.address web.guard web.params web.result
    rest.call rest.content rest.execs rest.query
    containers.envelope containers.outcome containers.startcommand
    page.facts page.metrics
"""
# What a part that touches nothing has no use for.
WORLD = {
    "asyncio",
    "os",
    "pathlib",
    "random",
    "shutil",
    "socket",
    "sqlite3",
    "subprocess",
    "threading",
    "time",
}


def modules():
    """Each module of the gateway by its name in it: http.urls, store."""
    found = {}
    for path in sorted(GATEWAY.rglob("*.py")):
        parts = path.relative_to(GATEWAY).with_suffix("").parts
        if parts[-1] != "__init__":
            found[".".join(parts)] = path
    return found


MODULES = modules()


def imported(path):
    """Full names: gateway.http.urls also where it says `from gateway.http import urls`."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            below = {f"{node.module}.{alias.name}" for alias in node.names}
            known = {name for name in below if name.partition(".")[2] in MODULES}
            names |= known or {node.module}
    return names


def rooms_known_by(path):
    names = [name.split(".")[1] for name in imported(path) if name.startswith("gateway.")]
    return {name for name in names if name not in GROUND.split()}


def test_every_module_has_its_place():
    rooms = {name.partition(".")[0] for name in MODULES}
    assert rooms == {*ROOMS, *GROUND.split()}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_knows_only_the_rooms_below_its_own(name):
    room = name.partition(".")[0]
    allowed = {room, *ROOMS.get(room, "").split()}
    assert rooms_known_by(MODULES[name]) <= allowed


def test_no_room_is_let_into_one_that_it_has_no_use_for():
    used = {room: set() for room in ROOMS}
    for name, path in MODULES.items():
        room = name.partition(".")[0]
        if room in ROOMS:
            used[room] |= rooms_known_by(path) - {room}
    assert used == {room: set(known.split()) for room, known in ROOMS.items()}


def test_the_rooms_stand_in_one_direction():
    order = list(ROOMS)
    for room, known in ROOMS.items():
        assert all(order.index(other) < order.index(room) for other in known.split()), room


@pytest.mark.parametrize("name", PURE.split())
def test_what_is_pure_imports_nothing_of_the_world(name):
    direct = {each.partition(".")[0] for each in imported(MODULES[name])}
    assert not direct & WORLD


@pytest.mark.parametrize("name", PURE.split())
def test_what_is_pure_knows_only_what_is_pure(name):
    known = {
        each.partition(".")[2] for each in imported(MODULES[name]) if each.startswith("gateway.")
    }
    assert known <= set(PURE.split())


@pytest.mark.parametrize("name", MODULES)
def test_neither_adapter_nor_image_tools_are_known(name):
    direct = {each.partition(".")[0] for each in imported(MODULES[name])}
    assert not direct & {"openwhisk", "openwhisk_adapter", "images", "layer"}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_says_first_what_it_is_for_and_what_it_touches(name):
    said = ast.get_docstring(ast.parse(MODULES[name].read_text("utf-8")))
    assert said and ("touch" in said.lower() or name == "commandline")


def test_there_is_one_class_for_refusals():
    """Whatever else is raised doesn't reach a client as it is."""
    found = []
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and any(
                isinstance(base, ast.Name) and base.id == "Refusal" for base in node.bases
            ):
                found.append(f"{name}.{node.name}")
    assert found == []
