"""``python -m fetalseg_book.publishing.changelog VERSION``: what ``CHANGELOG.md`` says of it, the text of
its release.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from fetalseg_book.publishing.site import ROOT


def section(text: str, version: str) -> str:
    r"""The lines below the heading of ``version``, which must carry a date.

    Raises ``ValueError`` where there is no such heading, or nothing below it.

    >>> section("## [1.0.0] - 2026-01-31\n\n- A chapter.\n\n## [0.9.0] - 2025-12-01\n", "1.0.0")
    '- A chapter.'
    """
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## |\Z)"
    found = re.search(heading, text, re.M | re.S)
    if found is None or not found[1].strip():
        raise ValueError(
            f"CHANGELOG.md: expected '## [{version}] - YYYY-MM-DD' with lines below it; "
            "rename the heading [Unreleased] before the release"
        )
    return found[1].strip()


def main() -> None:
    """Print the section of the version that is named."""
    (version,) = sys.argv[1:]
    print(section(Path(ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version))


if __name__ == "__main__":
    main()
