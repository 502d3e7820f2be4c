import math
from typing import NamedTuple

import numpy as np
import pytest
from numba import njit
from saddlescape.dynamics import dispatch
from saddlescape.dynamics.interface import advance, max_time_step, thermal
from saddlescape.dynamics.langevin import Langevin
from saddlescape.dynamics.sgd import SGD
from saddlescape.dynamics.underdamped import UnderdampedLangevin
from saddlescape.landscapes.interface import inlined, suited
from saddlescape.landscapes.isotropic_noise import IsotropicNoise
from saddlescape.landscapes.quartic_well import QuarticWell

CONVENTIONS = {"ito": 0.0, "stratonovich": 0.5, "anti-ito": 1.0}


@inlined
def fold(x):
    """Reflect the line into the box [0, 1]: a walk on the line with an even, periodic noise is a walk in the box."""
    y = x - 2.0 * math.floor(0.5 * x)
    return min(y, 2.0 - y)


class Flat(NamedTuple):
    """No slope."""

    slope: float = 0.0

    def gradient(self, theta, out):
        for i in range(theta.shape[0]):
            for j in range(theta.shape[1]):
                out[i, j] = self.slope


class Bowl(NamedTuple):
    """L = h |x|^2 / 2."""

    curvature: float = 1.0

    def gradient(self, theta, out):
        for i in range(theta.shape[0]):
            for j in range(theta.shape[1]):
                out[i, j] = self.curvature * theta[i, j]


class JumpNoise(NamedTuple):
    """Variance 1 in the left half of the box, ``ratio`` in the right."""

    ratio: float = 4.0

    def draw(self, landscape, theta, z, g):
        high = math.sqrt(self.ratio)
        for j in range(theta.shape[1]):
            g[0, j] += (1.0 if fold(theta[0, j]) < 0.5 else high) * z[0, j]


class SmoothNoise(NamedTuple):
    """Variance from 1 at the left wall to ``ratio`` at the right, flat at both."""

    ratio: float = 4.0

    def draw(self, landscape, theta, z, g):
        for j in range(theta.shape[1]):
            y = fold(theta[0, j])
            g[0, j] += math.pow(self.ratio, 0.5 * y * y * (3.0 - 2.0 * y)) * z[0, j]


class PlaneNoise(NamedTuple):
    """Roots of the variance 2 + sin x cos y and 1 + exp(-y^2 - x); the eigenvectors turn by ``turn`` x."""

    turn: float = 0.0

    def root(self, x, y):
        c, s = np.cos(self.turn * x), np.sin(self.turn * x)
        u = np.array([[c, -s], [s, c]])
        return u @ np.diag([2.0 + np.sin(x) * np.cos(y), 1.0 + np.exp(-y * y - x)]) @ u.T

    def draw(self, landscape, theta, z, g):
        for j in range(theta.shape[1]):
            g[:, j] += self.root(theta[0, j], theta[1, j]) @ z[:, j]


def one(rule, landscape, noise, theta, z, state=None, t=1.0):
    """Take one un-jitted step of each lane; theta and state (rows, d, lanes) change in place."""
    state = np.zeros((rule.rows(), *theta.shape)) if state is None else state
    advance(
        rule, landscape, noise, theta, z, np.empty_like(theta), state, np.full(theta.shape[1], t), np.ones_like(theta)
    )
    return theta


dispatch.register_new_helpers()


@njit(error_model="numpy")
def walk(rule, landscape, noise, theta, z, g, state, t, gain, steps, seed):
    """Take steps of every lane; with a seed of -1 the normals in z are used as they are."""
    if seed >= 0:
        np.random.seed(seed)  # noqa: NPY002  compiled: the only generator Numba seeds
    for _ in range(steps):
        if seed >= 0:
            for j in range(theta.shape[1]):
                z[0, j] = np.random.standard_normal()  # noqa: NPY002
        for j in range(t.shape[0]):
            t[j] += 1.0
        advance(rule, landscape, noise, theta, z, g, state, t, gain)


def walked(rule, noise, start, steps, z=None, seed=-1, landscape=None, call=walk):
    theta = np.array(start, dtype=float).reshape(1, -1)
    grid = np.zeros_like(theta)
    z = np.zeros_like(theta) if z is None else np.array(z, dtype=float).reshape(1, -1)
    state = np.zeros((rule.rows(), *theta.shape))
    flat = Flat() if landscape is None else suited(landscape, landscape)
    call(rule, flat, noise, theta, z, grid, state, np.zeros(theta.shape[1]), np.ones_like(theta), steps, seed)
    return theta[0]


