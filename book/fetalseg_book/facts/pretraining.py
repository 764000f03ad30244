"""The numbers of the chapter on what pre-training is worth, from the transfer studies and both families."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fetalseg_book import stats
from fetalseg_book.figures import described
from fetalseg_book.figures.estimation import shown_name
from fetalseg_book.studies import transfer
from fetalseg_lib.models.weights import PROCEDURAL
from fetalseg_lib.study import tables
from fetalseg_lib.study.profile import load_profile
from fetalseg_lib.study.records import read_json

KINDS = {"frozen": "frozen", "trained": "fine-tuned"}
"""In the glued names, and in the tables of :mod:`fetalseg_book.studies.transfer`."""

ORDER = ("ImageNet", "phantom", "procedural", "random")


def facts(results: Path) -> dict[str, Any]:
    """Everything that the chapter says of the starts: on small images, at the note's size, and described."""
    studies = transfer.collect(results)
    dice = transfer.means(studies, "dice_mean")
    found: dict[str, Any] = {"studies": studies, "dice": dice}
    found["error"] = transfer.means(studies, "hc_abs_error_mm_mean")
    found |= _made(results) | _small_images(studies, dice) | _at_the_notes_size(results)
    family = described.collect(results)
    return found | _family(family, dice) | _statistics(studies, dice.columns[1]) | _anew(family)


def lead(dice: Any, encoder: str, images: int) -> float:
    """Points of Dice by which ImageNet leads the random start."""
    return float(100 * (dice.loc[(encoder, "ImageNet"), images] - dice.loc[(encoder, "random"), images]))


def _made(results: Path) -> dict[str, Any]:
    """How the encoders from drawings and from phantoms were made."""
    made = read_json(PROCEDURAL.with_suffix(".json"))
    heads = read_json(results / "phantom/phantom_encoder.json")
    epochs = heads["config"]["training"]["epochs"]
    return {
        "pre_procedural_seen": f"{made['images_seen']:,}",
        "pre_procedural_minutes": f"{made['seconds'] / 60:.0f}",
        "pre_procedural_mb": f"{made['bytes'] / 1e6:.1f} MB",
        "pre_phantom_seen": f"{heads['images_seen']:,}",
        "pre_phantom_different": f"{heads['images_seen'] // epochs:,}",
    }


def _small_images(studies: pd.DataFrame, dice: Any) -> dict[str, Any]:
    arms = studies.groupby(["images", "variant"])
    seeds, spread = arms["seed"].nunique(), arms["dice_mean"].agg(np.ptp)
    few, some, many = dice.columns
    found = {
        "pre_few": str(few),
        "pre_some": str(some),
        "pre_many": str(many),
        "pre_arms": str(len(seeds)),
        "pre_repeated": str(int((seeds > 1).sum())),
        "pre_spread": f"{100 * spread[seeds > 1].max():.1f}",
        "pre_size": "×".join(map(str, load_profile(transfer.PROFILES[0]).image_size)),
        "pre_test": str(int(studies["images_tested"].iloc[0])),
    }
    for kind, encoder in KINDS.items():
        for images in dice.columns:
            found[f"pre_lead_{kind}_{images}"] = f"{lead(dice, encoder, images):+.1f}"
            for start in ORDER:
                found[f"pre_{kind}_{start}_{images}"] = f"{100 * dice.loc[(encoder, start), images]:.1f} %"
    return found


def _at_the_notes_size(results: Path) -> dict[str, Any]:
    runs = tables.collect_per_image(results / "one_fold/published/hc18")
    runs = runs.assign(hc_abs_error_mm=runs["hc_error_mm"].abs())
    compared = {
        metric: stats.compare(runs, metric, baseline="proposed").set_index("variant")
        for metric in ("dice", "hc_abs_error_mm")
    }
    random, trained = (compared["dice"].loc[name] for name in ("random_encoder", "trainable_encoder"))
    plan = load_profile("published")
    return {
        "compared": compared,
        "planned seeds": plan.seeds,
        "pre_larger_size": "×".join(map(str, plan.image_size)),
        "pre_larger_epochs": str(plan.training.epochs),
        "pre_larger_seeds": str(len(plan.seeds)),
        "pre_larger_lead": f"{-100 * random['difference']:+.1f}",
        "pre_larger_trained": f"{100 * trained['difference']:+.1f}",
        "pre_larger_lead_interval": f"{-100 * random['high']:.1f} to {-100 * random['low']:.1f}",
        "pre_larger_trained_interval": f"{100 * trained['low']:.1f} to {100 * trained['high']:.1f}",
    }


def at_size(compared: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The changes of Dice (points) and of the error (mm) from ``proposed``, with intervals and seeds."""
    names = {"dice": ("Dice (points)", 100), "hc_abs_error_mm": ("HC error (mm)", 1)}
    rows = {
        (shown_name(variant), label): {
            **(times * compared[metric].loc[variant, ["difference", "low", "high"]]),
            "seeds": compared[metric].loc[variant, "seeds"],
        }
        for variant in ("random_encoder", "trainable_encoder")
        for metric, (label, times) in names.items()
    }
    return pd.DataFrame(rows).T.astype(float).rename_axis(["variant", "change of"])


def _family(family: pd.DataFrame, dice: pd.DataFrame) -> dict[str, Any]:
    """The second family's arms, described: their means, and what lies between them seed by seed."""
    arms = {name: arm for name, arm in transfer.ARMS.items() if arm.statistics == "stored"}
    of_arms = family[family["variant"].isin(arms) & family["seed"].isin(load_profile("descriptive").seeds)]
    means = of_arms.groupby("variant")[["dice", "error"]].mean()
    means.index = pd.MultiIndex.from_tuples(
        [(arms[str(name)].encoder, arms[str(name)].start) for name in means.index], names=["encoder", "start"]
    )
    means = means.loc[dice.index]
    by_seed = of_arms.pivot_table(index="seed", columns="variant", values="dice")
    unet = family[(family["variant"] == "unet") & family["seed"].isin(by_seed.index)]["dice"].mean()
    words = {"starts": means, "by seed": by_seed, "unet": unet, "pre_family_unet": f"{unet:.1f} %"}
    return words | _between_starts(means["dice"])


def _between_starts(dice: pd.Series) -> dict[str, Any]:
    trained = dice.loc["fine-tuned"]
    words = {"pre_family_lead": f"{trained['ImageNet'] - trained['random']:+.1f}"}
    for kind, encoder in KINDS.items():
        words |= {f"pre_family_{kind}_{start}": f"{dice[encoder, start]:.1f} %" for start in ORDER}
    return words


def _statistics(studies: pd.DataFrame, images: Any) -> dict[str, Any]:
    """What new statistics of the batch normalisation bring a frozen encoder, in points of Dice."""
    at = studies[(studies["images"] == images) & (studies["encoder"] == "frozen")]
    table = 100 * at.pivot_table(index="start", columns="statistics", values="dice_mean")
    table = table.loc[[start for start in transfer.STARTS if start in table.dropna().index]]
    table = table.assign(gain=table["re-estimated"] - table["stored"])
    return {"statistics": table} | {
        f"pre_gain_{at}": f"{points:+.1f}" for at, points in table["gain"].items()
    }


def _anew(family: pd.DataFrame) -> dict[str, Any]:
    anew = described.differences(family, "reestimated_encoder")
    return {
        "anew": anew,
        "pre_anew_mm": described.in_words(anew["error"], unit="mm"),
    }
