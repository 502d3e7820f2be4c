"""Figure of escaping paths too rare to wait for, and of where on the way the climb is paid: the s of Theorem 3."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...dynamics.reactive_paths import ReactivePaths, reactive_paths
from ...dynamics.sgd import SGD
from ...landscapes.checks import whole
from ...landscapes.interface import value_at
from ...theory.measured_s import Climb, MeasuredShare, climb_of, measured_share
from .escape_path import HALO
from .interface import Choice, Parts
from .plane import MINIMUM, SADDLE, Plane, contours, plane_of
from .style import GREY, INK, PURPLE, RULE_LOOKS, panel, styled

Array = npt.NDArray[np.float64]

BLUE = RULE_LOOKS["sgd"].colour
MOST_POINTS = 300
"""Points of a path that are kept: more cannot be seen."""
STRAY = 0.05
"""Share of the paths that are still in the basin, or already at the exit, where the axis of time ends."""
BAND_POINTS = 121


class Options(NamedTuple):
    """Escaping paths of SGD too rare to wait for, and where on the way the climb is paid: the s of Theorem 3.

    Parameters
    ----------
    lr
        Learning rate.
    repetitions
        Independent repetitions of the splitting, from which the intervals come.
    trials
        Trials a stage of each repetition.
    shown
        Paths that are drawn.
    seed
        Seed of the random streams, in [0, 2^64).
    """

    lr: float = 0.02
    repetitions: int = 32
    trials: int = 4000
    shown: int = 48
    seed: int = 0


QUICK = {"repetitions": 8, "trials": 300, "shown": 12}
PARTS = {
    "landscape": Choice("piecewise-quadratic", {}),
    "noise": Choice("hessian", {"batch_size": 1.28}),
}
STATEMENTS = ("theorem-3",)


class Data(NamedTuple):
    """What is drawn.

    Parameters
    ----------
    times, paths
        Dynamical times since the saddle's level, and theta, of each shown path, (T,) and (T, d).
    band_times, low, middle, high
        Times, and the 5, 50 and 95 % quantiles of e.theta there over all paths, (n,).
    plane
        The landscape, where it has two coordinates.
    minimum, saddle, exit, basin
        e.theta of a and b, of the exit and of the basin.
    barrier
        Loss of b above a.
    climb
        What was paid on the way.
    share
        s.
    joint_loss
        Loss of the joint above the minimum; None where there is no joint.
    mean_steps, low_steps, high_steps
        Mean escape time in steps and its 95 % interval.
    duration, low_duration, high_duration
        The same of the mean dynamical time from the basin to the exit.
    number, ancestors
        How many paths there are, and the median number of entries that those of a repetition descend from.
    """

    times: tuple[npt.NDArray[np.float64], ...]
    paths: tuple[npt.NDArray[np.float64], ...]
    band_times: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    middle: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    plane: Plane | None
    minimum: float
    saddle: float
    exit: float
    basin: float
    barrier: float
    climb: Climb
    share: MeasuredShare
    joint_loss: float | None
    mean_steps: float
    low_steps: float
    high_steps: float
    duration: float
    low_duration: float
    high_duration: float
    number: int
    ancestors: float


def compute(options: Options, parts: Parts, report: Callable[[float, str], None] | None = None) -> Data:
    """Run the splitting, follow its paths and measure what they paid.

    Raises
    ------
    ValueError, TypeError
        Where an option is out of bounds, or the way out is no one-dimensional process.
    """
    landscape, noise = parts.landscape, parts.noise
    rule = SGD(options.lr).check()
    shown = whole("shown", options.shown, 1)

    def told(done: int, number: int, steps: int) -> None:
        if report:
            report(0.9 * done / number, "splitting")

    found = reactive_paths(
        landscape,
        noise,
        rule,
        repetitions=options.repetitions,
        trials=options.trials,
        seed=options.seed,
        progress=told,
    )
    if found.escapes.interrupted:
        raise KeyboardInterrupt
    if not found.paths:
        raise ValueError(f"trials={options.trials} are too few: no path reached the exit")
    if report:
        report(0.95, "what was paid")
    share = measured_share(found, landscape, noise, rule)
    way = landscape.escape()
    crossing = found.first_steps(found.saddle)[:, 0] * options.lr
    times = np.linspace(
        -float(np.quantile(crossing, 1.0 - STRAY)),
        float(np.quantile(found.transition_times - crossing, 1.0 - STRAY)),
        BAND_POINTS,
    )
    band = found.band(times, (0.05, 0.5, 0.95))
    low, high = found.escapes.interval()
    duration = found.mean(found.transition_times)
    drawn = _drawn(found, shown)
    bottom = value_at(landscape, way.minimum)
    joint = None
    if share.joint is not None:
        joint = value_at(landscape, way.saddle + (share.joint - found.saddle) * way.direction) - bottom
    return Data(
        times=tuple(t for t, _ in drawn),
        paths=tuple(theta for _, theta in drawn),
        band_times=times,
        low=band.height[0],
        middle=band.height[1],
        high=band.height[2],
        plane=plane_of(landscape) if landscape.dimension == 2 else None,
        minimum=found.minimum,
        saddle=found.saddle,
        exit=found.escapes.exit,
        basin=found.escapes.ladder.basin,
        barrier=way.barrier,
        climb=climb_of(found, landscape, noise, rule),
        share=share,
        joint_loss=joint,
        mean_steps=found.escapes.mean_steps,
        low_steps=low / options.lr,
        high_steps=high / options.lr,
        duration=duration[0],
        low_duration=duration[1],
        high_duration=duration[2],
        number=found.paths,
        ancestors=float(np.median(found.escapes.ancestors[:, -1])),
    )


def _drawn(found: ReactivePaths, shown: int) -> list[tuple[Array, Array]]:
    """Return times since the saddle's level and theta of some paths, each as often as it weighs."""
    steps = found.first_steps(found.saddle)[:, 0]
    at = np.cumsum(found.weights)
    chosen = np.minimum(np.searchsorted(at, (np.arange(shown) + 0.5) / shown), found.paths - 1)
    out = []
    for p in np.unique(chosen):
        theta = found.path(int(p))
        kept = np.unique(np.linspace(0, len(theta) - 1, min(MOST_POINTS, len(theta))).astype(np.int64))
        out.append(((kept - steps[p]) * found.escapes.time_step, theta[kept]))
    return out


