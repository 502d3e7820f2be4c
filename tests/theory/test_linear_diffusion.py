import mpmath
import numpy as np
import pytest
from saddlescape.theory import linear_diffusion

GAMMA = 10.0


def lyapunov(h: float, d: float, t: float, gamma: float, mass: float, thermal: bool) -> float:
    """Solve dS/dt = F S + S F^T + Q at 50 digits by the exponential of the Kronecker sum and its integral."""
    with mpmath.workdps(50):
        f = mpmath.matrix([[0, 1], [-mpmath.mpf(h) / mass, -gamma]])
        one = mpmath.eye(2)
        k = mpmath.matrix(5, 5)  # the extra column integrates the constant noise
        for i in range(2):
            for j in range(2):
                for m in range(2):
                    for n in range(2):
                        k[2 * i + j, 2 * m + n] = f[i, m] * one[j, n] + one[i, m] * f[j, n]
        k[3, 4] = 2 * mpmath.mpf(d) / mpmath.mpf(mass) ** 2
        start = mpmath.matrix([0, 0, 0, mpmath.mpf(d) / (gamma * mpmath.mpf(mass) ** 2) if thermal else 0, 1])
        return float((mpmath.expm(k * t) * start)[0])


# Critical damping is h = gamma^2 M / 4 = 2.5; above it the exponents are complex.
@pytest.mark.parametrize("h", [-3.0, -1e-3, -1e-9, 0.0, 1e-12, 0.5, 2.2, 2.4999999, 2.5, 2.5000001, 2.8, 10.0, 100.0])
@pytest.mark.parametrize("thermal", [False, True])
def test_against_the_lyapunov_equation(h: float, thermal: bool) -> None:
    for t in (1e-5, 1e-2, 0.3, 0.5, 2.0, 20.0):
        found = float(linear_diffusion.spread(h, 0.3, t, GAMMA, 1.0, thermal))
        assert found == pytest.approx(lyapunov(h, 0.3, t, GAMMA, 0.1, thermal), rel=1e-11)


def test_a_wrong_constant_is_noticed() -> None:
    assert float(linear_diffusion.spread(1.0, 0.3 * 1.0001, 1.0, GAMMA, 1.0)) != pytest.approx(
        lyapunov(1.0, 0.3, 1.0, GAMMA, 0.1, False), rel=1e-11
    )


def test_flat_thermal_start() -> None:
    t = np.array([1e-3, 0.1, 5.0])
    exact = 2.0 * 0.3 * (t + np.expm1(-GAMMA * t) / GAMMA)
    np.testing.assert_allclose(linear_diffusion.spread(0.0, 0.3, t, GAMMA, 1.0, True), exact, rtol=1e-10)


def test_stationary_variance_is_equipartition() -> None:
    found = linear_diffusion.spread(4.0, 0.3, 1e4, GAMMA, 2.0)
    assert float(found) == pytest.approx(0.3 / (2.0 * 4.0), rel=1e-13)
