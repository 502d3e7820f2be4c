"""Figure of Arrhenius' law: escape times against the barrier over the temperature, measured and by every rung."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ...landscapes.interface import Vector
from ...theory.references import References
from .cooling import climb_of
from .interface import Choice, Parts
from .measured import Measured, measured
from .rules import rules_of
from .style import INK, REFERENCE_LOOKS, RULE_LOOKS, panel, spread_ticks, styled
from .survival import rungs

Array = npt.NDArray[np.float64]

FACTORS = (0.4, 0.8, 1.2, 1.6, 2.0, 3.0, 4.5, 6.5)
"""What the swept field of the part is multiplied by where no values are given: its temperature divided by it."""
SWEEPS = {"barrier": 1.0, "batch_size": 1.0, "variance": -1.0}
"""Field that can be swept -> power of a factor that makes the barrier over the temperature as many times as large."""
BASES = ("exact_discrete", "corrected", "closed_form")
"""Rungs that the measured times are divided by: the first that a rule has."""
METHODS = ("auto", "direct", "splitting")
ENOUGH = 4.0
"""A direct run is chosen where max_steps are so many times what an escape is predicted to take."""
RATIOS = (1.0, 2.0, 0.5, 5.0, 0.2, 10.0, 0.1, 1.5, 0.7, 3.0, 20.0, 50.0, 0.05, 0.02, 1.2, 0.8, 1.1, 0.9)
"""Ticks of a ratio, those that are wanted most first."""
RING: dict[str, Any] = {"marker": "o", "markersize": 13, "markerfacecolor": "none", "linestyle": "none"}
"""What is around a mark that splitting measured."""
WIDE = 3.0
"""An interval wider than this factor does not set the reach of an axis."""


class Options(NamedTuple):
    """Arrhenius' law: how escape times grow with the barrier over the temperature.

    Parameters
    ----------
    rules
        Some of sgd, momentum, adam, adai with commas between; what is exact for momentum takes seconds a barrier.
    sweep
        What is swept: barrier of the landscape, or batch_size or variance of the noise.
    values
        Its values, each above 0; 0.4 to 6.5 times the part's own if left out.
    lr
        Learning rate of all but Adam.
    lr_adam
        Learning rate of Adam.
    beta1
        Of momentum (averaged, beta3 = 1 - beta1) and Adam.
    beta0
        Of Adai.
    trajectories
        Number of trajectories N at each value, of a direct run.
    max_steps
        Steps after which a trajectory of a direct run is censored.
    method
        direct, splitting, or auto: splitting where the closed form says more than a quarter of max_steps.
    repetitions
        Repetitions of a splitting.
    trials
        Trials a stage of each repetition.
    seed
        Seed of the random streams, in [0, 2^64).
    """

    rules: str = "sgd,adai,adam"
    sweep: str = "barrier"
    values: Vector | None = None
    lr: float = 0.05
    lr_adam: float = 0.08
    beta1: float = 0.8
    beta0: float = 0.1
    trajectories: int = 1000
    max_steps: int = 20_000
    method: str = "auto"
    repetitions: int = 10
    trials: int = 1000
    seed: int = 0


QUICK = {"rules": "sgd", "trajectories": 100, "values": (0.1, 0.2, 0.8), "repetitions": 8, "trials": 100}
PARTS = {
    "landscape": Choice("piecewise-quadratic", {"transverse_min": (0.5, 0.5, 0.5)}),
    "noise": Choice("hessian", {}),
}
STATEMENTS = ("theorem-3", "proposition-2", "proposition-4")


class Points(NamedTuple):
    """What is known of a rule at every value of the swept field.

    Parameters
    ----------
    climb
        Barrier over temperature, (P,): the rule's own.
    times
        The escape times, P of them, direct and by splitting.
    references
        The rungs, P of them.
    """

    climb: Array
    times: tuple[Measured, ...]
    references: tuple[References, ...]


class Data(NamedTuple):
    """What is drawn.

    Parameters
    ----------
    sweep
        The swept field.
    values
        Its values, (P,).
    points
        Rule -> what is known of it.
    """

    sweep: str
    values: Array
    points: dict[str, Points]


def compute(options: Options, parts: Parts, report: Callable[[float, str], None] | None = None) -> Data:
    """Run an ensemble for each rule and value and compute the rungs.

    Raises
    ------
    ValueError, TypeError
        Where an option is out of bounds or the parts cannot be swept so.
    """
    from ...landscapes.checks import whole as whole_number
    from ...theory.references import references

    rules = rules_of(options.rules, options.lr, options.lr_adam, options.beta1, options.beta0)
    whole_number("trajectories", options.trajectories, 1)
    if options.method not in METHODS:
        raise ValueError(f"method={options.method} must be one of {', '.join(METHODS)}")
    pairs, values = _swept(options, parts)
    climbs = {name: np.array([climb_of(*pair, rule) for pair in pairs]) for name, rule in rules.items()}
    points: dict[str, Points] = {}
    for name, rule in rules.items():
        times: list[Measured] = []
        known: list[References] = []
        for k, pair in enumerate(pairs):
            if report:
                report((len(points) * len(pairs) + k) / (len(rules) * len(pairs)), f"{name}, {values[k]:.4g}")
            times.append(_measure(options, (*pair, rule), k))
            known.append(references(*pair, rule))
        points[name] = Points(climbs[name], tuple(times), tuple(known))
    return Data(options.sweep, values, points)


def _measure(options: Options, setting: tuple[Any, Any, Any], k: int) -> Measured:
    """Measure the mean escape time at the value of number k."""
    from ...dynamics.escape_times import escape_times
    from ...dynamics.rare_escapes import rare_escapes

    run: Any
    if _is_direct(options, setting):
        # Trajectories of their own at each value: one seed would give all values the same noise.
        own = range(k * options.trajectories, (k + 1) * options.trajectories)
        run = escape_times(*setting, trajectories=own, seed=options.seed, max_steps=options.max_steps)
    else:
        own = range(k * options.repetitions, (k + 1) * options.repetitions)
        run = rare_escapes(*setting, repetitions=own, trials=options.trials, seed=options.seed)
    if run.interrupted:
        raise KeyboardInterrupt
    return measured(run)


def _is_direct(options: Options, setting: tuple[Any, Any, Any]) -> bool:
    from ...theory.references import closed_references

    if options.method != "auto":
        return options.method == "direct"
    printed, corrected = closed_references(*setting)
    logs = [each.log_value for each in (corrected, printed) if each.log_value is not None]
    return not logs or logs[0] <= np.log(options.max_steps * setting[2].time_step() / ENOUGH)


def _swept(options: Options, parts: Parts) -> tuple[list[tuple[Any, Any]], Array]:
    """Return landscape and noise at each value, and the values, rising with the barrier over the temperature."""
    from ...landscapes.checks import vector

    name = options.sweep
    if name not in SWEEPS:
        raise ValueError(f"sweep={name} must be one of {', '.join(SWEEPS)}: it sets the barrier over the temperature")
    owner = parts.landscape if name == "barrier" else parts.noise
    if name not in getattr(owner, "_fields", ()):
        others = [each for each in SWEEPS if each in (*parts.landscape._fields, *parts.noise._fields)]
        instead = f"; sweep {' or '.join(others)} instead" if others else ""
        raise ValueError(f"sweep={name}: {type(owner).__name__} has no field {name}{instead}")
    if options.values is None:
        values = getattr(owner, name) * np.array(FACTORS) ** SWEEPS[name]
    else:
        values = vector("values", options.values)
        if len(values) == 0 or not np.all(values > 0.0):
            raise ValueError(f"values={values} must be numbers above 0: they are values of {name}")
        values = np.unique(values)[:: int(SWEEPS[name])]
    made = [owner._replace(**{name: float(value)}).check() for value in values]
    if owner is parts.landscape:
        return [(each, parts.noise) for each in made], values
    return [(parts.landscape, each) for each in made], values


def draw(data: Data) -> Figure:
    """Draw the times, and beside them each rule's over what is exact."""
    number = len(data.points)
    with styled(12.0, max(6.4, 2.4 + 1.75 * number)) as figure:
        grid = figure.add_gridspec(number, 2, width_ratios=(6, 5))
        left = figure.add_subplot(grid[:, 0])
        right: list[Axes] = []
        for name, points in data.points.items():
            arrhenius_plot(points.climb, points.times, points.references, ax=left, rule=name)
            axes = figure.add_subplot(grid[len(right), 1], sharex=right[0] if right else None)
            arrhenius_ratio(points.climb, points.times, points.references, ax=axes, rule=name)
            right.append(axes)
        left.set_title("ln τ grows like barrier over temperature", loc="left")
        for axes in right[:-1]:
            axes.tick_params(labelbottom=False)
            axes.set_xlabel("")
        figure.legend(handles=_handles(data), loc="outside lower center", ncols=3)
        return figure


