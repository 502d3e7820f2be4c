"""Figure of the closed forms as temperature falls, over escape times that are measured by splitting."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ...landscapes.interface import Vector
from .cooling import WAYS, cooled, field_of
from .interface import Choice, Parts
from .measured import Measured, measured
from .rules import rules_of
from .style import INK, REFERENCE_LOOKS, RULE_LOOKS, panel, spread_ticks, styled
from .survival import rungs

Array = npt.NDArray[np.float64]

FORMS = ("closed_form", "corrected")
TICKS = (
    1.0,
    10.0,
    100.0,
    1000.0,
    0.1,
    3.0,
    0.3,
    30.0,
    2.0,
    0.5,
    300.0,
    0.03,
    0.01,
    1e-3,
    1e-4,
    1e-5,
    5.0,
    1.5,
    0.7,
    1.2,
    0.8,
    1e4,
    1e5,
)
"""Ticks of a ratio, those that are wanted most first."""
WIDE = 3.0
"""An interval wider than this factor does not set the reach of an axis."""


class Options(NamedTuple):
    """Does a closed form come true as temperature falls? Its ratio to the measured escape time.

    Parameters
    ----------
    rules
        Some of sgd, momentum, adam, adai with commas between.
    lowered
        How the temperature is lowered: noise (a larger batch_size, or a smaller variance), lr, or both with a comma
        between. All begin at the same setting, the hottest.
    climbs
        Barriers over the temperature, each above 0; below about 3 there is nothing to split.
    lr
        Learning rate at the hottest, of all but Adam.
    lr_adam
        Learning rate of Adam at the hottest.
    beta1
        Of momentum (averaged, beta3 = 1 - beta1) and Adam.
    beta0
        Of Adai.
    across
        Curvatures across the way for Adai alone, whose inertia compares directions; the landscape's own if left out.
    exact
        Rules of which the iteration is also solved, where it can be: sgd takes a moment, momentum ten seconds a point.
    repetitions
        Repetitions of each splitting.
    trials
        Trials a stage of each repetition.
    seed
        Seed of the random streams, in [0, 2^64).
    """

    rules: str = "sgd,momentum,adam,adai"
    lowered: str = "noise,lr"
    climbs: Vector = (4.0, 8.0, 14.0, 24.0, 40.0)  # type: ignore[assignment]
    lr: float = 0.02
    lr_adam: float = 0.03
    beta1: float = 0.8
    beta0: float = 0.2
    across: Vector | None = (2.0, 2.0, 2.0)  # type: ignore[assignment]
    exact: str = "sgd"
    repetitions: int = 10
    trials: int = 2000
    seed: int = 0


QUICK = {"rules": "sgd,momentum", "climbs": (4.0, 8.0, 12.0), "repetitions": 8, "trials": 200}
PARTS = {"landscape": Choice("piecewise-quadratic", {}), "noise": Choice("hessian", {})}
STATEMENTS = ("theorem-3", "proposition-2", "proposition-4")


class Points(NamedTuple):
    """What is known of a rule as one of its settings changes.

    Parameters
    ----------
    climb
        Barrier over temperature, (P,).
    lr, noise
        Learning rate and the noise's field, (P,).
    memory
        lr_e |H_b|/(1 - beta2), (P,): above about 1 second moments do not follow the path; NaN without any.
    times
        The measured escape times, P of them.
    forms
        Rung -> its value in dynamical time, P of them: the closed forms, and what is exact where it was asked for.
    """

    climb: Array
    lr: Array
    noise: Array
    memory: Array
    times: tuple[Measured, ...]
    forms: tuple[dict[str, float], ...]


class Data(NamedTuple):
    """What is drawn.

    Parameters
    ----------
    field
        The noise's field.
    points
        Rule -> way of lowering the temperature -> what is known.
    """

    field: str
    points: dict[str, dict[str, Points]]


def compute(options: Options, parts: Parts, report: Callable[[float, str], None] | None = None) -> Data:
    """Measure each rule at each temperature by splitting, and compute its closed forms.

    Raises
    ------
    ValueError, TypeError
        Where an option is out of bounds or the parts cannot be cooled so.
    """
    from ...dynamics.rare_escapes import rare_escapes
    from ...theory.references import closed_references, references
    from ...theory.regime_numbers import regime

    rules = rules_of(options.rules, options.lr, options.lr_adam, options.beta1, options.beta0)
    solved = set(rules_of(options.exact, 0.1, 0.1, 0.5, 0.1)) if options.exact else set()
    field = field_of(parts.noise)
    series = {
        name: {
            way: cooled(_landscape(options, parts, name), parts.noise, rule, options.climbs, way)
            for way in _ways(options.lowered)
        }
        for name, rule in rules.items()
    }
    work = sum(place.climb for ways in series.values() for places in ways.values() for place in places)
    done = 0.0
    points: dict[str, dict[str, Points]] = {}
    for name, ways in series.items():
        points[name] = {}
        for way, places in ways.items():
            times, forms = [], []
            for place in places:
                if report:
                    report(done / work, f"{name}, barrier/T {place.climb:.3g} {WAYS[way]}")
                done += place.climb
                setting = (place.landscape, place.noise, place.rule)
                run = rare_escapes(*setting, repetitions=options.repetitions, trials=options.trials, seed=options.seed)
                if run.interrupted:
                    raise KeyboardInterrupt
                times.append(measured(run))
                told = dict(zip(FORMS, closed_references(*setting), strict=True))
                if name in solved:
                    told |= {"exact_discrete": references(*setting).exact_discrete}
                forms.append({key: float(each.value) for key, each in told.items() if each.value is not None})
            points[name][way] = Points(
                np.array([place.climb for place in places]),
                np.array([place.rule.lr for place in places]),
                np.array([getattr(place.noise, field) for place in places]),
                np.array([regime(*place[1:]).get("memory", np.nan) for place in places]),
                tuple(times),
                tuple(forms),
            )
    return Data(field, points)


def _ways(words: str) -> list[str]:
    from ..refusals import nearest, one_of

    ways = list(dict.fromkeys(word.strip() for word in words.split(",")))
    for way in ways:
        if way not in WAYS:
            raise ValueError(f"lowered={words}: there is no {way!r} here{nearest(way, WAYS, one_of(WAYS))}")
    return ways


def _landscape(options: Options, parts: Parts, name: str) -> Any:
    from ...landscapes.checks import vector

    landscape = parts.landscape
    if name != "adai" or options.across is None or not np.size(options.across):
        return landscape
    if not {"transverse_min", "transverse_saddle"} <= set(getattr(landscape, "_fields", ())):
        raise ValueError(f"across={options.across}: {type(landscape).__name__} has no transverse curvatures")
    curvatures = vector("across", options.across)
    return landscape._replace(transverse_min=curvatures, transverse_saddle=curvatures).check()


def draw(data: Data) -> Figure:
    """Draw a panel for each rule and way of lowering the temperature."""
    ways = list(dict.fromkeys(way for series in data.points.values() for way in series))
    rows = len(data.points)
    with styled(12.0, max(4.6, 1.4 + 2.3 * rows)) as figure:
        panels = figure.subplots(rows, len(ways), sharex=True, squeeze=False)
        for row, (name, series) in enumerate(data.points.items()):
            for column, way in enumerate(ways):
                axes, points = panels[row, column], series[way]
                low_temperature_ratio(points.climb, points.times, points.forms, ax=axes, rule=name)
                axes.set_title(f"{RULE_LOOKS[name].label}, {_span(data.field, way, points)}", loc="left")
                if row < rows - 1:
                    axes.set_xlabel("")
        figure.legend(handles=_handles(data), loc="outside lower center", ncols=2)
        return figure


def _span(field: str, way: str, points: Points) -> str:
    label, values = ("lr", points.lr) if way == "lr" else (_FIELDS[field], points.noise)
    held = f"{_FIELDS[field]} {points.noise[0]:.2g}" if way == "lr" else f"lr {points.lr[0]:.2g}"
    return f"{label} {values[0]:.2g} → {values[-1]:.2g} at {held}"


_FIELDS = {"batch_size": "B", "variance": "variance"}


def caption(data: Data) -> str:
    """Return what the figure shows, with its numbers."""
    parts = [
        "Closed forms over the mean escape time measured by splitting, with its 95 % interval, as the barrier over the "
        "temperature ΔL/T grows; a form that comes true at low temperature tends to 1."
    ]
    for name, series in data.points.items():
        for way, points in series.items():
            told = []
            for form in FORMS:
                ratio, low, high = _over_measured(points, form)
                known = np.flatnonzero(np.isfinite(ratio))
                if len(known):
                    k = known[-1]
                    interval = f" [{low[k]:.3g}, {high[k]:.3g}]" if np.isfinite(low[k] + high[k]) else ""
                    told.append(f"{_SHORT[form]} {ratio[known[0]]:.3g} → {ratio[k]:.3g}{interval}")
            if told:
                ends = f"ΔL/T = {points.climb[0]:.3g} → {points.climb[-1]:.3g} {WAYS[way]}"
                longest = max((times.steps for times in points.times if np.isfinite(times.steps)), default=np.nan)
                reach = f", up to {longest:.2g} steps" if np.isfinite(longest) else ""
                memory = points.memory[[0, -1]]
                held = f"; memory {memory[0]:.2g} → {memory[1]:.2g}" if np.isfinite(memory).all() else ""
                parts.append(f"{RULE_LOOKS[name].label}, {ends}{reach}: {', '.join(told)}{held}.")
    unsure = sum(bool(times.cautions) for series in data.points.values() for p in series.values() for times in p.times)
    if unsure:
        parts.append(f"Hollow: {unsure} points whose splitting warns that its interval may be too narrow.")
    return " ".join(parts)


def alt(data: Data) -> str:
    """Return what the figure looks like."""
    names = ", ".join(RULE_LOOKS[name].label for name in data.points)
    return (
        f"A panel for each of {names} and each way of lowering the temperature. Ratios of the printed and of the "
        "corrected closed form to the measured mean escape time, on a logarithmic scale, against the barrier over the "
        "temperature, beside a line at 1."
    )


def low_temperature_ratio(
    climb: npt.ArrayLike,
    times: Sequence[Any],
    references: Sequence[Any],
    *,
    ax: Axes | None = None,
    rule: str = "sgd",
) -> Axes:
    """Draw closed forms, and what is exact, over measured mean escape times, against the barrier over the temperature.

    A hollow mark stands where the splitting warns that its interval may be too narrow.

    Parameters
    ----------
    climb
        Barrier over temperature, (P,), as ``regime`` tells it.
    times
        What ``rare_escapes`` or ``escape_times`` returned, P of them.
    references
        What ``references`` returned, P of them, or dictionaries rung -> value.
    ax
        Where to draw; new axes if left out.
    rule
        Name of the rule on the command line, for the title.

    Returns
    -------
    Axes
        The axes, logarithmic in the ratio.
    """
    axes, x = panel(ax), np.asarray(climb, dtype=np.float64)
    kept = tuple(measured(each) for each in times)
    points = Points(x, x, x, x, kept, tuple(_values(each) for each in references))
    axes.axhline(1.0, color=INK, linewidth=1.2)
    sure = np.array([not each.cautions for each in kept])
    reach = [0.8, 1.25]
    for name in ("exact_discrete", *FORMS):
        ratio, low, high = _over_measured(points, name)
        if not np.any(np.isfinite(ratio)):
            continue
        look = REFERENCE_LOOKS[name]
        at = x
        if name in FORMS:
            axes.plot(x, ratio, **look.line)
        else:
            at = x + 0.012 * np.ptp(x)  # beside the corrected form, which is often as near to 1
        bars = np.nan_to_num(np.stack([ratio - low, high - ratio]), nan=0.0)
        for chosen, inside in ((sure, look.colour), (~sure, "white")):
            if chosen.any():
                axes.errorbar(
                    at[chosen],
                    ratio[chosen],
                    bars[:, chosen],
                    **look.points,
                    markerfacecolor=inside,
                    markersize=12 if name == "exact_discrete" else 7,
                    capsize=3,
                    linewidth=1.4,
                    zorder=4,
                )
        close = np.isfinite(ratio) & (high < WIDE * low)
        reach += [*low[close], *high[close], *ratio[np.isfinite(ratio)]]
    axes.set_yscale("log")
    axes.set_ylim(0.8 * min(reach), 1.25 * max(reach))
    axes.yaxis.set_major_locator(FixedLocator(spread_ticks(TICKS, *axes.get_ylim(), 0.15)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.set_xlabel("barrier over temperature ΔL/T")
    axes.set_ylabel("form / measured")
    axes.set_title(RULE_LOOKS[rule].label, loc="left")
    axes.grid(visible=True)
    return axes


def _values(references: Any) -> dict[str, float]:
    """Return rung -> value; the corrected form is the printed one where it corrects nothing."""
    given = references._asdict() if hasattr(references, "_asdict") else references
    values = rungs(references)
    if given.get("corrected") is not None and "corrected" not in values and "closed_form" in values:
        values["corrected"] = values["closed_form"]
    return values


def _over_measured(points: Points, form: str) -> tuple[Array, Array, Array]:
    """Return a form over the measured times, and its interval, (P,); NaN where one is not known."""
    values = np.array([_values(each).get(form, np.nan) for each in points.forms])
    mean, low, high = (np.array([getattr(each, end) for each in points.times]) for end in ("mean", "low", "high"))
    return values / mean, values / high, values / low


def _handles(data: Data) -> list[Any]:
    every = [points for series in data.points.values() for points in series.values()]
    handles: list[Any] = []
    for name in (*FORMS, "exact_discrete"):
        if any(name in _values(forms) for points in every for forms in points.forms):
            look = REFERENCE_LOOKS[name]
            line: dict[str, Any] = look.line if name in FORMS else {"color": look.colour, "linestyle": "none"}
            handles.append(
                Line2D([], [], **line, marker=look.mark, markersize=7, label=f"{look.label} / measured, 95 %")
            )
    if any(times.cautions for points in every for times in points.times):
        handles.append(Line2D([], [], color=INK, marker="o", markerfacecolor="white", linestyle="none", markersize=7,
                              label="hollow: interval may be too narrow"))  # fmt: skip
    return handles


_SHORT = {"closed_form": "printed", "corrected": "corrected"}
