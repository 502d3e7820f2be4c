"""Animation of an ensemble that leaves a saddle under several rules, on the same random numbers."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse

from ...landscapes.checks import positive
from ...landscapes.checks import whole as whole_number
from .interface import Choice, Movie, Parts, whole
from .movie import Curtain, hold_layout, roomy
from .plane import Plane, contours, plane_of
from .rules import rules_of
from .section import check_section, saddle_section
from .style import GREY, INK, PAPER, REFERENCE_LOOKS, RULE_LOOKS, panel, styled

SECONDS = 0.08
WIDE, TALL = 1.45, 0.9
"""Half the frame along the unstable direction and across it, in distances that count as left."""
FOLLOWED = 3
"""Trajectories, the first ones, that are drawn with what is behind them: the same noise in every panel."""
TAIL = 12
"""Frames behind a trajectory that is followed."""
POSTER = 0.55
"""How far the frame is that stands for the animation."""
NORMAL = 1.959964
"""Quantile of a two-sided 95 % band."""
BETA1, BETA0 = 0.9, 0.1


class Options(NamedTuple):
    """An ensemble leaves a saddle under several rules, on the same random numbers.

    Parameters
    ----------
    rules
        Some of sgd, momentum, adam and adai, separated by commas.
    lr
        Learning rate of all of them, so that equal steps are equal dynamical time.
    steps
        Steps T.
    trajectories
        Number of trajectories of each rule, N, of which the shares are.
    shown
        How many of them, the first ones, are drawn.
    frames
        Number of frames, evenly spaced in time.
    beyond
        Distance from the saddle along its unstable direction at which a trajectory has left.
    seed
        Seed of the random streams, in [0, 2^64).
    """

    rules: str = "sgd,momentum,adam,adai"
    lr: float = 0.05
    steps: int = 400
    trajectories: int = 2000
    shown: int = 120
    frames: int = 64
    beyond: float = 1.0
    seed: int = 0


QUICK = {"steps": 120, "trajectories": 200, "shown": 40, "frames": 6}
PARTS = {
    "landscape": Choice("saddle", {"curvatures": [-0.1, 1.0]}),
    "noise": Choice("hessian", {"batch_size": 1.0}),
}
STATEMENTS = ("theorem-1", "theorem-2", "proposition-1", "proposition-3")


class Data(NamedTuple):
    """What is drawn.

    Parameters
    ----------
    plane
        The landscape on the plane of its lowest and highest curvature at the saddle, which is the origin.
    curvatures
        The two, (2,).
    steps
        Steps of the frames, (F,).
    lr
        Learning rate.
    beyond
        Distance at which a trajectory has left.
    trajectories
        N.
    paths
        Rule -> the trajectories shown, (F, K, 2); NaN outside the frame.
    shares
        Rule -> share of all N that is beyond at each frame, (F,).
    covariances
        Rule -> exact covariance of the iteration, (F, 2, 2), where theta is exactly normal.
    exact
        Rule -> exact share beyond, (F,), where theta is exactly normal.
    """

    plane: Plane
    curvatures: npt.NDArray[np.float64]
    steps: npt.NDArray[np.int64]
    lr: float
    beyond: float
    trajectories: int
    paths: dict[str, npt.NDArray[np.float64]]
    shares: dict[str, npt.NDArray[np.float64]]
    covariances: dict[str, npt.NDArray[np.float64]]
    exact: dict[str, npt.NDArray[np.float64]]

    @property
    def time(self) -> npt.NDArray[np.float64]:
        """Dynamical times of the frames, (F,)."""
        return np.asarray(self.steps * self.lr, dtype=np.float64)


def compute(options: Options, parts: Parts, report: Callable[[float, str], None] | None = None) -> Data:
    """Run each rule's ensemble, with the exact covariance of the iteration where there is one."""
    from ...dynamics.saddle_spread import saddle_spread
    from ...theory.spread_references import spread_references

    landscape, noise = parts.landscape, parts.noise
    rules = rules_of(options.rules, options.lr, options.lr, BETA1, BETA0)
    beyond = positive("beyond", options.beyond, "it is a distance from the saddle")
    frames = whole_number("frames", options.frames, 2, "one is no animation")
    steps = whole_number("steps", options.steps, frames - 1, "each frame is a step of its own")
    total = whole_number("trajectories", options.trajectories, 2)
    shown = min(whole_number("shown", options.shown, 1), total)
    check_section(landscape)
    if not len(landscape.saddles()):
        raise ValueError(f"{type(landscape).__name__} has no saddle to leave")
    section, curvatures = saddle_section(landscape, landscape.saddles()[0])
    wide, tall = WIDE * beyond, TALL * beyond
    at = np.rint(np.linspace(0, steps, frames)).astype(np.int64)
    paths, shares, covariances, exact = {}, {}, {}, {}
    for k, (name, rule) in enumerate(rules.items()):
        if report:
            report(k / len(rules), f"simulating {RULE_LOOKS[name].label}")
        spread = whole(
            saddle_spread(
                landscape, noise, rule, steps=steps, trajectories=total, seed=options.seed, record=at, keep_paths=True
            )
        )
        q = section.coordinates(spread.paths)
        # What is not finite any more is far away.
        shares[name] = 1.0 - np.mean(np.abs(q[:, :, 0]) < beyond, axis=0)
        inside = (np.abs(q[:shown, :, 0]) <= wide) & (np.abs(q[:shown, :, 1]) <= tall)
        paths[name] = np.where(inside[:, :, None], q[:shown], np.nan).transpose(1, 0, 2)
        known = spread_references(landscape, noise, rule, at).exact_discrete if spread.gaussian else None
        if known is not None:
            covariances[name] = np.einsum("ki,rkl,lj->rij", section.basis, known, section.basis)
            exact[name] = normal_share(covariances[name][:, 0, 0], beyond)
    plane = plane_of(section, (-wide, wide, -tall, tall))
    return Data(plane, curvatures, at, options.lr, beyond, total, paths, shares, covariances, exact)


