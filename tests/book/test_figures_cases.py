from pathlib import Path

import matplotlib.image
import pandas as pd
import pytest

from fetalseg_book.figures import cases
from fetalseg_lib.study import records

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


def test_a_runs_figure_and_its_words(
    smoke_run: Path, shared_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FETALSEG_CACHE", str(shared_cache))
    figure = tmp_path / "figures" / "cases_unet.png"
    cases.write(smoke_run, figure)
    height, width, _ = matplotlib.image.imread(figure).shape
    assert min(height, width) > 200
    worst = pd.read_csv(smoke_run / records.PER_IMAGE)["dice"].min()
    assert f"{worst:.3f}" in figure.with_suffix(".txt").read_text(encoding="utf-8")
