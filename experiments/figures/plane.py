"""A landscape of two coordinates, as it is drawn: its loss on a grid, its minima and its saddles."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D

from ...landscapes.interface import gradient_at
from .style import GREY, INK, PAPER, panel

Array = npt.NDArray[np.float64]
Extent = tuple[float, float, float, float]

CELLS = 96
"""Points of the grid along the longer side."""
LEVELS = 14
SPARE = 0.15
"""Share of the longer side that is left free around what must be seen."""
ABOVE = 0.6
"""Share of the height of the highest saddle above the lowest minimum that is still told apart above that saddle."""
STRAY = 0.5
"""Per cent of the points of all paths, at each side, that may lie outside."""
SHORTEST = 0.45
"""Shorter side over the longer."""
PALE = LinearSegmentedColormap.from_list("pale", ["#fffefb", "#ece8df", "#cdc6b8"])
"""Low is light, so that trajectories, which live in valleys, stand out; lightness falls all the way."""
MINIMUM: Any = {"marker": "o", "markerfacecolor": INK, "markeredgecolor": PAPER, "markersize": 9, "linestyle": "none"}
SADDLE: Any = {"marker": "X", "markerfacecolor": PAPER, "markeredgecolor": INK, "markersize": 10, "linestyle": "none"}
START: Any = {"marker": "*", "markerfacecolor": PAPER, "markeredgecolor": INK, "markersize": 16, "linestyle": "none"}


class Plane(NamedTuple):
    """The loss of a landscape of two coordinates on a grid.

    Parameters
    ----------
    x, y
        Coordinates of the grid, (n,) and (m,).
    loss
        L, (m, n).
    minima, saddles
        Those in the frame, (number, 2).
    levels
        Losses of the contours, rising.
    """

    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    loss: npt.NDArray[np.float64]
    minima: npt.NDArray[np.float64]
    saddles: npt.NDArray[np.float64]
    levels: npt.NDArray[np.float64]


def check_plane(landscape: Any) -> None:
    """Refuse a landscape that has not two coordinates."""
    if landscape.dimension != 2:
        name = type(landscape).__name__
        raise ValueError(f"dimension={landscape.dimension} of {name} must be 2: a map has two coordinates")


def plane_of(landscape: Any, extent: Extent | None = None, points: npt.ArrayLike = (), cells: int = CELLS) -> Plane:
    """Return the loss on a grid.

    Parameters
    ----------
    landscape
        A checked landscape of two coordinates.
    extent
        Left, right, bottom, top; default what holds minima, saddles and points.
    points
        Points that must be seen, such as those of paths, (number, 2).
    cells
        Points of the grid along the longer side.

    Raises
    ------
    ValueError
        Where the landscape has not two coordinates, or the extent does not rise.
    """
    check_plane(landscape)
    minima, saddles = (np.reshape(some, (-1, 2)) for some in (landscape.minima(), landscape.saddles()))
    left, right, bottom, top = extent or _extent(np.concatenate([minima, saddles]), np.reshape(points, (-1, 2)))
    if not (left < right and bottom < top):
        raise ValueError(f"extent=({left:g}, {right:g}, {bottom:g}, {top:g}) must rise from left to right and upwards")
    longer = max(right - left, top - bottom)
    x = np.linspace(left, right, max(round(cells * (right - left) / longer), 12))
    y = np.linspace(bottom, top, max(round(cells * (top - bottom) / longer), 12))
    loss = values(landscape, np.stack(np.meshgrid(x, y)).reshape(2, -1)).reshape(len(y), len(x))
    minima, saddles = (some[_within(some, left, right, bottom, top)] for some in (minima, saddles))
    low, high = _range(loss, values(landscape, minima.T), values(landscape, saddles.T))
    return Plane(x, y, loss, minima, saddles, np.linspace(low, high, LEVELS + 1))


def values(landscape: Any, theta: npt.ArrayLike) -> Array:
    """Return L at each column of theta (2, n), (n,)."""
    at = np.ascontiguousarray(theta, dtype=np.float64)
    out = np.empty((1, at.shape[1]))
    with np.errstate(over="ignore", invalid="ignore"):
        landscape.value(at, out)
    return np.asarray(out[0])


def contours(
    landscape: Any, *, ax: Axes | None = None, extent: Extent | None = None, marked: bool = True, cells: int = CELLS
) -> Axes:
    """Draw a landscape of two coordinates as pale contours, with its minima and saddles.

    Parameters
    ----------
    landscape
        A landscape of two coordinates, or its Plane.
    ax
        Where to draw; new axes if left out.
    extent
        Left, right, bottom, top; default what holds its minima and saddles.
    marked
        Whether minima (dots) and saddles (crosses) are marked.
    cells
        Points of the grid along the longer side.

    Returns
    -------
    Axes
        The axes; ``marks()`` gives handles for a legend.

    Raises
    ------
    ValueError
        Where the landscape has not two coordinates.
    """
    plane = landscape if isinstance(landscape, Plane) else plane_of(landscape.check(), extent, cells=cells)
    axes = panel(ax)
    levels = plane.levels
    loss = np.nan_to_num(plane.loss, nan=levels[-1], posinf=levels[-1])
    clipped = np.clip(loss, levels[0], levels[-1])
    axes.contourf(plane.x, plane.y, clipped, levels, cmap=PALE, zorder=0, antialiased=False)
    axes.contour(plane.x, plane.y, loss, levels[:-1], colors=GREY, linewidths=0.5, linestyles="-", zorder=0.5)
    if marked:
        for points, how in ((plane.minima, MINIMUM), (plane.saddles, SADDLE)):
            axes.plot(*points.reshape(-1, 2).T, **how, zorder=6)
    axes.set_xlim(plane.x[0], plane.x[-1])
    axes.set_ylim(plane.y[0], plane.y[-1])
    axes.set_xlabel("parameter θ₁")
    axes.set_ylabel("parameter θ₂")
    return axes


def marks(plane: Plane) -> list[Line2D]:
    """Return handles for a legend of what ``contours`` marks."""
    handles = []
    if len(plane.minima):
        handles.append(Line2D([], [], **MINIMUM, label="minimum" if len(plane.minima) == 1 else "minima"))
    if len(plane.saddles):
        handles.append(Line2D([], [], **SADDLE, label="saddle" if len(plane.saddles) == 1 else "saddles"))
    return handles


def valley_floor(landscape: Any, saddle: Array, minimum: Array, direction: Array, points: int = 200) -> Array:
    """Return the way of least loss from a saddle down to a minimum, (points, 2).

    The path of steepest descent, d theta/ds = -grad L/|grad L|, that leaves the saddle against the direction.

    Parameters
    ----------
    landscape
        A checked landscape.
    saddle, minimum
        Where it begins and ends, (2,).
    direction
        Unit vector at the saddle, pointing away from the minimum, (2,).
    points
        How many points are returned, evenly spaced.
    """
    from scipy.integrate import solve_ivp

    apart = float(np.linalg.norm(saddle - minimum))
    first = saddle - 1e-3 * apart * direction
    blunt = 1e-2 * float(np.linalg.norm(gradient_at(landscape, first)))

    def down(_: float, theta: Array) -> Array:
        g = gradient_at(landscape, theta)
        return np.asarray(-g / (np.linalg.norm(g) + blunt))

    def arrived(_: float, theta: Array) -> float:
        return float(np.linalg.norm(theta - minimum)) - 5e-3 * apart

    arrived.terminal = True  # type: ignore[attr-defined]
    found: Any = solve_ivp(down, (0.0, 20.0 * apart), first, events=arrived, max_step=0.02 * apart, rtol=1e-5)
    way = np.concatenate([saddle[None, :], found.y.T, minimum[None, :]])
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1))])
    at = np.linspace(0.0, length[-1], points)
    return np.stack([np.interp(at, length, way[:, k]) for k in range(2)], axis=1)


def _extent(critical: Array, points: Array) -> Extent:
    """Return a frame around critical points and most of the others, not too flat."""
    points = points[np.all(np.isfinite(points), axis=1)]
    seen = np.percentile(points, [STRAY, 100.0 - STRAY], axis=0) if len(points) else np.zeros((0, 2))
    every = np.concatenate([critical, seen])
    if not len(every):
        every = np.array([[-1.0, -1.0], [1.0, 1.0]])
    low, high = every.min(axis=0), every.max(axis=0)
    side = float(np.max(high - low)) or 2.0
    low, high = low - SPARE * side, high + SPARE * side
    lack = np.maximum(SHORTEST * float(np.max(high - low)) - (high - low), 0.0)
    low, high = low - 0.5 * lack, high + 0.5 * lack
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])


def _within(points: Array, left: float, right: float, bottom: float, top: float) -> npt.NDArray[np.bool_]:
    x, y = points.T
    return np.asarray((left <= x) & (x <= right) & (bottom <= y) & (y <= top))


def _range(loss: Array, minima: Array, saddles: Array) -> tuple[float, float]:
    """Return the losses between which contours lie."""
    finite = loss[np.isfinite(loss)]
    if len(minima) and len(saddles):
        low, high = float(min(minima.min(), finite.min())), float(saddles.max())
        high += ABOVE * (high - float(minima.min()))
    else:
        low, high = (float(x) for x in np.percentile(finite, [1.0, 97.0]))
    return (low, high) if high > low else (low - 0.5, low + 0.5)