def draw(data: Data) -> Figure:
    """Draw a frame of the middle."""
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
    left = ", ".join(f"{RULE_LOOKS[name].label} {share[-1]:.0%}" for name, share in data.shares.items())
    low, high = data.curvatures
    said = (
        f"{data.trajectories:,} trajectories of each rule leave a saddle of curvatures {low:.3g} and {high:.3g} with "
        f"the same random numbers, the same learning rate {data.lr:g} and hence the same dynamical time in every "
        f"panel. By t = {data.time[-1]:.4g}, after {data.steps[-1]:,} steps, the share beyond a distance of "
        f"{data.beyond:g} along the unstable direction is: {left}."
    )
    if data.exact:
        apart = max(float(np.max(np.abs(data.shares[name] - exact))) for name, exact in data.exact.items())
        said += (
            " Ellipses and thin lines are exact for the iteration, one and two standard deviations and the share; the "
            f"simulated share stays within {100.0 * apart:.2g} percentage points of it."
        )
    return said


def alt(data: Data) -> str:
    """Return what the figure looks like."""
    final = {RULE_LOOKS[name].label: share[-1] for name, share in data.shares.items()}
    first, last = max(final, key=lambda name: final[name]), min(final, key=lambda name: final[name])
    many = f"{len(final)} maps of one saddle, side by side, each with" if len(final) > 1 else "A map of a saddle with"
    order = f", fastest under {first} and slowest under {last}" if len(final) > 1 else ""
    return (
        f"{many} a cloud of dots that starts as a point in the middle and stretches to left and right{order}. Beside "
        "it, curves of the share that has left rise from 0 as time goes on."
    )


def normal_share(variance: npt.ArrayLike, beyond: float) -> npt.NDArray[np.float64]:
    """Return the chance that a normal number of mean 0 and these variances is further than beyond from 0."""
    from scipy.special import erfc

    with np.errstate(divide="ignore"):
        return np.asarray(erfc(beyond / np.sqrt(2.0 * np.asarray(variance, dtype=np.float64))))


def cloud(
    points: npt.ArrayLike, *, ax: Axes | None = None, rule: str | None = None, covariance: npt.ArrayLike | None = None
) -> Axes:
    """Draw an ensemble as dots, with the ellipses of one and two standard deviations of a normal law around 0.

    Parameters
    ----------
    points
        Two coordinates of each trajectory, (N, 2), such as ``spread.paths[:, -1]``.
    ax
        Where to draw; new axes if left out.
    rule
        Name of the rule, whose colour and mark the dots take.
    covariance
        Of the normal law, (2, 2), such as ``spread_references(...).exact_discrete[-1]``.

    Returns
    -------
    Axes
        The axes.
    """
    axes = panel(ax)
    _dots(axes, rule).set_data(*np.reshape(np.asarray(points, dtype=np.float64), (-1, 2)).T)
    if covariance is not None:
        for sigmas, ellipse in zip((1.0, 2.0), _ellipses(axes), strict=True):
            _fit(ellipse, np.asarray(covariance, dtype=np.float64), sigmas)
    axes.relim()
    axes.autoscale_view()
    return axes


