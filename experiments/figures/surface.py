"""Figure of a landscape as a surface, with an escape on it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...landscapes.checks import number
from .escape_path import Passage, one_escape, rule_word
from .interface import Choice, Parts
from .plane import MINIMUM, PALE, SADDLE, Extent, Plane, check_plane, plane_of, values
from .style import GREY, INK, PAPER, RULE_LOOKS, styled

Array = npt.NDArray[np.float64]

CELLS = 80
LIFT = 0.012
"""Share of the height by which paths and marks lie above the surface."""
HEIGHT = 0.35
"""Height of the box over its longer side."""
LOOKS = 100
"""Points of a line of sight at which something may stand in its way."""
SIDES = [turn + within for turn in range(-90, 270, 90) for within in (30, 45, 60)]
"""Sides that the eye may look from (degrees), the usual one first; along an axis the view is confusing."""


class Options(NamedTuple):
    """A landscape as a surface, with one escape on it.

    Parameters
    ----------
    trajectories
        Number of trajectories N; the one is drawn whose escape time is nearest to the mean.
    seed
        Seed of the random streams, in [0, 2^64).
    max_steps
        Steps after which a trajectory is censored.
    elevation
        Height of the eye above the horizon, in [10, 80] (degrees).
    azimuth
        Side that it looks from (degrees); default the one from which most of the path and of the marks is seen.
    """

    trajectories: int = 200
    seed: int = 0
    max_steps: int = 100_000
    elevation: float = 45.0
    azimuth: float | None = None


QUICK = {"trajectories": 20}
PARTS = {
    "rule": Choice("sgd", {"lr": 0.01}),
    "landscape": Choice("mueller-brown", {"scale": 0.01}),
    "noise": Choice("isotropic", {"variance": 40.0}),
}
STATEMENTS = ("theorem-3",)


class Data(NamedTuple):
    """What is drawn.

    Parameters
    ----------
    plane
        The landscape.
    minima, saddles
        Loss at each of the plane's.
    barrier
        Of the saddle above the minimum that is left (loss).
    rule
        Name of the rule; "" where it has none on the command line.
    last, last_loss
        The path from its last visit to the minimum's side to the crossing, (S, 2), (S,).
    passage
        The escape without its path.
    elevation, azimuth
        Where it is looked at from (degrees).
    """

    plane: Plane
    minima: npt.NDArray[np.float64]
    saddles: npt.NDArray[np.float64]
    barrier: float
    rule: str
    last: npt.NDArray[np.float64]
    last_loss: npt.NDArray[np.float64]
    passage: Passage
    elevation: float
    azimuth: float


def compute(options: Options, parts: Parts, report: Callable[[float, str], None] | None = None) -> Data:
    """Run the ensemble, and the chosen trajectory once more, step by step."""
    check_plane(parts.landscape)
    elevation = number("elevation", options.elevation)
    if not 10.0 <= elevation <= 80.0:
        raise ValueError(f"elevation={elevation:g} must lie in [10, 80]: a surface is seen from above, at an angle")
    passage = one_escape(parts, options.trajectories, options.seed, options.max_steps, report)
    last = passage.path[passage.departure :]
    plane = plane_of(parts.landscape, points=last, cells=CELLS)
    loss = [values(parts.landscape, points.T) for points in (last, plane.minima, plane.saddles)]
    if options.azimuth is None:
        azimuth = best_side(plane, [last, plane.minima, plane.saddles], loss, elevation)
    else:
        azimuth = number("azimuth", options.azimuth)
    return Data(
        plane=plane,
        minima=loss[1],
        saddles=loss[2],
        barrier=parts.landscape.escape().barrier,
        rule=rule_word(parts.rule),
        last=last,
        last_loss=loss[0],
        passage=passage._replace(path=np.zeros((0, 2))),
        elevation=elevation,
        azimuth=azimuth,
    )


def draw(data: Data) -> Figure:
    """Draw the surface with the path."""
    with styled(9.0, 7.2) as figure:
        axes: Any = figure.add_subplot(projection="3d", computed_zorder=False)
        view = data.elevation, data.azimuth
        surface(data.plane, ax=axes, elevation=view[0], azimuth=view[1])
        look = RULE_LOOKS.get(data.rule)
        colour = look.colour if look else INK
        height = _lifted(data.plane, data.last_loss)
        seen = np.where(hidden(data.plane, data.last, data.last_loss, *view), np.nan, height)
        axes.plot(*data.last.T, height, color=colour, linewidth=1.2, linestyle=(0, (1, 1.5)), zorder=3)
        axes.plot(*data.last.T, seen, color=PAPER, linewidth=4.0, zorder=4)
        axes.plot(*data.last.T, seen, color=colour, linewidth=1.8, zorder=5,
                  label=f"escape of {look.label if look else 'the rule'}")  # fmt: skip
        for points, loss, how, label in (
            (data.plane.minima, data.minima, MINIMUM, "minimum"),
            (data.plane.saddles, data.saddles, SADDLE, "saddle"),
        ):
            shown = ~hidden(data.plane, points, loss, *view)
            axes.plot(*points.reshape(-1, 2)[shown].T, _lifted(data.plane, loss)[shown], **how, zorder=6, label=label)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
        return figure


def caption(data: Data) -> str:
    """Return what the figure shows, with its numbers."""
    one = data.passage
    took = (one.steps - one.departure) * one.time_step
    name = RULE_LOOKS[data.rule].label if data.rule in RULE_LOOKS else "its rule"
    return (
        f"A loss of two parameters with {len(data.minima)} minima and {len(data.saddles)} saddles in the frame, cut "
        f"off at {data.plane.levels[-1]:.3g}, and one escape of {name} over a barrier of {data.barrier:.4g}. "
        f"Trajectory {one.number} of {one.trajectories:,} needed t = {one.steps * one.time_step:.4g} in all (mean "
        f"{one.mean:.4g} [{one.low:.4g}, {one.high:.4g}]); drawn is its last stretch, which took {took:.3g}."
    )


def alt(data: Data) -> str:
    """Return what the figure looks like."""
    return (
        f"A pale surface seen from above at an angle: {len(data.minima)} hollows in a high plain, joined by "
        f"{len(data.saddles)} passes. A bold jagged path climbs out of one hollow over a pass into another."
    )


def surface(
    landscape: Any, *, ax: Axes | None = None, extent: Extent | None = None, elevation: float = 45.0,
    azimuth: float = -60.0, cells: int = CELLS,
) -> Axes:  # fmt: skip
    """Draw a landscape of two coordinates as a pale surface, cut off a little above its saddles.

    Parameters
    ----------
    landscape
        A landscape of two coordinates, or its Plane.
    ax
        Axes with ``projection="3d"``, and ``computed_zorder=False`` where paths are to lie on the surface; new axes if
        left out.
    extent
        Left, right, bottom, top; default what holds its minima and saddles.
    elevation, azimuth
        Where it is looked at from (degrees): lines of equal loss behind a hill are left out for this view.
    cells
        Points of the grid along the longer side.

    Returns
    -------
    Axes
        The axes.

    Raises
    ------
    ValueError
        Where the landscape has not two coordinates, or the axes are flat.
    """
    from contourpy import contour_generator
    from matplotlib.ticker import MaxNLocator

    plane = landscape if isinstance(landscape, Plane) else plane_of(landscape.check(), extent, cells=cells)
    axes: Any = ax
    if axes is None:
        import matplotlib.pyplot as plt

        axes = plt.figure(layout="constrained").add_subplot(projection="3d", computed_zorder=False)
    if not hasattr(axes, "plot_surface"):
        raise ValueError('ax must have three dimensions: figure.add_subplot(projection="3d", computed_zorder=False)')
    low, high = plane.levels[0], plane.levels[-1]
    loss = _cut(plane)
    x, y = np.meshgrid(plane.x, plane.y)
    axes.plot_surface(x, y, loss, cmap=PALE, rcount=cells, ccount=cells, linewidth=0, antialiased=False, zorder=1,
                      rasterized=True)  # fmt: skip
    lines = contour_generator(plane.x, plane.y, loss)
    for level in plane.levels[1:-1]:
        for line in lines.lines(level):
            points = np.asarray(line)
            along = np.full(len(points), level)
            seen = np.where(hidden(plane, points, along, elevation, azimuth), np.nan, _lifted(plane, along, 0.3))
            axes.plot(*points.T, seen, color=GREY, linewidth=0.6, zorder=2)
    wide, tall, height = _box(plane)
    axes.set_box_aspect((wide, tall, height))
    axes.set_proj_type("ortho")
    axes.set_xlim(plane.x[0], plane.x[-1])
    axes.set_ylim(plane.y[0], plane.y[-1])
    axes.set_zlim(low, high)
    axes.view_init(elevation, azimuth)
    axes.grid(visible=False)
    for axis, label, most in (
        (axes.xaxis, "parameter θ₁", 5),
        (axes.yaxis, "parameter θ₂", 5),
        (axes.zaxis, "loss L", 4),
    ):
        axis.set_pane_color((1.0, 1.0, 1.0, 0.0))
        axis.line.set_color(GREY)
        axis.set_major_locator(MaxNLocator(most))
        axis.set_label_text(label)
        axis.labelpad = 16
    return axes  # type: ignore[no-any-return]


def hidden(plane: Plane, points: Array, loss: Array, elevation: float, azimuth: float) -> npt.NDArray[np.bool_]:
    """Return which points (n, 2) at a loss (n,) lie behind a part of the surface, looked at from far away, (n,)."""
    from scipy.interpolate import RegularGridInterpolator

    points = points.reshape(-1, 2)
    height = _box(plane)[2]
    up, side = np.radians(elevation), np.radians(azimuth)
    low, high = plane.levels[0], plane.levels[-1]
    surface = RegularGridInterpolator((plane.y, plane.x), _cut(plane), bounds_error=False, fill_value=low)
    # Distances along the ground within which a line of sight leaves the box through its top.
    reach = np.linspace(0.0, height / np.tan(up), LOOKS)[:, None]
    x, y = points[:, 0] + reach * np.cos(side), points[:, 1] + reach * np.sin(side)
    sight = _lifted(plane, loss) + reach * np.tan(up) * (high - low) / height
    return np.asarray(np.any(surface(np.stack([y, x], axis=-1)) > sight, axis=0))


def best_side(plane: Plane, points: Sequence[Array], loss: Sequence[Array], elevation: float) -> float:
    """Return the azimuth (degrees) from which the largest share of each of several sets of points is seen."""
    lost = [
        sum(float(np.mean(hidden(plane, p, h, elevation, side))) for p, h in zip(points, loss, strict=True) if len(p))
        for side in SIDES
    ]
    return float(SIDES[int(np.argmin(lost))])


def _box(plane: Plane) -> tuple[float, float, float]:
    """Return the sides of the box, in units of theta."""
    wide, tall = float(np.ptp(plane.x)), float(np.ptp(plane.y))
    return wide, tall, HEIGHT * max(wide, tall)


def _cut(plane: Plane) -> Array:
    """Return the loss within the levels, (m, n)."""
    low, high = plane.levels[0], plane.levels[-1]
    return np.asarray(np.clip(np.nan_to_num(plane.loss, nan=high, posinf=high), low, high))


def _lifted(plane: Plane, loss: Array, share: float = 1.0) -> Array:
    """Return the loss within the levels and a little above the surface."""
    low, high = plane.levels[0], plane.levels[-1]
    return np.asarray(np.clip(loss, low, high) + share * LIFT * (high - low))
