"""The numbers of the audit's chapter that rest on trainings: by the note's schedule, and by the study's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fetalseg_book.audit import Evidence
from fetalseg_book.audit.studied import Studied, mean_and_interval
from fetalseg_book.figures import described

Interval = tuple[float, float, float]
AGAINST_UNET, AGAINST_TRAINED = ("proposed", "unet"), ("proposed", "trainable_encoder")
MEASURES = {"dice": ("dice", 100, "points"), "hc": ("hc_abs_error_mm", 1, "mm")}
PARTS = ("no_aspp", "no_se", "no_residual", "mobilenet_unet")


def facts(evidence: Evidence, results: Path) -> dict[str, Any]:
    """Leads, gains and losses over matched seeds, after the study's epochs and after the note's."""
    long, short = evidence.note_schedule, evidence.published
    found = _seeds(long, short) | _schedules(long, short) | _asked_again(long)
    return found | _without(results) | _stem(results)


def span(found: Interval, *, digits: int = 4, unit: str = "") -> str:
    """A mean with its interval, with a true minus where it has a unit."""
    mean, low, high = found
    words = f"{mean:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"
    return f"{words} {unit}".replace("-", "−") if unit else words


def _seeds(long: Studied, short: Studied) -> dict[str, Any]:
    seeds = {
        "note_seeds": long.seeds("proposed", "unet", "trainable_encoder"),
        "study_seeds": short.seeds("proposed", "unet", "no_aspp", "trainable_encoder", "random_encoder"),
        "up_seeds": short.seeds("proposed", "bilinear_up"),
        "fresh_seeds": len(described.ASKED_AGAIN),
    }
    return {name: described.seeds_in_words(count) for name, count in seeds.items()}


def _schedules(long: Studied, short: Studied) -> dict[str, Any]:
    """What the longer schedule changes: the leads before and after, and who gains more."""
    before = _points(short.difference("unet", "proposed", "dice"))
    gains = long.matched(AGAINST_UNET, "dice") - short.matched(AGAINST_UNET, "dice")
    more = mean_and_interval(100 * (gains["unet"] - gains["proposed"]))
    over_trained = {"short": short.difference(*AGAINST_TRAINED, "dice")}
    over_trained["long"] = long.difference(*AGAINST_TRAINED, "dice")
    reached = long.epochs_to_reach(*AGAINST_UNET).mean()
    return {
        "before": before,
        "gains": gains,
        "gains more": more,
        "over trained": over_trained,
        "best later": long.difference("unet", "proposed", "best_epoch"),
        "study_epochs": f"{short.matched(('proposed',), 'epochs')['proposed'].max():.0f}",
        "over_trained_long": span(over_trained["long"]),
        "over_unet_short": span(before, digits=2, unit="points"),
        "gains_more": span(more, digits=2, unit="points"),
        "unet_reaches": f"{reached['unet']:.0f}",
        "proposed_reaches": f"{reached['proposed']:.0f}",
    }


def _points(found: Interval) -> Interval:
    mean, low, high = found
    return 100 * mean, 100 * low, 100 * high


def _asked_again(long: Studied) -> dict[str, Any]:
    """The U-Net minus the note's network: of all seeds and of the fresh, at the usual and a strict level."""
    found: dict[str, Any] = {"more": {}, "strict": {}}
    for name, (column, scale, unit) in MEASURES.items():
        for which, seeds in (("all", None), ("fresh", described.ASKED_AGAIN)):
            for kind, level in (("more", 0.95), ("strict", 0.975)):
                difference = long.difference("unet", "proposed", column, seeds=seeds, level=level)
                found[kind][name, which] = tuple(scale * value for value in difference)
            found[f"more_{name}_{which}"] = span(found["more"][name, which], digits=2, unit=unit)
    dice = long.matched(("unet", "proposed"), "dice")
    ahead = dice["unet"] > dice["proposed"]
    found["errors"] = long.matched(("unet", "proposed"), "hc_abs_error_mm")
    return found | {"ahead": f"{ahead.sum()} of {len(ahead)} seeds"}


def _without(results: Path) -> dict[str, Any]:
    """Dice without each part, by the note's schedule, seed by seed."""
    runs = described.collect(results, "note_schedule")
    without = {part: described.differences(runs, part)["dice"] for part in PARTS}
    words = {f"without_{part}": described.in_words(change) for part, change in without.items()}
    seeds = described.seeds_in_words(len(without["no_se"]))
    return words | {"without": without, "without_seeds": seeds}


def _stem(results: Path) -> dict[str, Any]:
    change = described.differences(described.collect(results), "stem_mean")["dice"]
    return {
        "of_stem": described.in_words(change, unit="points"),
        "stem_seeds": described.seeds_in_words(len(change)),
    }
