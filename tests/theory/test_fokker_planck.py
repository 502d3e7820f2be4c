import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from saddlescape.dynamics.adam import Adam
from saddlescape.dynamics.langevin import Langevin
from saddlescape.dynamics.momentum import Momentum
from saddlescape.dynamics.sgd import SGD
from saddlescape.landscapes.constant_noise import ConstantNoise
from saddlescape.landscapes.hessian_noise import HessianNoise
from saddlescape.landscapes.isotropic_noise import IsotropicNoise
from saddlescape.landscapes.piecewise_quadratic_well import PiecewiseQuadraticWell
from saddlescape.landscapes.quadratic_saddle import QuadraticSaddle
from saddlescape.landscapes.quartic_well import QuarticWell
from saddlescape.theory import fokker_planck, fokker_planck_plane, quasi_stationary
from saddlescape.theory.first_passage_diffusion import first_passage
from saddlescape.theory.fokker_planck_landscape import density_of, mean_first_passage_of
from saddlescape.theory.line import passage
from saddlescape.theory.rational_exponential import pade, propagate
from scipy.integrate import quad_vec
from scipy.interpolate import pade as taylor_pade
from scipy.linalg import expm, solve_continuous_lyapunov
from scipy.special import ndtr

Array = npt.NDArray[np.float64]
Field = Callable[[Array], Array]


def constant(value: float) -> Field:
    return lambda x: np.full(np.shape(x), value)


def constant_matrix(d: Any) -> Field:
    return lambda q: np.repeat(np.asarray(d, dtype=np.float64)[:, :, None], q.shape[1], axis=2)


# Time.


def test_steps_are_the_pade_approximant_and_stable_on_the_imaginary_axis() -> None:
    poles, residues = pade()
    both = np.concatenate([poles, np.conj(poles[1:])])
    halves = np.concatenate([residues[:1], residues[1:] / 2.0, np.conj(residues[1:]) / 2.0])
    above, below = taylor_pade([1.0 / math.factorial(k) for k in range(10)], 5, 4)
    for z in (-40.0, -3.0, -0.2, 0.5, 2j, -3.0 + 4j):
        assert (halves / (z - both)).sum() == pytest.approx(above(z) / below(z), rel=1e-9)
    axis = 1j * np.linspace(-60.0, 60.0, 4001)
    assert np.abs((halves / (axis[:, None] - both)).sum(axis=1)).max() < 1.0 + 1e-11
    assert abs((halves / (-1e9 - both)).sum()) < 1e-7


def test_propagation_against_the_matrix_exponential() -> None:
    # No detailed balance: rates drawn at random, with a complex spectrum.
    rates = np.random.default_rng(0).random((40, 40))
    generator = rates - np.diag(rates.sum(axis=0))
    begin = np.eye(40)[3]
    times = np.array([0.0, 0.003, 0.1, 7.0])
    found = propagate(generator, begin, times)
    for k, t in enumerate(times):
        assert np.abs(found[k] - expm(t * generator) @ begin).max() < 1e-12


# One dimension.


def ornstein_uhlenbeck(cells: int) -> tuple[Any, Array]:
    h, d, start = 2.0, 0.1, 0.7
    times = np.array([0.05, 0.3, 1.0])
    found = fokker_planck.density(lambda x: h * x, constant(d), times, start, -2.5, 2.5, cells=cells)
    deviation = np.sqrt(d / h * (1.0 - np.exp(-2.0 * h * times)))[:, None]
    z = (found.edges[0] - start * np.exp(-h * times)[:, None]) / deviation
    return found, np.diff(ndtr(z), axis=1)


