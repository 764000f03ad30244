"""The numbers of the chapter on gates and residual blocks: what the study says of each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fetalseg_book.facts.parts import between_seeds, tested, tested_in_words
from fetalseg_book.figures import described


def facts(results: Path) -> dict[str, Any]:
    """What becomes of the error without gates or additions: tested where it was, described where not."""
    core: Any = tested(results)
    runs = described.collect(results)
    found: dict[str, Any] = {"tested": core, "own": between_seeds(runs)["error"]}
    for name in ("no_se", "no_residual"):
        found |= tested_in_words(core.loc[name], f"seres_{name}")
    for name in ("no_skip_se", "no_block_se"):
        found[name] = described.differences(runs, name)["error"]
        found[f"seres_{name}"] = described.in_words(found[name], unit="mm")
    return found


def silence(silent: Mapping[str, float], hidden: Mapping[str, int]) -> dict[str, str]:
    """The share of fresh blocks with one hidden unit that are silent; that some skip of a network is."""
    single = [name for name in silent if hidden[name] == 1]
    some = 1 - math.prod(1 - silent[name] for name in single)
    return {
        "seres_single": " and ".join(single),
        "seres_silent": " and ".join(f"{100 * silent[name]:.0f} %" for name in single),
        "seres_any": f"{100 * some:.0f} %",
    }


def gradients(
    arriving: pd.DataFrame, depths: Sequence[int], through: Mapping[bool, NDArray[np.float64]]
) -> dict[str, str]:
    """The share of the gradient that arrives at the bottleneck; its growth through five and forty blocks."""
    means = arriving["bottleneck"].groupby(level=0).mean()
    kept, without = means["proposed"], means["no_residual"]
    grown = {
        (residual, depth): through[residual][:, depths.index(depth)].mean()
        for residual in (True, False)
        for depth in (5, 40)
    }
    magnitude = round(math.log10(grown[False, 40]))
    return {
        "seres_kept_with": f"1/{1 / kept:.1f}",
        "seres_kept_without": f"1/{1 / without:.0f}",
        "seres_kept_ratio": f"{kept / without:.0f}",
        "seres_five_with": f"{grown[True, 5]:.1f}",
        "seres_five_without": f"{grown[False, 5]:.1f}",
        "seres_forty_with": f"{grown[True, 40]:.0f}",
        "seres_forty_without": f"10{'⁰¹²³⁴⁵⁶⁷⁸⁹'[magnitude]}",
    }
