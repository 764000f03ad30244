"""Rows of a cache as tensors, and batches whose order and augmentation follow from (seed, epoch) alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from fetalseg_lib.data.augment import apply_augmentation
from fetalseg_lib.data.cache import Cache

if TYPE_CHECKING:
    import albumentations as A


@dataclass(frozen=True, eq=False)
class SegmentationDataset(Dataset[tuple[Tensor, Tensor]]):
    """The rows ``rows`` of a cache as ``(image, mask)``: float32 ``1 H W``, image in [0, 1], mask 0 or 1.

    With ``augment``, item ``i`` is moved as (``seed``, ``epoch``, its row in the cache) say, whoever asks for
    it, and when.
    """

    cache: Cache
    rows: Sequence[int]
    augment: A.Compose | None = None
    seed: int = 0
    epoch: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, item: int) -> tuple[Tensor, Tensor]:
        images, masks = self.take([item])
        return images[0], masks[0]

    def at(self, *, seed: int, epoch: int) -> SegmentationDataset:
        """The same rows, augmented as in another epoch."""
        return dataclasses.replace(self, seed=seed, epoch=epoch)

    def take(self, items: Sequence[int] | NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Items as one batch, ``(image B 1 H W, mask B 1 H W)``."""
        rows = [self.rows[item] for item in items]
        images, masks = self.cache.images[rows], self.cache.masks[rows]
        if self.augment is not None:
            for i, row in enumerate(rows):
                seed = (self.seed, self.epoch, row)
                images[i], masks[i] = apply_augmentation(self.augment, images[i], masks[i], seed=seed)
        image, mask = (torch.from_numpy(part).unsqueeze(1).float() for part in (images, masks))
        return image.div_(255), mask


def batches(
    dataset: SegmentationDataset, *, batch_size: int, seed: int, epoch: int, shuffle: bool
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches ``(image B 1 H W, mask B 1 H W)`` of one epoch; the last may be smaller.

    Order and augmentation depend on ``seed`` and ``epoch`` alone, so a run that was stopped after epoch 7
    goes on with the very batches of epoch 8. Raises ``ValueError`` for a ``batch_size`` below 1.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size: expected at least 1, got {batch_size}")
    order = np.arange(len(dataset))
    if shuffle:
        order = np.random.default_rng((seed, epoch)).permutation(order)
    dataset = dataset.at(seed=seed, epoch=epoch)
    for start in range(0, len(order), batch_size):
        yield dataset.take(order[start : start + batch_size])


def halve(batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Images and masks at half the height and width, both ``B 1 H W`` → ``B 1 H/2 W/2``.

    A pixel becomes the mean of four; it is of the head where at least two of them were. Raises ``ValueError``
    where a side is odd.

    >>> image = torch.tensor([[[[0.0, 0.2, 1.0, 1.0], [0.4, 0.6, 0.5, 0.5]]]])
    >>> small, mask = halve((image, (image > 0.3).float()))
    >>> small, mask
    (tensor([[[[0.3000, 0.7500]]]]), tensor([[[[1., 1.]]]]))
    """
    images, masks = batch
    if images.shape[-2] % 2 or images.shape[-1] % 2:
        raise ValueError(f"images: expected an even height and width, got {tuple(images.shape[-2:])}")
    return F.avg_pool2d(images, 2), (F.avg_pool2d(masks, 2) >= 0.5).float()
