"""The quasi-stationary law of an escape, and its rate: where a trajectory that has not escaped is in the long run.

From that law escape times are exactly exponential, or geometric, with mean 1 / rate. Both laws come from inverse
iteration with positive numbers only, so that a rate of 1e-13 has as many digits as one of 0.1.
"""

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ..landscapes.pairs import check_pair
from .elimination import eliminate
from .first_passage_diffusion import graded, halved, lower_end
from .first_passage_iteration import DENSITIES, TOLERANCE, collocation_nodes, transitions
from .line import passage, separable, vanishing
from .particle import particle
from .quadrature import gauss_legendre, panel_nodes

Array = npt.NDArray[np.float64]
Function = Callable[[Array], Array]
Process = Literal["iteration", "diffusion"]

ITERATIONS = 500
"""Most inverse iterations; each takes away the ratio of the slowest two rates."""
SETTLED = 1e-13
"""Relative change of the rate, and of the law, at which inverse iteration stops."""
_NODES = 12


class QuasiStationary(NamedTuple):
    """A quasi-stationary law on nodes.

    Parameters
    ----------
    x
        Nodes, rising, (n,).
    weights
        Quadrature weights, (n,): the law's mass at each node is weights x density.
    density
        Density at each node, (n,).
    rate
        Escapes per dynamical time of a diffusion; chance to escape in a step, 1 - lambda, of an iteration.
    error
        Estimated relative error of the rate: the change on the last refinement.
    """

    x: Array
    weights: Array
    density: Array
    rate: float
    error: float

    @property
    def mean(self) -> float:
        """Mean of the law."""
        return float((self.weights * self.density) @ self.x)


def quasi_stationary_of(
    landscape: Any, noise: Any, rule: Any, *, exit: float | None = None, process: Process = "iteration"
) -> QuasiStationary:
    """Return the quasi-stationary law along the escape direction of a landscape.

    Parameters
    ----------
    landscape, noise, rule
        What is run; each is checked first.
    exit
        Absorbing level of e.theta; default the far minimum.
    process
        "iteration", whose rate is a chance per step, or "diffusion", whose rate is per dynamical time.

    Raises
    ------
    ValueError, TypeError
        Where an argument is out of bounds, the rule has inertia or second moments, or the motion along e is no
        one-dimensional process.

    Examples
    --------
    >>> import saddlescape as ss
    >>> law = quasi_stationary_of(ss.QuarticWell(), ss.IsotropicNoise(4.0), ss.SGD(0.05), exit=0.8)
    >>> round(0.05 / law.rate, 2)
    61.19
    """
    if process not in ("iteration", "diffusion"):
        raise ValueError(f"process={process!r} must be 'iteration' or 'diffusion'")
    landscape, noise, rule = landscape.check(), noise.check(), rule.check()
    check_pair(landscape, noise)
    p = particle(rule)
    if isinstance(p, str):
        raise ValueError(p)
    if not math.isinf(p.friction):
        raise ValueError(f"{type(rule).__name__} has inertia: its law lives in position and velocity, not here")
    way = passage(landscape, noise, exit)
    stuck = vanishing(way)
    if stuck is not None:
        raise ValueError(stuck)
    if not separable(way):
        raise ValueError("slope or noise along e depends on where one stands across it: no one-dimensional process")
    line, gain = way.line, 1.0 / p.friction_mass
    if process == "diffusion":
        return of_diffusion(
            lambda x: gain * line.slope(x),
            lambda x: gain * gain * 0.5 * p.lr * line.variance(x),
            way.start,
            way.exit,
            way.edges,
            p.convention,
        )
    if not p.iterated:
        raise ValueError(f"{type(rule).__name__} is no iteration of its own: ask for process='diffusion'")
    bend = float(line.curvature([way.minimum])[0])
    return of_iteration(gain * p.lr, line.slope, line.variance, bend, way.start, way.exit, way.edges)


def of_diffusion(
    slope: Function, diffusion: Function, start: float, exit: float, edges: npt.ArrayLike = (), c: float = 0.0
) -> QuasiStationary:
    """Return the quasi-stationary law of dx = -slope dt + (2 D)^(1/2) dW below exit, read in convention c.

    The slowest mode u of the backward equation, absorbed at exit, is the fixed direction of

    ::

        u(x) <- int_x^exit e^{Phi(y)} D(y)^{-c} int_{-inf}^y e^{-Phi(z)} D(z)^{c-1} u(z) dz dy,    Phi' = slope / D

    and the law is u e^{-Phi} D^{c-1}. The barrier may be hundreds of T.

    Parameters
    ----------
    slope
        Minus the drift, x (n,) -> (n,).
    diffusion
        D, x (n,) -> (n,); above 0.
    start
        A point in the well to escape from.
    exit
        The absorbing point above it.
    edges
        Places where slope' or D jump or bend.
    c
        0 Ito, 1/2 Stratonovich, 1 anti-Ito.

    Raises
    ------
    ValueError
        Where the diffusion vanishes, or the process can leave downwards.
    """
    at = np.sort(np.asarray(edges, dtype=np.float64))
    low = lower_end(slope, diffusion, start, exit)
    grid = np.unique(np.concatenate([[low, start, exit], at[(at > low) & (at < exit)]]))
    grid = graded(slope, diffusion, grid)
    coarse, fine = (_slowest_mode(slope, diffusion, g, c) for g in (grid, halved(grid)))
    return fine._replace(error=abs(coarse.rate / fine.rate - 1.0) + 1e-13)