def folded(x):
    return np.minimum(x % 2.0, 2.0 - x % 2.0)


# --- the three conventions in a reflecting box ------------------------------------------------------------------------


def exact_left_right(noise, alpha):
    """Return the occupancy left/right of dP/dt = d^2/dx^2 in convention alpha: P ~ C^(alpha - 1)."""
    x = (np.arange(20_000) + 0.5) / 20_000
    ratio = (
        1.0 + (noise.ratio - 1.0) * (x >= 0.5) if isinstance(noise, JumpNoise) else noise.ratio ** (x * x * (3 - 2 * x))
    )
    density = ratio ** (alpha - 1.0)
    return density[x < 0.5].sum() / density[x >= 0.5].sum()


def scheme_left_right(convention, noise, deviation, cells=400, quantiles=1_200):
    """Return the occupancy left/right of the scheme itself at one dt, without sampling.

    Its transition matrix in the box: from each cell's centre, by equally likely normals, spread over the two cells
    around each end point.
    """
    from scipy.special import ndtri

    rule = Langevin(dt=deviation**2, convention=convention, lr=1.0).check()
    x = (np.arange(cells) + 0.5) / cells
    z = ndtri((np.arange(quantiles) + 0.5) / quantiles)
    end = folded(walked(rule, noise, np.repeat(x, quantiles), 1, np.tile(z, cells))) * cells - 0.5
    whole = np.floor(end)
    share = end - whole
    source = np.repeat(np.arange(cells), quantiles)
    matrix = np.zeros((cells, cells))
    for cell, weight in ((whole, 1.0 - share), (whole + 1, share)):
        np.add.at(matrix, (source, np.clip(cell, 0, cells - 1).astype(int)), weight / quantiles)
    law = np.full(cells, 1.0 / cells)
    power = matrix
    for _ in range(16):
        power = power @ power
    law = law @ power
    return law[x < 0.5].sum() / law[x >= 0.5].sum()


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_jump_of_the_noise_gives_the_law_of_each_convention(convention):
    # The laws are 4 : 2 : 1. The scheme's own law, free of sampling error, comes closer as its step, of deviation s,
    # falls: for Ito in proportion to s, which the steps from 0.16 to 0.04 show and extrapolation to s = 0 removes.
    exact = exact_left_right(JumpNoise(), CONVENTIONS[convention])
    assert exact == pytest.approx({"ito": 4.0, "stratonovich": 2.0, "anti-ito": 1.0}[convention])
    found = [scheme_left_right(convention, JumpNoise(), s) for s in (0.16, 0.08, 0.04)]
    off = np.abs(np.array(found) / exact - 1.0)
    print(convention, found)
    if convention == "ito":
        assert np.all(off[1:] < 0.6 * off[:-1])
        assert 2.0 * found[2] - found[1] == pytest.approx(exact, rel=0.02)
    else:
        assert off[2] < max(0.6 * off[0], 0.005)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_smooth_noise_gives_the_law_of_each_convention(convention):
    # The error of a smooth law is of order dt: a quarter at half the deviation.
    exact = exact_left_right(SmoothNoise(), CONVENTIONS[convention])
    found = [scheme_left_right(convention, SmoothNoise(), s) for s in (0.1, 0.05)]
    off = np.abs(np.array(found) / exact - 1.0)
    print(convention, exact, found)
    assert off[1] < max(0.4 * off[0], 0.003)
    assert (4.0 * found[1] - found[0]) / 3.0 == pytest.approx(exact, rel=0.005)


