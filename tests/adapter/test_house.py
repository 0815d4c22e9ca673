"""The adapter as a guest in somebody else's image: readable, and without effects until it is
started."""

import ast
import collections
import importlib.util
import io
import os
import re
import statistics
import subprocess
import sys
import tokenize

import pytest

from openwhisk_adapter.settings import PREFIX, SETTINGS, Settings
from openwhisk_adapter.starting.family import MARK
from testing.adapter import ADAPTER, ROOMS, ROOT, environment

WORDS = (tokenize.NAME, tokenize.NUMBER, tokenize.STRING, tokenize.OP)
MOST_WORDS_OF_A_LINE = 22
MEAN_WORDS_OF_A_LINE = 7.5


class Source:
    """One file of the adapter."""

    def __init__(self, path):
        self.name = os.path.relpath(path, ROOT)
        with open(path, encoding="utf-8") as file:
            self.text = file.read()
        self.lines = self.text.splitlines()
        self.tree = ast.parse(self.text)

    @property
    def module(self):
        """As it is imported."""
        return self.name[: -len(".py")].replace(os.sep, ".").replace(".__init__", "")

    @property
    def functions(self):
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        return [node for node in ast.walk(self.tree) if isinstance(node, kinds)]

    @property
    def texts(self):
        """Its strings, docstrings included."""
        return [node.value for node in ast.walk(self.tree) if is_text(node)]

    def words_by_line(self):
        """{number of a line: its names, numbers, strings and operators}; other lines have none."""
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return collections.Counter(token.start[0] for token in tokens if token.type in WORDS)


def is_text(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def sources():
    paths = [ADAPTER]
    for folder, _, names in os.walk(ROOMS):
        paths += [os.path.join(folder, name) for name in names if name.endswith(".py")]
    return [Source(path) for path in sorted(paths)]


SOURCES = sources()
each_file = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)


def length(node):
    return node.end_lineno - node.lineno + 1


# -- how it reads ----------------------------------------------------------------------------------


def test_the_front_door_is_read_in_a_minute():
    assert len(SOURCES[0].lines) < 80, SOURCES[0].name


@each_file
def test_a_file_says_in_its_first_line_what_it_is_for(source):
    first = (ast.get_docstring(source.tree) or "").split("\n")[0]
    assert len(first) > 20, first


@each_file
def test_no_function_is_long(source):
    assert {node.name: length(node) for node in source.functions if length(node) > 40} == {}


def test_most_functions_are_short():
    lengths = [length(node) for source in SOURCES for node in source.functions]
    assert statistics.median(lengths) <= 10


@each_file
def test_lines_hold_one_thought(source):
    words = source.words_by_line()
    dense = {
        source.lines[number - 1].strip(): count
        for number, count in words.items()
        if count > MOST_WORDS_OF_A_LINE
    }
    assert dense == {}


def test_the_house_reads_at_the_pace_of_prose():
    """On the whole: a room that is mostly expressions may be a little denser than one of states."""
    words = [count for source in SOURCES for count in source.words_by_line().values()]
    assert statistics.mean(words) <= MEAN_WORDS_OF_A_LINE


@each_file
def test_no_line_is_longer_than_a_page_is_wide(source):
    assert [line for line in source.lines if len(line) > 100] == []


def test_comments_are_few():
    lines = [line for source in SOURCES for line in source.lines]
    comments = [line for line in lines if re.match(r"\s*#", line)]
    assert len(comments) <= 0.05 * len(lines)


# -- what it does to the image ---------------------------------------------------------------------

QUESTION = """
import importlib, os, signal, sys, threading
def state():
    kept = [dict(os.environ), list(sys.path), list(sys.argv), os.listdir("/proc/self/fd")]
    kept += [signal.getsignal(signal.SIGTERM), list(sys.meta_path), signal.signal]
    return kept + [sys.stdout, sys.stderr, os._exit]
before = state()
for name in %r:
    importlib.import_module(name)
assert state() == before, (before, state())
assert threading.active_count() == 1
assert not {"flask", "werkzeug", "app"} & set(sys.modules), sorted(sys.modules)
"""


def assert_without_effects(folder, names, options=()):
    (folder / "app.py").write_text("raise SystemExit('imported the app')")
    environ = environment(PYTHONPATH=ROOT, PYTHONDONTWRITEBYTECODE="1", OPENWHISK_PORT="not read")
    done = subprocess.run(
        [sys.executable, *options, "-c", QUESTION % names],
        cwd=str(folder),
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert (done.returncode, done.stdout) == (0, b"")


@each_file
def test_importing_a_file_has_no_effects(tmp_path, source):
    """Nothing said, no setting read, nothing of the image imported, no thread, no open file."""
    assert_without_effects(tmp_path, [source.module])


@pytest.mark.parametrize("options", [["-W", "error"], ["-O"]], ids=["warnings", "optimized"])
def test_importing_all_files_has_no_effects(tmp_path, options):
    assert_without_effects(tmp_path, [source.module for source in SOURCES], options)


@each_file
def test_only_the_standard_library_is_imported(source):
    """What a model's own packages offer is taken only where the model has imported it."""
    names = set()
    for node in source.tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    names = {name for name in names if not name.startswith("openwhisk_adapter")}
    found = {name: str(importlib.util.find_spec(name).origin) for name in names}
    assert {name: path for name, path in found.items() if "site-packages" in path} == {}
    assert not {name.partition(".")[0] for name in names} & {"gateway", "images", "layer", "tests"}


# -- its settings ----------------------------------------------------------------------------------


def test_every_setting_has_a_form_an_example_and_a_meaning():
    assert list(SETTINGS) == list(Settings._fields)
    for setting in SETTINGS.values():
        assert re.match(setting.pattern + r"\Z", setting.example) and setting.meaning


def test_the_names_of_settings_begin_in_one_place():
    spelt = [source.name for source in SOURCES for text in source.texts if text == PREFIX]
    assert spelt == ["openwhisk_adapter/settings.py"]


@each_file
def test_a_sentence_names_only_settings_that_there_are(source):
    known = {PREFIX + name.upper() for name in Settings._fields} | {MARK}
    named = {name for text in source.texts for name in re.findall(PREFIX + r"[A-Z]+", text)}
    assert named - known == set()
