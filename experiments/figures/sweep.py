"""Figure of a sweep: what was measured against one of its axes, a curve for each value of the others."""

import itertools
import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from ..power_fit import fit_line
from ..sweep.reading import Dimension, Sweep
from ..sweep.summary import MOST_FORMS
from ..table import arguments
from .style import COLOURS, INK, PAPER, REFERENCE_LOOKS, RULE_LOOKS, Look, panel, spread_ticks, styled

Array = npt.NDArray[np.float64]

FEW, MOST_NAMED = len(COLOURS), 14
"""Curves up to which each has a colour of its own, and up to which all are named."""
MARKS = ("o", "s", "^", "D", "v", "P")
DASHES: tuple[Any, ...] = ("-", (0, (7, 1.5)), (0, (3, 1.2)), (0, (9, 1.5, 2, 1.5)), (0, (1.2, 1.2)), (0, (5, 3)))
LOG_RATIO = 8.0
"""Largest over smallest value from which an axis is logarithmic."""
SHORT = 300.0
"""Largest over smallest value up to which a logarithmic axis has ticks between its powers of ten."""
DRAWN = ("exact_discrete", "exact_diffusion", "closed_form", "corrected")
"""References in the order in which they are drawn."""
SAME = 1e-9
"""Relative difference below which two closed forms are one."""


class Curve(NamedTuple):
    """What is drawn of one value of the other axes.

    Parameters
    ----------
    label
        What it is called; "" where there is only one.
    look
        How it is drawn.
    x
        Along the axis.
    middle, low, high
        Measured, with the ends of its 95 % interval; NaN where nothing is known.
    references
        Name -> values.
    """

    label: str
    look: Look
    x: Array
    middle: Array
    low: Array
    high: Array
    references: dict[str, Array]


def draw(sweep: Sweep, x: str | None = None, *, slopes: bool = False) -> Figure:
    """Draw a sweep against one of its axes.

    Parameters
    ----------
    sweep
        As ``saddlescape.load`` returns it.
    x
        Name of an axis; the first with several numbers if left out.
    slopes
        Whether to tell the power of each curve.

    Raises
    ------
    InputError
        Where there is no such axis.
    """
    with styled(10.0, 6.2) as figure:
        axes = figure.add_subplot()
        sweep_curves(sweep, x, ax=axes, slopes=slopes)
        handles, labels = axes.get_legend_handles_labels()
        longest = max(map(len, labels), default=0)
        columns = max(1, min(len(labels), int(86 / (longest + 7))))
        if labels:
            figure.legend(handles, labels, loc="outside lower center", ncols=columns)
        lines = [line for text in _fixed(sweep) for line in textwrap.wrap(text, 88)]
        figure.suptitle("\n".join(lines))
        return figure


def sweep_curves(sweep: Sweep, x: str | None = None, ax: Axes | None = None, *, slopes: bool = False) -> Axes:
    """Draw mean escape times of a sweep, or last variances along the lowest curvature, against one of its axes.

    Bars are 95 % intervals; an arrow upwards is a lower bound, where nothing escaped.

    Parameters
    ----------
    sweep, x, slopes
        As in ``draw``.
    ax
        Axes to draw on; new ones of pyplot if left out.

    Returns
    -------
    Axes
        What was drawn on.

    Raises
    ------
    InputError
        Where there is no such axis.
    """
    ax = panel(ax)
    axis = _axis(sweep, x)
    curves = _curves(sweep, axis)
    numeric = axis is None or axis.values.dtype.kind in "iuf"
    at = np.concatenate([curve.x for curve in curves]) if curves else np.zeros(0)
    if numeric and (_is_wide(at) or (axis is not None and _is_geometric(_along(axis)))):
        ax.set_xscale("log")
    known = _drawn(curves)
    drawn = [each.references[name] for each in curves for name in known if name in each.references]
    heights = [part for each in curves for part in (each.middle, each.low)] + drawn
    wide = _is_wide(np.concatenate(heights)) if heights else False
    if wide:
        ax.set_yscale("log")
    exact = {name for name in known if name.startswith("exact")}
    for name in known:
        _reference(ax, name, curves, lined=numeric)
    for k, curve in enumerate(curves):
        label = _shown_label(curve, k, len(curves), slopes=slopes)
        _measured(ax, curve, label, joined=numeric and not exact & curve.references.keys())
    _label_x(ax, axis, at)
    ax.set_ylabel(_measure(sweep))
    ax.grid(visible=True, which="major")
    if wide:
        low, high = ax.get_ylim()
        if high < SHORT * low:
            ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())
    return ax


