"""Figure of a statement's regime: a map for each plane and form, closed form over exact, with the bounds drawn in."""

import math
import textwrap
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import AsinhNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter

from ...theory.regime_planes.plane import PRINTED, Scan
from ...theory.regime_planes.search import refined
from ..regime import RegimeResult
from .interface import Parts
from .style import INK, PAPER, panel, styled

Array = npt.NDArray[np.float64]

PALETTE = "PuOr"
"""Diverging, and told apart by every kind of colour vision."""
LARGEST, LARGEST_UPPER = 10.0, 1e4
"""Ratio at which the colours end, and that of a bound from above."""
NEAR = 0.1
"""Logarithm of the ratio below which the colours change evenly."""
TICKS = (1e-4, 1e-3, 0.01, 0.1, 0.2, 0.5, 0.8, 0.9, 1.0, 1.1, 1.25, 2.0, 5.0, 10.0, 100.0, 1e3, 1e4)
COLUMNS = 3
BLANK = "#bbbbbb"


class Options(NamedTuple):
    """Where a statement holds: its closed forms over what is exact, on planes of dimensionless numbers.

    Parameters
    ----------
    statement
        Its name; ``saddlescape regime --help`` lists them.
    tolerance
        Relative error that the bounds allow, in (0, 1).
    points
        Values along each axis; each plane's own number if left out.
    """

    statement: str = "theorem-2"
    tolerance: float = 0.1
    points: int | None = None


QUICK = {"points": 9}
PARTS: dict[str, Any] = {}
STATEMENTS = ("theorem-1", "theorem-2", "theorem-3", "proposition-1", "proposition-3")


class Bound(NamedTuple):
    """A bound that was found.

    Parameters
    ----------
    number, value, below
        The number's name, the bound, and whether the number must stay below it.
    logs
        ln(number / bound), (m, n) as the map: 0 on the bound; empty where it is not drawn.
    """

    number: str
    value: float
    below: bool
    logs: npt.NDArray[np.float64]


class Map(NamedTuple):
    """A form of a statement over what is exact, on a plane.

    Parameters
    ----------
    plane, form
        Their names.
    x, y
        Values along the axes, (n,) and (m,).
    x_label, y_label
        What they are, in TeX.
    log_ratio
        ln(closed form / exact), (m, n), nan where there is no such run.
    bounds
        Within which the form is exact enough.
    share
        Share of the plane's area within them.
    upper, nowhere
        Whether the statement is a bound from above, and whether the form holds nowhere here.
    marks
        Runs that are verified, (x, y).
    """

    plane: str
    form: str
    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    x_label: str
    y_label: str
    log_ratio: npt.NDArray[np.float64]
    bounds: tuple[Bound, ...]
    share: float
    upper: bool
    nowhere: bool
    marks: tuple[tuple[float, float], ...]


class Data(NamedTuple):
    """What is drawn.

    Parameters
    ----------
    statement
        Its name.
    tolerance
        Relative error that the bounds allow.
    maps
        One for each plane and form.
    """

    statement: str
    tolerance: float
    maps: tuple[Map, ...]


def compute(options: Options, parts: Parts, report: Callable[[float, str], None] | None = None) -> Data:
    """Scan the planes of a statement and find its bounds.

    Raises
    ------
    ValueError
        Where there is no such statement, or a number is out of bounds.
    """
    from ...theory.statements import STATEMENTS as KNOWN
    from ..refusals import nearest, one_of
    from ..regime import regime_experiment

    name = options.statement
    if name not in KNOWN:
        raise ValueError(f"statement={name}: there is no such statement{nearest(name, KNOWN, one_of(KNOWN))}")
    return data_of(regime_experiment(name, tolerance=options.tolerance, points=options.points, report=report))


def data_of(result: RegimeResult) -> Data:
    """Return what is drawn of a result."""
    maps = tuple(_map(scan, form, result) for scan in result.scans for form in scan.log_ratios)
    return Data(result.statement, result.tolerance, maps)


