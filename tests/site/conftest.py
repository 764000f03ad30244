"""The gates that the built site must pass: ``make check-site``, after ``make book``.

Every test here has the marker ``site``, and plain ``pytest`` leaves it out: without a site there is nothing
to look at, and with an old one the answer would be about that.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser

from fetalseg_book.publishing.screens import Visit, chromium
from fetalseg_book.publishing.site import SITE, pages, served

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.site)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes ``page_name`` runs once for each page, or fails once where there is no site.

    The scope puts all tests of one page beside each other, and the group keeps them with one worker, so that
    a page is read and opened once. The largest page comes first, so that no worker waits for it at the end.
    """
    if "page_name" in metafunc.fixturenames:
        names = ["index.html"]
        if (SITE / "index.html").is_file():
            names = sorted(pages(), key=lambda name: -(SITE / name).stat().st_size)
        grouped = [pytest.param(name, id=name, marks=pytest.mark.xdist_group(name)) for name in names]
        metafunc.parametrize("page_name", grouped, scope="session")


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the site; fails with the command that makes one."""
    pages()
    return SITE


@pytest.fixture(scope="session")
def soup(site: Path, page_name: str) -> BeautifulSoup:
    """The page as it stands in its file, before any script ran."""
    return BeautifulSoup((site / page_name).read_text(encoding="utf-8"), "html.parser")


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Where the site is served, on this machine alone."""
    with served(site) as url:
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all pages."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def opened(browser: Browser, address: str, page_name: str) -> Iterator[Visit]:
    """The page in a browser, in the light theme; all tests of this page see the same one."""
    with Visit(browser) as visit:
        visit.open(f"{address}/{page_name}")
        yield visit