def shares_beyond(
    time: npt.ArrayLike, shares: Mapping[str, npt.ArrayLike], *, ax: Axes | None = None,
    exact: Mapping[str, npt.ArrayLike] | None = None, trajectories: int | None = None,
) -> Axes:  # fmt: skip
    """Draw which share of an ensemble has left, against time, for several rules.

    Parameters
    ----------
    time
        Dynamical times, (R,).
    shares
        Name of a rule -> share, (R,).
    ax
        Where to draw; new axes if left out.
    exact
        Name of a rule -> exact share, (R,), drawn as thin lines.
    trajectories
        N, for pointwise 95 % bands (Wilson).

    Returns
    -------
    Axes
        The axes, with labels for a legend.
    """
    axes = panel(ax)
    t = np.asarray(time, dtype=np.float64)
    for name, share in shares.items():
        look, p = RULE_LOOKS[name], np.asarray(share, dtype=np.float64)
        if trajectories is not None:
            axes.fill_between(t, *_wilson(p, trajectories), color=look.colour, alpha=0.2, linewidth=0)
        axes.plot(t, p, **look.line, label=look.label)
    for k, law in enumerate((exact or {}).values()):
        look = REFERENCE_LOOKS["exact_discrete"]
        axes.plot(t, np.asarray(law), **look.line, zorder=3, label=None if k else look.label)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlim(t[0], t[-1])
    axes.set_xlabel("dynamical time t = steps × learning rate")
    axes.set_ylabel("share of the trajectories")
    axes.grid(visible=True)
    return axes


