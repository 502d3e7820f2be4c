"""Figure of a cloud on a saddle: its density along an unstable and a stable direction, time by time."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...landscapes.checks import whole as whole_number
from .densities import Binned, binned, histogram
from .interface import Choice, Parts, whole
from .style import REFERENCE_LOOKS, panel, styled

Array = npt.NDArray[np.float64]

PANELS = 4
BINS = 36
POINTS = 301
REACH = 3.6
"""Standard deviations to each side that bins and lines cover."""


class Options(NamedTuple):
    """The density at a saddle, time by time, along its most unstable and its most stable direction.

    Parameters
    ----------
    trajectories
        Number of trajectories N.
    seed
        Seed of the random streams, in [0, 2^64).
    first
        Steps of the first panel; the four are spaced evenly in their logarithm.
    steps
        Steps of the last panel.
    momentum
        Momentum at the start: rest or thermal.
    """

    trajectories: int = 20_000
    seed: int = 0
    first: int = 5
    steps: int = 40
    momentum: str = "rest"


QUICK = {"trajectories": 500}
PARTS = {
    "rule": Choice("sgd", {"lr": 0.05}),
    "landscape": Choice("saddle", {"curvatures": (-1.0, 2.0)}),
    "noise": Choice("hessian", {"batch_size": 1.0}),
}
STATEMENTS = ("theorem-1",)


class Data(NamedTuple):
    """What is drawn.

    Parameters
    ----------
    time_step
        Dynamical time of a step.
    steps
        Steps of the panels, (4,).
    curvatures
        Along the two directions, the unstable one first, (2,).
    histograms
        For each direction, at each of the steps, of the distance from the saddle along it.
    variances
        Rung -> its variance at each of the steps along the two directions, (4, 2).
    exact
        The rung whose law the histogram must agree with; "" where there is none.
    trajectories, diverged
        Trajectories that count, and those left out.
    """

    time_step: float
    steps: npt.NDArray[np.int64]
    curvatures: Array
    histograms: tuple[tuple[Binned, ...], ...]
    variances: dict[str, Array]
    exact: str
    trajectories: int
    diverged: int


def compute(options: Options, parts: Parts, report: Callable[[float, str], None] | None = None) -> Data:
    """Run the ensemble from the saddle, and compute the variances of the normal laws beside it."""
    from ...dynamics.saddle_spread import saddle_spread
    from ...theory.spread_references import spread_references

    first = whole_number("first", options.first, 1)
    steps = whole_number("steps", options.steps, 1)
    if steps < first + PANELS:
        raise ValueError(f"steps={steps} must be at least first + {PANELS} = {first + PANELS}: each panel has its time")
    if not len(parts.landscape.saddles()):
        raise ValueError(f"landscape={type(parts.landscape).__name__} must have a saddle: the cloud starts on it")
    at = np.unique(np.rint(np.geomspace(first, steps, PANELS)).astype(np.int64))
    point = np.asarray(parts.landscape.saddles()[0], dtype=np.float64)
    chosen = _directions(parts.landscape, point)
    if report:
        report(0.0, "simulating")
    spread = whole(
        saddle_spread(
            parts.landscape, parts.noise, parts.rule, steps=steps, trajectories=options.trajectories,
            seed=options.seed, record=at, momentum=options.momentum, keep_paths=True,  # type: ignore[arg-type]
        )
    )  # fmt: skip
    if report:
        report(0.8, "exact references")
    told = spread_references(parts.landscape, parts.noise, parts.rule, at, options.momentum)  # type: ignore[arg-type]
    known = {name: value[:, chosen] for name, value in told.variances().items() if value is not None}
    kept = spread.paths[np.all(np.isfinite(spread.paths), axis=(1, 2))] - point
    histograms = []
    for i in chosen:
        along = kept @ spread.directions[:, i]
        widths = np.std(along, axis=0)
        histograms.append(
            tuple(
                binned(along[:, r], np.linspace(-REACH * width, REACH * width, BINS + 1))
                for r, width in enumerate(widths)
            )
        )
    exact = "exact_discrete" if spread.gaussian and "exact_discrete" in known else ""
    return Data(
        spread.time_step, at, spread.curvatures[chosen], tuple(histograms), known, exact, spread.trajectories,
        spread.diverged,
    )  # fmt: skip


def draw(data: Data) -> Figure:
    """Draw a row of panels for each direction, a column for each time."""
    with styled(13.0, 6.8) as figure:
        panels = figure.subplots(2, len(data.steps), sharex="row", squeeze=False)
        for k, row in enumerate(panels):
            name = "unstable" if data.curvatures[k] < 0.0 else "stable"
            for r, axes in enumerate(row):
                counted = data.histograms[k][r]
                histogram(counted, ax=axes)
                for rung in _drawn(data):
                    normal_law(float(data.variances[rung][r, k]), ax=axes, rung=rung)
                axes.set_ylim(0.0, 1.12 * max(float(counted.interval()[1].max()), *_heights(data, r, k)))
                axes.locator_params(axis="y", nbins=4)
                axes.locator_params(axis="x", nbins=5)
                axes.set_xlabel(f"distance θ along H = {data.curvatures[k]:.4g}")
                time = f"t = {data.steps[r] * data.time_step:.3g}"
                axes.set_title(f"{name}, {time}" if r == 0 else time, loc="left")
            widest = max(float(each.edges[-1]) for each in data.histograms[k])
            row[0].set_xlim(-1.08 * widest, 1.08 * widest)
        figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
        return figure


def normal_law(
    variance: float, *, ax: Axes | None = None, rung: str = "exact_diffusion", label: str | None = None
) -> Axes:
    """Draw the normal density of a variance about 0: what a linear process that starts on a saddle has at any time.

    Parameters
    ----------
    variance
        Of the position, as ``spread_references`` gives it for a direction and a time.
    ax
        Where to draw; new axes if left out.
    rung
        Which reference it is of, for its look: exact_discrete, exact_diffusion, closed_form or corrected.
    label
        In a legend; default the rung's own.

    Returns
    -------
    Axes
        The axes, with labels for a legend.
    """
    axes = panel(ax)
    look = REFERENCE_LOOKS[rung]
    width = float(np.sqrt(variance))
    x = np.linspace(-REACH * width, REACH * width, POINTS)
    said = f"normal law: {look.label}" if label is None else label
    axes.plot(x, _normal(x, variance), label=said, **look.line)
    return axes


def caption(data: Data) -> str:
    """Return what the figure shows, with its numbers."""
    first, last = (f"{int(step) * data.time_step:.3g}" for step in data.steps[[0, -1]])
    grown, settled = _widened(data)
    text = (
        f"{data.trajectories:,} trajectories start on the saddle. From t = {first} to t = {last} the cloud becomes "
        f"{grown:.3g} times as wide along the curvature {data.curvatures[0]:.4g} and {settled:.3g} times along "
        f"{data.curvatures[1]:.4g}. Bars: histogram, with the 95 % Clopper–Pearson interval of every bin; lines: "
        "normal laws of the variances that each reference gives."
    )
    if not data.exact:
        return f"{text} No law is exact here: the lines are normal laws of approximate variances."
    held, number = _held(data)
    return f"{text} Of {number} intervals {held} hold what the iteration's own law gives the bin."


def alt(data: Data) -> str:
    """Return what the figure looks like."""
    grown, settled = _widened(data)
    return (
        f"Two rows of {len(data.steps)} bell-shaped histograms in time. In the upper row, along the unstable "
        f"direction, the bell becomes {grown:.3g} times as wide, and lower; in the lower row, along the stable "
        f"direction, {settled:.3g} times. Lines of normal laws lie over the bars."
    )


def _widened(data: Data) -> tuple[float, float]:
    """Return how many times as wide as at first the cloud is at last, along both directions."""
    unstable, stable = (float(row[-1].edges[-1] / row[0].edges[-1]) for row in data.histograms)
    return unstable, stable


def _directions(landscape: Any, point: Array) -> list[int]:
    """Return the directions of the lowest curvature, which must lie below 0, and of the highest, above 0."""
    from ...landscapes.eigen_directions import eigen_directions

    curvatures, _ = eigen_directions(landscape, point)
    lowest, highest = int(np.argmin(curvatures)), int(np.argmax(curvatures))
    for i, holds, sign in ((lowest, curvatures[lowest] < 0.0, "below"), (highest, curvatures[highest] > 0.0, "above")):
        if not holds:
            raise ValueError(
                f"curvatures={np.asarray(curvatures).tolist()} must have one {sign} 0: the figure shows an unstable "
                f"and a stable direction, and the nearest is {curvatures[i]:.4g}"
            )
    return [lowest, highest]


def _drawn(data: Data) -> list[str]:
    """Return the rungs that are drawn: what is exact, and only where nothing is, a closed form."""
    exact, approximate = ("exact_discrete", "exact_diffusion"), ("closed_form", "corrected")
    return [rung for rung in (exact if exact[0] in data.variances else approximate) if rung in data.variances]


def _heights(data: Data, r: int, k: int) -> list[float]:
    return [float(_normal(np.zeros(1), data.variances[rung][r, k])[0]) for rung in _drawn(data)] or [0.0]


def _normal(x: Array, variance: float) -> Array:
    return np.asarray(np.exp(-0.5 * x * x / variance) / np.sqrt(2.0 * np.pi * variance))


def _held(data: Data) -> tuple[int, int]:
    """Return in how many bins the interval holds the probability of the iteration's exact law, and of how many."""
    from scipy.special import ndtr

    held = number = 0
    for k, row in enumerate(data.histograms):
        for r, counted in enumerate(row):
            law = ndtr(counted.edges / np.sqrt(data.variances[data.exact][r, k]))
            held += counted.holds(np.diff(law))
            number += len(counted.counts)
    return held, number