def alt(sweep: Sweep, x: str | None = None) -> str:
    """Return what the figure looks like, for those who do not see it."""
    axis = _axis(sweep, x)
    count = len(_others(sweep, axis))
    of = "mean escape time" if sweep.question == "escape" else "last variance along the lowest curvature"
    curves = "points" if count == 1 else f"{count} curves of points"
    against = "of the one setting" if axis is None else f"against {axis.name}"
    return f"One panel: {curves} with 95 % intervals, {of} {against}, beside lines of the references that are known."


def _axis(sweep: Sweep, x: str | None) -> Dimension | None:
    if x is not None:
        return sweep.axis(x)
    axes = list(sweep.axes.values())
    numeric = [axis for axis in axes if axis.values.dtype.kind in "iuf" and len(axis) > 1]
    return next(iter([*numeric, *axes]), None)


def _others(sweep: Sweep, axis: Dimension | None) -> list[tuple[int, ...]]:
    """Return the positions on the other axes, one for each curve."""
    others = [each for each in sweep.axes.values() if each is not axis]
    return list(itertools.product(*(range(len(each)) for each in others)))


def _curves(sweep: Sweep, axis: Dimension | None) -> list[Curve]:
    names = list(sweep.axes)
    place = None if axis is None else names.index(axis.name)
    others = [each for each in sweep.axes.values() if each is not axis]
    positions = _others(sweep, axis)
    escape = sweep.question == "escape"
    wanted = ("mean" if escape else "variance", "low", "high")
    closed = len(sweep) <= MOST_FORMS
    values = [sweep.last(each.values(closed=closed)) for each in sweep.settings]
    numbers = {each: k for k, each in enumerate(sweep.places)}
    x = np.zeros(1) if axis is None else _along(axis)
    found = []
    for k, position in enumerate(positions):
        index: list[int] = list(position)
        cells: list[dict[str, Any]] = []
        for along in range(len(x)):
            full = index if place is None else [*index[:place], along, *index[place:]]
            number = numbers.get(tuple(full))
            cells.append({} if number is None else values[number])
        middle, low, high = (_column(cells, name) for name in wanted)
        known = {name: _column(cells, name) for name in DRAWN}
        known = {name: each for name, each in known.items() if np.isfinite(each).any()}
        order = np.argsort(x, kind="stable")
        label = ", ".join(_told(each, at) for each, at in zip(others, position, strict=True))
        look = _look(others, position, k, len(positions))
        known = {name: each[order] for name, each in known.items()}
        found.append(Curve(label, look, x[order], middle[order], low[order], high[order], known))
    return found


def _along(axis: Dimension) -> Array:
    """Return where on the page the positions of an axis lie: its numbers, or one after the other."""
    return axis.values.astype(np.float64) if axis.values.dtype.kind in "iuf" else np.arange(len(axis), dtype=np.float64)


def _column(cells: Sequence[dict[str, Any]], name: str) -> Array:
    return np.array([cell.get(name, np.nan) for cell in cells], dtype=np.float64)


def _told(axis: Dimension, at: int) -> str:
    label = axis.labels[at]
    if axis.name not in axis.fields or len(axis.fields) > 1:
        return RULE_LOOKS[label].label if axis.name == "rule" and label in RULE_LOOKS else str(label)
    if axis.name == "rule.name" and label in RULE_LOOKS:
        return RULE_LOOKS[label].label
    text = f"{label:.4g}" if isinstance(label, float) else str(label)
    return f"{_words(axis.name)} = {text}"


