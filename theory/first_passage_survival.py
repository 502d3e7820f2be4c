"""The share of the SGD iteration's trajectories that has not escaped yet, exactly: its law carried on step by step."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..landscapes.pairs import check_pair
from .covariance_recursion import record_steps
from .first_passage_diffusion import lower_end
from .first_passage_iteration import DENSITIES, Function, collocation_nodes, transitions
from .line import passage, separable, vanishing
from .particle import particle

Array = npt.NDArray[np.float64]

TOLERANCE = 1e-9
"""Change of every share at which refinement stops."""


def survival_of(landscape: Any, noise: Any, rule: Any, steps: npt.ArrayLike, *, exit: float | None = None) -> Array:
    """Return the share that has not escaped after the given steps, starting from rest at the minimum.

    Parameters
    ----------
    landscape, noise, rule
        What is run; each is checked first.
    steps
        Steps, (R,), rising from 0 or more.
    exit
        Absorbing level of e.theta; default the far minimum.

    Returns
    -------
    ndarray
        (R,).

    Raises
    ------
    ValueError, TypeError
        Where an argument is out of bounds, the rule is no iteration without inertia and second moments, or the motion
        along e is no one-dimensional process.

    Examples
    --------
    >>> import saddlescape as ss
    >>> survival_of(ss.QuarticWell(), ss.IsotropicNoise(5.0), ss.SGD(0.05), [0, 600, 1200]).round(4)
    array([1.    , 0.4919, 0.2236])
    """
    landscape, noise, rule = landscape.check(), noise.check(), rule.check()
    check_pair(landscape, noise)
    p = particle(rule)
    if isinstance(p, str):
        raise ValueError(p)
    if not (math.isinf(p.friction) and p.iterated):
        raise ValueError(f"{type(rule).__name__} is no iteration of position alone: its law lives elsewhere")
    way = passage(landscape, noise, exit)
    stuck = vanishing(way)
    if stuck is not None:
        raise ValueError(stuck)
    if not separable(way):
        raise ValueError("slope or noise along e depends on where one stands across it: no one-dimensional process")
    bend = float(way.line.curvature([way.minimum])[0])
    return survival(
        p.lr / p.friction_mass, way.line.slope, way.line.variance, bend, way.start, way.exit, steps, way.edges
    )


def survival(
    step: float,
    slope: Function,
    variance: Function,
    curvature_min: float,
    start: float,
    exit: float,
    steps: npt.ArrayLike,
    edges: npt.ArrayLike = (),
) -> Array:
    """Return the share still below exit of x -= step (slope + variance^(1/2) xi), x = start at first.

    Parameters
    ----------
    step, slope, variance, curvature_min, start, exit, edges
        As for ``first_passage_iteration.first_passage``, on whose nodes the law lives.
    steps
        Steps, (R,), rising from 0 or more.

    Returns
    -------
    ndarray
        (R,).

    Raises
    ------
    ValueError
        Where the iteration is unstable in the minimum, can leave downwards or has too little noise to be resolved.
    """
    from scipy.sparse import csr_array

    if not step * curvature_min < 2.0:
        raise ValueError(f"the iteration diverges in its own minimum: step x curvature is {step * curvature_min:g}")
    at = record_steps(steps)
    found = np.full(len(at), np.inf)
    for per_kernel, tail in DENSITIES:
        wide = tail / (1.0 - 0.5 * step * max(curvature_min, 0.0))
        low = lower_end(slope, lambda x: 0.5 * step * variance(x), start, exit, wide)
        x, weights = collocation_nodes(
            step, slope, variance, low, exit, np.asarray(edges, dtype=np.float64), per_kernel
        )
        chain = transitions(step, slope, variance, x, weights, start, exit)
        # The quadrature error of a row would add up from step to step; what stays is known exactly.
        band = chain.band * ((1.0 - chain.leave) / chain.band.sum(axis=1))[:, None]
        row, place = np.nonzero(band)
        moved = csr_array((band[row, place], (row + place - chain.reach, row)), shape=(len(x), len(x)))
        before, law, now, shares = found, chain.first, 1, []
        for k in at:
            for _ in range(now, int(k)):
                law = moved @ law
            now = max(now, int(k))
            shares.append(1.0 if k == 0 else float(law.sum()))
        found = np.array(shares)
        if np.max(np.abs(found - before)) <= TOLERANCE:
            break
    return found
