import math

import mpmath
import pytest
from saddlescape.theory import theorem_3


def test_as_printed() -> None:
    h_a, h_b, barrier, b, lr, s, beta1, beta3 = 2.0, 1.0, 0.25, 0.28, 0.02, 1 / 3, 0.9, 0.1
    gamma, mass = (1 - beta1) / lr, lr / beta3
    with mpmath.workdps(50):
        root = mpmath.sqrt(1 + 4 * h_b / (mpmath.mpf(gamma) ** 2 * mass)) + 1
        exponent = 2 * gamma * mass * b * barrier / lr * (s / h_a + (1 - s) / h_b)
        printed = mpmath.pi * gamma * mass * root / h_b * mpmath.exp(exponent)
    climb = theorem_3.climb(h_a, h_b, barrier, b, lr, s)
    assert theorem_3.escape_time(h_b, climb, gamma, gamma * mass) == pytest.approx(float(printed), rel=1e-12)


def test_sgd_of_the_piecewise_quadratic_well() -> None:
    climb = theorem_3.climb(2.0, 1.0, 0.25, 0.2, 0.01, 1 / 3)
    assert round(theorem_3.escape_time(1.0, climb)) == 26140
    assert theorem_3.share(climb, 2.0, 1.0, 0.25, 0.2, 0.01) == pytest.approx(1 / 3)
    assert math.isnan(theorem_3.share(climb, 1.0, 1.0, 0.25, 0.2, 0.01))


def test_no_overflow() -> None:
    assert theorem_3.escape_time(1.0, 1e4) == math.inf
    assert theorem_3.log_escape_time(1.0, 1e4) == pytest.approx(1e4 + math.log(2 * math.pi))
