"""Figure of an escape experiment: the way out, and who is still there."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...landscapes.interface import value_at
from ..escape import EscapeResult
from ..rare_escape import RareEscapeResult
from .style import COLOURS, INK, head, styled
from .survival import kaplan_meier

POINTS = 401
BARE = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0}
"""Ground under a text that a line may pass."""
PROFILE_MARGIN = 0.35
"""How far the profile goes on beyond its ends, as a share of the distance from minimum to saddle."""


def draw(result: EscapeResult | RareEscapeResult) -> Figure:
    """Draw the landscape along the escape direction and the Kaplan-Meier curve of the escape times.

    A splitting has no such curve: its levels and its repetitions take its place.
    """
    if isinstance(result, RareEscapeResult):
        from .rare_escape import draw as draw_splitting

        return draw_splitting(result)
    with styled(12.0, 5.6) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(5, 6))
        profile(left, result)
        kaplan_meier(result.times, ax=right, references=result.references)
        if "dt" in result.configuration["rule"]:
            right.set_xlabel("dynamical time t = steps × dt")
        right.set_title("survival", loc="left")
        handles, labels = right.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
        head(figure, result.configuration)
        return figure


def profile(axes: Axes, result: EscapeResult | RareEscapeResult) -> None:
    """Draw the loss on the way out, with the start, the saddle and the level where paths are absorbed."""
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
