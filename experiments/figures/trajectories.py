"""Figure of trajectories on a landscape: several rules on the same random numbers, one panel a rule."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib import colors, patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...dynamics import RULES
from ...dynamics.saddle_spread import SaddleSpread
from ...dynamics.setting import check_stable, checked_parts, starting_point
from ...landscapes.checks import positive, vector
from ...landscapes.checks import whole as whole_number
from ...landscapes.eigen_directions import eigen_directions
from ...landscapes.interface import covariance_at
from ..refusals import nearest, one_of
from .interface import Choice, Parts, whole
from .plane import START, Plane, check_plane, contours, marks, plane_of
from .style import GREY, INK, PAPER, RULE_LOOKS, panel, styled

KNOWN = ("sgd", "momentum", "adam", "adamw", "adai", "adaiw")
ADAPTIVE = ("adam", "adamw")
"""Rules whose step is the learning rate times g/sqrt(v), free of the gradient's scale."""
MOST_RULES = 4
BETA1 = 0.9
"""Share of the momentum that Momentum keeps; the new gradient has the rest of the weight, so that gamma M = 1."""
MOST_SHOWN = 5
SHOWN_POINTS = 600
BUNDLE_NUMBERS = 12_000
"""Numbers kept of all bundles together."""
FAR = 1e6
"""A coordinate beyond is not drawn."""
ENDS = ("o", "s", "^", "D", "P")


class Options(NamedTuple):
    """Landscape contours with trajectories of several rules on the same random numbers.

    Parameters
    ----------
    rules
        Rules, separated by commas, at most four: sgd, momentum, adam, adamw, adai, adaiw.
    trajectories
        Number of trajectories of each rule, N.
    shown
        How many of them, the first ones, are drawn bold: the same in every panel.
    steps
        Steps T.
    lr
        Learning rate of all rules but Adam and AdamW.
    adaptive_lr
        Learning rate of Adam and AdamW; default lr times the root of the mean noise variance at the start, so that
        where noise dominates the gradient a step is as long as SGD's.
    seed
        Seed of the random streams, in [0, 2^64).
    origin
        Where trajectories start; default the landscape's first saddle.
    """

    rules: str = "sgd,momentum,adam,adai"
    trajectories: int = 40
    shown: int = 3
    steps: int = 300
    lr: float = 0.01
    adaptive_lr: float | None = None
    seed: int = 0
    origin: npt.ArrayLike | None = None


QUICK = {"rules": "sgd,adam", "trajectories": 6, "steps": 60}
PARTS = {
    "landscape": Choice("mueller-brown", {"scale": 0.01}),
    "noise": Choice("isotropic", {"variance": 20.0}),
}
STATEMENTS: tuple[str, ...] = ()


class Data(NamedTuple):
    """What is drawn.

    Parameters
    ----------
    plane
        The landscape.
    origin
        Where trajectories start, (2,).
    rates
        Rule -> its learning rate.
    shown
        Rule -> the bold trajectories, (K, R, 2).
    bundle
        Rule -> the others, (N - K, S, 2).
    ends
        Rule -> number of the minimum nearest to each trajectory's end, or the side of the start it is on, (N,).
    steps, trajectories, diverged
        Steps, trajectories of each rule, and how many of all were lost because they diverged.
    places
        What ``ends`` counts: "minimum", or "side".
    """

    plane: Plane
    origin: npt.NDArray[np.float64]
    rates: dict[str, float]
    shown: dict[str, npt.NDArray[np.float64]]
    bundle: dict[str, npt.NDArray[np.float64]]
    ends: dict[str, npt.NDArray[np.int64]]
    steps: int
    trajectories: int
    diverged: int
    places: str