class _Stage:
    """The figure, and what moves on it."""

    def __init__(self, data: Data) -> None:
        self.data = data
        rules = list(data.paths)
        rows = 1 if len(rules) == 1 else 2
        columns = -(-len(rules) // rows)
        with styled(*_size(rows, columns)) as figure:
            roomy(figure)
            grid = figure.add_gridspec(rows, columns + 1, width_ratios=[*[1.0] * columns, 1.25 if columns > 1 else 0.8])
            first: Axes | None = None
            self.movers = {}
            for k, name in enumerate(rules):
                axes = figure.add_subplot(grid[k // columns, k % columns], sharex=first, sharey=first)
                first = first or axes
                self.movers[name] = _Movers(axes, name, data)
                axes.set_xlabel("θ along the unstable direction")
                axes.set_ylabel("θ across it")
                if k // columns < rows - 1 and k + columns < len(rules):
                    axes.tick_params(labelbottom=False)
                    axes.set_xlabel("")
                if k % columns:
                    axes.tick_params(labelleft=False)
                    axes.set_ylabel("")
            right = figure.add_subplot(grid[:, -1])
            shares_beyond(data.time, data.shares, ax=right, exact=data.exact, trajectories=data.trajectories)
            right.set_title(f"share beyond ±{data.beyond:g} (dotted)", loc="left")
            handles = [Line2D([], [], **look.line, marker=look.mark, markersize=7, label=look.label)
                       for look in map(RULE_LOOKS.__getitem__, rules)]  # fmt: skip
            # What is exact stands there from the beginning.
            self.moving: list[Artist] = [*right.collections, *right.lines]
            self.curtain = Curtain(right, [*right.collections, *right.lines[: len(rules)]])
            self.tips = {
                name: right.plot([], [], **RULE_LOOKS[name].points, markersize=8, markeredgecolor=PAPER, zorder=5,
                                 clip_on=False)[0]
                for name in rules
            }  # fmt: skip
            if data.exact:
                exact = REFERENCE_LOOKS["exact_discrete"]
                handles.append(Line2D([], [], **exact.line, label=f"{exact.label}; 1σ, 2σ"))
            said = "same noise in each panel" if len(rules) > 1 else "one trajectory"
            handles.append(Line2D([], [], color=INK, marker="o", markersize=5, linewidth=1.2, label=said))
            for tip in self.tips.values():
                tip.set_in_layout(False)  # it has no place yet
            self.moving += self.tips.values()
            for movers in self.movers.values():
                self.moving += movers.moving
            figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), handlelength=2.6)
            self.clock = figure.suptitle(" ", x=0.01, ha="left")
            self.moving.append(self.clock)
        self.figure = figure

    def show(self, k: int) -> None:
        """Change the figure into frame k."""
        data = self.data
        now = float(data.time[k])
        for name, movers in self.movers.items():
            movers.show(k)
            self.tips[name].set_data([now], [data.shares[name][k]])
        self.curtain.open_to(now)
        self.clock.set_text(f"leaving a saddle:  t = {now:.2f}  (step {data.steps[k]} of {data.steps[-1]})")


class _Movers:
    """What moves on the map of one rule."""

    def __init__(self, axes: Axes, name: str, data: Data) -> None:
        self.axes, self.look = axes, RULE_LOOKS[name]
        self.paths, self.share = data.paths[name], data.shares[name]
        self.covariances = data.covariances.get(name)
        contours(data.plane, ax=axes, marked=False)
        axes.set_aspect("equal")
        for x in (-data.beyond, data.beyond):
            axes.axvline(x, color=GREY, linestyle=":", linewidth=1.4)
        self.dots = _dots(axes, name)
        self.tails = [axes.plot([], [], color=INK, linewidth=1.0, zorder=4)[0] for _ in range(FOLLOWED)]
        self.heads = axes.plot([], [], marker="o", markersize=5, color=INK, linestyle="none", zorder=4.5)[0]
        self.ellipses = _ellipses(axes) if self.covariances is not None else []
        axes.set_title(self.look.label, loc="left", y=1.0, color=self.look.colour, fontweight="bold")
        self.said = axes.set_title(" ", loc="right", y=1.0)
        self.moving: list[Artist] = [self.dots, *self.ellipses, *self.tails, self.heads, self.said]

    def show(self, k: int) -> None:
        """Change the map into frame k."""
        self.dots.set_data(*self.paths[k, FOLLOWED:].T)
        for i, tail in enumerate(self.tails[: self.paths.shape[1]]):
            tail.set_data(*self.paths[max(k - TAIL, 0) : k + 1, i].T)
        self.heads.set_data(*self.paths[k, :FOLLOWED].T)
        for sigmas, ellipse in zip((1.0, 2.0), self.ellipses, strict=False):
            _fit(ellipse, self.covariances[k], sigmas)  # type: ignore[index]
        self.said.set_text(f"{self.share[k]:.0%} beyond")


def _size(rows: int, columns: int) -> tuple[float, float]:
    """Return the size of the figure (inches)."""
    return (12.0, 5.9) if columns > 1 else (10.5, 6.2 if rows > 1 else 4.6)


def _dots(axes: Axes, rule: str | None) -> Line2D:
    """Return the dots of an ensemble, still without places."""
    how: dict[str, Any] = RULE_LOOKS[rule].points if rule else {"color": GREY, "marker": "o", "linestyle": "none"}
    how |= {"marker": "o"}
    return axes.plot([], [], **how, markersize=5, markeredgecolor=PAPER, markeredgewidth=0.4, alpha=0.8, zorder=3)[0]


def _ellipses(axes: Axes) -> list[Ellipse]:
    """Return two ellipses around 0, still without a size."""
    look = REFERENCE_LOOKS["exact_discrete"]
    made = [Ellipse((0.0, 0.0), 0.0, 0.0, fill=False, edgecolor=look.colour, linewidth=1.4, zorder=3.5) for _ in "12"]
    for ellipse in made:
        axes.add_patch(ellipse)
    return made


def _fit(ellipse: Ellipse, covariance: npt.NDArray[np.float64], sigmas: float) -> None:
    """Give an ellipse the half axes of so many standard deviations."""
    values, vectors = np.linalg.eigh(covariance)
    ellipse.width, ellipse.height = 2.0 * sigmas * np.sqrt(np.maximum(values, 0.0))
    ellipse.angle = float(np.degrees(np.arctan2(vectors[1, 0], vectors[0, 0])))


def _wilson(share: npt.NDArray[np.float64], number: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the 95 % interval of a chance from a share of so many."""
    spare = NORMAL * NORMAL / number
    middle = (share + 0.5 * spare) / (1.0 + spare)
    half = NORMAL * np.sqrt(share * (1.0 - share) / number + 0.25 * spare / number) / (1.0 + spare)
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)
