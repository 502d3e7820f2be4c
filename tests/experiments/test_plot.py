"""What holds for every figure; what one shows is tested beside it in figures/."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import saddlescape as ss
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from saddlescape.dynamics.cache import UncachedKernelWarning
from saddlescape.experiments import plot as plot_module
from saddlescape.experiments.command import main
from saddlescape.experiments.figures import FIGURES
from saddlescape.experiments.figures.stored import restored, stored
from saddlescape.experiments.figures.style import REFERENCE_LOOKS, RULE_LOOKS, styled
from saddlescape.experiments.panels import PANELS, RUNS
from saddlescape.experiments.plot import Plot, figure, formats, module_of, redrawn
from saddlescape.theory.statements import STATEMENTS

GALLERY = Path(__file__).parents[2] / "docs" / "gallery"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a function name -> Plot at the figure's smallest size, each computed once."""
    plots: dict[str, Plot] = {}

    def make(name: str) -> Plot:
        if name not in plots:
            plots[name] = figure(name, **module_of(name).QUICK)
        return plots[name]

    return make


every_figure = pytest.mark.parametrize("name", FIGURES)


def misplaced(drawn: Figure) -> list[str]:
    """Return what is clipped by the frame, and which legend of the figure covers axes."""
    canvas = FigureCanvasAgg(drawn)
    canvas.draw()
    renderer: Any = canvas.get_renderer()
    frame = drawn.bbox
    artists: list[Any] = [*drawn.texts, *drawn.legends]
    artists += [drawn._suptitle] if getattr(drawn, "_suptitle", None) else []  # type: ignore[attr-defined]
    for axes in drawn.axes:
        if axes.get_visible():
            artists += [axes.title, axes._left_title, axes._right_title, *axes.texts]  # type: ignore[attr-defined]
            artists += [axes.xaxis.label, axes.yaxis.label] if axes.axison else []
    found = []
    for artist in artists:
        if not artist.get_visible() or not (getattr(artist, "get_text", lambda: " ")()):
            continue
        box = artist.get_window_extent(renderer)
        if box.x0 < frame.x0 - 1 or box.x1 > frame.x1 + 1 or box.y0 < frame.y0 - 1 or box.y1 > frame.y1 + 1:
            found.append(f"clipped: {artist}")
    for legend in drawn.legends:
        box = legend.get_window_extent(renderer)
        found += [f"{legend} over {axes}" for axes in drawn.axes if box.overlaps(axes.get_window_extent(renderer))]
    return found


@every_figure
def test_nothing_is_clipped_and_no_legend_covers_axes(made: Any, name: str) -> None:
    assert misplaced(made(name).draw()) == []


def test_the_check_sees_a_clipped_label_and_a_legend_in_the_way() -> None:
    with styled(4.0, 3.0) as drawn:
        axes = drawn.subplots()
        axes.plot([0, 1], label="line")
        drawn.legend(loc="center")
        drawn.text(0.9, 0.5, "far too long for what is left")
        found = misplaced(drawn)
    assert any("clipped" in each for each in found)
    assert any("over" in each for each in found)


@every_figure
def test_every_axis_is_labelled_and_every_text_can_be_read(made: Any, name: str) -> None:
    drawn = made(name).draw()
    drawn.canvas.draw()
    for axes in drawn.axes:
        if axes.axison and axes.get_visible():
            shared = (axes.get_shared_x_axes(), axes.get_shared_y_axes())
            for siblings, label in zip(shared, ("get_xlabel", "get_ylabel"), strict=True):
                group = [axes, *siblings.get_siblings(axes)]
                supported = drawn.get_supxlabel() if label == "get_xlabel" else drawn.get_supylabel()
                bare = label == "get_xlabel" and not any(each.get_visible() for each in axes.get_xticklabels())
                assert any(getattr(each, label)() for each in group) or supported or bare, (
                    axes.get_title("left"),
                    label,
                )
    small = [text for text in drawn.findobj(mpl.text.Text) if text.get_text() and text.get_fontsize() < 9.0]
    assert small == []
    assert drawn.get_figwidth() <= 13.0


@every_figure
@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_the_same_data_is_the_same_bytes_and_the_file_says_what_made_it(
    made: Any, name: str, suffix: str, tmp_path: Path
) -> None:
    plot = made(name)
    plot.save(tmp_path / f"a{suffix}")
    plot.save(tmp_path / "data.json")
    redrawn(tmp_path / "data.json").save(tmp_path / f"b{suffix}")
    first, second = ((tmp_path / f"{each}{suffix}").read_bytes() for each in "ab")
    assert first == second
    assert not re.search(rb"CreationDate|<dc:date>|Software", first)
    assert plot.digest.encode() in first
    assert f"saddlescape plot {name}".encode() in first
    assert len(first) < 2_000_000


