from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fetalseg_lib.study import records, tables
from fetalseg_lib.study.identity import Identity, is_complete

RESULTS = Path(__file__).parents[1] / "results"
PER_IMAGE = pd.DataFrame(
    {
        "name": ["a.png", "b.png", "c.png"],
        "exam": [1, 1, 2],
        "dice": [0.9, 0.8, 0.0],
        "hc_error_mm": [-2.0, 4.0, -150.0],
        "failed": [False, False, True],
    }
)


CONFIG: dict[str, Any] = {
    "profile": "p",
    "data": "d",
    "encoder_weights": "imagenet",
    "image_size": [64, 64],
    "limit": {},
    "network": {},
    "training": {"epochs": 20, "schedule": "cosine", "seed": 0, "pos_weight": 2.3},
}


def write_run(root: Path, variant: str, seed: int, *, shift: float = 0.0, split: str = "s") -> Path:
    folder = root / variant / f"seed-{seed}"
    per_image = PER_IMAGE.assign(dice=PER_IMAGE["dice"] + shift)
    records.write_csv(folder / records.PER_IMAGE, per_image)
    identity = {
        "variant": variant,
        "seed": seed,
        "profile": "p",
        "data": "d",
        "config_hash": f"{variant}{seed}",
    }
    environment = {
        "config": CONFIG | {"variant": variant, "seed": seed},
        "encoder_weights": {"sha256": "w"},
        "precision": "float32",
    }
    records.write_json(folder / records.ENVIRONMENT, environment)
    metrics = identity | {"split_sha256": split, "test": records.summarize(per_image)}
    records.write_json(folder / records.METRICS, metrics)
    return folder


def test_a_failure_stays_in_every_mean_and_is_counted() -> None:
    summary = records.summarize(PER_IMAGE)
    assert summary["dice_mean"] == pytest.approx((0.9 + 0.8 + 0.0) / 3)
    assert summary["hc_abs_error_mm_mean"] == pytest.approx((2 + 4 + 150) / 3)
    assert summary["hc_error_mm_mean"] == pytest.approx((-2 + 4 - 150) / 3)
    assert summary["dice_median"] == 0.8
    assert (summary["images"], summary["failures"]) == (3, 1)


def test_a_write_that_dies_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    records.write_json(path, {"dice": 0.9})
    with pytest.raises(ValueError, match="not JSON compliant"):
        records.write_json(path, {"dice": float("nan")})
    with pytest.raises(TypeError):
        records.write_json(path, {"dice": object()})
    assert records.read_json(path) == {"dice": 0.9}
    assert [p.name for p in tmp_path.iterdir()] == ["metrics.json"]


def test_a_broken_record_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    path.write_text('{"dice": 0.')
    with pytest.raises(ValueError, match=r"metrics\.json: not readable as JSON"):
        records.read_json(path)
    for content in (b"\xff", b"[" * 100_000):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"metrics\.json: not readable as JSON"):
            records.read_json(path)
    path.write_text("[1]")
    with pytest.raises(ValueError, match="expected a JSON object, got list"):
        records.read_json(path)


def test_a_run_of_another_configuration_is_kept_aside(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "unet", 0)
    mine, another = (
        Identity(config_hash=name, encoder_sha256=None, source_sha256="s") for name in ("unet0", "another")
    )
    assert is_complete(folder, mine)
    assert not is_complete(folder, another)
    older = records.set_aside(folder, "unet0")
    assert older.name == "seed-0-before-unet0"
    assert (older / records.METRICS).is_file()
    assert tables.finished_runs(tmp_path) == []  # what is set aside is in no table


def test_tables_by_hand(tmp_path: Path) -> None:
    write_run(tmp_path, "unet", 0)
    write_run(tmp_path, "unet", 1, shift=0.03)
    write_run(tmp_path, "proposed", 0)
    runs = tables.summarize_runs(tables.collect_per_image(tmp_path))
    variants = tables.summarize_variants(runs, order=["unet", "proposed"]).set_index("variant")
    assert list(variants.index) == ["unet", "proposed"]
    mean = (0.9 + 0.8) / 3
    assert variants.loc["unet", "dice_mean"] == pytest.approx(mean + 0.015)
    assert variants.loc["unet", "dice_std"] == pytest.approx(0.03 / 2**0.5)
    assert variants.loc["unet", "failures"] == 2
    assert pd.isna(variants.loc["proposed", "dice_std"])


def test_runs_of_different_splits_share_no_table(tmp_path: Path) -> None:
    write_run(tmp_path, "unet", 0)
    write_run(tmp_path, "unet", 1, split="other")
    with pytest.raises(ValueError, match="different splits"):
        tables.collect_per_image(tmp_path)


def edit(folder: Path, **changes: Any) -> None:
    """Change the configuration in a run's record; of ``training`` and ``network`` each option by itself."""
    environment = records.read_json(folder / records.ENVIRONMENT)
    config = environment["config"]
    for name, value in changes.items():
        config[name] = config[name] | value if isinstance(value, dict) else value
    records.write_json(folder / records.ENVIRONMENT, environment)


NOTE = {"epochs": 100, "schedule": "plateau"}


