"""The cache: what comes out is what went in, it is built once, and nothing leaves half of one behind."""

from __future__ import annotations

import functools
import os
import signal
import time
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
from killing import processes

from fetalseg_lib.data import cache, hc18, phantom
from fetalseg_lib.data.layout import TRAINING
from fetalseg_lib.data.resize import resize_image, resize_mask
from fetalseg_lib.data.sample import Sample
from fetalseg_lib.geometry import Ellipse, rasterize


class Drawn(phantom.Phantoms):
    """Every row is drawn once, for all tests here."""

    read = functools.cache(phantom.Phantoms.read)


PHANTOMS = Drawn(**vars(phantom.generate(5, seed=3, size=(120, 170))))


def test_the_cache_holds_what_the_samples_hold(tmp_path: Path) -> None:
    built = cache.build(PHANTOMS, image_size=(64, 48), directory=tmp_path)
    assert built.images.shape == built.masks.shape == (5, 64, 48)
    assert built.images.dtype == built.masks.dtype == np.uint8
    assert built.image_size == (64, 48)
    assert set(np.unique(built.masks)) == {0, 1}
    assert list(built.index.columns) == [
        "name", "exam", "pixel_size_mm", "hc_mm", "native_height", "native_width",
    ]  # fmt: skip
    for row, sample in enumerate(PHANTOMS):
        assert sample.mask is not None
        assert (built.native_mask(row) == sample.mask).all()
        record = built.index.iloc[row]
        assert record["name"] == sample.name
        assert record["exam"] == sample.exam
        assert record["pixel_size_mm"] == sample.pixel_size_mm  # to the last bit
        assert record["hc_mm"] == sample.hc_mm
        assert (record["native_height"], record["native_width"]) == sample.shape
        # against another resize: block means of a size that divides
        assert built.masks[row].mean() == pytest.approx(sample.mask.mean(), abs=0.005)
        assert built.images[row].mean() == pytest.approx(sample.image.mean(), abs=0.5)
    with pytest.raises(ValueError, match="read-only"):
        built.images[0, 0, 0] = 1


def test_samples_of_different_size_keep_their_own(tmp_path: Path) -> None:
    samples = [*PHANTOMS[:1], *phantom.generate(1, seed=3, size=(61, 97))]
    built = cache.build(samples, image_size=(32, 32), directory=tmp_path)
    assert [built.native_mask(row).shape for row in range(2)] == [(120, 170), (61, 97)]


def test_the_second_start_reads_no_png(tmp_path: Path) -> None:
    """The PNGs are overwritten by rubbish of the same size and time; nobody notices."""
    root = phantom.write_folder(PHANTOMS, tmp_path / "hc18")
    first = cache.build(hc18.load(root), image_size=(32, 32), directory=tmp_path / "cache")
    images = np.array(first.images)
    for path in (root / TRAINING.folder).iterdir():
        stat = path.stat()
        path.write_bytes(b"\0" * stat.st_size)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    second = cache.build(hc18.load(root), image_size=(32, 32), directory=tmp_path / "cache")
    assert (second.images == images).all()
    assert second.content_sha256 == first.content_sha256
    assert second.directory == first.directory


def test_anything_that_differs_makes_another_cache(tmp_path: Path) -> None:
    root = phantom.write_folder(PHANTOMS, tmp_path / "hc18")
    samples = hc18.load(root)
    first = cache.build(samples, image_size=(32, 32), directory=tmp_path)
    path = root / TRAINING.folder / "001_HC.png"
    os.utime(path, ns=(0, 0))
    others = [
        cache.build(
            samples, image_size=(32, 32), directory=tmp_path
        ),  # touched, though with the same content
        cache.build(samples, image_size=(32, 24), directory=tmp_path),
        cache.build(samples[:4], image_size=(32, 32), directory=tmp_path),
        cache.build(list(samples), image_size=(32, 32), directory=tmp_path),
        cache.build(PHANTOMS, image_size=(32, 32), directory=tmp_path),
    ]
    assert len({built.directory for built in [first, *others]}) == 6
    assert others[0].content_sha256 == others[3].content_sha256 == first.content_sha256
    assert others[2].content_sha256 != first.content_sha256 != others[4].content_sha256


def test_a_list_of_samples_is_known_by_its_content(tmp_path: Path) -> None:
    samples = list(phantom.Phantoms(**vars(PHANTOMS)))  # drawn anew, to be changed
    first = cache.build(samples, image_size=(32, 32), directory=tmp_path)
    assert cache.build(list(PHANTOMS), image_size=(32, 32), directory=tmp_path).directory == first.directory
    samples[0].image[5, 5] ^= 1
    assert cache.build(samples, image_size=(32, 32), directory=tmp_path).directory != first.directory


