"""Our distances against other people's code, on shapes like heads and on shapes unlike them.

``contourpy`` and plain NumPy stand in every environment; MONAI, DeepMind's surface-distance and
MeshMetrics (published as ``pymeshmetrics``) come with the extra ``oracles``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pytest
from contourpy import LineType, contour_generator
from numpy.typing import NDArray
from skimage.draw import polygon

from fetalseg_lib.evaluation.metrics import segmentation_metrics
from fetalseg_lib.geometry import Ellipse, rasterize

Mask = NDArray[np.bool_]
SHAPE = (180, 260)
TOLERANCE_MM = 1.0
WHY = "comes with the extra 'oracles'"


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    kind: str
    prediction: Mask
    reference: Mask
    spacing: tuple[float, float]

    def ours(self, nsd_tolerance_mm: float = TOLERANCE_MM) -> dict[str, float]:
        return segmentation_metrics(
            self.prediction, self.reference, pixel_spacing_mm=self.spacing, nsd_tolerance_mm=nsd_tolerance_mm
        )


def ellipse(generator: np.random.Generator) -> Mask:
    semi_major = generator.uniform(45, 75)
    head = Ellipse(
        center_x=130 + generator.normal(0, 6),
        center_y=90 + generator.normal(0, 6),
        semi_major=semi_major,
        semi_minor=semi_major * generator.uniform(0.6, 0.95),
        angle=generator.uniform(-math.pi / 2, math.pi / 2),
    )
    return rasterize(head, SHAPE)


def blob(generator: np.random.Generator) -> Mask:
    """A closed curve of random harmonics about a random centre."""
    t = np.linspace(0, 2 * math.pi, 400, endpoint=False)
    waves = sum(
        generator.normal(0, 0.25 / k) * np.cos(k * t + generator.uniform(0, 6.3)) for k in range(2, 7)
    )
    radius = 55 * np.maximum(1 + waves, 0.2)
    center_y, center_x = generator.uniform(0.4, 0.6, 2) * SHAPE
    mask = np.zeros(SHAPE, dtype=bool)
    mask[polygon(center_y + radius * np.sin(t), center_x + radius * np.cos(t), SHAPE)] = True
    return mask


def thin(generator: np.random.Generator) -> Mask:
    """A line one to four pixels wide, with corners, like the outline of a skull that breaks off."""
    points = np.column_stack([np.linspace(20, 240, 6), generator.uniform(20, 160, 6)]).astype(np.int32)
    canvas = np.zeros(SHAPE, dtype=np.uint8)
    cv2.polylines(canvas, [points], isClosed=False, color=1, thickness=int(generator.integers(1, 5)))
    return canvas.astype(bool)


def cases(n: int) -> Iterator[Case]:
    generator = np.random.default_rng(20)
    for draw in (ellipse, blob, thin):
        for _ in range(n):
            rows_mm, columns_mm = generator.uniform(0.08, 0.3, 2)
            yield Case(
                kind=draw.__name__,
                prediction=draw(generator),
                reference=draw(generator),
                spacing=(float(rows_mm), float(columns_mm)),
            )


def segments(mask: Mask, spacing: tuple[float, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Starts and ends of the 0.5 level line in mm, by another implementation of marching squares."""
    generator: Any = contour_generator(z=np.pad(mask, 1).astype(float), line_type=LineType.Separate)
    lines = [line[:, ::-1] * spacing for line in generator.lines(0.5)]
    return np.concatenate([line[:-1] for line in lines]), np.concatenate([line[1:] for line in lines])


def all_pairs(case: Case) -> dict[str, float]:
    """The stated definition without any shortcut: every element against every element."""
    mine, theirs = segments(case.prediction, case.spacing), segments(case.reference, case.spacing)
    directed = []
    for (start, end), (other_start, other_end) in ((mine, theirs), (theirs, mine)):
        along = other_end - other_start
        offset = ((start + end) / 2)[:, None] - other_start
        position = np.clip((offset * along).sum(-1) / (along**2).sum(-1), 0, 1)
        distance = np.linalg.norm(offset - position[..., None] * along, axis=-1).min(axis=1)
        directed.append((distance, np.linalg.norm(end - start, axis=1)))

    def percentile(distance: NDArray[np.float64], length: NDArray[np.float64], share: float) -> float:
        grid = np.sort(distance)
        return float(next(d for d in grid if length[distance <= d].sum() >= share * length.sum() - 1e-9))

    distance, length = (np.concatenate(pair) for pair in zip(*directed, strict=True))
    return {
        "hd_mm": float(distance.max()),
        "hd95_mm": max(percentile(*pair, 0.95) for pair in directed),
        "assd_mm": float(np.average(distance, weights=length)),
        "nsd": float(length[distance <= TOLERANCE_MM].sum() / length.sum()),
    }


def test_distances_are_those_of_the_definition_written_out() -> None:
    for case in cases(4):
        ours, expected = case.ours(), all_pairs(case)
        for name, value in expected.items():
            assert ours[name] == pytest.approx(value, rel=2e-3, abs=2e-3), (case.kind, name)