def draw(data: Data) -> Figure:
    """Draw the bundle of paths, and beside it what they paid against the loss."""
    with styled(12.5, 5.6) as figure:
        left, right = figure.subplots(1, 2)
        if data.plane is None:
            path_bundle(data.times, [theta[:, 0] for theta in data.paths], ax=left)
            band = left.fill_between(data.band_times, data.low, data.high, color=GREY, alpha=0.3, linewidth=0, zorder=3)
            band.set_label("5 to 95 % of the paths then on their way")
            left.plot(data.band_times, data.middle, color=INK, zorder=6, path_effects=HALO, label="their median")
            left.set_xlim(data.band_times[0], data.band_times[-1])
            spots = [("a", data.minimum), ("b", data.saddle), ("c", data.exit)]
            if data.share.joint is not None:
                spots.insert(1, ("joint", data.share.joint))
            _levels(left, spots)
        else:
            contours(data.plane, ax=left)
            for theta in data.paths:
                left.plot(*theta.T, color=BLUE, linewidth=0.7, alpha=0.5, zorder=4)
            left.plot([], [], **MINIMUM, label="minimum")
            left.plot([], [], **SADDLE, label="saddle")
        digits, power = f"{data.mean_steps:.1e}".split("e")
        left.set_title(rf"the way out, after ${digits} \times 10^{{{int(power)}}}$ steps of waiting", loc="left")
        climb_by_loss(data.climb, data.barrier, ax=right, joint=data.joint_loss)
        right.set_title(f"what they paid: {_share_words(data.share)}", loc="left")
        both = [axes.get_legend_handles_labels() for axes in (left, right)]
        figure.legend(
            *(first + second for first, second in zip(*both, strict=True)), loc="outside lower center", ncols=3
        )
        return figure


