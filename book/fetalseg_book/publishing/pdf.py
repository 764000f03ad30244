"""``python -m fetalseg_book.publishing.pdf``: the built pages as one PDF, printed by headless Chromium.

The articles of all pages, in the order of the contents, are put into one page, so that links, the outline and
the numbers of the pages hold over the whole book. A first printing shows on which page each article begins;
the second has those numbers in the table of contents.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import yaml
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import Page

from fetalseg_book.publishing.screens import Visit, chromium
from fetalseg_book.publishing.site import ROOT, SITE, parts, served

PDF = ROOT / "_build" / "fetalseg.pdf"
STYLE = """
html { font-size: 75%; }
body { background: white; }
.bd-article h1 { display: block !important; } /* the theme prints a title of its own instead */
.bd-main, .bd-content, .bd-article-container { display: block; max-width: none; width: auto; padding: 0; }
.piece { break-before: page; } .piece:first-of-type { break-before: auto; }
.cover { padding-top: 30%; text-align: center; }
.contents p { display: flex; margin: .15rem 0; } .contents .part { margin-top: .7rem; font-weight: bold; }
.contents i { flex: 1; border-bottom: 1px dotted; margin: 0 .4rem .3rem; }
.contents span { min-width: 2.2rem; text-align: right; }
.contents a { color: inherit; text-decoration: none; }
"""
FOOTER = '<p style="font: 8px sans-serif; width: 100%; text-align: center"><b class="pageNumber"></b></p>'
LEFT_OUT = "link, script, .headerlink, details.hide, .d-print-none, .audit form"
IN_ITS_PLACE = "<p><em>On the page itself, the network runs here.</em></p>"


def slug(name: str) -> str:
    """What stands before every anchor of the page ``name``, so that no two pages share one."""
    return name.replace("/", "-")


def article(name: str, soup: BeautifulSoup, known: set[str]) -> Tag:
    """The article of one page, with its links and pictures made to work in the joined page."""
    found = soup.select_one("article.bd-article")
    if found is None:
        raise ValueError(f"{name}.html: expected an article, found none; build the site again")
    for tag in found.select(LEFT_OUT):
        tag.decompose()
    for tag in found.select(".fetalseg-app"):  # it moves, and paper does not
        tag.replace_with(BeautifulSoup(IN_ITS_PLACE, "html.parser"))
    for tag in found.select("details"):
        tag["open"] = ""
    for tag in found.find_all(id=True):
        if tag.find_parent("svg") is None and tag.name != "svg":  # a drawing refers to its own parts
            tag["id"] = f"{slug(name)}--{tag['id']}"
    here = Path("/") / name
    for tag in found.find_all("img", src=True):
        if not str(tag["src"]).startswith("data:"):
            tag["src"] = f"/html{(here.parent / str(tag['src'])).resolve()}"
    for tag in found.find_all("a", href=True):
        path, _, anchor = str(tag["href"]).partition("#")
        if ":" in path:
            continue
        target = str((here.parent / path).resolve() if path else here).strip("/").removesuffix(".html")
        if target in known:
            tag["href"] = f"#{slug(target)}--{anchor}" if anchor else f"#{slug(target)}"
        else:
            del tag["href"]
    return found


def head(soups: dict[str, BeautifulSoup]) -> str:
    """The style sheets and the formula setter that the pages use, each once."""
    kept: dict[str, None] = {}
    for name, soup in soups.items():
        for tag in soup.select("link[rel=stylesheet], script"):
            source = str(tag.get("href") or tag.get("src") or "")
            if tag.name == "link" or "mathjax" in source or "window.MathJax" in tag.text:
                for attribute in ("href", "src"):
                    if attribute in tag.attrs:
                        tag[attribute] = f"/html{(Path('/') / name).parent.joinpath(source).resolve()}"
                kept[str(tag)] = None
    return "".join(kept)


def joined(site: Path) -> tuple[str, list[str]]:
    """One page with the cover, the contents and every article; and the anchors of the articles in order."""
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    book = [
        (caption, [name for name in names if (site / f"{name}.html").is_file()]) for caption, names in parts()
    ]
    names = [name for _, part in book for name in part]
    soups = {
        name: BeautifulSoup((site / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        for name in names
    }
    styles = head(soups)  # before the articles lose their scripts
    pieces, lines = [], []
    for caption, part in book:
        lines += [f'<p class="part">{html.escape(caption)}</p>'] if caption and part else []
        for name in part:
            body = article(name, soups[name], set(names))
            title = " ".join(body.h1.get_text().split()) if body.h1 else name
            link = f'<a href="#{slug(name)}">{html.escape(title)}</a>'
            lines.append(f'<p>{link}<i></i><span data-of="{slug(name)}">000</span></p>')
            pieces.append(f'<section class="piece" id="{slug(name)}">{body}</section>')
    cover = (
        f'<section class="piece front"><div class="cover"><h1>{settings["title"]}</h1>'
        f"<p>{settings['author']}</p>{settings['html']['extra_footer']}</div></section>"
        f'<section class="piece front contents"><h1>Contents</h1>{"".join(lines)}</section>'
    )
    text = (
        f'<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
        f"<title>{settings['title']}</title>{styles}<style>{STYLE}</style></head>"
        f'<body><main class="bd-main"><div class="bd-content"><div class="bd-article-container">'
        f'<div class="bd-article">{cover}{"".join(pieces)}</div></div></div></main></body></html>'
    )
    return text, [slug(name) for name in names]


def printed(page: Page) -> bytes:
    """The page as a PDF on A4, with an outline for the reader's side bar and tags for a screen reader."""
    options: dict[str, Any] = {"format": "A4", "outline": True, "tagged": True, "print_background": True}
    options["margin"] = dict.fromkeys(("top", "bottom", "left", "right"), "18mm")
    return page.pdf(
        **options,
        display_header_footer=True,
        header_template="<span></span>",
        footer_template=FOOTER,
    )


