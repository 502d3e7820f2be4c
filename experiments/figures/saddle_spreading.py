"""Figure of a spreading ensemble: variance along each direction, beside every reference, and the ellipses of the cloud.

The panels draw any ``SaddleSpread``; the figure of ``saddlescape saddle`` is made of two of them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ...dynamics.estimates import variance_interval
from ...dynamics.saddle_spread import SaddleSpread
from ...theory.spread_references import SpreadReferences
from ..table import chosen_directions
from .interface import Choice, Parts, whole
from .style import GREY, INK, REFERENCE_LOOKS, SIMULATED, Look, panel, styled

Array = npt.NDArray[np.float64]

MOST_DECADES = 10
"""An unstable direction that grows beyond leaves the frame, so that the others stay legible."""
WIDEST_RATIO = 3.0
"""The ratio panel shows at most a factor of this, up and down."""
APART = 0.025
"""Relative distance in time between the marks of two directions, which would hide one another."""
EXACT = ("exact_discrete", "exact_diffusion", "corrected", "closed_form")
"""Rungs, the best first."""
CLOUD = 700
"""Trajectories that are drawn as dots."""
MARKED, POINTS = 17, 181
"""Angles of an ellipse at which it is marked, and drawn; the first is the last."""
ELLIPSES = 4
MARKS = "osD^vP"
ROUNDING = 1e-12
"""Share of the largest variance below which another is none: a direction without curvature has no noise by Eq. 3."""
SHADES: Any = colormaps["cividis"]


class Options(NamedTuple):
    """How a cloud spreads from a saddle, direction by direction, beside every reference.

    Parameters
    ----------
    trajectories
        Number of trajectories N.
    seed
        Seed of the random streams, in [0, 2^64).
    steps
        Number of steps T.
    momentum
        Momentum at the start: rest, or thermal, which Theorem 2 means.
    """

    trajectories: int = 20_000
    seed: int = 0
    steps: int = 150
    momentum: str = "thermal"


QUICK = {"trajectories": 500}
PARTS = {
    "rule": Choice("momentum", {"lr": 0.01, "beta1": 0.9, "beta3": 0.1}),
    "landscape": Choice("saddle", {"curvatures": (-1.0, -0.1, 0.5)}),
    "noise": Choice("hessian", {"batch_size": 1.0}),
}
STATEMENTS = ("theorem-1", "theorem-2", "proposition-1", "proposition-3")


class Data(NamedTuple):
    """What is drawn.

    Parameters
    ----------
    spread
        Moments of the ensemble, without the paths.
    references
        The predictions.
    plane
        The two directions of the ellipses, places in the curvatures.
    ellipses
        Records of the ellipses.
    cloud
        Distance from the mean along the two directions, at the last record, of some trajectories, (n, 2).
    """

    spread: SaddleSpread
    references: SpreadReferences
    plane: tuple[int, int]
    ellipses: tuple[int, ...]
    cloud: Array


def compute(options: Options, parts: Parts, report: Callable[[float, str], None] | None = None) -> Data:
    """Run the ensemble, and compute the predictions."""
    from ...dynamics.saddle_spread import saddle_spread
    from ...theory.spread_references import spread_references

    if parts.landscape.dimension < 2:
        raise ValueError(f"dimension={parts.landscape.dimension} must be at least 2: an ellipse lies in a plane")
    if report:
        report(0.0, "simulating")
    spread = whole(
        saddle_spread(
            parts.landscape, parts.noise, parts.rule, steps=options.steps, trajectories=options.trajectories,
            seed=options.seed, momentum=options.momentum, keep_paths=True,  # type: ignore[arg-type]
        )
    )  # fmt: skip
    if report:
        report(0.8, "exact references")
    told = spread_references(
        parts.landscape, parts.noise, parts.rule, spread.steps, options.momentum  # type: ignore[arg-type]
    )  # fmt: skip
    order = np.argsort(spread.curvatures, kind="stable")
    plane = int(order[0]), int(order[-1])
    last = (spread.paths[:CLOUD, -1] - spread.mean[-1]) @ spread.directions[:, plane]
    last = last[np.all(np.isfinite(last), axis=1)]
    return Data(spread._replace(paths=None, seconds=0.0), told, plane, _spaced(spread.steps), last)


def draw(data: Data) -> Figure:
    """Draw variances, below them their ratio to the best reference, and beside them the ellipses."""
    with styled(12.6, 8.2) as figure:
        grid = figure.add_gridspec(2, 2, width_ratios=(1.0, 1.0), height_ratios=(1.15, 1.0))
        upper, lower = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0])
        right = figure.add_subplot(grid[:, 1])
        variances(data.spread, ax=upper, references=data.references)
        variance_ratios(data.spread, data.references, ax=lower)
        lower.sharex(upper)
        ellipses(data.spread, ax=right, references=data.references, directions=data.plane, records=data.ellipses,
                 cloud=data.cloud)  # fmt: skip
        upper.set_title(upper.get_title(loc="left") or "variance along each direction", loc="left")
        times = ", ".join(f"{data.spread.time[r]:.3g}" for r in data.ellipses)
        right.set_title(f"two standard deviations at t = {times}\nand the cloud at the last", loc="left")
        handles = spreading_legend(data.spread, list(predictions(data.references)), 4)
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles) // 4)
        return figure


def variances(
    spread: SaddleSpread, *, ax: Axes | None = None, references: Any = None, directions: Sequence[int] | None = None
) -> Axes:
    """Draw the variance along each eigen-direction against time, with 95 % bands, and every reference beside it.

    Parameters
    ----------
    spread
        What ``saddle_spread`` returned.
    ax
        Where to draw; new axes if left out.
    references
        What ``spread_references`` returned for the same steps, or rung -> variances, (R, d).
    directions
        Which, places in ``spread.curvatures``; default at most six from the lowest curvature to the highest.

    Returns
    -------
    Axes
        The axes; ``direction_looks`` says which mark is which direction.
    """
    axes = panel(ax)
    shown = chosen_directions(spread.curvatures) if directions is None else list(directions)
    after = spread.steps > 0
    low, high = (edge[after] for edge in spread.interval(0.95))
    time, variance = spread.time[after], spread.variance[after]
    known = predictions(references)
    for look, i in zip(direction_looks(spread.curvatures[shown]), shown, strict=True):
        axes.fill_between(time, low[:, i], high[:, i], color=look.colour, alpha=0.3, linewidth=0)
        axes.plot(time, variance[:, i], markersize=6, markeredgecolor=INK, markeredgewidth=0.6, zorder=3, **look.points)
        for name, values in known.items():
            axes.plot(time, values[after, i], **REFERENCE_LOOKS[name].line)
    axes.set_xscale("log")
    positive = low[:, shown][low[:, shown] > 0.0]
    if len(positive):
        axes.set_yscale("log")
        bottom, top = 0.6 * float(positive.min()), 1.6 * float(high[:, shown].max())
        axes.set_ylim(bottom, min(top, bottom * 10.0**MOST_DECADES))
        if top > bottom * 10.0**MOST_DECADES:
            axes.set_title(f"variance (goes on to {variance.max():.1e})", loc="left")
    axes.set_xlabel(f"dynamical time t = steps × {spread.time_step:g}")
    axes.set_ylabel("variance ⟨Δθ²⟩ (θ²)")
    axes.grid(visible=True)
    return axes


def variance_ratios(
    spread: SaddleSpread, references: Any, *, ax: Axes | None = None, against: str | None = None,
    directions: Sequence[int] | None = None,
) -> Axes:  # fmt: skip
    """Draw variances and references divided by one reference, with the band of what chance alone does to the ratio.

    Parameters
    ----------
    spread, ax, directions
        As in ``variances``.
    references
        As in ``variances``.
    against
        The rung to divide by; default the best there is: exact_discrete, exact_diffusion, corrected, closed_form.

    Returns
    -------
    Axes
        The axes. A line of a reference ends in the hollow mark of its direction.

    Raises
    ------
    ValueError
        Where there is no reference, or not this one.
    """
    known = predictions(references)
    best = best_rung(known) if against is None else against
    if best not in known:
        raise ValueError(f"against={against!r} must be one of the references that have a value: {list(known)}")
    axes = panel(ax)
    shown = chosen_directions(spread.curvatures) if directions is None else list(directions)
    after = spread.steps > 0
    time, exact = spread.time[after], known[best][after]
    exact = np.where(_moving(exact), exact, np.nan)
    low, high = (edge[after] for edge in spread.interval(0.95))
    lowest, highest = 1.0, 1.0
    looks = direction_looks(spread.curvatures[shown])
    lines: list[tuple[Line2D, Array]] = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for k, (look, i) in enumerate(zip(looks, shown, strict=True)):
            ratio = spread.variance[after, i] / exact[:, i]
            error = np.abs(np.array([low[:, i], high[:, i]]) / exact[:, i] - ratio)
            place = time * (1.0 + APART * (k - 0.5 * (len(shown) - 1)))
            axes.errorbar(place, ratio, None if spread.gaussian else error, markersize=6, markeredgecolor=INK,
                          markeredgewidth=0.6, ecolor=look.colour, linewidth=1.2, zorder=3, **look.points)  # fmt: skip
            lowest, highest = np.nanmin([lowest, *(ratio - error[0])]), np.nanmax([highest, *(ratio + error[1])])
            for name, values in known.items():
                line = values[after, i] / exact[:, i]
                (drawn,) = axes.plot(time, line, **REFERENCE_LOOKS[name].line)
                if name != best:
                    drawn.set(marker=look.mark, markersize=7, markerfacecolor="none", markeredgewidth=1.6)
                    lines.append((drawn, line))
                lowest, highest = np.nanmin([lowest, *line]), np.nanmax([highest, *line])
    if spread.gaussian:
        below, above = variance_interval(np.ones(2), spread.trajectories, 0.95)
        # What a simulated ratio does when the reference holds: the mirror image of the interval.
        axes.fill_between(time[[0, -1]], 1.0 / above, 1.0 / below, color=INK, alpha=0.12, linewidth=0)
    lowest, highest = max(lowest, 1.0 / WIDEST_RATIO), min(highest, WIDEST_RATIO)
    margin = 0.05 * (highest - lowest) + 1e-3
    axes.set_ylim(lowest - margin, highest + margin)
    for drawn, line in lines:
        inside = np.flatnonzero((line >= lowest - margin) & (line <= highest + margin))
        drawn.set_markevery([int(inside[-1])] if len(inside) else [])
    axes.set_xscale("log")
    axes.set_title(f"divided by: {REFERENCE_LOOKS[best].label}", loc="left")
    axes.set_xlabel(f"dynamical time t = steps × {spread.time_step:g}")
    axes.set_ylabel("ratio of variances")
    axes.grid(visible=True)
    return axes


def ellipses(
    spread: SaddleSpread, *, ax: Axes | None = None, references: Any = None,
    directions: tuple[int, int] | None = None, records: Sequence[int] | None = None, cloud: npt.ArrayLike | None = None,
) -> Axes:  # fmt: skip
    """Draw how the cloud grows in the plane of two eigen-directions: ellipses of two standard deviations, and dots.

    Marks lie on the ellipses of the measured covariance, lines are those of the references.

    Parameters
    ----------
    spread
        What ``saddle_spread`` returned; with its paths, the cloud at the last of the records is drawn.
    ax
        Where to draw; new axes if left out.
    references
        As in ``variances``; what ``spread_references`` returned knows the covariance of the two directions too.
    directions
        Places in ``spread.curvatures``; default the lowest curvature and the highest.
    records
        Places in ``spread.steps``; default four.
    cloud
        Distances from the mean along the two directions in place of the paths, (n, 2).

    Returns
    -------
    Axes
        The axes, with labels for a legend.
    """
    axes = panel(ax)
    order = np.argsort(spread.curvatures, kind="stable")
    plane = (int(order[0]), int(order[-1])) if directions is None else (int(directions[0]), int(directions[1]))
    at = list(_spaced(spread.steps) if records is None else records)
    basis = spread.directions[:, plane]
    if cloud is None and spread.paths is not None:
        cloud = (spread.paths[:CLOUD, at[-1]] - spread.mean[at[-1]]) @ basis
    if cloud is not None:
        x, y = np.asarray(cloud, dtype=np.float64).T
        axes.plot(x, y, ".", color=GREY, alpha=0.45, markersize=4, markeredgewidth=0,
                  label=f"{len(x)} of the trajectories", zorder=1)  # fmt: skip
    known = _plane_covariances(references, spread, plane)
    for k, r in enumerate(at):
        measured = basis.T @ spread.covariance[r] @ basis
        axes.plot(*_ellipse(measured, MARKED)[:, :-1], markersize=4.5, zorder=4,
                  label=None if k else "measured covariance", **SIMULATED.points)  # fmt: skip
        for name, covariance in known.items():
            look = REFERENCE_LOOKS[name]
            axes.plot(*_ellipse(covariance[r], POINTS), zorder=3, label=None if k else look.label, **look.line)
    axes.set_xlabel(f"distance from the mean along curvature {spread.curvatures[plane[0]]:.4g} (θ)")
    axes.set_ylabel(f"distance from the mean along curvature {spread.curvatures[plane[1]]:.4g} (θ)")
    axes.grid(visible=True)
    return axes


def direction_looks(curvatures: npt.ArrayLike) -> list[Look]:
    """Return how each direction is drawn: from dark for the lowest curvature to light for the highest, and its mark."""
    h = np.asarray(curvatures, dtype=np.float64)
    place = np.argsort(np.argsort(h, kind="stable"), kind="stable")
    shade = np.linspace(0.05, 0.95, len(h)) if len(h) > 1 else np.zeros(1)
    return [
        Look(
            to_hex(SHADES(float(shade[k]))),
            "-",
            MARKS[k % len(MARKS)],
            2.0,
            f"curvature {h[i]:.4g}",
        )
        for i, k in enumerate(place)
    ]


def spreading_legend(spread: SaddleSpread, names: Sequence[str], rows: int) -> list[Any]:
    """Return columns of so many handles: what is measured, the references, the directions."""
    shown = chosen_directions(spread.curvatures)
    groups: list[list[Any]] = [
        [
            Line2D([], [], marker="o", linestyle="none", color=INK, label=f"simulated, N = {spread.trajectories:,}"),
            Patch(facecolor=INK, alpha=0.25, label=f"95 %, {'chi-square' if spread.gaussian else 'by 4th moments'}"),
        ],
        [Line2D([], [], label=REFERENCE_LOOKS[name].label, **REFERENCE_LOOKS[name].line) for name in names],
        [Line2D([], [], markersize=8, markeredgecolor=INK, markeredgewidth=0.6, label=look.label, **look.points)
         for look in direction_looks(spread.curvatures[shown])],
    ]  # fmt: skip
    if len(shown) < len(spread.curvatures):
        groups[2].append(_blank(f"{len(shown)} of {len(spread.curvatures)} directions"))
    return [each for group in groups for each in group + [_blank(" ")] * (-len(group) % rows)]


def predictions(references: Any) -> dict[str, Array]:
    """Return the variances of each rung that has some, (R, d), of SpreadReferences, of arrays, or of Predictions."""
    given = {} if references is None else references.variances() if hasattr(references, "variances") else references
    values = {name: getattr(each, "value", each) for name, each in dict(given).items()}
    return {name: np.asarray(value, dtype=np.float64) for name, value in values.items() if value is not None}


def best_rung(known: Mapping[str, Any]) -> str | None:
    """Return the best rung that has a value: the iteration itself where it is known."""
    return next((name for name in EXACT if name in known), None)


def caption(data: Data) -> str:
    """Return what the figure shows, with its numbers."""
    spread = data.spread
    grown = np.sqrt(spread.variance[-1])
    told = ", ".join(
        f"{grown[i]:.3g} along curvature {spread.curvatures[i]:.4g}" for i in chosen_directions(spread.curvatures)
    )
    text = (
        f"{spread.trajectories:,} trajectories start on the saddle; after {spread.steps[-1]:,} steps "
        f"(t = {spread.time[-1]:.3g}) their standard deviation is {told}. Left: variances with their 95 % bands, and "
        "their ratio to the best reference; right: the cloud and its ellipses."
    )
    known = predictions(data.references)
    best = best_rung(known)
    if best is None:
        return text
    low, high = spread.interval(0.95)
    moves = _moving(known[best])
    if best == "exact_discrete" and spread.gaussian:
        inside = int(np.count_nonzero((low <= known[best]) & (known[best] <= high) & moves))
        text += f" Of {np.count_nonzero(moves)} intervals {inside} hold what is exact for the iteration."
    if "closed_form" in known and best != "closed_form":
        ratio = known["closed_form"][moves] / known[best][moves]
        text += f" The closed form as printed is between {ratio.min():.3g} and {ratio.max():.3g} times the best one."
    return text


def alt(data: Data) -> str:
    """Return what the figure looks like."""
    number = len(chosen_directions(data.spread.curvatures))
    return (
        f"Three panels. Upper left, on logarithmic axes, {number} rising rows of marks, one for each direction, with "
        "reference lines. Lower left, the same as ratios close to 1. Right, "
        f"a cloud of dots with {len(data.ellipses)} nested ellipses, which grow longer along the unstable direction."
    )


def _moving(variance: Array) -> npt.NDArray[np.bool_]:
    """Return where a variance, (R, d), is more than the rounding of another direction's."""
    return np.asarray(variance > ROUNDING * variance.max(axis=1, keepdims=True))