def _look(others: Sequence[Dimension], position: Sequence[int], k: int, count: int) -> Look:
    rules = [
        str(axis.fields["rule.name"][at])
        for axis, at in zip(others, position, strict=True)
        if "rule.name" in axis.varying
    ]
    if rules and rules[0] in RULE_LOOKS:
        same = [at for at in itertools.product(*(range(len(axis)) for axis in others)) if _rule(others, at) == rules[0]]
        place = same.index(tuple(position))
        base = RULE_LOOKS[rules[0]]
        return base if place == 0 else base._replace(mark=MARKS[place % len(MARKS)], dashes=DASHES[place % len(DASHES)])
    if count <= FEW:
        return Look(INK if count == 1 else COLOURS[k], DASHES[k], MARKS[k], 2.0, "")
    colour = to_hex(mpl.colormaps["viridis"](0.92 * k / (count - 1)))
    return Look(colour, DASHES[k % len(DASHES)], MARKS[k % len(MARKS)], 1.6, "")


def _rule(others: Sequence[Dimension], position: Sequence[int]) -> str:
    return next(
        str(axis.fields["rule.name"][at])
        for axis, at in zip(others, position, strict=True)
        if "rule.name" in axis.varying
    )


def _drawn(curves: Sequence[Curve]) -> list[str]:
    """Return the references that are drawn: of many curves the best alone, of equal closed forms the printed one."""
    known = [name for name in DRAWN if any(name in curve.references for curve in curves)]
    if "corrected" in known and all(_is_same(curve) for curve in curves if "corrected" in curve.references):
        known.remove("corrected")
    if len(curves) > FEW:
        return []
    return known if len(curves) == 1 else [name for name in known if name in (known[0], "closed_form")]


def _is_same(curve: Curve) -> bool:
    printed = curve.references.get("closed_form")
    return printed is not None and np.allclose(curve.references["corrected"], printed, rtol=SAME, equal_nan=True)


def _reference(ax: Axes, name: str, curves: Sequence[Curve], *, lined: bool) -> None:
    """Draw a reference of each curve: a line along numbers, marks along words."""
    look = REFERENCE_LOOKS[name]
    label = look.label
    for curve in curves:
        if name in curve.references:
            known = np.isfinite(curve.references[name])
            values = curve.references[name][known]
            if len(curve.x) == 1:
                ax.axhline(float(values[0]), **look.line, label=label, zorder=2)
            elif lined and len(values) > 1:
                ax.plot(curve.x[known], values, **look.line, label=label, zorder=2)
            else:
                mark = "_" if look.mark == "|" else look.mark
                ax.plot(curve.x[known], values, color=look.colour, marker=mark, linestyle="none", markersize=8.5,
                        markeredgewidth=1.6, label=label, zorder=2)  # fmt: skip
            label = "_"


def _measured(ax: Axes, curve: Curve, label: str, *, joined: bool) -> None:
    """Draw points with their intervals, and arrows where only a lower bound is known."""
    look = curve.look
    there = np.isfinite(curve.middle)
    low, middle, high = (part[there] for part in (curve.low, curve.middle, curve.high))
    # Lists, for matplotlib 3.10 takes an array of one for a number.
    bars = [np.maximum(middle - low, 0.0).tolist(), np.maximum(high - middle, 0.0).tolist()]
    line = look.dashes if joined else "none"
    ax.errorbar(curve.x[there], middle, bars, color=look.colour, marker=look.mark, markersize=7.5, elinewidth=1.4,
                capsize=3.0, linestyle=line, linewidth=look.width, markeredgecolor=PAPER, markeredgewidth=0.8,
                label=label, zorder=3)  # fmt: skip
    bound = ~there & np.isfinite(curve.low) & (curve.low > 0.0)
    if bound.any():
        arrow = {"arrowstyle": "-|>", "color": look.colour, "linewidth": 1.4, "shrinkA": 0.0, "shrinkB": 0.0}
        ax.plot(curve.x[bound], curve.low[bound], color=look.colour, marker="_", markersize=11, linestyle="none",
                label="_", zorder=3)  # fmt: skip
        for x, low in zip(curve.x[bound], curve.low[bound], strict=True):
            ax.annotate("", (x, low), (0, 26), textcoords="offset points", annotation_clip=True,
                        arrowprops=arrow | {"arrowstyle": "<|-"})  # fmt: skip