@pytest.mark.parametrize("noise", [JumpNoise(), SmoothNoise()])
def test_sampled_occupancy_is_the_scheme_s_own(noise):
    # 40,000 walks of six relaxation times, seed 5, from a uniform start; each convention at 4.5 sigma of its own share:
    # false alarms 4e-5 for the six. Negative control: the Ito walk is told from the other laws by more than 20 sigma.
    n, deviation = 40_000, 0.08
    steps = int(6 * 2 / (math.pi * deviation) ** 2)
    law, seen = {}, {}
    for convention in CONVENTIONS:
        rule = Langevin(dt=deviation**2, convention=convention, lr=1.0).check()
        end = folded(walked(rule, noise, np.random.default_rng(5).random(n), steps, seed=5))
        ratio = scheme_left_right(convention, noise, deviation)
        law[convention], seen[convention] = ratio / (1.0 + ratio), np.mean(end < 0.5)
    sigma = {c: math.sqrt(p * (1.0 - p) / n) for c, p in law.items()}
    for convention in CONVENTIONS:
        assert abs(seen[convention] - law[convention]) < 4.5 * sigma[convention]
    assert abs(seen["ito"] - law["stratonovich"]) > 20 * sigma["stratonovich"]
    assert abs(seen["ito"] - law["anti-ito"]) > 20 * sigma["anti-ito"]


def mean_step(noise, point, dt):
    """Return E[theta' - theta] / dt of the anti-Ito scheme in the plane, by Gauss-Hermite quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    z = np.array([(a, b) for a in nodes for b in nodes]).T.copy()
    w = np.array([a * b for a in weights for b in weights])
    rule = Langevin(dt=dt, convention="anti-ito", lr=1.0).check()
    theta = one(rule, Flat(), noise, np.repeat(point[:, None], z.shape[1], axis=1), z)
    return (theta - point[:, None]) @ w / w.sum() / dt


@pytest.mark.parametrize("turn", [0.0, 0.7])
def test_anti_ito_in_the_plane_is_div_of_d_where_eigenvectors_stay(turn):
    noise, point, e = PlaneNoise(turn), np.array([0.3, -0.4]), 1e-5

    def diffusion(x, y):
        root = noise.root(x, y)
        return 0.5 * root @ root.T

    x, y = point
    along_x = (diffusion(x + e, y) - diffusion(x - e, y)) / (2 * e)
    along_y = (diffusion(x, y + e) - diffusion(x, y - e)) / (2 * e)
    divergence = along_x[:, 0] + along_y[:, 1]
    drift = 2.0 * mean_step(noise, point, 5e-6) - mean_step(noise, point, 1e-5)
    off = np.abs(drift - divergence).max()
    assert (off < 1e-5) if turn == 0.0 else (off > 0.1)


# --- one step ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [IsotropicNoise(2.5), SmoothNoise()])
def test_ito_with_lr_of_dt_is_sgd_bit_for_bit(noise):
    rng = np.random.default_rng(1)
    well, rule, sgd = QuarticWell().check(), Langevin(dt=0.05).check(), SGD(lr=0.05).check()
    mine = np.full((1, 20), -1.0)
    theirs = mine.copy()
    for _ in range(50):
        z = rng.normal(size=(1, 20))
        assert np.array_equal(one(rule, well, noise, mine, z), one(sgd, well, noise, theirs, z))


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_step_follows_its_formula(convention):
    rng = np.random.default_rng(2)
    well, noise, alpha = QuarticWell().check(), SmoothNoise(), CONVENTIONS[convention]
    rule = Langevin(dt=0.02, convention=convention, lr=0.7).check()
    x, z = rng.normal(size=30), rng.normal(size=30)
    drift = -0.02 * 4 * 0.25 * x * (x * x - 1)

    def root(y):
        y = folded(y)
        return 4.0 ** (0.5 * y * y * (3 - 2 * y))

    predicted = x + alpha * (drift - math.sqrt(0.7 * 0.02) * root(x) * z)
    expected = x + drift - math.sqrt(0.7 * 0.02) * root(predicted) * z
    np.testing.assert_allclose(one(rule, well, noise, x[None].copy(), z[None])[0], expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("rule", [Langevin(convention="anti-ito"), UnderdampedLangevin()])
def test_normals_are_left_as_they_are(rule):
    z = np.random.default_rng(3).normal(size=(1, 8))
    kept = z.copy()
    one(rule.check(), QuarticWell().check(), IsotropicNoise(), np.full((1, 8), -0.9), z)
    np.testing.assert_array_equal(z, kept)


@pytest.mark.parametrize("rule", [*(Langevin(convention=c, lr=0.3) for c in CONVENTIONS), UnderdampedLangevin(lr=0.3)])
def test_compiled_steps_give_the_same_bits(rule):
    start, z = np.linspace(-1.0, 1.0, 16), np.random.default_rng(4).normal(size=16)
    ends = [
        walked(rule.check(), SmoothNoise(), start, 30, z, landscape=QuarticWell().check(), call=call)
        for call in (walk, walk.py_func)
    ]
    np.testing.assert_array_equal(*ends)


def linear_map(rule, landscape, noise):
    """Return A and b of one step (theta, v)' = A (theta, v) + b xi in one dimension, read off by unit vectors."""
    rule = rule.check()
    theta, z = np.array([[1.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 1.0]])
    state = np.zeros((rule.rows(), 1, 3))
    state[0] = [[0.0, 1.0, 0.0]]
    one(rule, landscape, noise, theta, z, state)
    columns = np.array([theta[0], state[0, 0]])
    return columns[:, :2], columns[:, 2]


