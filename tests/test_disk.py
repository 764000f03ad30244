"""A full disk, a folder that is read-only, and two processes in one place: one clear error, and nothing lost.

The disk is a real one where the tests may mount it: a small file system in memory. Elsewhere every flush to
the disk fails as if it were full, and a read-only folder is one without the permission to write.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import kill_tasks
import numpy as np
import pytest
from killing import contents, processes

from fetalseg_lib.cli import main
from fetalseg_lib.data import hc18, phantom
from fetalseg_lib.disk import only_one

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")

MEGABYTES = 200
SPARE_BYTES = 8_000


@dataclass
class Disk:
    """``root`` is a folder on it."""

    root: Path
    mounted: bool
    patch: pytest.MonkeyPatch

    def fill(self) -> None:
        if not self.mounted:
            self.patch.setattr(os, "fsync", _full)
            return
        space = os.statvfs(self.root)
        with (self.root / ".filler").open("wb") as file:
            file.write(bytes(space.f_bavail * space.f_frsize - SPARE_BYTES))

    def free(self) -> None:
        self.patch.undo()
        (self.root / ".filler").unlink(missing_ok=True)

    def forbid(self) -> None:
        if self.mounted:
            subprocess.run(["mount", "-o", "remount,ro", self.root], check=True)
        elif os.getuid() == 0:
            pytest.skip("root may write everywhere, and this system lets nothing be mounted")
        else:
            self.root.chmod(0o555)

    def allow(self) -> None:
        if self.mounted:
            subprocess.run(["mount", "-o", "remount,rw", self.root], check=True)
        else:
            self.root.chmod(0o755)


def _full(_descriptor: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    root = tmp_path / "disk"
    root.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", root]
    may = os.getuid() == 0 and shutil.which("mount") is not None
    mounted = may and subprocess.run(command, capture_output=True, check=False).returncode == 0
    with pytest.MonkeyPatch.context() as patch:
        yield Disk(root=root, mounted=mounted, patch=patch)
    if mounted:
        subprocess.run(["umount", "--lazy", root], check=True)
    else:
        root.chmod(0o755)


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Images, masks and weights for the commands, on another disk; so is the cache."""
    monkeypatch.setenv("FETALSEG_CACHE", str(tmp_path / "cache"))
    for kind in ("images", "masks"):
        (tmp_path / "inputs" / kind).mkdir(parents=True)
    for number, sample in enumerate(phantom.generate(2, seed=5, size=(96, 128))):
        assert sample.mask is not None
        pixels = {"images": sample.image, "masks": sample.mask.astype(np.uint8) * 255}
        for kind, image in pixels.items():
            cv2.imwrite(str(tmp_path / "inputs" / kind / f"{number}.png"), image)
    (tmp_path / "inputs" / "tiny.yaml").write_text(kill_tasks.PROFILE, encoding="utf-8")
    kill_tasks.save_random_weights(tmp_path / "inputs" / "weights")
    return tmp_path / "inputs"


COMMANDS = {
    "train": "train --variant random_encoder --device cpu --profile IN/tiny.yaml -o OUT/runs",
    "pretrain": "pretrain --images 32 --size 32 --epochs 1 --device cpu -o OUT/mine.safetensors",
    "predict": "predict IN/images --checkpoint IN/weights --overlay OUT/overlays -o OUT/results.csv",
    "phantom": "phantom --n 2 -o OUT/heads",
    "import": "import-masks IN/images IN/masks --pixel-size 0.2 -o OUT/heads",
}


def run(command: str, inputs: Path, out: Path) -> int:
    words = command.replace("IN/", f"{inputs}/").replace("OUT/", f"{out}/").split()
    return main(words)


