"""What the pages tell people to type is typed, in a fresh clone with nothing set up, and shows
what the pages show."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from testing.example import EXAMPLES, example_python
from testing.prerequisites import need
from testing.process import Process, free_port, until
from tests.docs.markdown import FENCED, INDENTED, SPAN, blocks
from tests.docs.walkthrough import ROOT, Walkthrough, clone_of_head, pattern_from_shown

PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")] + sorted(
    (ROOT / "docs").glob("*.md")
)
LANGUAGES = {"sh": [[], ["background"], ["not-run"]], "text": [[]], "json": [[]]}


def walked(page):
    return any(
        block.language == "sh" and block.words != ["not-run"]
        for block in blocks(page.read_text("utf-8"))
    )


@pytest.fixture
def walkthrough(tmp_path):
    for program in ("git", "make", "curl"):
        need(program)
    (tmp_path / "home").mkdir()
    with Walkthrough(clone_of_head(tmp_path), tmp_path / "home") as prepared:
        yield prepared


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "page", [page for page in PAGES if walked(page)], ids=lambda page: page.name
)
def test_a_page_can_be_followed_from_top_to_bottom(page, walkthrough):
    assert walkthrough.follow(page.read_text(encoding="utf-8")) > 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_command_is_left_out_in_silence(page):
    """A block is run, or says in its first line that it isn't and why; there is no other kind."""
    for block in blocks(page.read_text(encoding="utf-8")):
        known = any(
            word.startswith("file=") for word in block.words
        ) or block.words in LANGUAGES.get(block.language, [])
        assert known, f"line {block.line}: {block.language} {block.words}"
        if block.words == ["not-run"]:
            assert block.text.startswith("# not run by the tests: "), f"line {block.line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_command_hides_in_an_indented_block(page):
    assert INDENTED.findall(FENCED.sub("", page.read_text(encoding="utf-8"))) == []


def spans():
    return sorted(
        {span for page in PAGES for span in SPAN.findall(page.read_text(encoding="utf-8"))}
    )


def test_every_target_that_a_page_names_exists():
    targets = re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text())
    assert {span.split()[1] for span in spans()} <= set(targets)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """One for all examples, with the packages that their other tests use: make finds them up to
    date."""
    folder = clone_of_head(tmp_path_factory.mktemp("clone"))
    (folder / ".envs").symlink_to(ROOT / ".envs")
    return folder


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "name", sorted(path.parent.name for path in EXAMPLES.glob("*/requirements.txt"))
)
def test_make_run_serves_an_example_and_says_what_to_type(name, clone, tmp_path):
    assert any(f"make run EXAMPLE={name}" == span for span in spans()), "the README doesn't list it"
    need("curl")
    example_python(name)
    os.utime(str(clone / "examples" / name / "requirements.txt"), (0, 0))
    environ = dict(os.environ, HOME=str(tmp_path), XDG_STATE_HOME=str(tmp_path))
    command = ["make", "run", f"EXAMPLE={name}", f"PORT={free_port()}"]
    with Process(command, clone, environ, str(tmp_path)) as made:
        until(
            lambda: "stop: Ctrl-C" in made.stdout or made.popen.poll() is not None,
            lambda: made.log,
            120,
        )
        printed = re.search(r"(?m)^ +(curl .*)$", made.stdout)
        assert printed, made.log
        typed = printed.group(1).replace("curl ", "curl --fail-with-body --silent --show-error ", 1)
        done = subprocess.run(
            ["bash", "-c", typed], cwd=str(clone), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    assert done.returncode == 0, (typed, done.stdout, made.log)


# -- the tool itself -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shown, output, same",
    [
        ("a 12 ms", "a 12 ms", True),
        ("a ... ms", "a 345 ms", True),
        ("first\n...\nlast", "first\nand\nmore\nlast", True),
        ("a ... ms", "a 345 s", False),
        ("a", "a\nb", False),
        ("a (1)", "a (1)", True),
    ],
)
def test_an_output_is_compared_but_for_the_ellipses(shown, output, same):
    assert bool(pattern_from_shown(shown).match(output)) == same


@pytest.fixture
def empty(tmp_path):
    with Walkthrough(tmp_path, tmp_path) as prepared:
        yield prepared


def test_a_page_whose_output_has_changed_is_found(empty):
    with pytest.raises(AssertionError, match="the page shows"):
        empty.follow("```sh\necho 4\n```\n\n```text\n5\n```\n")


def test_a_page_whose_command_fails_is_found(empty):
    with pytest.raises(AssertionError, match="status 1"):
        empty.follow("```sh\nfalse\ntrue\n```\n")


def test_a_file_that_a_page_shows_is_there_for_its_commands(empty):
    page = (
        "```python file=a/b.py\nprint(6 * 7)\n```\n```sh\npython3 a/b.py\n```\n```text\n42\n```\n"
    )
    assert empty.follow(page) == 1


def test_a_block_inside_of_a_list_is_run_as_well(empty):
    with pytest.raises(AssertionError, match="the page shows"):
        empty.follow("- so:\n\n  ```sh\n  echo 4\n  ```\n\n  ```text\n  5\n  ```\n")


def test_what_runs_in_the_background_can_be_asked_until_the_page_ends(empty):
    page = (
        "```sh background\necho ready; exec python3 -m http.server --bind 127.0.0.1 3233\n```\n"
        "```text\nready...\n```\n"
        "```sh\ncurl --silent --retry 20 --retry-connrefused --retry-delay 1 -o /dev/null localhost:3233\n```\n"  # noqa: E501
        "```sh not-run\n# not run by the tests: needs a cluster\nfalse\n```\n"
    )
    need("curl")
    assert empty.follow(page) == 2


def test_the_clone_is_that_of_a_stranger(tmp_path):
    clone = clone_of_head(tmp_path)
    assert (clone / "Makefile").exists()
    assert not any((clone / name).exists() for name in (".venv", ".envs"))
    assert Path(clone).parent == tmp_path
