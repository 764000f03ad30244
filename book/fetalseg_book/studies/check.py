"""Whether all that a study says of its runs follows from their images: every table is computed again."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from fetalseg_book.studies import answer
from fetalseg_book.studies.floor import NOISE_FLOOR, noise_floor_table
from fetalseg_lib.study import records
from fetalseg_lib.study.profile import Profile
from fetalseg_lib.study.tables import file_of_run, finished_runs, mixed_recipes, tables_of_runs


def disagreements(root: Path, profile: Profile) -> list[str]:
    """What in runs and tables below ``root`` does not follow from the images; empty is good."""
    if mixed := mixed_recipes(root):
        return mixed
    found = [line for folder in finished_runs(root) for line in _disagreeing(folder)]
    for name, table in tables(root, profile).items():
        path = root / "tables" / name
        if path.is_file() and not _same(pd.read_csv(path), table):
            found.append(
                f"{path}: differs from what the per-image records give; write it again, never edit it"
            )
    return found


def tables(root: Path, profile: Profile) -> dict[str, pd.DataFrame]:
    """Every table that the runs below ``root`` give, by its file's name."""
    found = {} if profile.folds else tables_of_runs(root)
    if profile.comparisons:
        found |= answer.tables(root, profile)
    path = root / "tables" / NOISE_FLOOR
    if path.is_file():  # the plan that it was made for stands in it
        stated = pd.read_csv(path)
        plan = {name: stated[name].iloc[0] for name in ("variant", "seeds", "comparisons")}
        found[NOISE_FLOOR] = noise_floor_table(root, **plan)
    return found


def _disagreeing(folder: Path) -> list[str]:
    """What in a run's ``metrics.json`` its ``per_image.csv`` does not give."""
    stated = records.read_json(folder / records.METRICS)["test"]
    computed = records.summarize(pd.read_csv(file_of_run(folder, records.PER_IMAGE)))
    return [
        f"{folder / records.METRICS}: {name} is {stated.get(name)}, its images give {computed.get(name)}"
        for name in sorted(stated.keys() | computed.keys())
        if not _close(stated.get(name), computed.get(name))
    ]


def _close(said: float | None, found: float | None) -> bool:
    """``per_image.csv`` keeps nine digits."""
    return said is not None and found is not None and abs(said - found) <= 1e-6 * max(1.0, abs(found))


def _same(stated: pd.DataFrame, computed: pd.DataFrame) -> bool:
    try:
        pd.testing.assert_frame_equal(stated, computed, check_dtype=False, rtol=1e-6)
    except AssertionError:
        return False
    return True
