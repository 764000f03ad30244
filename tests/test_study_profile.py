import dataclasses
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fetalseg_lib.study.config import configure
from fetalseg_lib.study.profile import list_profiles, load_profile

MINIMAL = {
    "name": "mine",
    "description": "A test.",
    "image_size": [64, 64],
    "encoder_weights": "random",
    "variants": ["unet"],
    "seeds": [0],
}


def write(folder: Path, changes: dict[str, object]) -> Path:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(MINIMAL | changes), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", list_profiles())
def test_every_built_in_profile_loads_and_configures_its_whole_grid(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    hashes = {
        configure(variant=variant, seed=seed, fold=fold, profile=profile, data="hc18").hash
        for variant, seed in profile.grid
        for fold in profile.folds or [None]
    }
    assert len(hashes) == len(profile.units) == len(profile.grid) * max(len(profile.folds), 1)


@pytest.mark.parametrize(
    ("name", "images"), [("transfer_50", 50), ("transfer_200", 200), ("transfer_all", 699)]
)
def test_few_images_are_trained_on_for_as_many_steps_as_all(name: str, images: int) -> None:
    profile, whole = load_profile(name), load_profile("transfer_all")
    assert profile.limit.get("train", 699) == images
    steps = math.ceil(images / profile.training.batch_size) * profile.training.epochs
    assert abs(steps - math.ceil(699 / 16) * whole.training.epochs) <= 1
    assert profile.training.early_stopping_patience == profile.training.epochs  # none is stopped early
    settings = ("epochs", "early_stopping_patience")
    assert dataclasses.replace(
        profile.training, **{name: getattr(whole.training, name) for name in settings}
    ) == (whole.training)
    assert (profile.seeds, profile.network) == (whole.seeds, whole.network)
    assert set(whole.variants) <= set(profile.variants)


def test_a_variant_can_have_seeds_of_its_own(tmp_path: Path) -> None:
    changes = {"variants": ["unet", "proposed"], "seeds": [0, 1], "seeds_of": {"proposed": [3]}}
    assert load_profile(write(tmp_path, changes)).grid == (("unet", 0), ("unet", 1), ("proposed", 3))


def test_a_study_trains_what_is_planned_and_nothing_else(tmp_path: Path) -> None:
    """Snakemake's own list of what it would run, for a variant without the first seed of the others."""
    changes = {"variants": ["unet", "proposed"], "seeds": [0, 1], "seeds_of": {"proposed": [3]}}
    path = write(tmp_path, changes)
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "study",
        "--dry-run",
        "--nolock",
        "--cores",
        "1",
        "--config",
    ]
    done = subprocess.run(
        [*command, f"profile={path}", f"out={tmp_path}/runs"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    planned = re.findall(r"Train and evaluate (\w+), ([\w/-]+)", done.stdout + done.stderr)
    assert set(planned) == {("unet", "seed-0"), ("unet", "seed-1"), ("proposed", "seed-3")}


def test_what_a_profile_leaves_out_is_the_notes(tmp_path: Path) -> None:
    mine, note = load_profile(write(tmp_path, {})), load_profile("note")
    assert mine.training == note.training


def test_a_profile_on_a_base_is_the_base_but_for_its_differences(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    own = {"name": "mine", "description": "A test.", "variants": ["unet"], "seeds": [7]}
    changes = {"base": "published", "training": {"epochs": 3}, "network": {"dropout": 0.1}}
    path.write_text(yaml.safe_dump(own | changes), encoding="utf-8")
    mine, base = load_profile(path), load_profile("published")
    assert mine.training == dataclasses.replace(base.training, epochs=3)
    assert mine.network == {**base.network, "dropout": 0.1}
    assert mine.image_size == base.image_size
    assert (mine.grid, mine.noise_floor) == ((("unet", 7),), None)  # the plan is its own


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"base": "publshed"}, "base: .*did you mean 'published'", id="misspelt base"),
        pytest.param({"base": 3}, "base: unknown name '3'", id="base is a number"),
        pytest.param({"base": "longer"}, "base: expected a profile without", id="base on a base"),
        pytest.param(
            {"base": "published", "training": 3}, "training: expected a dict", id="training on a base"
        ),
        pytest.param({"epochs": 3}, "unknown name 'epochs'", id="key of another section"),
        pytest.param({"training": {"epoch": 3}}, "did you mean 'epochs'", id="misspelt training option"),
        pytest.param({"training": {"seed": 3}}, "unknown name 'seed'", id="the seed is a run's"),
        pytest.param({"training": {"device": "cpu"}}, "unknown name 'device'", id="a machine's device"),
        pytest.param({"training": {"epochs": 0}}, "epochs: expected", id="no epoch"),
        pytest.param({"training": {"epochs": "many"}}, "epochs: expected", id="epochs in words"),
        pytest.param({"training": 3}, "training: expected a dict", id="training is a number"),
        pytest.param({"image_size": [100, 64]}, "multiples of 32", id="size the network cannot halve"),
        pytest.param(
            {"image_size": [96, 64], "training": {"half_size_epochs": 1}},
            "image_size: expected multiples of 64, to be halved",
            id="half a size the network cannot halve",
        ),
        pytest.param({"image_size": [64]}, "two positive whole numbers", id="one side"),
        pytest.param({"image_size": 64}, "image_size: expected a list", id="size is a number"),
        pytest.param({"variants": ["propsed"]}, "did you mean 'proposed'", id="misspelt variant"),
        pytest.param({"variants": ["unet", "unet"]}, "each may stand once", id="variant twice"),
        pytest.param({"seeds": []}, "seeds: expected", id="no seed"),
        pytest.param({"seeds": [-1]}, "seeds: expected", id="negative seed"),
        pytest.param({"seeds": [10**20]}, "seeds: expected", id="endless seed"),
        pytest.param({"seeds_of": {"proposed": [0]}}, "seeds_of: unknown name", id="seeds of no variant"),
        pytest.param({"seeds_of": {"unet": []}}, "seeds_of.unet: expected", id="variant without a seed"),
        pytest.param({"seeds_of": {"unet": [1, 1]}}, "seeds_of.unet: each may", id="seed twice"),
        pytest.param({"phantom_without": ["shaddow"]}, "did you mean 'shadow'", id="misspelt ingredient"),
        pytest.param({"noise_floor": "proposed"}, "noise_floor: unknown name", id="noise of no variant"),
        pytest.param(
            {"noise_floor": "unet", "variants": ["unet", "no_se"], "seeds": [0, 1]},
            r"noise_floor: expected at least three seeds of unet .* got \[0, 1\] of unet",
            id="noise of two seeds",
        ),
        pytest.param(
            {
                "noise_floor": "unet",
                "variants": ["unet", "no_se"],
                "seeds": [0, 1, 2],
                "seeds_of": {"unet": [4]},
            },
            r"noise_floor: .* got \[4\] of unet",
            id="noise of a seed of its own",
        ),
        pytest.param(
            {"noise_floor": "unet", "seeds": [0, 1, 2]},
            "noise_floor: .* a second variant to compare",
            id="noise for no comparison",
        ),
        pytest.param({"limit": {"trian": 3}}, "did you mean 'train'", id="misspelt fold"),
        pytest.param({"limit": {"train": 0}}, "limit.train: expected", id="no image"),
        pytest.param({"phantoms": 2}, "phantoms: expected", id="fewer phantoms than folds"),
        pytest.param({"encoder_weights": None}, "encoder_weights: expected", id="weights are nothing"),
    ],
)
def test_bad_profiles_are_refused_by_file_and_key(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    path = write(tmp_path, changes)
    with pytest.raises(ValueError, match=message) as error:
        load_profile(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("- a\n- b\n", "expected keys and values", id="a list"),
        pytest.param("a: [", "not readable as YAML", id="broken YAML"),
        pytest.param("name: mine\n", "missing description", id="keys missing"),
        pytest.param("name: !!python/object/apply:os.getcwd []\n", "not readable as YAML", id="code in YAML"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        load_profile(path)


def test_an_unknown_profile_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'quick'"):
        load_profile("quikc")
    with pytest.raises(ValueError, match="no such profile file"):
        load_profile("nowhere.yaml")


def test_the_plan_names_what_it_compares() -> None:
    plan = load_profile("crossval")
    assert set(plan.variants) - set(plan.comparisons) == {
        *("proposed", "proposed_long", "trainable_encoder_long", "unet_note_recipe")
    }
    assert len(plan.units) == len(plan.variants) * 5 * 3
    assert plan.units[: 5 * len(plan.variants)][-1] == ("unet_note_recipe", "fold-4/seed-0")
