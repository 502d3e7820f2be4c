"""Figure of how cost grows: a panel for each sweep."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, NullLocator, StrMethodFormatter

from ..scaling import Growth, Point, ScalingResult, Spread
from .style import COLOURS, INK, styled

MARKERS = ("o", "s", "^")
COLUMNS = {1: 1, 2: 2, 3: 3, 4: 2}
"""Panels -> columns of panels."""
ROOM = 1.75
"""How far an axis goes on beyond the highest mark, for the legend."""


def draw(result: ScalingResult) -> Figure:
    """Draw the cost of each sweep per unit of useful work, and the speed-up by threads, as far as measured."""
    columns = COLUMNS[len(result.sweeps)]
    rows = -(-len(result.sweeps) // columns)
    with styled(6.65 * columns, 3.75 * rows + (0.0 if rows > 1 else 0.5)) as figure:
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, (name, growth) in zip(panels, result.sweeps.items(), strict=True):
            PANELS[name](axes, growth)
            axes.grid(visible=True)
        run = result.run
        rounds = "One round" if run.rounds == 1 else f"Medians of {run.rounds} rounds, bars from lowest to highest"
        figure.suptitle(f"{rounds}\nexponent: CPU time of all work as a power of N, d or T")
        return figure


def _trajectories(axes: Axes, growth: Growth) -> None:
    (points,) = growth.series.values()
    _curve(axes, 0, points, [point.cpu_ns for point in points], f"CPU{_exponent(growth, points[0].series)}")
    _curve(axes, 1, points, [point.wall_ns for point in points], "wall")
    _logarithmic(axes)
    axes.set_xlabel("trajectories N")
    axes.set_ylabel("ns per useful step")
    axes.set_title("Escape times, one thread", loc="left")
    shares = axes.twinx()
    shares.plot([point.x for point in points], [100.0 * (point.samples[0].useful_share or 0.0) for point in points],
                linestyle="--", color=COLOURS[2], label="useful share (right)")  # fmt: skip
    shares.set_ylim(0.0, 105.0)
    shares.set_ylabel("useful lane-steps (%)", color=COLOURS[2])
    shares.tick_params(axis="y", colors=COLOURS[2])
    shares.spines["right"].set(visible=True, color=COLOURS[2])
    _from_zero(axes, [point.cpu_ns for point in points] + [point.wall_ns for point in points])
    handles, labels = (
        a + b for a, b in zip(*(each.get_legend_handles_labels() for each in (axes, shares)), strict=True)
    )
    shares.legend(handles, labels, loc="center right")


def _dimension(axes: Axes, growth: Growth) -> None:
    for k, (series, points) in enumerate(growth.series.items()):
        _curve(axes, k, points, [point.cpu_ns for point in points], series + _exponent(growth, series))
    _logarithmic(axes)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_minor_locator(NullLocator())
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set_xlabel("dimension d")
    axes.set_ylabel("ns per step and dimension")
    axes.set_title("Saddle spread, one thread", loc="left")
    axes.legend(loc="upper left")


def _steps(axes: Axes, growth: Growth) -> None:
    (points,) = growth.series.values()
    _curve(axes, 0, points, [point.cpu_ns for point in points], f"CPU{_exponent(growth, points[0].series)}")
    _curve(axes, 1, points, [point.wall_ns for point in points], "wall")
    _logarithmic(axes)
    _from_zero(axes, [point.cpu_ns for point in points] + [point.wall_ns for point in points])
    axes.set_xlabel("steps T")
    axes.set_ylabel("ns per step and dimension")
    axes.set_title("Saddle spread, d = 10, one thread", loc="left")
    axes.legend(loc="upper right")


def _threads(axes: Axes, growth: Growth) -> None:
    most = max(point.x for point in growth.points)
    axes.plot([1, most], [1, most], color=INK, linestyle=":", label="one core a thread")
    for k, (series, points) in enumerate(growth.series.items()):
        said = f"{series}, {points[0].wall_seconds[0]:.2g} s on one"
        _curve(axes, k, points, [growth.speed_up(point) for point in points], said)
    axes.xaxis.set_major_locator(FixedLocator(sorted({point.x for point in growth.points})))
    axes.set_xlim(1 - 0.08 * most, most * 1.08)
    axes.set_ylim(0.0, ROOM * most)
    axes.set_xlabel("threads")
    axes.set_ylabel("speed-up of the whole call")
    axes.set_title("Threads, the same bits", loc="left")
    axes.legend(loc="upper left")


PANELS = {"trajectories": _trajectories, "dimension": _dimension, "steps": _steps, "threads": _threads}


def _curve(axes: Axes, k: int, points: list[Point], spreads: list[Spread], label: str) -> None:
    """Draw medians, with bars from the lowest to the highest."""
    middle = [median for median, _, _ in spreads]
    bars = [[median - low for median, low, _ in spreads], [high - median for median, _, high in spreads]]
    axes.errorbar([point.x for point in points], middle, bars, color=COLOURS[k], marker=MARKERS[k], markersize=7,
                  elinewidth=1.4, capsize=3, label=label)  # fmt: skip


def _exponent(growth: Growth, series: str) -> str:
    fit = growth.fit(series)
    return "" if fit is None else f", exponent {fit.exponent:.2f} ± {0.5 * (fit.high - fit.low):.2f}"


def _logarithmic(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())


def _from_zero(axes: Axes, spreads: list[Spread]) -> None:
    axes.set_ylim(0.0, ROOM * max(high for _, _, high in spreads))
