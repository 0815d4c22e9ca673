"""The README says what the code says, and no more than people read."""

import re
import subprocess

from images.action.adapter import version
from tests.docs.walkthrough import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_can_be_read_in_a_few_minutes():
    assert len(README.splitlines()) < 250


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