def test_ornstein_uhlenbeck_in_time_at_second_order() -> None:
    h, d = 2.0, 0.1
    misses = []
    for cells in (250, 500, 1000):
        found, exact = ornstein_uhlenbeck(cells)
        mean = 0.7 * np.exp(-h * found.times)
        variance = d / h * (1.0 - np.exp(-2.0 * h * found.times))
        distance = np.abs(found.masses - exact).sum(axis=1)
        misses.append(
            [
                np.abs(found.mean()[:, 0] / mean - 1.0).max(),
                np.abs(found.covariance()[:, 0, 0] / variance - 1.0).max(),
                distance.max(),
            ]
        )
        # The estimate is above the error, and not by more than second order explains.
        assert np.all(distance < found.error)
        assert np.all(found.error < 4.5 * distance)
        assert np.abs(found.mass).max() < 1e-9
        assert found.positive
    ratios = np.array(misses[:-1]) / np.array(misses[1:])
    assert np.all((ratios > 3.7) & (ratios < 4.3))
    assert np.all(np.array(misses[-1]) < 2e-3)


@pytest.mark.parametrize("c", [0.0, 0.5, 1.0])
def test_conventions_at_a_jump_of_the_noise_in_a_box(c: float) -> None:
    # No slope, D = 1 left of 0.3 and 4 right of it: densities stand as 4^{1-c} to 1.
    found = fokker_planck.density(
        constant(0.0), lambda x: np.where(x < 0.3, 1.0, 4.0), [5.0], 0.1, 0.0, 1.0, [0.3], c, cells=101
    )
    left = found.centres[0] < 0.3
    values = found.values[0]
    assert np.mean(values[left]) / np.mean(values[~left]) == pytest.approx(4.0 ** (1.0 - c), rel=1e-7)


def test_boltzmann_law_in_the_long_run() -> None:
    d = 0.1
    found = fokker_planck.density(lambda x: x * (x * x - 1.0), constant(d), [0.5, 2000.0], -1.0, -2.2, 2.2)
    nodes, weights = np.polynomial.legendre.leggauss(6)
    x = found.centres[0][:, None] + 0.5 * np.diff(found.edges[0])[:, None] * nodes
    law = np.exp(-0.25 * (x * x - 1.0) ** 2 / d) @ weights
    assert np.abs(found.masses[1] - law / law.sum()).sum() < 1e-8
    # Negative control: early on it is another.
    assert np.abs(found.masses[0] - law / law.sum()).sum() > 0.5


def test_mass_that_has_escaped_decays_at_the_quasi_stationary_rate() -> None:
    def slope(x: Array) -> Array:
        return np.asarray(x * (x * x - 1.0))

    law = quasi_stationary.of_diffusion(slope, constant(0.1), -1.0, 0.8)
    rates = []
    for cells in (200, 400, 800):
        found = fokker_planck.density(slope, constant(0.1), [30.0, 60.0], -1.0, -2.4, 0.8, absorbing=True, cells=cells)
        left = 1.0 - found.escaped
        assert np.allclose(found.masses.sum(axis=1), left, rtol=0.0, atol=1e-9)
        rates.append(math.log(left[0] / left[1]) / 30.0)
    misses = np.abs(np.array(rates) / law.rate - 1.0)
    assert np.all(misses[:-1] / misses[1:] > 3.7)
    assert misses[-1] < 1e-4
    # What is left has the law's shape.
    shape = found.masses[1] / left[1]
    assert found.centres[0] @ shape == pytest.approx(law.mean, abs=1e-4)


def test_a_density_to_start_from() -> None:
    found = fokker_planck.density(
        lambda x: x, constant(0.05), [0.0, 0.4], lambda x: np.exp(-((x - 0.5) ** 2) / 0.02), -2.0, 2.0
    )
    variance = 0.05 + (np.array([0.01, 0.01]) - 0.05) * np.exp(-2.0 * found.times)
    assert np.allclose(found.mean()[:, 0], 0.5 * np.exp(-found.times), rtol=1e-4)
    assert np.allclose(found.covariance()[:, 0, 0], variance, rtol=2e-4)


# Two dimensions.

H = np.array([[2.0, 0.6], [0.6, 1.0]])
D = np.array([[0.1, 0.06], [0.06, 0.08]])


