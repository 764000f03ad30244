"""A page is light enough for a phone in a lecture hall."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

PAGE_BYTES = 1_500_000
IMAGE_BYTES = 300_000


def image_sizes(page: Path, soup: BeautifulSoup) -> dict[str, int]:
    """The bytes of each local image that ``page`` shows; an embedded one counts as its decoded data."""
    sizes = {}
    for tag in soup.find_all("img"):
        source = str(tag["src"])
        if source.startswith("data:"):
            kind, _, data = source.partition(",")
            sizes[f"{kind} {data[:20]}"] = len(base64.b64decode(data)) if ";base64" in kind else len(data)
        elif not urlsplit(source).netloc:
            sizes[source] = (page.parent / unquote(urlsplit(source).path)).stat().st_size
    return sizes


def test_page_with_its_images_is_light(site: Path, page_name: str, soup: BeautifulSoup) -> None:
    page = site / page_name
    images = image_sizes(page, soup)
    heavy = {name: size for name, size in images.items() if size > IMAGE_BYTES}
    assert not heavy, f"images of more than {IMAGE_BYTES} bytes: {heavy}"
    # The theme's style sheets and MathJax are the same for all pages and loaded once.
    own = page.stat().st_size + sum(size for name, size in images.items() if not name.startswith("data:"))
    assert own < PAGE_BYTES, f"{own} bytes, of which images {images}"