def _levels(axes: Axes, spots: Sequence[tuple[str, float]]) -> None:
    """Draw levels across the axes, with their names at the right."""
    for name, level in spots:
        axes.axhline(level, color=PURPLE if name == "joint" else GREY, linewidth=1.0, linestyle=(0, (5, 2)), zorder=2)
        axes.annotate(
            name,
            (1.0, level),
            xytext=(5, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            color=PURPLE if name == "joint" else INK,
        )


def _share_words(share: MeasuredShare) -> str:
    """Return s as it was measured."""
    found = share.split or share.total
    if found is None:
        return "s has no effect where the curvatures are equal"
    return f"s = {found.value:.3f} [{found.low:.3f}, {found.high:.3f}], printed {share.printed:.3f}"


def caption(data: Data) -> str:
    """Return what the figure shows, with its numbers."""
    share = data.share
    told = [
        f"{data.number:,} escaping paths of SGD, for which one would wait {data.mean_steps:.3g} steps "
        f"[{data.low_steps:.3g}, {data.high_steps:.3g}] on average; each takes t = {data.duration:.3g} "
        f"[{data.low_duration:.3g}, {data.high_duration:.3g}] from the basin to the exit. Those of one repetition "
        f"descend from {data.ancestors:g} entries (median).",
        f"The whole climb to the saddle cost {_told(share.saddle_climb)}.",
    ]
    if share.split is not None and share.joint_climb is not None:
        told.append(
            f"Of that {_told(share.joint_climb)} was paid up to the joint, where the noise changes: s = "
            f"{_told(share.split, 4)}. Theorem 3 prints {share.printed:.4f}; for this learning rate "
            f"{share.split_expected:.4f} is expected."
        )
    if share.total is not None:
        told.append(
            f"From the whole climb alone s = {_told(share.total, 4)}, where {share.total_expected:.4f} is expected."
        )
    return " ".join(told)


def _told(found: Any, digits: int = 4) -> str:
    return f"{found.value:.{digits}g} [{found.low:.{digits}g}, {found.high:.{digits}g}]"


def alt(data: Data) -> str:
    """Return what the figure looks like."""
    where = (
        "Left, a bundle of jagged thin lines against time, which all rise from the level of the minimum a, cross that "
        "of the saddle b together at time 0 and go on to the exit c, with their median as a bold line"
        if data.plane is None
        else "Left, pale contours of a loss with a bundle of jagged thin paths from one minimum over the saddle to the "
        "other"
    )
    bend = ", steeper beyond a vertical line at the joint" if data.joint_loss is not None else ""
    return (
        f"{where}. Right, what was paid against the loss on the way: dots with a narrow band climb from the lower left "
        f"to the upper right along a dashed line of the theorem{bend}."
    )


def path_bundle(
    times: Sequence[npt.ArrayLike],
    heights: Sequence[npt.ArrayLike],
    *,
    ax: Axes | None = None,
    colour: str = BLUE,
) -> Axes:
    """Draw a bundle of paths against time.

    Parameters
    ----------
    times
        Dynamical times of each path, (T,), such as those since it first reached the saddle's level.
    heights
        e.theta of each, (T,).
    ax
        Where to draw; new axes if left out.
    colour
        Of the paths.

    Returns
    -------
    Axes
        The axes.
    """
    axes = panel(ax)
    for t, x in zip(times, heights, strict=True):
        axes.plot(np.asarray(t), np.asarray(x), color=colour, linewidth=0.6, alpha=0.35, zorder=4)
    axes.set_xlabel("dynamical time since the saddle's level")
    axes.set_ylabel("escape coordinate e·θ")
    return axes


def _slopes(axes: Axes, loss: Array, paid: Array, joint: float | None) -> None:
    """Write beside the line, in the middle of each of its straight parts, what its slope is."""
    if joint is None:
        parts = [(0.5, "slope 1/D")]
    else:
        parts = [(0.5 * joint, "slope 1/D near a"), (0.5 * (1.0 + joint), "slope 1/D near b")]
    for at, words in parts:
        height = float(np.interp(at, loss, paid))
        axes.annotate(words, (at, height), xytext=(10, -8), textcoords="offset points", ha="left", va="top",
                      color=PURPLE, fontsize=12, path_effects=HALO)  # fmt: skip


def climb_by_loss(climb: Climb, barrier: float, *, ax: Axes | None = None, joint: float | None = None) -> Axes:
    """Draw what escaping paths paid on the way against the loss: a line of slope 1/D, which bends where D changes.

    Parameters
    ----------
    climb
        What ``climb_of`` returned.
    barrier
        Loss of the saddle above the minimum.
    ax
        Where to draw; new axes if left out.
    joint
        Loss, above the minimum, of the place where the noise changes.

    Returns
    -------
    Axes
        The axes.
    """
    axes = panel(ax)
    loss = climb.loss / barrier
    axes.fill_between(loss, climb.low, climb.high, color=BLUE, alpha=0.25, linewidth=0, label="95 % interval")
    axes.plot(loss, climb.climb, "o", color=BLUE, markersize=4.0, zorder=4, label="measured, of all paths")
    axes.plot(loss, climb.theory, color=PURPLE, linestyle=(0, (2, 1.5)), zorder=5, label="Theorem 3: ∫ L′/D dx")
    if joint is not None:
        axes.axvline(joint / barrier, color=PURPLE, linewidth=1.0, linestyle=(0, (5, 2)), zorder=2)
        axes.annotate("joint", (joint / barrier, 1.0), xytext=(4, -4), xycoords=("data", "axes fraction"),
                      textcoords="offset points", va="top", color=PURPLE)  # fmt: skip
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(bottom=0.0)
    _slopes(axes, loss, climb.theory, None if joint is None else joint / barrier)
    axes.grid(visible=True)
    axes.set_xlabel("loss above the minimum / barrier")
    axes.set_ylabel("paid, in units of the exponent")
    return axes
