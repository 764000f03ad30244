"""Section 8.3 of the note: batch, epochs and augmentation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fetalseg_book.audit.checks import judged, measured, verdict_of
from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.from_files import from_study
from fetalseg_book.audit.record import Claim, Finding, Verdict
from fetalseg_book.audit.stated import Exactly
from fetalseg_book.audit.studied import Studied
from fetalseg_lib.data.augment import apply_augmentation, build_augmentation
from fetalseg_lib.training.config import TrainingConfig

SECTION = "8.3"
_NOTE = TrainingConfig()


def claims() -> Iterator[Claim]:
    """The claims in the order of the text."""
    yield judged(
        SECTION,
        "limit of the batch",
        "a batch of 16, limited by GPU memory",
        how="activations that a training step of 16 images keeps, counted tensor by tensor",
        check=_batch,
    )
    yield from_study(
        SECTION,
        "epochs until early stopping",
        "100 epochs, with early stopping",
        variants=("proposed",),
        study=lambda evidence: evidence.note_schedule,
        how="epochs of the note's network by the note's own schedule",
        check=_stops,
        so_far=_epochs_run,
    )
    yield _transform("flip", "horizontal flip, p = 0.5", "HorizontalFlip", "p 0.5")
    yield _transform("rotation", "rotation ±20°, p = 0.5", "rotate", "-20 to 20, p 0.5")
    yield _transform("scale", "scale ±10 %, p = 0.5", "scale", "0.9 to 1.1, p 0.5")
    yield _transform("translation", "translation ±10 %, p = 0.5", "translate_percent", "-0.1 to 0.1, p 0.5")
    yield measured(
        SECTION,
        "image and mask move together",
        "image and mask are moved in step",
        value=Exactly(True),
        how="augment an image that is its own mask, a hundred times",
        measure=lambda _: _in_step(),
    )


def _transform(quantity: str, says: str, kind: str, settings: str) -> Claim:
    return measured(
        SECTION,
        quantity,
        says,
        value=Exactly(settings),
        how="read the built augmentation",
        measure=lambda _: _settings(kind),
    )


def _settings(kind: str) -> str:
    """Range and probability of the one built transform that is of this kind, or moves by this setting."""
    for transform in build_augmentation().transforms:
        if type(transform).__name__ == kind:
            return f"p {transform.p}"
        low, high = _range(getattr(transform, kind, (0, 0)))
        if low < high:
            return f"{low:g} to {high:g}, p {transform.p}"
    return "absent"


def _range(setting: Any) -> tuple[float, float]:
    low, high = setting["x"] if isinstance(setting, dict) else setting or (0, 0)
    return float(low), float(high)


def _in_step() -> bool:
    rng = np.random.default_rng(0)
    image = np.zeros((128, 128), np.uint8)
    image[40:80, 50:90] = 255
    augmentation = build_augmentation()
    for k in range(100):
        moved, mask = apply_augmentation(augmentation, image, image, seed=(int(rng.integers(99)), k))
        moved_in, mask_in = moved > 127, mask > 127
        if 2 * (moved_in & mask_in).sum() < 0.97 * (moved_in.sum() + mask_in.sum()):
            return False  # linear against nearest interpolation explains less than 3 % of such a square
    return True


def _batch(evidence: Evidence) -> Finding:
    return Finding(
        verdict=Verdict.DEPENDS_ON_HARDWARE,
        measured=f"{evidence.training_mb('proposed') / 1e3:.1f} GB of activations",
        why="The note does not say what its card holds. The 450 MB of 9.2 would have limited nothing.",
    )


def _stops(evidence: Evidence) -> Finding:
    epochs = evidence.note_schedule.matched(("proposed",), "epochs")["proposed"]
    return Finding(
        verdict=verdict_of(bool((epochs <= _NOTE.epochs).all())),
        measured=_epochs_run(evidence.note_schedule),
        why=f"{int((epochs < _NOTE.epochs).sum())} of {len(epochs)} runs stopped early.",
    )


def _epochs_run(runs: Studied) -> str:
    epochs = runs.matched(("proposed",), "epochs")["proposed"]
    return f"{' to '.join(f'{count:.0f}' for count in sorted({epochs.min(), epochs.max()}))} epochs"
