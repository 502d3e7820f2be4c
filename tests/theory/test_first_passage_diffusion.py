import math

import mpmath
import numpy as np
import pytest
from saddlescape.theory.first_passage_diffusion import first_passage


def constant(value: float):  # type: ignore[no-untyped-def]
    return lambda x: np.full(np.shape(x), value)


def test_linear_slope_above_and_steep_wall_below() -> None:
    # A wedge: slope -F left of 0, +f right of it, D = 1. From 0 to e:
    # int_0^e e^{f y} [1/F + (1 - e^{-f y})/f] dy.
    wall, f, end = 3.0, 1.5, 2.0
    exact = math.expm1(f * end) / f * (1.0 / wall + 1.0 / f) - end / f
    found = first_passage(lambda x: np.where(x < 0.0, -wall, f), constant(1.0), 0.0, end, [0.0])
    assert math.exp(found.log_time) == pytest.approx(exact, rel=1e-12)
    assert abs(math.exp(found.log_time) / exact - 1.0) <= 10.0 * found.error


@pytest.mark.parametrize("level", [0.5, 1.0, 3.0, 8.0])
def test_ornstein_uhlenbeck(level: float) -> None:
    # dx = -x dt + sqrt(2) dW from 0: sqrt(pi/2) int_0^level e^{y^2/2} (1 + erf(y/sqrt 2)) dy.
    with mpmath.workdps(30):
        exact = mpmath.sqrt(mpmath.pi / 2) * mpmath.quad(
            lambda y: mpmath.exp(y * y / 2) * (1 + mpmath.erf(y / mpmath.sqrt(2))), mpmath.linspace(0, level, 9)
        )
        logarithm = float(mpmath.log(exact))
    found = first_passage(lambda x: x, constant(1.0), 0.0, level)
    assert found.log_time == pytest.approx(logarithm, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("c", [0.0, 0.5, 1.0])
def test_jump_of_the_noise_on_a_flat_floor(c: float) -> None:
    # Steep wall -F below 0; flat from 0 to 2, D = 1 up to 1 and 4 beyond.
    # F(y) = 1/F + y up to 1, then 1/F + 1 + 4^{c-1} (y - 1); tau = int F up to 1 + 4^{-c} int F beyond.
    wall = 40.0
    inner = 1.0 / wall + 0.5
    outer = 4.0**-c * (1.0 / wall + 1.0 + 4.0 ** (c - 1.0) * 0.5)
    found = first_passage(
        lambda x: np.where(x < 0.0, -wall, 0.0), lambda x: np.where(x < 1.0, 1.0, 4.0), 0.0, 2.0, [0.0, 1.0], c
    )
    assert math.exp(found.log_time) == pytest.approx(inner + outer, rel=1e-12)


def test_barrier_of_five_hundred() -> None:
    # Symmetric double well at low temperature: tau = (2 pi / sqrt(H_a |H_b|)) e^{dL/D} (1 + (5/8) ... D): ln tau is
    # the barrier plus the prefactor up to O(D).
    d = 0.25 / 500.0
    found = first_passage(lambda x: x * (x * x - 1.0), constant(d), -1.0, 1.0)
    assert found.log_time == pytest.approx(500.0 + math.log(2.0 * math.pi / math.sqrt(2.0)), abs=10.0 * d)
    assert found.error < 1e-9


def test_no_wall_and_no_noise_are_refused() -> None:
    with pytest.raises(ValueError, match="can leave downwards"):
        first_passage(constant(0.0), constant(1.0), 0.0, 1.0)
    with pytest.raises(ValueError, match="the noise vanishes"):
        first_passage(lambda x: x, constant(0.0), 0.0, 1.0)