def compute(options: Options, parts: Parts, report: Callable[[float, str], None] | None = None) -> Data:
    """Run one ensemble a rule, all on the same random numbers."""
    from ...dynamics.saddle_spread import saddle_spread

    names = _names(options.rules)
    number = whole_number("trajectories", options.trajectories, 2, "a bundle is more than one")
    steps = whole_number("steps", options.steps, 1)
    shown = _count(options.shown, number)
    check_plane(parts.landscape)
    start = _start(parts.landscape, options.origin)
    built = {name: _built(name, options, parts, start) for name in names}
    landscape, noise, _ = checked_parts(parts.landscape, parts.noise, next(iter(built.values())))
    for rule in built.values():
        check_stable(landscape, rule, (start, *landscape.minima()))
    fine = _some(steps, SHOWN_POINTS)
    coarse = _some(steps, max(BUNDLE_NUMBERS // (2 * len(names) * max(number - shown, 1)), 2))
    record = np.union1d(fine, coarse)
    paths, diverged = {}, 0
    for k, (name, rule) in enumerate(built.items()):
        if report:
            report(k / len(names), RULE_LOOKS[name].label)
        spread = whole(
            saddle_spread(
                landscape, noise, rule, steps=steps, trajectories=number, seed=options.seed, record=record,
                origin=start, keep_paths=True,
            )
        )  # fmt: skip
        path = np.asarray(spread.paths)
        paths[name] = np.where(np.abs(path) < FAR, path, np.nan)
        diverged += spread.diverged
    plane = plane_of(landscape, points=np.concatenate([path.reshape(-1, 2) for path in paths.values()]))
    at_fine, at_coarse = np.searchsorted(record, fine), np.searchsorted(record, coarse)
    places, ends = _ends(landscape, start, {name: path[:, -1] for name, path in paths.items()})
    return Data(
        plane=plane,
        origin=start,
        rates={name: float(rule.lr) for name, rule in built.items()},
        shown={name: path[:shown, at_fine] for name, path in paths.items()},
        bundle={name: path[shown:, at_coarse] for name, path in paths.items()},
        ends=ends,
        steps=steps,
        trajectories=number,
        diverged=diverged,
        places=places,
    )


def draw(data: Data) -> Figure:
    """Draw one panel a rule."""
    count = len(data.shown)
    with styled({1: 8.0, 2: 12.0}.get(count, 13.0), _height(data.plane, count)) as figure:
        panels = figure.subplots(1, count, sharex=True, sharey=True, squeeze=False)[0]
        for ax, (name, paths) in zip(panels, data.shown.items(), strict=True):
            contours(data.plane, ax=ax)
            trajectories(data.bundle[name], ax=ax, rule=name, highlighted=0)
            trajectories(paths, ax=ax, rule=name, highlighted=len(paths))
            ax.plot(*data.origin, **START, zorder=7)
            ax.set_title(_title(data, name), loc="left")
            if ax is not panels[0]:
                ax.set_ylabel("")
        handles = [Line2D([], [], **START, label="start"), *marks(data.plane)]
        handles += [
            Line2D([], [], color=shade, linewidth=2.5, marker=ENDS[k], markerfacecolor=PAPER, markeredgecolor=INK,
                   label=f"trajectory {k + 1}")
            for k, shade in enumerate(shades(GREY, len(next(iter(data.shown.values())))))
        ]  # fmt: skip
        figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 3 * count))
        return figure


def caption(data: Data) -> str:
    """Return what the figure shows, with its numbers."""
    names = list(data.rates)
    first = names[0]
    rates = ", ".join(f"{RULE_LOOKS[name].label} {rate:.4g}" for name, rate in data.rates.items())
    said = (
        f"{data.trajectories} trajectories of {data.steps} steps from the same start on the same random numbers; "
        f"those drawn bold are the same {len(data.shown[first])} in every panel. Learning rates: {rates}. "
    )
    if len(names) > 1:
        where = "near another minimum than" if data.places == "minimum" else "on another side of the start than"
        moved = ", ".join(f"{RULE_LOOKS[name].label} {_elsewhere(data, name)}" for name in names[1:])
        said += f"Trajectories that end {where} under {RULE_LOOKS[first].label}: {moved}, of {data.trajectories}: "
        said += "the noise is the same, the rule decides where it leads. "
    else:
        counts = np.bincount(data.ends[first])
        said += f"They end by {data.places}: {', '.join(str(n) for n in counts if n)}. "
    if data.diverged:
        said += f"{data.diverged} trajectories diverged. "
    return said.rstrip()


