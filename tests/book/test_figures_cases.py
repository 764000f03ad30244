from pathlib import Path

import matplotlib.image
import pandas as pd
import pytest

from fetalseg_book.figures import cases
from fetalseg_lib.study import records
from fetalseg_lib.study import run as study
from fetalseg_lib.study.config import configure

IMAGES = pd.DataFrame(
    {"name": list("abcdefg"), "dice": [0.9, 0.5, 0.7, 0.8, 0.6, 0.95, 0.1], "hc_error_mm": 1.0}
)


def test_cases_by_hand() -> None:
    chosen = cases.select(IMAGES, count=2)
    assert chosen.groupby("case", sort=False)["name"].agg("".join).to_dict() == {
        "worst": "gb",
        "middle": "ec",
        "best": "af",
    }


@pytest.mark.parametrize("count", [0, 3])
def test_more_cases_than_images_can_tell_apart_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="count: expected 1 to 2 of 7 images"):
        cases.select(IMAGES, count=count)


def test_a_runs_figure_and_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FETALSEG_CACHE", str(tmp_path / "cache"))
    config = configure(variant="unet", seed=0, profile="smoke", data="phantom")
    folder = study.run(config, root=tmp_path, progress=False)
    figure = tmp_path / "figures" / "cases_unet.png"
    cases.write(folder, figure)
    height, width, _ = matplotlib.image.imread(figure).shape
    assert min(height, width) > 200
    worst = pd.read_csv(folder / records.PER_IMAGE)["dice"].min()
    assert f"{worst:.3f}" in figure.with_suffix(".txt").read_text(encoding="utf-8")
