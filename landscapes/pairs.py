"""Which landscape goes with which noise: refused before anything runs."""

from typing import Any

import numpy as np

from .interface import Escape, Vector, covariance_at

SCAN = 200
"""Steps along the way from the minimum to the saddle in which the curvature's sign is read."""
NEAR = 1e-6
"""Half the distance, in lengths of the way, over which a curvature is taken as a difference of gradients."""
MOST_KNOWN = 4096
"""Pairs that are remembered."""
VANISHING = 1e-6
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
    known = _fingerprint(landscape), _fingerprint(noise)
    if None in known:
        return _look(landscape, noise, way)
    if known not in _passed:
        _look(landscape, noise, way)
        if len(_passed) >= MOST_KNOWN:
            _passed.clear()
        _passed.add(known)
    return None


_passed: set[Any] = set()
"""Pairs that were looked at and let through: in a sweep many settings share one."""


def _fingerprint(part: Any) -> Any:
    """Return class and fields of a part that is made of numbers and arrays alone; None for any other."""
    if not isinstance(part, tuple) or not hasattr(part, "_fields"):
        return None
    fields = [np.asarray(field) for field in part]
    if any(field.dtype.kind not in "biuf" for field in fields):
        return None
    return type(part), *((field.dtype.str, field.shape, field.tobytes()) for field in fields)


def _look(landscape: Any, noise: Any, way: Escape) -> None:
    e, start, path = way.direction, way.minimum, way.saddle - way.minimum

    def slopes(s: Vector) -> Vector:
        """Return e.grad L at shares s of the way; the slope of it has the sign of the curvature along the way."""
        points = start[:, None] + np.outer(path, s)
        out = np.empty_like(points)
        landscape.gradient(points, out)
        return np.asarray(e @ out)

    def rises(s: float) -> bool:
        before, after = slopes(np.array([s - NEAR, s + NEAR]))
        return bool(after > before)

    def noise_along(s: float) -> float:
        return float(e @ covariance_at(noise, landscape, start + s * path) @ e)

    home = noise_along(0.0)
    if not home > 0.0:
        raise ValueError(
            f"{type(noise).__name__} has no variance along the escape direction at the minimum: "
            "without noise nothing escapes"
        )
    steps = np.linspace(0.0, 1.0, SCAN + 1)
    rising = np.diff(slopes(steps)) > 0.0
    for k in np.flatnonzero(rising[1:] != rising[:-1]):
        low, high = float(steps[k]), float(steps[k + 2])
        while high - low > NEAR * VANISHING:
            middle = 0.5 * (low + high)
            low, high = (middle, high) if rises(middle) == rising[k] else (low, middle)
        if min(noise_along(low), noise_along(high)) < VANISHING * home:
            where = np.array2string(start + low * path, precision=4, separator=", ")
            raise ValueError(
                f"{type(noise).__name__} vanishes along the escape direction at the inflection point {where} of "
                f"{type(landscape).__name__}, which no trajectory then crosses: give it a floor above 0"
            )
