"""Links within the project lead somewhere, and anchors exist; those to the web are only looked
at."""

import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.markdown import anchor_from_heading, anchors, links

ROOT = Path(__file__).resolve().parents[2]


def pages():
    """All that git knows, so that a page that somebody only has at home isn't linked to."""
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=str(ROOT), stdout=subprocess.PIPE, check=True
    )
    return [ROOT / name for name in listed.stdout.decode().split()]


def broken(page, link):
    """Why a link leads nowhere, or nothing."""
    parts = urlsplit(link)
    if parts.scheme:
        return "" if parts.scheme == "https" and parts.netloc else "not https"
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.exists():
        return f"there is no {parts.path}"
    if ROOT not in target.parents and target != ROOT:
        return "outside of the project"
    if parts.fragment and parts.fragment not in anchors(target.read_text(encoding="utf-8")):
        return f"{target.name} has no heading {parts.fragment}"
    return ""


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page):
    found = {link: broken(page, link) for link in links(page.read_text(encoding="utf-8"))}
    assert {link: why for link, why in found.items() if why} == {}


@pytest.mark.parametrize(
    "heading, anchor",
    [
        ("What a reply to /run becomes", "what-a-reply-to-run-becomes"),
        ("`build.sh`, settings", "buildsh-settings"),
        ("URLs and paths", "urls-and-paths"),
        ("A [link](there.md) in it", "a-link-in-it"),
        ("in-process, over HTTP", "in-process-over-http"),
    ],
)
def test_an_anchor_is_named_as_github_names_it(heading, anchor):
    assert anchor_from_heading(heading) == anchor


def test_a_repeated_heading_gets_a_number():
    assert anchors("# a\n## a\ntext\n## b\n# a\n```sh\n# not a heading\n```\n") == [
        "a",
        "a-1",
        "b",
        "a-2",
    ]


@pytest.mark.parametrize(
    "link", ["missing.md", "README.md#no-such-heading", "http://example.com", "../../outside.md"]
)
def test_a_link_that_leads_nowhere_is_found(link):
    assert broken(ROOT / "README.md", link)