def alt(data: Data) -> str:
    """Return what the figure looks like."""
    panels = "One panel" if len(data.rates) == 1 else f"{len(data.rates)} panels side by side"
    rules = ", ".join(RULE_LOOKS[name].label for name in data.rates)
    return (
        f"{panels} ({rules}), each with the same pale contour map of a loss with {len(data.plane.minima)} minima and "
        f"{len(data.plane.saddles)} saddles. From a star, a bundle of thin jagged paths spreads through the valleys; "
        f"{len(next(iter(data.shown.values())))} of them are bold and end in a circle, a square, a triangle."
    )


def trajectories(
    paths: npt.ArrayLike | SaddleSpread, *, ax: Axes | None = None, rule: str = "sgd", highlighted: int = 3
) -> Axes:
    """Draw trajectories in a plane, the first ones bold and ending in a mark, in the colour of their rule.

    Parameters
    ----------
    paths
        theta at recorded steps, (N, R, 2), or what ``saddle_spread(..., keep_paths=True)`` returned.
    ax
        Where to draw; new axes if left out.
    rule
        Name of the rule, which has its colour in every figure.
    highlighted
        How many are bold, from the first on; dark, lighter, lighter still.

    Returns
    -------
    Axes
        The axes.

    Raises
    ------
    ValueError
        Where there are no paths, they are not in a plane, or there is no such rule.
    """
    if rule not in RULE_LOOKS:
        raise ValueError(f"there is no rule {rule!r}{nearest(rule, RULE_LOOKS, one_of(RULE_LOOKS))}")
    if isinstance(paths, SaddleSpread):
        if paths.paths is None:
            raise ValueError("paths holds no paths: run saddle_spread with keep_paths=True")
        paths = paths.paths
    given = np.asarray(paths, dtype=np.float64)
    if given.size and (given.ndim != 3 or given.shape[2] != 2):
        raise ValueError(f"paths has shape {given.shape}; it must be (N, R, 2)")
    axes = panel(ax)
    colour = RULE_LOOKS[rule].colour
    for path in given[highlighted:] if given.size else ():
        axes.plot(*path.T, color=colour, linewidth=0.5, alpha=0.35, zorder=2)
    bold = given[:highlighted] if given.size else given
    halo = [patheffects.Stroke(linewidth=2.6, foreground=PAPER, alpha=0.7), patheffects.Normal()]
    for k, (path, shade) in enumerate(zip(bold, shades(colour, len(bold)), strict=True)):
        axes.plot(*path.T, color=shade, linewidth=1.3, zorder=3, path_effects=halo, solid_joinstyle="round")
        end = path[np.all(np.isfinite(path), axis=1)][-1:]
        axes.plot(*end.T, marker=ENDS[k % len(ENDS)], color=INK, markerfacecolor=PAPER, markeredgecolor=INK,
                  markersize=8, markeredgewidth=1.4, linestyle="none", zorder=8)  # fmt: skip
    return axes


def _names(text: str) -> list[str]:
    """Return the names of the rules."""
    names = [word.strip() for word in text.split(",")]
    for name in names:
        if name not in KNOWN:
            raise ValueError(f"rules={text}: there is no rule {name!r} here{nearest(name, KNOWN, one_of(KNOWN))}")
    if len(set(names)) < len(names):
        raise ValueError(f"rules={text} names a rule twice; each has one panel")
    if len(names) > MOST_RULES:
        raise ValueError(f"rules={text} are {len(names)}; at most {MOST_RULES} panels are legible side by side")
    return names


