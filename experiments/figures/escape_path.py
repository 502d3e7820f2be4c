"""Figure of what an escape path is: one whole escape on its landscape, and the loss on the way against time."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...dynamics import RULES
from ...dynamics.outcomes import ESCAPED
from ...landscapes.checks import whole as whole_number
from ...landscapes.interface import Escape, Vector
from .interface import Choice, Parts, whole
from .plane import MINIMUM, SADDLE, Plane, check_plane, contours, plane_of, valley_floor, values
from .style import GREY, INK, PAPER, RULE_LOOKS, panel, styled

MOST_POINTS = 4000
"""Points of the waiting, and of the last stretch, that are kept: more cannot be seen."""
NEAR = 0.25
"""Distance from the minimum, over that of the saddle, within which a trajectory is still there."""
LOOK_AROUND = 1.15
"""Height of the loss axis in heights of what is drawn."""
HALO = [patheffects.Stroke(linewidth=4.0, foreground=PAPER), patheffects.Normal()]


class Options(NamedTuple):
    """What an escape path is: one whole escape, where it goes and when.

    Parameters
    ----------
    trajectories
        Number of trajectories N; the one is drawn whose escape time is nearest to the mean.
    seed
        Seed of the random streams, in [0, 2^64).
    max_steps
        Steps after which a trajectory is censored.
    """

    trajectories: int = 200
    seed: int = 0
    max_steps: int = 100_000


QUICK = {"trajectories": 20}
PARTS = {
    "rule": Choice("sgd", {"lr": 0.05}),
    "landscape": Choice("quartic", {"barrier": 0.25, "transverse_min": (2.0,)}),
    "noise": Choice("isotropic", {"variance": 2.0}),
}
STATEMENTS = ("theorem-3",)


class Passage(NamedTuple):
    """One whole escape, and the ensemble that it is of.

    Parameters
    ----------
    path
        theta after every step, from the start to the crossing, (T + 1, d).
    steps
        First-passage step T.
    departure
        Last step at which it was near the minimum: what follows is the escape proper.
    number
        Number of the trajectory.
    time_step
        Dynamical time of one step.
    mean, low, high
        Mean escape time of the ensemble and its 95 % interval, in dynamical time.
    escaped, trajectories
        How many escaped, of N.
    """

    path: npt.NDArray[np.float64]
    steps: int
    departure: int
    number: int
    time_step: float
    mean: float
    low: float
    high: float
    escaped: int
    trajectories: int


class Data(NamedTuple):
    """What is drawn.

    Parameters
    ----------
    plane
        The landscape.
    minimum, saddle, far_minimum
        a, b and c, (2,); c is empty where there is none.
    direction
        e, (2,).
    floor, beyond
        Ways of least loss from b down to a, and from b down to c, (points, 2); the second is empty where c is.
    bottom, barrier
        Loss at a, and of b above a.
    rule
        Name of the rule; "" where it has none on the command line.
    time, wait, wait_loss
        The path up to the departure, thinned: dynamical times (R,), theta (R, 2), loss (R,).
    last_time, last, last_loss
        The same from the departure to the crossing, (S,), (S, 2), (S,).
    passage
        The escape without its path.
    """

    plane: Plane
    minimum: npt.NDArray[np.float64]
    saddle: npt.NDArray[np.float64]
    far_minimum: npt.NDArray[np.float64]
    direction: npt.NDArray[np.float64]
    floor: npt.NDArray[np.float64]
    beyond: npt.NDArray[np.float64]
    bottom: float
    barrier: float
    rule: str
    time: npt.NDArray[np.float64]
    wait: npt.NDArray[np.float64]
    wait_loss: npt.NDArray[np.float64]
    last_time: npt.NDArray[np.float64]
    last: npt.NDArray[np.float64]
    last_loss: npt.NDArray[np.float64]
    passage: Passage


def compute(options: Options, parts: Parts, report: Callable[[float, str], None] | None = None) -> Data:
    """Run the ensemble, and the chosen trajectory once more, step by step."""
    landscape = parts.landscape
    check_plane(landscape)
    way = landscape.escape()
    passage = one_escape(parts, options.trajectories, options.seed, options.max_steps, report)
    at = np.arange(passage.steps + 1)
    wait = _thinned(at[: passage.departure + 1])
    last = _thinned(at[passage.departure :])
    loss = values(landscape, passage.path.T)
    c = np.zeros(0) if way.far_minimum is None else way.far_minimum
    return Data(
        plane=plane_of(landscape, points=passage.path),
        minimum=way.minimum,
        saddle=way.saddle,
        far_minimum=c,
        direction=way.direction,
        floor=valley_floor(landscape, way.saddle, way.minimum, way.direction),
        beyond=valley_floor(landscape, way.saddle, c, -way.direction) if len(c) else np.zeros((0, 2)),
        bottom=float(values(landscape, way.minimum[:, None])[0]),
        barrier=way.barrier,
        rule=rule_word(parts.rule),
        time=np.asarray(wait * passage.time_step, dtype=np.float64),
        wait=passage.path[wait],
        wait_loss=loss[wait],
        last_time=np.asarray(last * passage.time_step, dtype=np.float64),
        last=passage.path[last],
        last_loss=loss[last],
        passage=passage._replace(path=np.zeros((0, 2))),
    )


def one_escape(
    parts: Parts,
    trajectories: int,
    seed: int,
    max_steps: int,
    report: Callable[[float, str], None] | None = None,
) -> Passage:
    """Return the whole path of the trajectory whose escape time is nearest to the mean of an ensemble.

    A path is a function of the seed and the number of its trajectory: a second run records it.

    Raises
    ------
    ValueError
        Where nothing escapes.
    """
    from ...dynamics.escape_times import escape_times
    from ...dynamics.saddle_spread import saddle_spread

    way: Escape = parts.landscape.escape()
    number = whole_number("trajectories", trajectories, 1)
    if report:
        report(0.0, "simulating")
    ensemble = parts.landscape, parts.noise, parts.rule
    times = whole(escape_times(*ensemble, trajectories=number, seed=seed, max_steps=max_steps, bridge=False))
    escaped = np.flatnonzero(times.outcome == ESCAPED)
    if not len(escaped):
        raise ValueError(
            f"max_steps={max_steps}: none of {number} trajectories escaped; more steps, or more noise, show an escape"
        )
    chosen = int(escaped[np.argmin(np.abs(times.steps[escaped] - times.mean_steps))])
    steps = int(times.steps[chosen])
    if report:
        report(0.6, "once more, step by step")
    again = whole(
        saddle_spread(
            *ensemble, steps=steps, trajectories=range(chosen, chosen + 2), seed=seed, record=np.arange(steps + 1),
            origin=way.minimum, keep_paths=True,
        )
    )  # fmt: skip
    path = np.asarray(again.paths)[0]
    low, high = times.interval(0.95)
    return Passage(
        path=path,
        steps=steps,
        departure=departure(path, way.minimum, way.saddle),
        number=chosen,
        time_step=times.time_step,
        mean=times.mean,
        low=low,
        high=high,
        escaped=times.escaped,
        trajectories=times.trajectories,
    )


def departure(path: npt.NDArray[np.float64], minimum: Vector, saddle: Vector) -> int:
    """Return the last step at which a path (T + 1, d) is NEAR the minimum, in distances from there to the saddle."""
    near = NEAR * float(np.linalg.norm(saddle - minimum))
    return int(np.flatnonzero(np.linalg.norm(path - minimum, axis=1) <= near)[-1])


def rule_word(rule: Any) -> str:
    """Return the name of a rule on the command line, "" where it has none."""
    return next((name for name, (_, cls) in RULES.items() if cls == type(rule).__name__), "")


def draw(data: Data) -> Figure:
    """Draw the landscape with the path; beside it the loss against time, whole and at the end."""
    with styled(12.5, 6.4) as figure:
        grid = figure.add_gridspec(2, 2, width_ratios=(6, 5))
        left, top, bottom = (figure.add_subplot(grid[place]) for place in (np.s_[:, 0], np.s_[0, 1], np.s_[1, 1]))
        contours(data.plane, ax=left)
        look = RULE_LOOKS.get(data.rule)
        colour = look.colour if look else INK
        left.plot(*data.wait.T, ".", color=GREY, markersize=2.0, zorder=1.5, rasterized=True)
        left.plot([], [], ".", color=GREY, label="waiting")
        escape_path(data.last, ax=left, colour=colour, label="last stretch")
        for k, line in enumerate((data.floor, data.beyond)):
            left.plot(*line.reshape(-1, 2).T, color=INK, linewidth=2.0, linestyle=(0, (1, 1.2)), zorder=4,
                      label="way of least loss" if k == 0 else None)  # fmt: skip
        left.plot([], [], **MINIMUM, label="minimum")
        left.plot([], [], **SADDLE, label="saddle")
        _letters(left, data)
        left.set_title("where: over the saddle, near the way of least loss", loc="left")
        loss_on_the_way(data.time, data.wait_loss, data.bottom, data.barrier, ax=top, colour=GREY)
        top.plot(data.last_time, data.last_loss, color=colour, linewidth=1.2)
        loss_on_the_way(data.last_time, data.last_loss, data.bottom, data.barrier, ax=bottom, colour=colour, mark="o")
        waited, went = data.last_time[0], data.last_time[-1] - data.last_time[0]
        top.set_title(f"when: it waits, for t = {waited:.4g} …", loc="left")
        bottom.set_title(f"… and then goes, within {went:.2g}", loc="left")
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=5)
        return figure


def caption(data: Data) -> str:
    """Return what the figure shows, with its numbers."""
    one = data.passage
    waited, went = data.last_time[0], data.last_time[-1] - data.last_time[0]
    name = RULE_LOOKS[data.rule].label if data.rule in RULE_LOOKS else "its rule"
    return (
        f"One escape of {name}, trajectory {one.number} of {one.trajectories:,}, from the minimum a over the saddle b, "
        f"{data.barrier:.4g} higher. It crossed after {one.steps:,} steps, t = {data.last_time[-1]:.4g} (mean of "
        f"{one.escaped:,} escapes: {one.mean:.4g} [{one.low:.4g}, {one.high:.4g}]), but was still near a at "
        f"t = {waited:.4g}: the escape itself took {went:.3g}, {went / data.last_time[-1]:.2g} of the time. "
        f"On the way its loss rose to {data.last_loss.max() - data.bottom:.3g} above a."
    )


def alt(data: Data) -> str:
    """Return what the figure looks like."""
    return (
        "Left, pale contours of a loss with two valleys joined by a saddle; a grey cloud fills the valley of the "
        "minimum a, and one bold jagged path leads from it over the saddle b along a dotted line. Right, two curves of "
        "loss against time with the barrier as a line: above, the whole time, a long jitter with short peaks; "
        "below, its end enlarged, where the loss climbs to the barrier, stays there and falls."
    )


def escape_path(
    path: npt.ArrayLike, *, ax: Axes | None = None, colour: str = RULE_LOOKS["sgd"].colour, label: str | None = None
) -> Axes:
    """Draw one path in a plane, with a ring where it ends.

    Parameters
    ----------
    path
        theta at its steps, (T, 2).
    ax
        Where to draw; new axes if left out.
    colour, label
        Of the path.

    Returns
    -------
    Axes
        The axes.
    """
    axes = panel(ax)
    x, y = np.asarray(path, dtype=np.float64).reshape(-1, 2).T
    axes.plot(x, y, color=colour, linewidth=1.8, zorder=5, label=label, path_effects=HALO)
    axes.plot(x[-1:], y[-1:], "o", color=PAPER, markeredgecolor=colour, markeredgewidth=2.0, markersize=8, zorder=7)
    return axes


def loss_on_the_way(
    time: npt.ArrayLike, loss: npt.ArrayLike, bottom: float, barrier: float, *, ax: Axes | None = None,
    colour: str = RULE_LOOKS["sgd"].colour, mark: str = "",
) -> Axes:  # fmt: skip
    """Draw the loss along a path against time, with the levels of the minimum and of the saddle.

    Parameters
    ----------
    time
        Dynamical times, (T,).
    loss
        L there, (T,).
    bottom, barrier
        Loss at the minimum, and of the saddle above it.
    ax
        Where to draw; new axes if left out.
    colour, mark
        Of the line.

    Returns
    -------
    Axes
        The axes.
    """
    axes = panel(ax)
    t, height = np.asarray(time, dtype=np.float64), np.asarray(loss, dtype=np.float64)
    axes.plot(t, height, color=colour, linewidth=1.2 if mark else 0.7, marker=mark, markersize=3.0)
    for level, dashes in ((bottom, (0, (1, 1.2))), (bottom + barrier, (0, (6, 2)))):
        axes.axhline(level, color=INK, linewidth=1.4, linestyle=dashes, zorder=3)
    top = max(float(height.max()), bottom + barrier, axes.get_ylim()[1] / LOOK_AROUND)
    axes.set_ylim(bottom - 0.06 * (top - bottom), bottom + LOOK_AROUND * (top - bottom))
    how: Any = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "va": "center"}
    axes.annotate("L(b)", (1.0, bottom + barrier), xytext=(4, 0), **how)
    axes.annotate("L(a)", (1.0, bottom), xytext=(4, 0), **how)
    axes.set_xlabel("dynamical time t = steps × learning rate")
    axes.set_ylabel("loss L")
    return axes


def _letters(axes: Axes, data: Data) -> None:
    """Write a, b, c beside their points, and draw e at the saddle."""
    how: Any = {"textcoords": "offset points", "ha": "center", "fontsize": 17, "zorder": 9, "path_effects": HALO}
    for point, letter in ((data.minimum, "a"), (data.saddle, "b"), (data.far_minimum, "c")):
        if len(point):
            axes.annotate(
                letter, (float(point[0]), float(point[1])), xytext=(0, -11), va="top", fontweight="bold", **how
            )
    length = 0.16 * (data.plane.x[-1] - data.plane.x[0])
    at: Any = data.saddle
    tip: Any = data.saddle + length * data.direction
    arrow = {"arrowstyle": "-|>", "color": INK, "linewidth": 2.2, "shrinkA": 5, "shrinkB": 0, "mutation_scale": 18}
    axes.annotate("", tip, at, arrowprops=arrow, zorder=8)
    axes.annotate("e", tip, xytext=(0, 7), fontstyle="italic", **how)


def _thinned(at: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return at most so many of the steps, the first and the last among them."""
    return at[np.unique(np.linspace(0, len(at) - 1, min(MOST_POINTS, len(at))).astype(np.int64))]
