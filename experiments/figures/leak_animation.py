"""Animation of a cloud that leaks out of a well, with its survival curve growing beside it."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...dynamics import RULES
from ...dynamics.escape_times import EscapeTimes
from ...dynamics.outcomes import ESCAPED
from ...landscapes.checks import whole as whole_number
from .interface import Choice, Movie, Parts, whole
from .movie import Curtain, hold_layout, roomy
from .plane import Plane, contours, marks, plane_of
from .section import Section, check_section, escape_section
from .style import BLUE, INK, PAPER, REFERENCE_LOOKS, RULE_LOOKS, styled
from .survival import kaplan_meier, rungs

SECONDS = 0.08
LINGERS = 3
"""Frames for which an escaped trajectory is still seen at the exit."""
POSTER = 0.3
"""How far the frame is that stands for the animation."""
SPARE = 0.12
"""Share of the way from start to exit that is drawn beyond the exit."""
KEPT = 99.5
"""Per cent of the places on each side that lie in the frame."""
MANY = 0.1
"""Share of escapes from which on the curve has a shape to speak of."""
BEST_FIRST = ("exact_discrete", "exact_diffusion", "corrected", "closed_form")


class Options(NamedTuple):
    """A cloud leaks out of a well, and its survival curve grows beside it.

    Parameters
    ----------
    trajectories
        Number of trajectories N, of which the survival curve is.
    shown
        How many of them, the first ones, are drawn.
    steps
        Steps T, after which a trajectory is censored.
    frames
        Number of frames, evenly spaced in time.
    seed
        Seed of the random streams, in [0, 2^64).
    """

    trajectories: int = 1000
    shown: int = 160
    steps: int = 1200
    frames: int = 100
    seed: int = 0


QUICK = {"trajectories": 100, "shown": 40, "steps": 400, "frames": 6}
PARTS = {
    "rule": Choice("sgd", {"lr": 0.05}),
    "landscape": Choice("quartic", {"barrier": 0.25, "transverse_min": [1.0]}),
    "noise": Choice("isotropic", {"variance": 5.0}),
}
STATEMENTS = ("theorem-3",)


class Data(NamedTuple):
    """What is drawn.

    Parameters
    ----------
    rule
        Name of the rule; "" for one that has none on the command line.
    plane
        The landscape on the plane of the escape direction and a direction across it.
    exit
        Absorbing level along the escape direction.
    steps
        Steps of the frames, (F,).
    times
        Escape times of all trajectories.
    paths
        Those shown while they have not escaped, (F, K, 2); NaN after, and outside the frame.
    exits
        Where each of those shown leaves, across the escape direction, (K,); NaN where it does not.
    rung
        Where the law comes from; "" where there is none.
    law
        Share that it says has not escaped at each frame, (F,): the iteration's own where it is known, else exponential.
    exponential
        Whether the law is the exponential one of the mean.
    mean
        Mean escape time of that rung in dynamical time.
    """

    rule: str
    plane: Plane
    exit: float
    steps: npt.NDArray[np.int64]
    times: EscapeTimes
    paths: npt.NDArray[np.float64]
    exits: npt.NDArray[np.float64]
    rung: str
    law: npt.NDArray[np.float64]
    exponential: bool
    mean: float

    @property
    def time(self) -> npt.NDArray[np.float64]:
        """Dynamical times of the frames, (F,)."""
        return np.asarray(self.steps * self.times.time_step, dtype=np.float64)


def compute(options: Options, parts: Parts, report: Callable[[float, str], None] | None = None) -> Data:
    """Run the ensemble until it has escaped, and its first trajectories again for where they were on the way."""
    from ...dynamics.escape_times import escape_times
    from ...theory.first_passage_survival import survival_of
    from ...theory.references import references

    landscape, noise, rule = parts.landscape, parts.noise, parts.rule
    frames = whole_number("frames", options.frames, 2, "one is no animation")
    steps = whole_number("steps", options.steps, frames - 1, "each frame is a step of its own")
    shown = min(whole_number("shown", options.shown, 2), whole_number("trajectories", options.trajectories, 2))
    check_section(landscape)
    way = landscape.escape()
    if way.far_minimum is None:
        raise ValueError(
            f"{type(landscape).__name__} has no minimum beyond its saddle, where trajectories would arrive"
        )
    section = escape_section(landscape, way)
    if report:
        report(0.0, "simulating")
    setting: Any = {"trajectories": options.trajectories, "seed": options.seed}
    times = whole(escape_times(landscape, noise, rule, max_steps=steps, **setting))
    at = np.rint(np.linspace(0, steps, frames)).astype(np.int64)
    if report:
        report(0.4, "simulating the way of those shown")
    paths, exits = ways(landscape, noise, rule, section, times, range(shown), at)
    if report:
        report(0.8, "exact references")
    known = rungs(references(landscape, noise, rule))
    rung = next((name for name in BEST_FIRST if name in known), "")
    mean = known.get(rung, float("nan"))
    law = np.exp(-at * times.time_step / mean) if rung else np.empty(0)
    exponential = True
    if rung == "exact_discrete":
        with suppress(ValueError):  # a mean may be known where the way there is not
            law, exponential = survival_of(landscape, noise, rule, at), False
    exit = float(way.direction @ way.far_minimum)
    plane = plane_of(section, _extent(section.coordinates(way.minimum)[0], exit, paths))
    hidden = np.any(np.isnan(paths) | (paths < [plane.x[0], plane.y[0]]) | (paths > [plane.x[-1], plane.y[-1]]), axis=2)
    return Data(
        next((name for name, (_, made) in RULES.items() if made == type(rule).__name__), ""),
        plane,
        exit,
        at,
        times,
        np.where(hidden[:, :, None], np.nan, paths),
        exits,
        rung,
        law,
        exponential,
        mean,
    )


def ways(
    landscape: Any, noise: Any, rule: Any, section: Section, times: EscapeTimes, numbers: range, at: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return where trajectories of an escape experiment were at recorded steps, and where each one left.

    A trajectory is a function of the seed and its number: run again from the same minimum, for a fixed number of
    steps, it takes the same way, and goes on beyond the exit.

    Parameters
    ----------
    landscape, noise, rule, times
        What was run, from the landscape's own minimum and from rest, and what came out.
    section
        The plane of the escape direction and a direction across it.
    numbers
        Numbers of the trajectories; two at least.
    at
        Recorded steps, rising, (F,).

    Returns
    -------
    paths
        Places in the plane before the escape, (F, K, 2); NaN from the escape on.
    exits
        Place across the escape direction at the escape, (K,); NaN where there was none.
    """
    from ...dynamics.saddle_spread import saddle_spread

    frames = np.asarray(at, dtype=np.int64)
    over = times.steps[numbers.start : numbers.stop]
    escaped = times.outcome[numbers.start : numbers.stop] == ESCAPED
    record = np.unique(np.concatenate([frames, over[escaped]]))
    spread = whole(
        saddle_spread(
            landscape, noise, rule, steps=int(record[-1]), trajectories=numbers, seed=times.seed, record=record,
            origin=landscape.escape().minimum, keep_paths=True,
        )
    )  # fmt: skip
    q = section.coordinates(spread.paths)
    gone = frames[:, None] >= np.where(escaped, over, frames[-1] + 1)
    paths = np.where(gone[:, :, None], np.nan, q[:, np.searchsorted(record, frames)].transpose(1, 0, 2))
    last = np.searchsorted(record, np.where(escaped, over, record[-1]))
    return paths, np.where(escaped, q[np.arange(len(over)), last, 1], np.nan)


