"""The built site: its pages in the order of the contents, and a server on this machine for them."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
SITE = ROOT / "_build" / "html"


def chapters() -> list[str]:
    """The pages that ``_toc.yml`` names, in reading order and without ending: ``notebooks/data``."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    return [contents["root"], *_files(contents)]


def _files(entry: dict[str, Any]) -> Iterator[str]:
    for kind in ("parts", "chapters", "sections"):
        for child in entry.get(kind, []):
            if "file" in child:
                yield child["file"]
            yield from _files(child)


def parts() -> list[tuple[str, list[str]]]:
    """The parts of the book with their pages; the first one, without a name, holds the opening page."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    named = [(part.get("caption", ""), list(_files(part))) for part in contents.get("parts", [])]
    return [("", [contents["root"]]), *named]


def pages(site: Path = SITE) -> list[str]:
    """Every HTML page below ``site``, chapters first, relative to it: ``notebooks/data.html``.

    The page at the top is left out: it only leads on to the first chapter.

    Raises ``FileNotFoundError`` where no site was built.
    """
    if not (site / "index.html").is_file():
        raise FileNotFoundError(f"{site / 'index.html'}: no site; make book PROFILE=smoke builds one")
    there = sorted(
        path.relative_to(site).as_posix()
        for path in site.rglob("*.html")
        if not path.relative_to(site).parts[0].startswith(("_", "index.html"))
    )
    first = [name for name in (f"{chapter}.html" for chapter in chapters()) if name in there]
    return [*first, *(name for name in there if name not in first)]


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a page has dozens of files."""


@contextmanager
def served(folder: Path = SITE) -> Iterator[str]:
    """Serve ``folder`` to this machine alone, and give the address, without a slash at its end."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
