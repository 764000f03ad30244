"""The transfer studies as a table and a figure, from runs that are made up and so known."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from fetalseg_book.studies import transfer
from fetalseg_lib.models import get_variant
from fetalseg_lib.study import records
from fetalseg_lib.study.profile import load_profile


def write_run(root: Path, profile: str, variant: str, seed: int, dice: float, *, images: int) -> None:
    folder = root / "one_fold" / profile / "hc18" / variant / f"seed-{seed}"
    folder.mkdir(parents=True)
    table = pd.DataFrame({"name": ["a", "b"], "exam": [1, 2], "dice": [dice - 0.1, dice + 0.1]})
    for column in ("iou", "hd_mm", "hd95_mm", "assd_mm", "nsd_1mm", "nsd_2mm", "hc_error_mm"):
        table[column] = 1.0
    table["failed"] = False
    records.write_csv(folder / records.PER_IMAGE, table)
    config = {"variant": variant, "training": {}, "network": {}, "limit": {}}
    environment = {"config": config, "encoder_weights": {"sha256": "w"}, "split": {"train": images}}
    records.write_json(folder / records.ENVIRONMENT, environment)
    identity = {"variant": variant, "seed": seed, "profile": profile, "data": "hc18", "config_hash": "x"}
    records.write_json(folder / records.METRICS, identity | {"split_sha256": "y"})


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    for images, profile in zip((50, 200, 699), transfer.PROFILES, strict=True):
        for seed in (0, 1):
            write_run(tmp_path, profile, "proposed", seed, 0.8 + 0.02 * seed, images=images)
            write_run(tmp_path, profile, "random_trainable_encoder", seed, 0.6, images=images)
    write_run(tmp_path, "transfer_200", "reestimated_encoder", 0, 0.7, images=200)
    return tmp_path


def test_every_run_is_a_row_under_the_name_of_its_arm(studies: Path) -> None:
    frame = transfer.collect(studies)
    assert len(frame) == 3 * 2 * 2 + 1
    row = frame[(frame["variant"] == "proposed") & (frame["seed"] == 1) & (frame["images"] == 50)].iloc[0]
    assert (row["start"], row["encoder"], row["statistics"]) == ("ImageNet", "frozen", "stored")
    assert row["dice_mean"] == pytest.approx(0.82)
    assert row["images_tested"] == 2


def test_means_are_over_seeds_and_leave_other_statistics_out(studies: Path) -> None:
    table = transfer.means(transfer.collect(studies), "dice_mean")
    assert list(table.columns) == [50, 200, 699]
    assert table.loc[("frozen", "ImageNet"), 200] == pytest.approx((0.80 + 0.82) / 2)
    assert table.loc[("fine-tuned", "random"), 699] == pytest.approx(0.6)
    assert table.loc[("frozen", "random")].isna().all()  # not run yet: a gap, not a number


def test_points_are_seeds_and_lines_are_their_means(studies: Path) -> None:
    frozen, _trained = transfer.curves(transfer.collect(studies)).axes
    drawn = {line.get_label(): line for line in frozen.lines}
    assert list(drawn["ImageNet"].get_ydata()) == pytest.approx([0.81, 0.81, 0.81])
    assert list(drawn["ImageNet"].get_xdata()) == [50, 200, 699]
    plt.close("all")


def test_a_study_without_runs_is_named(tmp_path: Path) -> None:
    write_run(tmp_path, "transfer_50", "proposed", 0, 0.8, images=50)
    with pytest.raises(ValueError, match="transfer_200"):
        transfer.collect(tmp_path)


@pytest.mark.parametrize("profile", transfer.PROFILES)
def test_every_variant_of_the_studies_is_an_arm_and_says_what_the_variant_does(profile: str) -> None:
    for name in load_profile(profile).variants:
        arm, variant = transfer.ARMS[name], get_variant(name)
        assert (arm.start == "random") == (variant.network.get("pretrained") is False)
        assert (arm.encoder == "fine-tuned") == (variant.network.get("encoder_training") == "trainable")
        assert (arm.statistics == "re-estimated") == ("encoder_statistics" in variant.network)
        assert arm.start.lower() in (variant.encoder_weights or arm.start).lower()
