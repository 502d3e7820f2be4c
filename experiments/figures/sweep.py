"""Figure of a sweep: what was measured against one of its axes, in panels where there are many curves."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from ..power_fit import fit_line
from ..sweep.reading import Sweep
from ..sweep.summary import MOST_FORMS
from ..table import arguments
from .style import COLOURS, INK, PAPER, REFERENCE_LOOKS, RULE_LOOKS, Look, panel, spread_ticks, styled
from .sweep_layout import MOST_CURVES, Layout, Part, Way, layout, ways
from .sweep_words import words

Array = npt.NDArray[np.float64]

FEW = len(COLOURS)
"""Curves up to which each has a colour of its own, and up to which references are drawn."""
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "p", "h")
DASHES: tuple[Any, ...] = ("-", (0, (7, 1.5)), (0, (3, 1.2)), (0, (9, 1.5, 2, 1.5)), (0, (1.2, 1.2)), (0, (5, 3)),
                           (0, (9, 1.5, 1, 1, 1, 1.5)), (0, (3, 1.2, 1, 1.2)))  # fmt: skip
LOG_RATIO = 8.0
"""Largest over smallest value from which an axis is logarithmic."""
SHORT = 300.0
"""Largest over smallest value up to which a logarithmic axis has ticks between its powers of ten."""
DRAWN = ("exact_discrete", "exact_diffusion", "closed_form", "corrected")
"""References in the order in which they are drawn."""
SAME = 1e-9
"""Relative difference below which two closed forms are one."""
MOST_LINES = 4
"""Closed forms beside curves that are joined: of more it could not be seen which is whose."""
WIDEST, HIGHEST = 12.8, 9.0
"""Inches of a figure at most."""
PANEL_WIDTH, PANEL_HEIGHT = 3.2, 2.6
"""Inches of one of many panels."""
LETTER = 0.105
"""Inches that a letter of a label takes, about."""
TWO_LINES = 0.38
"""Inches that two lines take."""
MARGIN = 0.08
"""Share of an axis that is left free before and behind its values."""
TITLE_LINES = 3


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


class Scene(NamedTuple):
    """Everything that is drawn of a sweep.

    Parameters
    ----------
    sweep
        What was read.
    plan
        What is drawn where.
    settings
        Those that are drawn, by their place in the order of the file.
    panels
        Curves of each panel, row by row.
    references
        Names of those that are drawn.
    logarithmic
        Whether the axis along the page is, and the one of what was measured.
    """

    sweep: Sweep
    plan: Layout
    settings: tuple[int, ...]
    panels: list[list[Curve]]
    references: list[str]
    logarithmic: tuple[bool, bool]


def draw(sweep: Sweep, x: str | None = None, places: Iterable[int] | None = None) -> Figure:
    """Draw a sweep against one of its axes, in panels where there are more than MOST_CURVES curves.

    Parameters
    ----------
    sweep
        As ``saddlescape.load`` returns it.
    x
        Name of an axis; the first with several numbers if left out.
    places
        Settings to draw, by their place in the order of the file; all if left out.

    Raises
    ------
    InputError
        Where there is no such axis.
    """
    plan = layout(sweep, x, range(len(sweep)) if places is None else places)
    scene = _scene(sweep, plan, places)
    rows, columns = plan.shape
    across = PANEL_WIDTH if columns > 2 else 4.4
    alone = 10.0 if sum(1 for _ in ways(plan.curves)) <= FEW else 11.6
    width = alone if rows * columns == 1 else min(WIDEST, columns * across + 0.9 + 0.4 * bool(plan.rows))
    with styled(width, 6.2) as figure:
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        engine: Any = figure.get_layout_engine()
        engine.set(wspace=0.04)
        flat = [axes for row in grid for axes in row]
        for axes, curves in zip(flat, scene.panels, strict=False):
            _panel(axes, scene, curves, named=True, slopes=False)
        for k in range(len(scene.panels), len(flat)):
            flat[k].set_visible(False)
            flat[k - columns].tick_params(labelbottom=True)
        title = _title(scene, int(width * 8.6))
        if title:
            figure.suptitle(title)
        height = _below(figure, scene, title, rows)
        _outside(figure, scene, grid, height)
        return figure


def sweep_curves(sweep: Sweep, x: str | None = None, ax: Axes | None = None, *, slopes: bool = False) -> Axes:
    """Draw mean escape times of a sweep, or last variances along the lowest curvature, against one of its axes.

    Bars are 95 % intervals; an arrow upwards is a lower bound, where nothing escaped. Of more than eight curves those
    of one rule (without rules, of one position on the shortest axis) look the same and are named together;
    ``sweep.select`` takes the part that is to be told apart.

    Parameters
    ----------
    sweep
        As ``saddlescape.load`` returns it.
    x
        Name of an axis; the first with several numbers if left out.
    ax
        Axes to draw on; new ones of pyplot if left out.
    slopes
        Whether to tell the power of each curve, where each has a name of its own.

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
    plan = layout(sweep, x, range(len(sweep)), whole=True)
    scene = _scene(sweep, plan, None)
    for k, curves in enumerate(scene.panels):
        _panel(ax, scene, curves, named=k == 0, slopes=slopes and len(scene.panels) == 1)
    _label_x(ax, scene)
    ax.set_ylabel(_measure(scene))
    return ax