@every_figure
def test_the_data_is_whole(made: Any, name: str, tmp_path: Path) -> None:
    plot = made(name)
    path = tmp_path / "data.json"
    plot.save(path)
    told = json.loads(path.read_text())
    again = redrawn(path)
    assert stored(again.data) == stored(plot.data) == told["data"]
    text = json.dumps(told["data"], sort_keys=True)
    assert told["digest"] == hashlib.sha256(text.encode()).hexdigest() == again.digest
    assert again.caption == plot.caption == told["caption"]
    assert again.command == plot.command
    assert len(path.read_bytes()) < 3_000_000
    assert "nan" not in plot.caption
    assert len(plot.alt) > 60
    assert len(plot.caption) > 60
    assert set(told["statements"]) <= set(STATEMENTS)


@every_figure
def test_the_command_that_a_figure_carries_makes_the_same_data(
    made: Any, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import shlex

    plot = made(name)
    program, *tokens = shlex.split(plot.command)
    assert program == "saddlescape"
    assert main([*tokens, "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["digest"] == plot.digest


@every_figure
def test_a_figure_has_its_gallery_script(name: str) -> None:
    assert (GALLERY / f"{name.replace('-', '_')}.py").exists()


@pytest.mark.parametrize("path", sorted(GALLERY.glob("*.py")), ids=lambda path: path.stem)
def test_a_gallery_script_runs_and_writes_its_figure(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import matplotlib.pyplot as plt

    small = {"TRAJECTORIES": 100, "STEPS": 50, "FRAMES": 4, "POINTS": 3}
    text = re.sub(
        r"^([A-Z]+) = [\d_]+$",
        lambda found: f"{found[1]} = {small[found[1]]}" if found[1] in small else found[0],
        path.read_text(),
        flags=re.MULTILINE,
    )
    monkeypatch.chdir(tmp_path)
    mpl.use("agg")
    try:
        exec(compile(text, str(path), "exec"), {"__name__": "__main__"})
    finally:
        plt.close("all")
    written = list(tmp_path.iterdir())
    assert [each.stem for each in written] == [path.stem] * len(written)
    assert written
    assert all(each.stat().st_size > 5000 for each in written)


def test_every_panel_can_be_had_and_draws_on_axes_that_are_given() -> None:
    import inspect

    for panel in PANELS:
        drawing = getattr(ss.plot, panel)
        assert "ax" in inspect.signature(drawing).parameters, panel
        assert "Returns" in (drawing.__doc__ or ""), panel
        assert panel in dir(ss.plot)
        assert callable(getattr(ss.plot, panel)), panel  # once its module is loaded
    for run in RUNS:
        assert "Returns" in (getattr(ss.plot, run).__doc__ or ""), run
    with pytest.raises(AttributeError, match="has no attribute 'kaplan'"):
        ss.plot.kaplan  # noqa: B018


def test_rules_and_rungs_differ_in_more_than_colour() -> None:
    looks = list(RULE_LOOKS.values())
    assert len({look.mark for look in looks}) == len(looks)
    assert len({(look.colour, str(look.dashes)) for look in looks}) == len(looks)
    rungs = list(REFERENCE_LOOKS.values())
    assert len({look.mark for look in rungs}) == len(rungs) == len({str(look.dashes) for look in rungs})
    assert not {look.colour for look in rungs} & {look.colour for look in looks}


def test_a_part_of_another_kind_is_taken_and_said() -> None:
    plot = figure("survival", rule=ss.Langevin(dt=0.05, lr=0.05), trajectories=20, max_steps=100)
    assert "--rule=langevin" in plot.command
    assert plot.options["rule"]["lr"] == 0.05


def test_a_class_of_ones_own_has_no_command(tmp_path: Path) -> None:
    class Mine(ss.SGD):
        __slots__ = ()

    with pytest.warns(UncachedKernelWarning):
        plot = figure("survival", rule=Mine(0.05), trajectories=20, max_steps=100)
    assert plot.command == ""
    assert plot.options["rule"] == {"name": "Mine"}
    plot.save(tmp_path / "mine.png")
    assert b"drawn from Python" in (tmp_path / "mine.png").read_bytes()


def test_bad_names_and_options_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no figure 'survivals'; did you mean survival"):
        figure("survivals")
    with pytest.raises(TypeError, match="survival has no option 'trajectory'; did you mean trajectories"):
        figure("survival", trajectory=3)
    with pytest.raises(ValueError, match=r"must end in \.png, \.pdf, \.svg or \.json"):
        Plot("survival", None, {}, "").save(tmp_path / "a.jpg")
    assert list(tmp_path.iterdir()) == []


def test_changed_data_is_refused(made: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    made("survival").save(path)
    told = json.loads(path.read_text())
    told["data"]["times"]["steps"][0] += 1
    path.write_text(json.dumps(told))
    with pytest.raises(ValueError, match="was changed: its data is not what its digest says"):
        redrawn(path)
    del told["data"]["times"]["steps"]
    told["digest"] = hashlib.sha256(json.dumps(told["data"], sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(told))
    with pytest.raises(ValueError, match=r"was written by saddlescape .*, whose survival held other data"):
        redrawn(path)
    path.write_text("[]")
    with pytest.raises(ValueError, match="does not hold the data of a figure"):
        redrawn(path)


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        ("plot survivals", "there is no figure 'survivals'; did you mean survival?"),
        ("plot survival --format=jpg", "--format=jpg: there is no format 'jpg'; did you mean png?"),
        ("plot survival --format=gif", "--format=gif: there is no format 'gif'; one of png, pdf, svg"),
        ("plot survival --dpi=1", "--dpi=1 must lie in [10, 1200]"),
        ("plot survival --trajectory=3", "there is no --trajectory here; did you mean --trajectories?"),
        ("plot survival --beta1=0.9", "--beta1 belongs to momentum and adam and adamw, not to sgd"),
        ("plot survival --rule=sgdd", "there is no rule 'sgdd'; did you mean sgd?"),
        ("plot survival --trajectories=0 --quiet", "trajectories=0"),
        ("plot nowhere.json", "cannot read nowhere.json: No such file or directory"),
        ("gallery", None),
        ("gallery --quick", "the folder comes before --quick"),
        ("gallery here survivals", "there is no figure 'survivals'; did you mean survival?"),
        ("gallery here --format=gif", "--format=gif: there is no format 'gif'; one of png, pdf, svg"),
        ("gallery here --jobs=0", "--jobs=0 must be at least 1"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    tokens: str, said: str | None, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code = main(tokens.split())
    err = capsys.readouterr().err
    if said is None:
        assert code == 0
        return
    assert code == 2
    assert said in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_a_figure_and_its_data_and_draws_it_again(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    where = tmp_path / "figures"
    tokens = ["plot", "survival", "-n=50", "--max-steps=2000", f"--out={where}", "--format=png,svg", "--quiet"]
    assert main(tokens) == 0
    said = capsys.readouterr().out
    assert sorted(path.name for path in where.iterdir()) == ["survival.json", "survival.png", "survival.svg"]
    assert f"written {where / 'survival.json'}" in said
    again = tmp_path / "again"
    assert main(["plot", str(where / "survival.json"), f"--out={again}"]) == 0
    assert (again / "survival.png").read_bytes() == (where / "survival.png").read_bytes()
    assert (again / "survival.json").read_bytes() == (where / "survival.json").read_bytes()


def test_values_survive_being_stored() -> None:
    Inner = plot_module.NamedTuple("Inner", [("x", np.ndarray[Any, np.dtype[np.float64]]), ("name", str)])
    Outer = plot_module.NamedTuple(
        "Outer",
        [
            ("parts", tuple[Inner, ...]),
            ("pair", tuple[float, int]),
            ("known", dict[str, float]),
            ("maybe", Inner | None),
            ("counts", np.ndarray[Any, np.dtype[np.int64]]),
        ],
    )
    inner = Inner(np.array([1.5, np.nan]), "a")
    value = Outer((inner, inner), (float("nan"), 3), {"b": 2.0}, None, np.array([[1, 2]]))
    told = json.loads(json.dumps(stored(value), allow_nan=False))
    back = restored(told, Outer)
    assert stored(back) == told
    assert back.parts[1].x.dtype == np.float64
    assert np.isnan(back.parts[0].x[1])
    assert back.counts.dtype == np.int64
    assert back.maybe is None
    with pytest.raises((ValueError, TypeError, KeyError)):
        restored({**told, "parts": [{"x": [1.0]}]}, Outer)
    with pytest.raises((ValueError, TypeError, KeyError)):
        restored({**told, "pair": [1.0]}, Outer)


def test_the_gallery_holds_each_figure_its_data_and_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = tmp_path / "gallery"
    assert main(["gallery", str(where), "survival", "--quick", "--quiet", "--jobs=1"]) == 0
    assert f"written {where / 'index.html'}" in capsys.readouterr().out
    names = {str(path.relative_to(where)) for path in where.rglob("*") if path.is_file()}
    assert names == {"index.html", "survival.json", "survival.pdf", "survival.png", "thumbnails/survival.png"}
    page = (where / "index.html").read_text()
    for target in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert (where / target).is_file(), target
    assert redrawn(where / "survival.json").command.replace("'", "&#x27;") in page
    assert "{{" not in page
    before = (where / "survival.json").stat().st_mtime_ns
    assert main(["gallery", str(where), "survival", "--quick", "--quiet", "--jobs=1", "--resume"]) == 0
    assert (where / "survival.json").stat().st_mtime_ns != before
    (where / "survival.json").write_text("{}")
    assert main(["gallery", str(where), "survival", "--quick", "--quiet", "--jobs=1", "--resume"]) == 0
    assert redrawn(where / "survival.json").data.times.trajectories == module_of("survival").QUICK["trajectories"]


def test_formats_begin_with_the_usual_one() -> None:
    assert formats("survival") == (".png", ".pdf", ".svg")
