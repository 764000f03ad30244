"""File names as text: whoever chose them, they must stay names in a table, on a terminal and on the disk."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

_FORMULA = tuple("=+-@'\t\r＝＋－＠")
"""What a spreadsheet takes for a formula, also as the wide signs of East Asian keyboards."""

_KEPT = 40
_LONGEST = 255
"""Bytes of a file's name on all usual systems."""


def visible(text: str, *, keep: str = "") -> str:
    r"""Show what a terminal would act on (newlines, escapes, signs that turn the direction) as escapes.

    Different texts stay different, so the result still names the file; the characters ``keep`` stay.

    >>> print(visible("head 1 \n😀.png"))
    head 1 \n😀.png
    """
    return "".join(
        character
        if (character.isprintable() and character != "\\") or character in keep
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def csv_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula: where it looks like one, a quote goes before it.

    >>> csv_cell("=1+1.png"), csv_cell("head.png")
    ("'=1+1.png", 'head.png')
    """
    shown = visible(text)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def beside(path: Path, ending: str, *, hidden: bool = False) -> Path:
    """The name of a helper file next to ``path``: shortened where, with its ending, it would be too long.

    >>> beside(Path("runs/table.csv"), ".partial").name, beside(Path("runs/x"), ".lock", hidden=True).name
    ('table.csv.partial', '.x.lock')
    """
    if path.name in ("", ".."):  # such as the current folder
        path = Path(os.path.abspath(path))  # noqa: PTH100 - resolving would follow links
    name = f"{'.' if hidden else ''}{path.name}{ending}"
    if len(os.fsencode(name)) > _LONGEST:
        name = f"{'.' if hidden else ''}{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}{ending}"
    return path.with_name(name)


def with_ending(path: Path, ending: str, *, instead_of: Sequence[str] = ()) -> Path:
    """``path`` with ``ending`` added, or put in the place of one of ``instead_of``; other dots stay.

    >>> with_ending(Path("a.csv"), ".json", instead_of=[".csv"]).name
    'a.json'
    """
    stem = path.name.removesuffix(path.suffix) if path.suffix in instead_of else path.name
    return path.with_name(stem + ending)


def picture_name(name: str, *, content: str = "") -> str:
    """A file name for the picture of image ``name``: short, plain on every system, another for each image.

    ``content`` is the SHA-256 of the image: two images called alike have two pictures.

    >>> picture_name("scans/010_HC.png")
    '010_HC-60c9a31d0dc6425af825f6b10c0d4134.png'
    """
    stem = name.rpartition("/")[2].rpartition(".")[0] or name.rpartition("/")[2]
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", stem)[:_KEPT].lstrip("-")
    # 128 bits: with fewer, somebody who tries long enough finds two names with one picture.
    digest = hashlib.sha256(f"{name}\0{content}".encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return f"{plain}-{digest}.png"