def alt(sweep: Sweep, x: str | None = None) -> str:
    """Return what the figure looks like, for those who do not see it."""
    plan = layout(sweep, x, range(len(sweep)))
    rows, columns = plan.shape
    count = sum(1 for _ in ways(plan.curves))
    of = "mean escape time" if sweep.question == "escape" else "last variance along the lowest curvature"
    curves = "points" if count == 1 else f"{count} curves of points"
    against = "of the one setting" if plan.x is None else f"against {words(plan.x.axis.name).words}"
    if len(plan.panels) == 1:
        panels = "One panel"
    else:
        by = " and ".join(words(part.axis.name).words for part in (*plan.columns, *plan.rows))
        panels = f"{len(plan.panels)} panels, {rows} × {columns}, by {by}, each"
    left_out = f" {'; '.join(plan.notes)}." if plan.notes else ""
    beside = "beside lines of the references that are known"
    return f"{panels}: {curves} with 95 % intervals, {of} {against}, {beside}.{left_out}"


def _scene(sweep: Sweep, plan: Layout, places: Iterable[int] | None) -> Scene:
    numbers = {sweep.places[place]: place for place in (range(len(sweep)) if places is None else places)}
    looks = _looks(plan)
    fixed = next(ways(plan.fixed))
    cells = [
        [[numbers.get(_at(panel_at | fixed | curve_at | along)) for along in _positions(plan)]
         for curve_at in ways(plan.curves)]
        for panel_at in (rows | columns for rows, columns in plan.panels)
    ]  # fmt: skip
    settings = tuple(sorted({place for one in cells for curve in one for place in curve if place is not None}))
    closed = len(settings) <= MOST_FORMS and len(looks) <= (FEW if len(cells) == 1 else MOST_LINES // 2)
    known = {place: sweep.last(sweep.settings[place].values(closed=closed)) for place in settings}
    labels = [_label(plan, way) for way in ways(plan.curves)]
    panels = [
        [_curve(sweep, plan, label, look, [{} if place is None else known[place] for place in curve])
         for label, look, curve in zip(labels, looks, one, strict=True) if any(place is not None for place in curve)]
        for one in cells
    ]  # fmt: skip
    drawn = [curve for one in panels for curve in one]
    references = _drawn(drawn, len(looks), len(panels))
    heights = [part for each in drawn for part in (each.middle, each.low)]
    heights += [each.references[name] for each in drawn for name in references if name in each.references]
    x = np.concatenate([np.zeros(0), *(curve.x for curve in drawn)])
    numeric = plan.x is None or plan.x.numeric
    wide = numeric and (_is_wide(x) or (plan.x is not None and _is_geometric(np.unique(x))))
    return Scene(sweep, plan, settings, panels, references, (wide, bool(heights) and _is_wide(np.concatenate(heights))))


def _at(way: Way) -> tuple[int, ...]:
    return tuple(way[place] for place in sorted(way))


def _positions(plan: Layout) -> list[Way]:
    return [{}] if plan.x is None else list(ways((plan.x,)))


def _label(plan: Layout, way: Way) -> str:
    return ", ".join(part.names[way[part.place]] for part in plan.curves if part.size > 1)


def _curve(sweep: Sweep, plan: Layout, label: str, look: Look, cells: Sequence[dict[str, Any]]) -> Curve:
    x = np.zeros(1) if plan.x is None else _along(plan.x)
    wanted = ("mean" if sweep.question == "escape" else "variance", "low", "high")
    order = np.argsort(x, kind="stable")
    middle, low, high = (_column(cells, name)[order] for name in wanted)
    known = {name: _column(cells, name)[order] for name in DRAWN}
    known = {name: each for name, each in known.items() if np.isfinite(each).any()}
    return Curve(label, look, x[order], middle, low, high, known)


def _along(part: Part) -> Array:
    """Return where on the page the positions of an axis lie: its numbers, or one after the other."""
    if not part.numeric:
        return np.arange(part.size, dtype=np.float64)
    return part.axis.values[list(part.positions)].astype(np.float64)


def _column(cells: Sequence[dict[str, Any]], name: str) -> Array:
    return np.array([cell.get(name, np.nan) for cell in cells], dtype=np.float64)


def _looks(plan: Layout) -> list[Look]:
    """Return how the curves of a panel look: those of one rule in its hue, from light to dark."""
    found = list(ways(plan.curves))
    rule = next((part for part in plan.curves if part.name_field == "rule.name" and part.size > 1), None)
    names = [] if rule is None else [str(rule.axis.fields["rule.name"][way[rule.place]]) for way in found]
    if names and all(name in RULE_LOOKS for name in names):
        spare = [mark for mark in MARKS if mark not in {RULE_LOOKS[name].mark for name in names}]
        looks = []
        for k, name in enumerate(names):
            same = [j for j, other in enumerate(names) if other == name]
            base, place = RULE_LOOKS[name], same.index(k)
            if place:
                base = base._replace(mark=spare.pop(0) if spare else MARKS[place % len(MARKS)],
                                     dashes=DASHES[(place + 1) % len(DASHES)])  # fmt: skip
            looks.append(base._replace(colour=_shade(base.colour, place, len(same))))
        return looks
    count = len(found)
    if count <= FEW:
        return [Look(INK if count == 1 else COLOURS[k], DASHES[k], MARKS[k], 2.0, "") for k in range(count)]
    colours = [to_hex(mpl.colormaps["viridis"](0.92 * k / (count - 1))) for k in range(count)]
    return [Look(colours[k], DASHES[k % len(DASHES)], MARKS[k % len(MARKS)], 1.8, "") for k in range(count)]


def _shade(colour: str, place: int, count: int) -> str:
    """Return a colour among several of its hue, from light to dark."""
    if count == 1:
        return colour
    towards = 0.4 - 0.95 * place / (count - 1)
    end = 1.0 if towards > 0.0 else 0.0
    red, green, blue = ((1.0 - abs(towards)) * part + abs(towards) * end for part in to_rgb(colour))
    return to_hex((red, green, blue))


def _drawn(curves: Sequence[Curve], in_panel: int, panels: int) -> list[str]:
    """Return the references that are drawn: of many curves the best alone, of equal closed forms the printed one."""
    known = [name for name in DRAWN if any(name in curve.references for curve in curves)]
    if "corrected" in known and all(_is_same(curve) for curve in curves if "corrected" in curve.references):
        known.remove("corrected")
    if in_panel > FEW or not known:
        return []
    lines = in_panel if panels == 1 else 2 * in_panel
    if not known[0].startswith("exact") and lines > MOST_LINES:
        return []
    if panels > 1:
        return known[:1]
    return known if in_panel == 1 else [name for name in known if name in (known[0], "closed_form")]


def _is_same(curve: Curve) -> bool:
    printed = curve.references.get("closed_form")
    return printed is not None and np.allclose(curve.references["corrected"], printed, rtol=SAME, equal_nan=True)


def _panel(ax: Axes, scene: Scene, curves: Sequence[Curve], *, named: bool, slopes: bool) -> None:
    """Draw the curves of a panel, with its scales and ticks."""
    along, up = scene.logarithmic
    if along:
        ax.set_xscale("log")
    if up:
        ax.set_yscale("log")
    _ticks_x(ax, scene)
    exact = {name for name in scene.references if name.startswith("exact")}
    numeric = scene.plan.x is None or scene.plan.x.numeric
    for name in scene.references:
        _reference(ax, name, curves, lined=numeric, named=named)
    for curve in curves:
        label = _shown_label(curve, slopes=slopes) if named else "_"
        _measured(ax, curve, label, joined=numeric and not exact & curve.references.keys())
    if not curves:
        ax.text(0.5, 0.5, "no setting here", transform=ax.transAxes, ha="center", va="center")
    ax.grid(visible=True, which="major")
    if up:
        low, high = ax.get_ylim()
        if high < SHORT * low:
            ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())


