"""Leaving an ingredient out changes the phantoms and nothing else, and a stopped study goes on."""

import dataclasses
from pathlib import Path

import pytest

from fetalseg_book.studies import leave_out as ingredients
from fetalseg_lib.data import phantom
from fetalseg_lib.study import records
from fetalseg_lib.study.config import configure
from fetalseg_lib.study.profile import load_profile


def test_only_the_phantoms_differ() -> None:
    smoke = load_profile("smoke")
    run = {"variant": "unet", "seed": 0, "data": "phantom"}
    whole, without = (
        configure(profile=ingredients.without(smoke, name), **run) for name in (None, "speckle")
    )
    changed = {
        field.name
        for field in dataclasses.fields(whole)
        if getattr(whole, field.name) != getattr(without, field.name)
    }
    assert changed == {"profile", "phantom_without"}
    assert (whole.dataset.samples()[0].mask == without.dataset.samples()[0].mask).all()
    assert (whole.dataset.samples()[0].image != without.dataset.samples()[0].image).any()


def test_a_row_tells_how_the_network_does_elsewhere_and_is_not_computed_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The "real" heads are phantoms with the names of HC18's, so that its split knows them."""
    monkeypatch.setenv("FETALSEG_CACHE", str(tmp_path / "cache"))
    elsewhere = phantom.write_folder(phantom.generate(30, seed=9, size=(96, 128)), tmp_path / "real")
    profile = dataclasses.replace(load_profile("smoke"), variants=("unet",), seeds=(0,))
    (row,) = ingredients.leave_out("speckle", root=tmp_path, profile=profile, hc18_root=elsewhere)
    assert (row["without"], row["variant"]) == ("speckle", "unet")
    tested = tmp_path / "smoke" / "smoke-without-speckle" / "phantom" / "unet" / "seed-0" / "on_hc18.json"
    assert records.read_json(tested)["test"]["dice_mean"] == row["dice_mean"]
    monkeypatch.setattr(ingredients, "retest", None)  # calling it would fail
    assert ingredients.leave_out("speckle", root=tmp_path, profile=profile, hc18_root=elsewhere) == [row]
