import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import saddlescape as ss
from saddlescape.dynamics.underdamped import UnderdampedLangevin
from saddlescape.landscapes.hessian_noise import HessianNoise
from saddlescape.landscapes.piecewise_quadratic_well import PiecewiseQuadraticWell
from saddlescape.theory import first_passage_diffusion, first_passage_particle
from saddlescape.theory.first_passage_particle import first_passage
from saddlescape.theory.line import passage
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve

Array = npt.NDArray[np.float64]

MILNE = 1.4603545088095868
"""-zeta(1/2): how many mean free paths beyond a wall that absorbs a Brownian particle's x the profile would vanish."""


def constant(value: float) -> Any:
    return lambda x: np.full(np.shape(x), value)


def quartic(x: Array) -> Array:
    return np.asarray(x * (x * x - 1.0))


def time(found: Any) -> float:
    return math.exp(found.log_time)


# A flat floor, T = M = 1, with a wedge of slope -4 below 0. Far from both ends
# tau = -(gamma/2) x^2 - x v - v^2/(2 gamma) + c1 (x + v/gamma) + c0; the flow from below fixes c1 = -gamma/4, for the
# wedge holds as many particles as 1/4 of floor. At the exit tau extrapolates to 0 a Milne length beyond.
FRICTION, WEDGE = 1.5, 4.0


def flat(exit: float, velocity: Any = "rest") -> float:
    return time(
        first_passage(
            lambda x: np.where(x < 0.0, -WEDGE, 0.0), constant(FRICTION), FRICTION, 1.0, 10.0, exit, [0.0], velocity
        )
    )


def test_milne_length_at_an_absorbing_wall() -> None:
    def profile(exit: float, length: float) -> float:
        reach = exit + 1.0 / WEDGE
        return FRICTION * (0.5 * reach * reach + length / FRICTION * reach)

    measured = flat(24.0) - flat(20.0)
    assert measured == pytest.approx(profile(24.0, MILNE) - profile(20.0, MILNE), rel=1e-6)
    # Negative control: a Milne length off by 0.1 % is seen.
    assert measured != pytest.approx(profile(24.0, 1.001 * MILNE) - profile(20.0, 1.001 * MILNE), rel=1e-5)


def test_thermal_start_on_a_flat_floor() -> None:
    # The mean of -v^2/(2 gamma): thermal particles are early by 1/(2 gamma).
    assert flat(20.0) - flat(20.0, "thermal") == pytest.approx(0.5 / FRICTION, rel=1e-4)


def chain(friction: float, exit: float, n: int) -> float:
    """Mean time of an upwind Markov chain on an even grid of (x, v): T = 0.1, M = 1/friction; first order."""
    d, mass = 0.1, 1.0 / friction
    u = math.sqrt(d / friction) / mass
    x = np.linspace(-2.2, exit, 3 * n + 1)[:-1]
    v = np.linspace(-6.0 * u, 6.0 * u, 2 * n)
    dx, dv = x[1] - x[0], v[1] - v[0]
    i, j = (k.ravel() for k in np.meshgrid(np.arange(len(x)), np.arange(len(v)), indexing="ij"))
    own = i * len(v) + j
    drift = -friction * v[j] - quartic(x[i]) / mass
    spread = d / mass**2 / dv**2
    rows, columns, rates = [], [], []
    out = np.zeros(len(own))

    def add(target_i: Array, target_j: Array, rate: Array) -> None:
        gone = target_i >= len(x)
        out[:] += rate
        inside = ~gone & (rate > 0.0)
        rows.append(own[inside])
        columns.append((target_i * len(v) + target_j)[inside])
        rates.append(rate[inside])

    # Where x has no room below, a particle turns round.
    turn = (v[j] < 0.0) & (i == 0)
    add(np.where(turn, i, i + np.sign(v[j]).astype(int)), np.where(turn, len(v) - 1 - j, j), np.abs(v[j]) / dx)
    add(i, np.minimum(j + 1, len(v) - 1), (spread + np.maximum(drift, 0.0) / dv) * (j < len(v) - 1))
    add(i, np.maximum(j - 1, 0), (spread + np.maximum(-drift, 0.0) / dv) * (j > 0))
    r, c, q = (np.concatenate(part) for part in (rows, columns, rates))
    matrix = coo_matrix((np.append(-q, out), (np.append(r, own), np.append(c, own)))).tocsc()
    tau = spsolve(matrix, np.ones(len(own))).reshape(len(x), len(v))
    at = [float(np.interp(-1.0, x, tau[:, k])) for k in (n - 1, n)]
    return sum(at) / 2.0


