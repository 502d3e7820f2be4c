"""Minima and saddles of a landscape that does not know its own, and the ways between them."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .interface import Escape, Matrix, Vector, gradient_at, hessian_at, value_at

GRID = 2001
"""Points of a line between which a change of the slope's sign is looked for."""
STARTS = 100
"""Starts of Newton's method for each dimension, in more than one."""
FLAT = 1e-7
"""Curvature, relative to the largest at the point, below which a critical point counts as degenerate."""
NEAR = 1e-6
"""Share of the bounds' width within which two critical points are one."""
SETTLED = 0.01
"""Share of the distance between the closest two minima at which a path down has arrived at one."""
PATIENCE = 5000
"""Gradients along a path down after which it ends nowhere, such as at a cusp."""


class CriticalPoints(NamedTuple):
    """Critical points within bounds, each list in rising order of the first coordinate, then the second, and so on.

    Parameters
    ----------
    minima
        Where every curvature is above 0, (number, d).
    saddles
        Where one curvature is below 0 and no other, (number, d): in one dimension the maxima.
    others
        Points with more than one unstable direction, or with a curvature of 0, (number, d).
    """

    minima: Matrix
    saddles: Matrix
    others: Matrix


def newton(landscape: Any, point: npt.ArrayLike, steps: int = 50) -> Vector:
    """Return the critical point that Newton's method reaches from a point close to it, to rounding."""
    x = np.array(point, dtype=np.float64)
    for _ in range(steps):
        correction = np.linalg.solve(hessian_at(landscape, x), gradient_at(landscape, x))
        x -= correction
        if np.abs(correction).max() <= 4e-16 * np.abs(x).max():
            break
    return x


def find(landscape: Any, low: Vector, high: Vector) -> CriticalPoints:
    """Return the critical points that a search between low and high, both (d,), has found.

    In one dimension the slope's sign is read on a grid and each change of it closed in upon; in more, Newton's method
    with a trust region starts from STARTS points a dimension, spread with a fixed seed. A search may miss a point.
    """
    with np.errstate(all="ignore"):
        found = _on_line(landscape, low[0], high[0]) if len(low) == 1 else _by_newton(landscape, low, high)
        lists: tuple[list[Vector], list[Vector], list[Vector]] = ([], [], [])
        for x in _distinct(found, NEAR * float(np.max(high - low))):
            h = np.linalg.eigvalsh(hessian_at(landscape, x))
            degenerate = np.any(np.abs(h) <= FLAT * max(np.abs(h).max(), 1.0))
            negative = int(np.sum(h < 0.0))
            lists[2 if degenerate else min(negative, 2)].append(x)
    return CriticalPoints(*(np.array(points).reshape(-1, len(low)) for points in lists))


def way_out(landscape: Any, points: CriticalPoints, start: Vector | None, low: Vector, high: Vector) -> Escape:
    """Return the way out of a basin over the lowest saddle on its border.

    Parameters
    ----------
    landscape
        The landscape.
    points
        Its critical points.
    start
        A point of the basin to escape from, (d,); default the first minimum, the one furthest to the left.
    low, high
        Bounds, (d,): a path down that leaves them ends there.

    Raises
    ------
    ValueError
        Where there is no minimum, or no saddle borders its basin.
    """
    where = f"between {_text(low)} and {_text(high)}"
    if not len(points.minima):
        raise ValueError(f"there is no minimum {where}: nothing to escape from; widen the bounds")
    if start is None:
        a = points.minima[0]
    else:
        end = descend(landscape, start, points.minima, low, high)
        if end is None:
            raise ValueError(f"start={_text(start)} leads down to no minimum {where}")
        a = end
    if not len(points.saddles):
        raise ValueError(f"there is no saddle {where}: nothing to escape over; widen the bounds")
    home = value_at(landscape, a)
    for b in sorted(points.saddles, key=lambda point: value_at(landscape, point)):
        way = way_over(landscape, a, b, points.minima, low, high) if value_at(landscape, b) > home else None
        if way is not None:
            return way
    raise ValueError(f"no saddle {where} borders the basin of the minimum {_text(a)}; widen the bounds")


def way_over(
    landscape: Any, minimum: Vector, saddle: Vector, minima: Matrix, low: Vector, high: Vector
) -> Escape | None:
    """Return the way from a minimum over a saddle, or None where the path down from the saddle ends elsewhere.

    The far minimum is where the path down on the other side ends, if it lies beyond the saddle along the direction.
    """
    e = np.linalg.eigh(hessian_at(landscape, saddle))[1][:, 0]
    small = 1e-3 * float(np.max(high - low))
    ends = {side: descend(landscape, saddle + side * small * e, minima, low, high) for side in (1.0, -1.0)}
    home = [side for side, end in ends.items() if end is not None and np.array_equal(end, minimum)]
    if not home:
        return None
    # Both sides may lead back to the same minimum, around a loop; then away is where the straight line from it points.
    away = -home[0] if len(home) == 1 else (1.0 if e @ (saddle - minimum) >= 0.0 else -1.0)
    far = ends[away]
    beyond = far is not None and len(home) == 1 and away * e @ (far - saddle) > 0.0
    return Escape(
        minimum=minimum,
        saddle=saddle,
        far_minimum=far if beyond else None,
        direction=np.ascontiguousarray(away * e),
        barrier=value_at(landscape, saddle) - value_at(landscape, minimum),
    )