def test_correlated_ornstein_uhlenbeck_in_time_at_second_order() -> None:
    start, times = np.array([0.6, -0.5]), np.array([0.5, 1.0])
    mean = np.array([expm(-H * t) @ start for t in times])
    spread = np.array([quad_vec(lambda s: expm(-H * s) @ (2.0 * D) @ expm(-H * s), 0.0, t)[0] for t in times])
    misses = []
    for n in (24, 48, 96):
        found = fokker_planck_plane.density(
            lambda q: H @ q, constant_matrix(D), times, start, [-2.0, -2.1], [2.0, 2.1], cells=(n, n)
        )
        misses.append([np.abs(found.mean() - mean).max(), np.abs(found.covariance() - spread).max()])
        assert np.abs(found.mass).max() < 1e-10
        assert found.positive
    ratios = np.array(misses[:-1]) / np.array(misses[1:])
    assert np.all(ratios[1] > 3.5)
    # The off-diagonal noise is felt: without it the covariance is far off.
    without = fokker_planck_plane.density(
        lambda q: H @ q, constant_matrix(np.diag(np.diag(D))), times, start, [-2.0, -2.1], [2.0, 2.1], cells=(48, 48)
    )
    assert np.abs(without.covariance() - spread).max() > 10.0 * misses[-1][1]


def test_stationary_covariance_of_a_correlated_diffusion() -> None:
    exact = solve_continuous_lyapunov(H, 2.0 * D)
    misses = []
    for n in (32, 64):
        found = fokker_planck_plane.density(
            lambda q: H @ q, constant_matrix(D), [40.0], [0.0, 0.0], [-1.8, -2.2], [1.8, 2.2], cells=(n, n)
        )
        misses.append(np.abs(found.covariance()[0] - exact).max())
    assert misses[0] / misses[1] > 3.5
    assert misses[1] < 0.01 * np.abs(exact).max()


def test_boltzmann_law_stands_still_in_two_dimensions() -> None:
    # L = (x^2 - 1)^2 / 4 + x^2 y^2 + y^2: Simpson's rule is exact for its slope.
    def gradient(q: Array) -> Array:
        x, y = q
        return np.array([x * (x * x - 1.0) + 2.0 * x * y * y, 2.0 * x * x * y + 2.0 * y])

    grid = fokker_planck_plane.axes([-2.0, -1.5], [2.0, 1.5], (), (40, 30))
    generator = fokker_planck_plane.plane_chain(gradient, constant_matrix(0.1 * np.eye(2)), grid, False).generator()
    x, y = np.meshgrid(*((a.edges()[1:] + a.edges()[:-1]) / 2.0 for a in grid), indexing="ij")
    law = np.append(np.exp(-(0.25 * (x * x - 1.0) ** 2 + x * x * y * y + y * y) / 0.1).ravel(), 0.0)
    flow = np.abs(generator) @ law
    assert np.all(np.abs(generator @ law)[:-1] < 1e-11 * flow[:-1])


def test_ito_at_a_jump_of_the_noise_in_two_dimensions() -> None:
    # Correlated noise four times as strong right of 0.3: the density stands as 4 to 1, flat on either side. Cells are
    # of two widths, so that one ends there.
    def diffusion(q: Array) -> Array:
        return np.asarray(np.where(q[0] < 0.3, 1.0, 4.0) * np.array([[1.0, 0.4], [0.4, 0.8]])[:, :, None])

    spread = []
    for cells in ((25, 20), (50, 40)):
        found = fokker_planck_plane.density(
            np.zeros_like, diffusion, [10.0], [0.5, 0.5], [0.0, 0.0], [1.0, 1.0], [0.3], cells=cells
        )
        assert 0.3 in found.edges[0].round(12)
        left = found.centres[0] < 0.3
        exact = np.where(left, 4.0, 1.0)[:, None] / (4.0 * 0.3 + 0.7)
        spread.append(np.abs(found.values[0] / exact - 1.0).mean())
    assert spread[1] < 2e-3
    assert spread[0] / spread[1] > 3.0
    # With cells of one width it is exact: every jump is as frequent as its way back.
    even = fokker_planck_plane.density(
        np.zeros_like, diffusion, [10.0], [0.5, 0.5], [0.0, 0.0], [1.0, 1.0], cells=(20, 20)
    )
    assert np.allclose(even.values[0][:6] / 4.0, even.values[0][6], rtol=1e-9)


