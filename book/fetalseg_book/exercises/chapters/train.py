"""Exercises on training: the loss by hand, when to stop, and what a configuration changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def dice_loss(probabilities: list[float], mask: list[int]) -> float:
    """One minus the soft Dice: probabilities replace the predicted mask (without ε)."""
    overlap = sum(p * m for p, m in zip(probabilities, mask, strict=True))
    return 1 - 2 * overlap / (sum(probabilities) + sum(mask))


def _masks() -> Iterator[Case]:
    yield Case(arguments=([1.0, 1.0, 0.0, 0.0], [1, 0, 0, 0]), expected=1 / 3)
    yield Case(arguments=([0.5, 0.5], [1, 1]), expected=1 / 3)  # 1 - 2 · 1 / (1 + 2)
    yield Case(arguments=([0.0, 1.0], [0, 1]), expected=0.0)


def epochs_run(validation_dice: list[float], patience: int) -> int:
    """Epochs run: up to ``patience`` in a row without a new best, or all of them."""
    best, waited = -1.0, 0
    for epoch, dice in enumerate(validation_dice, start=1):
        best, waited = (dice, 0) if dice > best else (best, waited + 1)
        if waited == patience:
            return epoch
    return len(validation_dice)


def _curves() -> Iterator[Case]:
    yield Case(arguments=([0.1, 0.2, 0.3], 2), expected=3, tolerance=0)
    yield Case(arguments=([0.5, 0.6, 0.6, 0.6, 0.7], 2), expected=4, tolerance=0)
    yield Case(arguments=([0.5, 0.4, 0.6, 0.5, 0.7], 2), expected=5, tolerance=0)


def _waits(
    validation_dice: list[float],
    patience: int,
    *,
    forgets: bool,
) -> int:
    """Two wrong ways: an equal epoch counts as better, or bad epochs add up for good."""
    best, waited = -1.0, 0
    for epoch, dice in enumerate(validation_dice, start=1):
        better = dice >= best if forgets else dice > best
        waited = (0 if forgets else waited) if better else waited + 1
        best = max(best, dice)
        if waited == patience:
            return epoch
    return len(validation_dice)


def changed_settings(
    first: dict[str, object],
    second: dict[str, object],
) -> set[str]:
    """Names of the settings that differ; one inside another dictionary is called ``"outer.inner"``."""
    changed = set()
    for name, value in first.items():
        other = second[name]
        if isinstance(value, dict) and isinstance(other, dict):
            inside = changed_settings(value, other)
            changed |= {f"{name}.{inner}" for inner in inside}
        elif value != other:
            changed.add(name)
    return changed


def _configurations() -> Iterator[Case]:
    yield Case(arguments=({"seed": 0}, {"seed": 1}), expected={"seed"})
    first: dict[str, Any] = {"seed": 0, "training": {"epochs": 1, "pos_weight": 1.0}}
    yield Case(
        arguments=(first, {"seed": 0, "training": {"epochs": 1, "pos_weight": 200.0}}),
        given="Two configurations with another `pos_weight` in `training`: it",
        expected={"training.pos_weight"},
    )
    yield Case(
        arguments=({**first, "variant": "proposed"}, {**first, "variant": "no_se", "seed": 1}),
        given="Two variants with another seed each:",
        expected={"variant", "seed"},
    )


EXERCISES = (
    Exercise(
        title="The loss by hand",
        prompt="Compute the Dice part of the loss from plain numbers.",
        solution=dice_loss,
        cases=_masks,
        hint="The overlap is the sum of products. Twice the overlap, over both sums.",
        mistakes=(
            Mistake(
                lambda probabilities, mask: 1 - dice_loss(probabilities, mask),
                "That is the Dice itself. A loss is small where it is good.",
            ),
            Mistake(
                lambda probabilities, mask: (
                    1
                    - (overlap := sum(p * m for p, m in zip(probabilities, mask, strict=True)))
                    / (sum(probabilities) + sum(mask) - overlap)
                ),
                "That is the IoU: the overlap over the union. Dice puts twice the overlap over the sum.",
            ),
        ),
        why="Two pixels that are half sure cost as much as one false pixel, so the soft Dice rewards "
        "being sure and right.",
    ),
    Exercise(
        title="When does it end?",
        prompt="Early stopping, in a few lines. Think about ties, and about what resets the count.",
        solution=epochs_run,
        cases=_curves,
        hint="Keep the best so far and how many epochs have passed since. A new best starts the count again.",
        mistakes=(
            Mistake(
                lambda validation_dice, patience: _waits(validation_dice, patience, forgets=True),
                "An epoch that is as good as the best is not better. It counts as one without a new best.",
            ),
            Mistake(
                lambda validation_dice, patience: _waits(validation_dice, patience, forgets=False),
                "Epochs *in a row*: a new best sets the count back to 0.",
            ),
        ),
        why="Only the validation images decide here. The test images play no part.",
    ),
    Exercise(
        title="Does a variant change one thing?",
        prompt="Compare two configurations. Then try it on `config.to_dict()` and a variant of your choice.",
        solution=changed_settings,
        cases=_configurations,
        hint="Go through the names. Where the value is a dictionary, call yourself with both and put the "
        "name in front.",
        mistakes=(
            Mistake(
                lambda first, second: {name for name in first if first[name] != second[name]},
                "You say which dictionary differs, but not which setting in it.",
            ),
            Mistake(
                lambda first, second: {name.split(".")[-1] for name in changed_settings(first, second)},
                "Put the outer name in front: `training.pos_weight`.",
            ),
        ),
        why="Apart from its name, `pos_weight_200` differs from `proposed` in one number. So any "
        "difference in the result comes from that number, or from chance.",
    ),
)
