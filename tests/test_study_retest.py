"""A network tested again elsewhere measures what it measured in its own run."""

from pathlib import Path

import pandas as pd
import pytest

from fetalseg_lib.cli import main
from fetalseg_lib.data import phantom
from fetalseg_lib.study import records
from fetalseg_lib.study import run as study
from fetalseg_lib.study.config import configure
from fetalseg_lib.study.folds import DATA_SEED
from fetalseg_lib.study.retest import retest


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FETALSEG_CACHE", str(folder / "cache"))
        config = configure(variant="unet", seed=0, profile="smoke", data="phantom")
        run = study.run(config, root=folder, progress=False)
        phantom.write_folder(
            phantom.generate(config.phantoms, seed=DATA_SEED, size=config.phantom_size), folder / "hc18"
        )
        yield run


def test_the_same_images_from_a_folder_give_the_runs_own_numbers(trained: Path, tmp_path: Path) -> None:
    """The folder keeps outlines, not masks: drawn and filled again, a mask moves by a few pixels."""
    root = next(parent for parent in trained.parents if (parent / "hc18").is_dir()) / "hc18"
    stem = tmp_path / "again"
    command = ["retest", str(trained / study.WEIGHTS), "--data", str(root), "--fold", "all"]
    status = main([*command, "-o", str(stem)])
    assert status == 0
    own = pd.read_csv(trained / records.PER_IMAGE).set_index("name")
    again = pd.read_csv(stem.with_suffix(".csv")).set_index("name")
    assert len(again) == 24
    pd.testing.assert_series_equal(again.loc[own.index, "hc_mm"], own["hc_mm"], rtol=1e-6)
    assert (again.loc[own.index, "dice"] - own["dice"]).abs().max() < 0.01
    summary = records.read_json(stem.with_suffix(".json"))
    assert summary["trained"]["variant"] == "unet"
    assert summary["test"]["dice_mean"] == pytest.approx(again["dice"].mean())


def test_an_unknown_fold_is_refused(trained: Path) -> None:
    root = next(parent for parent in trained.parents if (parent / "hc18").is_dir()) / "hc18"
    with pytest.raises(ValueError, match="fold: expected train, validation, test or none, got 'dev'"):
        retest(trained / study.WEIGHTS, data_root=root, fold="dev")
