"""The site is whole: with the network off, nothing is missing and everything works."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, expect

from fetalseg_book.publishing.screens import Visit
from fetalseg_book.publishing.site import served


def test_page_is_whole_without_a_network(opened: Visit) -> None:
    page = opened.page
    formulas = page.locator(".math").count()
    assert page.locator(".math mjx-container").count() >= formulas
    assert page.locator("mjx-merror, [data-mjx-error]").count() == 0
    for folded in page.locator("article details").all():  # from the outside in, as they stand
        folded.locator("summary").first.click()
        expect(folded).to_have_attribute("open", "")
    assert opened.wanted == [], "the page asked for these from elsewhere"
    assert opened.refused == [], "the page's own policy forbids these"
    assert opened.failed == []
    assert opened.errors == []


def test_page_works_from_the_disk(browser: Browser, site: Path) -> None:
    with Visit(browser) as visit:
        page = visit.open((site / "index.html").as_uri())
        expect(page.locator("h1").first).to_contain_text("head")
        assert visit.wanted == visit.refused == visit.failed == visit.errors == []


def test_search_finds_a_word(browser: Browser, address: str) -> None:
    with Visit(browser) as visit:
        page = visit.open(f"{address}/search.html?q=ellipse")
        expect(page.locator("#search-results a[href*='data.html']").first).to_be_visible()
        assert visit.wanted == visit.refused == []


def test_reader_can_search_from_a_chapter(browser: Browser, address: str) -> None:
    with Visit(browser) as visit:
        page = visit.open(f"{address}/notebooks/data.html")
        page.keyboard.press("Control+k")
        page.keyboard.type("phantom")
        page.keyboard.press("Enter")
        expect(page.locator("#search-results li").first).to_be_visible()
        assert visit.refused == []


def test_page_has_its_policy_before_all_else(soup: BeautifulSoup) -> None:
    """A browser follows it from where it stands."""
    assert soup.head is not None
    coding, policy, *_ = soup.head.find_all(True)
    assert coding.get("charset") == "utf-8"
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert str(policy["content"]).startswith("default-src 'self'; ")


ASKS = {
    "request": "fetch('{0}', {{mode: 'no-cors'}})",
    "picture": "Object.assign(new Image(), {{src: '{0}'}})",
    "module": "import('{0}')",
    "script": "document.head.append(Object.assign(document.createElement('script'), {{src: '{0}'}}))",
    "style": "document.body.append(Object.assign(document.createElement('link'), "
    "{{rel: 'stylesheet', href: '{0}'}}))",
    "font": "new FontFace('a', 'url({0})').load()",
    "frame": "document.body.append(Object.assign(document.createElement('iframe'), {{src: '{0}'}}))",
    "socket": "new WebSocket('{0}'.replace('http', 'ws'))",
    "beacon": "navigator.sendBeacon('{0}')",
    "text as a script": "setTimeout('fetch(`{0}`)')",
}


@pytest.mark.parametrize("kind", ASKS)
def test_policy_refuses_another_server(browser: Browser, address: str, site: Path, kind: str) -> None:
    """Another port is another server."""
    with served(site / "nowhere") as elsewhere, Visit(browser) as visit:
        page = visit.open(f"{address}/search.html")
        page.evaluate(f"() => {{ {ASKS[kind].format(elsewhere)} }}")
        page.wait_for_timeout(500)
        assert visit.refused
        assert all(told.endswith(": csp") for told in visit.failed)  # none by that server's 404
