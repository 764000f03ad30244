"""What the files at the top of the repository promise each other.

Two lists of the same thing drift apart unless something compares them: the packages for pip, for conda and
in the lock; the chapters that are run and the chapters that are shown; the version in three places.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

import fetalseg_lib

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

Bounds = dict[str, SpecifierSet]


def bounds(requirements: Iterable[Requirement]) -> Bounds:
    return {canonicalize_name(requirement.name): requirement.specifier for requirement in requirements}


def project_requirements() -> list[Requirement]:
    """All dependencies, those of the extras included; an extra that only names another one is left out.

    So are ``oracles`` and ``openvino``: large, for one comparison, and neither environment needs them. And
    ``cluster``, which only the login machine of a cluster needs.
    """
    heavy = ("oracles", "openvino", "cluster")
    extras = [texts for name, texts in PROJECT["optional-dependencies"].items() if name not in heavy]
    lists = [PROJECT["dependencies"], *extras]
    requirements = [Requirement(text) for texts in lists for text in texts]
    return [
        requirement
        for requirement in requirements
        if canonicalize_name(requirement.name) != canonicalize_name(PROJECT["name"])
    ]


# environment.yml and pyproject.toml

CONDA_NAMES = {"pytorch": "torch", "py-opencv": "opencv-python-headless", "gdcm": "python-gdcm"}
"""Packages whose name on conda-forge differs from the one on the Python index."""


@pytest.fixture(scope="module")
def environment() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def conda_bounds(environment: dict[str, Any]) -> Bounds:
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    requirements = [Requirement(text) for text in [*conda, *pip] if not text.startswith("--editable")]
    found = bounds(requirements)
    return {CONDA_NAMES.get(name, name): specifier for name, specifier in found.items()}


def test_environment_has_the_packages_and_bounds_of_pyproject(conda_bounds: Bounds) -> None:
    own = {"python": SpecifierSet(PROJECT["requires-python"]), "pip": SpecifierSet()}
    assert conda_bounds == bounds(project_requirements()) | own


def test_environment_installs_the_package_itself_from_this_folder(environment: dict[str, Any]) -> None:
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert "--editable ." in pip


def test_environment_takes_nothing_but_conda_forge(environment: dict[str, Any]) -> None:
    assert environment["channels"] == ["conda-forge", "nodefaults"]


# The lock


def locked() -> list[str]:
    """The entries of the lock, each with its hashes on lines of their own."""
    text = re.sub(r"(?m)^ *#.*\n", "", (ROOT / "requirements.lock").read_text(encoding="utf-8"))
    return re.split(r"\n(?=\S)", text.strip())


def test_lock_knows_every_file_by_its_hash_and_names_no_host() -> None:
    for pin in locked():
        assert re.search(r" \\\n    --hash=sha256:[0-9a-f]{64}", pin), pin
        assert "://" not in pin


def test_uv_is_the_same_version_wherever_it_is_installed(tracked_texts: dict[str, str]) -> None:
    (version,) = re.findall(r"^UV := (\S+)$", tracked_texts["Makefile"], re.MULTILINE)
    installs = {
        name: re.findall(r"pip install.* uv(?:==(\S+))?$", text, re.M) for name, text in tracked_texts.items()
    }
    found = {(name, one) for name, versions in installs.items() for one in versions}
    assert found == {("Makefile", "$(UV)")} | {
        (f".github/workflows/{name}.yml", version) for name in ("tests", "weekly")
    }


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_lock_holds_each_dependency_within_its_bounds(python: str, system: str) -> None:
    machine = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": system}
    pins = [Requirement(pin.split(" \\\n")[0]) for pin in locked()]
    pinned: dict[str, list[str]] = {}
    for pin in pins:
        if pin.marker is None or pin.marker.evaluate(machine):
            pinned.setdefault(canonicalize_name(pin.name), []).extend(s.version for s in pin.specifier)
    for name, allowed in bounds(project_requirements()).items():
        versions = pinned.get(name, [])
        assert len(versions) == 1, f"{name}: expected one pin, found {versions}; mend it with make lock"
        assert Version(versions[0]) in allowed, f"{name}: {versions[0]} is outside {allowed}; make lock"


def planned(*words: str) -> list[str]:
    """The commands of ``make setup`` where there is no ``.venv`` yet, not run."""
    make = shutil.which("make")
    if make is None:
        pytest.skip("no make here")
    command = [make, "--no-print-directory", "--always-make", "--dry-run", "setup", *words]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [line for line in told.splitlines() if "uv pip install" in line]


def test_setup_without_cuda_leaves_out_what_the_lock_has_of_it() -> None:
    usual, whole = planned()
    assert "-r requirements.lock" in usual
    torch, rest, same = planned("TORCH=cpu")
    assert torch.endswith("--torch-backend=cpu --constraint requirements.lock torch torchvision")
    assert "--no-deps" in torch  # so that no other file comes without its hash
    assert "-r requirements.lock" not in rest  # it names CUDA's packages
    assert "--constraint requirements.lock" in rest
    assert "--no-verify-hashes" not in rest
    (made_by,) = re.findall(r"#    uv pip compile (.*)", (ROOT / "requirements.lock").read_text("utf-8"))
    assert re.findall(r"--extra \w+", rest) == re.findall(r"--extra \w+", made_by)
    assert same == whole


# What the library's errors tell the reader to install


def test_an_error_that_names_an_installation_names_an_extra() -> None:
    """A package's own name and bound, written once more, drift away from those in pyproject.toml."""
    told = {
        (path.name, what)
        for path in (ROOT / "fetalseg_lib").rglob("*.py")
        for what in re.findall(r"pip install (.*)", path.read_text(encoding="utf-8"))
    }
    assert len(told) >= 4
    known = "|".join([*PROJECT["optional-dependencies"], r"\{extra\}"])
    for file, what in told:
        assert re.match(rf'"{PROJECT["name"]}\[({known})\]"', what), f"{file}: {what}"


