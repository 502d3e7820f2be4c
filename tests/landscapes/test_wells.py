import math

import numpy as np
import pytest
from saddlescape.landscapes.frame import random_rotation, resolve
from saddlescape.landscapes.interface import gradient_at, hessian_at, value_at
from saddlescape.landscapes.piecewise_quadratic_well import PiecewiseQuadraticWell
from saddlescape.landscapes.quadratic_saddle import QuadraticSaddle
from saddlescape.landscapes.quartic_well import QuarticWell

VALLEY = {"transverse_min": (0.7, 3.0), "transverse_saddle": (2.0, 0.4)}


@pytest.mark.parametrize(
    ("well", "along"),
    [
        (PiecewiseQuadraticWell(3.0, 0.5, 0.4, curvature_far=1.2, **VALLEY), (3.0, -0.5, 1.2)),
        (QuarticWell(0.5, 2.0, **VALLEY), (1.0, -0.5, 1.0)),
    ],
)
@pytest.mark.parametrize("rotation", [None, 4])
def test_curvatures_at_minima_and_saddle_are_the_ones_asked_for(well, along, rotation):
    well = well._replace(rotation=rotation).check()
    way = well.escape()
    u = random_rotation(4, 3) if rotation else np.eye(3)
    for x, h, across in zip(
        (way.minimum, way.saddle, way.far_minimum), along, ((0.7, 3.0), (2.0, 0.4), (0.7, 3.0)), strict=True
    ):
        np.testing.assert_allclose(u.T @ hessian_at(well, x) @ u, np.diag([h, *across]), rtol=0, atol=1e-14)


def test_piecewise_well_pays_the_share_s_of_the_climb_at_the_noise_of_the_minimum():
    # Theorem 3: integral of L'/C from a to b = B dL (s/H_a + (1-s)/H_b) with C = |H|/B; s = H_b/(H_a + H_b) exactly.
    h_a, h_b, barrier = 3.0, 0.5, 0.4
    well = PiecewiseQuadraticWell(h_a, h_b, barrier).check()
    a = well.escape().minimum[0]
    grid = np.linspace(a, 0.0, 200_001)
    middle = 0.5 * (grid[1:] + grid[:-1])
    out, h = np.empty((1, len(middle))), np.empty((1, len(middle)))
    well.gradient(middle[None, :], out)
    well.eigenvalues(middle[None, :], h)
    integral = np.sum(out / np.abs(h)) * (grid[1] - grid[0])
    s = h_b / (h_a + h_b)
    # The midpoint rule is exact on each straight piece; the cell with the joint contributes its width.
    assert abs(integral - barrier * (s / h_a + (1.0 - s) / h_b)) < 1e-5
    wrong = h_a / (h_a + h_b)
    assert abs(integral - barrier * (wrong / h_a + (1.0 - wrong) / h_b)) > 0.1


def test_piecewise_well_joins_with_a_continuous_slope_and_the_joint_belongs_to_the_saddle():
    well = PiecewiseQuadraticWell(2.0, 1.0, 0.25, curvature_far=3.0).check()
    joint = well.profile().joint
    for x, beyond in ((-joint, 2.0), (joint, 3.0)):
        outwards = np.nextafter(x, 2.0 * x)
        assert hessian_at(well, [x])[0, 0] == -1.0
        assert hessian_at(well, [outwards])[0, 0] == beyond
        np.testing.assert_allclose(gradient_at(well, [x]), gradient_at(well, [outwards]), rtol=0, atol=1e-15)
        assert abs(value_at(well, [x]) - value_at(well, [outwards])) < 1e-15
    p = math.sqrt(2.0 * 0.25 / (1.0 / 2.0 + 1.0))
    np.testing.assert_allclose(abs(gradient_at(well, [joint])), p)


@pytest.mark.parametrize("tilt", [0.0, 0.05, -0.2, 0.38])
def test_quartic_minima_are_the_roots_of_the_cubic(tilt):
    well = QuarticWell(0.25, 1.5, tilt).check()
    roots = np.sort(np.roots([1.0, 0.0, -1.0, tilt / (4.0 * 0.25)]).real) * 1.5
    way = well.escape()
    np.testing.assert_allclose([way.minimum[0], way.saddle[0], way.far_minimum[0]], roots, atol=1e-7)
    if tilt == 0.0:
        assert way.barrier == 0.25
        assert way.far_minimum[0] == 1.5


