"""Processes that cost no second import of PyTorch: to be asked, and to be killed at random moments.

What is killed is started again, and what it leaves is held against an undisturbed run.

Half of the moments are counted in changes of the file system: just before the n-th file is opened for
writing, renamed or removed, where half-done work would show. The others are counted in time, to fall
between. Both come from a seed.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any, NamedTuple

PRELOADED = [
    "albumentations",
    "pandas.io.formats.csvs",
    "pytest",
    "scipy.ndimage",
    "scipy.signal",
    "torch._dynamo",
    "torch.utils.serialization",
    "torchvision",
    "fetalseg_lib.cli",
    "fetalseg_lib.data.download",
    "fetalseg_book.studies.pretraining.pretrain",
    "fetalseg_lib.apply.prediction.run",
    *(["pydicom.pixels"] if find_spec("pydicom") else []),
]
"""What the forked processes find imported, also what training loads late: a kill costs no second start."""

DIFFER = {"seconds", "environment", "peak_memory_mb", "git_commit", "git_changes"}
"""Keys of JSON files that tell of the clock, the machine and the checkout, not of the task."""

Task = Callable[[Path], object]


def processes() -> BaseContext:
    if sys.platform == "win32":  # which cannot fork
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def ask(function: Callable[..., Any], *arguments: object) -> Any:
    """What ``function`` returns in a process of its own, which must come to its end."""
    context = processes()
    answers, answer = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(answer, function, arguments))
    process.start()
    answer.close()
    with suppress(EOFError):
        found = answers.recv()
    process.join()
    assert process.exitcode == 0, f"it ended with {process.exitcode}"
    return found


def _answer(answer: Connection, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
    answer.send(function(*arguments))


def modules_loaded_by(code: str) -> dict[str, str]:
    """Each module of the library and the kit that ``code`` loads, with its file; to be asked for.

    The process has other people's modules loaded already, and forgets ours.
    """
    for name in own_modules():
        del sys.modules[name]
    exec(code, {})
    return own_modules()


def own_modules() -> dict[str, str]:
    return {
        name: str(module.__file__) for name, module in sys.modules.items() if name.startswith("fetalseg_")
    }


class Undisturbed(NamedTuple):
    """How often a task that nobody killed changed the file system, how long it took, and what it left."""

    changes: int
    seconds: float
    files: dict[str, bytes]


def leave_alone(task: Task, place: Path) -> Undisturbed:
    changes, seconds = _run(task, place) or (0, 0.0)
    files = contents(place)
    assert files, "the task leaves no file"
    return Undisturbed(changes, seconds, files)


def kill_often(task: Task, *, fresh: Callable[[], Path], kills: int, seed: int) -> int:
    """Run ``task`` in folders that ``fresh`` makes, kill it so often, and compare; returns the kills made.

    After a kill no file under a final name may differ from the undisturbed run's; at the end all are there.
    """
    rng, made = random.Random(seed), 0
    changes, seconds, expected = leave_alone(task, fresh())
    while made < kills:
        place = fresh()
        while made < kills:
            by_change = rng.random() < 0.5
            at_change = rng.randint(1, changes) if by_change else 0
            after = None if by_change else rng.uniform(0, seconds)
            if _run(task, place, at_change=at_change, after=after) is not None:
                break  # it was quicker
            made += 1
            found = contents(place)
            for name in found.keys() & expected.keys():
                assert found[name] == expected[name], f"{name} is there, but not whole, after kill {made}"
        _run(task, place)
        found = contents(place)
        assert found.keys() == expected.keys(), f"after {made} kills"
        changed = [name for name in expected if found[name] != expected[name]]
        assert not changed, f"after {made} kills"
    return made


def contents(place: Path) -> dict[str, bytes]:
    """Every file below ``place`` by its name, but hidden ones and what only tells of clock and machine."""
    found = {}
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place)
        if path.is_file() and not any(part.startswith(".") for part in name.parts):
            found[name.as_posix()] = _comparable(path)
    return found


def _comparable(path: Path) -> bytes:
    if path.suffix == ".json":
        return json.dumps(_lasting(json.loads(path.read_bytes()))).encode()
    if path.name == "history.csv":  # the seconds stand last
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0].endswith(",seconds")
        return "\n".join(line.rpartition(",")[0] for line in lines).encode()
    return path.read_bytes()


def _lasting(value: object) -> object:
    if isinstance(value, dict):
        return {key: _lasting(item) for key, item in value.items() if key not in DIFFER}
    return [_lasting(item) for item in value] if isinstance(value, list) else value


def _run(
    task: Task, place: Path, *, at_change: int = 0, after: float | None = None
) -> tuple[int, float] | None:
    """Run once; ``None`` where it was killed, else how many changes it made and how long it took."""
    context = processes()
    answers, answer = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(task, place, at_change, answer))
    process.start()
    answer.close()
    try:
        assert answers.poll(1800), "it did not start within half an hour"
        word = answers.recv()
        assert word == "ready", word
        began = time.monotonic()
        if after is not None and not answers.poll(after):
            process.kill()
        changes = answers.recv()
        assert isinstance(changes, int), changes
        seconds = time.monotonic() - began
    except EOFError:
        process.join()
        assert process.exitcode == -signal.SIGKILL, f"it ended with {process.exitcode}"
        assert at_change or after is not None, "it was killed, but not by this test"
        return None
    process.join()
    return changes, seconds


def _child(task: Task, place: Path, at_change: int, answer: Connection) -> None:
    import torch

    torch.set_num_threads(1)
    count = 0

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal count
        if event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir") or _writes(event, arguments):
            count += 1
            if count == at_change:
                os.kill(os.getpid(), signal.SIGKILL)

    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        sys.stdout = sys.stderr = nowhere
        slow = set(PRELOADED) - set(sys.modules)  # a fork server says nothing where it cannot import
        answer.send(f"not loaded before the fork: {slow}" if slow else "ready")
        sys.addaudithook(watch)
        try:
            task(place)
        except BaseException as error:
            answer.send(f"{type(error).__name__}: {error}")
            raise
        answer.send(count)


def _writes(event: str, arguments: tuple[object, ...]) -> bool:
    if event != "open":
        return False
    _path, mode, flags = arguments
    if isinstance(mode, str):
        return bool(set(mode) & set("wax+"))
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))
