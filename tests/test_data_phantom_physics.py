"""The physics of the phantoms against numbers that can be had without them: by hand or from a textbook."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fetalseg_lib.data.phantom.acoustics import (
    PointSpread,
    coherent_gain,
    look,
    repeats,
    spread,
    transmitted,
    veil,
)
from fetalseg_lib.data.phantom.beams import BEAMS, DEPTHS, Field, Sector
from fetalseg_lib.data.phantom.display import Tone, compress, scan_convert
from fetalseg_lib.data.phantom.scene import interface, soft_step
from fetalseg_lib.data.phantom.shape import ripple, view
from fetalseg_lib.geometry import Ellipse, fit_ellipse

SECTOR = Sector(apex_x=50, apex_y=-40, surface=40, near=40, far=140, half_angle=0.5)
PSF = PointSpread(axial_mm=0.4, lateral_mm=0.8, focus_mm=50, focus_length_mm=30)


def _even(value: float) -> Field:
    return np.full((DEPTHS, BEAMS), float(value))


def _row(depth_mm: float) -> int:
    """The row of the grid at a depth below the probe: row 0 is at 0 mm, the last one at 100 mm."""
    return round(depth_mm / 100 * (DEPTHS - 1))


# Speckle


def test_speckle_of_even_tissue_is_rayleigh() -> None:
    """Mean over SD is sqrt(pi / (4 - pi)) = 1.91, at every depth (Wagner et al. 1983)."""
    rng = np.random.default_rng(0)
    looks = [look(rng, _even(1), _even(0), PSF, SECTOR) for _ in range(30)]
    envelope = np.sqrt([real**2 + imaginary**2 for real, imaginary in looks])
    for part in np.array_split(envelope, 3, axis=1):
        assert part.mean() / part.std() == pytest.approx(1.91, rel=0.03)
        assert (part**2).mean() == pytest.approx(1, rel=0.05)  # the point spread keeps the power
        # P(envelope > r) = exp(-r²) for power 1
        assert (part > 1).mean() == pytest.approx(math.exp(-1), rel=0.04)
        assert (part > 2).mean() == pytest.approx(math.exp(-4), rel=0.15)


def test_a_strong_mirror_among_scatterers_is_no_speckle() -> None:
    real, imaginary = look(
        np.random.default_rng(1), _even(0.1), _even(1) / coherent_gain(PSF, SECTOR), PSF, SECTOR
    )
    envelope = np.sqrt(real**2 + imaginary**2)
    assert envelope.mean() == pytest.approx(1, rel=0.02)
    assert envelope.mean() / envelope.std() > 10


def _half_width(line: Field) -> float:
    """Full width at half of the maximum, in samples, between samples by a straight line."""
    half, peak = line.max() / 2, int(line.argmax())
    right = peak + int(np.argmax(line[peak:] < half))
    left = peak - int(np.argmax(line[peak::-1] < half))
    return float(
        (right - (half - line[right]) / (line[right - 1] - line[right]))
        - (left + (half - line[left]) / (line[left + 1] - line[left]))
    )


@pytest.mark.parametrize(
    ("depth_mm", "times"),
    [
        pytest.param(50, 1, id="focus"),
        pytest.param(20, math.sqrt(2), id="a focal length before"),
        pytest.param(80, math.sqrt(2), id="a focal length behind"),
    ],
)
def test_a_point_widens_away_from_the_focus(depth_mm: float, times: float) -> None:
    row, point = _row(depth_mm), np.zeros((DEPTHS, BEAMS))
    point[row, BEAMS // 2] = 1
    seen = spread(point, PSF, SECTOR)
    pitch_mm = (40 + depth_mm) * 1.0 / (BEAMS - 1)  # the beams span 1 rad; at 40 mm they are on the probe
    across = _half_width(seen[row]) * pitch_mm
    assert across == pytest.approx(2.3548 * 0.8 * times, rel=0.03)  # FWHM of a Gaussian
    along = _half_width(seen[:, BEAMS // 2]) * 100 / (DEPTHS - 1)
    assert along == pytest.approx(2.3548 * 0.4, rel=0.05)


# Attenuation


def test_the_envelope_falls_by_the_loss() -> None:
    """0.3 dB/mm, there and back, are 30 dB over 100 mm."""
    share = transmitted(_even(0.3), SECTOR)
    rng = np.random.default_rng(2)
    power = np.zeros(DEPTHS)
    for _ in range(10):
        real, imaginary = look(rng, share, _even(0), PSF, SECTOR)
        power += (real**2 + imaginary**2).mean(axis=1)
    slope = np.polyfit(SECTOR.radius[:, 0], 10 * np.log10(power), 1)[0]
    assert slope == pytest.approx(-0.3, rel=0.02)


def test_bone_throws_a_shadow_and_fluid_enhances() -> None:
    loss = _even(0)
    rows = slice(_row(40), _row(50))
    thickness_mm = (rows.stop - rows.start) * 100 / (DEPTHS - 1)
    loss[rows, 60:80] = 2
    loss[rows, 120:140] = -0.5
    db = 20 * np.log10(transmitted(loss, SECTOR))
    assert db[_row(30)] == pytest.approx(0, abs=1e-9)
    assert db[_row(60), 70] == pytest.approx(-2 * thickness_mm, abs=0.05)
    assert db[_row(60), 130] == pytest.approx(0.5 * thickness_mm, abs=0.05)
    assert db[_row(60), 100] == pytest.approx(0, abs=0.05)


def test_repeated_echoes_come_later_and_weaker() -> None:
    mirror = _even(0)
    mirror[_row(20)] = 8
    found = repeats(mirror, SECTOR, delay_mm=10, share=0.25)
    assert found[_row(30), 0] == pytest.approx(2)
    assert found[_row(40), 0] == pytest.approx(0.5)
    assert not found[: _row(29)].any()
    fog = veil(mirror, SECTOR, length_mm=10)
    assert fog[_row(30), 0] / fog[_row(20), 0] == pytest.approx(math.exp(-1), rel=0.03)
    assert not fog[: _row(19)].any()


# Geometry


@pytest.mark.parametrize(
    ("x_mm", "y_mm", "radius_mm", "degrees"),
    [
        pytest.param(50, 20, 60, 0, id="below the apex"),
        pytest.param(75, 20, 65, 22.6199, id="right: a triangle of 5, 12 and 13"),
        pytest.param(25, 20, 65, -22.6199, id="left: a triangle of 5, 12 and 13"),
        pytest.param(86, 8, 0, 0, id="beside the sector: 36.9 degrees, by a triangle of 3, 4 and 5"),
        pytest.param(50, 101, 0, 0, id="deeper than the sector"),
    ],
)
def test_scan_conversion_shows_what_lies_there(
    x_mm: float, y_mm: float, radius_mm: float, degrees: float
) -> None:
    at = round(y_mm / 0.2), round(x_mm / 0.2)
    depth = scan_convert(_even(0) + SECTOR.radius, SECTOR, 0.2, (520, 500))
    angle = scan_convert(_even(0) + np.degrees(SECTOR.angle), SECTOR, 0.2, (520, 500))
    assert depth[at] == pytest.approx(radius_mm, abs=0.001)
    assert angle[at] == pytest.approx(degrees, abs=0.001)


def test_the_grid_and_the_frame_agree() -> None:
    """A grid point's own x and y, looked up in a finely scan-converted image, give its value back."""
    rng = np.random.default_rng(3)
    polar = SECTOR.texture(rng, 20, 20)
    image = scan_convert(polar, SECTOR, 0.1, (1000, 1200))
    for row, column in rng.integers([40, 40], [DEPTHS - 80, BEAMS - 40], (20, 2)):
        x, y = SECTOR.x[row, column] / 0.1, SECTOR.y[row, column] / 0.1
        assert image[round(y), round(x)] == pytest.approx(polar[row, column], abs=0.03)


