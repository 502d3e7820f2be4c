"""Figure of a contest: how many times as fast as NumPy each contestant is, case by case."""

import textwrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from ..contest import BASE, LIMIT, OURS, Contest, Standing
from ..peers.interface import CASES
from .style import COLOURS, INK, styled

OTHERS = "#b8b8b8"
BARE = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.0}
"""Ground under a number that a line may pass."""
COLUMN = 26
"""Characters of a panel's title in a line."""


def draw(result: Contest) -> Figure:
    """Draw a panel a case: a bar a contestant, its length the median of the rounds, with their range.

    Without NumPy, bars tell nanoseconds in place of ratios.
    """
    standings = {case: found for case in result.cases if (found := result.standings(case))}
    told = {each.contestant for found in standings.values() for each in found}
    labels = [each.label for each in result.contestants if each.label in told]
    with styled(3.1 + 2.5 * len(standings), 2.4 + 0.42 * len(labels)) as figure:
        panels = figure.subplots(1, len(standings), sharey=True, squeeze=False)[0]
        for axes, (case, found) in zip(panels, standings.items(), strict=True):
            _panel(axes, found, labels)
            axes.set_title("\n".join(textwrap.wrap(f"{case}: {CASES[case].says}", COLUMN)), loc="left", fontsize=11)
        panels[0].set_ylim(len(labels) - 0.4, -0.6)
        panels[0].set_yticks(range(len(labels)), labels)
        for tick, label in zip(panels[0].get_yticklabels(), labels, strict=True):
            tick.set_fontweight("bold" if label.split()[0] == OURS else "normal")
        panels[0].set_ylabel("")
        figure.supxlabel(
            "times as fast as NumPy (CPU time, one thread)"
            if any(each.speedup for found in standings.values() for each in found)
            else "CPU time per trajectory-step-dimension, one thread (ns)",
            fontsize=13,
        )
        handles, names = _legend(panels)
        if handles:
            figure.legend(handles, names, loc="outside upper right", ncols=len(handles))
        return figure


def _panel(axes: Axes, standings: list[Standing], labels: list[str]) -> None:
    shown = {each.contestant: each.speedup or each.ns for each in standings}
    ratios = any(each.speedup for each in standings)
    lowest = min(each.low for each in shown.values())
    highest = max(each.high for each in shown.values())
    left, right = min(lowest, 1.0) / 1.6, highest * 2.6
    for standing in standings:
        label, k = standing.contestant, labels.index(standing.contestant)
        middle, low, high = shown[label]
        ours = label.split()[0] == OURS
        axes.barh(k, middle - left, left=left, height=0.7, color=COLOURS[0] if ours else OTHERS)
        axes.plot([low, high], [k, k], color=INK, linewidth=1.2)
        said = f"{middle:.3g}" + (" differs" if standing.differs else "")
        axes.annotate(said, (high, k), (4, 0), textcoords="offset points", va="center", fontsize=11, zorder=6,
                      fontweight="bold" if ours else "normal", bbox=BARE)  # fmt: skip
    if ratios:
        axes.axvline(1.0, color=INK, linewidth=1.2, label=BASE.label)
    if LIMIT.label in shown:
        axes.axvline(shown[LIMIT.label].median, color=COLOURS[1], linestyle="--", linewidth=1.6, label=LIMIT.label)
    axes.set_xscale("log")
    axes.set_xlim(left, right)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if right < 60.0 * left else (1.0, 3.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=11)


def _legend(panels: Any) -> tuple[list[Any], list[str]]:
    """Return each line that any panel has, once."""
    found: dict[str, Any] = {}
    for axes in panels:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(str(name), handle)
    return list(found.values()), list(found)
