"""Figure of what a saddle is: its eigen-directions, the loss along each, and an ensemble that leaves along one."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...landscapes.checks import whole as whole_number
from ...landscapes.eigen_directions import eigen_directions
from .escape_path import rule_word
from .interface import Choice, Parts, whole
from .plane import SADDLE, Extent, Plane, check_plane, contours, plane_of, values
from .style import GREY, INK, PAPER, RULE_LOOKS, panel, styled

POINTS = 121
MOMENTS = 3
"""Times at which the cloud is drawn."""
MOST_DOTS = 150
LINES = 12
"""Trajectories of which the whole path is drawn."""
PATH_POINTS = 200
MIDDLE = "#c8c8c8"
"""Of the cloud between the first and the last."""
DOWN, UP = INK, GREY
"""Of the unstable and of the stable direction."""
HALO = [patheffects.Stroke(linewidth=4.0, foreground=PAPER), patheffects.Normal()]


class Options(NamedTuple):
    """What a saddle is: down along one direction, up along the other, and who leaves it how.

    Parameters
    ----------
    trajectories
        Number of trajectories N.
    steps
        Steps T.
    seed
        Seed of the random streams, in [0, 2^64).
    """

    trajectories: int = 1000
    steps: int = 240
    seed: int = 0


QUICK = {"trajectories": 50, "steps": 100}
PARTS = {
    "rule": Choice("sgd", {"lr": 0.01}),
    "landscape": Choice("saddle", {"curvatures": (-1.0, 3.0), "rotation": ((0.8, -0.6), (0.6, 0.8))}),
    "noise": Choice("hessian", {"batch_size": 1.0}),
}
STATEMENTS = ("theorem-1",)


class Data(NamedTuple):
    """What is drawn.

    Parameters
    ----------
    plane
        The landscape.
    saddle
        The saddle, (2,).
    curvatures, directions
        Its curvatures, rising (2,), and eigen-directions, in columns, (2, 2).
    along, sections
        Distances from the saddle, (n,), and the loss there along each direction above the saddle's, (2, n).
    moments
        Dynamical times at which the cloud is drawn, (M,).
    clouds
        theta then, (K, M, 2).
    paths
        Whole paths of a few trajectories, (J, R, 2).
    variance, exact
        Variance along each direction at the moments, measured and by the exact iteration, (M, 2); the second is empty
        where none is known.
    trajectories
        N.
    rule
        Name of the rule; "" where it has none on the command line.
    """

    plane: Plane
    saddle: npt.NDArray[np.float64]
    curvatures: npt.NDArray[np.float64]
    directions: npt.NDArray[np.float64]
    along: npt.NDArray[np.float64]
    sections: npt.NDArray[np.float64]
    moments: npt.NDArray[np.float64]
    clouds: npt.NDArray[np.float64]
    paths: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]
    exact: npt.NDArray[np.float64]
    trajectories: int
    rule: str


def compute(options: Options, parts: Parts, report: Callable[[float, str], None] | None = None) -> Data:
    """Run the ensemble from the saddle."""
    from ...dynamics.saddle_spread import saddle_spread
    from ...theory.spread_references import spread_references

    landscape = parts.landscape
    check_plane(landscape)
    saddles = landscape.saddles()
    if not len(saddles):
        raise ValueError("the landscape has no saddle")
    saddle = np.asarray(saddles[0], dtype=np.float64)
    curvatures, directions = eigen_directions(landscape, saddle)
    if not curvatures[0] < 0.0 < curvatures[1]:
        raise ValueError(
            f"curvatures={curvatures[0]:g},{curvatures[1]:g} must be one below 0 and one above: that is a saddle"
        )
    steps = whole_number("steps", options.steps, MOMENTS)
    number = whole_number("trajectories", options.trajectories, 2)
    shown = np.unique(np.rint(steps * np.array([0.08, 0.4, 1.0])).astype(np.int64))
    shown = shown[shown > 0]
    lines = np.unique(np.linspace(0, steps, PATH_POINTS).astype(np.int64))
    record = np.union1d(shown, lines)
    if report:
        report(0.0, "simulating")
    spread = whole(
        saddle_spread(
            landscape, parts.noise, parts.rule, steps=steps, trajectories=number, seed=options.seed, record=record,
            origin=saddle, keep_paths=True,
        )
    )  # fmt: skip
    paths = np.asarray(spread.paths)
    paths = np.where(np.abs(paths) < 1e6, paths, np.nan)
    at, on = np.searchsorted(record, shown), np.searchsorted(record, lines)
    known = spread_references(landscape, parts.noise, parts.rule, shown, origin=saddle).variances()["exact_discrete"]
    away = np.abs(paths[:, at[-1]] - saddle).max(axis=1)
    reach = 1.1 * float(np.nanpercentile(away, 99.0))
    x, y = saddle
    plane = plane_of(landscape, (x - reach, x + reach, y - reach, y + reach))
    along = np.linspace(-reach, reach, POINTS)
    base = values(landscape, saddle[:, None])[0]
    return Data(
        plane=plane,
        saddle=saddle,
        curvatures=curvatures,
        directions=directions,
        along=along,
        sections=np.array([values(landscape, saddle[:, None] + np.outer(e, along)) - base for e in directions.T]),
        moments=shown * spread.time_step,
        clouds=paths[:MOST_DOTS, at],
        paths=paths[:LINES, on],
        variance=spread.variance[at],
        exact=np.zeros((0, 2)) if known is None else np.asarray(known, dtype=np.float64),
        trajectories=number,
        rule=rule_word(parts.rule),
    )


def draw(data: Data) -> Figure:
    """Draw the directions on the landscape, the loss along them, and the ensemble."""
    with styled(13.0, 5.0) as figure:
        left, middle, right = figure.subplots(1, 3)
        eigen_arrows(data.plane, data.saddle, data.curvatures, data.directions, ax=left)
        cross_sections(data.along, data.sections, data.curvatures, ax=middle)
        contours(data.plane, ax=right, marked=False)
        look = RULE_LOOKS.get(data.rule)
        colour = look.colour if look else INK
        for path in data.paths:
            right.plot(*path.T, color=colour, linewidth=0.9, alpha=0.6, zorder=2)
        how = (("s", 0.9, PAPER), ("^", 0.9, MIDDLE), ("o", 0.75, colour))
        for k, (mark, alpha, fill) in list(enumerate(how[-len(data.moments) :]))[::-1]:
            right.plot(*data.clouds[:, k].T, mark, color=fill, alpha=alpha, markersize=3.6, markeredgecolor=INK,
                       markeredgewidth=0.4, zorder=4 + 0.1 * (MOMENTS - k), rasterized=True)  # fmt: skip
            right.plot([], [], mark, color=fill, markersize=7, markeredgecolor=INK, markeredgewidth=0.8,
                       label=f"t = {data.moments[k]:.3g}")  # fmt: skip
        for axes in (left, right):
            axes.set_aspect("equal")
        left.set_title("two directions, two curvatures", loc="left")
        middle.set_title("the loss along each", loc="left")
        right.set_title(f"{look.label if look else 'an ensemble'} leaves along one", loc="left")
        handles, labels = right.get_legend_handles_labels()
        lines, names = middle.get_legend_handles_labels()
        figure.legend(lines + handles[::-1], names + labels[::-1], loc="outside lower center", ncols=5)
        return figure


def caption(data: Data) -> str:
    """Return what the figure shows, with its numbers."""
    low, high = data.curvatures
    name = RULE_LOOKS[data.rule].label if data.rule in RULE_LOOKS else "the rule"
    said = (
        f"A saddle: the gradient vanishes, the curvature is {low:.4g} along one eigen-direction and {high:.4g} along "
        f"the other. {data.trajectories:,} trajectories of {name} start on it; after t = {data.moments[-1]:.3g} their "
        f"variance is {data.variance[-1, 0]:.3g} along the unstable direction and {data.variance[-1, 1]:.3g} along the "
        "stable one"
    )
    if len(data.exact):
        said += f" (exact for this iteration: {data.exact[-1, 0]:.3g} and {data.exact[-1, 1]:.3g})"
    ratio = data.variance[-1, 0] / data.variance[0, 0]
    return said + f"; since t = {data.moments[0]:.3g} the first has grown {ratio:.3g} times."


def alt(data: Data) -> str:
    """Return what the figure looks like."""
    return (
        "Three panels. Left, contours around a saddle with two arrows at right angles, labelled with their curvatures. "
        "Middle, the loss along them: one parabola opens downwards, one upwards. Right, on the same contours, "
        f"{len(data.moments)} clouds of points that stretch with time along the downhill direction, with jagged paths."
    )


def eigen_arrows(
    landscape: Any, point: npt.ArrayLike, curvatures: npt.ArrayLike, directions: npt.ArrayLike, *,
    ax: Axes | None = None, extent: Extent | None = None,
) -> Axes:  # fmt: skip
    """Draw a landscape around a saddle with its eigen-directions, each with its curvature.

    Parameters
    ----------
    landscape
        A landscape of two coordinates, or its Plane.
    point
        The saddle, (2,).
    curvatures, directions
        Eigenvalues (2,) and eigenvectors, in columns (2, 2), of the Hessian there, as a SaddleSpread has them.
    ax
        Where to draw; new axes if left out.
    extent
        Left, right, bottom, top; default what holds its minima and saddles.

    Returns
    -------
    Axes
        The axes, both of one scale.
    """
    axes = contours(landscape, ax=ax, extent=extent, marked=False)
    centre = np.asarray(point, dtype=np.float64)
    bounds = np.array([axes.get_xlim(), axes.get_ylim()])
    length = 0.27 * float(np.min(bounds[:, 1] - bounds[:, 0]))
    for k, (h, e) in enumerate(zip(np.asarray(curvatures), np.asarray(directions).T, strict=True)):
        colour = DOWN if h < 0.0 else UP
        for side in (-1.0, 1.0):
            # Downhill arrows point away, uphill ones back to the saddle: as the gradient pushes.
            ends = [centre, centre + side * length * e]
            tail, tip = ends if h < 0.0 else ends[::-1]
            arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": 2.6, "shrinkA": 4 if h < 0.0 else 0,
                     "shrinkB": 0 if h < 0.0 else 7, "mutation_scale": 18}  # fmt: skip
            axes.annotate("", tip, tail, arrowprops=arrow, zorder=5)
        upwards = e if e[1] >= 0.0 else -e
        axes.annotate(f"{'unstable' if h < 0.0 else 'stable'}\n{_signed(h)}", centre + 1.08 * length * upwards,
                      ha="center", va="bottom", color=INK, fontweight="bold",
                      linespacing=1.1, path_effects=HALO, zorder=7 + k)  # fmt: skip
    axes.plot(*centre, **SADDLE, zorder=6)
    axes.set_aspect("equal")
    return axes


def cross_sections(
    along: npt.ArrayLike, sections: npt.ArrayLike, curvatures: npt.ArrayLike, *, ax: Axes | None = None
) -> Axes:
    """Draw the loss along each eigen-direction of a saddle.

    Parameters
    ----------
    along
        Distances from the saddle, (n,).
    sections
        Loss there above the saddle's, one direction a row, (2, n).
    curvatures
        Of the directions, (2,).
    ax
        Where to draw; new axes if left out.

    Returns
    -------
    Axes
        The axes, with labels for a legend.
    """
    axes = panel(ax)
    for h, loss in zip(np.asarray(curvatures), np.asarray(sections), strict=True):
        dashes: Any = (0, (6, 2)) if h < 0.0 else "-"
        axes.plot(along, loss, color=DOWN if h < 0.0 else UP, linestyle=dashes, linewidth=2.6,
                  label=f"{'unstable' if h < 0.0 else 'stable'}, curvature {_signed(h)}")  # fmt: skip
    axes.axhline(0.0, color=GREY, linewidth=1.0, zorder=1)
    axes.plot(0.0, 0.0, **SADDLE, zorder=6)
    axes.set_xlabel("distance from the saddle (θ)")
    axes.set_ylabel("loss above the saddle's")
    return axes


def _signed(curvature: float) -> str:
    """Return a number with a proper minus sign."""
    return f"{curvature:.3g}".replace("-", "−")