def error(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a command ends with; there must be no traceback."""
    printed = capsys.readouterr().err
    assert "Traceback" not in printed
    lines = [line for line in printed.splitlines() if line.startswith("fetalseg: ")]
    assert len(lines) == 1, printed
    return lines[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_is_one_error_and_with_room_the_command_goes_on(
    name: str, disk: Disk, inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not disk.mounted and name in ("phantom", "import"):
        pytest.skip("nothing can be mounted here, and this command does not wait for the disk")
    disk.fill()
    assert run(COMMANDS[name], inputs, disk.root) == 2
    message = error(capsys)
    assert "No space left on device" in message
    assert str(disk.root) in message
    assert "make room and type the same command again" in message
    left = contents(disk.root)
    disk.free()
    assert run(COMMANDS[name], inputs, disk.root) == 0
    (tmp_path / "elsewhere").mkdir()
    assert run(COMMANDS[name], inputs, tmp_path / "elsewhere") == 0
    expected = contents(tmp_path / "elsewhere")
    assert contents(disk.root) == expected
    for file in left.keys() & expected.keys():
        assert left[file] == expected[file], f"{file} was there, but not whole"


def test_a_full_disk_for_the_cache_is_one_error(
    disk: Disk,
    inputs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A memory map would have ended the process with SIGBUS."""
    monkeypatch.setenv("FETALSEG_CACHE", str(disk.root))
    disk.fill()
    assert run(COMMANDS["train"], inputs, tmp_path) == 2
    assert "No space left on device" in error(capsys)
    disk.free()
    assert not list(disk.root.iterdir())
    assert run(COMMANDS["train"], inputs, tmp_path) == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_a_read_only_folder_is_one_error(
    name: str, disk: Disk, inputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    disk.forbid()
    assert run(COMMANDS[name], inputs, disk.root) == 2
    message = error(capsys)
    assert "Read-only file system" in message or "Permission denied" in message
    assert "choose a folder that you may write" in message
    disk.allow()
    assert not list(disk.root.iterdir())


# Two in one place

PLACES = {
    "train": "runs/tiny/phantom/random_encoder/seed-0",
    "pretrain": "mine.safetensors",
    "predict": "results.csv",
    "phantom": "heads",
    "import": "heads",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_second_command_in_the_same_place_is_one_error(
    name: str, inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "out" / PLACES[name]
    with only_one(place):
        assert run(COMMANDS[name], inputs, tmp_path / "out") == 2
        message = error(capsys)
        assert f"{place}: another process is writing it; wait for that one" in message
    assert not contents(tmp_path / "out")
    assert not list(place.parent.iterdir()), "the lock leaves no file"


def test_a_second_study_in_the_same_folder_is_one_error(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("snakemake was started"))
    with only_one(tmp_path / "runs" / "tiny" / "phantom"):
        assert main(["study", "--profile", str(inputs / "tiny.yaml"), "-o", str(tmp_path / "runs")]) == 2
    assert "tiny/phantom: another process is writing it" in error(capsys)


def test_two_trainings_at_once_leave_one_whole_result(tmp_path: Path) -> None:
    ends = {}
    for place in ("alone", "shared"):
        (tmp_path / place).mkdir()
        starts = 1 if place == "alone" else 2
        context = processes()
        ends[place] = [
            context.Process(target=kill_tasks.train, args=(tmp_path / place,)) for _ in range(starts)
        ]
        for process in ends[place]:
            process.start()
        for process in ends[place]:
            process.join()
    assert 0 in [process.exitcode for process in ends["shared"]]
    assert contents(tmp_path / "shared") == contents(tmp_path / "alone")


def test_a_download_is_kept_for_one(tmp_path: Path) -> None:
    from fetalseg_lib.data.download import download

    with only_one(tmp_path / "hc18"), pytest.raises(ValueError, match="another process is writing it"):
        download(tmp_path / "hc18", record="http://127.0.0.1:9")


def hold(target: Path) -> None:
    with only_one(target):
        (target.parent / "held").touch()
        time.sleep(600)


def test_the_lock_dies_with_its_process(tmp_path: Path) -> None:
    process = processes().Process(target=hold, args=(tmp_path / "run",))
    process.start()
    while not (tmp_path / "held").exists():
        assert process.is_alive()
        time.sleep(0.01)
    with pytest.raises(ValueError, match="another process"), only_one(tmp_path / "run"):
        pass
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    with only_one(tmp_path / "run"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["held"]


def test_a_killed_phantom_folder_is_no_data(tmp_path: Path) -> None:
    """Its CSV is written last: without it the folder is refused, not read in part."""
    samples = phantom.generate(3, seed=0, size=(96, 128))

    def stopped() -> Iterator[object]:
        yield samples[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        phantom.write_folder(stopped(), tmp_path / "heads")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no HC18 data here"):
        hc18.load(tmp_path / "heads")
    phantom.write_folder(samples, tmp_path / "heads")
    assert len(hc18.load(tmp_path / "heads")) == 3
