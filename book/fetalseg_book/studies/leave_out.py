"""What each ingredient of the phantom buys: leave it out, train on the phantoms, test on real heads.

The whole phantom is trained on with a few seeds, so that one knows what luck alone does; without an
ingredient one seed must do. Run ``python -m fetalseg_book.studies.leave_out -o results/phantom``; it goes
on where it was stopped.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import pandas as pd

from fetalseg_lib.apply.retest import retest
from fetalseg_lib.data.phantom import INGREDIENTS
from fetalseg_lib.study import records
from fetalseg_lib.study.config import configure
from fetalseg_lib.study.profile import Profile, load_profile
from fetalseg_lib.study.run import WEIGHTS, run

PROFILE = "ingredients"
WHOLE_SEEDS = (0, 1, 2)
"""Seeds of the phantom that lacks nothing."""

ON_REAL = "on_hc18"


def without(profile: Profile, ingredient: str | None) -> Profile:
    """The same study on phantoms that lack ``ingredient``; ``None`` leaves nothing out.

    >>> without(load_profile("ingredients"), "shadow").phantom_without
    ('shadow',)
    """
    name = f"{profile.name}-{f'without-{ingredient}' if ingredient else 'all'}"
    return dataclasses.replace(profile, name=name, phantom_without=(ingredient,) if ingredient else ())


def leave_out(
    ingredient: str | None, *, root: Path, profile: Profile, hc18_root: Path | None = None
) -> list[dict[str, object]]:
    """Train on phantoms without ``ingredient``, and test on HC18's test fold: a row for each network.

    The runs lie below ``root`` in the folder of ``profile``, beside each other.
    """
    rows: list[dict[str, object]] = []
    for variant, seed in profile.grid:
        settings = without(profile, ingredient)
        folder = run(
            configure(variant=variant, seed=seed, profile=settings, data="phantom"), root=root / profile.name
        )
        tested = folder / f"{ON_REAL}.json"
        if not tested.is_file():
            retest(folder / WEIGHTS, data_root=hc18_root).write(folder / ON_REAL)
        row = {"without": ingredient or "nothing", "variant": variant, "seed": seed}
        rows.append(row | records.read_json(tested)["test"])
    return rows


def main() -> None:
    """Leave out nothing, then each ingredient by itself, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, default=Path("runs"))
    parser.add_argument("--profile", default=PROFILE)
    options = parser.parse_args()
    profile = load_profile(options.profile)
    rows: list[dict[str, object]] = []
    whole = dataclasses.replace(profile, seeds=WHOLE_SEEDS)
    for ingredient in (None, *INGREDIENTS):
        rows += leave_out(ingredient, root=options.out, profile=profile if ingredient else whole)
        records.write_csv(options.out / profile.name / "tables" / "ingredients.csv", pd.DataFrame(rows))


if __name__ == "__main__":
    main()