def caption(data: Data) -> str:
    """Return what the figure shows, with its numbers."""
    every = [times for points in data.points.values() for times in points.times]
    direct, split = ([t for t in every if t.method == method] for method in ("direct", "splitting"))
    ways = []
    if direct:
        most = max(times.escaped + times.unseen for times in direct)
        ways.append(f"at {len(direct)} points by {most:,} trajectories")
    if split:
        longest = max((times.steps for times in split if np.isfinite(times.steps)), default=np.nan)
        reach = f", up to {longest:.2g} steps" if np.isfinite(longest) else ""
        ways.append(f"at {len(split)} by splitting (ringed{reach})")
    parts = [
        f"Mean escape times against the barrier over the temperature, {data.sweep.replace('_', ' ')} from "
        f"{data.values[0]:.4g} to {data.values[-1]:.4g}, measured {', '.join(ways)}."
    ]
    for name, points in data.points.items():
        base, ratio, low, high = ratios(points.times, points.references)
        seen = np.flatnonzero([times.escaped > 0 for times in points.times])
        if base and len(seen):
            k = seen[int(np.nanargmin(high[seen] / low[seen]))]
            parts.append(
                f"{RULE_LOOKS[name].label} takes {ratio[k]:.3g} [{low[k]:.3g}, {high[k]:.3g}] times as long as "
                f"{_base_name(base)} says at ΔL/T = {points.climb[k]:.3g}."
            )
    censored = [times for times in direct if times.unseen]
    if censored:
        nothing = sum(times.escaped == 0 for times in censored)
        parts.append(
            f"At {len(censored)} points some trajectories were censored (hollow)"
            + (f", at {nothing} all of them (arrows: only a lower limit is known)." if nothing else ".")
        )
    return " ".join(parts)


