"""The numbers in the contents of the PDF are those of its pages."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from fetalseg_book.publishing.pdf import page_numbers, printed
from fetalseg_book.publishing.screens import Visit

LENGTHS = [1 + k % 3 for k in range(30)]  # pages of each piece; more than one branch of the tree of pages
NEW_PAGE = '<div style="break-before: page">and on</div>'


def test_pages_are_found_where_they_begin(browser: Browser) -> None:
    contents = "".join(f'<a href="#part-{k}">{k}</a> ' for k in range(len(LENGTHS)))
    parts = "".join(
        f'<section id="part-{k}" style="break-before: page">{k}{(length - 1) * NEW_PAGE}</section>'
        for k, length in enumerate(LENGTHS)
    )
    with Visit(browser) as visit:
        visit.page.set_content(contents + parts)
        numbers, count = page_numbers(printed(visit.page))
    assert numbers == {f"part-{k}": 2 + sum(LENGTHS[:k]) for k in range(len(LENGTHS))}
    assert count == 1 + sum(LENGTHS)


def test_what_is_no_pdf_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one tree of pages, found 0"):
        page_numbers(b"<html></html>")
