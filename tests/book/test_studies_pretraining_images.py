"""Procedural images against scenes made by hand, and against what is known of speckle."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from fetalseg_book.studies.pretraining import images as procedural
from fetalseg_book.studies.pretraining.images.generate import find_edges
from fetalseg_book.studies.pretraining.images.leaves import Scene, draw_contours, draw_radii, draw_scene
from fetalseg_book.studies.pretraining.images.speckle import draw_speckle

PARTS = [field.name for field in dataclasses.fields(procedural.ProceduralImage)]


def scene_of(labels: list[list[int]]) -> Scene:
    leaves = max(map(max, labels)) + 1
    return Scene(
        labels=np.array(labels, np.int32),
        echo=np.ones(leaves, np.float32),
        texture=np.zeros(leaves, np.uint8),
    )


@pytest.mark.parametrize(
    ("labels", "edges"),
    [
        ([[0, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]),
        ([[0, 0, 1, 1]], [[0, 1, 1, 0]]),
        ([[0], [0], [1], [1]], [[0], [1], [1], [0]]),
        (
            [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]],
            [[0, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1], [0, 1, 1, 0]],
        ),
        (np.pad([[1]], 2).tolist(), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))),
        ([[0, 1], [2, 0]], [[1, 1], [1, 1]]),
    ],
    ids=["one leaf", "upright border", "level border", "square", "single pixel", "diagonal"],
)
def test_edges_of_a_scene_made_by_hand(labels: list[list[int]], edges: object) -> None:
    expected = np.asarray(edges, np.uint8)
    if expected.shape != np.shape(labels):  # the cross around the single pixel
        expected = np.pad(expected, 1)
    assert find_edges(scene_of(labels)).tolist() == expected.tolist()


def test_the_same_seed_and_index_give_the_same_image_whatever_else_is_drawn() -> None:
    alone = procedural.generate(5, seed=3)
    among = procedural.stack([2, 5, 9], seed=3)
    for part in PARTS:
        assert np.array_equal(getattr(alone, part), getattr(among, part)[1])
    others = [procedural.generate(6, seed=3), procedural.generate(5, seed=4)]
    assert not any(np.array_equal(alone.image, other.image) for other in others)


def test_parts_have_their_types_shapes_and_ranges() -> None:
    drawn = procedural.stack(range(20), seed=0, size=64)
    for part in PARTS:
        assert getattr(drawn, part).shape == (20, 64, 64)
        assert getattr(drawn, part).dtype == np.uint8
    assert set(np.unique(drawn.edges)) == {0, 1}
    assert set(np.unique(drawn.texture)) == set(range(len(procedural.TEXTURES)))
    assert drawn.image.std(axis=(1, 2)).min() > 0


def test_targets_belong_to_the_image() -> None:
    """Within a leaf the clean image is flat; smooth leaves hardly differ from it, speckled ones do."""
    drawn = procedural.stack(range(40), seed=1)
    inside = drawn.edges == 0
    steps = np.abs(np.diff(drawn.clean.astype(int), axis=2))
    assert steps[inside[:, :, 1:] & inside[:, :, :-1]].max() == 0
    residual = np.abs(drawn.image.astype(float) - drawn.clean)
    # Away from the edges, which the blur has moved.
    core = np.stack([cv2.erode(plane.astype(np.uint8), np.ones((7, 7))) for plane in inside]) > 0
    lit = core & (drawn.clean > 60)
    smooth, *speckled = (residual[lit & (drawn.texture == kind)].mean() for kind in range(4))
    assert smooth < 0.25 * min(speckled)


def test_grains_are_as_wide_and_as_high_as_their_class_says() -> None:
    """Autocorrelation of filtered noise: a Gaussian of √2 times the filter's σ."""
    fields = draw_speckle(np.random.default_rng(0), size=512)
    assert (fields[0] == 1).all()
    for field, grain in zip(fields[2:], procedural.TEXTURES[2:], strict=True):
        assert grain is not None
        assert field.mean() == pytest.approx(1, abs=1e-5)
        centred = field - field.mean()
        for axis, sigma in ((1, grain[0]), (0, grain[1])):
            # Of the envelope: nearly the square of the field's own, so e⁻¹ᐟ² is met at a shift of σ.
            shifted = np.roll(centred, round(2 * sigma), axis=axis)
            close = np.roll(centred, 1, axis=axis)
            assert (centred * shifted).mean() < 0.3 * centred.var()
            assert (centred * close).mean() > np.exp(-0.75 / sigma**2) * centred.var() * 0.9


def test_radii_fall_as_the_cube() -> None:
    """Between r and 2r lie 4 times as many as between 2r and 4r."""
    radii = draw_radii(np.random.default_rng(0), 200_000, smallest=1, largest=64)
    counts, _ = np.histogram(radii, bins=[1, 2, 4, 8])
    assert counts[0] / counts[1] == pytest.approx(4, rel=0.03)
    assert counts[1] / counts[2] == pytest.approx(4, rel=0.06)


def test_no_contour_is_an_ellipse() -> None:
    """The nearest ellipse, by OpenCV's fit, leaves out or adds a good part of every contour's area."""
    contours = draw_contours(np.random.default_rng(0), np.full(200, 100.0)) + 300
    for contour in np.rint(contours).astype(np.int32):
        shape, ellipse = (np.zeros((600, 600), np.uint8) for _ in range(2))
        cv2.fillPoly(shape, [contour], 1)
        cv2.ellipse(ellipse, cv2.fitEllipse(contour), 1, -1)
        overlap = 2 * (shape & ellipse).sum() / (shape.sum() + ellipse.sum())
        assert overlap < 0.97


def test_a_leaf_hides_what_is_below() -> None:
    scene = draw_scene(np.random.default_rng(1), size=96)
    top = int(scene.labels.max())
    assert scene.labels.shape == (96, 96)
    assert top < len(scene.echo)
    assert len(np.unique(scene.labels)) > 3
    silent = scene.echo == 0
    assert (scene.texture[silent] == 0).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"index": -1}, "index: expected a whole number of 0 or more, got -1"),
        ({"seed": -1}, "seed: expected a whole number of 0 or more, got -1"),
        ({"size": 31}, "size: expected a whole number of 32 or more, got 31"),
    ],
)
def test_bad_arguments_are_refused_by_name(changes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        procedural.generate(**({"index": 0, "seed": 0, "size": 32} | changes))
