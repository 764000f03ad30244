"""Augmentation is the note's, and batches depend on (seed, epoch) alone."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import binomtest

from fetalseg_lib.data import cache, phantom
from fetalseg_lib.data.augment import apply_augmentation, build_augmentation
from fetalseg_lib.data.dataset import SegmentationDataset, batches, halve
from fetalseg_lib.geometry import Ellipse, rasterize

SIDE = 128
AUGMENTATION = build_augmentation()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> cache.Cache:
    samples = phantom.generate(10, seed=1, size=(108, 160))
    return cache.build(samples, image_size=(32, 48), directory=tmp_path_factory.mktemp("cache"))


def _moved(mask: NDArray[np.bool_], seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    return apply_augmentation(
        AUGMENTATION, mask.astype(np.uint8) * np.uint8(200), mask.astype(np.uint8), seed=(seed,)
    )


def _pose(mask: NDArray[np.uint8]) -> tuple[float, float, float, float]:
    """Centre x and y, angle of the longer axis in degrees, and area, by moments."""
    rows, columns = np.nonzero(mask)
    covariance = np.cov(columns, rows)
    angle = 0.5 * math.degrees(math.atan2(2 * covariance[0, 1], covariance[0, 0] - covariance[1, 1]))
    return columns.mean(), rows.mean(), angle, float(mask.sum())


MIDDLE = (SIDE - 1) / 2
HEAD = rasterize(
    Ellipse(center_x=MIDDLE, center_y=MIDDLE, semi_major=38, semi_minor=18, angle=0), (SIDE, SIDE)
)


def test_movements_stay_within_the_note_and_each_falls_by_its_own_coin() -> None:
    """Rotation up to 20°, scale up to 10 %, translation up to 10 %; each, alone, in half of the cases."""
    x0, y0, angle0, area0 = _pose(HEAD)
    poses = [_pose(_moved(HEAD, seed)[1]) for seed in range(600)]
    moved = np.array(
        [(x - x0, y - y0, angle - angle0, math.sqrt(area / area0)) for x, y, angle, area in poses]
    )
    shift, turn, scale = moved[:, :2], moved[:, 2], moved[:, 3]
    assert np.abs(shift).max() == pytest.approx(12, abs=0.05)  # 12.8, in whole pixels
    assert 19 < np.abs(turn).max() < 20.8
    assert 0.88 < scale.min() < 0.92
    assert 1.08 < scale.max() < 1.12
    rotated = np.abs(turn) > 0.5  # so small a turn has probability 1/40
    scaled = np.abs(scale - 1) > 0.006
    shifted = np.abs(shift).max(axis=1) > 0.9
    for happened in (rotated, scaled, shifted):
        assert 0.4 < happened.mean() < 0.56
    for a, b in ((rotated, scaled), (rotated, shifted), (scaled, shifted)):
        both, expected = int((a & b).sum()), a.mean() * b.mean()
        assert binomtest(both, len(a), expected).pvalue > 0.001


def test_half_of_the_images_are_flipped() -> None:
    half = np.zeros((SIDE, SIDE), bool)
    half[:, : SIDE // 2] = True
    flipped = [_moved(half, seed)[1][:, SIDE // 2 :].sum() > half.sum() / 2 for seed in range(300)]
    assert 0.42 < np.mean(flipped) < 0.58


def test_image_and_mask_move_together() -> None:
    rng = np.random.default_rng(0)
    for seed in range(60):
        head = rasterize(
            Ellipse(
                center_x=rng.uniform(35, 60),
                center_y=rng.uniform(35, 60),
                semi_major=28,
                semi_minor=20,
                angle=1,
            ),
            (SIDE, SIDE),
        )
        image, mask = _moved(head, seed)
        assert set(np.unique(mask)) <= {0, 1}
        disagree = (image >= 100) != (mask == 1)
        assert disagree.mean() < 0.012  # of a border that is 1.6 % of the pixels
        rows, columns = np.nonzero(image >= 100)
        x, y, _, _ = _pose(mask)
        assert (columns.mean(), rows.mean()) == pytest.approx((x, y), abs=0.3)


def test_equal_seeds_move_equally_whatever_came_before() -> None:
    first = [_moved(HEAD, seed)[0] for seed in (1, 2, 3)]
    again = [_moved(HEAD, seed)[0] for seed in (3, 1, 2)]
    fresh = apply_augmentation(build_augmentation(), HEAD * np.uint8(200), HEAD.astype(np.uint8), seed=(2,))
    assert (first[0] == again[1]).all()
    assert (first[1] == again[2]).all()
    assert (first[1] == fresh[0]).all()
    assert (first[2] == again[0]).all()


def test_the_import_asks_no_network(tmp_path: Path) -> None:
    """A stand-in for the library tells what it would have seen in the environment when it was imported."""
    stand_in = "import os\nprint(os.environ.get('NO_ALBUMENTATIONS_UPDATE'))\nraise SystemExit\n"
    (tmp_path / "albumentations.py").write_text(stand_in)
    environment = {name: value for name, value in os.environ.items() if name != "NO_ALBUMENTATIONS_UPDATE"}
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import fetalseg_lib.data.augment as a"
    command = [sys.executable, "-c", f"{code}; a.build_augmentation()"]
    out = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert out.stdout.strip() == "1"


def test_an_item_is_the_row_of_the_cache_as_floats(small: cache.Cache) -> None:
    dataset = SegmentationDataset(small, [7, 2])
    assert len(dataset) == 2
    image, mask = dataset[1]
    assert image.shape == mask.shape == (1, 32, 48)
    assert image.dtype == mask.dtype == torch.float32
    assert np.array_equal(image[0].numpy(), small.images[2] / np.float32(255))
    assert np.array_equal(mask[0].numpy(), small.masks[2])


@pytest.mark.parametrize("augment", [None, AUGMENTATION], ids=["plain", "augmented"])
def test_an_epoch_has_every_row_once(small: cache.Cache, augment: object) -> None:
    dataset = SegmentationDataset(small, [9, 1, 4, 6, 3], augment)  # type: ignore[arg-type]
    epoch = list(batches(dataset, batch_size=2, seed=0, epoch=3, shuffle=True))
    assert [tuple(image.shape) for image, _ in epoch] == [(2, 1, 32, 48), (2, 1, 32, 48), (1, 1, 32, 48)]
    images = torch.cat([image for image, _ in epoch])
    expected = dataset.at(seed=0, epoch=3).take(range(5))[0]
    assert sorted(image.sum().item() for image in images) == sorted(image.sum().item() for image in expected)


def test_batches_follow_from_seed_and_epoch_alone(small: cache.Cache) -> None:
    dataset = SegmentationDataset(small, range(10), AUGMENTATION)

    def epoch(seed: int, number: int) -> torch.Tensor:
        pairs = batches(dataset, batch_size=4, seed=seed, epoch=number, shuffle=True)
        return torch.cat([torch.cat(pair, 1) for pair in pairs])

    straight = [epoch(5, number) for number in range(3)]
    np.random.default_rng().random()
    torch.rand(3)
    assert torch.equal(epoch(5, 2), straight[2])
    assert torch.equal(epoch(5, 0), straight[0])
    assert not torch.equal(straight[0], straight[1])
    assert not torch.equal(epoch(6, 0), straight[0])


def test_without_shuffle_the_order_is_the_rows(small: cache.Cache) -> None:
    dataset = SegmentationDataset(small, [3, 0, 8])
    ((images, _),) = batches(dataset, batch_size=8, seed=1, epoch=1, shuffle=False)
    assert np.array_equal(images[:, 0].numpy(), small.images[[3, 0, 8]] / np.float32(255))
    with pytest.raises(ValueError, match="batch_size"):
        next(iter(batches(dataset, batch_size=0, seed=1, epoch=1, shuffle=False)))


def test_a_row_is_augmented_alike_in_any_company(small: cache.Cache) -> None:
    alone = SegmentationDataset(small, [6], AUGMENTATION).at(seed=2, epoch=9)
    among = SegmentationDataset(small, range(10), AUGMENTATION).at(seed=2, epoch=9)
    assert torch.equal(alone[0][0], among[6][0])


def test_the_cache_is_not_changed(small: cache.Cache) -> None:
    before = np.array(small.images)
    list(
        batches(
            SegmentationDataset(small, range(10), AUGMENTATION), batch_size=4, seed=0, epoch=0, shuffle=True
        )
    )
    assert np.array_equal(small.images, before)


def test_a_torch_loader_can_use_it(small: cache.Cache, tmp_path: Path) -> None:
    loader = torch.utils.data.DataLoader(SegmentationDataset(small, range(10)), batch_size=5)
    assert [tuple(image.shape) for image, _ in loader] == [(5, 1, 32, 48)] * 2


def test_halved_images_are_those_of_opencv_and_masks_keep_their_half(small: cache.Cache) -> None:
    images, masks = SegmentationDataset(small, rows=range(4)).take(range(4))
    half, kept = halve((images, masks))
    for image, whole, mask, before in zip(half, images, kept, masks, strict=True):
        by_area = cv2.resize(whole[0].numpy(), (24, 16), interpolation=cv2.INTER_AREA)
        np.testing.assert_allclose(image[0], by_area, atol=1e-6)
        of_four = before[0].reshape(16, 2, 24, 2).sum(dim=(1, 3))
        assert torch.equal(mask[0], (of_four >= 2).float())


def test_an_odd_side_cannot_be_halved() -> None:
    with pytest.raises(ValueError, match=r"images: expected an even height and width, got \(4, 5\)"):
        halve((torch.zeros(1, 1, 4, 5), torch.zeros(1, 1, 4, 5)))
