import itertools
import math
from typing import Any

import mpmath
import numpy as np
import pytest
from saddlescape.landscapes.hessian_noise import HessianNoise
from saddlescape.landscapes.isotropic_noise import IsotropicNoise
from saddlescape.landscapes.piecewise_quadratic_well import PiecewiseQuadraticWell
from saddlescape.landscapes.quartic_well import QuarticWell
from saddlescape.theory import first_passage_iteration
from saddlescape.theory.line import passage
from scipy.special import ndtr


def time(landscape: Any, noise: Any, lr: float, exit: float | None = None, **more: Any) -> Any:
    way = passage(landscape.check(), noise.check(), exit)
    bend = float(way.line.curvature([way.minimum])[0])
    found = first_passage_iteration.first_passage(
        lr, way.line.slope, way.line.variance, bend, way.start, way.exit, way.edges, **more
    )
    return found._replace(steps=found.steps * lr)


@pytest.mark.parametrize(
    ("batch", "exact", "digits"), [(0.5, 64.01, 0.005), (0.8, 271.296, 0.0005), (1.2, 1910.5, 0.05)]
)
def test_quartic_well(batch: float, exact: float, digits: float) -> None:
    found = time(QuarticWell(), IsotropicNoise(2.0 / batch), 0.05, 0.8)
    assert abs(found.steps - exact) <= digits
    # Negative control: a noise off by 0.1 % is seen.
    assert abs(time(QuarticWell(), IsotropicNoise(2.002 / batch), 0.05, 0.8).steps - exact) > digits


def test_piecewise_quadratic_well_with_noise_that_jumps() -> None:
    assert round(time(PiecewiseQuadraticWell(), HessianNoise(0.2), 0.01).steps) == 12083


def test_converged_at_1e13_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = IsotropicNoise(0.39)
    first = time(QuarticWell(), noise, 0.05)
    assert 1e13 < first.steps / 0.05 < 1e14
    # More nodes, a lower cut-off and wider kernels than the default ever takes.
    monkeypatch.setattr(first_passage_iteration, "DENSITIES", ((9.0, 60.0), (11.0, 70.0)))
    monkeypatch.setattr(first_passage_iteration, "_REACH", 20.0)
    finer = time(QuarticWell(), noise, 0.05)
    assert finer.nodes > 2 * first.nodes
    assert finer.steps == pytest.approx(first.steps, rel=1e-8)


def test_plain_elimination_fails_where_this_one_holds() -> None:
    # The same matrix, solved with subtractions: the reason for the elimination that has none.
    way = passage(QuarticWell().check(), IsotropicNoise(0.3))
    x, w = first_passage_iteration.collocation_nodes(
        0.05, way.line.slope, way.line.variance, -1.9, way.exit, way.edges, 4.0
    )
    chain = first_passage_iteration.transitions(0.05, way.line.slope, way.line.variance, x, w, way.start, way.exit)
    n = len(x)
    p = np.zeros((n, n))
    for i in range(n):
        low, high = max(0, i - chain.reach), min(n, i + chain.reach + 1)
        p[i, low:high] = chain.band[i, low - i + chain.reach : high - i + chain.reach]
    safe = first_passage_iteration._eliminate(chain)
    plain = 1.0 + chain.first @ np.linalg.solve(np.eye(n) - p, np.ones(n))
    assert safe > 1e16
    assert abs(plain / safe - 1.0) > 0.1


def test_linear_iteration_against_a_dense_trapezoid() -> None:
    # x <- x/2 + xi from 0 to 3, against a dense solution by another rule: trapezoid, one panel, no band.
    grid = np.linspace(-9.0, 3.0, 2401)
    h = grid[1] - grid[0]
    weights = np.full(len(grid), h)
    weights[[0, -1]] = h / 2.0
    kernel = np.exp(-0.5 * (grid[None, :] - 0.5 * grid[:, None]) ** 2) / math.sqrt(2.0 * math.pi) * weights
    tau = np.linalg.solve(np.eye(len(grid)) - kernel, np.ones(len(grid)))
    # End-point correction of the trapezoid, h^2/12 f'(3): Richardson with half the points.
    coarse_grid, coarse_weights = grid[::2], np.full(1201, 2.0 * h)
    coarse_weights[[0, -1]] = h
    coarse = np.exp(-0.5 * (coarse_grid[None, :] - 0.5 * coarse_grid[:, None]) ** 2) / math.sqrt(2.0 * math.pi)
    rough = np.linalg.solve(np.eye(1201) - coarse * coarse_weights, np.ones(1201))
    exact = tau[1800] + (tau[1800] - rough[900]) / 3.0
    found = first_passage_iteration.first_passage(0.5, lambda x: x, lambda x: np.full(np.shape(x), 4.0), 1.0, 0.0, 3.0)
    assert found.steps == pytest.approx(exact, rel=1e-7)