def _reference(ax: Axes, name: str, curves: Sequence[Curve], *, lined: bool, named: bool) -> None:
    """Draw a reference of each curve: a line along numbers, marks along words."""
    look = REFERENCE_LOOKS[name]
    label = look.label if named else "_"
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


def _shown_label(curve: Curve, *, slopes: bool) -> str:
    label = curve.label or "simulated"
    there = np.isfinite(curve.middle) & (curve.middle > 0.0) & (curve.x > 0.0) & (curve.low > 0.0)
    if not slopes or np.count_nonzero(there) < 3:
        return label
    # The interval of a mean is symmetric in its logarithm to the first order.
    errors = np.log(curve.high[there] / curve.low[there]) / (2.0 * 1.96)
    fit = fit_line(np.log(curve.x[there]), np.log(curve.middle[there]), 1.0 / np.maximum(errors, 1e-12) ** 2)
    return f"{label}: power {fit.slope:.3g} ± {1.96 * fit.error:.2g}".replace(" -", " −")


def _ticks_x(ax: Axes, scene: Scene) -> None:
    """Set ticks at the values that were swept where there is room for them."""
    part = scene.plan.x
    if part is None:
        ax.xaxis.set_major_locator(NullLocator())
        return
    width = ax.get_position().width * ax.get_figure(root=True).get_figwidth()  # type: ignore[union-attr]
    if not part.numeric:
        labels = [part.names[k] for k in part.positions]
        slot = width / len(labels)
        room = int(slot / LETTER)
        if max(len(word) for label in labels for word in label.split()) <= room:
            ax.set_xticks(range(len(labels)), [textwrap.fill(label, room) for label in labels])
        else:
            breaks = ",\n" if slot > TWO_LINES else ", "
            ax.set_xticks(range(len(labels)), [label.replace(", ", breaks) for label in labels], rotation=90.0,
                          multialignment="right")  # fmt: skip
        ax.set_xlim(-0.5, len(labels) - 0.5)
        return
    values = np.unique(_along(part))
    low, high = float(values[0]), float(values[-1])
    log = ax.get_xscale() == "log"
    # Limits of the whole axis: a sweep under way has those that it will have.
    around = (high / low) ** MARGIN if log else MARGIN * (high - low) or abs(low) or 1.0
    ax.set_xlim((low / around, high * around) if log else (low - around, high + around))
    texts = [f"{value:.4g}" for value in values]
    apart = (1.5 + max(map(len, texts))) * LETTER / width
    if len(values) <= MOST_CURVES:
        kept = spread_ticks(values.tolist(), low, high, apart) if log else _apart(values.tolist(), apart * (high - low))
    elif log:
        decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        wanted = [m * 10.0**k for m in (1, 3, 2, 5) for k in decades]
        kept = spread_ticks(wanted, low / 1.01, 1.01 * high, max(apart, 0.1))
    else:
        return
    ax.xaxis.set_major_locator(FixedLocator(kept))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}"))
    ax.xaxis.set_minor_locator(NullLocator())


