"""From the folders of many runs to the tables of a study. Everything is recomputed from ``per_image.csv``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from fetalseg_lib.files import only_one
from fetalseg_lib.models import get_variant
from fetalseg_lib.study import records

_RUN_FOLDER = re.compile(r"seed-\d+")
_IDENTITY = ("variant", "seed", "profile", "data", "config_hash", "split_sha256")


def collect_per_image(root: Path, *, file: str = records.PER_IMAGE) -> pd.DataFrame:
    """Every test image of every finished run under ``root``, with the run's ``variant`` and ``seed``.

    With ``file=records.VALIDATION`` the validation images; runs that kept none are left out. Raises
    ``ValueError`` where there is no finished run, where two are of one variant and seed, or where their means
    are not comparable: runs of different splits, or that differ in more than variant and seed.
    """
    frames = []
    folders: dict[tuple[str, int], Path] = {}
    for folder in finished_runs(root):
        if file != records.PER_IMAGE and not (folder / file).is_file():
            continue
        metrics = records.read_json(folder / records.METRICS)
        run = metrics["variant"], metrics["seed"]
        if (first := folders.setdefault(run, folder)) != folder:
            raise ValueError(
                f"{folder}: expected each run once, but {first} is {run[0]} with seed {run[1]} too; "
                "give every run a seed of its own, or leave one of the folders out"
            )
        frame = pd.read_csv(file_of_run(folder, file))
        frames.append(frame.assign(**{name: metrics[name] for name in _IDENTITY}))
    if not frames:
        raise ValueError(
            f"{root}: no finished run (a folder seed-N with {records.METRICS} and {file}) below it"
        )
    per_image = pd.concat(frames, ignore_index=True)
    splits = per_image.groupby("split_sha256")["variant"].unique().map(list).to_dict()
    if len(splits) > 1:
        raise ValueError(f"{root}: runs of different splits cannot stand in one table: {splits}")
    if mixed := mixed_recipes(root):
        raise ValueError(mixed[0])
    return per_image


def summarize_runs(per_image: pd.DataFrame) -> pd.DataFrame:
    """One row per run: its means over the test images, failures counted and kept in every mean."""
    rows = [
        {"variant": variant, "seed": seed, **records.summarize(group)}
        for (variant, seed), group in per_image.groupby(["variant", "seed"], sort=True)
    ]
    return pd.DataFrame(rows)


def summarize_variants(runs: pd.DataFrame, *, order: Sequence[str] | None = None) -> pd.DataFrame:
    """One row per variant: mean and standard deviation over its seeds of the runs' means.

    The standard deviation is that of the seeds (n - 1); with one seed it is unknown and left empty.
    """
    grouped = runs.groupby("variant")
    table = pd.DataFrame(
        {
            "seeds": grouped.size(),
            "failures": grouped["failures"].sum(),
            **{
                f"{name}_{statistic}": grouped[column].agg(statistic)
                for name, column in (("dice", "dice_mean"), ("hc_abs_error_mm", "hc_abs_error_mm_mean"))
                for statistic in ("mean", "std")
            },
        }
    )
    if order is not None:
        table = table.reindex([name for name in order if name in table.index])
    return table.reset_index()


def tables_of_runs(root: Path) -> dict[str, pd.DataFrame]:
    """The tables ``runs.csv`` and ``variants.csv`` of the runs below ``root``, by their files' names.

    Raises as :func:`collect_per_image`.
    """
    runs = summarize_runs(collect_per_image(root))
    return {"runs.csv": runs, "variants.csv": summarize_variants(runs)}


def write_tables(root: Path) -> list[Path]:
    """Write the :func:`tables_of_runs` to ``tables/`` below ``root`` and return their paths."""
    tables = {root / "tables" / name: table for name, table in tables_of_runs(root).items()}
    with only_one(next(iter(tables))):
        for path, table in tables.items():
            records.write_csv(path, table)
    return list(tables)


def mixed_recipes(root: Path) -> list[str]:
    """In what runs below ``root`` differ beside variant, fold and seed; empty is good.

    The seeds of one variant share all of their settings, two variants those that neither of them changes.
    What the test images were measured in, all share: bfloat16 makes a head 0.2 mm larger.
    """
    runs = [
        (folder, records.read_json(file_of_run(folder, records.ENVIRONMENT)))
        for folder in finished_runs(root)
    ]
    first: dict[str, tuple[Path, dict[str, Any]]] = {}
    for run in runs:
        first.setdefault(run[1]["config"]["variant"], run)
    of_one_variant = [(first[run[1]["config"]["variant"]], run) for run in runs]
    found = []
    for (one, made), (other, also) in [*of_one_variant, *combinations(first.values(), 2)]:
        here, there = _settings(made), _settings(also)
        names = {made["config"]["variant"], also["config"]["variant"]}
        changed = tuple(name for variant in names if len(names) > 1 for name in _changes(variant))
        if differ := [
            f"{name} is {here.get(name)} and {there.get(name)}"
            for name in sorted(here.keys() | there.keys())
            if here.get(name) != there.get(name) and not name.startswith(changed)
        ]:
            words = "cannot stand in one table (keep them in folders of their own)"
            found.append(f"{one} and {other} {words}: {'; '.join(differ)}")
    return found


def _settings(environment: dict[str, Any]) -> dict[str, Any]:
    """A run's settings, without what names it."""
    config = dict(environment["config"])
    for name in ("training", "network", "limit"):
        config |= {f"{name}.{key}": value for key, value in config.pop(name).items()}
    config["encoder_weights.sha256"] = environment["encoder_weights"]["sha256"]
    # Runs before there was a difference were measured in what they were trained in.
    measured = "evaluation_precision" if "evaluation_precision" in environment else "precision"
    config["evaluation_precision"] = environment.get(measured)
    return {
        key: config[key] for key in config.keys() - {"variant", "seed", "training.seed", "fold", "profile"}
    }


def _changes(variant: str) -> list[str]:
    """How the names of the settings begin that a variant decides."""
    chosen = get_variant(variant)
    changed = [f"training.{name}" for name in chosen.recipe] + [f"network.{name}" for name in chosen.network]
    if chosen.architecture != "mobilenet":
        changed.append("network.")
    if chosen.encoder_weights:
        changed.append("encoder_weights")
    elif chosen.architecture != "mobilenet" or not chosen.network.get("pretrained", True):
        changed.append("encoder_weights.sha256")  # it loads no file, or may not
    return changed


def file_of_run(folder: Path, name: str) -> Path:
    """A file of a finished run; raises ``FileNotFoundError`` that says what a run consists of."""
    if (path := folder / name).is_file():
        return path
    raise FileNotFoundError(
        f"{path}: expected the whole folder of a run, got {records.METRICS} without this file; "
        "collect the folders seed-N with all that is in them"
    )


def finished_runs(root: Path) -> list[Path]:
    """Folders of finished runs below ``root``, in order; set-aside and unfinished ones are left out."""
    folders = (path.parent for path in sorted(root.rglob(records.METRICS)))
    return [folder for folder in folders if _RUN_FOLDER.fullmatch(folder.name)]