def test_selling() -> None:
    m = np.random.default_rng(1).standard_normal((2, 2, 300))
    tensor = np.einsum("ikc,jkc->ijc", m, m) + 0.2 * np.eye(2)[:, :, None]
    offsets, weights = fokker_planck_plane.selling(tensor)
    again = np.einsum("kc,kci,kcj->ijc", weights, offsets, offsets)
    assert np.abs(again - tensor).max() < 1e-13
    assert np.all(weights >= 0.0)
    assert np.any(np.abs(offsets) > 1)


def oblique(ratio: float) -> Array:
    turn = np.array([[math.cos(0.6), -math.sin(0.6)], [math.sin(0.6), math.cos(0.6)]])
    return np.asarray(turn @ np.diag([0.1, 0.1 / ratio]) @ turn.T)


def test_a_density_that_is_not_positive_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> Any:
        return fokker_planck_plane.density(
            lambda q: q, constant_matrix(oblique(1e4)), [0.005, 1.0], [0.3, 0.2], [-2, -2], [2, 2.0], cells=(48, 48)
        )

    with pytest.raises(ValueError, match="so oblique"):
        fokker_planck_plane.mean_first_passage(
            lambda q: q, constant_matrix(oblique(1e4)), [0.0, 0.0], [-2, -2], [2, 2], cells=(64, 64)
        )
    bad = run()
    assert not bad.positive
    assert bad.least[0] < -1e-3
    assert np.abs(bad.mass).max() < 1e-10
    # With jumps as long as they need to be it is positive.
    monkeypatch.setattr(fokker_planck_plane, "REACH", 16)
    good = run()
    assert good.positive


# Mean first-passage times.


def along_the_line(well: Any, noise: Any, lr: float) -> float:
    """Return the mean escape time in one dimension, by the double integral."""
    way = passage(well.check(), noise.check())
    found = first_passage(way.line.slope, lambda x: 0.5 * lr * way.line.variance(x), way.start, way.exit, way.edges)
    return math.exp(found.log_time)


@pytest.mark.parametrize("temperature", [4.0, 10.0, 20.0])
def test_mean_first_passage_of_a_separable_well(temperature: float) -> None:
    # barrier / T of 4, 10 and 20, against the double integral in one dimension.
    noise = IsotropicNoise(0.25 / temperature / 0.005)
    well = PiecewiseQuadraticWell(transverse_min=[10.0])
    found = mean_first_passage_of(well, noise, SGD(0.01), cells=(120, 40))
    exact = along_the_line(well, noise, 0.01)
    assert abs(found.time / exact - 1.0) < found.error < 1e-3


def test_mean_first_passage_with_noise_that_jumps_and_a_turned_frame() -> None:
    well = PiecewiseQuadraticWell(curvature_min=1.7, transverse_min=[3.0], rotation=2)
    found = mean_first_passage_of(well, HessianNoise(0.1), SGD(0.01), cells=(80, 40))
    exact = along_the_line(well, HessianNoise(0.1), 0.01)
    assert abs(found.time / exact - 1.0) < found.error < 1e-3


