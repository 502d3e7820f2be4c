"""Figure of an escape experiment: the way out, and who is still there."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...dynamics.estimates import survival
from ...dynamics.outcomes import ESCAPED
from ...landscapes.interface import value_at
from ..escape import EscapeResult
from .style import COLOURS, INK, REFERENCE_LINES, head, styled

POINTS = 401
MOST_STEPS = 2000
"""Corners of the survival curve that are drawn; more cannot be seen."""
BARE = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0}
"""Ground under a text that a line may pass."""
PROFILE_MARGIN = 0.35
"""How far the profile goes on beyond its ends, as a share of the distance from minimum to saddle."""


def draw(result: EscapeResult) -> Figure:
    """Draw the landscape along the escape direction and the Kaplan-Meier curve of the escape times."""
    with styled(12.0, 5.6) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(5, 6))
        _profile(left, result)
        _survival(right, result)
        handles, labels = right.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
        head(figure, result.configuration)
        return figure


def _profile(axes: Axes, result: EscapeResult) -> None:
    landscape, run = result.landscape, result.configuration["run"]
    way = landscape.escape()
    along = way.direction
    start = way.minimum if run["origin"] is None else np.asarray(run["origin"])
    far = way.far_minimum if way.far_minimum is not None and along @ (way.far_minimum - way.saddle) > 0.0 else None
    level = along @ far if run["exit"] is None else run["exit"]
    margin = PROFILE_MARGIN * (way.saddle - way.minimum)
    corners = [way.minimum - margin, way.minimum, way.saddle]
    corners += [way.saddle + (way.saddle - way.minimum)] if far is None else [far]
    corners += [corners[-1] + PROFILE_MARGIN * (corners[-1] - way.saddle)]
    knots = np.array(corners)
    u = np.linspace(along @ knots[0], max(along @ knots[-1], level), POINTS)
    theta = np.array([np.interp(u, knots @ along, knots[:, i]) for i in range(knots.shape[1])])
    loss = np.empty((1, POINTS))
    landscape.value(theta, loss)

    floor, top = value_at(landscape, way.minimum), value_at(landscape, way.saddle)
    axes.plot(u, loss[0], color=COLOURS[0])
    for point, name, mark, aside in (
        (way.saddle, "saddle b", "^", 12),
        (start, "start a" if run["origin"] is None else "start", "o", -24),
    ):
        x, y = along @ point, value_at(landscape, point)
        axes.plot(x, y, mark, color=INK, markersize=9)
        axes.annotate(name, (x, y), (0, aside), textcoords="offset points", ha="center", bbox=BARE)
    axes.axvline(level, color=COLOURS[1], linestyle="--")
    axes.annotate(f"absorbed\nat {level:.4g}", (level, 0.98), (-6, 0), ha="right", va="top",
                  xycoords=("data", "axes fraction"), textcoords="offset points", color=COLOURS[1])  # fmt: skip
    saddle = along @ way.saddle
    axes.annotate("", (saddle, top), (saddle, floor), arrowprops={"arrowstyle": "<->", "color": INK, "shrinkB": 7})
    axes.annotate(
        f"ΔL = {top - floor:.4g}", (saddle, floor + 0.1 * (top - floor)), (8, 0), textcoords="offset points", bbox=BARE
    )
    lowest = min(float(loss.min()), floor)
    axes.set_ylim(lowest - 0.3 * (top - floor), top + 0.75 * (top - floor))
    axes.set_xlim(u[0], u[-1] + 0.03 * (u[-1] - u[0]))
    axes.set_xlabel("position along the way out, e·θ")
    axes.set_ylabel("loss L")
    straight = "" if knots.shape[1] == 1 else ", straight from a to b and on"
    axes.set_title(f"loss on the way out{straight}", loc="left")


def _survival(axes: Axes, result: EscapeResult) -> None:
    times = result.times
    seen = times.steps > times.left_truncation
    at, alive, error = survival(times.steps[seen], times.outcome[seen] == ESCAPED)
    began = times.left_truncation * times.time_step
    number = int(np.count_nonzero(seen))
    end = float(times.steps.max(initial=1)) * times.time_step
    t = np.concatenate([[began], at * times.time_step, [end]])
    s = np.concatenate([[1.0], alive, alive[-1:] if len(alive) else [1.0]])
    spread = np.concatenate([[0.0], error, error[-1:] if len(error) else [0.0]])
    keep = np.unique(np.linspace(0, len(t) - 1, MOST_STEPS).astype(int))
    t, s, spread = t[keep], s[keep], spread[keep]
    known = (s > 0.0) & np.isfinite(spread)
    t, s, spread = t[known], s[known], spread[known]
    low, high = s * np.exp(-1.959964 * spread), np.minimum(s * np.exp(1.959964 * spread), 1.0)

    axes.fill_between(t, low, high, step="post", color=COLOURS[0], alpha=0.25, linewidth=0, label="pointwise 95 % band")
    axes.step(t, s, where="post", color=COLOURS[0], label=f"Kaplan–Meier, N = {number:,}")
    u = np.linspace(began, t[-1], POINTS)
    if times.escaped:
        first, last = times.interval(0.95)
        law = np.exp(-(u - began) / times.mean)
        axes.plot(u, law, color=COLOURS[5], linewidth=4, alpha=0.6, zorder=1.5,
                  label=f"exponential law of the mean {times.mean:.4g} [{first:.4g}, {last:.4g}]")  # fmt: skip
    for name, reference in result.references.items():
        if reference.value is not None:
            line = REFERENCE_LINES[name]
            law = np.exp(-(u - began) / reference.value)
            said = f"{line.label}: {reference.value:.4g}"
            axes.plot(u, law, color=line.colour, linestyle=line.dashes, linewidth=line.width, label=said)
    if s.min() < 0.3:
        axes.set_yscale("log")
        axes.set_ylim(0.5 * s.min(), 1.4)
    else:
        axes.set_ylim(max(0.0, 1.0 - 1.3 * (1.0 - low.min()) - 1e-3), 1.0 + 0.05 * (1.0 - low.min()) + 1e-3)
    axes.set_xlim(min(began, t[0]), t[-1] * 1.02)
    axes.set_xlabel("dynamical time t = steps × " + ("dt" if "dt" in result.configuration["rule"] else "learning rate"))
    axes.set_ylabel("share not yet escaped")
    axes.grid(visible=True)
    axes.set_title("survival", loc="left")