def alt(data: Data) -> str:
    """Return what the figure looks like."""
    names = ", ".join(RULE_LOOKS[name].label for name in data.points)
    return (
        f"Left, mean escape times of {names} on a logarithmic scale rise along nearly straight lines with the barrier "
        "over the temperature, between lines of the closed forms and of what is exact. Right, a panel for each rule "
        "with the same times divided by what is exact, or by the corrected closed form where nothing is exact."
    )


def arrhenius_plot(
    climb: npt.ArrayLike,
    times: Sequence[Any],
    references: Sequence[Any] = (),
    *,
    ax: Axes | None = None,
    rule: str = "sgd",
) -> Axes:
    """Draw mean escape times with 95 % intervals against the barrier over the temperature, and the rungs as lines.

    A hollow mark stands where some trajectories were not seen to escape, an arrow from the lower limit where none was,
    a ring around what splitting measured.

    Parameters
    ----------
    climb
        Barrier over temperature, (P,), as ``regime`` tells it.
    times
        What ``escape_times`` or ``rare_escapes`` returned, P of them.
    references
        What ``references`` returned, P of them, or none.
    ax
        Where to draw; new axes if left out.
    rule
        Name of the rule on the command line: its colour and mark.

    Returns
    -------
    Axes
        The axes, logarithmic in the time.
    """
    axes, x = panel(ax), np.asarray(climb, dtype=np.float64)
    mark: dict[str, Any] = {"marker": RULE_LOOKS[rule].mark, "markersize": 4, "markerfacecolor": "white"}
    for name, values in _columns(references).items():
        # Lines of several rules on the same axes are told apart by the rule's mark.
        axes.plot(x, values, **REFERENCE_LOOKS[name].line, **(mark if name == "closed_form" else {}))
    kept = [measured(each) for each in times]
    _marks(axes, x, *_ends(kept), kept, rule)
    axes.set_yscale("log")
    axes.set_xlabel("barrier over temperature ΔL/T (T: the rule's own)")
    axes.set_ylabel("mean escape time τ (dynamical time)")
    axes.grid(visible=True)
    return axes