@pytest.mark.parametrize(
    ("variant", "changes", "words"),
    [
        pytest.param(
            "unet", {"training": NOTE}, "training.epochs is 20 and 100; training.schedule", id="recipe"
        ),
        pytest.param(
            "proposed", {"training": NOTE}, "training.epochs is 20 and 100", id="of another variant"
        ),
        pytest.param(
            "pos_weight_200", {"training": {"epochs": 3}}, "epochs is 3 and 20", id="beside its own"
        ),
        pytest.param("unet", {"image_size": [32, 32]}, r"image_size is \[64, 64\] and \[32", id="size"),
        pytest.param("unet", {"limit": {"train": 50}}, "limit.train is None and 50", id="fewer images"),
        pytest.param(
            "unet", {"network": {"base_width": 8}}, "network.base_width is None and 8", id="network"
        ),
        pytest.param("no_se", {"network": {"stem": "sum"}}, "network.stem is sum and None", id="stem"),
        pytest.param("proposed", {"encoder_weights": "random"}, "imagenet and random", id="weights"),
    ],
)
def test_runs_of_different_recipes_share_no_table(
    tmp_path: Path, variant: str, changes: dict[str, Any], words: str
) -> None:
    write_run(tmp_path, "unet", 0)
    write_run(tmp_path, "proposed", 0)
    other = write_run(tmp_path, variant, 1)
    tables.write_tables(tmp_path)
    edit(other, **changes)
    with pytest.raises(ValueError, match=f"cannot stand in one table .*: .*{words}"):
        tables.write_tables(tmp_path)


@pytest.mark.parametrize(
    ("variant", "changes"),
    [
        pytest.param("pos_weight_200", {"training": {"pos_weight": 200.0}}, id="recipe"),
        pytest.param("stem_mean", {"network": {"stem": "mean"}}, id="network"),
        pytest.param("procedural_encoder", {"encoder_weights": "procedural"}, id="weights"),
        pytest.param("proposed", {"profile": "named otherwise"}, id="a name"),
    ],
)
def test_what_a_variant_changes_is_no_other_recipe(
    tmp_path: Path, variant: str, changes: dict[str, Any]
) -> None:
    write_run(tmp_path, "unet", 0)
    edit(write_run(tmp_path, variant, 0), **changes)
    assert len(tables.write_tables(tmp_path)) == 2


def test_other_weights_of_one_name_are_another_recipe(tmp_path: Path) -> None:
    write_run(tmp_path, "unet", 0)
    folder = write_run(tmp_path, "unet", 1)
    values = records.read_json(folder / records.ENVIRONMENT)
    records.write_json(folder / records.ENVIRONMENT, values | {"encoder_weights": {"sha256": "other"}})
    with pytest.raises(ValueError, match=r"encoder_weights\.sha256 is w and other"):
        tables.write_tables(tmp_path)


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        pytest.param({"precision": "bfloat16"}, {"precision": "float32"}, True, id="two old runs"),
        pytest.param(
            {"precision": "bfloat16"},
            {"precision": "bfloat16", "evaluation_precision": "float32"},
            True,
            id="an old run and a new one",
        ),
        pytest.param(
            {"precision": "float32"},
            {"precision": "bfloat16", "evaluation_precision": "float32"},
            False,
            id="both in float32",
        ),
    ],
)
@pytest.mark.parametrize("variant", ["unet", "proposed"])
def test_runs_measured_in_different_precision_share_no_table(
    tmp_path: Path, one: dict[str, str], other: dict[str, str], differ: bool, variant: str
) -> None:
    for folder, measured in ((write_run(tmp_path, "unet", 0), one), (write_run(tmp_path, variant, 1), other)):
        values = records.read_json(folder / records.ENVIRONMENT)
        records.write_json(folder / records.ENVIRONMENT, values | measured)
    if not differ:
        assert len(tables.write_tables(tmp_path)) == 2
        return
    with pytest.raises(
        ValueError, match=r"evaluation_precision is (bfloat16 and float32|float32 and bfloat16)"
    ):
        tables.write_tables(tmp_path)


@pytest.mark.parametrize(
    "study",
    sorted({path.parents[2 + ("fold" in records.read_json(path))] for path in RESULTS.rglob("metrics.json")}),
    ids=lambda path: path.parent.name,
)
def test_every_committed_study_is_of_one_recipe(study: Path) -> None:
    assert tables.mixed_recipes(study) == []


def test_two_runs_of_one_seed_are_not_one(tmp_path: Path) -> None:
    write_run(tmp_path / "ada", "unet", 0)
    write_run(tmp_path / "emmy", "unet", 0, shift=0.01)
    with pytest.raises(
        ValueError, match=r"emmy.*: expected each run once, but .*ada.* is unet with seed 0 too"
    ):
        tables.write_tables(tmp_path)


@pytest.mark.parametrize("missing", [records.PER_IMAGE, records.ENVIRONMENT])
def test_half_a_run_s_folder_is_named(tmp_path: Path, missing: str) -> None:
    (write_run(tmp_path, "unet", 0) / missing).unlink()
    with pytest.raises(FileNotFoundError, match=rf"seed-0/{missing}: expected the whole folder of a run"):
        tables.write_tables(tmp_path)


def test_no_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no finished run"):
        tables.collect_per_image(tmp_path)