def test_transverse_curvature_rises_monotonically_between_minimum_and_saddle_and_stays_beyond():
    well = QuarticWell(transverse_min=(1.0,), transverse_saddle=(4.0,)).check()
    h = [hessian_at(well, [x, 0.0])[1, 1] for x in np.linspace(-2.0, 2.0, 81)]
    assert h[:21] == [1.0] * 21
    assert h[60:] == [1.0] * 21
    assert np.all(np.diff(h[20:41]) > 0)
    assert h[40] == 4.0
    np.testing.assert_allclose(h, h[::-1], atol=1e-14)


def test_saddle_of_hundreds_of_dimensions():
    curvatures = np.linspace(-1.0, 2.0, 300)
    saddle = QuadraticSaddle(curvatures, rotation=1).check()
    e = saddle.escape().direction
    np.testing.assert_allclose(gradient_at(saddle, 3.0 * e), -3.0 * e, atol=1e-13)


def test_random_rotations_are_orthogonal_reproducible_and_uniform():
    u = random_rotation(7, 40)
    np.testing.assert_allclose(u.T @ u, np.eye(40), atol=1e-14)
    assert np.array_equal(u, random_rotation(7, 40))
    # Haar measure in two dimensions: the angle of the first column is uniform; 2,000 seeds, Kolmogorov-Smirnov,
    # 0.1 % false alarms. Without the sign fix half the circle is missing.
    angles = np.sort([math.atan2(*random_rotation(seed, 2)[::-1, 0]) / (2 * math.pi) + 0.5 for seed in range(2000)])
    grid = np.arange(2000) / 2000
    assert max(np.max(angles - grid), np.max(grid + 1 / 2000 - angles)) < 1.95 / math.sqrt(2000)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: QuadraticSaddle([]), "curvatures is empty"),
        (lambda: QuadraticSaddle([1.0, math.nan]), "curvatures=.* must be finite"),
        (lambda: QuadraticSaddle(["a"]), "curvatures=.* must be numbers"),
        (lambda: QuadraticSaddle(rotation=[[1.0, 0.1], [0.0, 1.0]]), "rotation has shape .2, 2.; the landscape has 3"),
        (lambda: QuadraticSaddle([1.0, 1.0], rotation=[[1.0, 0.1], [0.0, 1.0]]), "orthogonal: .* differs .* by 0.1"),
        (lambda: QuadraticSaddle(rotation=-1), "rotation=-1 must be a matrix or a seed"),
        (lambda: PiecewiseQuadraticWell(curvature_min=0.0), "curvature_min=0.0 must be above 0"),
        (lambda: PiecewiseQuadraticWell(curvature_saddle=-1.0), "curvature_saddle=-1.0 must be above 0: .* magnitude"),
        (lambda: PiecewiseQuadraticWell(curvature_far=-1.0), "curvature_far=-1.0 must be above 0"),
        (lambda: QuarticWell(barrier=math.inf), "barrier=inf must be finite"),
        (lambda: QuarticWell(barrier="high"), "barrier='high' must be a number, not str"),
        (lambda: QuarticWell(tilt=0.4), r"tilt=0.4 must be below 8 barrier/\(3 sqrt\(3\)\) = 0.3849"),
        (lambda: QuarticWell(transverse_min=(1.0, -2.0)), "transverse_min holds -2; each must be above 0"),
        (lambda: QuarticWell(transverse_min=(1.0,), transverse_saddle=(1.0, 2.0)), "transverse_saddle has 2 .* has 1"),
    ],
)
def test_refusals_name_the_field_the_value_and_the_bound(make, text):
    with pytest.raises((ValueError, TypeError), match=text) as caught:
        make().check()
    assert "\n" not in str(caught.value)


def test_a_saddle_without_a_negative_curvature_has_no_escape():
    with pytest.raises(ValueError, match=r"no negative entry .smallest 0.5.: there is nothing to escape over"):
        QuadraticSaddle([0.5, 1.0]).check().escape()


def test_no_rotation_has_the_same_type_as_one():
    assert resolve("rotation", None, 3).shape == (0, 0)
    assert resolve("rotation", 1, 3).dtype == resolve("rotation", None, 3).dtype