@pytest.mark.parametrize("file", ["images.npy", "masks.npy", "native_masks.bin", "meta.json"])
@pytest.mark.parametrize("damage", ["removed", "cut", "one bit"])
def test_a_damaged_cache_is_built_again(tmp_path: Path, file: str, damage: str) -> None:
    first = cache.build(PHANTOMS, image_size=(32, 32), directory=tmp_path)
    path = first.directory / file
    if damage == "removed":
        path.unlink()
    elif damage == "one bit":
        content = bytearray(path.read_bytes())
        content[-len(content) // 4] ^= 1
        path.write_bytes(content)
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    second = cache.build(PHANTOMS, image_size=(32, 32), directory=tmp_path)
    assert second.content_sha256 == first.content_sha256
    assert len(second) == 5
    for row, sample in enumerate(PHANTOMS):
        assert sample.mask is not None
        assert (second.native_mask(row) == sample.mask).all()
        assert np.array_equal(second.images[row], resize_image(sample.image, (32, 32)))
        assert np.array_equal(second.masks[row], resize_mask(sample.mask, (32, 32)))
    assert [child.name for child in tmp_path.iterdir()] == [first.directory.name]


def build_slowly(directory: Path, pause: float, answer: Connection) -> None:
    """Tell each row as it is drawn, and at last what was built."""

    class Slow(phantom.Phantoms):
        def read(self, row: int) -> phantom.Phantom:
            time.sleep(pause)
            answer.send(row)
            return super().read(row)

    samples = Slow(**vars(phantom.generate(5, seed=3, size=(120, 170))))
    answer.send(cache.build(samples, image_size=(64, 48), directory=directory).content_sha256)


def _start(directory: Path, pause: float) -> tuple[BaseProcess, Connection]:
    context = processes()
    answers, answer = context.Pipe(duplex=False)
    process = context.Process(target=build_slowly, args=(directory, pause, answer))
    process.start()
    answer.close()
    return process, answers


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_build_leaves_nothing_that_counts(tmp_path: Path) -> None:
    process, answers = _start(tmp_path, pause=0.3)
    for _ in range(3):
        answers.recv()
    process.kill()
    process.join()
    left = list(tmp_path.iterdir())
    assert [path.name.startswith(".draft-") for path in left] == [True]  # killed in the middle of it
    built = cache.build(PHANTOMS, image_size=(64, 48), directory=tmp_path)
    assert (built.native_mask(4) == PHANTOMS[4].mask).all()
    assert left[0].exists()  # it might still be somebody's work
    yesterday = time.time() - 25 * 3600
    os.utime(left[0], (yesterday, yesterday))
    cache.build(PHANTOMS, image_size=(32, 32), directory=tmp_path)
    assert not left[0].exists()


def test_two_processes_that_build_at_once_agree(tmp_path: Path) -> None:
    both = [_start(tmp_path, pause=0.1) for _ in range(2)]
    ends = [next(told for told in iter(answers.recv, None) if isinstance(told, str)) for _, answers in both]
    for process, _answers in both:
        process.join()
        assert process.exitcode == 0
    assert ends[0] == ends[1] == cache.build(PHANTOMS, image_size=(64, 48), directory=tmp_path).content_sha256
    assert len(list(tmp_path.iterdir())) == 1


class Stopping(phantom.Phantoms):
    def read(self, row: int) -> Sample:
        if row == 2:
            raise KeyboardInterrupt
        return super().read(row)


def test_an_interrupted_build_cleans_up(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        cache.build(Stopping(**vars(PHANTOMS)), image_size=(32, 32), directory=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_cached_is_refused(tmp_path: Path) -> None:
    bare = Sample(
        image=np.zeros((9, 9), np.uint8), mask=None, pixel_size_mm=0.1, hc_mm=None, exam=0, name="000_HC.png"
    )
    with pytest.raises(ValueError, match=r"expected a mask with each, got none with 000_HC\.png"):
        cache.build([bare], image_size=(8, 8), directory=tmp_path)
    for samples, size in (([], (8, 8)), (PHANTOMS, (0, 8))):
        with pytest.raises(ValueError, match="expected samples and a positive image_size"):
            cache.build(samples, image_size=size, directory=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [(128, 128), (256, 256), (96, 160), (1080, 1600)])
def test_resizing_a_mask_shifts_nothing(size: tuple[int, int]) -> None:
    """Against the scaled ellipse itself, whose centre x goes to (x + 1/2) * scale - 1/2."""
    y_scale, x_scale = size[0] / 540, size[1] / 800
    rng = np.random.default_rng(0)
    shifts = []
    for _ in range(12):
        head = Ellipse(
            center_x=rng.uniform(300, 500),
            center_y=rng.uniform(230, 310),
            semi_major=rng.uniform(120, 200),
            semi_minor=rng.uniform(80, 119),
            angle=rng.uniform(-1.5, 1.5),
        )
        resized = resize_mask(rasterize(head, (540, 800)), size)
        rows, columns = np.nonzero(resized)
        x, y = (head.center_x + 0.5) * x_scale - 0.5, (head.center_y + 0.5) * y_scale - 0.5
        shifts.append((columns.mean() - x, rows.mean() - y))
        assert resized.sum() == pytest.approx(head.area * x_scale * y_scale, rel=0.01)
    assert np.abs(shifts).max() < 0.15  # forgetting the half pixel costs 0.26 and more at these sizes
    assert np.abs(np.mean(shifts, axis=0)).max() < 0.03


def test_an_image_shrinks_to_its_block_means() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 80), dtype=np.uint8)
    means = image.reshape(20, 3, 40, 2).mean(axis=(1, 3))
    assert np.abs(resize_image(image, (20, 40)) - means).max() <= 0.51