# Notebooks


def cells(notebook: Path) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return loaded


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_committed_without_outputs(notebook: Path) -> None:
    for number, cell in enumerate(cells(notebook), start=1):
        if cell["cell_type"] != "code":
            continue
        checked = "# NBVAL_CHECK_OUTPUT" in "".join(cell["source"])
        assert checked or not cell["outputs"], f"cell {number}: clear its output, nbval does not check it"
        assert checked or cell["execution_count"] is None, f"cell {number}: clear its execution count"
        kinds = {kind for output in cell["outputs"] for kind in output.get("data", {"text/plain": ""})}
        assert kinds <= {"text/plain"}, f"cell {number}: nbval checks text, the output holds {kinds}"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_has_one_cell_of_parameters(notebook: Path) -> None:
    tagged = [cell for cell in cells(notebook) if "parameters" in cell["metadata"].get("tags", [])]
    assert [cell["cell_type"] for cell in tagged] == ["code"]


# Chapters


def shown_pages() -> list[str]:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [chapter for part in toc["parts"] for chapter in part["chapters"]]
    sections = [section for chapter in chapters for section in chapter.get("sections", [])]
    return [toc["root"], *(page["file"] for page in (*chapters, *sections))]


def run_chapters() -> list[str]:
    found = re.search(r"^CHAPTERS = (\[.*?\])", (ROOT / "Snakefile").read_text(encoding="utf-8"), re.M | re.S)
    assert found, "the Snakefile has no list CHAPTERS"
    chapters: list[str] = ast.literal_eval(found[1])
    return chapters


def test_chapters_that_run_are_those_that_are_shown() -> None:
    shown = [page.removeprefix("notebooks/") for page in shown_pages() if page.startswith("notebooks/")]
    assert sorted(run_chapters()) == sorted(shown)


