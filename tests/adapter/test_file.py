"""The one file as a guest in somebody else's image: small, readable, and without effects until it is started."""

import ast
import gzip
import importlib.util
import os
import re
import statistics
import subprocess
import sys

import pytest

from tests.support.adapter import ADAPTER, ROOT, environment

with open(ADAPTER, encoding="utf-8") as _file:
    TEXT = _file.read()
TREE = ast.parse(TEXT)


def functions():
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(TREE) if isinstance(node, kinds)]


def length(node):
    return node.end_lineno - node.lineno + 1


def test_the_file_stays_one_bag():
    """What it has now: two back ends, the platform's types, the life of a server. What is new pays with what is old."""
    assert len(TEXT.splitlines()) <= 1250


def test_the_layer_stays_small():
    assert len(gzip.compress(TEXT.encode("utf-8"))) < 19500


def test_no_function_is_long():
    assert {node.name: length(node) for node in functions() if length(node) > 40} == {}


def test_most_functions_are_short():
    assert statistics.median(map(length, functions())) <= 10


def test_comments_are_few():
    comments = [line for line in TEXT.splitlines() if re.match(r"\s*#", line)]
    assert len(comments) <= 0.05 * len(TEXT.splitlines())


@pytest.mark.parametrize(
    "options", [[], ["-W", "error"], ["-O"]], ids=["as it is", "warnings as errors", "optimized"]
)
def test_importing_has_no_effects(tmp_path, options):
    """Nothing said, no setting read, nothing of the image imported, no thread, no open file or socket."""
    question = """
import os, signal, sys, threading
def state():
    kept = [dict(os.environ), list(sys.path), list(sys.argv), os.listdir("/proc/self/fd")]
    return kept + [signal.getsignal(signal.SIGTERM), sys.stdout, sys.stderr]
before = state()
import openwhisk
assert state() == before, (before, state())
assert threading.active_count() == 1
assert not {"flask", "werkzeug", "app"} & set(sys.modules), sorted(sys.modules)
"""
    (tmp_path / "app.py").write_text("raise SystemExit('imported the app')")
    environ = environment(PYTHONPATH=ROOT, PYTHONDONTWRITEBYTECODE="1", OPENWHISK_PORT="not read")
    command = [sys.executable] + options + ["-c", question]
    done = subprocess.run(
        command, cwd=str(tmp_path), env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert (done.returncode, done.stdout) == (0, b"")


def test_only_the_standard_library_is_imported_at_the_top():
    names = {
        alias.name for node in TREE.body if isinstance(node, ast.Import) for alias in node.names
    }
    names |= {node.module for node in TREE.body if isinstance(node, ast.ImportFrom)}
    found = {name: importlib.util.find_spec(name).origin for name in names}
    assert {name: origin for name, origin in found.items() if "site-packages" in str(origin)} == {}


def test_the_settings_are_those_of_the_readme():
    """One table, in the order of the code, with the defaults of the code."""
    sys.path.insert(0, ROOT)
    try:
        from openwhisk import Settings
    finally:
        sys.path.remove(ROOT)
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        rows = re.findall(r"^\| *`(OPENWHISK_\w+)` *\| *([^|]*?) *\|", file.read(), re.M)
    in_code = [
        ("OPENWHISK_" + name.upper(), shown(default))
        for name, default in Settings()._asdict().items()
    ]
    assert [(name, default.strip("`")) for name, default in rows] == in_code


def shown(default):
    return "" if default in ("", 0) else str(default)


def test_settings_are_read_in_one_place():
    """`OPENWHISK_` is spelt with a name only where an error names it."""
    reads = [
        node
        for node in ast.walk(TREE)
        if isinstance(node, ast.Constant) and node.value == "OPENWHISK_"
    ]
    assert len(reads) <= 2


@pytest.mark.parametrize("name", ["gateway", "layer", "tests"])
def test_it_knows_of_no_other_part(name):
    assert not re.search(r"^\s*(import|from) %s\b" % name, TEXT, re.M)