def test_beams_meet_a_circle_at_the_right_angle() -> None:
    """A circle of 10 mm right below the apex, whose centre is 100 mm away: its tangent is at asin(0.1)."""
    circle = view(Ellipse(center_x=50, center_y=60, semi_major=10, semi_minor=10, angle=0), SECTOR)
    beam = int(np.abs(SECTOR.angle[0]).argmin())
    assert circle.incidence[_row(50), beam] == pytest.approx(1, abs=1e-3)  # 90 mm from the apex
    assert circle.distance[_row(50), beam] == pytest.approx(0, abs=0.15)
    tangent = int(np.abs(SECTOR.angle[0] - math.asin(0.1)).argmin())
    row = _row(math.sqrt(100**2 - 10**2) - 40)
    assert circle.incidence[row, tangent] == pytest.approx(0, abs=0.05)
    assert circle.distance[row, tangent] == pytest.approx(0, abs=0.3)


def test_distance_to_an_ellipse_is_right_to_first_order() -> None:
    ellipse = Ellipse(center_x=45, center_y=55, semi_major=40, semi_minor=30, angle=0.4)
    seen = view(ellipse, SECTOR)
    points = ellipse.points(4000)
    near = np.abs(seen.distance) < 3
    rows, columns = np.nonzero(near)
    for row, column in list(zip(rows, columns, strict=True))[:: len(rows) // 50]:
        x, y = SECTOR.x[row, column], SECTOR.y[row, column]
        true = np.hypot(points[:, 0] - x, points[:, 1] - y).min()
        assert abs(seen.distance[row, column]) == pytest.approx(true, abs=0.12)


def test_a_rippled_head_keeps_its_circumference() -> None:
    ellipse = Ellipse(center_x=50, center_y=55, semi_major=38, semi_minor=30, angle=0.2)
    seen = view(ellipse, SECTOR)
    for seed in range(5):
        wall = np.abs(seen.distance - ripple(np.random.default_rng(seed), seen, 0.6)) < 0.3
        found = fit_ellipse(np.stack([SECTOR.x[wall], SECTOR.y[wall]], axis=1))
        assert found.circumference == pytest.approx(ellipse.circumference, rel=0.012)


def test_a_border_echoes_by_its_angle() -> None:
    """The echo of a border is the share's change along the beam: the cosine of the incidence."""
    ellipse = Ellipse(center_x=50, center_y=60, semi_major=30, semi_minor=30, angle=0)
    seen = view(ellipse, SECTOR)
    echo = interface(soft_step(seen.distance, 1.0), SECTOR)
    on_border = np.abs(seen.distance) < 0.1
    cosine, strength = seen.incidence[on_border], echo[on_border]
    slope = np.polyfit(cosine, strength, 1)
    np.testing.assert_allclose(strength, np.polyval(slope, cosine), atol=0.03 * strength.max())
    assert slope[0] > 5 * abs(slope[1])


def test_texture_has_unit_power_and_its_grain() -> None:
    rng = np.random.default_rng(4)
    fine, coarse = (np.stack([SECTOR.texture(rng, width, 10) for _ in range(40)]) for width in (2, 8))
    for field in (fine, coarse):
        assert field.mean() == pytest.approx(0, abs=0.1)
        assert field.std() == pytest.approx(1, abs=0.06)
    step = np.diff(fine, axis=1).std() / np.diff(coarse, axis=1).std()
    assert step == pytest.approx(4, rel=0.15)  # four times the grain, a quarter of the slope


# Display


def test_twenty_decibels_are_their_share_of_the_range() -> None:
    tone = Tone(white_db=30, range_db=60, gamma=1)
    grey = compress(np.array([[10.0], [1.0], [0.1]]), tone)[:, 0]
    np.testing.assert_allclose(np.diff(grey), -255 * 20 / 60)
    assert compress(np.array([[1e-9, 1e9]]), tone).tolist() == [[0, 255]]


def test_smoothing_calms_speckle_and_keeps_the_level() -> None:
    rng = np.random.default_rng(5)
    real, imaginary = look(rng, _even(1), _even(0), PSF, SECTOR)
    envelope = np.sqrt(real**2 + imaginary**2)
    greys = [compress(envelope, Tone(white_db=20, range_db=60, gamma=1, smoothing=s)) for s in (0, 0.5, 1)]
    snr = [grey.mean() / grey.std() for grey in greys]
    assert snr[0] < snr[1] < snr[2]
    assert greys[2].mean() == pytest.approx(greys[0].mean(), rel=0.1)