def of_iteration(
    step: float,
    slope: Function,
    variance: Function,
    curvature_min: float,
    start: float,
    exit: float,
    edges: npt.ArrayLike = (),
    tolerance: float = TOLERANCE,
) -> QuasiStationary:
    """Return the quasi-stationary law of x -= step (slope + variance^(1/2) xi) below exit.

    It is the left eigenvector of the transitions below exit to the largest eigenvalue lambda, on the nodes on which
    ``first_passage_iteration`` finds mean times, and by the same elimination without subtraction.

    Parameters
    ----------
    step
        Learning rate times the weight of the gradient.
    slope, variance, curvature_min, edges
        As for ``first_passage_iteration.first_passage``.
    start
        A point in the well to escape from.
    exit
        The absorbing level above it.
    tolerance
        Relative error of 1 - lambda at which refinement stops.

    Raises
    ------
    ValueError
        Where the iteration is unstable in the minimum, can leave downwards or has too little noise to be resolved.
    """
    if not step * curvature_min < 2.0:
        raise ValueError(f"the iteration diverges in its own minimum: step x curvature is {step * curvature_min:g}")
    at = np.asarray(edges, dtype=np.float64)
    found = QuasiStationary(np.empty(0), np.empty(0), np.empty(0), np.inf, np.inf)
    for per_kernel, tail in DENSITIES:
        wide = tail / (1.0 - 0.5 * step * max(curvature_min, 0.0))
        low = lower_end(slope, lambda x: 0.5 * step * variance(x), start, exit, wide)
        x, weights = collocation_nodes(step, slope, variance, low, exit, at, per_kernel)
        chain = transitions(step, slope, variance, x, weights, start, exit)
        factors = eliminate(chain.band, chain.leave)
        law, rate = chain.first / chain.first.sum(), np.inf
        for _ in range(ITERATIONS):
            stay = factors.solve_left(law)
            total = float(stay.sum())
            change = float(np.abs(stay / total - law).sum()) + abs(1.0 / (rate * total) - 1.0)
            law, rate = stay / total, 1.0 / total
            if change < SETTLED * len(x):
                break
        error = abs(found.rate / rate - 1.0) + 1e-13
        found = QuasiStationary(x, weights, law / weights, rate, error)
        if error <= tolerance:
            break
    return found


def _slowest_mode(slope: Function, diffusion: Function, grid: Array, c: float) -> QuasiStationary:
    rule = gauss_legendre(_NODES)
    nodes, weights = panel_nodes(grid, _NODES)
    width = np.diff(grid)[:, None]
    flat = nodes.ravel()
    d = diffusion(flat).reshape(nodes.shape)
    force = slope(flat).reshape(nodes.shape) / d
    # The potential within each panel from its left end, and at the left ends.
    phi = width * force @ rule.antiderivative.T
    left = np.concatenate([[0.0], np.cumsum(np.sum(weights * force, axis=1))[:-1]])
    stationary, resistance = np.exp(-phi) * d ** (c - 1.0), np.exp(phi) * d**-c
    to_the_right = (rule.weights - rule.antiderivative).T
    # Stationary masses with the lowest panel at 1; where they underflow there is nothing.
    mass = weights * stationary * np.exp(np.min(left) - left)[:, None]
    u, rate = np.ones(nodes.shape), np.inf
    for _ in range(ITERATIONS):
        inner = stationary * u
        with np.errstate(divide="ignore"):
            log_panel = np.log(np.sum(weights * inner, axis=1)) - left
        log_before = np.concatenate([[-np.inf], np.logaddexp.accumulate(log_panel)[:-1]])
        outer = resistance * (np.exp(log_before + left)[:, None] + width * inner @ rule.antiderivative.T)
        totals = np.sum(weights * outer, axis=1)
        beyond = np.concatenate([np.cumsum(totals[::-1])[::-1][1:], [0.0]])
        time = beyond[:, None] + width * outer @ to_the_right
        now = float(np.sum(mass * time * u) / np.sum(mass * time * time))
        scale = float(time.max())
        change = float(np.sum(mass * np.abs(time / scale - u)) / np.sum(mass * u)) + abs(now / rate - 1.0)
        u, rate = time / scale, now
        if change < SETTLED * 10:
            break
    law = mass * u / np.sum(mass * u)
    return QuasiStationary(flat, weights.ravel(), (law / weights).ravel(), rate, 0.0)
