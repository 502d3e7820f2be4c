"""Figure of Adai's inertia: 1 - mu of every coordinate, beside its prediction and both of its clips."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from ...dynamics.adai import Adai
from ...landscapes.checks import whole as whole_number
from ...landscapes.quadratic_saddle import QuadraticSaddle
from .interface import Choice, Parts
from .saddle_spreading import direction_looks
from .style import GREY, INK, PAPER, REFERENCE_LOOKS, panel, styled

Array = npt.NDArray[np.float64]

RECORDS = 24
SHOWN = 5
"""Coordinates that are drawn against time."""
LANES = 256
NORMAL = 1.959964
"""Quantile of a two-sided 95 % interval."""
SPECTRUM = (4.0, -0.3, 0.5, *(float(size) for size in np.round(np.geomspace(0.25, 0.0005, 13), 5)))
PRINTED, HELD = REFERENCE_LOOKS["closed_form"], REFERENCE_LOOKS["corrected"]


class Options(NamedTuple):
    """Adai's inertia in every coordinate, in a minimum and on a saddle that is being left.

    Parameters
    ----------
    trajectories
        Number of trajectories N.
    seed
        Seed of the random streams, in [0, 2^64).
    steps
        Number of steps T.
    """

    trajectories: int = 2000
    seed: int = 0
    steps: int = 2000


QUICK = {"trajectories": 200, "steps": 300}
PARTS = {
    "rule": Choice("adai", {"lr": 0.01, "beta2": 0.999}),
    "landscape": Choice("saddle", {"curvatures": SPECTRUM}),
    "noise": Choice("hessian", {"batch_size": 1.0}),
}
STATEMENTS = ("proposition-3",)


class Inertia(NamedTuple):
    """What Adai's 1 - mu is in every coordinate of N trajectories.

    Parameters
    ----------
    curvatures
        H_i of each coordinate, (d,).
    time
        Dynamical times, (R,).
    mean, error
        Mean of 1 - mu_i over the trajectories, and its standard error, (R, d).
    low, high
        Between these are nine trajectories in ten, (R, d).
    beta0, eps
        The rule's: the slope of the prediction, and the lower clip.
    stated
        beta0 n |H_i| / ||H||_1, not clipped, (d,).
    held
        beta0 C_ii / mean C, not clipped: the same with the noise's own variances, (d,).
    trajectories
        N.
    """

    curvatures: Array
    time: Array
    mean: Array
    error: Array
    low: Array
    high: Array
    beta0: float
    eps: float
    stated: Array
    held: Array
    trajectories: int

    @property
    def predicted(self) -> Array:
        """The prediction, clipped to [eps, 1], (d,)."""
        return np.clip(self.stated, self.eps, 1.0)

    @property
    def eq_3(self) -> bool:
        """Whether the noise is Eq. 3's, so that its variances are in proportion to the magnitudes of curvature."""
        return bool(np.allclose(self.held, self.stated, rtol=1e-9))

    @property
    def clipped(self) -> npt.NDArray[np.bool_]:
        """Which coordinates it is clipped in, (d,)."""
        return np.asarray((self.stated < self.eps) | (self.stated > 1.0))


class Data(NamedTuple):
    """What is drawn.

    Parameters
    ----------
    settled
        In a minimum with the magnitudes of the curvatures.
    running
        On the saddle.
    """

    settled: Inertia
    running: Inertia


def compute(options: Options, parts: Parts, report: Callable[[float, str], None] | None = None) -> Data:
    """Run Adai in the minimum and on the saddle of the same magnitudes of curvature."""
    saddle = parts.landscape
    _refuse(saddle, parts.rule)
    setting = options._asdict()
    if report:
        report(0.0, "in a minimum")
    settled = adai_inertia(QuadraticSaddle(np.abs(saddle.curvatures)), parts.noise, parts.rule, **setting)
    if report:
        report(0.5, "on a saddle")
    return Data(settled, adai_inertia(saddle, parts.noise, parts.rule, **setting))