def test_meshmetrics() -> None:
    """The same outline and the same weights: agreement to numerical precision."""
    meshmetrics = pytest.importorskip("meshmetrics", reason=f"pymeshmetrics {WHY}")
    for case in cases(3):
        ours = case.ours()
        theirs = meshmetrics.DistanceMetrics(verbose=False)
        theirs.set_input(ref=case.reference, pred=case.prediction, spacing=case.spacing)
        assert ours["hd_mm"] == pytest.approx(theirs.hd(), abs=0.1), case.kind
        assert ours["hd95_mm"] == pytest.approx(theirs.hd(percentile=95), rel=0.01), case.kind
        assert ours["assd_mm"] == pytest.approx(theirs.assd(), rel=0.02), case.kind
        assert ours["nsd"] == pytest.approx(theirs.nsd(tau=TOLERANCE_MM), rel=0.01), case.kind
        assert ours["dice"] == pytest.approx(theirs.dsc()), case.kind


@pytest.mark.skipif(np.__version__ < "2", reason="surface-distance-based-measures needs NumPy 2")
def test_deepmind_surface_distance() -> None:
    """The same weights on a coarser outline, whose elements all sit on pixel corners.

    Each of its distances is therefore off by up to half a pixel, and so is the place of the tolerance.
    """
    library = pytest.importorskip("surface_distance", reason=f"surface-distance-based-measures {WHY}")
    for case in cases(6):
        ours = case.ours()
        with pytest.warns(DeprecationWarning, match=r"scipy\.ndimage"):
            theirs = library.compute_surface_distances(case.reference, case.prediction, case.spacing)
        half_pixel = math.hypot(*case.spacing) / 2
        hd95 = library.compute_robust_hausdorff(theirs, 95)
        nsd = library.compute_surface_dice_at_tolerance(theirs, TOLERANCE_MM)
        assert ours["hd_mm"] == pytest.approx(library.compute_robust_hausdorff(theirs, 100), abs=0.1)
        assert ours["hd95_mm"] == pytest.approx(hd95, rel=0.01, abs=half_pixel), case.kind
        assert case.ours(TOLERANCE_MM - half_pixel)["nsd"] <= nsd + 0.01, case.kind
        assert case.ours(TOLERANCE_MM + half_pixel)["nsd"] >= nsd - 0.01, case.kind


def monai_hausdorff(
    prediction: Mask, reference: Mask, spacing: tuple[float, float], **options: float
) -> float:
    metrics = pytest.importorskip("monai.metrics", reason=f"monai {WHY}")
    torch = pytest.importorskip("torch")
    masks = [torch.tensor(mask)[None, None].float() for mask in (prediction, reference)]
    found = metrics.compute_hausdorff_distance(*masks, include_background=True, spacing=spacing, **options)
    return float(found)


def test_monai_hausdorff() -> None:
    for case in cases(6):
        theirs = monai_hausdorff(case.prediction, case.reference, case.spacing)
        assert case.ours()["hd_mm"] == pytest.approx(theirs, abs=0.1), case.kind


def test_pitfall_monai_counts_pixels_where_lengths_belong() -> None:
    """Pixels of 1 by 0.1 mm: the short side that is wrong has 11 % of the length and 2 % of the pixels."""
    spacing = (1.0, 0.1)
    reference, wider = np.zeros((2, 20, 260), dtype=bool)
    reference[8:13, 50:200] = True
    wider[8:13, 50:220] = True  # 2 mm too wide on one side
    ours = segmentation_metrics(wider, reference, pixel_spacing_mm=spacing)["hd95_mm"]
    assert ours == pytest.approx(2, abs=0.05)
    assert monai_hausdorff(wider, reference, spacing, percentile=95) < 1.7


def test_pitfall_monai_has_no_finite_answer_for_an_empty_prediction() -> None:
    head = rasterize(Ellipse(center_x=130, center_y=90, semi_major=60, semi_minor=45, angle=0), SHAPE)
    nothing = np.zeros(SHAPE, dtype=bool)
    ours = segmentation_metrics(nothing, head, pixel_spacing_mm=(1.0, 1.0))
    assert ours["hd_mm"] == math.hypot(*SHAPE)
    assert not math.isfinite(monai_hausdorff(nothing, head, (1.0, 1.0)))


def test_pitfall_one_pair_of_masks_has_three_hd95() -> None:
    """The chapter's mask with a spur: 1.4 mm by MedPy, 5.5 by MONAI, 10.4 where lengths are weighted.

    The three numbers are those of the survey of libraries that the chapter sets out from.
    """
    medpy = pytest.importorskip("medpy.metric.binary", reason=f"medpy {WHY}")
    pixel = 0.155
    ellipse = Ellipse(center_x=190, center_y=185, semi_major=150, semi_minor=120, angle=0)
    reference = rasterize(ellipse, (370, 420))
    drawn = np.roll(reference, 9, axis=1).astype(np.uint8)
    spur = cv2.line(drawn, (313, 113), (378, 48), color=1).astype(bool)
    ours = segmentation_metrics(spur, reference, pixel_spacing_mm=(pixel, pixel))["hd95_mm"]
    assert medpy.hd95(spur, reference, voxelspacing=pixel) == pytest.approx(1.4, abs=0.05)
    assert monai_hausdorff(spur, reference, (pixel, pixel), percentile=95) == pytest.approx(5.5, abs=0.05)
    assert ours == pytest.approx(10.4, abs=0.05)