def _spaced(steps: npt.NDArray[np.int64]) -> tuple[int, ...]:
    """Return records from the last down to a tenth of its time, their time a constant factor apart."""
    wanted = float(steps[-1]) * np.geomspace(0.1, 1.0, ELLIPSES)
    return tuple(int(r) for r in np.unique([int(np.argmin(np.abs(steps - each))) for each in wanted]))


def _plane_covariances(references: Any, spread: SaddleSpread, plane: tuple[int, int]) -> dict[str, Array]:
    """Return the covariance of each rung in a plane, (R, 2, 2); without one between the two where it knows none."""
    basis = spread.directions[:, plane]
    out = {}
    for name, values in predictions(references).items():
        full = getattr(references, name, None)
        if full is not None and np.ndim(full) == 3:
            out[name] = np.einsum("ki,rkl,lj->rij", basis, full, basis)
        else:
            out[name] = values[:, plane, None] * np.eye(2)
    return out


def _ellipse(covariance: Array, points: int) -> Array:
    """Return points of the ellipse of two standard deviations, (2, points), the last where the first is."""
    values, vectors = np.linalg.eigh(covariance)
    angle = np.linspace(0.0, 2.0 * np.pi, points)
    circle = np.array([np.cos(angle), np.sin(angle)])
    return np.asarray(2.0 * (vectors * np.sqrt(np.maximum(values, 0.0))) @ circle)


def _blank(label: str) -> Line2D:
    return Line2D([], [], linestyle="none", label=label)