def adai_inertia(landscape: Any, noise: Any, rule: Adai, *, steps: int, trajectories: int, seed: int = 0) -> Inertia:
    """Run Adai from the critical point of a quadratic loss, at rest, and look at its inertia on the way.

    The trajectories are those of ``saddle_spread`` with the same seed, bit for bit: its kernel is stopped now and then.

    Parameters
    ----------
    landscape
        A quadratic saddle, or minimum, that is not rotated.
    noise
        Any.
    rule
        Adai.
    steps
        T.
    trajectories, seed
        N, and the seed of the random streams.

    Returns
    -------
    Inertia
        Moments of 1 - mu at some steps, evenly spaced in their logarithm.

    Raises
    ------
    ValueError, TypeError
        Where an argument is out of bounds.
    """
    from ...dynamics.setting import check_stable, checked_parts
    from ...landscapes.interface import covariance_at
    from ...theory.closed_form import closed_form

    landscape, noise, rule = checked_parts(landscape, noise, rule)
    _refuse(landscape, rule)
    number = whole_number("trajectories", trajectories, 2)
    origin = np.zeros(landscape.dimension)
    check_stable(landscape, rule, (origin,))
    last = whole_number("steps", steps, 2)
    record = np.unique(np.rint(np.geomspace(1, last, RECORDS)).astype(np.int64))
    open_ = 1.0 - _gains(landscape, noise, rule, record, number, seed)
    h, c = np.asarray(landscape.curvatures), np.diag(covariance_at(noise, landscape, origin))
    time = np.asarray(record * rule.lr, dtype=np.float64)
    low, high = np.quantile(open_, [0.05, 0.95], axis=1)
    stated = closed_form("proposition-3", "inertia_lost")(h, np.abs(h).sum(), len(h), rule.beta0)
    return Inertia(
        h, time, open_.mean(axis=1), open_.std(axis=1, ddof=1) / np.sqrt(number), low, high, rule.beta0,
        rule.eps, np.asarray(stated, dtype=np.float64), rule.beta0 * c / max(float(c.mean()), 1e-300), number,
    )  # fmt: skip


def draw(data: Data) -> Figure:
    """Draw all coordinates against their curvature, and some against time."""
    with styled(12.8, 6.6) as figure:
        left, right = figure.subplots(1, 2)
        inertia_by_curvature(data.settled, ax=left)
        inertia_by_curvature(data.running, ax=left, mark="^", label="on the saddle, at the end", predictions=False)
        inertia_over_time(data.running, ax=right)
        left.set_title("every coordinate at the end of the run", loc="left")
        right.set_title("some coordinates on the saddle, in time", loc="left")
        handles, labels = left.get_legend_handles_labels()
        more, names = right.get_legend_handles_labels()
        figure.legend(handles + more, labels + names, loc="outside lower center", ncols=3)
        return figure


