"""Figure of a verification: every measurement over every prediction, with its interval, by statement."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from ..verdict import DIFFERS, UNDERPOWERED
from ..verification.setting import RUNGS
from .style import GREY, GRID, INK, REFERENCE_LOOKS, VERMILION, panel, styled

Array = npt.NDArray[np.float64]

ROW, MOST_HEIGHT = 0.115, 16.0
"""Inches a measurement, and of all."""
GAP = 1.6
"""Rows between two statements."""
WIDEST = 100.0
"""Ratios beyond a factor of this are drawn at the edge, with an arrow."""
NEAREST = 1.25
"""An axis goes at least this far from 1."""


class Ratios(NamedTuple):
    """Measured over one prediction, row by row; nan where there is none.

    Parameters
    ----------
    ratio, low, high
        The ratio and its interval, (N,).
    differs, underpowered
        Its verdict, (N,).
    """

    ratio: Array
    low: Array
    high: Array
    differs: npt.NDArray[np.bool_]
    underpowered: npt.NDArray[np.bool_]


class Data(NamedTuple):
    """What is drawn, N measurements.

    Parameters
    ----------
    statements
        Of each measurement.
    inside
        Whether it lies inside the statement's regime, (N,).
    bounds
        Statements that are bounds from above: they hold below 1.
    rungs
        Rung -> its ratios.
    """

    statements: tuple[str, ...]
    inside: npt.NDArray[np.bool_]
    bounds: tuple[str, ...]
    rungs: dict[str, Ratios]


def ratios_of(rows: Sequence[Mapping[str, Any]]) -> Data:
    """Return what is drawn of a verification: the measurements that have a prediction.

    Parameters
    ----------
    rows
        Those of its JSON object, ``verify(...).as_json()["rows"]``.

    Returns
    -------
    Data
        What ``verification_ratios`` draws, rung by rung.
    """
    rows = [row for row in rows if any(each["ratio"] is not None for each in row["comparisons"].values())]

    def of(rung: str) -> Ratios:
        told = [row["comparisons"][rung] for row in rows]
        ratio, low, high = (
            np.array([each[name] for each in told], dtype=np.float64) for name in ("ratio", "low", "high")
        )
        outcomes = np.array([each["outcome"] for each in told])
        return Ratios(ratio, low, high, outcomes == DIFFERS, outcomes == UNDERPOWERED)

    inside = np.array([row["inside"] for row in rows], dtype=np.bool_)
    bounds = tuple(dict.fromkeys(row["statement"] for row in rows if row["upper"]))
    return Data(tuple(row["statement"] for row in rows), inside, bounds, {rung: of(rung) for rung in RUNGS})


def draw(data: Data) -> Figure:
    """Draw a panel for each prediction, a row for each measurement, grouped by statement."""
    rungs = [rung for rung in RUNGS if np.any(np.isfinite(data.rungs[rung].ratio))]
    places = rows_of(data.statements)
    height = min(1.9 + ROW * float(places[-1]), MOST_HEIGHT)
    with styled(12.0, height) as figure:
        panels = figure.subplots(1, len(rungs), sharey=True, squeeze=False)[0]
        for axes, rung in zip(panels, rungs, strict=True):
            verification_ratios(data, rung, ax=axes)
        names = list(dict.fromkeys(data.statements))
        middles = [float(np.mean(places[[each == name for each in data.statements]])) for name in names]
        panels[0].set_yticks(middles, [name.replace("-", " ") for name in names])
        for axes in panels:
            axes.tick_params(axis="y", length=0)
        figure.legend(handles=_handles(data), loc="outside upper left", ncols=4, columnspacing=1.5)
        return figure


def rows_of(statements: Sequence[str]) -> Array:
    """Return the height of each row, a gap between two statements."""
    steps = [GAP if before != after else 1.0 for before, after in pairwise(statements)]
    return np.cumsum([1.0, *steps])


def verification_ratios(data: Data, rung: str, *, ax: Axes | None = None) -> Axes:
    """Draw every measurement over one prediction.

    Parameters
    ----------
    data
        What ``ratios_of`` returned.
    rung
        exact_discrete, exact_diffusion, closed_form or corrected.
    ax
        Where to draw; new axes if left out.

    Returns
    -------
    Axes
        The axes, logarithmic, one row a measurement from the top down. Hollow marks lie outside the statement's regime,
        crosses differ.
    """
    axes, told, y = panel(ax), data.rungs[rung], rows_of(data.statements)
    known = np.isfinite(told.ratio)
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.concatenate([told.low[known], told.high[known], [1.0 / NEAREST, NEAREST]])
    ends = np.clip(ends[np.isfinite(ends) & (ends > 0.0)], 1.0 / WIDEST, WIDEST)
    left, right = float(ends.min()) / 1.08, float(ends.max()) * 1.08
    axes.axvline(1.0, color=INK, linewidth=1.2, zorder=1)
    place = np.clip(told.ratio, left, right)
    low = np.clip(np.nan_to_num(told.low, nan=left), left, right)
    high = np.clip(np.nan_to_num(told.high, nan=right, posinf=right), left, right)
    for inside in (True, False):
        for differs in (False, True):
            chosen = known & (data.inside == inside) & (told.differs == differs)
            colour = VERMILION if differs else REFERENCE_LOOKS[rung].colour
            axes.hlines(y[chosen], low[chosen], high[chosen], color=colour, linewidth=1.4, alpha=0.9)
            axes.plot(
                place[chosen],
                y[chosen],
                "X" if differs else "o",
                color=colour,
                linestyle="none",
                markersize=5.5 if differs else 4.5,
                markerfacecolor=colour if inside else "white",
            )
    weak = known & told.underpowered
    axes.plot(place[weak], y[weak], "o", color=GREY, markersize=9, markerfacecolor="none", linestyle="none")
    for side, beyond, arrow in ((left, told.ratio < left, "<"), (right, told.ratio > right, ">")):
        for row in np.flatnonzero(beyond & known):
            colour = VERMILION if told.differs[row] else REFERENCE_LOOKS[rung].colour
            axes.plot(side, y[row], arrow, color=colour, markersize=7)
    _scale(axes, left, right)
    axes.set_ylim(y[-1] + 1.0, y[0] - 1.0)
    for edge in y[1:][np.diff(y) > 0.5 * (1.0 + GAP)] - GAP / 2:
        axes.axhline(edge, color=GRID, linewidth=1.0, zorder=0)
    axes.set_title(REFERENCE_LOOKS[rung].label, loc="left")
    axes.set_xlabel("measured ÷ it")
    axes.set_ylabel("")
    return axes


def _scale(axes: Axes, left: float, right: float) -> None:
    axes.set_xscale("log")
    axes.set_xlim(left, right)
    decades = np.log10(right / left)
    subs = (1.0,) if decades > 2.0 else (1.0, 2.0, 5.0) if decades > 0.7 else (0.7, 0.8, 0.9, 1.0, 1.2, 1.5)
    axes.xaxis.set_major_locator(LogLocator(subs=subs, numticks=8))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", which="minor", length=0)
    axes.grid(axis="x")


def _handles(data: Data) -> list[Any]:
    """Return what the marks are."""

    def mark(shape: str, colour: str, face: str, label: str, size: float = 6.0) -> Line2D:
        return Line2D(
            [], [], marker=shape, color=colour, markerfacecolor=face, linestyle="none", markersize=size, label=label
        )

    handles = [mark("o", INK, INK, "agrees, inside the regime"), mark("o", INK, "white", "agrees, outside it")]
    if any(np.any(each.differs) for each in data.rungs.values()):
        handles.append(mark("X", VERMILION, VERMILION, "differs (hollow: outside)"))
    if any(np.any(each.underpowered) for each in data.rungs.values()):
        handles.append(mark("o", GREY, "none", "ring: underpowered", 10.0))
    return handles


def caption(data: Data) -> str:
    """Return what the figure shows, with its numbers."""
    exact, printed = data.rungs["exact_discrete"], data.rungs["closed_form"]
    told, judged = np.isfinite(exact.ratio), np.isfinite(printed.ratio)
    inside = judged & data.inside
    return (
        f"{len(data.statements)} measurements of {len(set(data.statements))} statements, each over its predictions, "
        "with intervals that hold for all comparisons together. "
        f"Of {np.count_nonzero(told)} beside what is exact for the iteration {np.count_nonzero(exact.differs)} differ; "
        f"of {np.count_nonzero(inside)} beside the printed statement inside its regime "
        f"{np.count_nonzero(printed.differs & inside)} differ, of {np.count_nonzero(judged & ~data.inside)} outside "
        f"{np.count_nonzero(printed.differs & judged & ~data.inside)}."
        + "".join(
            f" {name.replace('-', ' ').capitalize()} is a bound from above: it holds below 1." for name in data.bounds
        )
    )


def alt(data: Data) -> str:
    """Return what the figure looks like."""
    rungs = [REFERENCE_LOOKS[rung].label for rung in RUNGS if np.any(np.isfinite(data.rungs[rung].ratio))]
    return (
        f"Side by side, a panel for each of: {'; '.join(rungs)}. In each, a row a measurement, grouped by statement, "
        "with its ratio and interval on a logarithmic axis around a line at 1; crosses mark those that differ, hollow "
        "marks those outside the regime."
    )
