"""The ablation's second family: described with three seeds, and not tested."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from fetalseg_book.facts.core import PROPOSED, core, signed
from fetalseg_book.figures import described
from fetalseg_book.figures.tables import beside, outside
from fetalseg_lib.models import get_variant
from fetalseg_lib.study.profile import load_profile

STARTS = ("procedural_trainable_encoder", "phantom_trainable_encoder", "random_trainable_encoder")
"""Encoders that learn, by where they start."""

PEERS = ("peer_unet", "peer_deeplabv3plus")


def facts(results: Path) -> dict[str, Any]:
    """The numbers of the family, and its tables: against ``proposed``, and against the plan's references."""
    names = load_profile("descriptive").variants
    runs = described.collect(results)
    second = beside(runs, dict.fromkeys(names, PROPOSED))
    own = beside(runs, {name: str(get_variant(name).reference) for name in names}).set_index("variant")
    band = three_band(results)
    spread = runs.loc[runs["variant"] == "peer_lraspp", "dice"]
    return {
        "second": second,
        "own": own,
        "three_band": f"{band['dice']:.2f}",
        "three_band_mm": f"{band['error']:.2f} mm",
        "second_planned": str(len(names)),
        "second_planned_seeds": str(len(load_profile("descriptive").seeds)),
        "second_by_luck": f"{2 * 0.05 * len(second):.0f}",
        "lraspp_spread": f"{spread.max() - spread.min():.2f}",
        **dict(_against_proposed(second.set_index("variant"))),
        **dict(_against_own(own)),
    }


def three_band(results: Path) -> pd.Series[float]:
    """What two equal networks stay below with three seeds each: points of Dice, mm of the error."""
    study = core(results)
    return pd.Series(
        {"dice": 100 * study.band("dice", seeds=3), "error": study.band("hc_abs_error_mm", seeds=3)}
    )


def starred(second: pd.DataFrame, *, times: float = 1) -> pd.DataFrame:
    """The rows that leave so many times the band in a measure."""
    return second[outside(second, "dice", times=times) | outside(second, "error", times=times)]


def far_off(second: pd.DataFrame) -> pd.DataFrame:
    """The rows that leave three times the band in Dice."""
    return second[outside(second, "dice", times=3)]


def _against_proposed(second: Any) -> Iterator[tuple[str, str]]:
    out = starred(second)
    near = out[out["dice_change"] < 0].drop(far_off(second).index).index
    yield "second_inside", str(len(second) - len(out))
    yield "second_near", ", ".join(near)
    for name in ("note_as_written", "procedural_encoder", "phantom_encoder", "stem_mean"):
        yield f"second_{name}", signed(second.loc[name, "dice_change"])
    yield "second_note_as_written_mm", f"{signed(second.loc['note_as_written', 'error_change'])} mm"


def _against_own(own: Any) -> Iterator[tuple[str, str]]:
    for name in ("unet_pos_weight_200", *STARTS, *PEERS, "peer_lraspp"):
        yield f"own_{name}", signed(own.loc[name, "dice_change"])
        yield f"own_{name}_mm", f"{signed(own.loc[name, 'error_change'])} mm"
