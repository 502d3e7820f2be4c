"""Figure of who has not escaped yet: Kaplan-Meier curve, and the quantiles beside those of the exponential law."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ...dynamics.escape_times import EscapeTimes
from ...dynamics.estimates import survival
from ...dynamics.outcomes import ESCAPED
from .interface import Choice, Parts, whole
from .style import BLUE, GREY, INK, PAPER, REFERENCE_LOOKS, panel, styled

POINTS = 401
MOST_STEPS = 2000
"""Corners of a curve that are drawn; more cannot be seen."""
NORMAL = 1.959964
"""Quantile of a two-sided 95 % band."""
BARE = {"facecolor": PAPER, "edgecolor": "none", "alpha": 0.8, "pad": 1.0}
"""Ground under a text that a line may pass."""
SAME = 1e-9
"""Relative difference below which two closed forms are one."""


class Options(NamedTuple):
    """Who has not escaped yet, and whether escape is memoryless.

    Parameters
    ----------
    trajectories
        Number of trajectories N.
    seed
        Seed of the random streams, in [0, 2^64).
    max_steps
        Steps after which a trajectory is censored.
    left_truncation
        Steps at the start that are left out of the estimates.
    """

    trajectories: int = 4000
    seed: int = 0
    max_steps: int = 12_000
    left_truncation: int = 0


QUICK = {"trajectories": 200}
PARTS = {
    "rule": Choice("sgd", {"lr": 0.05}),
    "landscape": Choice("quartic", {"barrier": 0.25}),
    "noise": Choice("isotropic", {"variance": 2.5}),
}
STATEMENTS = ("theorem-3",)


class Data(NamedTuple):
    """What is drawn.

    Parameters
    ----------
    times
        The escape times.
    references
        Rung -> its mean escape time in dynamical time, where there is one.
    """

    times: EscapeTimes
    references: dict[str, float]


def compute(options: Options, parts: Parts, report: Callable[[float, str], None] | None = None) -> Data:
    """Run the ensemble and compute the rungs."""
    from ...dynamics.escape_times import escape_times
    from ...theory.references import references

    if report:
        report(0.0, "simulating")
    setting = options._asdict()
    times = whole(escape_times(parts.landscape, parts.noise, parts.rule, **setting))
    if report:
        report(0.8, "exact references")
    known = references(parts.landscape, parts.noise, parts.rule)._asdict()
    return Data(times, rungs(known))


def draw(data: Data) -> Figure:
    """Draw the survival curve, and beside it the quantiles."""
    with styled(12.0, 5.6) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(6, 5))
        kaplan_meier(data.times, ax=left, references=data.references)
        exponential_qq(data.times, ax=right)
        left.set_title("who has not escaped yet", loc="left")
        right.set_title("memoryless: on a line through 0", loc="left")
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2)
        return figure


def caption(data: Data) -> str:
    """Return what the figure shows, with its numbers."""
    times = data.times
    low, high = times.interval(0.95)
    z, p = times.exponentiality()
    mean = (
        f"the mean escape time is {times.mean:.4g} [{low:.4g}, {high:.4g}] in dynamical time"
        if times.escaped
        else f"the mean escape time is above {low:.4g} in dynamical time"
    )
    test = "too few escapes to test it" if np.isnan(p) else f"test of a constant chance: z = {z:.2g}, p = {p:.2g}"
    return (
        f"Of {times.trajectories:,} trajectories {times.escaped:,} escaped and {times.censored:,} were censored; "
        f"{mean}. Left: the share that has not escaped yet, with its pointwise 95 % band, beside the exponential law "
        "of each rung's mean. Right: escape times against the quantiles of an exponential law; memoryless escape lies "
        f"on the line ({test})."
    )


def alt(data: Data) -> str:
    """Return what the figure looks like."""
    if not data.times.escaped:
        return "Two panels. Left, the share of trajectories not yet escaped stays at 1. Right, no escape to show."
    return (
        "Two panels. Left, the share of trajectories not yet escaped falls with time, on a logarithmic scale along a "
        f"nearly straight line; {len(data.references)} reference lines run beside it. Right, escape times are plotted "
        "against exponential quantiles, with the line through the origin whose slope is the mean."
    )


def kaplan_meier(
    times: EscapeTimes, *, ax: Axes | None = None, references: Mapping[str, Any] | None = None, colour: str = BLUE,
    label: str | None = None,
) -> Axes:  # fmt: skip
    """Draw the Kaplan-Meier curve of escape times with its 95 % band, and exponential laws beside it.

    Parameters
    ----------
    times
        What ``escape_times`` returned.
    ax
        Where to draw; new axes if left out.
    references
        Rung -> mean escape time in dynamical time (a number, or a Reference), or what ``references`` returned.
    colour, label
        Of the curve.

    Returns
    -------
    Axes
        The axes, with labels for a legend.
    """
    axes = panel(ax)
    seen = times.steps > times.left_truncation
    at, alive, error = survival(times.steps[seen], times.outcome[seen] == ESCAPED)
    began = times.left_truncation * times.time_step
    end = float(times.steps.max(initial=1)) * times.time_step
    t = np.concatenate([[began], at * times.time_step, [end]])
    s = np.concatenate([[1.0], alive, alive[-1:] if len(alive) else [1.0]])
    spread = np.concatenate([[0.0], error, error[-1:] if len(error) else [0.0]])
    keep = np.unique(np.linspace(0, len(t) - 1, MOST_STEPS).astype(int))
    t, s, spread = t[keep], s[keep], spread[keep]
    known = (s > 0.0) & np.isfinite(spread)
    t, s, spread = t[known], s[known], spread[known]
    low, high = s * np.exp(-NORMAL * spread), np.minimum(s * np.exp(NORMAL * spread), 1.0)
    axes.fill_between(t, low, high, step="post", color=colour, alpha=0.25, linewidth=0, label="pointwise 95 % band")
    axes.step(t, s, where="post", color=colour, linewidth=3, label=_ensemble(times) if label is None else label)
    u = np.linspace(began, t[-1], POINTS)
    if times.escaped and references is not None:
        first, last = times.interval(0.95)
        law = np.exp(-(u - began) / times.mean)
        axes.plot(u, law, color=GREY, linewidth=5, alpha=0.45, zorder=1.5,
                  label=f"exponential law of the mean {times.mean:.4g} [{first:.4g}, {last:.4g}]")  # fmt: skip
    for name, value in rungs(references).items():
        look = REFERENCE_LOOKS[name]
        axes.plot(u, np.exp(-(u - began) / value), **look.line, label=f"{look.label}: {value:.4g}")
    if s.min() < 0.3:
        axes.set_yscale("log")
        axes.set_ylim(0.5 * s.min(), 1.4)
        _plain_decades(axes, 3 if s.min() > 1e-3 else 1)
    elif times.escaped:
        axes.set_ylim(max(0.0, 1.0 - 1.3 * (1.0 - low.min()) - 1e-3), 1.0 + 0.05 * (1.0 - low.min()) + 1e-3)
    else:
        axes.set_ylim(0.0, 1.05)
        axes.annotate(f"nothing escaped: the mean is above {times.interval(0.95)[0]:.4g}", (0.03, 0.06),
                      xycoords="axes fraction", bbox=BARE)  # fmt: skip
    axes.set_xlim(min(began, t[0]), t[-1] * 1.02)
    axes.set_xlabel("dynamical time t = steps × learning rate")
    axes.set_ylabel("share not yet escaped")
    axes.grid(visible=True)
    return axes


def exponential_qq(times: EscapeTimes, *, ax: Axes | None = None, colour: str = BLUE) -> Axes:
    """Draw escape times against the quantiles of the exponential law, censoring taken into account.

    Parameters
    ----------
    times
        What ``escape_times`` returned.
    ax
        Where to draw; new axes if left out.
    colour
        Of the points.

    Returns
    -------
    Axes
        The axes: a memoryless escape lies on the line, whose slope is the mean.
    """
    axes = panel(ax)
    at, unit = times.exponential_quantiles()
    if len(at) > MOST_STEPS:
        keep = np.unique(np.linspace(0, len(at) - 1, MOST_STEPS).astype(int))
        at, unit = at[keep], unit[keep]
    axes.plot(unit, at, "o", color=colour, markersize=7, markeredgewidth=0, alpha=0.6, label="escapes")
    top = float(unit.max(initial=0.0)) or 1.0
    reach = max(float(at.max(initial=0.0)), top * times.mean) if times.escaped else 1.0
    if times.escaped:
        axes.plot([0.0, top], [0.0, top * times.mean], color=INK, linewidth=1.4, zorder=3,
                  path_effects=[withStroke(linewidth=2.6, foreground=PAPER)],
                  label=f"slope {times.mean:.4g}")  # fmt: skip
        axes.annotate(f"line: slope {times.mean:.4g}, the mean", (0.97, 0.04), xycoords="axes fraction", ha="right",
                      bbox=BARE)  # fmt: skip
    z, p = times.exponentiality()
    said = (
        "nothing escaped"
        if not times.escaped
        else "too few escapes to test"
        if np.isnan(p)
        else f"test of a constant chance\nz = {z:.2g}, p = {p:.2g}"
    )
    axes.annotate(said, (0.03, 0.97), xycoords="axes fraction", ha="left", va="top", bbox=BARE,
                  color=INK if p < 0.01 else GREY)  # fmt: skip
    axes.set_xlim(0.0, 1.04 * top)
    axes.set_ylim(0.0, 1.04 * reach)
    axes.set_xlabel("exponential quantile (means)")
    axes.set_ylabel("escape time t (dynamical time)")
    axes.grid(visible=True)
    return axes


def rungs(references: Any) -> dict[str, float]:
    """Return the value of each rung that has one, of numbers, of References, or of a NamedTuple of these.

    What corrects nothing is left out: the corrected closed form where it is the printed one.
    """
    given = {} if references is None else references._asdict() if hasattr(references, "_asdict") else dict(references)
    values = {name: getattr(each, "value", each) for name, each in given.items()}
    known = {name: float(value) for name, value in values.items() if value is not None}
    if "corrected" in known and math.isclose(known["corrected"], known.get("closed_form", math.inf), rel_tol=SAME):
        del known["corrected"]
    return known


def _ensemble(times: EscapeTimes) -> str:
    """Return what the curve is of: how many trajectories, and the shares that were not seen to escape."""
    number = int(np.count_nonzero(times.steps > times.left_truncation))
    unseen = [
        f"{100.0 * count / number:.3g} % {word}"
        for word, count in (("censored", times.censored), ("diverged", times.diverged))
        if count
    ]
    return ", ".join([f"Kaplan–Meier, N = {number:,}", *unseen])


def _plain_decades(axes: Axes, marks: int) -> None:
    """Write the ticks of a logarithmic share as numbers, one or three a decade."""
    ends = axes.get_ylim()
    ticks = [m * 10.0**-k for k in range(13) for m in (1.0, 0.5, 0.2)[:marks]]
    axes.yaxis.set_major_locator(FixedLocator([tick for tick in ticks if ends[0] <= tick <= ends[1]]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
