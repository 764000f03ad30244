"""The numbers in the chapters' text: one module a chapter, each with a function ``facts``.

A chapter's one hidden cell calls :func:`facts_of`; what its visible cells computed live goes through
:func:`glue_all`. What the sentences around the numbers rest on is tested in
``tests/book/facts``, where each test names its sentence.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from myst_nb import glue

_MINUS = re.compile(r"(?<![\w.])-(?=\d)")


def facts_of(chapter: str, results: Path | str = "../results") -> dict[str, Any]:
    """Compute the facts of a chapter from the result files, and hand them to its page by their names.

    Returns them too: text as it stands on the page, and whatever else the chapter's cells need.
    """
    module = importlib.import_module(f"{__name__}.{chapter.replace('-', '_')}")
    found: dict[str, Any] = module.facts(Path(results))
    glue_all({name: value for name, value in found.items() if isinstance(value, str)})
    return found


def glue_all(values: Mapping[str, str]) -> None:
    """Hand to a chapter's page, by their names, the numbers that its own cells have computed.

    A negative number has a minus on the page, whatever sign ``format`` gave it.
    """
    for name, value in values.items():
        glue(name, _MINUS.sub("−", value), display=False)
