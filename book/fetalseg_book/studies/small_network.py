"""What makes the small network better: one change at a time, judged by validation images alone.

Each change is tried on the light decoder, ending at half the size, with a fine-tuned encoder, and trained on
the older fold's images. Its test images are not looked at. It goes on where it was stopped::

    python -m fetalseg_book.studies.small_network base appearance -o results/analysis/small_network
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import pandas as pd
import torch

from fetalseg_lib.data.augment import build_augmentation
from fetalseg_lib.data.dataset import SegmentationDataset, batches
from fetalseg_lib.files import only_one
from fetalseg_lib.study import records
from fetalseg_lib.study.config import RunConfig, configure
from fetalseg_lib.study.evaluate import evaluate
from fetalseg_lib.study.profile import Profile, load_profile
from fetalseg_lib.study.run import build_network, prepare_data
from fetalseg_lib.training.device import pick_device
from fetalseg_lib.training.loop import fit

if TYPE_CHECKING:
    import albumentations as A

TABLE = "changes.csv"


def appearance() -> A.Compose:
    """The usual movements, then what a scanner's settings change: gain, contrast, gamma, speckle and blur."""
    import albumentations as A

    return A.Compose(
        [
            *build_augmentation().transforms,
            A.RandomGamma(gamma_limit=(60, 160), p=0.5),
            A.RandomBrightnessContrast(0.2, 0.2, p=0.5),
            A.MultiplicativeNoise((0.8, 1.2), elementwise=True, p=0.3),
            A.GaussianBlur(blur_limit=(3, 5), p=0.2),
        ]
    )


def larger_movements() -> A.Compose:
    """Rotation by up to 45°, scale by a quarter and a little shear, more often than the usual ones."""
    import albumentations as A

    return A.Compose([A.HorizontalFlip(p=0.5), _moved(rotate=45, scale=(0.75, 1.25), shear=8)])


def any_angle() -> A.Compose:
    """A head may lie in any direction: both flips, and rotation by any angle."""
    import albumentations as A

    turned = _moved(rotate=180, scale=(0.8, 1.2))
    return A.Compose([A.HorizontalFlip(p=0.5), A.VerticalFlip(p=0.5), turned])


def _moved(*, rotate: float, scale: tuple[float, float], shear: float = 0) -> A.Affine:
    import albumentations as A

    return A.Affine(
        rotate=(-rotate, rotate),
        scale=scale,
        keep_ratio=True,
        translate_percent=(-0.1, 0.1),
        shear=(-shear, shear),
        p=0.8,
        border_mode=cv2.BORDER_CONSTANT,  # what moves in from outside is black and not head
        fill=0,
        fill_mask=0,
    )


def everything() -> A.Compose:
    """Larger movements and another appearance, and up to three holes."""
    import albumentations as A

    holes = A.CoarseDropout(
        num_holes_range=(1, 3), hole_height_range=(0.1, 0.25), hole_width_range=(0.1, 0.25), fill=0, p=0.4
    )
    looks = appearance().transforms[len(build_augmentation().transforms) :]
    return A.Compose([*larger_movements().transforms, *looks, holes])


@dataclass(frozen=True, kw_only=True)
class Change:
    """What differs from the base; its words stand in the table."""

    shown_as: str
    image_size: tuple[int, int] = (128, 128)
    network: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    augmentation: Callable[[], A.Compose] = build_augmentation


CHANGES = {
    "base": Change(shown_as="40 epochs, the decoder ends at half the size"),
    "epochs_8": Change(shown_as="8 epochs, as before", training={"epochs": 8}),
    "epochs_80": Change(shown_as="80 epochs", training={"epochs": 80}),
    "full_size": Change(shown_as="The decoder ends at the full size", network={"full_size": True}),
    "larger": Change(shown_as="Images of 192×192 px", image_size=(192, 192)),
    "appearance": Change(shown_as="Gain, gamma, speckle and blur vary", augmentation=appearance),
    "movements": Change(shown_as="Larger movements", augmentation=larger_movements),
    "any_angle": Change(shown_as="Any angle", augmentation=any_angle),
    "everything": Change(shown_as="Larger movements, appearance and holes", augmentation=everything),
    "unweighted": Change(shown_as="The head's pixels weigh no more", training={"pos_weight": 1.0}),
}