def arrhenius_ratio(
    climb: npt.ArrayLike,
    times: Sequence[Any],
    references: Sequence[Any],
    *,
    ax: Axes | None = None,
    rule: str = "sgd",
) -> Axes:
    """Draw mean escape times, and the other rungs, over the exact iteration's.

    Where there is no exact iteration at every point they are divided by the corrected closed form, and where there is
    none by the printed one.

    Parameters
    ----------
    climb, times, references, ax, rule
        As in ``arrhenius_plot``.

    Returns
    -------
    Axes
        The axes, logarithmic in the ratio, with a title that names the rule.
    """
    axes, x = panel(ax), np.asarray(climb, dtype=np.float64)
    base, ratio, low, high = ratios(times, references)
    label = RULE_LOOKS[rule].label
    axes.set_xlabel("barrier over temperature ΔL/T")
    axes.set_ylabel(f"τ / {_SHORT.get(base, 'base')}")
    axes.set_title(label if base == BASES[0] else f"{label}: nothing exact to divide by", loc="left")
    if not base:
        return axes
    columns = _columns(references)
    # What is known within a factor says how far the axis reaches; a wider interval may leave it.
    close = np.flatnonzero(high < WIDE * low)
    reach = [1.0, *low[close], *high[close]]
    for name, values in columns.items():
        axes.plot(x, values / columns[base], **REFERENCE_LOOKS[name].line)
        reach += list((values / columns[base])[np.isfinite(values)])
    _marks(axes, x, ratio, low, high, [measured(each) for each in times], rule)
    axes.set_yscale("log")
    axes.set_ylim(0.85 * max(min(reach), 0.02), 1.18 * min(max(reach), 50.0))
    axes.yaxis.set_major_locator(FixedLocator(spread_ticks(RATIOS, *axes.get_ylim(), 0.17)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.grid(visible=True)
    return axes


def ratios(times: Sequence[Any], references: Sequence[Any]) -> tuple[str, Array, Array, Array]:
    """Return the rung that times are divided by ("" where there is none), and mean, low and high over it, (P,)."""
    columns = _columns(references)
    whole_ones = [name for name in BASES if name in columns and np.all(np.isfinite(columns[name]))]
    base = whole_ones[0] if whole_ones else ""
    below = columns[base] if base else np.full(len(times), np.nan)
    mean, low, high = _ends([measured(each) for each in times])
    return base, mean / below, low / below, high / below


def _ends(times: Sequence[Measured]) -> tuple[Array, Array, Array]:
    """Return mean and interval of all, each (P,), infinite where nothing bounds them."""
    ends = np.array([[each.mean, each.low, each.high] for each in times]).reshape(-1, 3)
    mean, low, high = np.where(np.isnan(ends), np.inf, ends).T
    return mean, low, high


def _columns(references: Sequence[Any]) -> dict[str, Array]:
    """Return rung -> value at each point, (P,), nan where it has none; rungs without any are left out."""
    known = [rungs(each) for each in references]
    names = [name for name in REFERENCE_LOOKS if any(name in each for each in known)]
    # What corrects nothing at one point may correct something at another.
    return {
        name: np.array([each.get(name, each.get("closed_form", np.nan) if name == "corrected" and _both(given)
                                 else np.nan) for each, given in zip(known, references, strict=True)])
        for name in names
    }  # fmt: skip


def _both(given: Any) -> bool:
    """Say whether both closed forms are there, whether or not they are one."""
    told: Mapping[str, Any] = given._asdict() if hasattr(given, "_asdict") else given
    return all(getattr(told.get(name), "value", told.get(name)) is not None for name in ("corrected", "closed_form"))


def _marks(axes: Axes, x: Array, mean: Array, low: Array, high: Array, times: Sequence[Measured], rule: str) -> None:
    look = RULE_LOOKS[rule]
    for k, each in enumerate(times):
        if each.escaped == 0:
            if np.isfinite(low[k]):
                axes.errorbar(x[k], low[k], [[0.0], [1.2 * low[k]]], lolims=True, color=look.colour, capsize=5,
                              marker="_", markersize=10, zorder=4)  # fmt: skip
            continue
        bar = [[mean[k] - low[k]], [high[k] - mean[k] if np.isfinite(high[k]) else 0.0]]
        split = each.method == "splitting"
        hollow: dict[str, Any] = {"markerfacecolor": "white"} if each.unseen and not split else {}
        axes.errorbar(x[k], mean[k], bar, **look.points, **hollow, markersize=7, capsize=4, linewidth=1.4,
                      zorder=4)  # fmt: skip
        if split:
            axes.plot(x[k], mean[k], **RING, color=look.colour, zorder=3)


def _handles(data: Data) -> list[Any]:
    handles: list[Any] = [
        Line2D([], [], **RULE_LOOKS[name].points, markersize=7, label=f"{RULE_LOOKS[name].label}, measured, 95 %")
        for name in data.points
    ]
    every = [measured(times) for points in data.points.values() for times in points.times]
    direct = [times for times in every if times.method == "direct"]
    if any(times.method == "splitting" for times in every):
        handles.append(Line2D([], [], **RING, color=INK, label="ringed: by splitting"))
    if any(times.escaped and times.unseen for times in direct):
        handles.append(Line2D([], [], color=INK, marker="o", markerfacecolor="white", linestyle="none", markersize=7,
                              label="hollow: some censored"))  # fmt: skip
    if any(times.escaped == 0 for times in every):
        handles.append(Line2D([], [], color=INK, marker="$\\uparrow$", linestyle="none", markersize=11,
                              label="nothing escaped: above this"))  # fmt: skip
    drawn = {name for points in data.points.values() for name in _columns(points.references)}
    handles += [
        Line2D([], [], **look.line, label=look.label) for name, look in REFERENCE_LOOKS.items() if name in drawn
    ]
    return handles


_SHORT = {"exact_discrete": "exact", "corrected": "corrected", "closed_form": "printed"}


def _base_name(base: str) -> str:
    return {
        "exact_discrete": "the exact iteration",
        "corrected": "the corrected closed form",
        "closed_form": "the printed closed form",
    }[base]
