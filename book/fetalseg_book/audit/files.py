"""The checks that result files decide: times, the committed numbers of HC18, published runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from fetalseg_book.audit.claim import Finding, PendingError, Remarked, Verdict, verdict_of
from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.stated import Stated
from fetalseg_book.audit.studied import MIN_SEEDS, Studied, mean_and_interval
from fetalseg_lib.growth import HADLOCK_1984
from fetalseg_lib.training.config import TrainingConfig

NOTE = TrainingConfig()


def on_hardware(evidence: Evidence) -> Finding:
    """Time both networks in turns on one machine and read their ratio."""
    if evidence.hardware is None:
        raise PendingError(
            "The note's graphics card is not here, and the two networks are not timed here yet."
        )
    median = {name: times["median_ms"] for name, times in evidence.hardware["latency"].items()}
    text = (
        f"{median['proposed']:.0f} ms against the U-Net's {median['unet']:.0f} ms, "
        f"ratio {evidence.hardware['proposed_to_unet']:.2f}"
    )
    threads = evidence.hardware["threads"]
    why = f"{evidence.hardware['processor']}, threads: {threads}, one image at a time, eager PyTorch."
    return Finding(verdict=Verdict.DEPENDS_ON_HARDWARE, measured=text, why=why)


# What the committed numbers of HC18 say


def labelled_images(evidence: Evidence) -> Remarked:
    """Count HC18's labelled images, and those left to train on."""
    facts = _dataset(evidence)
    why = (
        f"All that are labelled; {facts['folds']['train']['images']} of them are left for training "
        "once others are set aside to choose and to test."
    )
    return Remarked(facts["n_images"], why)


def smallest_head(evidence: Evidence) -> Finding:
    """HC18's smallest head against the average head at 14 weeks (Hadlock 1984), in SD."""
    first, smallest = HADLOCK_1984.first_week, float(_dataset(evidence)["hc_mm"]["min"])
    average, spread = HADLOCK_1984.mean_hc_mm(first), HADLOCK_1984.sd_hc_mm(first)
    return Finding(
        verdict=verdict_of(smallest >= average - 3 * spread),
        measured=f"smallest HC {smallest:.1f} mm; {average:.1f} ± {spread:.0f} mm at {first:g} weeks",
        why=f"That is {(average - smallest) / spread:.1f} SD below: a first-trimester head.",
    )


def range_of_zoom(evidence: Evidence) -> Finding:
    """The largest pixel size of HC18 over the smallest."""
    sizes = _dataset(evidence)["pixel_size_mm"]
    ratio = sizes["max"] / sizes["min"]
    return Finding(verdict=verdict_of(ratio > 2), measured=f"{ratio:.1f} times")


def background_to_foreground(evidence: Evidence, *, value: Stated, before: str = "") -> Finding:
    """All pixels of HC18's filled masks, counted."""
    facts = _dataset(evidence)
    filled, outline = facts["mask_background_to_foreground"], facts["outline_background_to_foreground"]
    return Finding(
        verdict=verdict_of(value.agrees(filled)),
        measured=f"{before}{filled:.1f} for filled heads, {before}{outline:.0f} for their outlines",
    )


def _dataset(evidence: Evidence) -> Any:
    if evidence.dataset is None:
        raise PendingError("The dataset's numbers are not there yet.")
    return evidence.dataset


# What the committed runs say


def better(
    evidence: Evidence,
    *,
    one: str,
    other: str,
    column: Literal["dice", "gap"] = "dice",
    higher: bool = True,
    size: float | None = None,
    by_note: bool = False,
) -> Finding:
    """Compare {column} of the published runs of {one} and {other}, seed by seed.

    Whether training ``one`` gives more (or less) of ``column``. With ``size`` also that it is so much: the
    interval must hold it. ``by_note`` asks the runs by the note's own schedule, and else those by the
    study's decide. What the others say stands in the remark.
    """
    studies = (evidence.published, evidence.note_schedule)
    asked, beside = reversed(studies) if by_note else studies
    pairs = asked.matched((one, other), column)
    _enough(asked, one, other, so_far=lambda: f"{(pairs[one] - pairs[other]).mean():+.4f}")
    mean, low, high = asked.difference(one, other, column)
    why = f"{one} less {other}: mean and 95 % interval over {len(pairs)} matched seeds, by {asked.recipe}."
    if size is not None and not low <= size <= high:
        verdict = Verdict.CONTRADICTED
    elif low <= 0 <= high:
        verdict, why = Verdict.NOT_TESTABLE, why + " The interval holds zero."
    else:
        verdict = verdict_of((mean > 0) is higher)
    if (others := beside.seeds(one, other)) >= MIN_SEEDS:
        also = with_interval(*beside.difference(one, other, column))
        why += f" By {beside.recipe}, over {others}: {also}."
    return Finding(verdict=verdict, measured=with_interval(mean, low, high), why=why)