def test_mean_first_passage_with_correlated_noise() -> None:
    # Sheared, q = (x, y + 0.7 x): the first coordinate, and with it the time, is that of the one-dimensional well.
    s, d, stiff = 0.7, 0.25 / 8.0, 3.0

    def gradient(q: Array) -> Array:
        slope = q[0] * (q[0] * q[0] - 1.0)
        return np.array([slope, stiff * (q[1] - s * q[0]) + s * slope])

    tensor = [[d, s * d], [s * d, s * s * d + 0.02]]
    found = fokker_planck_plane.mean_first_passage(
        gradient, constant_matrix(tensor), [-1.0, -s], [-1.8, -1.9], [0.8, 1.3], cells=(160, 160)
    )
    exact = math.exp(first_passage(lambda x: x * (x * x - 1.0), constant(d), -1.0, 0.8).log_time)
    assert abs(found.time / exact - 1.0) < found.error < 5e-3


def test_transverse_curvature_that_changes_on_the_way() -> None:
    # h 10 -> 30 at constant noise: sqrt(3) times the straight valley's time as T -> 0. Around the saddle h changes with
    # |x|^3, so that the limit is approached no slower than T and no faster than T^{3/2}.
    misses = []
    for temperature in (10.0, 20.0):
        noise = IsotropicNoise(0.25 / temperature / 0.005)
        well = PiecewiseQuadraticWell(transverse_min=[10.0], transverse_saddle=[30.0])
        found = mean_first_passage_of(well, noise, SGD(0.01), cells=(120, 40))
        straight = along_the_line(PiecewiseQuadraticWell(), noise, 0.01)
        misses.append(found.time / (math.sqrt(3.0) * straight) - 1.0)
    assert 2.0 < misses[0] / misses[1] < 2.0**1.5
    # At barrier / T = 4: 408 +- 15 (one standard error) in an independent simulation, of another transition of h.
    # 3.3 standard errors: a false alarm in a thousand.
    hot = mean_first_passage_of(well, IsotropicNoise(12.5), SGD(0.01), cells=(120, 40))
    assert abs(hot.time - 408.0) < 3.3 * 15.0


# Landscapes.


def test_density_of_a_line() -> None:
    noise = IsotropicNoise(4.0)
    found = density_of(QuarticWell(), noise, SGD(0.05), [1.0, 61.4], exit=0.8)
    law = quasi_stationary.of_diffusion(lambda x: x * (x * x - 1.0), constant(0.1), -1.0, 0.8)
    assert found.escaped[1] == pytest.approx(0.6147, abs=5e-4)
    assert found.mean()[1, 0] == pytest.approx(law.mean, abs=1e-4)
    # The weight of the gradient is a rescaling of time, as for the rule.
    halved = density_of(QuarticWell(), noise, Momentum(0.05, 0.0, 0.5), [2.0, 122.8], exit=0.8)
    cooler = density_of(QuarticWell(), IsotropicNoise(2.0), SGD(0.05), [1.0, 61.4], exit=0.8)
    assert np.allclose(halved.escaped, cooler.escaped, rtol=1e-5, atol=1e-12)


def test_conventions_of_a_landscape() -> None:
    # Occupancy of the saddle's region relative to the well's, as D^{c-1}: D is half as large there.
    shares = []
    for c in ("ito", "stratonovich", "anti-ito"):
        found = density_of(PiecewiseQuadraticWell(), HessianNoise(0.2), Langevin(0.05, c), [3000.0], cells=600)
        x, p = found.centres[0], found.values[0]
        joint = PiecewiseQuadraticWell().check().profile().joint
        k = int(np.searchsorted(x, -joint))
        shares.append(p[k] / p[k - 1])
    tilt = shares[2]
    assert shares[1] / tilt == pytest.approx(math.sqrt(2.0), rel=1e-5)
    assert shares[0] / tilt == pytest.approx(2.0, rel=1e-5)


def test_escape_from_a_valley_is_that_of_its_line() -> None:
    line = density_of(QuarticWell(), IsotropicNoise(4.0), SGD(0.05), [20.0, 60.0], exit=0.8)
    valley = QuarticWell(transverse_min=[3.0], rotation=1)
    found = density_of(valley, IsotropicNoise(4.0), SGD(0.05), [20.0, 60.0], exit=0.8, cells=48)
    assert np.all(np.abs(found.escaped - line.escaped) < found.error)
    assert np.abs(found.escaped - line.escaped).max() < 5e-3
    assert np.allclose(found.basis[:, 0], valley.check().escape().direction)


