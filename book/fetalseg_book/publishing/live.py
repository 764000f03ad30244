"""What the live exercises need beside their scripts: Python for a browser, an editor, the checker's modules.

``python -m fetalseg_book.publishing.live book/exercises -o _build/exercises`` fetches the packages of that
lock, makes one file of the editor, and copies the modules as they are. They lie in ``_static/exercises``.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from fetalseg_book.exercises import CHAPTERS, exercises_of, plain_exercises_of
from fetalseg_book.publishing.browser.runtime import fetch_runtime, find_npm
from fetalseg_book.publishing.site import ROOT, chapters

PYTHON = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
"""CPython and its standard library, without a package."""

MODULES = (
    *(ROOT / "fetalseg_lib" / name for name in ("__init__.py", "growth.py")),
    ROOT / "book" / "fetalseg_book" / "__init__.py",
    *sorted((ROOT / "book" / "fetalseg_book" / "exercises").glob("*.py")),
    *sorted((ROOT / "book" / "fetalseg_book" / "exercises" / "chapters").glob("*.py")),
)
"""What a page serves of the two packages: the checker and the exercises of plain Python."""

_NOT_SERVED = ("networks.py", "write.py")
_EDITOR = "editor.js"


def make(lock: Path, folder: Path) -> None:
    """Fill ``folder``. Raises as :func:`fetch_runtime` does, and leaves no list of files then."""
    listed = folder / "files.json"
    listed.unlink(missing_ok=True)
    vendored = folder / "vendored"
    fetch_runtime(lock, vendored, lambda packages, to: _bring(packages, to, lock / _EDITOR))
    names = []
    for path in MODULES:
        if path.name not in _NOT_SERVED:
            name = path.relative_to(ROOT / "book" if "book" in path.relative_to(ROOT).parts else ROOT)
            (folder / "modules" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / "modules" / name)
            names.append(name.as_posix())
    size = sum((vendored / file).stat().st_size for file in PYTHON if not file.endswith(".mjs"))
    listed.write_text(json.dumps({"bytes": size, "modules": names}), encoding="utf-8")


def _bring(packages: Path, folder: Path, editor: Path) -> None:
    for file in PYTHON:
        shutil.copy(packages / "pyodide" / file, folder)
    source = packages.parent / editor.name  # where its packages are found
    shutil.copy(editor, source)
    script = packages / "esbuild" / "bin" / "esbuild"
    how = ("--bundle", "--minify", "--format=esm", f"--outfile={folder / editor.name}")
    subprocess.run([find_npm()[0], str(script), str(source), *how, "--log-level=error"], check=True)
    (folder / "LICENCES.txt").write_text(_licences(packages), encoding="utf-8")


def _licences(packages: Path) -> str:
    """Name, version and licence of every package whose files are served, with the licence's text."""
    said = []
    for path in sorted(packages.glob("**/package.json")):
        about = json.loads(path.read_text(encoding="utf-8"))
        if "version" in about and "esbuild" not in about["name"]:
            texts = [text.read_text(encoding="utf-8") for text in sorted(path.parent.glob("LICENSE*"))]
            said.append("\n\n".join([f"{about['name']} {about['version']}: {about['license']}", *texts]))
    return "\n\n".join(said)


def exercise_list() -> str:
    """All exercises by chapter, in Markdown, with a word at those that do not run in the page."""
    lines = []
    for path in chapters():
        chapter = path.removeprefix("notebooks/")
        if chapter in CHAPTERS:
            lines.append(f"- [](../{path}.ipynb)")
            plain = plain_exercises_of(chapter)
            for number, exercise in enumerate(exercises_of(chapter), start=1):
                heading = f"Exercise {number}: {exercise.title}"
                anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
                link = f"[`{exercise.name}`: {exercise.title}](../{path}.ipynb#{anchor})"
                lines.append(f"  - {link}{'' if exercise in plain else ' *(NumPy or PyTorch)*'}")
    return "\n".join(lines)


def main() -> int:
    """Make the folder; returns the exit status, 1 where it could not be made."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("lock", type=Path, help="folder of package.json, package-lock.json and editor.js")
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    try:
        make(options.lock, options.out)
    except (OSError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