def page_numbers(pdf: bytes) -> tuple[dict[str, int], int]:
    """On which page each anchor that is linked to stands, and how many pages there are, counted from 1.

    Reads a PDF as Chromium writes it: a tree of pages, and a table of anchors that names their page's object.
    Raises ``ValueError`` where there is no such tree.
    """
    objects = {
        int(number): body for number, body in re.findall(rb"\n(\d+) 0 obj\s(.*?)endobj", pdf, re.DOTALL)
    }
    trees = {n: body for n, body in objects.items() if re.search(rb"/Type\s*/Pages\b", body)}
    roots = [n for n, body in trees.items() if b"/Parent" not in body]
    if len(roots) != 1:
        raise ValueError(f"pdf: expected one tree of pages, found {len(roots)}; was it printed by Chromium?")

    def leaves(number: int) -> list[int]:
        if number not in trees:
            return [number]
        kids = re.search(rb"/Kids\s*\[(.*?)\]", trees[number], re.DOTALL)
        return [
            leaf for kid in re.findall(rb"(\d+) 0 R", kids[1] if kids else b"") for leaf in leaves(int(kid))
        ]

    order = {number: place for place, number in enumerate(leaves(roots[0]), start=1)}
    anchors = re.findall(rb"/(?!Dest\b)([\w.#-]+)\s*\[(\d+) 0 R\s*/XYZ", pdf)
    return {name.decode(): order[int(page)] for name, page in anchors if int(page) in order}, len(order)


def make(target: Path = PDF, site: Path = SITE) -> int:
    """Print the book to ``target``; returns its number of pages.

    Raises ``ValueError`` where the numbers in the table of contents would be wrong.
    """
    text, pieces = joined(site)
    page_file = site.parent / "pdf" / "book.html"
    page_file.parent.mkdir(parents=True, exist_ok=True)
    page_file.write_text(text, encoding="utf-8")
    with served(site.parent) as address, chromium() as browser, Visit(browser) as visit:
        page = visit.open(f"{address}/pdf/book.html")
        if missing := visit.failed + visit.wanted + visit.refused:
            raise ValueError(f"files are missing: {missing}")
        promised, _ = page_numbers(printed(page))
        promised = {piece: promised[piece] for piece in pieces}
        page.evaluate(
            """numbers => { for (const place of document.querySelectorAll('[data-of]'))
            place.textContent = numbers[place.dataset.of]; }""",
            promised,
        )
        pdf = printed(page)
    kept, count = page_numbers(pdf)
    moved = [piece for piece, number in promised.items() if kept[piece] != number]
    if moved:
        raise ValueError(f"{moved} begin on other pages than the contents say")
    target.write_bytes(pdf)
    return count


if __name__ == "__main__":
    print(f"{make()} pages in {PDF}")