def best_epoch(evidence: Evidence, *, of: str, value: Stated) -> Finding:
    """The mean epoch of the best validation Dice over runs by the note's own schedule."""
    best = evidence.note_schedule.matched((of,), "best_epoch")[of]
    text = f"epoch {best.mean():.0f}"
    _enough(evidence.note_schedule, of, so_far=lambda: text)
    why = f"Mean of {len(best)} seeds, from {best.min():.0f} to {best.max():.0f}."
    return Finding(verdict=verdict_of(value.agrees(best.mean())), measured=text, why=why)


def best_epoch_is_late(evidence: Evidence, *, of: str, epoch: int) -> Finding:
    """The mean epoch of the best validation Dice over runs by the note's own schedule,
    and its 95 % interval.
    """
    _enough(evidence.note_schedule, of)
    best = evidence.note_schedule.matched((of,), "best_epoch")[of]
    mean, _, high = mean_and_interval(best)
    return Finding(
        verdict=Verdict.NOT_TESTABLE if mean < epoch <= high else verdict_of(mean >= epoch),
        measured=f"epoch {mean:.0f}",
        why=f"Mean of {len(best)} seeds, from {best.min():.0f} to {best.max():.0f}; its interval ends at "
        f"{high:.0f}.",
    )


def epochs_saved(evidence: Evidence, *, least: int, most: int) -> Finding:
    """The epoch of the best validation Dice by the note's own schedule, the U-Net's less that of
    the note's network, and its 95 % interval.
    """
    runs = evidence.note_schedule
    _enough(runs, "proposed", "unet")
    mean, low, high = runs.difference("unet", "proposed", "best_epoch")
    reach = runs.epochs_to_reach("proposed", "unet").mean()
    overlaps = low <= most and high >= least
    return Finding(
        verdict=Verdict.NOT_TESTABLE if low <= 0 and overlaps else verdict_of(overlaps),
        measured=f"{with_interval(mean, low, high, digits=0)} epochs",
        why=f"{runs.seeds('proposed', 'unet')} matched seeds. The U-Net starts from nothing, and differs in "
        f"more than that. The Dice that both reach the note's network has in epoch {reach['proposed']:.0f}, "
        f"the U-Net in epoch {reach['unet']:.0f}.",
    )


def gain_in_convergence(evidence: Evidence, *, value: Stated) -> Finding:
    """Epochs to the validation Dice that both reach, encoder trained along over frozen,
    runs by the note's own schedule.
    """
    variants = ("proposed", "trainable_encoder")
    _enough(evidence.note_schedule, *variants)
    epochs = evidence.note_schedule.epochs_to_reach(*variants)
    ratio = float((epochs["trainable_encoder"] / epochs["proposed"]).mean())
    why = (
        f"Mean over {len(epochs)} matched seeds. Both reach the same Dice: frozen in epoch "
        f"{epochs['proposed'].mean():.0f}, trained in epoch {epochs['trainable_encoder'].mean():.0f}."
    )
    if evidence.published.seeds(*variants):
        short = evidence.published.epochs_to_reach(*variants)
        shorter = float((short["trainable_encoder"] / short["proposed"]).mean())
        why += f" By {evidence.published.recipe}: {shorter:.2f} times."
    return Finding(verdict=verdict_of(value.agrees(ratio)), measured=f"{ratio:.2f} times", why=why)


def early_stopping(evidence: Evidence) -> Finding:
    """Epochs of the note's network by the note's own schedule."""
    epochs = evidence.note_schedule.matched(("proposed",), "epochs")["proposed"]
    text = f"{' to '.join(f'{count:.0f}' for count in sorted({epochs.min(), epochs.max()}))} epochs"
    _enough(evidence.note_schedule, "proposed", so_far=lambda: text)
    return Finding(
        verdict=verdict_of(bool((epochs <= NOTE.epochs).all())),
        measured=text,
        why=f"{int((epochs < NOTE.epochs).sum())} of {len(epochs)} runs stopped early.",
    )


def validation_dice(evidence: Evidence, *, of: str, value: Stated) -> Finding:
    """Mean validation Dice of the runs of {of} by the note's own schedule."""
    _enough(evidence.note_schedule, of)
    dice, short = (
        study.matched((of,), "validation_dice")[of] for study in (evidence.note_schedule, evidence.published)
    )
    span = f"from {100 * dice.min():.2f} to {100 * dice.max():.2f}"
    why = f"Mean of {len(dice)} seeds, {span}; weight of the loss and split are the study's."
    if len(short):
        why += f" By the study's short training, in {len(short)} seeds: {100 * short.mean():.2f} %."
    return Finding(
        verdict=verdict_of(value.agrees(dice.mean())), measured=f"{100 * dice.mean():.2f} %", why=why
    )


def _enough(runs: Studied, *variants: str, so_far: Callable[[], str] | None = None) -> None:
    if (seeds := runs.seeds(*variants)) < MIN_SEEDS:
        why = f"Seeds of {' and '.join(variants)} needed: {MIN_SEEDS}. There so far: {seeds}."
        raise PendingError(why, f"{so_far()} so far" if seeds and so_far else "")


def with_interval(mean: float, low: float, high: float, *, digits: int = 4) -> str:
    """A difference as the table shows it.

    >>> with_interval(-0.0016, -0.0046, 0.0014)
    '-0.0016 [-0.0046, +0.0014]'
    """
    return f"{mean:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"