def draw(data: Data) -> Figure:
    """Draw a frame in which many have escaped and many have not."""
    stage = _Stage(data)
    stage.show(round(POSTER * (len(data.steps) - 1)))
    return stage.figure


def animate(data: Data) -> Movie:
    """Return the animation."""
    stage = _Stage(data)
    stage.show(0)
    hold_layout(stage.figure)
    return Movie(stage.figure, len(data.steps), stage.show, SECONDS, tuple(stage.moving))


def caption(data: Data) -> str:
    """Return what the figure shows, with its numbers."""
    times = data.times
    low, high = times.interval(0.95)
    mean = (
        f"the mean escape time is {times.mean:.4g} [{low:.4g}, {high:.4g}] in dynamical time"
        if times.escaped
        else f"the mean escape time is above {low:.4g} in dynamical time"
    )
    said = (
        f"A cloud of {times.trajectories:,} trajectories, {data.paths.shape[1]} of them drawn, starts at a minimum; "
        f"each vanishes where it arrives at the exit. Within t = {data.time[-1]:.4g}, or {data.steps[-1]:,} steps, "
        f"{times.escaped:,} escape: {mean}."
    )
    if times.escaped > MANY * times.trajectories:
        said += (
            " Once it has spread, the cloud keeps its shape while its number falls: the chance to escape stays the "
            "same, and the survival curve is a straight line on a logarithmic scale."
        )
    if data.rung:
        law = "exponential law of the mean" if data.exponential else "law to come, of mean"
        said += f" The thin line is the {law} {data.mean:.4g} ({REFERENCE_LOOKS[data.rung].label})."
    return said