def _apart(values: Sequence[float], distance: float) -> list[float]:
    kept: list[float] = []
    for value in values:
        if not kept or value - kept[-1] > distance:
            kept.append(value)
    return kept


def _label_x(ax: Axes, scene: Scene) -> None:
    if scene.plan.x is not None:
        ax.set_xlabel(words(scene.plan.x.axis.name).label)


def _below(figure: Figure, scene: Scene, title: str, rows: int) -> float:
    """Put legend, notes and the label of the page below the panels and return the height of a panel.

    The figure gets its height here: it is as high as its parts ask for.
    """
    handles: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    plan = scene.plan
    note = "; ".join(plan.notes)
    note = textwrap.fill(f"{note}; --where chooses others", int(figure.get_figwidth() * 9.5)) if note else ""
    single = len(scene.panels) == 1
    legend = _legend(figure, handles)
    foot = 0.08 + 0.2 * (note.count("\n") + bool(note))
    named = foot if legend is None else foot + legend.get_window_extent().height / figure.dpi + 0.04
    below = named if single or plan.x is None else named + 0.28
    above = 0.26 * (title.count("\n") + bool(title)) + 0.3 * bool(plan.columns)
    ticks = 0.3 if plan.x is None or plan.x.numeric else _tick_height(figure, figure.axes[-plan.shape[1]])
    around = above + below + ticks + (0.4 if single else 0.15)
    panel_height = 4.4 if single else min(PANEL_HEIGHT if rows > 1 else 3.4, (HIGHEST - around) / rows)
    height = around + rows * panel_height
    figure.set_size_inches(figure.get_figwidth(), height)
    engine: Any = figure.get_layout_engine()
    engine.set(rect=(0.0, below / height, 1.0, 1.0 - below / height))
    if legend is not None:
        legend.set_bbox_to_anchor((0.5, foot / height))
    if note:
        figure.text(0.5, 0.08 / height, note, ha="center", va="bottom", fontsize=11.0).set_in_layout(False)
    if plan.x is not None and not single:
        label = words(plan.x.axis.name).label
        figure.supxlabel(label, x=0.5, y=(named + 0.04) / height, va="bottom", fontsize=14.0).set_in_layout(False)
        figure.supylabel(_measure(scene), fontsize=14.0, multialignment="center").set_y(
            0.5 * (below + ticks + height - above) / height
        )
    return panel_height


