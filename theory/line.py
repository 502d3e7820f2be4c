"""The way out of a minimum as a line: everything one-dimensional theory needs of a landscape and its noise."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..dynamics.evaluate import gradients
from ..landscapes.checks import number, vector
from ..landscapes.hessian_noise import HessianNoise
from ..landscapes.interface import (
    Escape,
    Matrix,
    Vector,
    add_turned,
    covariance_at,
    draw,
    eigenvalues,
    has_eigenbasis,
    hessian_at,
)
from .quadrature import panel_nodes

Array = npt.NDArray[np.float64]
Function = Callable[[Array], Array]

STRAIGHT = 1e-9
"""Share by which a saddle may lie off the line through the minimum."""
SEPARABLE = 1e-9
"""Share by which slope and noise along the line may change across it."""
VANISHING = 1e-9
"""Share of the noise at the minimum below which there is none."""
SCAN = 600
"""Points at which jumps are looked for."""
_NUDGE = 1e-6
_PANEL_NODES = 16


class Line(NamedTuple):
    """A landscape and its noise along theta = base + x e.

    Parameters
    ----------
    landscape, noise
        The landscape and its gradient noise, both checked.
    base
        The point at x = 0, (d,).
    direction
        e, a unit vector, (d,).
    column
        Which of the landscape's known eigenvectors e is: many dimensions then cost no more than one. None elsewhere.
    """

    landscape: Any
    noise: Any
    base: Vector
    direction: Vector
    column: int | None = None

    def points(self, x: npt.ArrayLike) -> Array:
        """Return the points at x (n,), as (d, n)."""
        return np.ascontiguousarray(self.base[:, None] + np.outer(self.direction, np.atleast_1d(x)))

    def value(self, x: npt.ArrayLike) -> Array:
        """Return L, (n,)."""
        at = self.points(x)
        out = np.empty((1, at.shape[1]))
        self.landscape.value(at, out)
        return np.asarray(out[0], dtype=np.float64)

    def slope(self, x: npt.ArrayLike) -> Array:
        """Return dL/dx, (n,)."""
        return np.asarray(self.direction @ gradients(self.landscape, self.points(x)), dtype=np.float64)

    def curvature(self, x: npt.ArrayLike) -> Array:
        """Return d2L/dx2, (n,)."""
        return self.curvature_at(self.points(x))

    def variance(self, x: npt.ArrayLike) -> Array:
        """Return the variance of the gradient along e, (n,)."""
        return self.variance_at(self.points(x))

    def curvature_at(self, points: Array) -> Array:
        """Return e H e at any points (d, n), (n,)."""
        if self.column is None:
            return np.array([self.direction @ hessian_at(self.landscape, p) @ self.direction for p in points.T])
        out = np.empty_like(points)
        eigenvalues(self.landscape, points, out)
        return np.asarray(out[self.column])

    def variance_at(self, points: Array) -> Array:
        """Return e C e at any points (d, n), (n,)."""
        if isinstance(self.noise, HessianNoise) and self.column is not None:
            return np.asarray(np.maximum(np.abs(self.curvature_at(points)), self.noise.floor) / self.noise.batch_size)
        d, n = points.shape
        if d > 1 and hasattr(self.noise, "covariance_at"):
            e = self.direction
            return np.array([e @ covariance_at(self.noise, self.landscape, p) @ e for p in points.T])
        total = np.zeros(n)
        for i in range(d):
            z, out = np.zeros((d, n)), np.zeros((d, n))
            z[i] = 1.0
            draw(self.noise, self.landscape, points, z, out)
            total += (self.direction @ out) ** 2
        return total


class Passage(NamedTuple):
    """A first passage along a line.

    Parameters
    ----------
    line
        The line through the minimum along the escape direction.
    way
        The landscape's own way out.
    minimum, saddle
        x at a and b.
    start, exit
        x where trajectories start and where they are absorbed.
    edges
        Where curvature or noise jump, or bend, between minimum and exit; rising.
    straight
        Whether the saddle lies on the line.
    """

    line: Line
    way: Escape
    minimum: float
    saddle: float
    start: float
    exit: float
    edges: Array
    straight: bool


def passage(landscape: Any, noise: Any, exit: float | None = None, origin: npt.ArrayLike | None = None) -> Passage:
    """Return the first passage of an escape experiment.

    Parameters
    ----------
    landscape, noise
        Both checked.
    exit
        Absorbing level of e.theta; default the far minimum.
    origin
        Start, (d,); default the minimum.

    Raises
    ------
    ValueError
        Where the exit is missing or not above the start.
    """
    way = landscape.escape()
    e = np.asarray(way.direction, dtype=np.float64)
    a, b = float(e @ way.minimum), float(e @ way.saddle)
    line = Line(landscape, noise, way.minimum - a * e, e, _column(landscape, e))
    start = a if origin is None else float(e @ vector("origin", origin))
    if exit is None:
        if way.far_minimum is None or not float(e @ way.far_minimum) > start:
            raise ValueError(
                "exit is required: the landscape has no minimum beyond the saddle along the escape direction"
            )
        level = float(e @ way.far_minimum)
    else:
        level = number("exit", exit)
    if not level > start:
        raise ValueError(f"exit={level:g} must be above {start:g}, where trajectories start along the escape direction")
    offset = float(np.linalg.norm(way.saddle - way.minimum - (b - a) * e))
    straight = offset <= STRAIGHT * max(float(np.linalg.norm(way.saddle - way.minimum)), 1e-300)
    return Passage(line, way, a, b, start, level, edges(line, min(a, start), level), straight)


def vanishing(way: Passage) -> str | None:
    """Return one line that says where on the way the noise along e vanishes; None where it does not."""
    line = way.line
    home = float(line.variance([way.minimum])[0])
    if not home > 0.0:
        return "there is no noise along the escape direction at the minimum"
    left = line.variance(way.edges)
    if np.any(left < VANISHING * home):
        return (
            f"the noise vanishes at e.theta = {way.edges[np.argmin(left)]:.4g} on the way, which nothing then crosses"
        )
    return None


def separable(way: Passage) -> bool:
    """Say whether the motion along e is a one-dimensional process of its own.

    In one dimension it is. In more, slope and noise along e must not depend on where one stands across the line; that
    is looked at in 24 points scattered about it as widely as minimum and exit lie apart.
    """
    line = way.line
    d = len(line.base)
    if d == 1:
        return True
    generator = np.random.default_rng(0)
    reach = way.exit - min(way.minimum, way.start)
    x = way.exit - reach * generator.random(24)
    across = generator.standard_normal((d, 24)) * (0.3 * reach)
    across -= np.outer(line.direction, line.direction @ across)
    there = line.points(x) + across
    slopes, variances = line.slope(x), line.variance(x)
    slope_off = line.direction @ gradients(line.landscape, there) - slopes
    variance_off = line.variance_at(there) - variances
    largest = float(np.abs(slopes).max())
    return bool(
        np.all(np.abs(slope_off) <= SEPARABLE * largest)
        and np.all(np.abs(variance_off) <= SEPARABLE * float(variances.max()))
    )


def edges(line: Line, low: float, high: float) -> Array:
    """Return where, between low and high, L'' or C jump, L'' changes sign or C bends; rising.

    Between these places both are smooth, so that Gauss-Legendre panels converge.
    """

    def bend(x: Array) -> Array:
        return (line.variance(x + _NUDGE * (high - low)) - line.variance(x - _NUDGE * (high - low))) / (2.0 * _NUDGE)

    found = [
        *jumps(line.curvature, low, high),
        *jumps(line.variance, low, high),
        *sign_changes(line.curvature, low, high),
    ]
    # A bend is seen through a difference over 2 nudges: near a jump it is that jump.
    blind = 4.0 * _NUDGE * (high - low)
    found += [x for x in jumps(bend, low, high, blind) if all(abs(x - y) > blind for y in found)]
    rising = sorted(found)
    near = 1e-12 * (high - low)
    return np.array([x for k, x in enumerate(rising) if k == 0 or x - rising[k - 1] > near])


def jumps(function: Function, low: float, high: float, width: float = 0.0) -> list[float]:
    """Return where a function jumps between low and high: bisected until the interval is as narrow as width."""
    x = np.linspace(low, high, SCAN + 1)
    f = function(x)
    rise = np.abs(np.diff(f))
    scale = float(np.ptp(f))
    if not scale > 1e-9 * float(np.abs(f).max()):
        return []
    pick = np.flatnonzero(rise > 1e-3 * scale)
    left, right, f_left, f_right, first = x[pick], x[pick + 1], f[pick], f[pick + 1], rise[pick]
    for halving in range(60):
        if not len(left):
            break
        middle = 0.5 * (left + right)
        open_ = (middle > left) & (middle < right) & (right - left > width)
        if not np.any(open_):
            break
        f_middle = function(middle)
        go_left = np.abs(f_middle - f_left) > np.abs(f_right - f_middle)
        right, f_right = np.where(open_ & go_left, middle, right), np.where(open_ & go_left, f_middle, f_right)
        left, f_left = np.where(open_ & ~go_left, middle, left), np.where(open_ & ~go_left, f_middle, f_left)
        # A smooth rise is halved with the interval; a jump stays.
        keep = np.abs(f_right - f_left) > 0.5 * first if halving >= 8 else np.ones(len(left), dtype=bool)
        left, right, f_left, f_right, first = (v[keep] for v in (left, right, f_left, f_right, first))
    return [float(v) for v in 0.5 * (left + right)]


def sign_changes(function: Function, low: float, high: float) -> list[float]:
    """Return where a function changes sign between low and high."""
    x = np.linspace(low, high, SCAN + 1)
    sign = np.sign(function(x))
    pick = np.flatnonzero(sign[:-1] * sign[1:] < 0)
    found = [float(v) for v in x[1:-1][sign[1:-1] == 0]]
    left, right, side = x[pick], x[pick + 1], sign[pick]
    for _ in range(60 if len(pick) else 0):
        middle = 0.5 * (left + right)
        same = np.sign(function(middle)) == side
        left, right = np.where(same, middle, left), np.where(same, right, middle)
    return found + [float(v) for v in 0.5 * (left + right)]


def integral(function: Function, low: float, high: float, at: Array, panels: int = 24) -> float:
    """Return the integral from low to high by Gauss-Legendre panels that end at the given edges."""
    inner = at[(at > low) & (at < high)]
    grid = np.unique(np.concatenate([np.linspace(low, high, panels + 1), inner]))
    nodes, weights = panel_nodes(grid, _PANEL_NODES)
    return float(np.sum(weights.ravel() * function(nodes.ravel())))


def common_basis(h: Matrix, c: Matrix) -> Matrix | None:
    """Return eigenvectors that two symmetric matrices share, in columns, or None."""
    if np.linalg.norm(h @ c - c @ h) > 1e-11 * np.linalg.norm(h) * np.linalg.norm(c):
        return None
    # A generic combination settles eigenvectors where one of the two has a repeated eigenvalue.
    mixture = h / _size(h) + 0.6180339887498949 * c / _size(c)
    for candidate in (h, mixture):
        basis = np.linalg.eigh(candidate)[1]
        turned = [basis.T @ m @ basis for m in (h, c)]
        if all(np.linalg.norm(m - np.diag(np.diag(m))) <= 1e-11 * np.linalg.norm(m) for m in turned):
            return np.asarray(basis, dtype=np.float64)
    return None


def _column(landscape: Any, direction: Vector) -> int | None:
    d = len(direction)
    if not has_eigenbasis(landscape):
        return None
    turned = np.zeros((d, d))
    add_turned(landscape, np.eye(d), turned)
    column = int(np.argmax(np.abs(direction @ turned)))
    aligned = abs(float(direction @ turned[:, column]))
    return column if abs(aligned - 1.0) < 1e-12 else None


def _size(m: Matrix) -> float:
    return max(float(np.linalg.norm(m)), 1e-300)