def to_sixty_digits(
    step: float, slope: Any, variance: Any, start: float, ends: list[float], exit: float, nodes: int
) -> float:
    """Solve tau = 1 + K tau on Gauss panels between ends in integers of 260 bits, subtractions and all.

    The share of a row's mass that the quadrature loses, about 1e-20, is lost; nothing is said to it of row sums.
    """
    bits = 260
    one = 1 << bits
    with mpmath.workprec(bits + 20):
        rule = []
        for rough in np.polynomial.legendre.leggauss(nodes)[0]:
            x = mpmath.findroot(lambda y: mpmath.legendre(nodes, y), mpmath.mpf(float(rough)))
            bend = nodes * (x * mpmath.legendre(nodes, x) - mpmath.legendre(nodes - 1, x)) / (x * x - 1)
            rule.append(((1 + x) / 2, 1 / ((1 - x * x) * bend * bend)))
        panels = [(mpmath.mpf(a), mpmath.mpf(b) - mpmath.mpf(a)) for a, b in itertools.pairwise([*ends, exit])]
        points = [a + width * x for a, width in panels for x, _ in rule]
        weights = [width * w for _, width in panels for _, w in rule]
        rows: list[dict[int, int]] = []
        for x in [*points, mpmath.mpf(start)]:
            mean, sigma = x - step * slope(x), step * mpmath.sqrt(variance(x))
            z = [(y - mean) / sigma for y in points]
            density = {j: weights[j] * mpmath.exp(-v * v / 2) for j, v in enumerate(z) if abs(v) < 15}
            scale = -one / (sigma * mpmath.sqrt(2 * mpmath.pi))
            rows.append({j: int(mpmath.nint(v * scale)) for j, v in density.items()})
    for i in range(len(points)):
        rows[i][i] = rows[i].get(i, 0) + one
    time = [one] * len(rows)
    for k in range(len(points)):
        onward = [(j, v) for j, v in rows[k].items() if j > k]
        for i in range(k + 1, len(rows)):
            factor = (rows[i].pop(k, 0) << bits) // rows[k][k]
            if factor:
                for j, v in onward:
                    rows[i][j] = rows[i].get(j, 0) - (factor * v >> bits)
                time[i] -= factor * time[k] >> bits
    return time[-1] / one


def test_quartic_well_to_sixty_digits() -> None:
    # A climb of 36 T.
    step, noise = 0.2, 0.5 / (0.2 * 36.0)
    ends = [float(v) for v in np.linspace(-1.8, 0.5, 9)[:-1]]
    exact = to_sixty_digits(step, lambda x: x**3 - x, lambda x: noise, -1.0, ends, 0.5, 26)
    found = time(QuarticWell(), IsotropicNoise(noise), step, 0.5).steps / step
    assert exact > 7e16
    assert found == pytest.approx(exact, rel=5e-14)
    # Negative control: a step shorter by 1e-12 is seen.
    assert time(QuarticWell(), IsotropicNoise(noise), step * (1.0 - 1e-12), 0.5).steps / step != pytest.approx(
        exact, rel=1e-12
    )


def test_piecewise_quadratic_well_to_sixty_digits() -> None:
    # Noise that jumps; a climb of 36 T in all, int L'/D dx = (5/6) B / (2 lr).
    step, batch = 0.2, 36.0 * 0.2 * 12.0 / 5.0
    well = PiecewiseQuadraticWell().check()
    way = passage(well, HessianNoise(batch))
    a, b, (left, right) = way.minimum, way.saddle, (float(v) for v in way.edges)

    def slope(x: Any) -> Any:
        return 2 * (x - a) if x < left else 2 * (x - way.exit) if x > right else b - x

    spans = [(way.minimum - 1.1, left, 5), (left, right, 4), (right, way.exit, 1)]
    ends = [float(v) for low, high, n in spans for v in np.linspace(low, high, n + 1)[:-1]]
    exact = to_sixty_digits(
        step, slope, lambda x: (1 if left < x < right else 2) / mpmath.mpf(batch), way.start, ends, way.exit, 30
    )
    found = time(well, HessianNoise(batch), step).steps / step
    assert exact > 1e14
    assert found == pytest.approx(exact, rel=1e-12)


def test_by_steps_forward_alone() -> None:
    # The law of what has not escaped yet, carried on with positive numbers until it settles: 1 / (share that leaves).
    # Midpoints, whose rows add up to what is left; the start is forgotten, which costs some steps of 2.8e17.
    step, noise = 0.05, 0.5 / (0.05 * 36.0)
    cells = np.linspace(-1.7, 1.0, 1081)
    x = 0.5 * (cells[1:] + cells[:-1])
    mean, sigma = x - step * (x**3 - x), step * math.sqrt(noise)
    leave = ndtr((mean - 1.0) / sigma)
    move = np.exp(-0.5 * ((x - mean[:, None]) / sigma) ** 2)
    move *= ((1.0 - leave) / move.sum(axis=1))[:, None]
    law = np.exp(-0.5 * ((x + 1.0) / sigma) ** 2)
    for _ in range(1500):
        law = law @ move
        law /= law.sum()
    found = time(QuarticWell(), IsotropicNoise(noise), step).steps / step
    assert found > 1e17
    assert found == pytest.approx(1.0 / float(law @ leave), rel=1e-9)


def test_refused() -> None:
    with pytest.raises(ValueError, match="diverges in its own minimum"):
        time(QuarticWell(), IsotropicNoise(1.0), 1.5)
    with pytest.raises(ValueError, match="noise of a step is too small"):
        time(QuarticWell(), IsotropicNoise(1e-4), 0.001)
