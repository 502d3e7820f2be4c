"""Figure of a cloud in a double well: its density from the first spreading until both wells are filled."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...dynamics.estimates import share_interval
from ...landscapes.checks import whole as whole_number
from .densities import Binned, binned, histogram
from .interface import Choice, Parts, whole
from .style import GREY, REFERENCE_LOOKS, SIMULATED, panel, styled

Array = npt.NDArray[np.float64]

PANELS = 6
OCCUPANCY_TIMES = 24
BINS = 44
POINTS = 400
"""Points of a theoretical density that are drawn."""
DIFFUSION = REFERENCE_LOOKS["exact_diffusion"]


class Options(NamedTuple):
    """The density in a double well, from the first spreading until both wells are filled.

    Parameters
    ----------
    trajectories
        Number of trajectories N.
    seed
        Seed of the random streams, in [0, 2^64).
    first
        Steps of the first panel; the six are spaced evenly in their logarithm.
    steps
        Steps of the last panel.
    """

    trajectories: int = 20_000
    seed: int = 0
    first: int = 5
    steps: int = 4000


QUICK = {"trajectories": 500, "steps": 500}
PARTS = {
    "rule": Choice("sgd", {"lr": 0.05}),
    "landscape": Choice("quartic", {"barrier": 0.25}),
    "noise": Choice("isotropic", {"variance": 4.0}),
}
STATEMENTS = ("theorem-3",)


class Data(NamedTuple):
    """What is drawn.

    Parameters
    ----------
    time_step
        Dynamical time of a step.
    shown
        Steps of the panels, (6,).
    histograms
        Of the trajectories that stayed finite, at each of them.
    places
        Where the densities are given, (P,); none where there is no density.
    densities
        Fokker-Planck, at the steps of the panels, (6, P).
    stationary
        The law that the diffusion ends in, (P,).
    wells
        Minimum where all start, top of the barrier, and minimum beyond, (3,).
    recorded
        Steps at which those beyond the top were counted, (R,).
    beyond
        How many they were, (R,).
    predicted
        The share of the density that is beyond, (R,).
    balance
        The share of the stationary law that is beyond.
    reason
        Why there is no Fokker-Planck density; "" where there is one.
    diverged
        Trajectories that are left out.
    """

    time_step: float
    shown: npt.NDArray[np.int64]
    histograms: tuple[Binned, ...]
    places: Array
    densities: Array
    stationary: Array
    wells: Array
    recorded: npt.NDArray[np.int64]
    beyond: npt.NDArray[np.int64]
    predicted: Array
    balance: float
    reason: str
    diverged: int


def compute(options: Options, parts: Parts, report: Callable[[float, str], None] | None = None) -> Data:
    """Run the ensemble from the minimum, and solve the Fokker-Planck equation beside it."""
    from ...dynamics.saddle_spread import saddle_spread
    from ...theory.fokker_planck_landscape import density_of
    from ...theory.particle import particle

    landscape, noise, rule = parts.landscape, parts.noise, parts.rule
    if landscape.dimension != 1:
        raise ValueError(f"dimension={landscape.dimension} must be 1: the density is drawn over one coordinate")
    way = landscape.escape()
    if way.far_minimum is None:
        raise ValueError(f"landscape={type(landscape).__name__} must have two wells: it has no minimum beyond")
    first = whole_number("first", options.first, 1)
    steps = whole_number("steps", options.steps, 1)
    if steps < first + PANELS:
        raise ValueError(f"steps={steps} must be at least first + {PANELS} = {first + PANELS}: each panel has its time")
    shown = _spaced(first, steps, PANELS)
    recorded = np.unique(np.concatenate([shown, _spaced(first, steps, OCCUPANCY_TIMES)]))
    if report:
        report(0.0, "simulating")
    run = whole(
        saddle_spread(
            landscape, noise, rule, steps=steps, trajectories=options.trajectories, seed=options.seed, record=recorded,
            origin=way.minimum, keep_paths=True,
        )
    )  # fmt: skip
    x = run.paths[:, :, 0]
    x = x[np.all(np.isfinite(x), axis=1)]
    x0, top, x1 = (float(point[0]) for point in (way.minimum, way.saddle, way.far_minimum))
    right = (x > top) if x1 > x0 else (x < top)
    at = np.searchsorted(recorded, shown)
    if report:
        report(0.5, "Fokker–Planck")
    reason, places, densities, stationary = "", np.zeros(0), np.zeros((0, 0)), np.zeros(0)
    predicted, balance = np.zeros(0), float("nan")
    law = particle(rule)
    try:
        found = density_of(landscape, noise, rule, recorded * run.time_step)
    except ValueError as problem:
        reason = str(problem)
    else:
        assert not isinstance(law, str)
        edges, centres = found.edges[0], found.centres[0]
        last = _stationary(landscape, noise, law, centres)
        last = last / float(last @ np.diff(edges))
        masses = np.vstack([found.masses, last * np.diff(edges)])
        share = np.array([np.interp(top, edges, np.append(0.0, np.cumsum(mass))) for mass in masses])
        share = 1.0 - share if x1 > x0 else share
        predicted, balance = share[:-1], float(share[-1])
        places = np.linspace(centres[0], centres[-1], POINTS)
        densities = np.array([np.interp(places, centres, found.values[r]) for r in at])
        stationary = np.interp(places, centres, last)
    bins = np.linspace(x[:, at].min(), x[:, at].max(), BINS + 1)
    return Data(
        run.time_step,
        shown,
        tuple(binned(x[:, r], bins) for r in at),
        places,
        densities,
        stationary,
        np.array([x0, top, x1]),
        recorded,
        np.count_nonzero(right, axis=0).astype(np.int64),
        predicted,
        balance,
        reason,
        run.diverged,
    )


def draw(data: Data) -> Figure:
    """Draw a panel for each time, and below them the share beyond the barrier against time."""
    with styled(12.0, 9.4) as figure:
        grid = figure.add_gridspec(3, 3, height_ratios=(1.0, 1.0, 1.05))
        panels: list[Axes] = []
        for k, (step, counted) in enumerate(zip(data.shown, data.histograms, strict=True)):
            axes = figure.add_subplot(grid[k // 3, k % 3], sharex=panels[0] if panels else None)
            panels.append(axes)
            histogram(counted, ax=axes)
            if len(data.places):
                axes.plot(data.places, data.stationary, color=GREY, linewidth=1.4, label="stationary law")
                axes.plot(data.places, data.densities[k], label="Fokker–Planck", **DIFFUSION.line)
            axes.axvline(data.wells[1], color=GREY, linewidth=1.0, linestyle=(0, (1, 2)),
                         label="top of the barrier")  # fmt: skip
            axes.set_title(f"t = {step * data.time_step:.3g}", loc="left")
            axes.set_xlabel("position θ" if k >= 3 else "")
            axes.tick_params(labelbottom=k >= 3)
            axes.locator_params(axis="y", nbins=4)
        _limits(panels, data)
        below = figure.add_subplot(grid[2, :])
        occupancy(
            data.recorded * data.time_step, data.beyond, data.histograms[0].trajectories, ax=below,
            predicted=data.predicted if len(data.predicted) else None,
            balance=data.balance if len(data.predicted) else None,
        )  # fmt: skip
        below.set_title("how many are beyond the barrier", loc="left")
        handles, labels = panels[0].get_legend_handles_labels()
        more, names = below.get_legend_handles_labels()
        points = next(k for k, name in enumerate(names) if name.startswith("share beyond"))
        figure.legend([*handles, more[points]], [*labels, names[points]], loc="outside lower center", ncols=3)
        return figure


def occupancy(
    time: npt.ArrayLike, beyond: npt.ArrayLike, trajectories: int, *, ax: Axes | None = None,
    predicted: npt.ArrayLike | None = None, balance: float | None = None,
) -> Axes:  # fmt: skip
    """Draw the share of an ensemble that is beyond a barrier, with its Clopper-Pearson intervals, against time.

    Parameters
    ----------
    time
        Dynamical times, (R,).
    beyond
        How many trajectories are beyond at each, (R,).
    trajectories
        N.
    ax
        Where to draw; new axes if left out.
    predicted
        The share that a Fokker-Planck density has beyond, (R,).
    balance
        Where it ends: the share of the stationary law.

    Returns
    -------
    Axes
        The axes, with labels for a legend.
    """
    axes = panel(ax)
    t, count = np.asarray(time, dtype=np.float64), np.asarray(beyond, dtype=np.int64)
    low, high = share_interval(count, trajectories)
    share = count / trajectories
    axes.errorbar(t, share, np.abs([low - share, high - share]), markersize=5, capsize=3, linewidth=1.2,
                  label="share beyond, 95 % interval", **SIMULATED.points)  # fmt: skip
    if predicted is not None:
        axes.plot(t, predicted, **DIFFUSION.line, label="share by Fokker–Planck")
    if balance is not None:
        axes.axhline(balance, color=GREY, linewidth=1.4)
        axes.annotate(f"stationary law: {balance:.3g}", (0.01, balance), xycoords=("axes fraction", "data"),
                      xytext=(0, -4), textcoords="offset points", va="top", color=GREY)  # fmt: skip
    axes.set_xscale("log")
    axes.set_ylim(0.0, 1.12 * max(float(high.max()), balance or 0.0))
    axes.set_xlabel("dynamical time t = steps × learning rate")
    axes.set_ylabel("share beyond the barrier")
    axes.grid(visible=True)
    return axes


def caption(data: Data) -> str:
    """Return what the figure shows, with its numbers."""
    number = data.histograms[0].trajectories
    low, high = (float(edge) for edge in share_interval(data.beyond[-1], number))
    first, last = (f"{data.time_step * int(step):.3g}" for step in data.shown[[0, -1]])
    text = (
        f"{number:,} trajectories start in the minimum at {data.wells[0]:.3g}. Six panels: their histogram from "
        f"t = {first} to t = {last}, with the 95 % Clopper–Pearson interval of every bin. Below: the share beyond the "
        f"top of the barrier at {data.wells[1]:.3g}; at the end it is {data.beyond[-1] / number:.4g} [{low:.4g}, "
        f"{high:.4g}]"
    )
    if data.reason:
        return f"{text}. There is no Fokker–Planck line: {data.reason}."
    gap = float(np.max(np.abs(data.beyond / number - data.predicted)))
    return (
        f"{text}, by the Fokker–Planck equation {data.predicted[-1]:.4g}, in the long run {data.balance:.4g}. Over all "
        f"times the two differ by at most {gap:.2g}: the cost of a learning rate that is not zero, and chance."
    )


def alt(data: Data) -> str:
    """Return what the figure looks like."""
    share = float(data.beyond[-1] / data.histograms[0].trajectories)
    line = "" if data.reason else " A dashed Fokker–Planck line runs along the top of the bars."
    return (
        "Six small histograms in time and one panel below. The first is a narrow peak in the well where all start; it "
        f"widens and fills that well, and what has crossed the barrier grows into a second peak.{line} The panel below "
        f"shows the share beyond the barrier rising from {data.beyond[0] / data.histograms[0].trajectories:.2g} to "
        f"{share:.2g}."
    )


def _limits(panels: list[Axes], data: Data) -> None:
    """Show what holds all but a few trajectories; the tall first peaks each have their own height."""
    seen = [counted.edges[np.flatnonzero(counted.counts)[[0, -1]] + [0, 1]] for counted in data.histograms]
    low, high = min(edge[0] for edge in seen), max(edge[1] for edge in seen)
    panels[0].set_xlim(min(low, *data.wells), max(high, *data.wells))
    for k, axes in enumerate(panels):
        highest = float(data.histograms[k].interval()[1].max())
        if len(data.places):
            highest = max(highest, float(data.densities[k].max()))
        axes.set_ylim(0.0, 1.08 * highest)


def _spaced(first: int, last: int, number: int) -> npt.NDArray[np.int64]:
    """Return rising steps from first to last, spaced as evenly in their logarithm as whole numbers can be."""
    at = np.rint(np.geomspace(first, last, number)).astype(np.int64)
    for k in range(1, number):
        at[k] = max(at[k], at[k - 1] + 1)
    return np.minimum(at, last - np.arange(number)[::-1])


def _stationary(landscape: Any, noise: Any, law: Any, x: Array) -> Array:
    """Return D^{c-1} exp(-int L' / D), of any norm: what no flux of the diffusion flows in."""
    from scipy.integrate import cumulative_simpson

    from ...dynamics.evaluate import gradients
    from ...landscapes.interface import draw as noisy

    root = np.zeros((1, len(x)))
    noisy(noise, landscape, x[None, :], np.ones((1, len(x))), root)
    gain = 1.0 / law.friction_mass
    diffusion = 0.5 * law.lr * gain * gain * root[0] ** 2
    force = gain * gradients(landscape, x[None, :])[0] / diffusion
    work = cumulative_simpson(force, x=x, initial=0.0)
    return np.asarray(diffusion ** (law.convention - 1.0) * np.exp(work.min() - work))
