"""The pages as a website: built with warnings as errors; and what a release takes from them."""

import importlib.util
import subprocess
import sys

import pytest
import yaml

from docs.notes import CHANGES, notes
from docs.site import as_mkdocs_reads_it
from images.action.adapter import version
from testing.browser import chromium
from testing.prerequisites import needed
from tests.docs.markdown import blocks
from tests.docs.walkthrough import ROOT, clone_of_head


@pytest.fixture
def clone(tmp_path):
    needed(importlib.util.find_spec("mkdocs"), "mkdocs isn't installed")
    return clone_of_head(tmp_path)


def built(clone):
    command = [sys.executable, "-m", "docs.site"]
    return subprocess.run(command, cwd=clone, capture_output=True, text=True)


def test_the_pages_become_a_website_without_a_warning(clone):
    done = built(clone)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "<h1" in (clone / "site" / "docs" / "deploy.html").read_text()


def test_a_table_can_be_read_without_scrolling_it(clone, tmp_path):
    assert built(clone).returncode == 0
    with chromium(tmp_path) as browser:
        browser.set_window_size(1280, 900)
        wide = {page.name: tables_too_wide(browser, page) for page in pages_of(clone / "site")}
    assert wide and {name: tables for name, tables in wide.items() if tables} == {}


def pages_of(site):
    return [site / "index.html", *site.glob("docs/*.html"), *site.glob("benchmarks/*.html")]


def tables_too_wide(browser, page):
    """The first words of each."""
    browser.get(page.as_uri())
    return browser.execute_script("""
        return Array.from(document.querySelectorAll("table"))
            .filter((table) => table.scrollWidth > table.clientWidth)
            .map((table) => table.innerText.slice(0, 40));
    """)


def test_a_page_with_a_link_to_nowhere_becomes_none(clone):
    with open(clone / "docs" / "design.md", "a") as page:
        page.write("\n[gone](gone.md)\n")
    done = built(clone)
    assert done.returncode != 0
    assert "gone.md" in done.stdout + done.stderr


def test_mkdocs_reads_a_block_whatever_our_tests_are_told_behind_its_language():
    page = "```sh not-run\nfalse\n```\n\n```python file=a.py\n```\n"
    assert as_mkdocs_reads_it(page) == "```sh\nfalse\n```\n\n```python\n```\n"


def test_the_notes_of_a_release_are_its_section_of_the_changes():
    text = CHANGES.read_text(encoding="utf-8")
    assert notes(text, version()) in text
    assert "## " not in notes(text, version())
    with pytest.raises(ValueError, match="0.0.0"):
        notes(text, "0.0.0")


def test_knatives_file_starts_the_image_as_a_plain_server():
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    (text,) = [block.text for block in blocks(page) if "file=service.yaml" in block.words]
    (container,) = yaml.safe_load(text)["spec"]["template"]["spec"]["containers"]
    assert container["ports"] == [{"containerPort": 8080}]
    assert container["env"] == [{"name": "OPENWHISK_PRELOAD", "value": "1"}]


@pytest.mark.parametrize("name", sorted(path.name for path in ROOT.glob(".github/**/*.yml")))
def test_a_workflow_can_be_read(name):
    (path,) = ROOT.glob(f".github/**/{name}")
    assert yaml.safe_load(path.read_text())
