"""Figure of a spreading experiment: the variance along each direction against time, and its ratio to the exact one."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ...dynamics.estimates import variance_interval
from ..saddle import SaddleResult
from ..table import chosen_directions
from .style import COLOURS, INK, REFERENCE_LOOKS, head, styled

MOST_DECADES = 10
"""An unstable direction that grows beyond leaves the frame, so that the others stay legible."""
WIDEST_RATIO = 3.0
"""The ratio panel shows at most a factor of this, up and down."""
APART = 0.025
"""Relative distance in time between the marks of two directions, which would hide one another."""


def draw(result: SaddleResult) -> Figure:
    """Draw measured variances with their bands and every reference; beside it, all divided by the exact iteration."""
    with styled(12.0, 6.4) as figure:
        names = [name for name, reference in result.references.items() if reference.value is not None]
        against = next((name for name in ("exact_discrete", "exact_diffusion", "closed_form") if name in names), None)
        panels = figure.subplots(1, 1 if against is None else 2, squeeze=False)[0]
        shown = chosen_directions(result.spread.curvatures)
        after = result.spread.steps > 0
        _variances(panels[0], result, shown, names, after)
        if against is not None:
            _ratios(panels[1], result, shown, names, after, against)
        for axes in panels:
            axes.set_xscale("log")
            axes.set_xlabel(f"dynamical time t = steps × {result.spread.time_step:g}")
            axes.grid(visible=True)
        rows = 3 if len(shown) <= 3 else 4
        handles = _legend(result, shown, names, rows)
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles) // rows)
        head(figure, result.configuration)
        return figure


def _variances(axes: Axes, result: SaddleResult, shown: list[int], names: list[str], after: Any) -> None:
    spread = result.spread
    low, high = (edge[after] for edge in spread.interval(0.95))
    time, variance = spread.time[after], spread.variance[after]
    for colour, i in zip(COLOURS, shown, strict=False):
        axes.fill_between(time, low[:, i], high[:, i], color=colour, alpha=0.3, linewidth=0)
        axes.plot(time, variance[:, i], "o", color=colour, markersize=5)
        for name in names:
            style = REFERENCE_LOOKS[name]
            axes.plot(
                time,
                np.asarray(result.references[name].value)[after, i],
                color=colour,
                linestyle=style.dashes,
                linewidth=style.width,
            )
    axes.set_title("variance along each direction", loc="left")
    positive = low[:, shown][low[:, shown] > 0.0]
    if len(positive):
        axes.set_yscale("log")
        bottom, top = 0.6 * float(positive.min()), 1.6 * float(high[:, shown].max())
        axes.set_ylim(bottom, min(top, bottom * 10.0**MOST_DECADES))
        if top > bottom * 10.0**MOST_DECADES:
            axes.set_title(f"variance (goes on to {variance.max():.1e})", loc="left")
    axes.set_ylabel("⟨Δθ²⟩  (θ²)")


def _ratios(axes: Axes, result: SaddleResult, shown: list[int], names: list[str], after: Any, against: str) -> None:
    spread = result.spread
    time = spread.time[after]
    exact = np.asarray(result.references[against].value, dtype=np.float64)[after]
    low, high = (edge[after] for edge in spread.interval(0.95))
    lowest, highest = 1.0, 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        for k, (colour, i) in enumerate(zip(COLOURS, shown, strict=False)):
            ratio = spread.variance[after, i] / exact[:, i]
            error = np.abs(np.array([low[:, i], high[:, i]]) / exact[:, i] - ratio)
            place = time * (1.0 + APART * (k - 0.5 * (len(shown) - 1)))
            axes.errorbar(
                place,
                ratio,
                None if spread.gaussian else error,
                color=colour,
                fmt="o",
                markersize=5,
                linewidth=1.2,
                zorder=3,
            )
            lowest, highest = np.nanmin([lowest, *(ratio - error[0])]), np.nanmax([highest, *(ratio + error[1])])
            for name in names:
                style = REFERENCE_LOOKS[name]
                line = np.asarray(result.references[name].value)[after, i] / exact[:, i]
                axes.plot(
                    time, line, color=INK if name == against else colour, linestyle=style.dashes, linewidth=style.width
                )
                lowest, highest = np.nanmin([lowest, *line]), np.nanmax([highest, *line])
    if spread.gaussian:
        one = np.ones(2)
        below, above = variance_interval(one, spread.trajectories, 0.95)
        # What a simulated ratio does when the reference holds: the mirror image of the interval.
        axes.fill_between(time[[0, -1]], one / above, one / below, color=INK, alpha=0.12, linewidth=0)
    lowest, highest = max(lowest, 1.0 / WIDEST_RATIO), min(highest, WIDEST_RATIO)
    margin = 0.05 * (highest - lowest) + 1e-3
    axes.set_ylim(lowest - margin, highest + margin)
    axes.set_title(f"divided by: {REFERENCE_LOOKS[against].label}", loc="left")
    axes.set_ylabel("ratio")


def _legend(result: SaddleResult, shown: list[int], names: list[str], rows: int) -> list[Any]:
    """Return columns of so many handles: what is measured, the references, the directions."""
    spread = result.spread
    groups: list[list[Any]] = [
        [
            Line2D([], [], marker="o", linestyle="none", color=INK, label=f"simulated, N = {spread.trajectories:,}"),
            Patch(facecolor=INK, alpha=0.25, label=f"95 %, {'chi-square' if spread.gaussian else 'by 4th moments'}"),
        ],
        [Line2D([], [], color=INK, linestyle=line.dashes, linewidth=line.width, label=line.label)
         for line in (REFERENCE_LOOKS[name] for name in names)],
        [Line2D([], [], color=colour, linewidth=5, label=f"curvature {spread.curvatures[i]:.4g}")
         for colour, i in zip(COLOURS, shown, strict=False)],
    ]  # fmt: skip
    if len(shown) < len(spread.curvatures):
        groups[2].append(_blank(f"{len(shown)} of {len(spread.curvatures)} directions"))
    return [each for group in groups for each in group + [_blank(" ")] * (-len(group) % rows)]


def _blank(label: str) -> Line2D:
    return Line2D([], [], linestyle="none", label=label)
