import math
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
import pytest
import saddlescape as ss
from saddlescape.landscapes.hessian_noise import HessianNoise
from saddlescape.landscapes.isotropic_noise import IsotropicNoise
from saddlescape.landscapes.piecewise_quadratic_well import PiecewiseQuadraticWell
from saddlescape.landscapes.quartic_well import QuarticWell
from saddlescape.theory import first_passage_diffusion, first_passage_iteration, quasi_stationary
from saddlescape.theory.line import Passage, passage
from saddlescape.theory.quasi_stationary import quasi_stationary_of
from scipy.interpolate import CubicSpline
from scipy.special import ndtr

Array = npt.NDArray[np.float64]


def one(x: Array) -> Array:
    return np.ones(np.shape(x))


def way_of(landscape: Any, noise: Any, exit: float | None = None) -> Passage:
    return passage(landscape.check(), noise.check(), exit)


def of_iteration(way: Passage, lr: float) -> Any:
    bend = float(way.line.curvature([way.minimum])[0])
    return quasi_stationary.of_iteration(lr, way.line.slope, way.line.variance, bend, way.start, way.exit, way.edges)


def mean_steps(way: Passage, lr: float) -> float:
    bend = float(way.line.curvature([way.minimum])[0])
    return first_passage_iteration.first_passage(
        lr, way.line.slope, way.line.variance, bend, way.start, way.exit, way.edges
    ).steps


# The diffusion.


@pytest.mark.parametrize(("exit", "rate"), [(0.0, 1.0), (-1.0, 2.0), (-math.sqrt(3.0), 3.0)])
def test_ornstein_uhlenbeck_below_a_zero_of_a_hermite_polynomial(exit: float, rate: float) -> None:
    # dx = -x dt + sqrt(2) dW absorbed at the lowest zero of He_n: the slowest mode is He_n, its rate n.
    found = quasi_stationary.of_diffusion(lambda x: x, one, exit - 1.0, exit)
    assert found.rate == pytest.approx(rate, rel=1e-12)
    hermite = {1.0: lambda x: -x, 2.0: lambda x: x * x - 1.0, 3.0: lambda x: 3.0 * x - x**3}[rate]
    law = hermite(found.x) * np.exp(-0.5 * found.x**2)
    law /= found.weights @ law
    assert np.abs(found.density - law).max() < 1e-11
    assert found.weights @ found.density == pytest.approx(1.0, rel=1e-13)


@pytest.mark.parametrize("exit", [1.0, 6.0, 7.5])
def test_ornstein_uhlenbeck_below_a_high_level(exit: float) -> None:
    # The rate is the lowest zero in n of the Hermite function H_n(-exit / sqrt 2); 2e-12 at 7.5.
    found = quasi_stationary.of_diffusion(lambda x: x, one, 0.0, exit)
    with mpmath.workdps(50):
        near = mpmath.mpf(found.rate)
        exact = mpmath.findroot(
            lambda n: mpmath.hermite(n, -mpmath.mpf(exit) / mpmath.sqrt(2)), (0.9 * near, 1.1 * near)
        )
        assert abs(found.rate / exact - 1) < 1e-12
    assert found.error < 1e-11


@pytest.mark.parametrize("c", [0.0, 0.5, 1.0])
def test_rate_is_the_mean_time_from_the_law(c: float) -> None:
    # 1 / rate = int law(x) tau(x) dx, with noise that jumps, in each convention; tau by the double integral.
    way = way_of(PiecewiseQuadraticWell(), HessianNoise(0.7))

    def diffusion(x: Array) -> Array:
        return np.asarray(0.025 * way.line.variance(x))

    law = quasi_stationary.of_diffusion(way.line.slope, diffusion, way.start, way.exit, way.edges, c)

    def time(start: float) -> float:
        return math.exp(
            first_passage_diffusion.first_passage(way.line.slope, diffusion, start, way.exit, way.edges, c).log_time
        )

    # tau between 61 points, by a spline: good to 1e-6.
    places = np.linspace(law.x[law.density > 1e-9 * law.density.max()][0], way.exit - 1e-6, 61)
    tau = CubicSpline(places, [time(float(x)) for x in places])
    inside = law.x >= places[0]
    mean = float((law.weights * law.density)[inside] @ tau(law.x[inside]))
    assert law.rate * mean == pytest.approx(1.0, abs=2e-6)


@pytest.mark.parametrize("temperature", [30.0, 300.0])
def test_low_temperature(temperature: float) -> None:
    # Where nothing but the well is left, 1 / rate is the mean time from the minimum: rates of e^-30 and e^-300.
    def slope(x: Array) -> Array:
        return np.asarray(x * (x * x - 1.0))

    def diffusion(x: Array) -> Array:
        return np.full(np.shape(x), 0.25 / temperature)

    law = quasi_stationary.of_diffusion(slope, diffusion, -1.0, 1.0)
    time = first_passage_diffusion.first_passage(slope, diffusion, -1.0, 1.0).log_time
    assert -math.log(law.rate) == pytest.approx(time, abs=1e-9)
    assert law.error < 1e-10


# The iteration.


