"""Figure of a statement's regime: a map for each plane and form, closed form over exact, with the bounds drawn in."""

import math
import textwrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import AsinhNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from ...theory.regime_planes.plane import PRINTED, Array, Scan
from ...theory.regime_planes.search import refined
from ..regime import RegimeResult
from .style import COLOURS, INK, styled

PALETTE = "PuOr"
"""Diverging, and told apart by every kind of colour vision."""
LARGEST, LARGEST_UPPER = 10.0, 1e4
"""Ratio at which the colours end, and that of a bound from above."""
NEAR = 0.1
"""Logarithm of the ratio below which the colours change evenly."""
TICKS = (1e-4, 1e-3, 0.01, 0.1, 0.2, 0.5, 0.8, 0.9, 1.0, 1.1, 1.25, 2.0, 5.0, 10.0, 100.0, 1e3, 1e4)
COLUMNS = 3
BLANK = "#bbbbbb"


def draw(result: RegimeResult) -> Figure:
    """Draw every plane, once for each form that is compared on it."""
    panels = [(scan, form) for scan in result.scans for form in scan.log_ratios]
    columns = 2 if len(panels) in (2, 4) else min(len(panels), COLUMNS)
    rows = -(-len(panels) // columns)
    with styled(0.9 + 4.7 * columns, 1.0 + 4.7 * rows) as figure:
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes in grid.ravel()[len(panels) :]:
            axes.set_visible(False)
        shown = [_panel(axes, *panel, result) for axes, panel in zip(grid.ravel(), panels, strict=False)]
        upper = any(scan.plane.upper for scan in result.scans)
        bar = figure.colorbar(shown[0], ax=grid, extend="both", aspect=30, pad=0.02, fraction=0.05)
        limit = LARGEST_UPPER if upper else LARGEST
        ticks = [tick for tick in TICKS if 1.0 / limit <= tick <= limit]
        if upper:
            ticks = [tick for tick in ticks if tick in (1e-4, 0.01, 0.1, 1.0, 10.0, 100.0, 1e4)]
        bar.set_ticks([math.log(tick) for tick in ticks], labels=[f"{tick:g}" for tick in ticks])
        bar.ax.minorticks_off()
        bar.set_label("closed form / exact")
        _legend(figure, result)
        figure.suptitle(result.statement)
        return figure


def _panel(axes: Axes, scan: Scan, form: str, result: RegimeResult) -> Any:
    plane, fine = scan.plane, refined(scan)
    limit = math.log(LARGEST_UPPER if plane.upper else LARGEST)
    shown = axes.pcolormesh(
        _edges(scan.x),
        _edges(scan.y),
        np.ma.masked_invalid(scan.log_ratios[form]),
        cmap=PALETTE,
        norm=AsinhNorm(linear_width=NEAR, vmin=-limit, vmax=limit),
        rasterized=True,
    )
    axes.set_facecolor(BLANK)
    axes.set_xscale("log")
    axes.set_yscale("log")
    levels = [0.0] if plane.upper else [math.log(1.0 - result.tolerance), math.log(1.0 + result.tolerance)]
    _contour(axes, fine, np.asarray(fine.log_ratios[form]), levels, INK, "solid")
    nowhere = bool(plane.never) and form == PRINTED
    for bound in result.regime_of(scan, form).bounds or ():
        if bound.number in fine.numbers and not nowhere:
            _contour(axes, fine, np.log(fine.numbers[bound.number]), [math.log(bound.value)], COLOURS[2], "dashed")
    if plane.marks:
        axes.plot(*zip(*plane.marks, strict=True), "o", color=INK, markerfacecolor="white", markersize=7, clip_on=False)
    axes.set_xlim(*_edges(scan.x)[[0, -1]])
    axes.set_ylim(*_edges(scan.y)[[0, -1]])
    for axis, ends in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        if ends[1] / ends[0] < 50.0:
            axis.set_ticks(_round_ticks(*ends))
            axis.set_ticks([], minor=True)
            axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.set_xlabel(plane.x.tex)
    axes.set_ylabel(plane.y.tex)
    axes.set_title(textwrap.fill(f"{plane.name}: {form}{', nowhere' if nowhere else ''}", 38), loc="left")
    return shown


def _contour(axes: Axes, fine: Scan, values: Array, levels: list[float], colour: str, dashes: str) -> None:
    finite = values[np.isfinite(values)]
    inside = [level for level in levels if len(finite) and finite.min() < level < finite.max()]
    if inside:
        axes.contour(fine.x, fine.y, np.ma.masked_invalid(values), levels=inside, colors=colour, linestyles=dashes)


def _edges(values: Array) -> Array:
    """Return the ends of the cells around values on a logarithmic axis."""
    logs = np.log(values)
    middle = 0.5 * (logs[:-1] + logs[1:])
    return np.asarray(np.exp(np.concatenate([[2.0 * logs[0] - middle[0]], middle, [2.0 * logs[-1] - middle[-1]]])))


def _round_ticks(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [m * 10.0**p for p in powers for m in (1, 2, 3, 5) if low <= m * 10.0**p <= high]


def _legend(figure: Figure, result: RegimeResult) -> None:
    handles: list[Any] = []
    if not all(scan.plane.upper for scan in result.scans):
        handles.append(Line2D([], [], color=INK, label=f"off by {100 * result.tolerance:.3g} %"))
    if any(found.regime.bounds for found in result.found):
        handles.append(Line2D([], [], color=COLOURS[2], linestyle="dashed", label="bounds that were found"))
    if any(scan.plane.marks for scan in result.scans):
        handles.append(
            Line2D([], [], color=INK, marker="o", markerfacecolor="white", linestyle="", label="runs that are verified")
        )
    if any(np.isnan(ratios).any() for scan in result.scans for ratios in scan.log_ratios.values()):
        handles.append(Patch(facecolor=BLANK, label="no such run, or nothing exact"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
