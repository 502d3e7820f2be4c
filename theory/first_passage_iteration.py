"""Mean first-passage time of the SGD iteration itself in one dimension, exactly: an integral equation, no sampling."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from .elimination import eliminate
from .first_passage_diffusion import lower_end
from .quadrature import panel_nodes

Array = npt.NDArray[np.float64]
Function = Callable[[Array], Array]

TOLERANCE = 1e-8
"""Relative error at which refinement stops."""
MAX_NODES = 6_000
_REACH = 12.0
DENSITIES = ((3.0, 40.0), (4.0, 44.0), (5.5, 48.0), (7.5, 52.0))
_NODES = 12


class Passage(NamedTuple):
    """A mean first-passage time of an iteration.

    Parameters
    ----------
    steps
        Mean number of steps.
    error
        Estimated relative error: the change on the last refinement of nodes and lower cut-off together.
    nodes
        Number of nodes of the last refinement.
    """

    steps: float
    error: float
    nodes: int


def first_passage(
    step: float,
    slope: Function,
    variance: Function,
    curvature_min: float,
    start: float,
    exit: float,
    edges: npt.ArrayLike = (),
    tolerance: float = TOLERANCE,
) -> Passage:
    """Return the mean number of steps from start until x >= exit of x -= step (slope + variance^(1/2) xi).

    ::

        tau(x) = 1 + int_{x' < exit} N(x'; x - step slope(x), step^2 variance(x)) tau(x') dx'

    by Gauss-Legendre collocation with panel ends at every edge; tau is smooth between them. The exit probabilities are
    taken exactly and the system is eliminated without a single subtraction, so that a mean of 1e13 steps is as exact
    as one of 100.

    Parameters
    ----------
    step
        Learning rate times the weight of the gradient.
    slope
        L', x (n,) -> (n,).
    variance
        C, x (n,) -> (n,); above 0.
    curvature_min
        Curvature of the minimum, which says how far the iteration spreads about it.
    start, exit
        Where the iteration starts, and the absorbing level above it.
    edges
        Places where L'' or C jump or bend.
    tolerance
        Relative error at which refinement stops.

    Returns
    -------
    Passage
        Mean steps, estimated relative error and number of nodes.

    Raises
    ------
    ValueError
        Where the iteration is unstable in the minimum, can leave downwards or has too little noise to be resolved.
    """
    if not step * curvature_min < 2.0:
        raise ValueError(f"the iteration diverges in its own minimum: step x curvature is {step * curvature_min:g}")
    at = np.asarray(edges, dtype=np.float64)
    steps, error, nodes = 0.0, np.inf, 0
    for density, tail in DENSITIES:
        # The iteration spreads wider than its diffusion, by 1 / (1 - step curvature / 2).
        wide = tail / (1.0 - 0.5 * step * max(curvature_min, 0.0))
        low = lower_end(slope, lambda x: 0.5 * step * variance(x), start, exit, wide)
        x, weights = collocation_nodes(step, slope, variance, low, exit, at, density)
        before, nodes = steps, len(x)
        steps = _eliminate(transitions(step, slope, variance, x, weights, start, exit))
        error = abs(before / steps - 1.0)
        if error <= tolerance:
            break
    return Passage(steps, error + 1e-14, nodes)


class Chain(NamedTuple):
    """Transitions among nodes as a band, row i holding columns i - reach to i + reach; then the start's own."""

    band: Array
    reach: int
    leave: Array
    first: Array
    first_leave: float


def collocation_nodes(
    step: float, slope: Function, variance: Function, low: float, exit: float, at: Array, density: float
) -> tuple[Array, Array]:
    """Return nodes and weights, at least ``density`` nodes to the width of every kernel that lands there."""
    probe = np.linspace(low, exit, 2001)
    inner = at[(at > low) & (at < exit)]
    beside = np.concatenate([inner - 1e-9 * (exit - low), inner + 1e-9 * (exit - low)])
    probe = np.sort(np.concatenate([probe, beside]))
    sigma = step * np.sqrt(variance(probe))
    landing = probe - step * slope(probe)
    grid = np.unique(np.concatenate([[low, exit], inner]))
    per_panel = _NODES / density
    while True:
        left, right = grid[:-1], grid[1:]
        finest = _finest(left, right, landing, sigma)
        pieces = np.clip(np.ceil((right - left) / (per_panel * finest)), 1, 8).astype(int)
        if np.all(pieces == 1):
            return tuple(v.ravel() for v in panel_nodes(grid, _NODES))  # type: ignore[return-value]
        if np.sum(pieces) * _NODES > MAX_NODES:
            raise ValueError(f"the noise of a step is too small against the way: more than {MAX_NODES} nodes needed")
        grid = np.unique(
            np.concatenate([np.linspace(a, b, n + 1) for a, b, n in zip(left, right, pieces, strict=True)])
        )


def _finest(left: Array, right: Array, landing: Array, sigma: Array) -> Array:
    """Return the narrowest kernel that lands on each panel with any weight to speak of."""
    out = np.full(len(left), np.inf)
    for k in range(len(left)):
        lands = (landing > left[k] - 5.0 * sigma) & (landing < right[k] + 5.0 * sigma)
        if np.any(lands):
            out[k] = sigma[lands].min()
    return out


def transitions(
    step: float, slope: Function, variance: Function, x: Array, weights: Array, start: float, exit: float
) -> Chain:
    """Return the transitions among the nodes, and those of the start, with what leaves taken exactly."""
    sources = np.append(x, start)
    mean = sources - step * slope(sources)
    sigma = step * np.sqrt(variance(sources))
    n = len(x)
    first_column = np.searchsorted(x, mean - _REACH * sigma)
    last_column = np.searchsorted(x, mean + _REACH * sigma) - 1
    own = np.arange(n)
    reach = int(max(np.max(own - first_column[:n]), np.max(last_column[:n] - own), 1))
    columns = own[:, None] + np.arange(-reach, reach + 1)
    inside = (columns >= 0) & (columns < n)
    columns = np.clip(columns, 0, n - 1)
    z = (x[columns] - mean[:n, None]) / sigma[:n, None]
    band = np.where(inside, weights[columns] * np.exp(-0.5 * z * z) / (np.sqrt(2.0 * np.pi) * sigma[:n, None]), 0.0)
    leave = ndtr((mean - exit) / sigma)
    z = (x - mean[n]) / sigma[n]
    first = weights * np.exp(-0.5 * z * z)
    # The start is a row of its own; its quadrature error goes into its total, as elsewhere into the diagonal.
    first *= (1.0 - leave[n]) / first.sum()
    return Chain(band, reach, leave[:n], first, float(leave[n]))


def _eliminate(chain: Chain) -> float:
    """Return the mean number of steps."""
    tau = eliminate(chain.band, chain.leave).solve(np.ones(len(chain.leave)))
    return float(1.0 + chain.first @ tau)
