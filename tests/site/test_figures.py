"""A figure can be named: "see figure 12"."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, SoupStrainer

from fetalseg_book.publishing.site import chapters


def unnumbered(soup: BeautifulSoup) -> list[str]:
    """What a chapter shows as a figure, without a number or without a caption behind it."""
    found = []
    for image in soup.select(".cell_output img"):
        figure = image.find_parent("figure")
        caption = figure.find(class_="caption-text") if figure else None
        if not (figure and figure.find(class_="caption-number") and caption and caption.get_text(strip=True)):
            found.append(str(image)[:120])
    return found


def test_figures_of_a_page_are_numbered(soup: BeautifulSoup) -> None:
    assert unnumbered(soup) == []


@pytest.mark.parametrize(
    ("html", "found"),
    [
        (
            '<figure><img><figcaption><span class="caption-number">Fig. 1</span>'
            '<span class="caption-text">A head.</span></figcaption></figure>',
            False,
        ),
        ('<figure><img><figcaption><span class="caption-text">A head.</span></figcaption></figure>', True),
        ("<img>", True),
    ],
)
def test_figures_without_a_number_are_found(html: str, found: bool) -> None:
    page = BeautifulSoup(f'<div class="cell_output">{html}</div>', "html.parser")
    assert bool(unnumbered(page)) is found


def test_numbers_run_through_the_book(site: Path) -> None:
    numbers = []
    for chapter in chapters():
        text = (site / f"{chapter}.html").read_text(encoding="utf-8")
        page = BeautifulSoup(text, "html.parser", parse_only=SoupStrainer(class_="caption-number"))
        numbers += [int(re.sub(r"\D", "", tag.get_text())) for tag in page.select(".caption-number")]
    assert len(numbers) > len(chapters())
    assert numbers == list(range(1, len(numbers) + 1))