def _tick_height(figure: Figure, axes: Axes) -> float:
    """Return the inches that the words below an axis take."""
    boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
    return 0.1 + max(box.height for box in boxes) / figure.dpi


def _legend(figure: Figure, handles: dict[str, Any]) -> Any:
    """Return a legend of as many columns as the figure has room for, its rows as even as they come."""
    if not handles:
        return None
    count = len(handles)
    for rows in range(1, count + 1):
        columns = -(-count // rows)
        legend = figure.legend(handles.values(), handles.keys(), loc="lower center", bbox_to_anchor=(0.5, 0.0),
                               ncols=columns, borderaxespad=0.0, borderpad=0.2, columnspacing=1.5,
                               handletextpad=0.6)  # fmt: skip
        legend.set_in_layout(False)
        if legend.get_window_extent().width <= figure.bbox.width - 10 or columns == 1:
            return legend
        legend.remove()
    return None


def _outside(figure: Figure, scene: Scene, grid: Any, height: float) -> None:
    """Name the axes once and each row and column of panels."""
    plan = scene.plan
    rows, columns = grid.shape
    if rows * columns == 1:
        _label_x(grid[0, 0], scene)
        grid[0, 0].set_ylabel(_measure(scene))
        return
    wide = int(figure.get_figwidth() / columns / LETTER)
    for k, (down, across) in enumerate(plan.panels):
        axes = grid[k // columns, k % columns]
        if k < columns or plan.wrapped:
            axes.set_title(textwrap.fill(_where(plan.columns, across), wide))
        if plan.rows and k % columns == columns - 1:
            axes.annotate(textwrap.fill(_where(plan.rows, down), int(height / LETTER)), (1.0, 0.5), (8.0, 0.0),
                          xycoords="axes fraction", textcoords="offset points", rotation=-90.0, ha="left", va="center",
                          multialignment="center")  # fmt: skip


def _where(parts: Sequence[Part], way: Way) -> str:
    """Return where a panel lies; no line is broken at an equals sign."""
    return ", ".join(part.names[way[part.place]] for part in parts).replace(" = ", "\u00a0=\u00a0")


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


def _measure(scene: Scene) -> str:
    sweep = scene.sweep
    if sweep.question == "escape":
        return "mean escape time\nt = steps × learning rate"
    values = [sweep.last(sweep.settings[place].values(closed=False)) for place in scene.settings]
    steps = {int(each["steps"]) for each in values if "steps" in each}
    after = f"after {steps.pop():,} steps" if len(steps) == 1 else "at the last step"
    return f"variance {after},\nalong the lowest curvature"


def _title(scene: Scene, letters: int) -> str:
    """Return what all settings that are drawn have in common."""
    described = [scene.sweep.settings[place].described for place in scene.settings]
    if not described:
        return ""
    said = []
    for kind in ("rule", "landscape", "noise"):
        parts = [each[kind] for each in described]
        common = {key: value for key, value in parts[0].items()
                  if value != 0 and all(key in part and part[key] == value for part in parts)}  # fmt: skip
        if "name" in common:
            said.append(common["name"] + arguments(common))
        elif arguments(common):
            said.append(f"every {kind}{arguments(common)}")
    run = {name.partition(".")[2] for axis in scene.sweep.axes.values() for name in axis.fields if name[:4] == "run."}
    told = {key: described[0]["run"][key] for key in sorted(run)
            if all(each["run"][key] == described[0]["run"][key] for each in described)}  # fmt: skip
    said += [arguments(told).strip("()")] if arguments(told) else []
    return "\n".join(textwrap.wrap("; ".join(said), letters, max_lines=TITLE_LINES, placeholder=" …"))