def _map(scan: Scan, form: str, result: RegimeResult) -> Map:
    plane, regime = scan.plane, result.regime_of(scan, form)
    nowhere = bool(plane.never) and form == PRINTED
    bounds = []
    for bound in regime.bounds or ():
        logs = np.zeros((0, 0))
        if bound.number in scan.numbers and not nowhere:
            with np.errstate(divide="ignore", invalid="ignore"):  # a number may be 0
                logs = np.log(scan.numbers[bound.number] / bound.value)
        bounds.append(Bound(bound.number, float(bound.value), bool(bound.below), logs))
    return Map(
        plane.name, form, scan.x, scan.y, plane.x.tex, plane.y.tex, np.asarray(scan.log_ratios[form]), tuple(bounds),
        float(regime.share), bool(plane.upper), nowhere, tuple((float(mark.x), float(mark.y)) for mark in plane.marks),
    )  # fmt: skip


def draw(data: Data) -> Figure:
    """Draw every plane, once for each form that is compared on it."""
    columns = 2 if len(data.maps) in (2, 4) else min(len(data.maps), COLUMNS)
    rows = -(-len(data.maps) // columns)
    width = min(0.9 + 4.7 * columns, 13.0)
    with styled(max(width, 8.0), 1.0 + rows * min(4.7, width / columns)) as figure:
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes in grid.ravel()[len(data.maps) :]:
            axes.set_visible(False)
        for axes, each in zip(grid.ravel(), data.maps, strict=False):
            regime_map(each, ax=axes, tolerance=data.tolerance)
        upper = any(each.upper for each in data.maps)
        bar = figure.colorbar(grid[0, 0].collections[0], ax=grid, extend="both", aspect=30, pad=0.02, fraction=0.05)
        limit = LARGEST_UPPER if upper else LARGEST
        ticks = [tick for tick in TICKS if 1.0 / limit <= tick <= limit]
        if upper:
            ticks = [tick for tick in ticks if tick in (1e-4, 0.01, 0.1, 1.0, 10.0, 100.0, 1e4)]
        bar.set_ticks([math.log(tick) for tick in ticks], labels=[f"{tick:g}" for tick in ticks])
        bar.ax.minorticks_off()
        bar.set_label("closed form / exact")
        _legend(figure, data)
        figure.suptitle(f"{data.statement}: closed form over what is exact")
        return figure


def caption(data: Data) -> str:
    """Return what the figure shows, with its numbers."""
    planes = len({each.plane for each in data.maps})
    told = [f"{data.statement} over what is exact, on planes of dimensionless numbers ({planes})."]
    for form in dict.fromkeys(each.form for each in data.maps):
        within = [each for each in data.maps if each.form == form and not each.nowhere]
        for said in dict.fromkeys(_said(each) for each in within if each.bounds and not each.upper):
            here = [each for each in within if _said(each) == said]
            told.append(
                f"As {form} ({'; '.join(each.plane for each in here)}), it is within {100 * data.tolerance:.3g} % "
                f"where {said}: {100 * here[0].share:.3g} % of the area."
            )
    if any(each.upper for each in data.maps):
        told.append("It is a bound from above, and holds wherever it is not below what is exact.")
    return " ".join(told)


def _said(each: Map) -> str:
    """Return the bounds of a map in words."""
    return " and ".join(
        f"{bound.number.replace('_', ' ')} is at {'most' if bound.below else 'least'} {bound.value:g}"
        for bound in each.bounds
    )


def alt(data: Data) -> str:
    """Return what the figure looks like."""
    return (
        f"{len(data.maps)} maps on logarithmic axes, orange where the closed form is too small, purple where it is too "
        "large and pale where it is right; a solid line encloses where it is within the tolerance, and dashed lines "
        "are the round bounds within it."
    )


def regime_map(each: Map, *, ax: Axes | None = None, tolerance: float = 0.1) -> Axes:
    """Draw a closed form over what is exact on a plane of dimensionless numbers, with its bounds.

    Parameters
    ----------
    each
        One of ``figure("regime").data.maps``.
    ax
        Where to draw; new axes if left out.
    tolerance
        Relative error at which a line is drawn.

    Returns
    -------
    Axes
        The axes, logarithmic in both; the first of their collections is the map.
    """
    axes = panel(ax)
    limit = math.log(LARGEST_UPPER if each.upper else LARGEST)
    axes.pcolormesh(
        _edges(each.x),
        _edges(each.y),
        np.ma.masked_invalid(each.log_ratio),
        cmap=PALETTE,
        norm=AsinhNorm(linear_width=NEAR, vmin=-limit, vmax=limit),
        rasterized=True,
    )
    axes.set_facecolor(BLANK)
    axes.set_xscale("log")
    axes.set_yscale("log")
    levels = [0.0] if each.upper else [math.log(1.0 - tolerance), math.log(1.0 + tolerance)]
    _contour(axes, each, each.log_ratio, levels, INK, "solid")
    for bound in each.bounds:
        if bound.logs.size:
            _contour(axes, each, bound.logs, [0.0], INK, "dashed")
    if each.marks:
        axes.plot(*zip(*each.marks, strict=True), "o", color=INK, markerfacecolor="white", markersize=7, clip_on=False)
    axes.set_xlim(*_edges(each.x)[[0, -1]])
    axes.set_ylim(*_edges(each.y)[[0, -1]])
    for axis, ends in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        if ends[1] / ends[0] < 50.0:
            axis.set_ticks(_round_ticks(*ends))
            axis.set_ticks([], minor=True)
            axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.set_xlabel(each.x_label)
    axes.set_ylabel(each.y_label)
    axes.set_title(textwrap.fill(f"{each.plane}: {each.form}{', nowhere' if each.nowhere else ''}", 34), loc="left")
    return axes


def _contour(axes: Axes, each: Map, values: Array, levels: list[float], colour: str, dashes: str) -> None:
    """Draw lines of a number on the plane, on the finer grid that bounds are looked for on."""
    fine = refined(Scan(None, each.x, each.y, {"": values}, {}))  # type: ignore[arg-type]
    at = fine.log_ratios[""]
    finite = at[np.isfinite(at)]
    inside = [level for level in levels if len(finite) and finite.min() < level < finite.max()]
    if inside:
        drawn = axes.contour(fine.x, fine.y, np.ma.masked_invalid(at), levels=inside, colors=colour, linestyles=dashes)
        drawn.set(path_effects=[withStroke(linewidth=3.4, foreground=PAPER)])


def _edges(values: Array) -> Array:
    """Return the ends of the cells around values on a logarithmic axis."""
    logs = np.log(values)
    middle = 0.5 * (logs[:-1] + logs[1:])
    return np.asarray(np.exp(np.concatenate([[2.0 * logs[0] - middle[0]], middle, [2.0 * logs[-1] - middle[-1]]])))


def _round_ticks(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [m * 10.0**p for p in powers for m in (1, 2, 3, 5) if low <= m * 10.0**p <= high]


def _legend(figure: Figure, data: Data) -> None:
    handles: list[Any] = []
    if not all(each.upper for each in data.maps):
        handles.append(Line2D([], [], color=INK, label=f"off by {100 * data.tolerance:.3g} %"))
    if any(each.bounds for each in data.maps):
        handles.append(Line2D([], [], color=INK, linestyle="dashed", label="bounds that were found"))
    if any(each.marks for each in data.maps):
        handles.append(
            Line2D([], [], color=INK, marker="o", markerfacecolor="white", linestyle="", label="runs that are verified")
        )
    if any(np.isnan(each.log_ratio).any() for each in data.maps):
        handles.append(Patch(facecolor=BLANK, label="no such run, or nothing exact"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
