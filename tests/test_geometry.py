import math

import numpy as np
import pytest
import scipy.linalg
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
    lengths = ("center_x", "center_y", "semi_major", "semi_minor", "circumference")
    assert [getattr(found, name) for name in lengths] == pytest.approx(
        [getattr(ellipse, name) for name in lengths], abs=1e-6
    )
    turn = (found.angle - ellipse.angle + math.pi / 2) % math.pi - math.pi / 2
    assert turn * (ellipse.semi_major - ellipse.semi_minor) == pytest.approx(0, abs=1e-6)


def test_a_fit_is_the_same_each_time() -> None:
    points = Ellipse(center_x=97, center_y=61, semi_major=18, semi_minor=12, angle=0.3).points(50)
    assert len({fit_ellipse(points) for _ in range(4)}) == 1


def conic_of(points: np.ndarray) -> np.ndarray:
    """The fit as Fitzgibbon et al. wrote it, six by six: ``S a = λ C a``, of the one positive eigenvalue."""
    x, y = points.T
    design = np.stack([x * x, x * y, y * y, x, y, np.ones_like(x)], axis=1)
    constraint = np.zeros((6, 6))
    constraint[0, 2] = constraint[2, 0] = 2
    constraint[1, 1] = -1
    values, vectors = scipy.linalg.eig(constraint, design.T @ design)
    return vectors[:, np.argmax(values.real)].real


@pytest.mark.parametrize("noise", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("share", [1.0, 0.6, 0.35], ids=["whole", "cut", "cut short"])
def test_a_fit_of_noisy_points_is_the_direct_least_squares_one(noise: float, share: float) -> None:
    true = Ellipse(center_x=0.4, center_y=-0.2, semi_major=1.3, semi_minor=1.0, angle=0.5)
    points = true.points(300)[: int(300 * share)]
    points = points + np.random.default_rng(4).normal(0, noise / 20, points.shape)
    found = fit_ellipse(points).points(40)
    conic = conic_of(points)
    x, y = found.T
    steep = np.hypot(
        2 * conic[0] * x + conic[1] * y + conic[3], conic[1] * x + 2 * conic[2] * y + conic[4]
    )  # the gradient: it turns the residual into a distance
    apart = (np.stack([x * x, x * y, y * y, x, y, np.ones_like(x)], axis=1) @ conic) / steep
    np.testing.assert_allclose(apart, 0, atol=1e-9)


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
        pytest.param([[0, 0], [4, 1], [5, 6], [1, 3]] * 2, "fewer than five places", id="four places"),
        pytest.param([[k, k * k] for k in range(-4, 5)], "does not close", id="a parabola"),
        pytest.param([[k, y] for k in range(9) for y in (0, 3)], "does not close", id="two lines"),
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
