"""Result tables as a reader sees them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from pandas.io.formats.style import Styler

from fetalseg_book.figures import described
from fetalseg_book.studies.seed_noise import pooled_seed_noise
from fetalseg_lib.models import get_variant

OUTSIDE = "*"
"""Marks a difference that is larger than what two equal networks would do."""


def variant_table(variants: pd.DataFrame) -> Styler:
    """Mean ± standard deviation of the seeds' means, one row per variant (the frame's index)."""
    shown = pd.DataFrame(
        {
            "variant": variants.index,
            "seeds": variants["seeds"],
            "Dice (%)": _mean_and_spread(variants, "dice", scale=100),
            "absolute HC error (mm)": _mean_and_spread(variants, "hc_abs_error_mm"),
            "heads not found": variants["failures"],
        }
    )
    return (
        shown.style.hide(axis="index")
        .set_table_styles([{"selector": "td", "props": "white-space: nowrap"}])
        .set_table_attributes('class="table"')
    )


def beside(runs: pd.DataFrame, references: Mapping[str, str], *, noise_of: str = "proposed") -> pd.DataFrame:
    """Each variant that ``references`` names beside its reference, on the seeds that both have.

    ``runs`` comes from :func:`fetalseg_book.figures.described.collect`. One row per variant, the best Dice
    difference first: ``variant``, ``reference``, ``seeds``, and of ``dice`` (points) and ``error`` (mm) the
    mean, its difference as ``_change``, and as ``_band`` the half width that holds the difference of two
    equal networks, as noisy as ``noise_of``, in 95 %. Raises ``ValueError`` where a pair shares no seed, and
    where ``noise_of`` has one only.
    """
    as_images = runs.assign(name="all", exam=0)  # all test images of a run as one
    noise = {name: pooled_seed_noise(as_images, name, variants=[noise_of]) for name in ("dice", "error")}
    rows = []
    for variant, reference in references.items():
        changes = described.differences(runs, variant, reference=reference)
        own = runs[(runs["variant"] == variant) & runs["seed"].isin(changes.index)]
        row = {"variant": variant, "reference": reference, "seeds": len(changes)}
        for name, of_seeds in noise.items():
            row[name] = own[name].mean()
            row[f"{name}_change"] = changes[name].mean()
            row[f"{name}_band"] = of_seeds.band(seeds=len(changes))
        rows.append(row)
    return pd.DataFrame(rows).sort_values("dice_change", ascending=False, ignore_index=True)


def outside(found: pd.DataFrame, name: str, *, times: float = 1) -> pd.Series:
    """Which rows of :func:`beside` differ in ``name`` by more than so many times the band."""
    return found[f"{name}_change"].abs() > times * found[f"{name}_band"]


def described_table(found: pd.DataFrame) -> Styler:
    """The rows of :func:`beside` in words, with a star at every difference outside the band.

    What a variant changes is said against its own reference in the plan, which is named where it is another.
    """
    shown = pd.DataFrame(
        {
            "variant": found["variant"].str.replace("_", "_<wbr>"),  # where a long name may be broken
            "what it changes": [
                _changes(*pair) for pair in zip(found["variant"], found["reference"], strict=True)
            ],
            "seeds": found["seeds"],
            "Dice (%)": found["dice"].map("{:.2f}".format),
            "change (points)": _starred(found, "dice"),
            "HC error (mm)": found["error"].map("{:.2f}".format),
            "change (mm)": _starred(found, "error"),
        }
    )
    return (
        shown.style.hide(axis="index")
        .set_table_styles([{"selector": "td:nth-child(n+3)", "props": "white-space: nowrap"}])  # the numbers
        .set_table_attributes('class="table"')
    )


def _changes(variant: str, reference: str) -> str:
    known = get_variant(variant)
    other = "" if known.reference == reference else f" (against {known.reference})"
    return known.changes + other


def _starred(found: pd.DataFrame, name: str) -> list[str]:
    marks = outside(found, name).map({True: OUTSIDE, False: ""})
    # The zero takes the sign from what is rounded to "-0.00".
    return [f"{round(x, 2) + 0.0:+.2f}{mark}" for x, mark in zip(found[f"{name}_change"], marks, strict=True)]


def _mean_and_spread(variants: pd.DataFrame, name: str, *, scale: float = 1) -> list[str]:
    pairs = zip(scale * variants[f"{name}_mean"], scale * variants[f"{name}_std"], strict=True)
    return [f"{mean:.2f}" if pd.isna(std) else f"{mean:.2f} ± {std:.2f}" for mean, std in pairs]


def verdict_table(comparison: pd.DataFrame, comparison_mm: pd.DataFrame) -> Styler:
    """Both measures' differences from the baseline, the best Dice first, and which are significant."""
    ranked = comparison.sort_values("difference", ascending=False)
    both = {"Dice (points)": _told(ranked, 100), "HC error (mm)": _told(comparison_mm.loc[ranked.index], 1)}
    shown = pd.concat({name: pd.DataFrame(part) for name, part in both.items()}, axis=1)
    return (
        shown.set_axis(ranked["variant"].tolist())
        .style.set_table_styles([{"selector": "td", "props": "white-space: nowrap"}])
        .set_table_attributes('class="table"')
    )


def _told(found: pd.DataFrame, scale: float) -> dict[str, list[str]]:
    low, high = (_signed(scale * found[end]) for end in ("low", "high"))
    words = {"significant": "yes", "not significant": "no"}
    return {
        "change": _signed(scale * found["difference"]),
        "interval": [f"{one} to {other}" for one, other in zip(low, high, strict=True)],
        "significant": [words.get(verdict, "–") for verdict in found["verdict"]],
    }


def _signed(values: pd.Series) -> list[str]:
    return [f"{round(value, 2) + 0.0:+.2f}" for value in values]  # no "-0.00"