@pytest.mark.parametrize(("friction", "exit"), [(1.0, 0.8), (3.0, 0.0)])
def test_against_an_upwind_chain(friction: float, exit: float) -> None:
    # Three grids; the error is of first order, and what two extrapolations differ by bounds the better one's.
    coarse, middle, fine = (chain(friction, exit, n) for n in (35, 70, 140))
    first, second = 2.0 * middle - coarse, 2.0 * fine - middle
    found = time(first_passage(quartic, constant(0.1), friction, 1.0 / friction, -1.0, exit))
    assert abs(second - first) < 0.05 * second
    assert abs(found - second) < abs(second - first)


@pytest.mark.parametrize("exit", [0.0, 0.8])
def test_overdamped_limit(exit: float) -> None:
    # The mean free path falls as gamma^-1/2; once the exit is moved by the Milne length, 1/gamma is left.
    def off(friction: float, milne: float) -> float:
        free = math.sqrt(0.1 / friction)
        found = first_passage(quartic, constant(0.1), friction, 1.0 / friction, -1.0, exit)
        moved = first_passage_diffusion.first_passage(quartic, constant(0.1), -1.0, exit + milne * free)
        return float(np.expm1(found.log_time - moved.log_time))

    wide, narrow = off(1e3, MILNE), off(1e5, MILNE)
    assert abs(wide) < 3e-3
    assert abs(narrow) < 1.5e-2 * abs(wide) + 2e-6
    # Negative control: without the Milne length the error falls ten times at most.
    assert abs(off(1e5, 0.0)) > 0.05 * abs(off(1e3, 0.0)) > 0.0


def test_ito_where_the_noise_jumps() -> None:
    way = passage(PiecewiseQuadraticWell().check(), HessianNoise(0.28).check())

    def diffusion(x: Array) -> Array:
        return 0.01 * way.line.variance(x)

    def ratio(friction: float, c: float) -> float:
        found = first_passage(
            way.line.slope, diffusion, friction, 1.0 / friction, way.start, way.exit, way.edges, tolerance=1e-3
        )
        limit = first_passage_diffusion.first_passage(way.line.slope, diffusion, way.start, way.exit, way.edges, c)
        return float(np.expm1(found.log_time - limit.log_time))

    far = ratio(1e6, 0.0)
    # A kinetic layer at the jump: what is left falls as gamma^-1/2, ten times over a hundred.
    assert far / ratio(1e4, 0.0) == pytest.approx(0.1, rel=0.1)
    assert abs(far) < 1e-3
    # Negative control: the other conventions are not the limit.
    assert abs(ratio(1e6, 0.5)) > 0.2
    assert abs(ratio(1e6, 1.0)) > 0.2


def test_kramers_root_at_low_temperature() -> None:
    # ln tau = barrier + ln prefactor with the root + O(T): halving T halves what is left, up to the next order.
    root = (math.sqrt(1.0 + 4.0 / (2.0 * 2.0 * 0.5)) + 1.0) / 2.0

    def left(temperature: float) -> float:
        found = first_passage(quartic, constant(temperature), 2.0, 0.5, -1.0, 1.0)
        return found.log_time - 0.25 / temperature - math.log(2.0 * math.pi * root / math.sqrt(2.0))

    assert left(1.0 / 80.0) / left(1.0 / 40.0) == pytest.approx(0.5, abs=0.05)
    assert abs(left(1.0 / 80.0)) < 1.0 / 40.0


def test_kramers_root_at_a_climb_of_forty() -> None:
    # What is left of ln tau, over T, is a line in T but for the next order.
    root = (math.sqrt(1.0 + 4.0 / (2.0 * 2.0 * 0.5)) + 1.0) / 2.0

    def left(climb: float) -> float:
        found = first_passage(quartic, constant(0.25 / climb), 2.0, 0.5, -1.0, 1.0, tolerance=1e-3)
        assert found.error < 1e-3
        return climb * (found.log_time - climb - math.log(2.0 * math.pi * root / math.sqrt(2.0)))

    first, middle, last = left(20.0), left(28.0), left(40.0)
    limit = 2.0 * last - first
    assert middle - limit == pytest.approx((first - limit) * 20.0 / 28.0, abs=0.05)
    assert 0.0 < last < 1.0