def inertia_by_curvature(
    measured: Inertia, *, ax: Axes | None = None, record: int = -1, mark: str = "o",
    label: str = "in the minimum, at the end", predictions: bool = True,
) -> Axes:  # fmt: skip
    """Draw 1 - mu of every coordinate against |H_i| over its mean, beside Proposition 3 with both clips.

    Marks are means with their 95 % interval, filled where the prediction is not clipped; the pale bars hold nine
    trajectories in ten.

    Parameters
    ----------
    measured
        What ``adai_inertia`` returned.
    ax
        Where to draw; new axes if left out.
    record
        Which of its times; default the last.
    mark, label
        Of the means.
    predictions
        Whether to draw the prediction and the clips.

    Returns
    -------
    Axes
        The axes, with labels for a legend.
    """
    axes = panel(ax)
    size = np.abs(measured.curvatures)
    x = size / size.mean()
    order = np.argsort(x, kind="stable")
    mean, error = measured.mean[record], NORMAL * measured.error[record]
    axes.vlines(x, measured.low[record], measured.high[record], color=INK, alpha=0.2, linewidth=5,
                label="nine trajectories in ten" if predictions else "_")  # fmt: skip
    for clipped in (False, True):
        at = measured.clipped == clipped
        axes.errorbar(x[at], mean[at], error[at], linestyle="none", color=INK, marker=mark, markersize=6.5,
                      markerfacecolor=PAPER if clipped else INK, linewidth=1.2, zorder=3,
                      label=None if clipped else label)  # fmt: skip
    if predictions:
        reach = np.geomspace(0.5 * max(x[x > 0.0].min(initial=1.0), 1e-12), 2.0 * x.max(), 400)
        axes.plot(reach, np.clip(measured.beta0 * reach, measured.eps, 1.0), zorder=2,
                  label="Proposition 3, clipped to [ε, 1]", **PRINTED.line)  # fmt: skip
        if not measured.eq_3:
            axes.plot(x[order], np.clip(measured.held, measured.eps, 1.0)[order], zorder=2,
                      label="with the noise's own variances", **HELD.line)  # fmt: skip
        for level, name, above in ((1.0, "clip: μ = 0", True), (measured.eps, "clip: μ = 1 − ε", False)):
            axes.axhline(level, color=GREY, linewidth=1.0, linestyle=(0, (1, 2)))
            axes.annotate(name, (0.03 if above else 0.97, level), xycoords=("axes fraction", "data"), color=GREY,
                          xytext=(0, 4 if above else -4), textcoords="offset points",
                          ha="left" if above else "right", va="bottom" if above else "top")  # fmt: skip
        axes.set_ylim(0.4 * measured.eps, 2.5)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    if x.max() < 30.0 * x.min():
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set_xlabel("curvature over its mean magnitude, |Hᵢ| / mean|H|")
    axes.set_ylabel("1 − μᵢ, share of the momentum lost a step")
    axes.grid(visible=True)
    return axes


def inertia_over_time(measured: Inertia, *, ax: Axes | None = None, coordinates: Sequence[int] | None = None) -> Axes:
    """Draw the mean of 1 - mu of some coordinates against time, each beside its prediction.

    Parameters
    ----------
    measured
        What ``adai_inertia`` returned.
    ax
        Where to draw; new axes if left out.
    coordinates
        Which; default at most five from the stiffest to the flattest, an unstable one among them.

    Returns
    -------
    Axes
        The axes, with labels for a legend.
    """
    axes = panel(ax)
    shown = list(chosen_coordinates(measured.curvatures) if coordinates is None else coordinates)
    for look, i in zip(direction_looks(measured.curvatures[shown]), shown, strict=True):
        mean, error = measured.mean[:, i], NORMAL * measured.error[:, i]
        axes.fill_between(measured.time, measured.low[:, i], measured.high[:, i], color=look.colour, alpha=0.16,
                          linewidth=0)  # fmt: skip
        axes.errorbar(measured.time, mean, error, markersize=6, markeredgecolor=INK, markeredgewidth=0.6, linewidth=1.2,
                      zorder=3, label=look.label, **look.points)  # fmt: skip
        axes.axhline(measured.predicted[i], zorder=2, **PRINTED.line)
        if not measured.eq_3:
            axes.axhline(min(max(measured.held[i], measured.eps), 1.0), zorder=2, **HELD.line)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(0.4 * measured.eps, 2.5)
    axes.set_xlabel("dynamical time t = steps × learning rate")
    axes.set_ylabel("1 − μᵢ, share of the momentum lost a step")
    axes.grid(visible=True)
    return axes


def chosen_coordinates(curvatures: npt.ArrayLike) -> list[int]:
    """Return at most five coordinates from the stiffest to the flattest, the most unstable one among them."""
    h = np.asarray(curvatures, dtype=np.float64)
    order = np.argsort(-np.abs(h), kind="stable")
    places = np.unique(np.linspace(0, len(h) - 1, min(len(h), SHOWN)).astype(int))
    chosen = [int(order[k]) for k in places]
    unstable = int(np.argmin(h))
    if h[unstable] < 0.0 and unstable not in chosen:
        nearest = 1 + int(np.argmin(np.abs(places[1:-1] - np.flatnonzero(order == unstable)[0])))
        chosen[nearest] = unstable
    return chosen


