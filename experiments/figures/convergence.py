"""Figure of a convergence experiment: the smallest mean square gradient against the horizon, and within one run."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..convergence import Convergence, Decay
from ..convergence_table import NAMES
from ..table import arguments
from .style import COLOURS, INK, styled

APART = 0.06
"""Relative distance between the marks of two rules, which would hide one another."""
DASHES: dict[str, Any] = {"closed_form": (0, (2, 1.5)), "corrected": (0, (6, 2, 1.5, 2))}
LABELS = {"closed_form": "Theorem 4's bound", "corrected": "our bound", "exact": "exact, this iteration"}


def draw(result: Convergence) -> Figure:
    """Draw the decay with the horizon beside its bounds, and the same times the square root of the horizon."""
    with styled(12.0, 6.2) as figure:
        left, right = figure.subplots(1, 2)
        for k, decay in enumerate(result.decays):
            shift = 1.0 + APART * (k - 0.5 * (len(result.decays) - 1))
            _decay(left, decay, COLOURS[k], shift, 0.0)
            _decay(right, decay, COLOURS[k], shift, 0.5)
        for axes in (left, right):
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_xlabel("horizon T (steps)")
            axes.grid(visible=True)
        left.set_ylabel("smallest E|∇L|²  (loss²/θ²)")
        left.set_title("smallest mean square gradient of a run", loc="left")
        right.set_ylabel("√(T + 1) × smallest E|∇L|²")
        right.set_title("times √(T + 1): level where it decays like T⁻¹ᐟ²", loc="left")
        handles = _legend(result)
        figure.legend(handles=handles, loc="outside lower center", ncols=2)
        parts = (result.configuration[kind] for kind in ("landscape", "noise"))
        said = ", ".join(part["name"] + arguments(part) for part in parts)
        figure.suptitle(f"{said}, learning rate {result.configuration['run']['c0']:g}/√(T + 1)")
        return figure


def _decay(axes: Axes, decay: Decay, colour: str, shift: float, power: float) -> None:
    T = np.array([horizon.steps for horizon in decay.horizons], dtype=np.float64)
    scale = (T + 1.0) ** power
    value = scale * [horizon.value for horizon in decay.horizons]
    edges = scale * np.transpose([horizon.interval(0.95) for horizon in decay.horizons])
    axes.errorbar(
        T * shift, value, np.abs(edges - value), color=colour, fmt="o", markersize=6, linewidth=1.4, capsize=3, zorder=3
    )
    for name, dashes in DASHES.items():
        told = [getattr(limits, name).value for limits in decay.bounds]
        known = np.array([np.nan if each is None else each for each in told], dtype=np.float64)
        axes.plot(T, scale * known, color=colour, linestyle=dashes, linewidth=1.8)
    exact = np.array([np.nan if each.value is None else each.value for each in decay.exact], dtype=np.float64)
    axes.plot(T, scale * exact, color=colour, linewidth=1.2)


def _legend(result: Convergence) -> list[Any]:
    """Return the rules with their exponents, then what the lines are that were drawn."""
    handles = []
    for k, decay in enumerate(result.decays):
        said = NAMES[decay.name]
        if decay.exponent is not None:
            low, high = decay.exponent.interval(0.95)
            said += f": p = {decay.exponent.value:.3f} [{low:.3f}, {high:.3f}]"
        handles.append(Line2D([], [], marker="o", linestyle="none", color=COLOURS[k], label=said))
    lines = [Line2D([], [], color=INK, linestyle=dashes, label=LABELS[name]) for name, dashes in DASHES.items()]
    lines.append(Line2D([], [], color=INK, linewidth=1.2, label=LABELS["exact"]))
    blanks = [Line2D([], [], linestyle="none", label=" ")] * (3 - len(handles))
    return [*handles, *blanks, *lines]
