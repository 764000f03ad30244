"""A site of a few pages with the book's theme, scripts and styles: all that a test of a script needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from sphinx.application import Sphinx

from fetalseg_book.publishing.site import ROOT

REPOSITORY: dict[str, Any] = {"repository_url": "https://github.com/someone/something"}


def build_small_site(source: Path, **settings: Any) -> Path:
    """Build the pages in ``source`` with these settings of Sphinx; returns the folder of the site."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]["config"]
    common = {name: config[name] for name in ("html_js_files", "html_css_files")}
    common["html_theme"] = "sphinx_book_theme"
    out = source / "_build"
    Sphinx(
        source,
        None,
        out,
        source / "_doctrees",
        "html",
        confoverrides=common | settings,
        status=None,
        warning=None,
    ).build()
    return out