def _count(shown: Any, number: int) -> int:
    count = whole_number("shown", shown, 1, "without one nothing is compared")
    if count > min(number, MOST_SHOWN):
        raise ValueError(f"shown={count} must be at most {min(number, MOST_SHOWN)}: more cannot be told apart")
    return count


def _start(landscape: Any, origin: npt.ArrayLike | None) -> npt.NDArray[np.float64]:
    if origin is not None:
        return starting_point(origin, landscape)
    saddles = landscape.saddles()
    if not len(saddles):
        raise ValueError("origin is required: the landscape has no saddle to start from")
    return vector("origin", saddles[0])


def _built(name: str, options: Options, parts: Parts, start: npt.NDArray[np.float64]) -> Any:
    """Return the rule of that name at its learning rate."""
    lr = positive("lr", options.lr, "a step must go down the gradient")
    if name in ADAPTIVE:
        if options.adaptive_lr is None:
            lr *= float(np.sqrt(np.trace(covariance_at(parts.noise, parts.landscape, start)) / 2.0))
            positive("adaptive_lr", lr, "there is no noise at the start, which it is taken from; give one")
        else:
            lr = positive("adaptive_lr", options.adaptive_lr, "a step must go down the gradient")
    module, cls = RULES[name]
    rule = getattr(import_module(f"....dynamics.{module}", __name__), cls)
    more = {"beta1": BETA1, "beta3": 1.0 - BETA1} if name == "momentum" else {}
    return rule(lr=lr, **more).check()


def _some(steps: int, most: int) -> npt.NDArray[np.int64]:
    """Return steps from 0 to the last, evenly spaced, at most about so many."""
    return np.unique(np.linspace(0, steps, min(most, steps + 1)).astype(np.int64))


def _ends(
    landscape: Any, start: npt.NDArray[np.float64], last: dict[str, npt.NDArray[np.float64]]
) -> tuple[str, dict[str, npt.NDArray[np.int64]]]:
    """Return what tells ends apart, and which each trajectory has; a lost one the first."""
    minima = np.asarray(landscape.minima()).reshape(-1, 2)
    if len(minima) > 1:
        apart = {name: np.linalg.norm(end[:, None] - minima, axis=2) for name, end in last.items()}
        return "minimum", {name: np.argmin(np.nan_to_num(each, nan=np.inf), axis=1) for name, each in apart.items()}
    downhill = eigen_directions(landscape, start)[1][:, 0]
    return "side", {name: ((end - start) @ downhill > 0.0).astype(np.int64) for name, end in last.items()}


def _elsewhere(data: Data, name: str) -> int:
    """Return how many trajectories end elsewhere than under the first rule."""
    return int(np.count_nonzero(data.ends[name] != data.ends[next(iter(data.ends))]))


def _title(data: Data, name: str) -> str:
    label = RULE_LOOKS[name].label
    if name == next(iter(data.ends)):
        return f"{label}: {data.trajectories} trajectories"
    return f"{label}: {_elsewhere(data, name) / data.trajectories:.0%} end elsewhere"


def _height(plane: Plane, count: int) -> float:
    """Return the height that leaves the frame of the landscape nearly undistorted."""
    wide = {1: 6.6, 2: 5.2, 3: 3.7, 4: 2.8}[count]
    tall = wide * (plane.y[-1] - plane.y[0]) / (plane.x[-1] - plane.x[0])
    return float(np.clip(tall, 2.8, 6.0)) + 1.7


def shades(colour: str, number: int) -> list[tuple[float, float, float]]:
    """Return the colour from dark to light."""
    base = np.array(colors.to_rgb(colour))
    out = []
    for t in np.linspace(-0.65, 0.1, number) if number != 1 else [0.0]:
        mixed = base * (1.0 + t) if t < 0.0 else base + t * (1.0 - base)
        out.append((float(mixed[0]), float(mixed[1]), float(mixed[2])))
    return out
