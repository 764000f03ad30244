"""The training loop that a beginner would write, to measure this library's against.

Nothing in it is wrong. It reads two PNG files whenever an image is asked for, and computes in float32 and in
the memory layout that it finds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import ToTensor

from fetalseg_lib.data.augment import build_augmentation
from fetalseg_lib.data.sample import Sample


class PngDataset(Dataset[tuple[Tensor, Tensor]]):
    """Images and filled masks, read from a folder, squeezed to ``size`` and augmented."""

    def __init__(self, folder: Path, size: int) -> None:
        self.images = sorted(folder.glob("image*.png"))
        self.masks = sorted(folder.glob("mask*.png"))
        self.size = (size, size)
        self.augment = build_augmentation()
        self.to_tensor = ToTensor()  # float32 in [0, 1]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, item: int) -> tuple[Tensor, Tensor]:
        image = Image.open(self.images[item]).resize(self.size)
        mask = Image.open(self.masks[item]).resize(self.size, Image.Resampling.NEAREST)
        moved = self.augment(image=np.array(image), mask=np.array(mask))
        return self.to_tensor(moved["image"]), self.to_tensor(moved["mask"])


def write_pngs(samples: Sequence[Sample], folder: Path) -> None:
    """Write what :class:`PngDataset` reads."""
    for i, sample in enumerate(samples):
        assert sample.mask is not None
        Image.fromarray(sample.image).save(folder / f"image{i:03d}.png")
        Image.fromarray(255 * sample.mask.astype(np.uint8)).save(folder / f"mask{i:03d}.png")


def loader(folder: Path, *, size: int, batch_size: int) -> DataLoader[tuple[Tensor, Tensor]]:
    """Shuffled batches of images and masks, both ``B 1 H W`` in [0, 1]."""
    return DataLoader(PngDataset(folder, size), batch_size=batch_size, shuffle=True)


def train_one_epoch(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    optimizer: torch.optim.Optimizer,
    loss_function: nn.Module,
) -> None:
    """One step for each batch."""
    model.train()
    for images, masks in batches:
        optimizer.zero_grad()
        loss = loss_function(model(images), masks)
        loss.backward()
        optimizer.step()
