"""Figure of an escape experiment by splitting: how far paths get on the way out, and what each repetition measured."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..rare_escape import RareEscapeResult, reach, scale
from .style import BLUE, INK, REFERENCE_LOOKS, SKY, head, styled

FRAME = 3.0
"""A reference further off than so many times the spread of the repetitions stays out of the frame."""
LOWER = 0.15
"""Room under the profile for the name of the start, as a share of the panel."""


def draw(result: RareEscapeResult) -> Figure:
    """Draw the loss on the way out, the chance to reach each level, and the rate of each repetition."""
    from .escape import profile

    with styled(12.0, 6.6) as figure:
        panels = figure.subplot_mosaic([["loss", "rates"], ["reach", "rates"]], width_ratios=(6, 5))
        profile(panels["loss"], result)
        low, high = panels["loss"].get_ylim()
        panels["loss"].set_ylim(low - LOWER * (high - low), high)
        _reach(panels["reach"], result, panels["loss"].get_xlim()[0])
        panels["reach"].set_xlabel(panels["loss"].get_xlabel())
        panels["reach"].set_xlim(panels["loss"].get_xlim())
        panels["loss"].set_xlabel("")
        panels["loss"].tick_params(labelbottom=False)
        _rates(panels["rates"], result)
        figure.legend(*panels["rates"].get_legend_handles_labels(), loc="outside lower center", ncols=2)
        head(figure, result.configuration)
        return figure


def _reach(axes: Axes, result: RareEscapeResult, left: float) -> None:
    times = result.times
    levels, chance = reach(times)
    axes.plot(levels, np.where(chance > 0.0, chance, np.nan), color=BLUE, marker="o", markersize=5)
    axes.axvspan(left, times.ladder.basin, color=SKY, alpha=0.15, linewidth=0)
    axes.set_yscale("log")
    axes.annotate("basin", (times.ladder.basin, 0.03), (-6, 0), ha="right", xycoords=("data", "axes fraction"),
                  textcoords="offset points", color=INK)  # fmt: skip
    axes.set_ylabel("chance")
    ahead = f": {scale(times)}" if times.ladder.coast else ""
    axes.set_title(f"how far those get that leave the basin{ahead}", loc="left")


def _rates(axes: Axes, result: RareEscapeResult) -> None:
    times = result.times
    axes.set_title("escape rate of each repetition", loc="left")
    axes.set_xlabel("repetition")
    axes.set_ylabel("rate over the mean rate")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if not np.isfinite(times.mean):
        axes.annotate("no repetition saw an escape", (0.5, 0.5), ha="center", xycoords="axes fraction")
        return
    rates = times.rates * times.mean_steps
    axes.plot(times.first + np.arange(len(rates)), rates, color=BLUE, marker="o", linestyle="none", label="repetitions")
    low, high = times.interval(0.95)
    told = f"mean escape time {times.mean:.4g}"
    if np.isfinite(high) and low > 0.0:
        axes.axhspan(times.mean / high, times.mean / low, color=BLUE, alpha=0.2, linewidth=0)
        told += f" [{low:.4g}, {high:.4g}]"
    axes.axhline(1.0, color=BLUE, label=told)
    bottom, top = min(float(rates.min()), 1.0), max(float(rates.max()), 1.0)
    room = FRAME * (top - bottom)
    for name, look in REFERENCE_LOOKS.items():
        reference = result.references[name]
        if reference.value is None:
            continue
        ratio = float(np.divide(times.mean, reference.value))
        told = f"{look.label}: {reference.value:.4g}"
        if bottom - room <= ratio <= top + room:
            axes.axhline(ratio, label=told, **look.line)
        else:
            axes.plot([], [], label=f"{told} (out of the frame)", **look.line)