@pytest.mark.parametrize("chapter", run_chapters())
def test_a_chapter_ends_with_a_link_to_the_page_after_it(chapter: str) -> None:
    """On Colab and in JupyterLab a reader has no other way to it."""
    pages = shown_pages()
    following = pages[pages.index(f"notebooks/{chapter}") + 1]
    text = (ROOT / "notebooks" / f"{chapter}.ipynb").read_text(encoding="utf-8")
    links = re.findall(r"Next: [^\]]*\]\(([^)]*)\.(?:ipynb|md)\)", text)
    assert [os.path.normpath(f"notebooks/{link}") for link in links] == [following]


def test_every_chapter_is_there_and_every_notebook_is_a_chapter() -> None:
    assert sorted(run_chapters()) == sorted(path.stem for path in NOTEBOOKS)


def test_every_page_is_shown_once() -> None:
    pages = sorted(
        path.relative_to(ROOT).with_suffix("").as_posix() for path in (ROOT / "book").rglob("*.md")
    )
    assert sorted(page for page in shown_pages() if page.startswith("book/")) == pages


# One fact, one place


def test_version_is_the_same_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["version"] == fetalseg_lib.__version__


@pytest.fixture(scope="module")
def tracked_texts() -> dict[str, str]:
    """The text files that git tracks, by their path."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout, so nobody knows which files belong to it")
    texts = {}
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        content = path.read_bytes() if path.is_file() else b"\0"
        if b"\0" not in content:
            texts[name] = content.decode("utf-8")
    return texts


def test_repository_address_is_written_in_one_file(tracked_texts: dict[str, str]) -> None:
    settings = yaml.safe_load(tracked_texts["_config.yml"])
    address = settings["repository"]["url"].removeprefix("https://")
    # A notebook's first cell holds it too, since it comes alone; fetalseg_book.publishing.first_cell writes
    # it from here.
    named = [name for name, text in tracked_texts.items() if address in text and not name.endswith(".ipynb")]
    assert named == ["README.md", "_config.yml"]  # README is read alone as well, and its badge needs it


MACHINE_PATH = re.compile(
    r"""
    (?<![\w.:/*~$\}-])                                    # the path begins here: no URL, nothing relative
    (?: /(?:home|root|work|mnt|media|scratch|srv|private|Users)/\w
      | [A-Za-z]:[\\/](?:Users|Documents)\b )
    """,
    re.X,
)


def test_no_path_of_one_machine(tracked_texts: dict[str, str]) -> None:
    found = [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in tracked_texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if MACHINE_PATH.search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data = '{}home/ann/hc18'", True),
        ("see {}work/main/README.md", True),
        ("C:{}Users{}ann", True),
        ("https:{}{}example.org{}home{}page", False),
        ("../shared{}work{}x", False),
        ("$HOME{}home{}x", False),
    ],
)
def test_machine_paths_are_told_from_urls_and_relative_ones(text: str, expected: bool) -> None:
    # Written with braces, so that this table is not itself a finding.
    assert bool(MACHINE_PATH.search(text.replace("{}", "/"))) is expected


def test_continuous_integration_script_can_run() -> None:
    script = ROOT / ".ci" / "run"
    assert os.name == "nt" or os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)


SLOW = {  # seconds each: to import them is for those who use them
    "fetalseg_book.exercises, "
    "fetalseg_book.figures.estimation, "
    "fetalseg_book.explorers, "
    "fetalseg_lib.study.config, "
    "fetalseg_lib.study.tables": ("torch",),
    "fetalseg_lib.study.run": ("torchvision", "torch._dynamo", "albumentations", "scipy.stats"),
    "fetalseg_lib.apply.prediction.run": ("torchvision", "torch._dynamo", "albumentations"),
}


@pytest.mark.parametrize("rooms", SLOW)
def test_who_reads_results_need_not_wait(rooms: str) -> None:
    """An import takes seconds, in every chapter and for every command."""
    code = f"import sys, {rooms}; print(set({SLOW[rooms]}) & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