def alt(data: Data) -> str:
    """Return what the figure looks like."""
    share = data.times.escaped / data.times.trajectories
    return (
        "Two panels. Left, on pale contours of a double well, a cloud of dots fills the left valley; dots that cross "
        "to the other minimum turn into stars at a vertical line and vanish. Right, the survival curve falls with time "
        f"as the cloud thins; in the end {share:.0%} have escaped."
    )


class _Stage:
    """The figure, and what moves on it."""

    def __init__(self, data: Data) -> None:
        self.data = data
        look = RULE_LOOKS.get(data.rule)
        colour = look.colour if look else BLUE
        self.over = np.where(data.times.outcome == ESCAPED, data.times.steps, data.steps[-1] + 1)
        with styled(12.0, 5.6) as figure:
            roomy(figure)
            left, right = figure.subplots(1, 2, width_ratios=(6, 5))
            contours(data.plane, ax=left)
            left.set_xlabel("θ along the escape direction")
            left.set_ylabel("θ across it")
            left.axvline(data.exit, color=INK, linewidth=1.6)
            left.annotate("exit", (data.exit, 1.0), (-5, -5), xycoords=("data", "axes fraction"),
                          textcoords="offset points", ha="right", va="top")  # fmt: skip
            left.set_title(f"the cloud ({data.paths.shape[1]} of it)", loc="left", y=1.0)
            self.counted = left.set_title(" ", loc="right", y=1.0)
            self.dots = left.plot([], [], "o", color=colour, markersize=5.5, markeredgecolor=PAPER,
                                  markeredgewidth=0.4, alpha=0.8, zorder=3, label="not escaped")[0]  # fmt: skip
            self.stars = left.plot([], [], "*", color=INK, markersize=13, markeredgecolor=PAPER, markeredgewidth=0.6,
                                   zorder=7, clip_on=False, label="escapes")[0]  # fmt: skip
            kaplan_meier(data.times, ax=right, colour=colour)
            drawn = [*right.collections, *right.lines]
            self.curtain = Curtain(right, drawn)
            law = _law(data, right)
            right.set_title("the share that has not escaped", loc="left", y=1.0)
            self.tip = right.plot([], [], marker=look.mark if look else "o", color=colour, markersize=9,
                                  markeredgecolor=PAPER, linestyle="none", zorder=5, clip_on=False)[0]  # fmt: skip
            for artist in (self.tip, self.stars):
                artist.set_in_layout(False)  # they have no place yet
            self.moving: list[Artist] = [*drawn, *law, self.tip, self.dots, self.stars, self.counted]
            self.clock = figure.suptitle(" ", x=0.01, ha="left")
            self.moving.append(self.clock)
            handles = [self.dots, self.stars, *marks(data.plane), *right.get_legend_handles_labels()[0]]
            figure.legend(handles=handles, loc="outside lower center", ncols=-(-len(handles) // 2))
        self.figure = figure

    def show(self, k: int) -> None:
        """Change the figure into frame k."""
        data, step = self.data, int(self.data.steps[k])
        now, shown = float(data.time[k]), data.paths.shape[1]
        self.dots.set_data(*data.paths[k].T)
        before = int(data.steps[k - LINGERS]) if k >= LINGERS else -1
        leaving = (self.over[:shown] <= step) & (self.over[:shown] > before)
        self.stars.set_data(np.full(np.count_nonzero(leaving), data.exit), data.exits[leaving])
        inside = int(np.count_nonzero(self.over > step))
        self.counted.set_text(f"{inside / data.times.trajectories:.0%} of {data.times.trajectories:,} still inside")
        self.tip.set_data([now], [inside / data.times.trajectories])
        self.curtain.open_to(now)
        self.clock.set_text(f"leaking out of a well:  t = {now:.1f}  (step {step:,} of {data.steps[-1]:,})")


def _law(data: Data, axes: Axes) -> list[Line2D]:
    """Draw the law that the curve should follow."""
    if not data.rung:
        return []
    look = REFERENCE_LOOKS[data.rung]
    kind = "exponential, " if data.exponential else ""
    return axes.plot(data.time, data.law, **look.line, zorder=3, label=f"{look.label}: {kind}mean {data.mean:.4g}")


def _extent(start: float, exit: float, paths: npt.NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Return the frame: nearly all places, and a little beyond the exit."""
    seen = paths[np.all(np.isfinite(paths), axis=2)]
    low, high = np.percentile(seen, [100.0 - KEPT, KEPT], axis=0)
    spare = SPARE * (exit - start)
    half = max(float(np.abs([low[1], high[1]]).max()), 0.3 * (exit - start)) + spare
    return min(float(low[0]), start) - spare, exit + spare, -half, half
