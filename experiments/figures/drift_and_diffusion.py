"""Figure of the two parts of a spread under momentum: what the start's momentum carries, and what the noise adds."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...dynamics.estimates import variance_interval
from ...dynamics.momentum import Momentum
from ...dynamics.setting import Momentum as Momenta
from ...landscapes.checks import positive, vector
from ...landscapes.checks import whole as whole_number
from ...landscapes.quadratic_saddle import QuadraticSaddle
from .interface import Choice, Parts, whole
from .style import GREY, INK, PAPER, REFERENCE_LOOKS, panel, styled

Array = npt.NDArray[np.float64]

RECORDS = 18
POINTS = 160
MOST = 3
"""Values of beta1 that a figure has room for."""
MARKS = "o^s"
STARTS: tuple[Momenta, Momenta] = ("thermal", "rest")
LEVEL = 5.0
"""(1 - beta1) T at which the drift has levelled off, to 1.4 %."""
PRINTED, EXACT = REFERENCE_LOOKS["closed_form"], REFERENCE_LOOKS["exact_discrete"]


class Options(NamedTuple):
    """Momentum drift against diffusion, the two terms of Theorem 2, for heavy ball in its averaged form.

    Parameters
    ----------
    lr
        Learning rate eta.
    beta1
        Shares of the momentum kept each step, at most three; beta3 = 1 - beta1.
    trajectories
        Number of trajectories N.
    seed
        Seed of the random streams, in [0, 2^64).
    steps
        Number of steps T.
    """

    lr: float = 0.01
    beta1: tuple[float, ...] = (0.5, 0.9, 0.99)
    trajectories: int = 10_000
    seed: int = 0
    steps: int = 1500


QUICK = {"trajectories": 300, "steps": 200}
PARTS = {
    "landscape": Choice("saddle", {"curvatures": (-0.01, 0.1)}),
    "noise": Choice("hessian", {"batch_size": 1.0}),
}
STATEMENTS = ("theorem-2", "proposition-3")


class Split(NamedTuple):
    """The two parts of the variance along a direction under heavy ball.

    Parameters
    ----------
    beta1, lr
        Share of the momentum kept each step, and learning rate.
    curvature
        Along the direction.
    trajectories
        N.
    time
        Dynamical times, (R,).
    drift, diffusion
        Measured variances, (R,): of what the momentum at the start carries, and of the paths that start at rest.
    at
        Dynamical times of the lines, (P,).
    exact_drift, exact_diffusion
        For the iteration, (P,).
    printed_drift, printed_diffusion
        The two terms as printed, (P,).
    crossing
        First step, in dynamical time, at which the exact diffusion is not the smaller; NaN where it always is or never.
    """

    beta1: float
    lr: float
    curvature: float
    trajectories: int
    time: Array
    drift: Array
    diffusion: Array
    at: Array
    exact_drift: Array
    exact_diffusion: Array
    printed_drift: Array
    printed_diffusion: Array
    crossing: float


class Data(NamedTuple):
    """What is drawn.

    Parameters
    ----------
    curvature
        Along the direction, the lowest.
    lr
        Learning rate.
    splits
        One for each beta1.
    """

    curvature: float
    lr: float
    splits: tuple[Split, ...]


def compute(options: Options, parts: Parts, report: Callable[[float, str], None] | None = None) -> Data:
    """Run each ensemble twice on the same path noise, from a thermal start and from rest, and take the difference."""
    lr = positive("lr", options.lr, "a step must go down the gradient")
    steps = whole_number("steps", options.steps, 2)
    kept = np.unique(vector("beta1", np.atleast_1d(options.beta1)))
    if not 1 <= len(kept) <= MOST:
        raise ValueError(f"beta1={kept.tolist()} must be one to {MOST} values: there is a panel for each")
    if not (kept.min() > 0.0 and kept.max() < 1.0):
        raise ValueError(f"beta1={kept.tolist()} must lie in (0, 1): without momentum there is no drift")
    splits = []
    for k, beta1 in enumerate(kept):
        if report:
            report(k / len(kept), f"beta1 = {beta1:g}")
        rule = Momentum(lr, float(beta1), 1.0 - float(beta1))
        splits.append(
            momentum_split(
                parts.landscape, parts.noise, rule, steps=steps, trajectories=options.trajectories, seed=options.seed
            )
        )
    return Data(splits[0].curvature, lr, tuple(splits))


def momentum_split(
    landscape: Any, noise: Any, rule: Momentum, *, steps: int, trajectories: int, seed: int = 0
) -> Split:
    """Measure the two parts of the variance along the lowest curvature of a quadratic saddle, on paired ensembles.

    theta is linear in the momentum at the start and in the noise of the path, and both starts have the same noise: the
    path from a thermal start less that from rest is what the momentum at the start alone becomes.

    Parameters
    ----------
    landscape
        A quadratic saddle.
    noise
        With a covariance that is the same everywhere, as Eq. 3 has it there.
    rule
        Heavy ball, with or without beta3 = 1 - beta1.
    steps
        T.
    trajectories, seed
        As in ``saddle_spread``.

    Returns
    -------
    Split
        The parts, measured, exact for the iteration, and as printed.

    Raises
    ------
    ValueError, TypeError
        Where theta is not linear in momentum and noise.
    """
    from ...dynamics.saddle_spread import saddle_spread
    from ...dynamics.setting import checked_parts
    from ...landscapes.interface import covariance_at
    from ...theory.closed_form import closed_form

    landscape, noise, rule = checked_parts(landscape, noise, rule)
    if not isinstance(landscape, QuadraticSaddle):
        raise ValueError(
            f"landscape={type(landscape).__name__} must be a quadratic saddle: "
            "elsewhere theta is not linear in the momentum at the start"
        )
    if not isinstance(rule, Momentum) or not rule.beta1 > 0.0 or rule.weight_decay > 0.0:
        raise ValueError(f"rule={rule} must be heavy ball with beta1 above 0 and no weight decay")
    record = np.unique(np.rint(np.geomspace(1, steps, RECORDS)).astype(np.int64))
    thermal, rest = (
        whole(
            saddle_spread(
                landscape, noise, rule, steps=steps, trajectories=trajectories, seed=seed, record=record,
                momentum=momentum, keep_paths=True,
            )
        )
        for momentum in STARTS
    )  # fmt: skip
    if not rest.gaussian:
        raise ValueError(f"noise={type(noise).__name__} must have one covariance everywhere: theta is not linear in it")
    i = int(np.argmin(rest.curvatures))
    carried = (thermal.paths - rest.paths) @ rest.directions[:, i]
    h, e = float(rest.curvatures[i]), rest.directions[:, i]
    c = float(e @ covariance_at(noise, landscape, np.zeros(len(e))) @ e)
    every = np.arange(1, steps + 1)
    iteration = (h, c, rule.lr, rule.beta1, rule.beta3)
    drift = closed_form("theorem-2", "iterated_drift")(*iteration, every)
    diffusion = closed_form("theorem-2", "iterated_rest")(*iteration, every)
    over = np.flatnonzero(diffusion >= drift)
    crossing = float(every[over[0]]) * rule.lr if len(over) and over[0] > 0 else float("nan")
    lines = np.unique(np.rint(np.geomspace(1, steps, POINTS)).astype(int)) - 1
    at = np.asarray(every[lines] * rule.lr, dtype=np.float64)
    friction, friction_mass = (1.0 - rule.beta1) / rule.lr, (1.0 - rule.beta1) / rule.beta3
    printed = [
        np.asarray(closed_form("theorem-2", name)(h, 0.5 * rule.lr * c, at, friction, friction_mass))
        for name in ("drift", "diffusion")
    ]
    return Split(
        rule.beta1, rule.lr, h, rest.trajectories, rest.time, np.asarray(np.var(carried, axis=0, ddof=1)),
        rest.variance[:, i], at, drift[lines], diffusion[lines], printed[0], printed[1], crossing,
    )  # fmt: skip


def draw(data: Data) -> Figure:
    """Draw a panel for each beta1, and the ratio of the two parts for all of them."""
    number = len(data.splits)
    with styled(12.6, 9.0 if number > 1 else 5.6) as figure:
        panels = figure.subplots(2 if number > 1 else 1, 2, squeeze=False)
        flat = [*panels.ravel()[:number], panels.ravel()[-1]]
        for unused in panels.ravel()[number:-1]:
            unused.remove()
        for axes, split in zip(flat, data.splits, strict=False):
            momentum_parts(split, ax=axes)
        if number > 1:
            for axes in flat[1:number]:
                axes.sharex(flat[0])
                axes.sharey(flat[0])
        part_ratio(data.splits, ax=flat[-1])
        handles, labels = flat[0].get_legend_handles_labels()
        ratios, names = flat[-1].get_legend_handles_labels()
        figure.legend(handles + ratios, labels + names, loc="outside lower center", ncols=4)
        return figure


def momentum_parts(split: Split, *, ax: Axes | None = None) -> Axes:
    """Draw the two parts of a variance against time: measured with 95 % intervals, exact, and as printed.

    Parameters
    ----------
    split
        What ``momentum_split`` returned.
    ax
        Where to draw; new axes if left out.

    Returns
    -------
    Axes
        The axes, with labels for a legend.
    """
    axes = panel(ax)
    for value, filled in ((split.diffusion, True), (split.drift, False)):
        low, high = variance_interval(value, split.trajectories)
        axes.errorbar(split.time, value, np.abs([low - value, high - value]), linestyle="none", color=INK,
                      marker="o" if filled else "s", markerfacecolor=INK if filled else PAPER, markersize=6,
                      linewidth=1.2, zorder=3,
                      label="measured " + ("diffusion" if filled else "momentum drift"))  # fmt: skip
    for name, look in (("exact", EXACT), ("printed", PRINTED)):
        for k, part in enumerate(("diffusion", "drift")):
            axes.plot(split.at, getattr(split, f"{name}_{part}"), label=None if k else look.label, **look.line)
    axes.set_xscale("log")
    axes.set_yscale("log")
    bottom = 0.4 * min(split.drift.min(), split.printed_drift.min())
    axes.set_ylim(bottom, 2.5 * max(split.diffusion.max(), split.printed_diffusion.max()))
    if np.isfinite(split.crossing):
        axes.axvline(split.crossing, color=GREY, linewidth=1.2, linestyle=(0, (1, 2)))
        axes.annotate(f"equal at t = {split.crossing:.3g}", (split.crossing, 0.02), xytext=(5, 2),
                      xycoords=("data", "axes fraction"), textcoords="offset points", color=GREY)  # fmt: skip
    axes.set_title(f"β₁ = {split.beta1:g}", loc="left")
    axes.set_xlabel("dynamical time t = steps × learning rate")
    axes.set_ylabel("variance ⟨Δθ²⟩ (θ²)")
    axes.grid(visible=True)
    return axes


def part_ratio(splits: Sequence[Split], *, ax: Axes | None = None) -> Axes:
    """Draw the ratio of momentum drift to diffusion against x = (1 - beta1) T, on which all of them nearly agree.

    Parameters
    ----------
    splits
        What ``momentum_split`` returned, at most three.
    ax
        Where to draw; new axes if left out.

    Returns
    -------
    Axes
        The axes, with labels for a legend.
    """
    axes = panel(ax)
    for k, split in enumerate(splits):
        faded = (1.0 - split.beta1) / split.lr
        ratio, (low, high) = split.drift / split.diffusion, ratio_interval(split)
        axes.errorbar(faded * split.time, ratio, np.abs([low - ratio, high - ratio]), linestyle="none", color=INK,
                      marker=MARKS[k], markerfacecolor=PAPER, markersize=6, linewidth=1.2,
                      label=f"β₁ = {split.beta1:g}")  # fmt: skip
        axes.plot(faded * split.at, split.exact_drift / split.exact_diffusion, **EXACT.line)
        axes.plot(faded * split.at, split.printed_drift / split.printed_diffusion, **PRINTED.line)
    axes.axhline(1.0, color=GREY, linewidth=1.2, linestyle=(0, (1, 2)))
    axes.set_xscale("log")
    axes.set_yscale("log")
    most = max(float((split.printed_drift / split.printed_diffusion).max()) for split in splits)
    axes.set_title(f"drift over diffusion: as printed at most {most:.3g}", loc="left")
    axes.set_xlabel("steps over the momentum's memory, (1 − β₁) T")
    axes.set_ylabel("momentum drift / diffusion")
    axes.grid(visible=True)
    return axes


def ratio_interval(split: Split, level: float = 0.95) -> tuple[Array, Array]:
    """Return the interval of drift over diffusion, (R,) each: the quotient of two independent variances, by F."""
    from scipy.special import fdtri

    n = split.trajectories - 1
    ratio, tail = split.drift / split.diffusion, 0.5 * (1.0 - level)
    return ratio / float(fdtri(n, n, 1.0 - tail)), ratio / float(fdtri(n, n, tail))


def caption(data: Data) -> str:
    """Return what the figure shows, with its numbers."""
    number = data.splits[0].trajectories
    crossings = [(split.beta1, split.crossing) for split in data.splits if np.isfinite(split.crossing)]
    told = ", ".join(f"t = {time:.3g} for β₁ = {beta1:g}" for beta1, time in crossings)
    most = max(float((split.printed_drift / split.printed_diffusion).max()) for split in data.splits)
    grown = [f"{_growth(split.at, split.exact_drift):.3g}" for split in data.splits]
    spread = [f"{_growth(split.at, split.exact_diffusion):.3g}" for split in data.splits]
    text = (
        f"Two ensembles of {number:,} trajectories leave a saddle of curvature {data.curvature:.4g} on the same noise: "
        "one with the momentum of the long run, one at rest. Their difference is the momentum drift, the one at rest "
        f"is diffusion. Over the last tenfold of the time the drift grows by {', '.join(grown)}, the diffusion by "
        f"{', '.join(spread)}, panel by panel. As printed, Theorem 2's first term is never more than {most:.3g} of its "
        "second"
    )
    if told:
        text += f"; in the iteration the drift is the larger one at first, and the two are equal at {told}"
    heights = []
    for split in data.splits:
        late = np.flatnonzero((1.0 - split.beta1) * split.at / split.lr >= LEVEL)
        if len(late):
            excess = float(split.printed_drift[late[0]] / split.exact_drift[late[0]])
            heights.append(f"{excess:.3g} for β₁ = {split.beta1:g}")
    if heights:
        text += f". Once level, the printed drift over the iteration's is {', '.join(heights)}"
    return f"{text}."


def _growth(at: Array, part: Array) -> float:
    """Return by what factor a part grows over the last tenfold of the time."""
    return float(part[-1] / np.interp(0.1 * at[-1], at, part))


def alt(data: Data) -> str:
    """Return what the figure looks like."""
    values = ", ".join(f"{split.beta1:g}" for split in data.splits)
    return (
        f"On logarithmic axes, a panel for each beta1 ({values}): hollow squares of the drift rise early, "
        "filled circles of the diffusion start below them and grow past them along a solid line; the dotted printed "
        "diffusion lies far above at early times. A last panel shows drift over diffusion falling, past 1 near x = 1."
    )
