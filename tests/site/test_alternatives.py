"""Whoever does not see a picture is told what it shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

LEAST_WORDS = 3
FILE_NAME = re.compile(r"^\S+\.(png|svg|jpe?g|gif|webp)$|^_images/|^[0-9a-f]{16,}", re.I)


def is_decoration(tag: Tag) -> bool:
    """Whether the page says itself that this picture tells nothing."""
    return tag.get("role") in ("presentation", "none") or tag.get("aria-hidden") == "true"


def undescribed(soup: BeautifulSoup) -> list[str]:
    """The pictures without words, or with words that say nothing."""
    found = []
    for image in soup.find_all("img"):
        words = str(image.get("alt") or "").strip()
        in_logo = image.find_parent(class_=re.compile("logo")) is not None  # a name is all that it shows
        enough = len(words.split()) >= (1 if in_logo else LEAST_WORDS) and not FILE_NAME.search(words)
        if not enough and not is_decoration(image):
            found.append(f"{image.get('src')}: alt {words!r}")
    for drawing in soup.find_all("svg"):
        named = drawing.get("aria-label") or drawing.get("aria-labelledby") or drawing.find("title")
        hidden = drawing.find_parent(attrs={"aria-hidden": "true"}) is not None
        if not named and not hidden and not is_decoration(drawing):
            found.append(str(drawing)[:120])
    return found


def test_pictures_are_described(site: Path, soup: BeautifulSoup) -> None:
    assert undescribed(soup) == []


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ('<img src="a.png" alt="Three networks and their errors in millimetres">', False),
        ('<img src="a.png" alt="" role="presentation">', False),
        ('<a class="navbar-brand logo"><img src="a.png" alt="FetalSeg"></a>', False),
        ('<svg role="img" aria-label="The network"></svg>', False),
        ('<img src="a.png">', True),
        ('<img src="a.png" alt="">', True),
        ('<img src="a.png" alt="figure.png">', True),
        ('<img src="a.png" alt="../_images/3f2a91c07d.png">', True),
        ('<img src="a.png" alt="Figure">', True),
        ("<svg></svg>", True),
    ],
)
def test_pictures_without_words_are_found(html: str, found: bool) -> None:
    assert bool(undescribed(BeautifulSoup(html, "html.parser"))) is found


def test_no_markup_is_left_for_the_reader(soup: BeautifulSoup, page_name: str) -> None:
    """A role inside a code span, or a name that nobody fills, would stand on the page as it was typed."""
    article = soup.find("article") or soup
    assert (
        re.findall(r"\{(?:glue|term|cite|doc|ref|numref)\b[^}]*\}|\{\{ ?\w+ ?\}\}", article.get_text()) == []
    )
