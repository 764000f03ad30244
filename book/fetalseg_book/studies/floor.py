"""What a study can see: a table from the seeds of one variant alone, written before any comparison."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pandas as pd

from fetalseg_book.stats import noise_floor
from fetalseg_lib.files import only_one
from fetalseg_lib.study import records
from fetalseg_lib.study.profile import Profile
from fetalseg_lib.study.tables import collect_per_image

NOISE_FLOOR = "noise_floor.csv"


def noise_floor_table(root: Path, *, variant: str, seeds: int, comparisons: int) -> pd.DataFrame:
    """What a study of ``seeds`` matched seeds and so many comparisons can see, from the seeds of one variant.

    Nothing of another variant below ``root`` is read. One row for Dice and one for the absolute HC error in
    mm: the standard deviation of a run's mean between seeds with its 95 % interval, and the smallest true
    difference found with a probability of 80 %.
    """
    per_image = collect_per_image(root / variant)
    frame = per_image.assign(hc_abs_error_mm=per_image["hc_error_mm"].abs())
    rows = []
    for metric in ("dice", "hc_abs_error_mm"):
        floor = noise_floor(frame, metric, variant=variant, seeds=seeds, comparisons=comparisons)
        rows.append({"metric": metric, "variant": variant, "comparisons": comparisons} | asdict(floor))
    return pd.DataFrame(rows)


def write_noise_floor(root: Path, profile: Profile) -> Path:
    """Write ``tables/noise_floor.csv`` below ``root``, of the variant that the profile's plan names.

    Raises ``ValueError`` where it names none.
    """
    if profile.noise_floor is None:
        raise ValueError(f"profile {profile.name}: names no variant as noise_floor; add the key to its file")
    table = noise_floor_table(
        root,
        variant=profile.noise_floor,
        seeds=len(profile.seeds),
        comparisons=len(profile.variants) - 1,
    )
    path = root / "tables" / NOISE_FLOOR
    with only_one(path):
        records.write_csv(path, table)
    return path
