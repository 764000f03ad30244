import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetalseg_lib.geometry import Ellipse, fit_ellipse, rasterize

ellipses = st.builds(
    lambda x, y, major, ratio, angle: Ellipse(
        center_x=x, center_y=y, semi_major=major, semi_minor=ratio * major, angle=angle
    ),
    st.floats(-80, 160),
    st.floats(-80, 160),
    st.floats(0.5, 120),
    st.floats(0.3, 1),
    st.floats(-math.pi / 2, math.pi / 2, exclude_max=True),
)


def inside_by_foci(ellipse: Ellipse, shape: tuple[int, int]) -> np.ndarray:
    """The other definition: the distances to the two foci add up to at most the major axis."""
    focus = math.sqrt(ellipse.semi_major**2 - ellipse.semi_minor**2)
    dx, dy = focus * math.cos(ellipse.angle), focus * math.sin(ellipse.angle)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    x, y = columns - ellipse.center_x, rows - ellipse.center_y
    return np.hypot(x - dx, y - dy) + np.hypot(x + dx, y + dy) - 2 * ellipse.semi_major


@given(ellipses)
def test_filling_agrees_with_the_definition_by_foci(ellipse: Ellipse) -> None:
    excess = inside_by_foci(ellipse, (60, 90))
    clear = np.abs(excess) > 1e-6  # a centre on the line itself may fall to either side
    np.testing.assert_array_equal(rasterize(ellipse, (60, 90))[clear], (excess <= 0)[clear])


@given(ellipses)
def test_a_fit_finds_the_ellipse_that_the_points_are_from(ellipse: Ellipse) -> None:
    found = fit_ellipse(ellipse.points(64))
    assert found.circumference == pytest.approx(ellipse.circumference, rel=1e-3)
    assert (found.center_x, found.center_y) == pytest.approx((ellipse.center_x, ellipse.center_y), abs=0.05)


@given(ellipses, st.floats(0.1, 4), st.floats(0.1, 4))
def test_scaling_moves_every_point_of_the_ellipse(ellipse: Ellipse, x: float, y: float) -> None:
    moved = ellipse.points(40) * [x, y]
    scaled = ellipse.scaled(x=x, y=y)
    u, v = moved[:, 0] - scaled.center_x, moved[:, 1] - scaled.center_y
    cos, sin = math.cos(scaled.angle), math.sin(scaled.angle)
    on = ((u * cos + v * sin) / scaled.semi_major) ** 2 + ((v * cos - u * sin) / scaled.semi_minor) ** 2
    np.testing.assert_allclose(on, 1, atol=1e-6)
    assert scaled.area == pytest.approx(ellipse.area * x * y)


def test_the_perimeter_is_that_of_a_fine_polygon() -> None:
    head = Ellipse(center_x=0, center_y=0, semi_major=100, semi_minor=78, angle=0.3)
    corners = head.points(100_000)
    steps = np.diff(np.vstack([corners, corners[:1]]), axis=0)
    assert head.circumference == pytest.approx(np.hypot(*steps.T).sum(), rel=1e-8)


GOOD = {"center_x": 0.0, "center_y": 0.0, "semi_major": 2.0, "semi_minor": 1.0, "angle": 0.0}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"semi_minor": 0.0}, "semi_major, semi_minor", id="flat"),
        pytest.param({"semi_minor": 3.0}, "semi_major, semi_minor", id="axes swapped"),
        pytest.param({"semi_major": math.inf}, "semi_major, semi_minor", id="infinite"),
        pytest.param({"semi_major": math.nan}, "semi_major, semi_minor", id="not a number"),
        pytest.param({"center_x": math.nan}, "center and angle", id="no centre"),
    ],
)
def test_what_is_no_ellipse_is_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Ellipse(**(GOOD | changes))


@pytest.mark.parametrize(
    ("points", "message"),
    [
        pytest.param([[0, 0]] * 5, "at least 6", id="too few"),
        pytest.param([[k, 2 * k] for k in range(9)], "on one line", id="a line"),
        pytest.param([[1, 1]] * 9, "on one line", id="one point"),
        pytest.param([[0, 0, 0]] * 9, r"shape \(n, 2\)", id="three coordinates"),
        pytest.param([[math.nan, 0]] * 9, "not finite", id="not a number"),
    ],
)
def test_points_without_an_ellipse_are_refused(points: list[list[float]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_ellipse(points)


def test_an_ellipse_cannot_be_scaled_to_nothing() -> None:
    with pytest.raises(ValueError, match="positive scales"):
        Ellipse(**GOOD).scaled(x=0, y=1)