@pytest.mark.parametrize(("batch", "tau"), [(0.5, 64.01), (0.8, 271.30), (1.2, 1910.5)])
def test_iteration_escapes_a_relaxation_time_sooner_from_its_law(batch: float, tau: float) -> None:
    # The quartic table: from the minimum tau, from the law less by the time it takes to spread, between one and
    # about ten relaxation times 1 / H_a = 0.5.
    way = way_of(QuarticWell(), IsotropicNoise(2.0 / batch), 0.8)
    law = of_iteration(way, 0.05)
    assert mean_steps(way, 0.05) * 0.05 == pytest.approx(tau, abs=0.05)
    assert 0.5 < tau - 0.05 / law.rate < 5.0
    assert law.error < 1e-9
    assert law.weights @ law.density == pytest.approx(1.0, rel=1e-12)
    assert law.mean > way.minimum


def test_iteration_against_dense_eigenvalues_of_another_rule() -> None:
    # Trapezoid on 1601 points, no band, LAPACK; its end-point error of h^2 is extrapolated away.
    way = way_of(QuarticWell(), IsotropicNoise(4.0), 0.8)
    law = of_iteration(way, 0.05)
    leave = []
    for points in (401, 801):
        x = np.linspace(-3.0, 0.8, points)
        w = np.full(points, x[1] - x[0])
        w[[0, -1]] /= 2.0
        mean = x - 0.05 * way.line.slope(x)
        kernel = np.exp(-0.5 * ((x - mean[:, None]) / 0.1) ** 2) / (0.1 * math.sqrt(2.0 * math.pi)) * w
        leave.append(1.0 - float(np.abs(np.linalg.eigvals(kernel)).max()))
    exact = leave[1] + (leave[1] - leave[0]) / 3.0
    assert law.rate == pytest.approx(exact, rel=1e-6)
    # And the chance to leave in the next step, from the law, is the rate.
    landing = law.x - 0.05 * way.line.slope(law.x)
    assert (law.weights * law.density) @ ndtr((landing - 0.8) / 0.1) == pytest.approx(law.rate, rel=1e-9)


def test_iteration_with_a_chance_of_1e_13() -> None:
    way = way_of(QuarticWell(), IsotropicNoise(0.39))
    law = of_iteration(way, 0.05)
    assert 1e-14 < law.rate < 1e-13
    # A relaxation time is 1e-12 of the mean: both are one number here, from different sums.
    assert law.rate * mean_steps(way, 0.05) == pytest.approx(1.0, abs=1e-9)
    # Negative control: plain subtraction of the eigenvalue from 1 has no such digits.
    chain = first_passage_iteration.transitions(
        0.05, way.line.slope, way.line.variance, law.x, law.weights, way.start, way.exit
    )
    reach, n = chain.reach, len(law.x)
    kernel = np.zeros((n, n))
    for i in range(n):
        low, high = max(0, i - reach), min(n, i + reach + 1)
        kernel[i, low:high] = chain.band[i, low - i + reach : high - i + reach]
    plain = 1.0 - float(np.abs(np.linalg.eigvals(kernel)).max())
    assert abs(plain / law.rate - 1.0) > 1e-3


def test_iteration_with_noise_that_jumps() -> None:
    way = way_of(PiecewiseQuadraticWell(), HessianNoise(0.2))
    law = of_iteration(way, 0.01)
    assert 1.0 < mean_steps(way, 0.01) * 0.01 - 0.01 / law.rate < 10.0
    assert law.error < 1e-8


def test_refused() -> None:
    with pytest.raises(ValueError, match="diverges in its own minimum"):
        of_iteration(way_of(QuarticWell(), IsotropicNoise(1.0)), 1.5)
    with pytest.raises(ValueError, match="can leave downwards"):
        quasi_stationary.of_diffusion(lambda x: 0.0 * x, one, 0.0, 1.0)
    with pytest.raises(ValueError, match="the noise vanishes"):
        quasi_stationary.of_diffusion(lambda x: x, lambda x: 0.0 * x, 0.0, 1.0)


def test_of_a_landscape() -> None:
    # The quartic table's first two rows: 1/rate in dynamical time, from the functions of callables above.
    well, noise = ss.QuarticWell(), ss.IsotropicNoise(4.0)
    assert 0.05 / quasi_stationary_of(well, noise, ss.SGD(0.05), exit=0.8).rate == pytest.approx(61.19, abs=0.005)
    law = quasi_stationary_of(well, noise, ss.SGD(0.05), exit=0.8, process="diffusion")
    assert 1.0 / law.rate == pytest.approx(61.58, abs=0.005)
    heavier = ss.Momentum(0.05, 0.0, 0.5)
    slow = quasi_stationary_of(well, noise, heavier, exit=0.8)
    assert slow.rate == pytest.approx(quasi_stationary_of(well, noise, ss.SGD(0.025), exit=0.8).rate, rel=1e-9)
    for rule, more, says in (
        (ss.Momentum(0.05), {}, "Momentum has inertia"),
        (ss.Adam(), {}, "Adam is no particle"),
        (ss.Langevin(0.01), {}, "Langevin is no iteration of its own"),
        (ss.SGD(), {"process": "both"}, "process='both' must be 'iteration' or 'diffusion'"),
    ):
        with pytest.raises(ValueError, match=says):
            quasi_stationary_of(well, noise, rule, exit=0.8, **more)  # type: ignore[arg-type]