def caption(data: Data) -> str:
    """Return what the figure shows, with its numbers."""
    settled, running = data.settled, data.running
    free = ~settled.clipped
    quotient = [np.abs(np.log(each.mean[-1] / each.predicted)) for each in (settled, running)]
    text = (
        f"Mean of 1 − μ over {settled.trajectories:,} trajectories of Adai, in a minimum and on a saddle with "
        f"{len(settled.curvatures)} curvatures of the same magnitudes, beside β₀ n|Hᵢ| / ‖H‖₁ (Proposition 3)."
    )
    if np.any(free):
        text += (
            f" At the end the {np.count_nonzero(free)} coordinates that are not clipped are within a factor of "
            f"{np.exp(quotient[0][free].max()):.3g} of it in the minimum and of {np.exp(quotient[1][free].max()):.3g} "
            "on the saddle"
        )
        if not settled.eq_3:
            text += ": the noise is not Eq. 3's, and v follows the noise."
        elif quotient[1][free].max() > 2.0 * quotient[0][free].max():
            text += ", where the gradient of the direction that runs away enters v."
        else:
            text += "."
    high, low = np.count_nonzero(settled.stated > 1.0), np.count_nonzero(settled.stated < settled.eps)
    return (
        f"{text} Hollow marks are coordinates beyond a clip: {high} at μ = 0, {low} at μ = 1 − ε, ε = {settled.eps:g}."
    )


def alt(data: Data) -> str:
    """Return what the figure looks like."""
    shown = len(chosen_coordinates(data.running.curvatures))
    off = float(np.exp(np.abs(np.log(data.running.mean[-1] / data.running.predicted)).max()))
    return (
        "Two panels on logarithmic axes. Left, 1 minus mu of every coordinate rises in proportion to its curvature "
        "along a dotted line that is flat at both ends, where it is clipped; circles lie on it, triangles, those of "
        f"the saddle, off it by up to a factor of {off:.3g}. Right, {shown} coordinates of the saddle against time, "
        "each with a pale band that narrows and the dotted level of its prediction."
    )


def _refuse(landscape: Any, rule: Any) -> None:
    """Refuse what Proposition 3 says nothing about."""
    if not isinstance(rule, Adai):
        raise ValueError(f"rule={type(rule).__name__} must be Adai: no other rule here has an inertia of its own")
    if rule.dampening < 1.0:
        raise ValueError(f"dampening={rule.dampening:g} must be 1: Proposition 3 is about no other")
    if not isinstance(landscape, QuadraticSaddle) or np.size(landscape.rotation):
        raise ValueError(
            f"landscape={type(landscape).__name__} must be a quadratic saddle that is not rotated: "
            "Adai's coordinates must be the eigen-directions"
        )
    if landscape.dimension < 2:
        raise ValueError(f"dimension={landscape.dimension} must be at least 2: in one, 1 - mu is beta0 always")


def _gains(landscape: Any, noise: Any, rule: Any, record: npt.NDArray[np.int64], trajectories: int, seed: int) -> Array:
    """Return the rule's gain at the recorded steps, (R, N, d): the kernel of ``saddle_spread``, stopped at each."""
    from ...dynamics.cache import kernel
    from ...dynamics.kernels import fixed_horizon, new_block
    from ...dynamics.layouts import layout
    from ...dynamics.setting import random_source, start_of
    from ...landscapes.interface import suited

    d, rows = landscape.dimension, rule.rows()
    where = start_of(landscape, noise, np.zeros(d), "rest", seed)
    parts = [suited(part, landscape) for part in (landscape, noise, rule)]
    source, form = random_source("xoshiro", "float64"), layout(d)
    run = kernel(fixed_horizon, *parts, form, *source)
    none = np.zeros(0, np.int64)
    out = np.empty((len(record), trajectories, d))
    for low in range(0, trajectories, LANES):
        high = min(low + LANES, trajectories)
        block = new_block(d, rows, LANES, low, high, source.normals.at_once())
        for r, step in enumerate(record.tolist()):
            run(*parts, form, source, where, block, step, none, low, np.empty((0, d, 0)))
            out[r, low:high] = block.gain[:, : high - low].T
    return out
