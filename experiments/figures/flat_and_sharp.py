"""Figure of a flat and a sharp minimum: rise of the loss, where the time is spent, how long it takes to leave."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from ...landscapes.checks import number, positive
from ...landscapes.checks import whole as whole_number
from ...landscapes.interface import Escape, hessian_at, suited, value_at
from .interface import Choice, Parts, whole
from .plane import MINIMUM, values
from .style import GREY, INK, REFERENCE_LOOKS, SIMULATED, panel, styled

POINTS = 401
BINS = 60
RECORDS = 200
"""Moments at which positions are counted, in the second half of the run."""
NORMAL = 1.959964
BARS = "#dadada"
SMALLEST_RATIO = 8.0
"""Of the ends of the axis of escape times."""
CEILING = 1.9
"""Loss that is drawn, in barriers."""


class Options(NamedTuple):
    """What a flat and a sharp minimum are, and what the noise of minibatches makes of them.

    Parameters
    ----------
    trajectories
        Number of trajectories N: of the long run, half of them started in each minimum, and of each escape ensemble.
    steps
        Steps T of the long run, the second half of which is counted.
    displacement
        Small displacement from each minimum whose rise of the loss is shown (theta).
    seed
        Seed of the random streams, in [0, 2^64).
    """

    trajectories: int = 400
    steps: int = 100_000
    displacement: float = 0.2
    seed: int = 0


QUICK = {"trajectories": 60, "steps": 20_000}
PARTS = {
    "rule": Choice("sgd", {"lr": 0.01}),
    "landscape": Choice("expression", {"text": "0.25*(x**2 - 1)**2*(1 + x + 0.5*x**2)"}),
    "noise": Choice("hessian", {"batch_size": 0.07, "floor": 1.0}),
}
STATEMENTS = ("theorem-3", "flatness-selection")


class Profile(NamedTuple):
    """A loss of one parameter with two minima.

    Parameters
    ----------
    x, loss
        Points of the curve, (n,).
    minima, bottoms, curvatures
        The two minima from left to right, with loss and curvature, (2,).
    saddle, top
        The maximum between them, and its loss.
    displacement
        Distance from each minimum, away from the saddle.
    rises
        Loss there above the minimum, (2,).
    """

    x: npt.NDArray[np.float64]
    loss: npt.NDArray[np.float64]
    minima: npt.NDArray[np.float64]
    bottoms: npt.NDArray[np.float64]
    curvatures: npt.NDArray[np.float64]
    saddle: float
    top: float
    displacement: float
    rises: npt.NDArray[np.float64]


class Leaving(NamedTuple):
    """Mean escape time out of a minimum, in dynamical time.

    Parameters
    ----------
    mean, low, high
        Measured, with its 95 % interval.
    escaped
        How many escaped.
    references
        Rung -> its value, where there is one.
    """

    mean: float
    low: float
    high: float
    escaped: int
    references: dict[str, float]


class Data(NamedTuple):
    """What is drawn.

    Parameters
    ----------
    profile
        The loss.
    edges, density
        Histogram of the long run, (bins + 1,), (bins,).
    law_x, law
        Stationary density of the Ito diffusion, (n,); empty where none is known.
    share, error
        Share of the time on the left of the saddle, and its standard error over trajectories.
    law_share
        The same by the stationary law; nan where none is known.
    leaving
        Escape out of the left minimum and out of the right one.
    trajectories, steps, time_step
        Of the long run.
    """

    profile: Profile
    edges: npt.NDArray[np.float64]
    density: npt.NDArray[np.float64]
    law_x: npt.NDArray[np.float64]
    law: npt.NDArray[np.float64]
    share: float
    error: float
    law_share: float
    leaving: tuple[Leaving, Leaving]
    trajectories: int
    steps: int
    time_step: float


class WayBack:
    """A landscape whose escape leads from the far minimum back: the same loss, so that a kernel compiles the same."""

    def __init__(self, landscape: Any) -> None:
        self.landscape = landscape

    def __getattr__(self, name: str) -> Any:
        return getattr(self.landscape, name)

    def check(self) -> "WayBack":
        """Return the landscape as it is."""
        return self

    def suited(self, landscape: Any) -> Any:
        """Return the form of the landscape itself that a kernel compiles."""
        return suited(self.landscape, self.landscape)

    def escape(self) -> Escape:
        """Return the way from the far minimum over the same saddle."""
        way = self.landscape.escape()
        barrier = value_at(self.landscape, way.saddle) - value_at(self.landscape, way.far_minimum)
        return Escape(way.far_minimum, way.saddle, way.minimum, -way.direction, barrier)


def compute(options: Options, parts: Parts, report: Callable[[float, str], None] | None = None) -> Data:
    """Run the long ensemble and an escape ensemble out of each minimum."""
    from ...dynamics.escape_times import escape_times
    from ...dynamics.saddle_spread import saddle_spread
    from ...theory.references import references

    count = whole_number("trajectories", options.trajectories, 4, "half of them start in each minimum")
    steps = whole_number("steps", options.steps, 2 * RECORDS, "positions are counted at so many moments")
    profile = profile_of(parts.landscape, options.displacement)
    ensemble = parts.noise, parts.rule
    record = np.unique(np.linspace(steps // 2, steps, RECORDS).astype(np.int64))
    positions = []
    for k, (start, numbers) in enumerate(
        zip(profile.minima, (range(count // 2), range(count // 2, count)), strict=True)
    ):
        if report:
            report(0.3 * k, "the long run")
        spread = whole(
            saddle_spread(parts.landscape, *ensemble, steps=steps, trajectories=numbers, seed=options.seed,
                          record=record, origin=[start], keep_paths=True)
        )  # fmt: skip
        if spread.diverged:
            raise ValueError(f"{spread.diverged} of {len(numbers)} trajectories diverged: there is no time to share")
        positions.append(np.asarray(spread.paths)[:, :, 0])
    x = np.concatenate(positions)
    left = np.mean(x < profile.saddle, axis=1)
    counts, edges = np.histogram(x, bins=BINS)
    leaving = []
    way = parts.landscape.escape()
    ways = [parts.landscape, WayBack(parts.landscape)]
    for k, landscape in enumerate(ways if way.direction[0] > 0.0 else ways[::-1]):
        if report:
            report(0.6 + 0.15 * k, "escapes")
        times = whole(escape_times(landscape, *ensemble, trajectories=count, seed=options.seed))
        known = references(landscape, *ensemble)._asdict()
        rungs = {name: float(known[name].value) for name in ("exact_discrete", "exact_diffusion")
                 if known[name].value is not None}  # fmt: skip
        low, high = times.interval(0.95)
        leaving.append(Leaving(times.mean, low, high, times.escaped, rungs))
    law_x, law, law_share = _law(parts, steps, profile.saddle)
    return Data(
        profile=profile,
        edges=edges,
        density=counts / (x.size * np.diff(edges)),
        law_x=law_x,
        law=law,
        share=float(left.mean()),
        error=float(left.std(ddof=1) / np.sqrt(len(left))),
        law_share=law_share,
        leaving=(leaving[0], leaving[1]),
        trajectories=count,
        steps=steps,
        time_step=float(parts.rule.time_step()),
    )


def profile_of(landscape: Any, displacement: float) -> Profile:
    """Return the loss of one parameter around its two minima.

    Raises
    ------
    ValueError
        Where there is more than one parameter, or no second minimum.
    """
    if landscape.dimension != 1:
        raise ValueError(f"dimension={landscape.dimension} must be 1: the loss is drawn against its one parameter")
    way = landscape.escape()
    if way.far_minimum is None:
        raise ValueError("the landscape has no minimum beyond the saddle to compare with")
    minima = np.sort([way.minimum[0], way.far_minimum[0]])
    nearest = float(np.abs(minima - way.saddle[0]).min())
    away = positive("displacement", displacement, "at the minimum itself nothing rises")
    if not away < nearest:
        raise ValueError(f"displacement={away:g} must be below {nearest:g}, the way to the saddle: it is a small one")
    bottoms = values(landscape, minima[None, :])
    reach = 0.75 * nearest
    x = np.linspace(minima[0] - reach, minima[1] + reach, POINTS)
    return Profile(
        x=x,
        loss=values(landscape, x[None, :]),
        minima=minima,
        bottoms=bottoms,
        curvatures=np.array([hessian_at(landscape, [m])[0, 0] for m in minima]),
        saddle=float(way.saddle[0]),
        top=value_at(landscape, way.saddle),
        displacement=away,
        rises=values(landscape, (minima + away * np.array([-1.0, 1.0]))[None, :]) - bottoms,
    )


def draw(data: Data) -> Figure:
    """Draw the loss, below it where the time is spent, and beside both how long escapes take."""
    with styled(12.5, 7.0) as figure:
        grid = figure.add_gridspec(2, 2, width_ratios=(7, 5))
        top = figure.add_subplot(grid[0, 0])
        bottom = figure.add_subplot(grid[1, 0], sharex=top)
        right = figure.add_subplot(grid[:, 1])
        rise_of_loss(data.profile, ax=top)
        top.set_title("the same small step, a different rise of the loss", loc="left")
        top.set_xlabel("")
        top.tick_params(labelbottom=False)
        bottom.stairs(data.density, data.edges, fill=True, color=BARS, label="time spent, simulated")
        look = REFERENCE_LOOKS["exact_diffusion"]
        if len(data.law):
            bottom.plot(data.law_x, data.law, label="stationary law of the diffusion", **look.line)
        bottom.axvline(data.profile.saddle, color=GREY, linewidth=1.2, linestyle=(0, (1, 1.5)))
        peak = 1.3 * float(np.max(np.append(data.density, data.law)))
        bottom.set_ylim(0.0, peak)
        for minimum, share in zip(data.profile.minima, (data.share, 1.0 - data.share), strict=True):
            bottom.annotate(f"{share:.1%} ± {NORMAL * data.error:.1%}", (minimum, 0.97 * peak), ha="center", va="top")
        bottom.set_title("where the time is spent", loc="left")
        bottom.set_xlabel("parameter θ")
        bottom.set_ylabel("density P (1/θ)")
        _leaving(right, data)
        handles, labels = bottom.get_legend_handles_labels()
        more, names = right.get_legend_handles_labels()
        figure.legend(handles + more, labels + names, loc="outside lower center", ncols=3)
        return figure


def caption(data: Data) -> str:
    """Return what the figure shows, with its numbers."""
    p = data.profile
    a, c = data.leaving
    said = (
        f"Two minima of curvature {p.curvatures[0]:.4g} and {p.curvatures[1]:.4g}, whose losses differ by "
        f"{abs(p.bottoms[1] - p.bottoms[0]):.2g}, below the same saddle ({p.top - p.bottoms[0]:.4g} above the left "
        f"one). A step of {p.displacement:g} away from the saddle raises the loss by {p.rises[0]:.3g} on the left and "
        f"by {p.rises[1]:.3g} on the right. In a run of {data.trajectories} trajectories over t = "
        f"{data.steps * data.time_step:,.4g}, half started in each, {data.share:.1%} ± {NORMAL * data.error:.1%} of "
        "the time is spent on the left"
    )
    if np.isfinite(data.law_share):
        said += f" (stationary law of the diffusion: {data.law_share:.1%})"
    return said + (
        f"; the mean escape takes {a.mean:.4g} [{a.low:.4g}, {a.high:.4g}] out of the left minimum and {c.mean:.4g} "
        f"[{c.low:.4g}, {c.high:.4g}] out of the right one."
    )


def alt(data: Data) -> str:
    """Return what the figure looks like."""
    wide = "left" if data.profile.curvatures[0] < data.profile.curvatures[1] else "right"
    return (
        f"Three panels. A loss curve with two hollows of which the {wide} one is wide; an arrow of the same length in "
        "each ends at a different height. Below it, on the same axis, a histogram with a peak in each hollow, and a "
        "line along it. On the right, on a logarithmic scale, the mean escape time out of each, with intervals."
    )


def rise_of_loss(landscape: Any, displacement: float = 0.2, *, ax: Axes | None = None) -> Axes:
    """Draw a loss with two minima and how much it rises at the same distance from each.

    Parameters
    ----------
    landscape
        A landscape of one parameter with two minima, or its Profile.
    displacement
        Distance from each minimum, away from the saddle (theta).
    ax
        Where to draw; new axes if left out.

    Returns
    -------
    Axes
        The axes.

    Raises
    ------
    ValueError
        Where the landscape has more than one parameter or no second minimum.
    """
    p = landscape if isinstance(landscape, Profile) else profile_of(landscape.check(), displacement)
    axes = panel(ax)
    axes.plot(p.x, p.loss, color=INK)
    axes.plot(p.minima, p.bottoms, **MINIMUM)
    floor = float(p.bottoms.min())
    ceiling = CEILING * max(p.top - floor, float(p.rises.max()))
    for side, m, low, rise, curvature in zip((-1, 1), p.minima, p.bottoms, p.rises, p.curvatures, strict=True):
        end = m + side * p.displacement
        arrow = {"arrowstyle": "-|>", "color": GREY, "linewidth": 1.8, "shrinkA": 4, "shrinkB": 0}
        axes.annotate("", (end, low), (m, low), arrowprops=arrow)
        axes.plot([end, end], [low, low + rise], color=INK, linewidth=4.0, solid_capstyle="butt")
        axes.annotate(f"curvature {curvature:.3g}\nrise {rise:.3g}", (m, floor + 0.97 * ceiling), ha="center", va="top")
    axes.set_ylim(floor - 0.08 * ceiling, floor + ceiling)
    axes.set_xlim(p.x[0], p.x[-1])
    axes.set_xlabel("parameter θ")
    axes.set_ylabel("loss L")
    return axes


def _leaving(axes: Axes, data: Data) -> None:
    """Draw the mean escape time out of each minimum, with its interval and the rungs."""
    for k, one in enumerate(data.leaving):
        if one.escaped:
            error = [[one.mean - one.low], [one.high - one.mean]]
            axes.errorbar([k], [one.mean], error, capsize=5, markersize=8, zorder=4,
                          label="simulated, 95 % interval" if k == 0 else None, **SIMULATED.points)  # fmt: skip
            said = f"{one.mean:.4g}"
        else:
            axes.plot([k], [one.low], color=INK, marker="^", markersize=9, linestyle="none")
            said = f"above {one.low:.3g}"
        axes.annotate(said, (k, one.mean if one.escaped else one.low), xytext=(-14, 0), textcoords="offset points",
                      ha="right", va="center")  # fmt: skip
        for j, (name, value) in enumerate(one.references.items()):
            look = REFERENCE_LOOKS[name]
            axes.plot([k + 0.13 * (j + 1)], [value], markersize=11, markeredgewidth=1.8, **look.points,
                      label=look.label if k == 0 else None)  # fmt: skip
    sharp = int(np.argmax(data.profile.curvatures))
    names = ["right", "left"] if sharp == 0 else ["left", "right"]
    kinds = {names[0]: "flat", names[1]: "sharp"}
    equal = np.ptp(data.profile.curvatures) == 0.0
    axes.set_xticks([0, 1], [f"{side} minimum" if equal else f"{kinds[side]} minimum" for side in ("left", "right")])
    axes.set_xlim(-0.6, 1.6)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    low, high = axes.get_ylim()
    spare = max(1.3, np.sqrt(SMALLEST_RATIO / (high / low)))
    axes.set_ylim(low / spare, high * spare)
    axes.set_xlabel("started in")
    axes.set_ylabel("mean escape time t = steps × learning rate")
    axes.set_title("how long it takes to leave", loc="left")
    axes.grid(visible=True, axis="y")


def _law(parts: Parts, steps: int, saddle: float) -> tuple[Any, Any, float]:
    """Return the density of the diffusion at the end of the run, and its share left of the saddle."""
    from ...theory.fokker_planck_landscape import density_of

    end = number("steps", steps * parts.rule.time_step())
    try:
        found = density_of(parts.landscape, parts.noise, parts.rule, [end])
    except ValueError:  # a rule with inertia, or a noise that vanishes, has no such law
        return np.zeros(0), np.zeros(0), float("nan")
    centres = found.centres[0]
    return centres, found.values[0], float(found.masses[0][centres < saddle].sum())
