"""``python -m fetalseg_book.publishing.screenshots [PAGE ...]``: each page as a reader sees it, for a
person to look at.

Writes ``_build/screenshots/PAGE-WIDTH[-dark].png``, the whole page, at the width of a desktop and of a phone.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from fetalseg_book.publishing.screens import Theme, Visit, chromium
from fetalseg_book.publishing.site import ROOT, pages, served

WIDTHS = (1280, 390)


def take(names: list[str], *, into: Path, theme: Theme = "light") -> list[Path]:
    """Photograph the pages ``names`` at each of ``WIDTHS``; returns the files."""
    into.mkdir(parents=True, exist_ok=True)
    ending = "" if theme == "light" else f"-{theme}"
    taken = []
    with served() as address, chromium() as browser:
        for width in WIDTHS:
            with Visit(browser, theme=theme, width=width) as visit:
                for name in names:
                    path = into / f"{name.removesuffix('.html').replace('/', '-')}-{width}{ending}.png"
                    visit.open(f"{address}/{name}").screenshot(path=path, full_page=True)
                    taken.append(path)
    return taken


def main() -> None:
    """Photograph all pages, or those that are named."""
    parser = argparse.ArgumentParser(description="screenshots of the built pages")
    parser.add_argument("pages", nargs="*", help="such as notebooks/data.html; all without")
    parser.add_argument("--dark", action="store_true", help="in the dark theme")
    arguments = parser.parse_args()
    into = ROOT / "_build" / "screenshots"
    taken = take(arguments.pages or pages(), into=into, theme="dark" if arguments.dark else "light")
    print(f"{len(taken)} pictures in {into}")


if __name__ == "__main__":
    main()
