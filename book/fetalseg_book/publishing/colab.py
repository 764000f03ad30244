"""Make the library importable where a notebook came alone, as on Google Colab.

The first cell of every notebook runs this file. It installs what is missing and nothing else: whatever the
machine has, torch and NumPy above all, is pinned as it is, for a notebook that loses its torch in the first
cell has lost its reader. The library itself is not installed: its folder and that of what makes the book
are put on the path.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[3]
FOR_THE_NOTEBOOKS = ("myst-nb>=1",)
"""What the chapters import beside the library: ``glue`` is from here."""


def installed_versions() -> dict[str, str]:
    """The version of every package that this Python has, by its normalised name."""
    return {canonicalize_name(found.name): found.version for found in distributions() if found.name}


def missing(requirements: Iterable[str], installed: Mapping[str, str]) -> list[str]:
    """The requirements that no installed package answers, whatever its version.

    >>> missing(["numpy>=1.26", "resvg-py>=0.5"], {"numpy": "2.0.2"})
    ['resvg-py>=0.5']
    """
    return [text for text in requirements if canonicalize_name(Requirement(text).name) not in installed]


def constraints(installed: Mapping[str, str]) -> str:
    """A constraint file that keeps every installed package at its version.

    >>> print(constraints({"numpy": "2.0.2", "torch": "2.8.0+cu126"}))
    numpy==2.0.2
    torch==2.8.0+cu126
    """
    return "\n".join(f"{name}=={version}" for name, version in sorted(installed.items()))


def requirements(project: Mapping[str, Any]) -> list[str]:
    """All that the chapters need, from ``project`` in pyproject.toml; one of them writes ONNX files."""
    return [*project["dependencies"], *project["optional-dependencies"]["export"], *FOR_THE_NOTEBOOKS]


def main() -> None:
    """Install what is missing, then put the library on the path."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    installed = installed_versions()
    wanted = missing(requirements(project), installed)
    if wanted:
        print("installing", ", ".join(wanted))
        with tempfile.TemporaryDirectory() as folder:
            kept = Path(folder) / "constraints.txt"
            kept.write_text(constraints(installed), encoding="utf-8")
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--constraint", str(kept), *wanted]
            subprocess.run(pip, check=True)
    for place in (ROOT, ROOT / "book"):
        if str(place) not in sys.path:
            sys.path.append(str(place))


if __name__ == "__main__":
    main()