@pytest.mark.slow
@pytest.mark.parametrize("friction", [0.1, 0.5, 2.0])
def test_high_ways_are_resolved(friction: float, monkeypatch: pytest.MonkeyPatch) -> None:
    found = first_passage(quartic, constant(0.25 / 40.0), friction, 1.0 / friction, -1.0, 1.0)
    assert found.error < 1e-4
    # Narrower panels and skins, one degree more.
    better = first_passage_particle.Level(0.66, 10, 0.75, 6, 4, 6e-5, 40.0)
    monkeypatch.setattr(first_passage_particle, "LEVELS", (better,))
    monkeypatch.setattr(first_passage_particle, "HIGH_LEVELS", (better,))
    again = first_passage(quartic, constant(0.25 / 40.0), friction, 1.0 / friction, -1.0, 1.0)
    assert abs(math.expm1(found.log_time - again.log_time)) <= found.error


def test_weak_friction_is_slower_again() -> None:
    # Kramers' turnover at M = 1, T = 0.05.
    slow, middle, fast = (
        time(first_passage(quartic, constant(0.05 * friction), friction, 1.0, -1.0, 0.8, tolerance=1e-2))
        for friction in (0.02, 0.7, 30.0)
    )
    assert slow > 2.0 * middle
    assert fast > 2.0 * middle


@pytest.mark.parametrize("friction", [0.1, 2.0, 1000.0])
def test_error_is_honest(friction: float, monkeypatch: pytest.MonkeyPatch) -> None:
    better = first_passage(quartic, constant(0.04), friction, 1.0 / friction, -1.0, 0.5)
    assert better.error < 1e-4
    between = first_passage_particle.Level(0.85, 4, 1.25, 4, 2, 4e-3, 32.0)
    monkeypatch.setattr(first_passage_particle, "LEVELS", (first_passage_particle.LEVELS[0], between))
    quick = first_passage(quartic, constant(0.04), friction, 1.0 / friction, -1.0, 0.5)
    assert abs(math.expm1(quick.log_time - better.log_time)) <= quick.error + better.error


def test_refused() -> None:
    with pytest.raises(ValueError, match="can leave downwards"):
        first_passage(constant(0.0), constant(1.0), 1.0, 1.0, 0.0, 1.0)
    with pytest.raises(ValueError, match="noise vanishes"):
        first_passage(quartic, constant(0.0), 1.0, 1.0, -1.0, 1.0)
    with pytest.raises(ValueError, match=r"friction=0\.0 must be above 0: without it there is no temperature"):
        first_passage(quartic, constant(0.1), 0.0, 1.0, -1.0, 1.0)
    with pytest.raises(ValueError, match=r"mass=0\.0 must be above 0"):
        first_passage(quartic, constant(0.1), 1.0, 0.0, -1.0, 1.0)
    with pytest.raises(ValueError, match=r"exit=-2 must be above start=-1"):
        first_passage(quartic, constant(0.1), 1.0, 1.0, -1.0, -2.0)
    with pytest.raises(ValueError, match="velocity='hot' must be 'rest' or 'thermal'"):
        first_passage(quartic, constant(0.1), 1.0, 1.0, -1.0, 1.0, velocity="hot")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"needs \d+ slabs with \d+ velocities, .* its height"):
        first_passage(quartic, constant(5e-5), 1.0, 1.0, -1.0, 1.0)


def test_a_way_too_high_for_its_levels_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_passage_particle, "LEVELS", first_passage_particle.LEVELS[:1])
    monkeypatch.setattr(first_passage_particle, "HIGH_LEVELS", ())
    with pytest.raises(ValueError, match="do not resolve the way: it is too high"):
        first_passage(quartic, constant(0.05 / 8.0), 0.1, 10.0, -1.0, 0.8)


@pytest.mark.slow
@pytest.mark.parametrize(("friction", "dt"), [(0.3, 0.01), (2.0, 0.01), (20.0, 0.004)])
def test_simulated_where_the_noise_jumps(friction: float, dt: float) -> None:
    # Seed 5, 12,000 paths, all escaped; an exact 99.9 % interval each, so 0.3 % false alarms in all.
    rule = UnderdampedLangevin(dt=dt, friction=friction, mass=1.0 / friction, lr=0.02)
    times = ss.escape_times(PiecewiseQuadraticWell(), HessianNoise(0.28), rule, trajectories=12_000, seed=5)
    way = passage(PiecewiseQuadraticWell().check(), HessianNoise(0.28).check())
    found = first_passage(
        way.line.slope,
        lambda x: 0.01 * way.line.variance(x),
        friction,
        1.0 / friction,
        way.start,
        way.exit,
        way.edges,
    )
    low, high = times.interval(0.999)
    assert low < time(found) < high
    # Negative control: the overdamped value lies outside.
    over = first_passage_diffusion.first_passage(
        way.line.slope, lambda x: 0.01 * way.line.variance(x), way.start, way.exit, way.edges
    )
    assert not low < math.exp(over.log_time) < high
