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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import kill_tasks
import numpy as np
import pytest
from killing import contents, processes
from test_study_records import write_run

from fetalseg_book.__main__ import main as book
from fetalseg_lib.cli import main
from fetalseg_lib.data import hc18, phantom
from fetalseg_lib.data.sample import Sample
from fetalseg_lib.evaluation.biometry import HeadMeasurement, measure_head
from fetalseg_lib.files import only_one
from fetalseg_lib.names import beside
from fetalseg_lib.study import evaluate, records

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")

MEGABYTES = 200
SPARE_BYTES = 8_000


@dataclass
class Disk:
    """``root`` is a folder on it."""

    root: Path
    mounted: bool
    patch: pytest.MonkeyPatch

    def fill(self, *, spare: int = SPARE_BYTES) -> None:
        if not self.mounted:
            self.patch.setattr(os, "fsync", _full)
            return
        space = os.statvfs(self.root)
        with (self.root / ".filler").open("wb") as file:
            file.write(bytes(space.f_bavail * space.f_frsize - spare))

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


@pytest.fixture(scope="module")
def labelled() -> list[Sample]:
    return list(phantom.generate(3, seed=6, size=(96, 128)))


@pytest.fixture(scope="module")
def heads(labelled: list[Sample]) -> dict[str, HeadMeasurement]:
    found = {}
    for sample in labelled:
        assert sample.mask is not None
        spacing = (sample.pixel_size_mm, sample.pixel_size_mm)
        found[sample.name] = measure_head(sample.mask.astype(np.float32), pixel_spacing_mm=spacing)
    return found


