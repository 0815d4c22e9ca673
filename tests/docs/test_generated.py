"""The tables in the pages are those that the code and the recordings make."""

import pytest

from docs.generate import BLOCK, MADE_BY, PAGES, generated


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tables_of_a_page_are_up_to_date(page):
    text = page.read_text(encoding="utf-8")
    assert generated(text) == text, "run: python -m docs.generate"


def test_every_table_that_can_be_made_stands_on_a_page():
    shown = {
        name for page in PAGES for _, name, _ in BLOCK.findall(page.read_text(encoding="utf-8"))
    }
    assert shown == set(MADE_BY)
