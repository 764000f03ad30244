"""What an ingredient buys, from runs whose numbers are made up and so known."""

from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

from fetalseg_book.studies import ingredients


def runs(**left_out: float) -> pd.DataFrame:
    whole = [{"without": "nothing", "seed": seed, "dice_mean": 0.94 + 0.01 * seed} for seed in range(3)]
    others = [{"without": name, "seed": 0, "dice_mean": dice} for name, dice in left_out.items()]
    return pd.DataFrame(whole + others).assign(variant="budget")


def test_differences_are_from_the_mean_of_the_whole_and_the_largest_loss_comes_first() -> None:
    found = ingredients.effects(runs(shadow=0.90, brain=0.80, display=0.96), "dice_mean")
    assert found.whole == pytest.approx(0.95)
    assert list(found.table["without"]) == ["brain", "shadow", "display"]
    assert list(found.table["difference"]) == pytest.approx([-0.15, -0.05, 0.01])


def test_the_band_is_the_prediction_interval_of_one_more_run() -> None:
    found = ingredients.effects(runs(shadow=0.90), "dice_mean")  # 0.94, 0.95, 0.96: SD 0.01
    assert found.band == pytest.approx(stats.t.ppf(0.975, 2) * 0.01 * (1 + 1 / 3) ** 0.5)


@pytest.mark.parametrize(("dice", "is_beyond"), [(0.89, True), (0.91, False), (1.0, True)])
def test_only_what_luck_would_not_do_is_beyond_the_band(dice: float, is_beyond: bool) -> None:
    found = ingredients.effects(runs(shadow=dice), "dice_mean")  # the band is 0.0497
    assert (len(found.beyond) == 1) is is_beyond


def test_of_an_error_the_largest_rise_comes_first() -> None:
    frame = runs(shadow=0.90, brain=0.80).rename(columns={"dice_mean": "hc_abs_error_mm_mean"})
    assert list(ingredients.effects(frame, "hc_abs_error_mm_mean").table["without"]) == ["shadow", "brain"]


def test_with_a_single_whole_run_nobody_knows_what_luck_does() -> None:
    with pytest.raises(ValueError, match="runs: expected two or more"):
        ingredients.effects(runs(shadow=0.9).query("seed == 0"), "dice_mean")


def test_the_figure_has_a_point_for_each_ingredient() -> None:
    figure = ingredients.plot(ingredients.effects(runs(shadow=0.90, brain=0.80), "dice_mean"))
    (axes,) = figure.axes
    points = axes.lines[-1]
    assert list(points.get_xdata()) == pytest.approx([-5, -15])
    assert [text.get_text() for text in axes.get_yticklabels()] == ["shadow", "brain"]


def test_the_committed_table_follows_from_the_records_of_its_images() -> None:
    study = Path(__file__).parents[2] / "results" / "phantom" / "ingredients"
    for row in pd.read_csv(study / "tables" / "ingredients.csv").itertuples():
        name = "all" if row.without == "nothing" else f"without-{row.without}"
        run = study / f"ingredients-{name}" / "phantom" / row.variant / f"seed-{row.seed}"
        images = pd.read_csv(run / "on_hc18.csv")
        assert images["dice"].mean() == pytest.approx(row.dice_mean, abs=1e-6)
        assert images["hc_error_mm"].abs().mean() == pytest.approx(row.hc_abs_error_mm_mean, abs=1e-6)
