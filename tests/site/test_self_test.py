"""Questions that are clicked, and the link beside a heading: a small site of their own, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect
from small_site import REPOSITORY, build_small_site

from fetalseg_book.publishing.site import ROOT, served

PAGE = """# A chapter

## Test yourself

````{admonition} What is one and one?
:class: self-test
- [ ] Three.

  That is one too many.
- [x] Two, which is $2$.

  Count your thumbs.
````

````{admonition} And nothing?
:class: self-test
- [x] Zero.

  Nothing is there.
- [ ] One.

  Something would be there.
````
"""


@pytest.fixture(scope="session")
def small_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Built with the book's theme, scripts and styles."""
    source = tmp_path_factory.mktemp("book")
    (source / "index.md").write_text("# A book\n\n```{toctree}\nchapter\n```\n")
    (source / "chapter.md").write_text(PAGE)
    out = build_small_site(
        source,
        extensions=["myst_parser", "sphinx_book_theme"],
        myst_enable_extensions=["tasklist", "dollarmath"],
        html_static_path=[str(ROOT / "book" / "_static")],
        html_theme_options=REPOSITORY | {"use_issues_button": True},
    )
    with served(out) as address:
        yield address


@pytest.fixture
def page(small_site: str, browser: Browser) -> Iterator[Page]:
    """The chapter, in a browser that has kept nothing."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{small_site}/chapter.html")
    yield page
    context.close()


def test_an_answer_is_told_why_and_a_second_replaces_it(page: Page) -> None:
    expect(page.get_by_text("That is one too many.")).to_be_hidden()
    page.get_by_role("button", name="Three.").click()
    expect(page.get_by_text("Not this one. That is one too many.")).to_be_visible()
    expect(page.get_by_text("Count your thumbs.")).to_be_hidden()
    page.get_by_role("button", name="Two").click()
    expect(page.get_by_text("Right. Count your thumbs.")).to_be_visible()
    expect(page.get_by_text("That is one too many.")).to_be_hidden()
    assert page.get_by_role("button", name="Two").get_attribute("aria-pressed") == "true"
    assert page.get_by_role("button", name="Three.").get_attribute("aria-pressed") == "false"


def test_a_keyboard_is_enough(page: Page) -> None:
    page.get_by_role("button", name="Zero.").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Right. Nothing is there.")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_text("Something would be there.")).to_be_visible()


def test_answers_stay_in_the_browser_and_are_counted_on_every_page(page: Page, small_site: str) -> None:
    page.get_by_role("button", name="Two").click()
    page.get_by_role("button", name="One.", exact=True).click()
    page.reload()
    expect(page.get_by_text("Count your thumbs.")).to_be_visible()
    assert kept(page) == ["right", "wrong"]
    page.goto(f"{small_site}/index.html")
    expect(page.locator(".bd-sidebar-primary .score")).to_have_text("1/2")
    page.goto(f"{small_site}/chapter.html")
    page.get_by_role("button", name="Forget my answers on this page").click()
    assert kept(page) == []
    page.reload()
    expect(page.get_by_text("Count your thumbs.")).to_be_hidden()


def test_what_the_browser_kept_of_another_kind_is_no_answer(page: Page) -> None:
    page.evaluate("localStorage.setItem('fetalseg:self-test:' + location.pathname, 'not JSON')")
    page.reload()
    page.get_by_role("button", name="Two").click()
    expect(page.get_by_text("Count your thumbs.")).to_be_visible()


def test_a_heading_offers_an_issue_that_knows_page_and_section(page: Page) -> None:
    link = page.get_by_role("link", name="Say what is wrong in: Test yourself")
    address = urlsplit(link.get_attribute("href") or "")
    assert address.netloc + address.path == "github.com/someone/something/issues/new"
    asked = parse_qs(address.query)
    assert asked["title"] == ["A chapter: Test yourself"]
    assert asked["body"][0].endswith("/chapter.html#test-yourself")


def kept(page: Page) -> list[str]:
    """Which answers are marked, in the order of the page."""
    return [
        mark
        for mark in page.locator(".self-test li").evaluate_all("all => all.map(a => a.dataset.answer)")
        if mark
    ]
