import math
from typing import Any

import numpy as np
import pytest
from saddlescape.landscapes.hessian_noise import HessianNoise
from saddlescape.landscapes.isotropic_noise import IsotropicNoise
from saddlescape.landscapes.piecewise_quadratic_well import PiecewiseQuadraticWell
from saddlescape.landscapes.quartic_well import QuarticWell
from saddlescape.theory import first_passage_iteration
from saddlescape.theory.line import passage


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


def test_refused() -> None:
    with pytest.raises(ValueError, match="diverges in its own minimum"):
        time(QuarticWell(), IsotropicNoise(1.0), 1.5)
    with pytest.raises(ValueError, match="noise of a step is too small"):
        time(QuarticWell(), IsotropicNoise(1e-4), 0.001)