def configured(change: Change, profile: Profile, *, seed: int = 0, data: str = "hc18") -> RunConfig:
    """The configuration of the package's network with one change.

    >>> configured(CHANGES["unweighted"], load_profile("demonstration")).training.pos_weight
    1.0
    """
    # In one precision, wherever it is tried: otherwise the processor would be a second change.
    same = {"epochs": 40, "early_stopping_patience": 80, "precision": "float32"}
    settings = dataclasses.replace(
        profile,
        image_size=change.image_size,
        network={**profile.network, "full_size": False, **change.network},
        training=dataclasses.replace(profile.training, **{**same, **change.training}),
    )
    (variant,) = profile.variants
    return configure(variant=variant, seed=seed, profile=settings, data=data)


def try_out(name: str, config: RunConfig, *, folder: Path, data_root: Path | None = None) -> pd.DataFrame:
    """Train with the change, keep and return what the validation images give: a row an image.

    ``folder`` gets ``NAME.csv`` when all is done, and a checkpoint until then.
    """
    table, checkpoint = folder / f"{name}.csv", folder / f"{name}.pt"
    with only_one(table):
        if table.is_file():
            return pd.read_csv(table)
        folds = prepare_data(config, data_root=data_root)
        model, recipe = build_network(config), config.training
        training = SegmentationDataset(folds.cache, folds.train, augment=CHANGES[name].augmentation())
        validation = SegmentationDataset(folds.cache, folds.validation)
        given = {"batch_size": recipe.batch_size, "seed": recipe.seed}
        history = fit(
            model,
            train_batches=lambda epoch: batches(training, epoch=epoch, shuffle=True, **given),
            validation_batches=partial(batches, validation, epoch=0, shuffle=False, **given),
            config=recipe,
            checkpoint=checkpoint,
            context={"change": name, "config": config.hash},
        )
        found = evaluate(model, folds.cache, folds.validation, device=pick_device(recipe.device))
        found = found[["name", "exam", "dice", "hd95_mm", "hc_error_mm", "failed"]].assign(
            kept_epoch=history.best.epoch,
            threads=torch.get_num_threads(),
            minutes=round(sum(epoch.seconds for epoch in history) / 60, 1),
        )
        records.write_csv(table, found)
        checkpoint.unlink(missing_ok=True)
    return found


def summary(folder: Path) -> pd.DataFrame:
    """A row for each change that was tried, in the order of :data:`CHANGES`, beside the base.

    ``typical`` is the median over images of the difference in Dice, in points.
    """
    tables = {name: folder / f"{name}.csv" for name in CHANGES}
    tried = {name: pd.read_csv(path).set_index("name") for name, path in tables.items() if path.is_file()}
    rows = []
    for name, images in tried.items():
        difference = 100 * (images["dice"] - tried["base"]["dice"])
        rows.append(
            {
                "change": name,
                "shown_as": CHANGES[name].shown_as,
                "images": len(images),
                "dice_percent": 100 * images["dice"].mean(),
                "difference": difference.mean(),
                "typical": difference.median(),
                "hc_error_mm": images["hc_error_mm"].abs().mean(),
                "hc_bias_mm": images["hc_error_mm"].mean(),
                "kept_epoch": images["kept_epoch"].iloc[0],
                "minutes": images["minutes"].iloc[0],
            }
        )
    return pd.DataFrame(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Try the named changes one after the other, or all, and write the table of those that are there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("changes", nargs="*", help=f"of {', '.join(CHANGES)}; default: all")
    parser.add_argument("-o", "--out", type=Path, default=Path("runs/small_network"))
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.changes if name not in CHANGES]:
        parser.error(f"changes: expected some of {', '.join(CHANGES)}; got {unknown[0]!r}")
    profile = load_profile("demonstration")
    for name in options.changes or CHANGES:
        try_out(name, configured(CHANGES[name], profile), folder=options.out)
        if (options.out / "base.csv").is_file():
            records.write_csv(options.out / TABLE, summary(options.out))


if __name__ == "__main__":
    main()
