"""The site is whole: with the network off, nothing is missing and everything works."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from fetalseg_book.publishing.screens import Visit


def test_page_is_whole_without_a_network(opened: Visit) -> None:
    page = opened.page
    formulas = page.locator(".math").count()
    assert page.locator(".math mjx-container").count() >= formulas
    assert page.locator("mjx-merror, [data-mjx-error]").count() == 0
    for folded in page.locator("article details").all():  # from the outside in, as they stand
        folded.locator("summary").first.click()
        expect(folded).to_have_attribute("open", "")
    assert opened.wanted == [], "the page asked for these from elsewhere"
    assert opened.failed == []
    assert opened.errors == []


def test_page_works_from_the_disk(browser: Browser, site: Path) -> None:
    with Visit(browser) as visit:
        page = visit.open((site / "index.html").as_uri())
        expect(page.locator("h1").first).to_contain_text("head")
        assert (visit.wanted, visit.failed, visit.errors) == ([], [], [])


def test_search_finds_a_word(browser: Browser, address: str) -> None:
    with Visit(browser) as visit:
        page = visit.open(f"{address}/search.html?q=ellipse")
        expect(page.locator("#search-results a[href*='data.html']").first).to_be_visible()
        assert visit.wanted == []


def test_reader_can_search_from_a_chapter(browser: Browser, address: str) -> None:
    with Visit(browser) as visit:
        page = visit.open(f"{address}/notebooks/data.html")
        page.keyboard.press("Control+k")
        page.keyboard.type("phantom")
        page.keyboard.press("Enter")
        expect(page.locator("#search-results li").first).to_be_visible()
