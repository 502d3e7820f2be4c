import math

import mpmath
import numpy as np
import pytest
from saddlescape.theory import linear_diffusion, theorem_1, theorem_2


@pytest.mark.parametrize("h", [-2.0, -1e-9, 0.0, 1e-12, 5.0])
@pytest.mark.parametrize("t", [0.0, 1e-8, 0.5, 30.0])
def test_as_printed_to_fifty_digits(h: float, t: float) -> None:
    gamma, gamma_mass, d = 10.0, 0.5, 0.3
    with mpmath.workdps(50):
        g, m, big, time = (mpmath.mpf(x) for x in (gamma, gamma_mass, h, t))
        drift = mpmath.mpf(d) / (g**3 * (m / g) ** 2) * mpmath.expm1(-g * time) ** 2
        slow = mpmath.mpf(d) * (2 * time / m**2 if h == 0 else -mpmath.expm1(-2 * big * time / m) / (m * big))
    found = theorem_2.spread(h, d, t, gamma, gamma_mass)
    assert float(found.drift) == pytest.approx(float(drift), rel=1e-14, abs=0.0)
    assert float(found.diffusion) == pytest.approx(float(slow), rel=1e-14, abs=0.0)


def test_equation_3_and_the_dictionary_give_the_paper_s_own_form() -> None:
    h, lr, beta1, beta3, b, steps = -0.03, 0.02, 0.8, 0.5, 3.0, 25
    found = theorem_2.spread(h, 0.5 * lr * abs(h) / b, lr * steps, (1 - beta1) / lr, (1 - beta1) / beta3)
    drift = abs(h) * lr**2 * beta3**2 / (2 * (1 - beta1) ** 3 * b) * (1 - math.exp(-(1 - beta1) * steps)) ** 2
    assert float(found.drift) == pytest.approx(drift, rel=1e-13)


def test_infinite_friction_is_theorem_1() -> None:
    h, t = np.array([-1.0, 0.0, 2.0]), np.array([[0.0], [0.4], [3.0]])
    found = theorem_2.spread(h, 0.1, t, math.inf, 1.0)
    np.testing.assert_allclose(found.total, theorem_1.spread(h, 0.1, t), rtol=1e-15)


@pytest.mark.parametrize(
    ("h", "ratios"), [(-0.01, {1: 3.26, 10: 1.168, 40: 1.040}), (-1.0, {1: 3.46, 10: 1.50, 40: 2.30})]
)
def test_excess_over_the_exact_thermal_start(h: float, ratios: dict[int, float]) -> None:
    # lr 0.01, beta1 0.9, beta3 0.1: gamma 10, gamma M 1.
    for gamma_t, ratio in ratios.items():
        printed = theorem_2.spread(h, 1.0, gamma_t / 10.0, 10.0, 1.0).total
        exact = linear_diffusion.spread(h, 1.0, gamma_t / 10.0, 10.0, 1.0, thermal=True)
        assert float(printed / exact) == pytest.approx(ratio, abs=0.005 if ratio > 1.2 else 0.0005)


def test_excess_at_no_curvature() -> None:
    d, gamma, mass, t = 0.7, 3.0, 0.5, 20.0
    excess = theorem_2.spread(0.0, d, t, gamma, gamma * mass).total - linear_diffusion.spread(
        0.0, d, t, gamma, gamma * mass, thermal=True
    )
    assert float(excess) == pytest.approx(3.0 * d / (gamma**3 * mass**2), rel=1e-12)
