"""Every link inside the site leads somewhere: to a file that is there, and to an anchor in it."""

from __future__ import annotations

from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

ATTRIBUTES = {"a": "href", "link": "href", "img": "src", "script": "src", "iframe": "src", "source": "src"}


class Anchors(HTMLParser):
    """The names in a page, without the tree of its tags, which takes seconds for a long one."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        keys = ("id", "name") if tag == "a" else ("id",)
        self.names |= {value for key, value in attrs if key in keys and value is not None}


@cache
def anchors(page: Path) -> set[str]:
    """What a link may name behind ``#`` in ``page``."""
    return Anchors(page).names


def broken_links(page: Path, soup: BeautifulSoup) -> list[str]:
    """The local links of ``page`` that lead nowhere."""
    broken = []
    for tag in soup.find_all(list(ATTRIBUTES)):
        target = tag.get(ATTRIBUTES[tag.name])
        if not isinstance(target, str):
            continue
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            continue
        file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        if file.is_dir():
            file /= "index.html"
        if not file.is_file():
            broken.append(f"{target}: no such file")
        elif parts.fragment and file.suffix == ".html" and unquote(parts.fragment) not in anchors(file):
            broken.append(f"{target}: {file.name} has no such anchor")
    return broken


def test_links_lead_somewhere(site: Path, page_name: str, soup: BeautifulSoup) -> None:
    assert broken_links(site / page_name, soup) == []


def test_broken_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    (tmp_path / "other.html").write_text('<p id="here">', encoding="utf-8")
    page.write_text(
        '<a href="gone.html">1</a><a href="other.html#there">2</a><a href="#nowhere">3</a>'
        '<img src="gone.png"><a href="other.html#here">4</a><a href="https://example.org/gone">5</a>'
        '<a href="#">6</a>',
        encoding="utf-8",
    )
    found = broken_links(page, BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser"))
    assert [link.split(":")[0] for link in found] == ["gone.html", "other.html#there", "#nowhere", "gone.png"]