def descend(landscape: Any, start: Vector, minima: Matrix, low: Vector, high: Vector) -> Vector | None:
    """Return the minimum at which the path of steepest descent from a point ends; None where it leaves the bounds.

    The path is followed by its length, d theta/ds = -grad L/|grad L| blunted near a critical point, so that no scale
    of the loss enters.
    """
    from scipy.integrate import solve_ivp

    width = float(np.max(high - low))
    gaps = [float(np.linalg.norm(p - q)) for i, p in enumerate(minima) for q in minima[:i]]
    reach = SETTLED * min([width, *gaps])
    blunt = 1e-3 * float(np.linalg.norm(gradient_at(landscape, start)))
    count = 0

    def down(_: float, x: Vector) -> Vector:
        nonlocal count
        count += 1
        g = _slope(landscape, x)
        return np.asarray(-g / (np.linalg.norm(g) + blunt + 1e-300))

    def outside(_: float, x: Vector) -> float:
        return float(min(np.min(x - (low - width)), np.min(high + width - x)))

    def arrived(_: float, x: Vector) -> float:
        return float(np.min(np.linalg.norm(minima - x, axis=1))) - reach

    def tired(_: float, x: Vector) -> float:
        return PATIENCE - count if np.all(np.isfinite(x)) else -1.0

    events = (arrived, outside, tired)
    for event in events:
        event.terminal = True  # type: ignore[attr-defined]
    if arrived(0.0, start) > 0.0:
        path = solve_ivp(down, (0.0, 100.0 * width), start, "LSODA", rtol=1e-6, atol=1e-9 * width, events=events)
        if path.t_events is None or not len(path.t_events[0]):
            return None
        start = path.y[:, -1]
    return np.array(minima[np.argmin(np.linalg.norm(minima - start, axis=1))])


def _on_line(landscape: Any, low: float, high: float) -> list[Vector]:
    from scipy.optimize import brentq

    def slope(x: float) -> float:
        return float(_slope(landscape, np.array([x]))[0])

    grid = np.linspace(low, high, GRID)
    slopes = np.array([slope(x) for x in grid])
    roots = [grid[k] for k in np.flatnonzero(slopes == 0.0)]  # such as 0 between symmetric bounds
    for k in np.flatnonzero(slopes[:-1] * slopes[1:] < 0.0):
        x: Any = brentq(slope, grid[k], grid[k + 1], xtol=1e-12 * (high - low))
        # A change of sign across a pole is no critical point.
        if abs(slope(x)) <= min(abs(slopes[k]), abs(slopes[k + 1])):
            polished = _polished(landscape, np.array([x]))[0]
            roots.append(polished if grid[k] <= polished <= grid[k + 1] else x)
    return [np.array([x]) for x in sorted(roots)]


def _by_newton(landscape: Any, low: Vector, high: Vector) -> list[Vector]:
    from scipy.optimize import root

    d = len(low)
    spread = np.random.default_rng(0).random((STARTS * d, d))
    found = []
    for x in low + (high - low) * spread:
        solution = root(partial(_slope, landscape), x, jac=partial(_bend, landscape), tol=1e-12)
        if not solution.success:
            continue
        x = _polished(landscape, solution.x)
        if np.all((low <= x) & (x <= high)) and np.all(np.isfinite(_slope(landscape, x))):
            found.append(x)
    return found


def _polished(landscape: Any, x: Vector) -> Vector:
    try:
        return newton(landscape, x)
    except (np.linalg.LinAlgError, ArithmeticError, ValueError):
        return x


def _slope(landscape: Any, x: Vector) -> Vector:
    """Return the gradient, NaN where it is not defined."""
    try:
        return gradient_at(landscape, x)
    except (ArithmeticError, ValueError):
        return np.full(len(x), np.nan)


def _bend(landscape: Any, x: Vector) -> Matrix:
    try:
        return hessian_at(landscape, x)
    except (ArithmeticError, ValueError):
        return np.full((len(x), len(x)), np.nan)


def _distinct(points: list[Vector], near: float) -> list[Vector]:
    """Return the points, each once, in rising order."""
    kept: list[Vector] = []
    for x in points:
        if all(np.linalg.norm(x - y) > near for y in kept):
            kept.append(x)
    # Coordinates that differ by rounding must not decide the order.
    return sorted(kept, key=lambda x: tuple(np.round(x / near) * near))


def _text(x: Vector) -> str:
    return ", ".join(f"{number:.6g}" for number in x)
