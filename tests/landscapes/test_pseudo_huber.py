import math

import mpmath
import numpy as np
import pytest
from saddlescape.landscapes.interface import gradient_at, hessian_at, value_at
from saddlescape.landscapes.pseudo_huber import PseudoHuber

BOWL = PseudoHuber((2.0, 0.3), (0.5, 4.0)).check()


@pytest.mark.parametrize("x", [1e-9, 1e-3, 0.7, 30.0, 1e9])
def test_value_gradient_and_curvature_at_fifty_digits(x: float) -> None:
    with mpmath.workdps(50):
        h, s, at = mpmath.mpf(2.0), mpmath.mpf(0.5), mpmath.mpf(x)

        def loss(y):
            return s**2 / h * (mpmath.sqrt(1 + (h * y / s) ** 2) - 1)

        exact = [float(loss(at)), float(mpmath.diff(loss, at)), float(mpmath.diff(loss, at, 2))]
    point = [x, 0.0]
    found = value_at(BOWL, point), gradient_at(BOWL, point)[0], hessian_at(BOWL, point)[0, 0]
    np.testing.assert_allclose(found, exact, rtol=2e-15)


def test_slopes_and_curvatures_are_the_bounds_they_are_named_for() -> None:
    theta = np.random.default_rng(0).standard_cauchy((2, 4000)) * 3.0
    slope, bend = np.empty_like(theta), np.empty_like(theta)
    BOWL.gradient(theta, slope)
    BOWL.eigenvalues(theta, bend)
    assert np.all(np.abs(slope) <= np.array([[0.5], [4.0]]))
    assert np.all((bend > 0.0) & (bend <= np.array([[2.0], [0.3]])))
    far = gradient_at(BOWL, [1e6, -1e6])
    np.testing.assert_allclose(far, [0.5, -4.0], rtol=1e-10)
    np.testing.assert_allclose(np.diag(hessian_at(BOWL, [0.0, 0.0])), [2.0, 0.3], rtol=0)


def test_one_slope_serves_all() -> None:
    assert PseudoHuber((1.0, 2.0, 3.0), 0.7).check().slopes.tolist() == [0.7] * 3


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: PseudoHuber(()), "curvatures is empty"),
        (lambda: PseudoHuber((1.0, 0.0)), "curvatures holds 0; each must be above 0"),
        (lambda: PseudoHuber((1.0, 1.0), (1.0, -2.0)), "slopes holds -2; each must be above 0"),
        (lambda: PseudoHuber((1.0, 1.0), (1.0, 1.0, 1.0)), "slopes has 3 entries; it must have 1 or 2"),
        (lambda: PseudoHuber((math.inf,)), "curvatures=.* must be finite"),
    ],
)
def test_refusals_name_the_field_the_value_and_the_bound(make, text) -> None:
    with pytest.raises(ValueError, match=text):
        make().check()


def test_there_is_nothing_to_escape_over() -> None:
    with pytest.raises(ValueError, match="one minimum and no saddle"):
        BOWL.escape()
