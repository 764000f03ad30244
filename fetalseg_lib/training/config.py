"""Every number of a training, in one frozen dataclass that refuses values that make no sense."""

from __future__ import annotations

import sys
from dataclasses import dataclass

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16")
SCHEDULES = ("plateau", "cosine")
MAX_EPOCHS = 100_000
MAX_BATCH = 4096
MAX_SEED = 2**32 - 1
"""NumPy's global generator takes no larger one."""


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How a network is trained; the defaults are those of the architecture note.

    - ``epochs``, ``batch_size``: passes over the training fold at most, and images per step.
    - ``learning_rate``, ``betas``, ``weight_decay``: of Adam (the decay is its L2 term).
    - ``dice_weight``, ``bce_weight``, ``pos_weight``, ``smooth``: of :class:`~.losses.DiceBCELoss`.
    - ``schedule``: ``"plateau"`` multiplies the learning rate by ``plateau_factor`` once the validation Dice
      has not risen (by 1e-4 of itself) for more epochs than ``plateau_patience``; ``"cosine"`` raises it for
      ``warmup_epochs`` and then lets it fall along a half cosine (:mod:`~.schedule`). Neither takes it below
      ``min_learning_rate``.
    - ``early_stopping_patience``: training ends after so many epochs without a new best validation Dice.
    - ``precision``, ``device``: ``"auto"`` takes the best that is there (:mod:`~.device`).
    - ``half_size_epochs``: so many epochs at the beginning see images of half the height and width.
    - ``augment``: whether training images are augmented. ``seed``: of everything random.

    Raises ``TypeError`` or ``ValueError`` that names the field, what was expected and what came.

    >>> TrainingConfig(epochs=3).learning_rate
    0.0003
    >>> TrainingConfig(epochs=0)
    Traceback (most recent call last):
    ...
    ValueError: epochs: expected a whole number >= 1 and <= 100000, got 0
    """

    epochs: int = 100
    batch_size: int = 16
    learning_rate: float = 3e-4
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 1e-4
    dice_weight: float = 0.8
    bce_weight: float = 0.2
    pos_weight: float = 200.0
    smooth: float = 1e-6
    plateau_patience: int = 10
    plateau_factor: float = 0.5
    min_learning_rate: float = 1e-6
    early_stopping_patience: int = 15
    precision: str = "auto"
    device: str = "auto"
    augment: bool = True
    seed: int = 0
    schedule: str = "plateau"
    warmup_epochs: int = 0
    half_size_epochs: int = 0

    def __post_init__(self) -> None:
        check_whole("epochs", self.epochs, minimum=1, maximum=MAX_EPOCHS)
        check_whole("batch_size", self.batch_size, minimum=1, maximum=MAX_BATCH)
        check_whole("plateau_patience", self.plateau_patience, minimum=0, maximum=MAX_EPOCHS)
        check_whole("early_stopping_patience", self.early_stopping_patience, minimum=1, maximum=MAX_EPOCHS)
        check_whole("seed", self.seed, minimum=0, maximum=MAX_SEED)

        check_number("learning_rate", self.learning_rate, above=0)
        check_number("weight_decay", self.weight_decay, minimum=0)
        check_number("dice_weight", self.dice_weight, minimum=0)
        check_number("bce_weight", self.bce_weight, minimum=0)
        check_number("pos_weight", self.pos_weight, above=0)
        check_number("smooth", self.smooth, above=0)
        check_number("plateau_factor", self.plateau_factor, above=0, below=1)
        check_number("min_learning_rate", self.min_learning_rate, minimum=0)
        if self.min_learning_rate > self.learning_rate:
            raise ValueError(
                f"min_learning_rate: expected at most learning_rate ({self.learning_rate}), "
                f"got {self.min_learning_rate}"
            )
        if self.dice_weight == self.bce_weight == 0:
            raise ValueError("dice_weight, bce_weight: expected at least one above 0, got 0 and 0")

        if not isinstance(self.betas, (tuple, list)) or len(self.betas) != 2:
            raise TypeError(f"betas: expected two numbers, got {self.betas!r}")
        for beta in self.betas:
            check_number("betas", beta, minimum=0, below=1)
        object.__setattr__(self, "betas", tuple(self.betas))  # YAML knows lists only

        check_choice("precision", self.precision, PRECISIONS)
        check_choice("device", self.device, DEVICES)
        check_choice("schedule", self.schedule, SCHEDULES)
        check_whole("warmup_epochs", self.warmup_epochs, minimum=0, maximum=self.epochs - 1)
        if self.warmup_epochs and self.schedule != "cosine":
            raise ValueError(
                f"warmup_epochs: expected 0 with schedule {self.schedule!r}, got {self.warmup_epochs}; "
                "only schedule 'cosine' has a warm-up"
            )
        check_whole("half_size_epochs", self.half_size_epochs, minimum=0, maximum=self.epochs)
        if not isinstance(self.augment, bool):
            raise TypeError(f"augment: expected true or false, got {self.augment!r}")


def check_whole(name: str, value: object, *, minimum: int, maximum: int | None = None) -> None:
    """Raise ``TypeError`` or ``ValueError`` unless ``value`` is a whole number within its bounds."""
    expected = f"a whole number >= {minimum}" + (f" and <= {maximum}" if maximum is not None else "")
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}: expected {expected}, got {value!r}")
    if value < minimum or (maximum is not None and value > maximum):
        raise ValueError(f"{name}: expected {expected}, got {value!r}")


def check_number(
    name: str,
    value: object,
    *,
    minimum: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> None:
    """Raise ``TypeError`` or ``ValueError`` unless ``value`` is a finite number within its bounds."""
    bounds = [
        f"{sign} {bound}"
        for sign, bound in ((">=", minimum), (">", above), ("<", below))
        if bound is not None
    ]
    expected = f"a finite number {' and '.join(bounds)}"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        hint = " (in YAML write 1.0e-4: without the point 1e-4 is text)" if isinstance(value, str) else ""
        raise TypeError(f"{name}: expected {expected}, got {value!r}{hint}")
    inside = (
        abs(value) <= sys.float_info.max  # no infinity, no NaN, and no whole number that no float can hold
        and (minimum is None or value >= minimum)
        and (above is None or value > above)
        and (below is None or value < below)
    )
    if not inside:
        raise ValueError(f"{name}: expected {expected}, got {value!r}")


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise ``ValueError`` unless ``value`` is one of ``choices``."""
    if value not in choices:
        raise ValueError(f"{name}: expected one of {', '.join(choices)}; got {value!r}")
