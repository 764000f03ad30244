"""One change at a time: only that differs, validation images judge, and a stopped trial goes on."""

import dataclasses
from pathlib import Path

import pandas as pd
import pytest

from fetalseg_book.studies import small_network
from fetalseg_book.studies.small_network import CHANGES, configured
from fetalseg_lib.study.profile import load_profile
from fetalseg_lib.study.run import prepare_data

PROFILE = load_profile("demonstration")


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_one_change(name: str) -> None:
    base, run = (configured(CHANGES[one], PROFILE).to_dict() for one in ("base", name))
    settings = {"training", "network", "image_size"}
    changed = [
        key
        for part in settings - {"image_size"}
        for key in run[part]
        if run[part][key] != base[part].get(key)
    ]
    changed += ["image_size"] * (run["image_size"] != base["image_size"])
    changed += ["augmentation"] * (CHANGES[name].augmentation is not CHANGES["base"].augmentation)
    assert len(changed) == (name != "base")
    assert {key: run[key] for key in run.keys() - settings} == {
        key: base[key] for key in base.keys() - settings
    }


@pytest.fixture
def tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[pd.DataFrame, set[str]]:
    """What the smallest trial gives, on phantoms, and the images that validate there."""
    monkeypatch.setenv("FETALSEG_CACHE", str(tmp_path / "cache"))
    smoke = load_profile("smoke")
    tiny = dataclasses.replace(
        PROFILE,
        encoder_weights="random",
        phantoms=smoke.phantoms,
        phantom_size=smoke.phantom_size,
        limit=smoke.limit,
    )
    change = dataclasses.replace(CHANGES["everything"], image_size=(32, 32), training={"epochs": 1})
    config = configured(change, tiny, data="phantom")
    found = small_network.try_out("everything", config, folder=tmp_path)
    folds = prepare_data(config)
    monkeypatch.setattr(small_network, "fit", None)  # calling it again would fail
    again = small_network.try_out("everything", config, folder=tmp_path)
    pd.testing.assert_frame_equal(again, found, check_dtype=False)
    return found, set(folds.cache.index["name"].iloc[list(folds.validation)])


def test_validation_images_judge_and_nothing_is_computed_twice(tried: tuple[pd.DataFrame, set[str]]) -> None:
    found, validation = tried
    assert set(found["name"]) == validation
    assert found["dice"].between(0, 1).all()


def test_the_table_compares_image_by_image(tmp_path: Path) -> None:
    """Other order, and Dice changes by 1, 1 and -5 points: by -1 on average, and typically by 1."""
    rest = {"hd95_mm": 0.0, "failed": False, "exam": 1, "kept_epoch": 3, "threads": 1, "minutes": 2.0}
    base = pd.DataFrame({"name": list("abc"), "dice": [0.9, 0.8, 0.7], "hc_error_mm": [1.0, -1.0, 3.0]})
    other = pd.DataFrame({"name": list("cab"), "dice": [0.65, 0.91, 0.81], "hc_error_mm": [0.0, -2.0, 2.0]})
    base.assign(**rest).to_csv(tmp_path / "base.csv", index=False)
    other.assign(**rest).to_csv(tmp_path / "unweighted.csv", index=False)
    first, second = small_network.summary(tmp_path).to_dict("records")
    assert (first["change"], first["difference"], first["hc_bias_mm"]) == ("base", 0, 1)
    assert second["difference"] == pytest.approx(-1)
    assert second["typical"] == pytest.approx(1)
    assert (second["hc_error_mm"], second["hc_bias_mm"]) == (pytest.approx(4 / 3), 0)


def test_an_unknown_change_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        small_network.main(["bases"])
    assert "expected some of base, epochs_8, " in capsys.readouterr().err