def _shown_label(curve: Curve, k: int, count: int, *, slopes: bool) -> str:
    named = count <= MOST_NAMED or k % -(-count // MOST_NAMED) == 0 or k == count - 1
    if not named:
        return "_"
    label = curve.label or "simulated"
    there = np.isfinite(curve.middle) & (curve.middle > 0.0) & (curve.x > 0.0) & (curve.low > 0.0)
    if not slopes or np.count_nonzero(there) < 3:
        return label
    # The interval of a mean is symmetric in its logarithm to the first order.
    errors = np.log(curve.high[there] / curve.low[there]) / (2.0 * 1.96)
    fit = fit_line(np.log(curve.x[there]), np.log(curve.middle[there]), 1.0 / np.maximum(errors, 1e-12) ** 2)
    return f"{label}: power {fit.slope:.3g} ± {1.96 * fit.error:.2g}".replace(" -", " −")


def _label_x(ax: Axes, axis: Dimension | None, at: Array) -> None:
    if axis is None:
        ax.xaxis.set_major_locator(NullLocator())
        return
    ax.set_xlabel(_words(axis.name))
    if axis.values.dtype.kind not in "iuf":
        labels = [textwrap.fill(str(label), 18) for label in axis.labels]
        ax.set_xticks(range(len(axis)), labels)
        ax.set_xlim(-0.5, len(axis) - 0.5)
        return
    if ax.get_xscale() == "log":
        low, high = float(at.min()), float(at.max())
        decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        wanted = [m * 10.0**k for m in (1, 3, 2, 5) for k in decades]
        ax.xaxis.set_major_locator(FixedLocator(spread_ticks(wanted, low / 1.01, 1.01 * high, 0.1)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.xaxis.set_minor_locator(NullLocator())


def _is_wide(values: Array) -> bool:
    """Say whether values span so much that an axis should be logarithmic."""
    there = values[np.isfinite(values)]
    return bool(len(there) > 0 and there.min() > 0.0 and there.max() > LOG_RATIO * there.min())


def _is_geometric(values: Array) -> bool:
    """Say whether each value is the same multiple of the one before."""
    if len(values) < 3 or np.any(values <= 0.0):
        return False
    steps = np.diff(np.log(np.sort(values)))
    return bool(np.ptp(steps) < 1e-3 * steps.mean())


def _words(name: str) -> str:
    """Return the name of a field as an axis has it."""
    known = {"rule.lr": "learning rate", "rule.dt": "time step dt", "noise.batch_size": "batch size"}
    return known.get(name, name.rpartition(".")[2].replace("_", " "))


def _measure(sweep: Sweep) -> str:
    if sweep.question == "escape":
        return "mean escape time t = steps × learning rate"
    values = [sweep.last(each.values(closed=False)) for each in sweep.settings]
    steps = {int(each["steps"]) for each in values if "steps" in each}
    after = f" after {steps.pop():,} steps" if len(steps) == 1 else " at the last step"
    return f"variance{after},\nalong the lowest curvature"


def _fixed(sweep: Sweep) -> list[str]:
    """Return what is the same in every setting, in words."""
    described = sweep.settings[0].described
    varied = {name for axis in sweep.axes.values() for name in (axis.name, *axis.fields)}
    said = []
    for kind in ("rule", "landscape", "noise"):
        if kind in varied or f"{kind}.name" in varied:
            continue
        part = {key: value for key, value in described[kind].items() if value != 0 and f"{kind}.{key}" not in varied}
        said.append(part["name"] + arguments(part))
    return ["; ".join(said)] if said else []
