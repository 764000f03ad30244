"""Section 8.1 of the note: the loss, its weights, and the class balance they answer to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fetalseg_book.audit.checks import judged, measured, verdict_of
from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.from_files import better, from_dataset
from fetalseg_book.audit.record import Claim, Finding, Verdict
from fetalseg_book.audit.sections import loss_checks
from fetalseg_book.audit.stated import Exactly, Number
from fetalseg_lib.training.config import TrainingConfig

SECTION = "8.1"
_NOTE = TrainingConfig()


def claims() -> Iterator[Claim]:
    """The claims in the order of the text."""
    yield from _formulas()
    yield from _balance()
    yield from _rationale()


def _formulas() -> Iterator[Claim]:
    yield _formula("loss", "the loss is 0.8 Dice + 0.2 cross-entropy", dice=0.8, bce=0.2)
    yield _formula("Dice loss", "Dice loss: 1 - (2|X∩Y| + ε) / (|X| + |Y| + ε)", dice=1, bce=0)
    yield _formula("cross-entropy", "cross-entropy with w_pos on the foreground term", dice=0, bce=1)
    yield measured(
        SECTION,
        "smoothing",
        "ε = 10⁻⁶ smooths",
        value=Exactly(True),
        how="two empty masks have a Dice of 1 (0/0 without ε); elsewhere ε moves it by less than 10⁻⁶",
        measure=lambda _: loss_checks.smooths(),
    )


def _formula(name: str, says: str, *, dice: float, bce: float) -> Claim:
    return measured(
        SECTION,
        f"formula of the {name}",
        says,
        value=Exactly(True),
        how="the formula worked out in float64 on a random image, against the loss that trains",
        measure=lambda _: loss_checks.same_as_formula(dice, bce),
    )


def _balance() -> Iterator[Claim]:
    yield from_dataset(
        SECTION,
        "background to foreground",
        "foreground to background is about 1:260",
        value=Number("260"),
        how="all pixels of HC18's filled masks, counted",
        check=_ratio,
    )
    yield judged(
        SECTION,
        "weight and ratio",
        "w_pos = 200 compensates for a ratio of 1:260",
        how="the weight that compensates is the ratio itself; compare the note's two numbers",
        check=_weight_is_ratio,
    )
    yield from_dataset(
        SECTION,
        "w_pos of the masks",
        "w_pos = 200 suits these masks",
        value=Number("200"),
        how="background over foreground of HC18's filled masks, PyTorch's rule for pos_weight",
        check=_weight,
    )
    yield measured(
        SECTION,
        "cost of a missed pixel",
        "w_pos penalises false negatives heavily",
        value=Number("200", unit="times"),
        how="gradient of the loss at an undecided foreground pixel over that at a background pixel",
        measure=lambda _: loss_checks.missed_over_false(_NOTE.pos_weight),
        why="So a pixel is called head wherever its probability exceeds 1/201: heads come out too large.",
    )
    yield judged(
        SECTION,
        "emphasis of the loss",
        "0.8 and 0.2 emphasise region overlap",
        how="the Dice term's share of the loss of an undecided network, for heads of 2 to 50 % of the image",
        check=lambda _: _emphasis(),
    )


def _rationale() -> Iterator[Claim]:
    yield measured(
        SECTION,
        "Dice loss and the metric",
        "the Dice loss optimises the evaluation metric directly",
        value=Exactly(True),
        how="on binary predictions, 1 - loss against the Dice coefficient of the masks",
        measure=lambda _: loss_checks.is_the_metric(),
        why="On probabilities it is a soft relative of the metric.",
    )
    yield measured(
        SECTION,
        "Dice loss and imbalance",
        "the Dice loss handles class imbalance",
        value=Exactly(True),
        how="pad an image with well-predicted background: Dice loss stays, mean cross-entropy falls",
        measure=lambda _: loss_checks.ignores_background(),
    )
    yield better(
        SECTION,
        "gain from the cross-entropy",
        "cross-entropy adds stable supervision",
        one="proposed",
        other="dice_only",
    )


def _ratio(facts: Any) -> Finding:
    filled, outline = facts["mask_background_to_foreground"], facts["outline_background_to_foreground"]
    return Finding(
        verdict=verdict_of(Number("260").agrees(filled)),
        measured=f"1:{filled:.1f} for filled heads, 1:{outline:.0f} for their outlines",
        why="Numbers of this size belong to thin outlines, before they are filled.",
    )


def _weight(facts: Any) -> Finding:
    filled, outline = facts["mask_background_to_foreground"], facts["outline_background_to_foreground"]
    return Finding(
        verdict=verdict_of(Number("200").agrees(filled)),
        measured=f"{filled:.1f} for filled heads, {outline:.0f} for their outlines",
        why="The masks that the loss sees are filled.",
    )


def _weight_is_ratio(_: Evidence) -> Finding:
    weight, ratio = _NOTE.pos_weight, Number("260")
    text = f"a weight of {weight:.0f} compensates 1:{weight:.0f}"
    if ratio.agrees(weight):
        return Finding(verdict=verdict_of(True), measured=text)
    return Finding(verdict=Verdict.CONTRADICTS_ITSELF, measured=text, why="Then 1:260 is left with 1:1.3.")


def _emphasis() -> Finding:
    shares = [
        loss_checks.dice_share(foreground, pos_weight=_NOTE.pos_weight)
        for foreground in (0.02, 0.1, 0.3, 0.5)
    ]
    return Finding(
        verdict=verdict_of(min(shares) > 0.5),
        measured=f"{100 * min(shares):.0f} to {100 * max(shares):.0f} % of the loss",
        why="With w_pos = 200 the weighted cross-entropy outweighs the Dice term from the start.",
    )
