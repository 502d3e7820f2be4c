"""The figure of a sweep: what is drawn, where, and what it is called."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import saddlescape as ss
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import rgb_to_hsv, to_rgb
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from saddlescape.experiments.choices import LANDSCAPE, NOISE, RULE, choose
from saddlescape.experiments.command import BAD_INPUT, main
from saddlescape.experiments.figures.style import RULE_LOOKS, rendered, styled
from saddlescape.experiments.figures.sweep import HIGHEST, WIDEST, alt, draw
from saddlescape.experiments.figures.sweep_layout import MOST_CURVES, layout, spread
from saddlescape.experiments.figures.sweep_words import WORDS, told
from saddlescape.experiments.sweep.naming import short_names, telling
from saddlescape.experiments.sweep.reading import Dimension, Sweep, load

from .synthetic import SADDLE, escape_unit, filled, made

RULES = """
[[axes.rule]]
name = "sgd"
[[axes.rule]]
name = "momentum"
beta1 = 0.5
beta3 = 0.5
[[axes.rule]]
name = "momentum"
beta1 = 0.9
beta3 = 0.1
[[axes.rule]]
name = "adam"
"""
GRID = (
    """
[run]
trajectories = 64
[axes]
landscape.curvature_min = [1.0, 2.0]
noise.batch_size = [0.3, 0.45, 0.6]
"rule.lr" = [0.05, 0.1, 0.2]
[landscape]
name = "piecewise-quadratic"
[noise]
name = "hessian"
"""
    + RULES
)
NAMES = ["SGD", "Momentum, beta1 = 0.5", "Momentum, beta1 = 0.9", "Adam"]
CUBE = """
rule.name = "sgd"
[run]
trajectories = 64
[axes]
noise.variance = { from = 0.5, to = 5.0, count = 10, spacing = "log" }
landscape.barrier = { from = 0.1, to = 1.0, count = 10 }
rule.lr = { from = 0.01, to = 0.1, count = 10, spacing = "log" }
"""
WRAPPED = """
rule.name = "sgd"
[run]
trajectories = 64
[axes]
rule.lr = [0.02, 0.05, 0.1]
noise.variance = [0.8, 1.0, 2.5]
landscape.barrier = [0.1, 0.2, 0.3, 0.4, 0.5]
"""


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    folder = tmp_path_factory.mktemp("grid")
    filled(folder, GRID, per_shard=100)
    return load(folder)


def shown_texts(figure: Figure) -> list[tuple[str, Any]]:
    """Return every text that is seen, with its box on the page."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer: Any = canvas.get_renderer()  # type: ignore[no-untyped-call]
    artists: list[Any] = [*figure.texts]
    artists += [text for legend in figure.legends for text in legend.get_texts()]
    for axes in (axes for axes in figure.axes if axes.get_visible()):
        artists += [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            artists += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [(each.get_text(), each.get_window_extent(renderer)) for each in artists
            if each.get_visible() and each.get_text()]  # fmt: skip


def crowded(figure: Figure) -> list[str]:
    """Return what is clipped, which texts lie over one another, and which legend covers axes."""
    texts = shown_texts(figure)
    width, height = figure.bbox.width + 1.0, figure.bbox.height + 1.0
    found = [f"clipped: {text!r}" for text, box in texts
             if box.x0 < -1 or box.y0 < -1 or box.x1 > width or box.y1 > height]  # fmt: skip
    found += [f"{one!r} over {other!r}" for (one, a), (other, b) in itertools.combinations(texts, 2)
              if min(a.x1, b.x1) - max(a.x0, b.x0) > 0.5 and min(a.y1, b.y1) - max(a.y0, b.y0) > 0.5]  # fmt: skip
    for legend, axes in itertools.product(figure.legends, figure.axes):
        if axes.get_visible() and legend.get_window_extent().overlaps(axes.get_window_extent()):
            found.append("legend over axes")
    return found


def bars(axes: Any) -> list[ErrorbarContainer]:
    return [each for each in axes.containers if isinstance(each, ErrorbarContainer)]


def panels(figure: Figure) -> list[Any]:
    return [axes for axes in figure.axes if axes.get_visible()]


def entries(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\n", " ")


@pytest.mark.parametrize("x", ["rule.lr", "landscape.curvature_min", "noise.batch_size"])
def test_every_panel_draws_the_numbers_of_the_table_where_it_says(grid: Sweep, x: str) -> None:
    figure = draw(grid, x)
    table = grid.table(["mean", "low", "high"])
    names = [NAMES[place[3]] for place in grid.places]
    words = {"rule.lr": "learning rate", "landscape.curvature_min": "curvature of the minimum",
             "noise.batch_size": "batch size"}  # fmt: skip
    others = [name for name in words if name != x]
    shape = [len(grid.axes[name]) for name in others]
    assert len(panels(figure)) == np.prod(shape)
    columns = max(shape)
    seen = 0
    for k, axes in enumerate(panels(figure)):
        top = figure.axes[k % columns]
        right = figure.axes[k - k % columns + columns - 1]
        where = f"{plain(top.get_title())}, {plain(right.texts[-1].get_text())}"
        for label, container in zip(entries(figure), bars(axes), strict=True):
            same = [i for i in range(len(grid)) if names[i] == label]
            for name in others:
                same = [i for i in same if f"{words[name]} = {table[name][i]:.4g}" in where.split(", ")]
            there = sorted(same, key=lambda i: float(table[x][i]))
            assert len(there) == len(grid.axes[x])
            assert np.array_equal(container[0].get_xdata(), table[x][there])
            assert np.array_equal(container[0].get_ydata(), table["mean"][there])
            ends = np.array([bar[:, 1] for bar in container[2][0].get_segments()])
            assert np.allclose(ends, np.stack([table["low"][there], table["high"][there]], axis=1), rtol=1e-12)
            seen += len(there)
    assert seen == len(grid)


def test_every_curve_is_named_and_looks_like_no_other(grid: Sweep) -> None:
    figure = draw(grid, "rule.lr")
    assert entries(figure) == NAMES
    for axes in panels(figure):
        lines = [container[0] for container in bars(axes)]
        assert len({line.get_marker() for line in lines}) == len(lines) == len(NAMES)
        assert len({line.get_color() for line in lines}) == len(lines)
        assert lines[0].get_color() == RULE_LOOKS["sgd"].colour
        light, dark = (rgb_to_hsv(to_rgb(lines[k].get_color())) for k in (1, 2))
        assert light[0] == pytest.approx(dark[0], abs=0.02)
        assert light[2] > dark[2]
    limits = {(axes.get_xlim(), axes.get_ylim()) for axes in panels(figure)}
    assert len(limits) == 1


WIDE = GRID.replace("2.0]", "2.0, 3.0, 4.0, 5.0]")


@pytest.mark.parametrize(
    ("text", "axes"),
    [
        (GRID, ("rule.lr",)),
        (CUBE, ("rule.lr",)),
        (WRAPPED, ("rule.lr",)),
        (SADDLE, ("noise.batch_size",)),
        (WIDE, ("rule",)),
    ],
)
def test_nothing_is_clipped_and_no_text_lies_over_another(tmp_path: Path, text: str, axes: tuple[str, ...]) -> None:
    store, manifest = made(tmp_path, text)
    if text == CUBE:
        for setting in manifest.settings[:: len(manifest.settings) // 7]:
            store.add(escape_unit(setting, 0, 64))
        store.flush()
    else:
        filled(tmp_path, text, per_shard=200)
    sweep = load(tmp_path)
    for x in axes:
        figure = draw(sweep, x)
        assert crowded(figure) == [], x
        assert figure.get_figwidth() <= WIDEST
        assert figure.get_figheight() <= HIGHEST + 1e-9
        for each in panels(figure):
            box = each.get_window_extent()
            assert box.width / figure.dpi > 2.3
            assert box.height / figure.dpi > 1.2


def test_the_check_sees_clipped_and_crossing_texts(grid: Sweep) -> None:
    figure = draw(grid, "rule.lr")
    figure.text(0.9, 0.5, "far too long for what is left here")
    figure.axes[0].set_title("a title that goes well over the one of its neighbour to the right")
    figure.legends[0].set_bbox_to_anchor((0.5, 0.5))
    found = crowded(figure)
    assert any(each.startswith("clipped: 'far") for each in found)
    assert any("' over '" in each for each in found)
    assert "legend over axes" in found


def test_conditions_leave_settings_out_of_the_figure_too(
    grid: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import saddlescape.experiments.figures.sweep as module

    drawn: list[Figure] = []

    def kept(*given: Any, **named: Any) -> Figure:
        drawn.append(draw(*given, **named))
        return drawn[-1]

    monkeypatch.setattr(module, "draw", kept)
    call = ["summary", str(grid.folder), f"--plot={tmp_path / 'a.png'}", "--x=rule.lr", "--rows=1"]
    assert main([*call, "--where=noise.batch_size=0.6, rule=momentum beta1=0.9"]) == 0
    (axes,) = panels(drawn[0])
    here = grid.select(**{"noise.batch_size": 0.6, "rule.beta1": 0.5})
    assert [len(each[0].get_xdata()) for each in bars(axes)] == [3, 3]
    title = plain(drawn[0].get_suptitle())
    assert "momentum(beta1=0.9, beta3=0.1)" in title
    assert "hessian(batch_size=0.6)" in title
    wanted = [grid.settings[k].result.mean for k, place in enumerate(grid.places) if place[1] == 2 and place[3] == 2]
    assert sorted(y for each in bars(axes) for y in each[0].get_ydata()) == sorted(wanted)
    other = {setting.result.mean for setting in here.settings}
    assert not other & {y for each in bars(axes) for y in each[0].get_ydata()}
    assert main([*call, "--where=rule!=momentum"]) == 0
    assert entries(drawn[1])[-2:] == ["SGD", "Adam"]
    assert "batch_size" not in drawn[1].get_suptitle()
    capsys.readouterr()
    assert main([*call, "--where=rule.lr>1"]) == BAD_INPUT
    assert "leaves no setting to draw" in capsys.readouterr().err
    assert len(drawn) == 2


def test_settings_that_conditions_take_out_of_a_curve_leave_a_gap(grid: Sweep) -> None:
    places = [k for k in range(len(grid)) if grid.places[k] != (0, 0, 1, 0)]
    figure = draw(grid, "rule.lr", places)
    counts = [[np.isfinite(each[0].get_ydata()).sum() for each in bars(axes)] for axes in panels(figure)]
    assert counts[0] == [2, 3, 3, 3]
    assert sum(map(sum, counts)) == len(places)


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_same_sweep_is_the_same_bytes(grid: Sweep, suffix: str) -> None:
    first, second = (rendered(draw(load(grid.folder), "rule.lr"), suffix) for _ in range(2))
    assert first == second


def test_positions_for_which_there_is_no_room_are_told(tmp_path: Path) -> None:
    made(tmp_path, CUBE)
    sweep = load(tmp_path)
    plan = layout(sweep, "rule.lr", range(len(sweep)))
    assert plan.notes == ["4 of 10 values of barrier"] or plan.notes == ["4 of 10 values of noise variance"]
    assert sum(part.size for part in plan.columns) == 10
    assert plan.curves[0].positions == (0, 3, 6, 9)
    assert "4 of 10 values of" in alt(sweep, "rule.lr")
    notes = [each.get_text() for each in draw(sweep, "rule.lr").texts]
    assert f"{plan.notes[0]}; --where chooses others" in notes
    some = [k for k, place in enumerate(sweep.places) if place[0] < 3 and place[1] < 3]
    assert layout(sweep, "rule.lr", some).notes == []


def test_every_layout_has_room_and_draws_a_setting_once(tmp_path: Path) -> None:
    def sizes(*counts: int) -> Sweep:
        names = ("rule.lr", "noise.variance", "landscape.barrier", "landscape.half_width", "run.seed")
        lines = [f"{name} = {[k if 'seed' in name else start + 0.01 * k for k in range(count)]}"
                 for name, start, count in zip(names, (0.01, 1.0, 0.3, 1.0, 0), counts, strict=False)]  # fmt: skip
        folder = tmp_path / "x".join(map(str, counts))
        made(folder, 'rule.name = "sgd"\n[axes]\n' + "\n".join(lines))
        return load(folder)

    for counts in ((2, 3), (3, 8), (3, 9), (2, 3, 4), (2, 5, 5), (2, 3, 3, 3), (2, 2, 2, 7), (2, 2, 3, 2, 3), (3, 20)):
        sweep = sizes(*counts)
        plan = layout(sweep, "rule.lr", range(len(sweep)))
        rows, columns = plan.shape
        assert rows <= 4
        assert columns <= 4
        assert np.prod([part.size for part in plan.curves]) <= MOST_CURVES
        at = [(*sorted((a | b).items()),) for a, b in plan.panels]
        assert len(set(at)) == len(at) <= rows * columns
        drawn = [plan.x, *plan.curves, *plan.columns, *plan.rows, *plan.fixed]
        assert sorted(part.place for part in drawn if part) == list(range(len(counts)))
        assert bool(plan.notes) == any(part.size < part.of for part in drawn if part)
        if np.prod(counts[1:]) <= MOST_CURVES:
            assert (rows, columns) == (1, 1)


def test_positions_are_spread_evenly_from_the_first_to_the_last() -> None:
    for count, most in itertools.product(range(8, 30), range(2, 9)):
        found = spread(range(count), most)
        assert min(most, 3) <= len(found) <= most
        assert len(set(found)) == len(found)
        assert (found[0], found[-1]) == (0, count - 1)
    assert spread(range(10), 4) == (0, 3, 6, 9)
    assert spread(range(5), 3) == (0, 2, 4)


def test_names_tell_what_differs_and_no_more() -> None:
    def axis(**fields: tuple[Any, ...]) -> Dimension:
        labels = tuple(" ".join(map(str, each)) for each in zip(*fields.values(), strict=True))
        return Dimension("rule", labels, {f"rule.{name}": values for name, values in fields.items()})

    rules = axis(name=("sgd", "momentum", "momentum"), beta1=(None, 0.5, 0.9), beta3=(None, 0.5, 0.1))
    assert short_names(rules) == ["sgd", "momentum beta1=0.5", "momentum beta1=0.9"]
    assert told(rules) == ["SGD", "Momentum, beta1 = 0.5", "Momentum, beta1 = 0.9"]
    both = axis(name=("momentum",) * 3, beta1=(0.5, 0.5, 0.9), beta3=(0.5, 1.0, 1.0))
    assert told(both)[1] == "Momentum, beta1 = 0.5, beta3 = 1.0".replace("1.0", "1")
    second = axis(name=("momentum",) * 2, beta1=(0.9, 0.9), beta3=(0.1, 1.0))
    assert short_names(second) == ["momentum beta3=0.1", "momentum beta3=1"]
    same = axis(name=("sgd", "sgd"), lr=(0.1, 0.1))
    assert short_names(same) == list(same.labels)
    close = Dimension("rule.lr", (0.123456, 0.123457), {"rule.lr": (0.123456, 0.123457)})
    assert told(close) == ["learning rate = 0.123456", "learning rate = 0.123457"]
    together = Dimension("rule.name", ("a", "b"), {"rule.name": ("sgd", "adam"), "rule.lr": (0.1, 0.01)})
    assert telling(together) == [("sgd", {}), ("adam", {})]


def test_every_number_that_can_be_swept_has_words() -> None:
    for kind in (RULE, LANDSCAPE, NOISE):
        for name in kind.table:
            for field in choose(kind, name).fields:
                if float in field.kinds or field.name.startswith(("curvature", "transverse", "covariance")):
                    assert field.name in WORDS or "_" not in field.name, field.name
                    assert "_" not in WORDS.get(field.name, (field.name,))[0]


def test_the_page_names_rules_shortly_and_has_room_for_intervals(grid: Sweep, capsys: Any) -> None:
    assert main(["summary", str(grid.folder), "--rows=8"]) == 0
    text = capsys.readouterr().out
    assert "momentum beta1=0.9 " in text
    assert "beta3=0.1" not in text


def test_many_curves_on_one_panel_are_named_by_their_rule(grid: Sweep) -> None:
    with styled(6.0, 4.0) as figure:
        axes = ss.plot.sweep_curves(grid, "rule.lr", ax=figure.add_subplot())
    assert axes.get_legend_handles_labels()[1] == NAMES
    assert len(bars(axes)) == len(grid) // 3
    assert len({each[0].get_color() for each in bars(axes)}) == len(NAMES)