def test_bridge_factor_is_the_variance_of_one_step():
    rule = Langevin(dt=0.02, lr=0.3).check()
    end = one(rule, Flat(), IsotropicNoise(2.5), np.zeros((1, 1)), np.ones((1, 1)))
    assert end[0, 0] ** 2 == pytest.approx(2.5 * rule.bridge_factor())


# --- underdamped: closed forms, read off the method -------------------------------------------------------------------


@pytest.mark.parametrize("dt", [0.01, 0.3, 0.9])  # the limit of stability is 2 (M/h)^(1/2) = 1
@pytest.mark.parametrize("friction", [0.1, 2.0, 30.0])
def test_position_variance_in_a_bowl_is_exact_for_any_stable_step(dt, friction):
    mass, curvature, lr, variance = 0.5, 2.0, 0.2, 3.0
    rule = UnderdampedLangevin(dt, friction, mass, lr)
    a, b = linear_map(rule, Bowl(curvature), IsotropicNoise(variance))
    sigma = np.linalg.solve(np.eye(4) - np.kron(a, a), np.outer(b, b).ravel()).reshape(2, 2)
    temperature = 0.5 * lr * variance / (friction * mass)
    assert sigma[0, 0] == pytest.approx(temperature / curvature, rel=1e-9)
    assert sigma[0, 1] == pytest.approx(0.0, abs=1e-9 * sigma[1, 1])
    assert sigma[1, 1] == pytest.approx(temperature / mass * (1 - dt * dt * curvature / (4 * mass)), rel=1e-9)


def test_stability_limits_are_sharp():
    for rule in (UnderdampedLangevin(friction=0.3, mass=0.5), Langevin()):
        largest = max_time_step(rule, 2.0)
        for factor, stable in ((0.999, True), (1.001, False)):
            a, _ = linear_map(rule._replace(dt=factor * largest), Bowl(2.0), IsotropicNoise(0.0))
            a = a if isinstance(rule, UnderdampedLangevin) else a[:1, :1]
            assert (np.abs(np.linalg.eigvals(a)).max() < 1.0) == stable


def test_free_flight_is_the_exact_friction_and_noise():
    dt, friction, mass, lr, variance = 0.4, 1.5, 0.7, 0.3, 2.0
    a, b = linear_map(UnderdampedLangevin(dt, friction, mass, lr), Flat(), IsotropicNoise(variance))
    temperature = 0.5 * lr * variance / (friction * mass)
    assert a[1, 1] == pytest.approx(math.exp(-friction * dt))
    assert b[1] ** 2 == pytest.approx(temperature / mass * (1.0 - math.exp(-2.0 * friction * dt)))


@pytest.mark.parametrize("friction", [0.5, 2.0, 40.0])
def test_free_diffusion_is_fast_by_the_stated_factor(friction):
    dt, mass, lr, variance = 0.05, 0.5, 0.3, 2.0
    a, b = linear_map(UnderdampedLangevin(dt, friction, mass, lr), Flat(), IsotropicNoise(variance))
    # What one unit of noise moves theta by in the long run.
    reach = b[0] + a[0, 1] / (1.0 - a[1, 1]) * b[1]
    diffusion = 0.5 * lr * variance / (friction * mass) ** 2
    factor = 0.5 * friction * dt / math.tanh(0.5 * friction * dt)
    assert reach * reach / (2.0 * dt) == pytest.approx(factor * diffusion)
    if friction * dt < 0.2:
        assert factor == pytest.approx(1.0 + (friction * dt) ** 2 / 12.0, rel=1e-5)


