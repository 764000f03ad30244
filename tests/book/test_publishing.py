"""A notebook that is opened alone, on Colab or Binder, finds what it needs."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fetalseg_book.publishing.colab import constraints, installed_versions, missing, requirements
from fetalseg_book.publishing.first_cell import CELL_ID, address, first_cell, with_first_cell

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def cells(notebook: Path) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return loaded


class TestFirstCell:
    @pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
    def test_every_notebook_has_it_before_all_other_code(self, notebook: Path) -> None:
        code = [cell for cell in cells(notebook) if cell["cell_type"] == "code"]
        assert code[0] == first_cell(), (
            "python -m fetalseg_book.publishing.first_cell brings the notebooks in step"
        )
        assert [cell.get("id") for cell in code].count(CELL_ID) == 1

    def test_names_the_address_of_the_settings(self) -> None:
        assert address().startswith("https://")
        assert address() in "".join(first_cell()["source"])

    def test_is_written_once_however_often(self) -> None:
        text = {"cell_type": "markdown", "source": ["# A chapter"]}
        code = {"cell_type": "code", "id": "a", "source": ["1 + 1"]}
        once = with_first_cell([text, code])
        assert once == [text, first_cell(), code]
        assert with_first_cell(once) == once

    def test_does_nothing_where_the_library_is(self, tmp_path: Path) -> None:
        done = self.run_in(tmp_path, path=ROOT / "book")
        assert done.stdout.split() == ["here", str(tmp_path)]
        assert not list(tmp_path.iterdir())

    def test_fetches_the_book_where_the_library_is_not(self, tmp_path: Path) -> None:
        # A repository of three files stands in for the real one: nothing is downloaded in a test.
        origin = tmp_path / "origin"
        (origin / "book" / "fetalseg_book" / "publishing").mkdir(parents=True)
        (origin / "notebooks").mkdir()
        (origin / "notebooks" / "data.ipynb").write_text("{}")
        (origin / "book" / "fetalseg_book" / "publishing" / "colab.py").write_text("print('colab.py')")
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
        for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "One"]):
            subprocess.run([*git, *command], cwd=origin, check=True)
        alone = tmp_path / "alone"
        alone.mkdir()
        done = self.run_in(alone, path=None, instead=origin.as_uri())
        assert done.stdout.split() == ["colab.py", "here", str(alone / "fetalseg" / "notebooks")]

    @staticmethod
    def run_in(folder: Path, *, path: Path | None, instead: str = "") -> subprocess.CompletedProcess[str]:
        """Run the cell in IPython, in ``folder``, with the library on the path or nowhere."""
        source = "".join(first_cell()["source"]).replace(address(), instead or address())
        if path is None:
            source = source.replace('find_spec("fetalseg_book")', "None")
        script = folder.parent / "cell.ipy"
        script.write_text(f"{source}\nimport os\nprint('here', os.getcwd())\n", encoding="utf-8")
        start = f"import sys; sys.path.append({str(path)!r})" if path else "pass"
        command = [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor"]
        command += [f"--InteractiveShellApp.exec_lines={start}", str(script)]
        environment = os.environ | {"IPYTHONDIR": str(folder.parent / "ipython")}
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done


def imported(notebook: Path) -> set[str]:
    """The packages that a notebook's own cells import, without Python's, ours, and those in a ``try``."""
    code = "\n".join("".join(cell["source"]) for cell in cells(notebook) if cell["cell_type"] == "code")
    tree = ast.parse(re.sub(r"^(\s*)[!%].*", r"\1pass", code, flags=re.M))
    tried = {node for block in ast.walk(tree) if isinstance(block, ast.Try) for node in ast.walk(block)}
    nodes = [node for node in ast.walk(tree) if node not in tried]  # what is tried may be missing
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return (
        {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"fetalseg_lib", "fetalseg_book"}
    )


class TestWhatTheNotebooksNeed:
    PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    @pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
    def test_colab_gets_what_a_notebook_imports(self, notebook: Path) -> None:
        wanted = {canonicalize_name(Requirement(text).name) for text in requirements(self.PROJECT)}
        providers = packages_distributions()
        for name in imported(notebook) - {"IPython"}:  # the kernel is made of it
            assert wanted & {canonicalize_name(found) for found in providers[name]}, (
                f"{name} is not installed"
            )

    def test_binder_gets_the_same_extra(self) -> None:
        assert "'.[notebooks,export]'" in (ROOT / ".binder" / "postBuild").read_text(encoding="utf-8")


class TestMissing:
    def test_an_installed_package_is_never_asked_for_again(self) -> None:
        machine = {"torch": "2.8.0+cu126", "numpy": "2.0.2", "opencv-python-headless": "4.12.0.88"}
        wanted = ["torch>=2.6", "numpy>=99", "opencv_python.headless>=4.9", "resvg-py>=0.5"]
        assert missing(wanted, machine) == ["resvg-py>=0.5"]

    def test_nothing_is_missing_here(self) -> None:
        assert missing(["numpy>=1.26", "torch>=2.6"], installed_versions()) == []

    def test_constraints_pin_every_package_as_it_is(self) -> None:
        pins = [Requirement(line) for line in constraints(installed_versions()).splitlines()]
        assert len(pins) == len(installed_versions())
        for pin in pins:
            (only,) = pin.specifier
            assert only.operator == "=="
