"""A split that leaks on purpose, and what two studies on the same test images say of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fetalseg_book.studies.leakage import exposed_images, leakage_table
from fetalseg_lib.data import hc18, splits
from fetalseg_lib.study import records
from fetalseg_lib.study.config import configure
from fetalseg_lib.study.profile import load_profile


@pytest.fixture
def frame() -> pd.DataFrame:
    """Forty exams, every fourth with two images, as HC18's CSV would list them."""
    exams = [exam for exam in range(40) for _ in range(2 if exam % 4 == 0 else 1)]
    rng = np.random.default_rng(0)
    names = [f"{i:03d}_HC.png" for i in range(len(exams))]
    return pd.DataFrame({"filename": names, "exam": exams, "hc_mm": rng.uniform(60, 340, len(exams))})


class TestLeak:
    def test_test_images_stay_and_train_keeps_its_size(self, frame: pd.DataFrame) -> None:
        before = splits.make_split(frame, seed=0)
        after = splits.leak(before, frame["hc_mm"])
        counts = [split["fold"].value_counts() for split in (before, after)]
        assert counts[0]["train"] == counts[1]["train"]
        test = {fold: set(split.loc[split["fold"] == "test", "filename"]) for fold, split in
                (("before", before), ("after", after))}  # fmt: skip
        assert test["after"] < test["before"]
        assert counts[1][splits.UNUSED] == len(test["before"] - test["after"])

    def test_every_exam_of_two_test_images_keeps_the_first_and_shows_the_other(
        self, frame: pd.DataFrame
    ) -> None:
        before = splits.make_split(frame, seed=0)
        after = splits.leak(before, frame["hc_mm"])
        pairs = before[before["fold"] == "test"].groupby("exam").filter(lambda exam: len(exam) > 1)
        assert len(pairs)
        folds = after.loc[pairs.index, "fold"]
        assert folds.tolist() == ["test", "train"] * (len(pairs) // 2)
        assert exposed_images(after) == set(pairs["filename"][::2])

    def test_the_others_do_not_move(self, frame: pd.DataFrame) -> None:
        before = splits.make_split(frame, seed=0)
        after = splits.leak(before, frame["hc_mm"])
        moved = before["fold"] != after["fold"]
        assert set(before.loc[moved, "fold"]) == {"test", "train"}
        assert (before.loc[moved & (before["fold"] == "train"), "exam"] % 4 != 0).all()  # exams of one image

    def test_what_leaves_is_about_as_large_as_what_comes(self) -> None:
        split = pd.DataFrame(
            {
                "filename": list("abcdef"),
                "exam": [1, 1, 2, 3, 4, 5],
                "fold": ["test", "test", "train", "train", "train", "validation"],
            }
        )
        hc_mm = pd.Series([170.0, 180.0, 100.0, 185.0, 300.0, 180.0])
        assert splits.leak(split, hc_mm)["fold"].tolist() == [
            "test", "train", "train", "unused", "train", "validation",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("folds", "message"),
        [
            (["test", "train", "train"], "leaks already"),
            (["train", "train", "test"], "exams with several test images"),
            (["test", "test", "validation"], "exams with several test images"),
        ],
    )
    def test_unusable_splits_are_refused(self, folds: list[str], message: str) -> None:
        split = pd.DataFrame({"filename": list("abc"), "exam": [1, 1, 2], "fold": folds})
        with pytest.raises(ValueError, match=message):
            splits.leak(split, pd.Series([100.0, 100.0, 100.0]))

    @pytest.mark.hc18
    def test_hc18_trains_on_as_many_images_of_as_many_sizes(self, hc18_root: Path) -> None:
        table = hc18.load(hc18_root).table.set_index("name")["hc_mm"]
        split = splits.load("hc18")
        hc_mm = split["filename"].map(table)
        leaky = splits.leak(split, hc_mm)
        assert leaky["fold"].value_counts().to_dict() == {
            "train": 699, "test": 161, "validation": 102, "unused": 37,
        }  # fmt: skip
        assert len(exposed_images(leaky)) == 32
        means = [hc_mm[one["fold"] == "train"].mean() for one in (split, leaky)]
        assert means[0] == pytest.approx(means[1], abs=0.1)


class TestProfile:
    def test_exam_grouped_runs_keep_their_hash_and_leaky_ones_have_their_own(self, tmp_path: Path) -> None:
        profile = tmp_path / "p.yaml"
        text = Path(records.__file__).with_name("profiles").joinpath("smoke.yaml").read_text()
        hashes = []
        for more in ("", "split: exam\n", "split: leaky\n"):
            profile.write_text(text + more)
            hashes.append(configure(variant="unet", seed=0, profile=profile, data="phantom").hash)
        assert hashes[0] == hashes[1] != hashes[2]

    def test_unknown_split_is_refused(self, tmp_path: Path) -> None:
        text = Path(records.__file__).with_name("profiles").joinpath("smoke.yaml").read_text()
        (tmp_path / "p.yaml").write_text(text + "split: random\n")
        with pytest.raises(ValueError, match=r"split: unknown name 'random'.*Known are exam, leaky"):
            load_profile(tmp_path / "p.yaml")

    def test_leaky_differs_from_published_in_the_split_alone(self) -> None:
        runs = [
            configure(variant="proposed", seed=0, profile=name, data="hc18").to_dict()
            for name in ("published", "leaky")
        ]
        differing = {key for key in runs[0] | runs[1] if runs[0].get(key) != runs[1].get(key)}
        assert differing == {"profile", "split"}

    @pytest.mark.hc18
    def test_a_run_trains_on_the_images_that_leak(self, hc18_root: Path) -> None:
        table = hc18.load(hc18_root).table
        config = configure(variant="proposed", seed=0, profile="leaky", data="hc18")
        split = config.dataset.split(table, kind=config.split)
        assert split["filename"].tolist() == table["name"].tolist()
        exams = {fold: set(part["exam"]) for fold, part in split.groupby("fold")}
        assert len(exams["train"] & exams["test"]) == 32
        grouped = configure(variant="proposed", seed=0, profile="published", data="hc18")
        pd.testing.assert_frame_equal(grouped.dataset.split(table, kind=grouped.split), splits.load("hc18"))


def study(root: Path, scores: dict[str, float], *, split: str, seeds: int = 3) -> Path:
    """Finished runs whose Dice on each image is given, plus a little that the seed decides."""
    for seed in range(seeds):
        folder = root / "proposed" / f"seed-{seed}"
        folder.mkdir(parents=True)
        dice = [score + 0.001 * seed for score in scores.values()]
        rows = {"name": list(scores), "exam": range(len(scores)), "dice": dice, "hc_error_mm": 0.0}
        records.write_csv(folder / records.PER_IMAGE, pd.DataFrame(rows).assign(failed=False))
        config = {"variant": "proposed", "training": {}, "network": {}, "limit": {}}
        environment = {"config": config, "encoder_weights": {"sha256": "w"}}
        records.write_json(folder / records.ENVIRONMENT, environment)
        identity = {"variant": "proposed", "seed": seed, "profile": split, "data": "hc18"}
        records.write_json(folder / records.METRICS, identity | {"config_hash": "x", "split_sha256": split})
    return root


class TestTable:
    SPLIT = pd.DataFrame(
        {
            "filename": list("abcd"),
            "exam": [1, 2, 3, 1],
            "fold": ["test", "test", "test", "train"],
        }
    )

    def test_by_hand(self, tmp_path: Path) -> None:
        """Image d, tested in the one study and trained on in the other, counts in neither mean."""
        grouped = study(tmp_path / "g", {"a": 0.90, "b": 0.95, "c": 0.93, "d": 0.1}, split="g")
        leaky = study(tmp_path / "l", {"a": 0.96, "b": 0.95, "c": 0.94}, split="l")
        table = leakage_table(grouped, leaky, split=self.SPLIT).set_index("images_of")
        assert table["difference"].round(6).to_dict() == {
            "exposed": 0.06, "not exposed": 0.005, "all": round(0.07 / 3, 6),
        }  # fmt: skip
        assert table["images"].to_dict() == {"exposed": 1, "not exposed": 2, "all": 3}
        assert set(table["seeds"]) == {3}

    def test_only_seeds_of_both_arms_count(self, tmp_path: Path) -> None:
        scores = {"a": 0.9, "b": 0.9, "c": 0.9}
        grouped = study(tmp_path / "g", scores, split="g", seeds=6)
        leaky = study(tmp_path / "l", scores, split="l", seeds=2)
        assert set(leakage_table(grouped, leaky, split=self.SPLIT)["seeds"]) == {2}

    def test_a_split_without_leak_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="whose exam is in train"):
            leakage_table(tmp_path, tmp_path, split=self.SPLIT.assign(exam=range(4)))