def test_thermal_velocity_has_the_temperature():
    rule = UnderdampedLangevin(0.1, 1.5, 0.7, 0.3).check()
    state = np.zeros((1, 2, 1))
    thermal(rule, 0, np.array([1.0, -2.0]), np.array([1.0, 1.0]), state)
    np.testing.assert_allclose(state[0, :, 0] ** 2, 0.5 * 0.3 / (1.5 * 0.7**2) * np.array([1.0, 4.0]))
    # A thermal start stays thermal: <v^2> = a^2 <v^2> + b^2.
    a, b = linear_map(rule, Flat(), IsotropicNoise(1.0))
    assert a[1, 1] ** 2 * state[0, 0, 0] ** 2 + b[1] ** 2 == pytest.approx(state[0, 0, 0] ** 2)


def test_weak_damping_conserves_energy_to_second_order():
    # Without noise and friction the splitting is the leapfrog: it conserves v^2 M (1 - dt^2 h/4M) + h x^2 exactly.
    rule = UnderdampedLangevin(dt=0.3, friction=1e-14, mass=0.5).check()
    theta, state = np.array([[1.0]]), np.array([[[0.4]]])
    shadow = []
    for _ in range(200):
        x, v = theta[0, 0], state[0, 0, 0]
        shadow.append(0.5 * v * v + 2.0 * x * x * (1 - 0.3**2 * 2.0 / (4 * 0.5)))
        one(rule, Bowl(2.0), IsotropicNoise(0.0), theta, np.zeros((1, 1)), state)
    np.testing.assert_allclose(shadow, shadow[0], rtol=1e-10)


def test_strong_friction_is_ito_step_for_step():
    # With exp(-gamma dt) = 0 each middle position is the last one plus dt v, v drawn with the noise there: an Ito step
    # of (lr' dt)^(1/2) = dt (lr / 2 gamma)^(1/2) / M. Stratonovich is told apart.
    dt, friction, mass, lr = 0.05, 2e3, 0.01, 0.8
    rule = UnderdampedLangevin(dt, friction, mass, lr).check()
    matched = dt * lr / (2.0 * friction * mass**2)
    ito, other = (Langevin(dt, c, matched).check() for c in ("ito", "stratonovich"))
    rng = np.random.default_rng(6)
    z = rng.normal(size=(20, 1, 30))
    theta, state = rng.random((1, 30)), np.zeros((1, 1, 30))
    mine, theirs, wrong = theta.copy(), theta.copy(), theta.copy()
    for k in range(20):
        one(rule, Flat(), SmoothNoise(), mine, z[k], state)
        one(ito, Flat(), SmoothNoise(), theirs, z[k])
        one(other, Flat(), SmoothNoise(), wrong, z[k])
        # The middle of the next step: half a drift on with the present velocity.
        np.testing.assert_allclose(mine + 0.5 * dt * state[0], theirs, rtol=1e-11, atol=1e-12)
    assert np.abs(wrong - theirs).max() > 0.01


# --- arguments --------------------------------------------------------------------------------------------------------


def test_check_resolves_the_defaults_and_names_come_back():
    for name, alpha in CONVENTIONS.items():
        rule = Langevin(dt=0.02, convention=name).check()
        assert rule == (0.02, alpha, 0.02)
        assert rule.check() == rule
        assert rule.convention_name() == name
    assert UnderdampedLangevin(dt=0.02).check().lr == 0.02
    assert Langevin(dt=0.02, lr=0.5).check().lr == 0.5


@pytest.mark.parametrize(
    ("rule", "error", "text"),
    [
        (Langevin(dt=0.0), ValueError, "dt=0.0 must be above 0: time goes forward"),
        (Langevin(lr=-1.0), ValueError, "lr=-1.0 must be above 0: it scales the diffusion, D = lr C/2"),
        (Langevin(convention="Ito"), ValueError, "convention='Ito' must be one of 'ito', 'stratonovich', 'anti-ito'"),
        (
            Langevin(convention=0.3),
            ValueError,
            "convention=0.3 must be one of 'ito', 'stratonovich', 'anti-ito', or 0, 0.5, 1",
        ),
        (
            UnderdampedLangevin(friction=0.0),
            ValueError,
            "friction=0.0 must be above 0: without it there is no temperature",
        ),
        (
            UnderdampedLangevin(mass=0.0),
            ValueError,
            "mass=0.0 must be above 0: without it the equation is the overdamped one",
        ),
    ],
)
def test_bad_arguments(rule, error, text):
    with pytest.raises(error, match=text):
        rule.check()
