"""What the theme of the site gets wrong, put right in the pages after they are written.

- The script that would run cells in the page comes from another server, twice, and nobody asked for it.
- Some controls announce another name than they show (WCAG 2.5.3): what is shown is a good name already.
- The picture that goes with a shared link needs a whole address; it follows from the repository's.
- The arrow that unfolds a section of the contents has no name at all.
- An entry of a reference list has a role that lists do not take (ARIA 1.3 dropped it): it is a list item.
- No page says whom it may ask: each gets a policy by which the browser refuses every other server.
- A figure of lines alone is drawn for a light page: it gets a class, by which the dark theme turns it.
- A signature with a parameter a line is written as a list of definitions without a term: it is no such list.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

# The theme, the explorers and the tables write scripts and styles into the pages, hence 'unsafe-inline'.
# Compiling the runtime's WebAssembly is allowed, running text as a script is not. A worker made from a blob
# inherits the policy; one from an address would not.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    )
)
WITH_POLICY = rf'\1<meta http-equiv="Content-Security-Policy" content="{POLICY}">'

MENDS = (
    (re.compile(r'(<head>\s*<meta charset="utf-8" ?/?>)(?!<meta http-equiv)'), WITH_POLICY),
    (re.compile(r"<script>const THEBE_JS_URL.*?</script>\s*", re.S), ""),
    (re.compile(r'<script type="text/x-thebe-config">.*?</script>\s*', re.S), ""),
    (re.compile(r"<script>kernelName = .*?</script>\s*", re.S), ""),
    (re.compile(r'<script[^>]*src="[^"]*sphinx-thebe\.js[^"]*"></script>\s*'), ""),
    (re.compile(r'<link[^>]*href="[^"]*sphinx-thebe\.css[^"]*" />\s*'), ""),
    (re.compile(r'<summary aria-label="Toggle hidden content">'), "<summary>"),
    (re.compile(r'(<button class="btn search-button-field[^>]*?) title="Search" aria-label="Search"'), r"\1"),
    (
        re.compile(r'<span class="search-button__kbd-shortcut">'),
        '<span class="search-button__kbd-shortcut" aria-hidden="true">',
    ),
    (re.compile(r' title="(?:Light|Dark|System Settings)"(?=></i>)'), ""),
    (
        re.compile(r'(>([^<]+)</a><details[^>]*>)<summary>(?=<span class="toctree-toggle")'),
        r'\1<summary aria-label="Pages of: \2">',
    ),
    (re.compile(r'(<div class="citation" id="[^"]*" )role="doc-biblioentry"'), r'\1role="listitem"'),
    (re.compile(r"<dl>(?=\s*<dd>)"), '<dl role="presentation">'),
    (re.compile(r'alt="(Binder|Colab) logo"'), 'alt="" role="presentation"'),
)
DRAWING = re.compile(r'<img (?=[^>]*src="([^"]+\.svg)")(?![^>]*class=)')
SHARED_PICTURE = re.compile(r'(?<=<meta content=")(?=_static/[^"]+" property="og:image")')


def mend(page: str) -> str:
    """The page without these faults; a page that was mended stays as it is."""
    for fault, right in MENDS:
        page = fault.sub(right, page)
    return page


def site_address(repository: str) -> str:
    """Where GitHub Pages shows the site of the repository at this address, with a slash at its end.

    >>> site_address("https://github.com/Owner/book")
    'https://owner.github.io/book/'
    """
    owner, name = repository.rstrip("/").removesuffix(".git").split("/")[-2:]
    return f"https://{owner.lower()}.github.io/{name}/"


def mark_lines(page: str, folder: Path) -> str:
    """The page with the class ``lines`` on each drawing that holds no picture; ``folder`` is the page's."""

    def marked(image: re.Match[str]) -> str:
        drawing = folder / image[1]
        holds_none = drawing.is_file() and "<image" not in drawing.read_text(encoding="utf-8")
        return '<img class="lines" ' if holds_none else image[0]

    return DRAWING.sub(marked, page)


def mend_pages(app: Any, exception: Exception | None) -> None:
    """Go over all pages that were written."""
    if exception is None and app.builder.format == "html":
        address = site_address(app.config.html_theme_options["repository_url"])
        for path in Path(app.outdir).rglob("*.html"):
            written = path.read_text(encoding="utf-8")
            mended = SHARED_PICTURE.sub(address, mark_lines(mend(written), path.parent))
            if mended != written:
                path.write_text(mended, encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Take part in the build."""
    app.connect("build-finished", mend_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
