"""On a phone a page scrolls down, and never sideways: what is wide scrolls by itself."""

from __future__ import annotations

from playwright.sync_api import Browser

from fetalseg_book.publishing.screens import Visit

WIDTH = 390


def test_page_is_no_wider_than_a_phone(opened: Visit) -> None:
    before = opened.page.viewport_size
    opened.page.set_viewport_size({"width": WIDTH, "height": 844})
    try:
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= WIDTH
    finally:
        assert before is not None
        opened.page.set_viewport_size(before)


def test_a_wide_page_is_noticed(browser: Browser) -> None:
    with Visit(browser, width=WIDTH) as visit:
        page = visit.open("data:text/html,<div style='width: 500px'>wide</div>")
        assert page.evaluate("document.documentElement.scrollWidth") > WIDTH
