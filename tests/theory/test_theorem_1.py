import mpmath
import numpy as np
import pytest
from saddlescape.theory import theorem_1

CURVATURES = [-3.0, -1e-3, -1e-12, 0.0, 1e-300, 1e-9, 0.3, 40.0]


@pytest.mark.parametrize("h", CURVATURES)
@pytest.mark.parametrize("t", [0.0, 1e-9, 0.1, 7.0])
def test_as_printed_to_fifty_digits(h: float, t: float) -> None:
    with mpmath.workdps(50):
        big, time = mpmath.mpf(h), mpmath.mpf(t)
        exact = 0.3 * (2 * time if h == 0 else -mpmath.expm1(-2 * big * time) / big)
    assert float(theorem_1.spread(h, 0.3, t)) == pytest.approx(float(exact), rel=1e-14, abs=0.0)


@pytest.mark.parametrize(
    "h", [*CURVATURES, 99.999999, 100.0, 100.000001, 150.0, 199.9999999, 200.0, 200.0000001, 210.0]
)
@pytest.mark.parametrize("steps", [0, 1, 2, 77])
def test_iteration_is_the_geometric_sum(h: float, steps: int) -> None:
    with mpmath.workdps(50):
        ratio = (1 - mpmath.mpf(0.01) * mpmath.mpf(h)) ** 2
        exact = mpmath.mpf(0.01) ** 2 * 0.3 * mpmath.fsum(ratio**k for k in range(steps))
    assert float(theorem_1.iterated_spread(h, 0.3, 0.01, steps)) == pytest.approx(float(exact), rel=1e-11, abs=0.0)


def test_flat_directions_with_the_noise_of_equation_3() -> None:
    # |H| lr^2 T / B (1 + O(|H| lr T)), from the statement's own text.
    h, lr, b, steps = -1e-4, 0.01, 4.0, 500
    value = theorem_1.spread(h, 0.5 * lr * abs(h) / b, lr * steps)
    assert float(value) == pytest.approx(abs(h) * lr**2 * steps / b, rel=2 * abs(h) * lr * steps)


def test_shapes_broadcast() -> None:
    assert theorem_1.spread(np.zeros(3), np.ones(3), np.ones((5, 1))).shape == (5, 3)
