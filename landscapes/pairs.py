"""Which landscape goes with which noise: refused before anything runs."""

from typing import Any

import numpy as np

from .interface import Escape, covariance_at, hessian_at

SCAN = 400
"""Points along the way from the minimum to the saddle at which the curvature's sign is read."""
VANISHING = 1e-9
"""Share of the noise at the minimum below which the noise at an inflection counts as none."""


def check_pair(landscape: Any, noise: Any) -> None:
    """Raise ValueError where the noise is for another number of dimensions."""
    d = getattr(noise, "dimension", landscape.dimension)
    if d != landscape.dimension:
        raise ValueError(f"covariance is for {d} dimensions; {type(landscape).__name__} has {landscape.dimension}")


def check_escape(landscape: Any, noise: Any, way: Escape) -> None:
    """Raise ValueError where the noise along e vanishes at an inflection on the way, so that nothing gets past it.

    Looked for on the straight line from the minimum to the saddle. Where the curvature along e jumps from one sign to
    the other, as in a piecewise-quadratic well, the noise does not vanish and nothing is refused.
    """

    def along(matrix: Any) -> float:
        return float(way.direction @ matrix @ way.direction)

    def at(s: float) -> Any:
        return way.minimum + s * (way.saddle - way.minimum)

    def bend(s: float) -> float:
        return along(hessian_at(landscape, at(s)))

    home = along(covariance_at(noise, landscape, way.minimum))
    if not home > 0.0:
        raise ValueError(
            f"{type(noise).__name__} has no variance along the escape direction at the minimum: without noise nothing escapes"
        )
    signs = [bend(s) > 0.0 for s in np.linspace(0.0, 1.0, SCAN + 1)]
    for k in np.flatnonzero(np.diff(np.array(signs, dtype=int))):
        low, high = k / SCAN, (k + 1) / SCAN
        while high - low > 1e-15:
            middle = 0.5 * (low + high)
            if middle in (low, high):
                break
            low, high = (middle, high) if (bend(middle) > 0.0) == signs[k] else (low, middle)
        left = min(along(covariance_at(noise, landscape, at(s))) for s in (low, high))
        if left < VANISHING * home:
            where = np.array2string(at(low), precision=4, separator=", ")
            raise ValueError(
                f"{type(noise).__name__} vanishes along the escape direction at the inflection point {where} of "
                f"{type(landscape).__name__}, which no trajectory then crosses: give it a floor above 0"
            )