def test_density_of_a_turned_valley() -> None:
    valley = QuadraticSaddle([2.0, 0.5], rotation=3).check()
    found = density_of(valley, ConstantNoise([[4.0, 1.0], [1.0, 2.0]]), SGD(0.05), [30.0], cells=48)
    h = valley.rotation @ np.diag([2.0, 0.5]) @ valley.rotation.T
    exact = solve_continuous_lyapunov(h, 0.05 * np.array([[4.0, 1.0], [1.0, 2.0]]))
    assert np.abs(found.covariance()[0] - exact).max() < 0.03 * np.abs(exact).max()


def test_a_box_grows_with_what_runs_down_from_a_saddle() -> None:
    found = density_of(QuadraticSaddle([-1.0]), IsotropicNoise(4.0), SGD(0.05), [1.5], cells=2000)
    variance = 0.1 * math.expm1(3.0)
    assert found.covariance()[0, 0, 0] == pytest.approx(variance, rel=0.01)
    assert found.edges[0][-1] > 5.0 * math.sqrt(variance)


@pytest.mark.parametrize(
    ("landscape", "noise", "rule", "more", "message"),
    [
        (QuarticWell(), IsotropicNoise(), Momentum(0.05, 0.9), {}, "Momentum has inertia"),
        (QuarticWell(), IsotropicNoise(), Adam(), {}, "second moments"),
        (QuarticWell(), IsotropicNoise(), SGD(0.05, 0.1), {}, r"weight_decay=0\.1 must be 0"),
        (QuadraticSaddle([1.0, 1.0, 1.0]), IsotropicNoise(), SGD(), {}, "dimension=3 must be 1 or 2"),
        (QuarticWell(), HessianNoise(), SGD(), {}, "vanishes along the escape direction"),
        (QuadraticSaddle([1.0, 1.0]), ConstantNoise([[1.0, 1.0], [1.0, 1.0]]), SGD(), {}, "noise vanishes in some"),
        (QuadraticSaddle([1.0]), IsotropicNoise(0.0), SGD(), {}, "there is no noise"),
        (QuadraticSaddle([-2.0]), IsotropicNoise(), SGD(), {"times": [30.0]}, "no box holds the density"),
        (QuarticWell(), IsotropicNoise(), SGD(), {"exit": -2.0}, r"exit=-2 must be above -1"),
        (QuarticWell(), IsotropicNoise(), SGD(), {"times": [1.0, 1.0]}, "must rise"),
        (QuarticWell(), IsotropicNoise(), SGD(), {"origin": [0.0, 0.0]}, "origin has 2 coordinates"),
        (
            PiecewiseQuadraticWell(transverse_min=[1.0], transverse_saddle=[2.0]),
            HessianNoise(),
            Langevin(0.05, "anti-ito"),
            {},
            "must be Ito",
        ),
    ],
)
def test_refused(landscape: Any, noise: Any, rule: Any, more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        density_of(landscape, noise, rule, **({"times": [1.0]} | more))


def test_mean_first_passage_refused() -> None:
    with pytest.raises(ValueError, match="dimension=1 must be 2"):
        mean_first_passage_of(QuarticWell(), IsotropicNoise(), SGD())
    with pytest.raises(ValueError, match="noise vanishes at 0"):
        fokker_planck.density(constant(0.0), lambda x: np.where(x < 0.4, 0.0, 1.0), [1.0], 0.5, 0.0, 1.0, cells=10)
    with pytest.raises(ValueError, match=r"high=0 must be above low=1"):
        fokker_planck.density(constant(0.0), constant(1.0), [1.0], 0.5, 1.0, 0.0)
    with pytest.raises(ValueError, match="must be a density"):
        fokker_planck.density(constant(0.0), constant(1.0), [1.0], lambda x: -x, 0.0, 1.0)
