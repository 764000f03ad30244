import dataclasses
from pathlib import Path
from typing import Any

import pytest

from fetalseg_book.studies.leave_out import without
from fetalseg_lib.study.config import configure
from fetalseg_lib.study.profile import load_profile
from fetalseg_lib.study.records import read_json
from fetalseg_lib.training.config import TrainingConfig

RESULTS = Path(__file__).parents[1] / "results"
RUN: dict[str, Any] = {"variant": "proposed", "seed": 0, "profile": "smoke", "data": "phantom"}


def test_the_hash_depends_on_what_decides_the_numbers() -> None:
    profile = load_profile("smoke")
    longer = dataclasses.replace(profile, training=dataclasses.replace(profile.training, epochs=2))
    others = [
        {"variant": "no_aspp"},
        {"variant": "pos_weight_200"},
        {"seed": 1},
        {"profile": longer},
        {"data": "hc18"},
        {"encoder_weights": "imagenet"},
    ]
    hashes = [configure(**RUN).hash, *(configure(**(RUN | other)).hash for other in others)]
    assert len(set(hashes)) == len(hashes)


def test_a_schedule_is_part_of_the_hash() -> None:
    profile = load_profile("smoke")
    cosine = dataclasses.replace(profile, training=dataclasses.replace(profile.training, schedule="cosine"))
    assert configure(**RUN).hash != configure(**(RUN | {"profile": cosine})).hash


@pytest.mark.parametrize(
    "path", sorted(RESULTS.glob("**/metrics.json")), ids=lambda p: str(p.parent.relative_to(RESULTS))
)
def test_a_committed_run_is_known_again(path: Path) -> None:
    """An option added to the code must not make the runs that lacked it look like other ones."""
    made = read_json(path)
    run = {name: made.get(name) for name in ("variant", "seed", "profile", "data", "fold")}
    if run["profile"].startswith("ingredients-"):  # made from a profile, and none of the package's own
        left_out = run["profile"].partition("-without-")[2]
        run["profile"] = without(load_profile("ingredients"), left_out or None)
    if "bfloat16" in path.parts:  # the plan's runs before they had to be in float32: all else is as planned
        plan = load_profile("crossval")
        as_before = dataclasses.replace(plan.training, precision="auto")
        run["profile"] = dataclasses.replace(plan, training=as_before)
    assert configure(**run).hash == made["config_hash"]


def test_the_hash_does_not_depend_on_the_machine() -> None:
    assert configure(**RUN).hash == configure(**RUN, device="cpu").hash


def test_real_images_do_not_depend_on_the_phantoms_settings() -> None:
    profile = load_profile("smoke")
    fewer = dataclasses.replace(profile, phantoms=10)
    on_real = [configure(**(RUN | {"profile": p, "data": "hc18"})).hash for p in (profile, fewer)]
    on_phantoms = [configure(**(RUN | {"profile": p})).hash for p in (profile, fewer)]
    assert on_real[0] == on_real[1]
    assert on_phantoms[0] != on_phantoms[1]


def test_a_variant_changes_its_own_factor_and_nothing_else() -> None:
    reference, changed = (configure(**(RUN | {"variant": v})) for v in ("proposed", "pos_weight_200"))
    assert changed.training == dataclasses.replace(reference.training, pos_weight=200.0)
    assert changed.network == reference.network


def test_the_published_study_can_go_back_to_the_notes_stem_and_to_its_whole_recipe() -> None:
    run = {"seed": 0, "profile": "published", "data": "hc18"}
    names = ("proposed", "stem_mean", "note_as_written")
    proposed, stem_mean, note = (configure(variant=name, **run) for name in names)
    assert stem_mean.network == {**proposed.network, "stem": "mean"}
    assert stem_mean.training == proposed.training
    assert note.network == stem_mean.network
    assert note.training == TrainingConfig()  # whose defaults are held against the note elsewhere


def test_a_profile_does_not_undo_what_a_variant_changes() -> None:
    profile = dataclasses.replace(load_profile("smoke"), network={"stem": "mean", "dropout": 0.1})
    run = configure(**(RUN | {"variant": "stem_sum", "profile": profile}))
    assert run.network == {"stem": "sum", "dropout": 0.1}


def test_a_variants_own_weights_stand_above_the_profiles_and_below_the_arguments() -> None:
    assert configure(**RUN).encoder_weights == "random"
    own = RUN | {"variant": "procedural_encoder"}
    assert configure(**own).encoder_weights == "procedural"
    assert configure(**own, encoder_weights="imagenet").encoder_weights == "imagenet"


def test_reestimated_statistics_are_part_of_the_hash() -> None:
    profile = dataclasses.replace(load_profile("smoke"), network={"encoder_statistics": "reestimated"})
    assert configure(**RUN).hash != configure(**(RUN | {"profile": profile})).hash


def test_an_encoder_that_learned_to_segment_phantoms_is_for_real_images_only() -> None:
    assert configure(**(RUN | {"data": "hc18", "variant": "phantom_encoder"})).encoder_weights == "phantom"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"variant": "phantom_encoder"}, "encoder_weights: 'phantom' has learned", id="leak"),
        pytest.param({"encoder_weights": "phantom"}, "expected data 'hc18'", id="leak by argument"),
        pytest.param({"variant": "propsed"}, "id you mean 'proposed'", id="variant"),
        pytest.param({"data": "hc19"}, "data: expected phantom or hc18, got 'hc19'", id="data"),
        pytest.param({"seed": -1}, "seed: expected", id="negative seed"),
        pytest.param({"seed": True}, "seed: expected", id="seed is a truth value"),
        pytest.param({"seed": 1.5}, "seed: expected", id="seed is no whole number"),
        pytest.param({"profile": "fast"}, "profile: unknown name 'fast'", id="profile"),
        pytest.param({"device": "tpu"}, "device: expected", id="device"),
    ],
)
def test_bad_arguments_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        configure(**(RUN | changes))


def test_a_fold_is_part_of_a_runs_identity() -> None:
    first, second = (
        configure(variant="unet", seed=0, fold=fold, profile="crossval", data="hc18") for fold in (0, 1)
    )
    assert first.hash != second.hash
    assert first.folder(Path("out")).parts[-3:] == ("unet", "fold-0", "seed-0")
    with pytest.raises(ValueError, match="fold: expected 0, 1, 2, 3, 4; got None"):
        configure(variant="unet", seed=0, profile="crossval", data="hc18")
    with pytest.raises(ValueError, match="fold: expected none, the profile has no folds; got 1"):
        configure(variant="unet", seed=0, fold=1, profile="smoke", data="phantom")
