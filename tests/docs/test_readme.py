"""The README says what the code says, and no more than people read."""

import re
import subprocess

import pytest

from images.action.adapter import version
from images.commands.settings import SETTINGS
from tests.docs.walkthrough import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
IMAGES = (ROOT / "docs" / "images.md").read_text(encoding="utf-8")


def rows(page, names):
    """Name to all other cells of the table rows that begin with one of these names."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.splitlines()
        if line[:1] == "|"
    ]
    return {name: others for cell, *others in cells for name in [cell.strip("`")] if name in names}


@pytest.mark.parametrize("page, column", [(README, 0), (IMAGES, 1)], ids=["README", "images"])
def test_the_table_of_build_sh_is_that_of_its_code(page, column):
    in_page = rows(page, {one.name for one in SETTINGS})
    assert list(in_page) == [one.name for one in SETTINGS]
    literal = {one.name: one.default for one in SETTINGS if one.default}
    assert {name: in_page[name][column].strip("`") for name in literal} == literal


def test_it_can_be_read_in_a_few_minutes():
    assert len(README.splitlines()) < 300


def test_every_example_is_in_the_table_with_its_readme_its_test_and_its_command():
    for requirements in sorted((ROOT / "examples").glob("*/requirements.txt")):
        name = requirements.parent.name
        line = next(
            line
            for line in README.splitlines()
            if line.startswith("|") and f"examples/{name}/README.md" in line
        )
        assert f"](tests/examples/test_{name.replace('-', '_')}.py)" in line
        assert f"`make run EXAMPLE={name}`" in line


def test_the_version_of_the_changes_is_that_of_the_images():
    changes = (ROOT / "CHANGES.md").read_text(encoding="utf-8")
    assert re.findall(r"(?m)^## (.+)$", changes)[0] == version()


def test_the_folders_that_newcomers_are_shown_are_there():
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = contributing.partition("## Where things are")[2].partition("\n## ")[0]
    first_cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")]
    named = {name for cell in first_cells for name in re.findall(r"`([^`]+)`", cell)}
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=str(ROOT), stdout=subprocess.PIPE, check=True
    ).stdout.decode()
    folders = {
        line.split("/")[0] + "/" for line in tracked.splitlines() if "/" in line and line[0] != "."
    }
    assert {name for name in named if not (ROOT / name).exists()} == set()
    assert folders - named == set()
