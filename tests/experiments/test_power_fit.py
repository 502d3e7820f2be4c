from typing import Any

import numpy as np
import pytest
from saddlescape.experiments.power_fit import fit_line, fit_power
from scipy.optimize import curve_fit

K = np.geomspace(1.0, 4.0, 8)
WEIGHTS = np.geomspace(200.0, 2000.0, 8)


def law(k: Any, c: float, a: float, p: float) -> Any:
    return c + a * k**-p


@pytest.mark.parametrize(("c", "a", "p"), [(1.8, 10.0, 1.0), (-3.0, 8.0, 0.5), (0.3, 4.0, 1.9), (2.0, -5.0, 0.7)])
def test_a_law_without_errors_comes_back(c: float, a: float, p: float) -> None:
    fit = fit_power(K, law(K, c, a, p), WEIGHTS)
    assert (fit.constant, fit.scale, fit.exponent) == pytest.approx((c, a, p), rel=1e-6)
    assert fit.misfit < 1e-9


def test_a_logarithm_is_the_limit_of_small_exponents() -> None:
    assert abs(fit_power(K, 3.0 - 2.0 * np.log(K), WEIGHTS).exponent) < 1e-6


def test_the_fit_is_that_of_a_general_solver() -> None:
    errors = np.random.default_rng(1).standard_normal(8) / np.sqrt(WEIGHTS)
    y = law(K, 1.8, 10.0, 1.0) + errors
    fit = fit_power(K, y, WEIGHTS)
    found, covariance = curve_fit(
        law, K, y, (1.0, 9.0, 0.9), WEIGHTS**-0.5, absolute_sigma=True, xtol=1e-13, ftol=1e-13
    )
    assert (fit.constant, fit.scale, fit.exponent) == pytest.approx(tuple(found), rel=1e-6)
    assert fit.error == pytest.approx(covariance[2, 2] ** 0.5, rel=1e-5)
    assert fit.misfit == pytest.approx(float(np.sum(WEIGHTS * (y - law(K, *found)) ** 2)), rel=1e-9)
    assert fit.misfit_at(fit.exponent) == fit.misfit
    held = np.polynomial.polynomial.polyfit(K**-1.0, y, 1, w=np.sqrt(WEIGHTS))
    assert fit.misfit_at(1.0) == pytest.approx(float(np.sum(WEIGHTS * (y - law(K, *held, 1.0)) ** 2)), rel=1e-9)


def test_the_interval_is_that_of_the_covariance_where_errors_are_small() -> None:
    fit = fit_power(K, law(K, 1.8, 10.0, 1.0), 1e6 * WEIGHTS)
    low, high = fit.interval(0.95)
    assert (1.0 - low, high - 1.0) == pytest.approx((1.959964 * fit.error,) * 2, rel=1e-3)


@pytest.mark.parametrize("level", [0.8, 0.99])
def test_the_interval_covers_as_often_as_it_says(level: float) -> None:
    # Parametric bootstrap from gamma-distributed means of N escapes, N from 20 up: seed 2, 1,000 fits. The miss is
    # within 4 standard errors of 1 - level (false alarm 6e-5) and a sixth of it, for what is not normal in a ln gamma.
    generator = np.random.default_rng(2)
    number = np.geomspace(20.0, 200.0, 8)
    y = law(K, 1.8, 10.0, 1.0) + np.log(generator.gamma(number, 1.0 / number, (1000, 8)))
    ends = np.array([fit_power(K, each, number).interval(level) for each in y])
    miss = float(np.mean((ends[:, 0] > 1.0) | (ends[:, 1] < 1.0)))
    alpha = 1.0 - level
    assert abs(miss - alpha) < 4.0 * (alpha * level / 1000) ** 0.5 + alpha / 6.0
    # Control: an interval with half the variances misses too often.
    narrow = np.array([fit_power(K, each, 2.0 * number).interval(level) for each in y])
    assert float(np.mean((narrow[:, 0] > 1.0) | (narrow[:, 1] < 1.0))) > 1.5 * alpha


def test_an_end_that_the_data_do_not_bound_is_infinite() -> None:
    low, high = fit_power(K, law(K, 0.0, 1.0, 1.0), np.full(8, 0.1)).interval(0.95)
    assert (low, high) == (-np.inf, np.inf)


def test_three_points_are_too_few() -> None:
    with pytest.raises(ValueError, match="sharpness has 3 values; a fit of c, A and p needs at least 4"):
        fit_power([1.0, 2.0, 2.0, 4.0], [1.0, 2.0, 2.0, 3.0], np.ones(4))


def test_a_straight_line_is_the_weighted_one() -> None:
    x, y = np.log(K), np.random.default_rng(3).standard_normal(8)
    line = fit_line(x, y, WEIGHTS)
    slope, covariance = np.polyfit(x, y, 1, w=np.sqrt(WEIGHTS), cov="unscaled")
    assert line.slope == pytest.approx(float(slope[0]), rel=1e-12)
    assert line.error == pytest.approx(float(covariance[0, 0]) ** 0.5, rel=1e-12)