@pytest.fixture(scope="module")
def prepared(labelled: list[Sample], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``inputs`` is a copy of, drawn once."""
    place = tmp_path_factory.mktemp("prepared")
    for kind in ("images", "masks"):
        (place / kind).mkdir()
    for number, sample in enumerate(phantom.generate(2, seed=5, size=(96, 128))):
        assert sample.mask is not None
        pixels = {"images": sample.image, "masks": sample.mask.astype(np.uint8) * 255}
        for kind, image in pixels.items():
            cv2.imwrite(str(place / kind / f"{number}.png"), image)
    (place / "tiny.yaml").write_text(kill_tasks.PROFILE, encoding="utf-8")
    kill_tasks.save_random_weights(place / "weights")
    phantom.write_folder(labelled, place / "labelled")
    plan = kill_tasks.PROFILE.replace("[random_encoder]", "[random_encoder, unet]")
    plan = plan.replace("[0, 1]", "[0, 1, 2]") + "noise_floor: random_encoder\n"
    (place / "plan.yaml").write_text(plan, encoding="utf-8")
    (place / "compared.yaml").write_text(plan + COMPARED, encoding="utf-8")
    for seed in (0, 1, 2):
        write_run(place / "study", "random_encoder", seed, shift=0.01 * seed)
        for variant in ("random_encoder", "unet"):
            write_run(place / "compared", variant, seed, shift=0.01 * seed)
    return place


@pytest.fixture
def inputs(
    prepared: Path,
    labelled: list[Sample],
    heads: dict[str, HeadMeasurement],
    shared_cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """Images, masks and weights for the commands, on another disk; so is the cache."""
    monkeypatch.setenv("FETALSEG_CACHE", str(shared_cache))
    monkeypatch.setattr(hc18, "load_test", lambda: labelled)
    monkeypatch.setattr(evaluate, "measure_images", lambda *_, **__: dict(heads))
    return Path(shutil.copytree(prepared, tmp_path / "inputs"))


COMPARED = """
margins: {dice_points: 0.2, hc_mm: 0.25}
comparisons:
  unet: {question: 1, reference: random_encoder, family: one}
"""

COMMANDS = {
    "train": "train --variant random_encoder --device cpu --profile IN/tiny.yaml -o OUT/runs",
    "pretrain": "pretrain --images 32 --size 32 --epochs 1 --device cpu -o OUT/mine.safetensors",
    "predict": "predict IN/images --checkpoint IN/weights --overlay OUT/overlays -o OUT/results.csv",
    "phantom": "phantom --n 2 -o OUT/heads",
    "import": "import-masks IN/images IN/masks --pixel-size 0.2 -o OUT/heads",
    "export": "export IN/weights -o OUT/mine.onnx",
    "retest": "retest IN/weights --data IN/labelled --fold all -o OUT/v1.0",
    "submit": "submit IN/weights -o OUT/heads.csv",
    "tables": "tables OUT/study",
    "noise-floor": "noise-floor OUT/study --profile IN/plan.yaml",
    "answer": "answer OUT/study --profile IN/compared.yaml",
    "diagram": "diagram unet -o OUT/unet.svg",
}
"""All commands that write."""

OF_THE_BOOK = ("pretrain", "noise-floor", "answer", "diagram")

SMALL = ("retest", "submit", "tables", "noise-floor", "answer")
"""What these write fits on a nearly full disk."""


def lay_study(name: str, inputs: Path, out: Path) -> None:
    """The finished runs that some commands write their tables beside."""
    if name in ("tables", "noise-floor", "answer"):
        shutil.copytree(inputs / ("compared" if name == "answer" else "study"), out / "study")


def run(command: str, inputs: Path, out: Path) -> int:
    words = command.replace("IN/", f"{inputs}/").replace("OUT/", f"{out}/").split()
    return (book if words[0] in OF_THE_BOOK else main)(words)


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
    lay_study(name, inputs, disk.root)
    disk.fill(spare=0 if name in SMALL else SPARE_BYTES)
    assert run(COMMANDS[name], inputs, disk.root) == 2
    message = error(capsys)
    assert "No space left on device" in message
    assert str(disk.root) in message
    assert "make room and type the same command again" in message
    left = contents(disk.root)
    disk.free()
    assert run(COMMANDS[name], inputs, disk.root) == 0
    (tmp_path / "elsewhere").mkdir()
    lay_study(name, inputs, tmp_path / "elsewhere")
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
    lay_study(name, inputs, disk.root)
    before = sorted(disk.root.rglob("*"))
    disk.forbid()
    assert run(COMMANDS[name], inputs, disk.root) == 2
    message = error(capsys)
    assert "Read-only file system" in message or "Permission denied" in message
    assert "choose a folder that you may write" in message
    disk.allow()
    assert sorted(disk.root.rglob("*")) == before


# Two in one place

PLACES = {
    "train": "runs/tiny/phantom/random_encoder/seed-0",
    "pretrain": "mine.safetensors",
    "predict": "results.csv",
    "phantom": "heads",
    "import": "heads",
    "export": "mine.onnx",
    "retest": "v1.0.csv",
    "submit": "heads.csv",
    "tables": "study/tables/runs.csv",
    "noise-floor": "study/tables/noise_floor.csv",
    "answer": "study/tables/answer.csv",
    "diagram": "unet.svg",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_second_command_in_the_same_place_is_one_error(
    name: str, inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "out" / PLACES[name]
    lay_study(name, inputs, tmp_path / "out")
    before = contents(tmp_path / "out")
    with only_one(place):
        assert run(COMMANDS[name], inputs, tmp_path / "out") == 2
        message = error(capsys)
        assert f"{place}: another process is writing it; wait for that one" in message
    assert contents(tmp_path / "out") == before
    assert not list(place.parent.iterdir()), "the lock leaves no file"


# A link where a draft is to be


@pytest.mark.parametrize("name", COMMANDS)
def test_a_link_where_a_draft_is_to_be_is_not_followed(
    name: str, inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place, victim = tmp_path / "out" / PLACES[name], tmp_path / "victim"
    victim.mkdir()
    (victim / "file").write_bytes(b"of my own")
    lay_study(name, inputs, tmp_path / "out")
    place.parent.mkdir(parents=True, exist_ok=True)
    if name == "train":
        place.mkdir()
        beside(place / records.METRICS, ".partial").symlink_to(victim / "file")
    elif name in ("phantom", "import"):
        beside(place, ".partial", hidden=True).symlink_to(victim)
    else:
        beside(place, ".partial").symlink_to(victim / "file")
    assert run(COMMANDS[name], inputs, tmp_path / "out") == 0
    assert contents(victim) == {"file": b"of my own"}
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_symlink()]


@pytest.mark.parametrize("ending", [".lock", ".unfinished"])
def test_a_link_where_a_table_is_to_grow_is_refused(
    ending: str, inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "victim").write_bytes(b"of my own")
    beside(tmp_path / "results.csv", ending, hidden=ending == ".lock").symlink_to(tmp_path / "victim")
    assert run(COMMANDS["predict"], inputs, tmp_path) == 2
    assert f"results.csv{ending}" in error(capsys)
    assert (tmp_path / "victim").read_bytes() == b"of my own"


# Files that are there


@pytest.mark.parametrize(
    ("name", "place"), [("phantom", "heads"), ("import", "heads"), ("predict", "overlays")]
)
def test_a_folder_that_has_files_is_refused(
    name: str, place: str, inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "out" / place / "training_set" / "000_HC.png"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"of my own")
    assert run(COMMANDS[name], inputs, tmp_path / "out") == 2
    assert "expected a new folder" in error(capsys)
    assert contents(tmp_path / "out") == {f"{place}/training_set/000_HC.png": b"of my own"}


@pytest.mark.parametrize("name", ["phantom", "import"])
def test_a_second_time_into_one_folder_leaves_the_first(
    name: str, inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "heads").mkdir()  # an empty folder is as good as none
    assert run(COMMANDS[name], inputs, tmp_path) == 0
    before = contents(tmp_path)
    assert run(f"{COMMANDS[name]} {'--seed 2' if name == 'phantom' else ''}", inputs, tmp_path) == 2
    assert "expected a new folder" in error(capsys)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["export", "retest", "submit", "diagram", "predict"])
def test_a_folder_in_the_place_of_a_file_is_one_error(
    name: str, inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / PLACES[name]).mkdir()
    assert run(COMMANDS[name], inputs, tmp_path) == 2
    assert PLACES[name] in error(capsys)
    assert not contents(tmp_path / PLACES[name])


# A power cut


@pytest.mark.parametrize("name", COMMANDS)
def test_what_has_its_name_is_on_the_disk(
    name: str, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No test cuts the power. Instead: files, and folders that appear, are flushed before they get their
    name, and the folder that the name is in is flushed after it."""
    out = tmp_path / "out"
    out.mkdir()
    lay_study(name, inputs, out)
    laid = {path for path in out.rglob("*") if path.is_file()}
    flushed: set[tuple[int, int]] = set()
    to_flush: set[tuple[int, int]] = set()
    fsync, replace, rename = os.fsync, os.replace, os.rename

    def flush(descriptor: int) -> None:
        fsync(descriptor)
        flushed.add(identity(os.fstat(descriptor)))
        to_flush.discard(identity(os.fstat(descriptor)))

    def name_it(act: Callable[..., None], source: Path, target: Path) -> None:
        if out in Path(target).parents:
            for path in (Path(source), *Path(source).rglob("*")):
                assert identity(path.stat()) in flushed, f"{path} is not on the disk when it becomes {target}"
            to_flush.add(identity(Path(target).parent.stat()))
        act(source, target)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(os, "replace", partial(name_it, replace))
    monkeypatch.setattr(os, "rename", partial(name_it, rename))
    assert run(COMMANDS[name], inputs, out) == 0
    assert not to_flush, "a folder with a new name in it is not on the disk"
    written = {path for path in out.rglob("*") if path.is_file()} - laid
    assert written
    assert not [path for path in written if identity(path.stat()) not in flushed]


def identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def test_a_second_study_in_the_same_folder_is_one_error(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("snakemake was started"))
    with only_one(tmp_path / "runs" / "tiny" / "phantom"):
        assert main(["study", "--profile", str(inputs / "tiny.yaml"), "-o", str(tmp_path / "runs")]) == 2
    assert "tiny/phantom: another process is writing it" in error(capsys)


def test_two_trainings_at_once_leave_one_whole_result(tmp_path: Path) -> None:
    ends = {}
    train = partial(kill_tasks.train, cache=tmp_path / "cache")
    for place in ("alone", "shared"):
        (tmp_path / place).mkdir()
        starts = 1 if place == "alone" else 2
        context = processes()
        ends[place] = [context.Process(target=train, args=(tmp_path / place,)) for _ in range(starts)]
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
    """It appears when it is whole."""
    samples = phantom.generate(3, seed=0, size=(96, 128))

    def stopped() -> Iterator[object]:
        yield samples[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        phantom.write_folder(stopped(), tmp_path / "heads")  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
    phantom.write_folder(samples, tmp_path / "heads")
    assert len(hc18.load(tmp_path / "heads")) == 3
