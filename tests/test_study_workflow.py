"""Snakemake as a child: it ends with who started it, with all its own children, and leaves no lock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

ROOT = Path(__file__).parents[1]
SNAKEFILE = """
rule {target}:
    output: "done"
    shell: "touch started; test -e again || sleep 600; touch {{output}}"
"""
COMMANDS = {
    "study": ["fetalseg_lib", "study", "--profile", "smoke", "-o", "out"],
    "book": ["fetalseg_book", "build", "--", "--cores", "1", "--rerun-incomplete"],
}


def start(target: str, place: Path) -> subprocess.Popen[str]:
    (place / "Snakefile").write_text(SNAKEFILE.format(target=target), encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "book")])}
    command = [sys.executable, "-m", *COMMANDS[target]]
    return subprocess.Popen(command, cwd=place, env=environment, stderr=subprocess.PIPE, text=True)


def family(process: subprocess.Popen[str], place: Path) -> list[psutil.Process]:
    """All that it started, once its rule is at work."""
    found: list[psutil.Process] = []
    while not any("sleep" in child.name() for child in found):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
        found = psutil.Process(process.pid).children(recursive=True)
    return found


@pytest.mark.parametrize(
    ("target", "number"),
    [("study", signal.SIGTERM), ("study", signal.SIGINT), ("study", signal.SIGHUP), ("book", signal.SIGINT)],
)
def test_what_asks_it_to_stop_ends_all_that_it_started(
    target: str, number: signal.Signals, tmp_path: Path
) -> None:
    process = start(target, tmp_path)
    children = family(process, tmp_path)
    process.send_signal(number)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped; the same command goes on" in printed.splitlines()[-1]
    assert "Traceback" not in printed
    assert not [child for child in children if child.is_running() and child.status() != "zombie"]


def test_after_a_kill_the_same_command_goes_on(tmp_path: Path) -> None:
    process = start("book", tmp_path)
    for member in (*family(process, tmp_path), process):
        member.kill()
    process.communicate()
    (tmp_path / "again").touch()
    process = start("book", tmp_path)
    _, printed = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    assert (tmp_path / "done").exists()


def test_without_the_repository_it_says_where_to_go(tmp_path: Path) -> None:
    command = [sys.executable, "-m", *COMMANDS["study"]]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "go to a checkout of the repository" in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_interruption_while_loading_is_one_line(tmp_path: Path) -> None:
    code = """
import sys
class Interrupted:
    def find_spec(self, name, *_):
        if name == "fetalseg_lib.cli":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
from fetalseg_lib.__main__ import main
sys.exit(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (130, "fetalseg: stopped\n")
