import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from saddlescape.experiments import regime_table
from saddlescape.experiments.command import main
from saddlescape.experiments.figures import regime as regime_figure
from saddlescape.experiments.figures.style import write
from saddlescape.experiments.regime import RegimeResult, regime_experiment
from saddlescape.theory.regime_planes.plane import OURS, PRINTED

STATEMENTS = ("theorem-1", "theorem-2", "theorem-4", "equation-3", "proposition-3")


@pytest.fixture(scope="module")
def results() -> dict[str, RegimeResult]:
    return {statement: regime_experiment(statement, points=9) for statement in STATEMENTS}


def test_a_smaller_error_has_a_smaller_regime() -> None:
    small, large = (regime_experiment("theorem-1", tolerance=t, points=21).found for t in (0.02, 0.3))
    for one, other in zip(small, large, strict=True):
        assert one.name == other.name
        assert 0.0 < one.regime.share < other.regime.share
        assert one.regime.worst < 0.02 < other.regime.worst < 0.3


def test_a_plane_of_its_own_has_its_own_bounds(results: dict[str, RegimeResult]) -> None:
    result = results["theorem-1"]
    assert [(found.name, found.planes) for found in result.found] == [
        ("theorem-1", ("saddle", "valley")),
        ("theorem-1, short form", ("short form",)),
    ]
    assert result.regime_of(result.scans[2], PRINTED) is result.found[1].regime


def test_both_forms_have_bounds_where_they_are_two(results: dict[str, RegimeResult]) -> None:
    assert [found.form for found in results["theorem-4"].found] == [PRINTED, OURS]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_page(statement: str, results: dict[str, RegimeResult], capsys: pytest.CaptureFixture[str]) -> None:
    regime_table.show(results[statement])
    page = capsys.readouterr().out
    assert all(len(line) <= 80 for line in page.splitlines())
    for one in results[statement].scans:
        assert one.plane.name in page
    upper = statement == "theorem-4"
    assert (f"{statement}, printed: not below what is exact anywhere" in page) is upper
    assert ("within 10 % where" in page) is not upper


@pytest.mark.parametrize("statement", STATEMENTS)
def test_nothing_is_clipped_and_the_legend_covers_no_map(statement: str, results: dict[str, RegimeResult]) -> None:
    figure = regime_figure.draw(regime_figure.data_of(results[statement]))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer: Any = canvas.get_renderer()
    panels = [axes for axes in figure.axes if axes.get_visible()]
    artists: list[Any] = list(figure.legends)
    for axes in panels:
        artists += [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label]
    for artist in artists:
        box = artist.get_window_extent(renderer)
        if box.width and artist.get_visible() and getattr(artist, "get_text", lambda: "x")():
            assert box.x0 >= -1, artist
            assert box.x1 <= figure.bbox.x1 + 1, artist
            assert box.y0 >= -1, artist
            assert box.y1 <= figure.bbox.y1 + 1, artist
    for axes in panels:
        for legend in figure.legends:
            assert not legend.get_window_extent(renderer).overlaps(axes.get_window_extent(renderer))
        for other in panels:
            if other is not axes:
                label = axes.yaxis.label.get_window_extent(renderer)
                assert not label.overlaps(other.get_window_extent(renderer))


def test_the_same_result_is_the_same_bytes(tmp_path: Path, results: dict[str, RegimeResult]) -> None:
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        write(regime_figure.draw(regime_figure.data_of(results["theorem-1"])), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--points=9", "--tolerance=0.2", "--quiet", "--json", f"--out={tmp_path}"]
    assert main(["regime", "theorem-1", *options]) == 0
    told = capsys.readouterr()
    result = json.loads(told.out)
    assert result == json.loads((tmp_path / "regime-theorem-1.json").read_text())
    assert result["tolerance"] == 0.2
    assert [plane["name"] for plane in result["planes"]] == ["saddle", "valley", "short form"]
    plane = result["planes"][0]
    assert np.shape(plane["log_ratios"][PRINTED]) == (len(plane["y"]["values"]), len(plane["x"]["values"])) == (9, 9)
    assert plane["log_ratios"][PRINTED][0][-1] is None  # no run has less than one step
    bounds = result["found"][0]["regime"]["bounds"]
    assert {bound["number"] for bound in bounds} == {"lr_times_curvature", "lr_growth"}
    assert result["stored"]["tolerance"] == 0.1
    assert {path.name for path in tmp_path.iterdir()} == {f"regime-theorem-1.{end}" for end in ("json", "png", "pdf")}
    assert told.err.count("written") == 3


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        (["theorem-11"], "there is no statement 'theorem-11'; did you mean theorem-1?"),
        (["theorem-1", "--tolerance=0"], "tolerance=0 must lie in (0, 1): it is a relative error"),
        (["theorem-1", "--points=1"], "points=1 must be at least 2: an axis has two ends"),
        (["theorem-1", "--plot=a.txt"], "--plot=a.txt must end in .png, .pdf or .svg"),
        (["theorem-1", "--point=3"], "there is no --point here; did you mean --points?"),
    ],
)
def test_bad_input(tokens: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["regime", *tokens, "--quiet"]) == 2
    assert capsys.readouterr().err == f"saddlescape: {says}\n"


def test_help_lists_the_statements(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["regime"]) == 0
    assert "flatness-selection" in capsys.readouterr().out
