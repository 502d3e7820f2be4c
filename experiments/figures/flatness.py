"""Figure of escape against sharpness: a panel a rule, ln(tau / Pi_k) over k on logarithmic axes."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from ..flatness import FlatnessResult, Series
from .style import COLOURS, INK, REFERENCE_LOOKS, styled

CURVE = 101
NAMES = {"sgd": "SGD", "momentum": "heavy ball", "adai": "Adai", "adam": "Adam"}
TICKS = (0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 50.0, 70.0, 100.0)


def draw(result: FlatnessResult) -> Figure:
    """Draw what was measured with its fit, the statement, and ln tau with its prefactor left in, for each rule."""
    shown = [series for series in result.series if series.fits]
    columns = min(len(shown), 2)
    rows = -(-len(shown) // columns)
    with styled(6.2 * columns, 0.5 + 4.6 * rows) as figure:
        panels = figure.subplots(rows, columns, squeeze=False)
        for axes in panels.ravel()[len(shown) :]:
            axes.set_visible(False)
        for axes, series in zip(panels.ravel(), shown, strict=False):
            _panel(axes, series)
        for axes in panels[:, 0]:
            axes.set_ylabel("logarithm of the escape time")
        for axes in panels[-1]:
            axes.set_xlabel("sharpness k")
        return figure


def _panel(axes: Axes, series: Series) -> None:
    setup, k = series.setup, series.sharpness
    law, claimed = setup.laws["corrected"], setup.laws["closed_form"].exponent
    taken = law.log_prefactor(k)
    logs, errors = np.log(series.means), 1.959964 * np.sqrt(series.variances)
    curve = np.geomspace(k[0], k[-1], CURVE)
    fit = series.fits["measured"]
    low, high = fit.interval(0.95)
    if "raw" in series.slopes:
        said = f"ln τ, Π left in: slope −{-series.slopes['raw'].slope:.3f}"
        axes.plot(k, logs, "s", color=COLOURS[4], markersize=5, markerfacecolor="white", label=said, zorder=2)
    line = REFERENCE_LOOKS["closed_form"]
    said = rf"the law: $A\,k^{{-{claimed:g}}}$, A = {law.climb:.3g}"
    axes.plot(curve, law.climb * curve**-claimed, color=line.colour, linestyle=line.dashes, linewidth=line.width,
              label=said, zorder=4)  # fmt: skip
    if "exact_discrete" in series.exact:
        line = REFERENCE_LOOKS["exact_discrete"]
        exact = series.fits["exact_discrete"]
        said = f"{line.label}: exponent −{exact.exponent:.3f}"
        axes.plot(k, np.log(series.exact["exact_discrete"]) - taken, color=line.colour, linewidth=line.width,
                  label=said, zorder=3)  # fmt: skip
    said = f"fit: exponent −{fit.exponent:.3f} [−{high:.3f}, −{low:.3f}]"
    axes.plot(curve, fit.constant + fit.scale * curve**-fit.exponent, color=COLOURS[0], linewidth=1.6, label=said)
    axes.errorbar(k, logs - taken, errors, fmt="o", color=COLOURS[0], markersize=6, capsize=3, linewidth=1.4,
                  label="measured ln(τ/Π), 95 %", zorder=5)  # fmt: skip
    bottom = float(np.min(logs - taken - errors))
    top = float(np.max(logs))
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(k[0] / 1.06, k[-1] * 1.06)
    # The curves fall; what is above them on the right is free for the legend.
    axes.set_ylim(bottom / 1.15, top * (top / bottom) ** 0.55)
    for axis, ends in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        axis.set_major_locator(FixedLocator([tick for tick in TICKS if ends[0] <= tick <= ends[1]]))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.grid(visible=True)
    axes.set_title(f"{NAMES[setup.name]}: stated exponent {-claimed:g}".replace("-", "−"), loc="left", color=INK)
    axes.legend(loc="upper right", fontsize=10.5, frameon=True, framealpha=1.0, edgecolor="none", borderaxespad=0.0)
