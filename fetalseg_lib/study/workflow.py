"""Snakemake as a child that ends with its parent: one at a time in a folder, and a kill leaves no lock."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

from fetalseg_lib.files import only_one

_PATIENCE_SECONDS = 10


def run_snakemake(target: str, *, folder: Path, options: Sequence[str]) -> int:
    """Make ``target`` of the ``Snakefile`` here; returns the exit status.

    Whatever asks this process to stop (Ctrl-C, a closed terminal, SIGTERM) stops all that it started, and
    raises ``KeyboardInterrupt``. Raises ``ValueError`` where another process is working in ``folder``, or
    there is no ``Snakefile``, and ``ModuleNotFoundError`` without the extra ``study``.
    """
    if find_spec("snakemake") is None:
        raise ModuleNotFoundError(
            "snakemake: not installed; in a checkout of the repository, make setup installs it"
        )
    if not Path("Snakefile").is_file():
        raise ValueError("Snakefile: expected in the current folder; go to a checkout of the repository")
    # Snakemake's own lock outlives a kill; ours ends with the last process that has it, snakemake included.
    command = [sys.executable, "-m", "snakemake", target, "--nolock", *options]
    with only_one(folder) as lock, _stopped_by_signals():
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            pass_fds=() if lock is None else (lock,),
            start_new_session=True,  # a terminal's Ctrl-C is ours to hand on: else every child has its say
        )
        try:
            return process.wait()
        except KeyboardInterrupt:
            if "--executor" in options:
                process.send_signal(signal.SIGINT)  # it cancels the cluster's jobs
                process.wait()
            else:
                _end(process.pid)
            raise


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let what asks a process to end raise ``KeyboardInterrupt``, once."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    names = ("SIGINT", "SIGTERM", "SIGHUP")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(pid: int) -> None:
    """End snakemake and all below it. What they write is whole or not there, and what was done is kept."""
    import psutil  # type: ignore[import-untyped]  # snakemake brings it

    try:
        parent = psutil.Process(pid)
        parent.suspend()  # no new children
        children = parent.children(recursive=True)
        parent.kill()
    except psutil.NoSuchProcess:
        return
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.terminate()
    _gone, left = psutil.wait_procs([parent, *children], timeout=_PATIENCE_SECONDS)
    for child in left:
        with suppress(psutil.NoSuchProcess):
            child.kill()
