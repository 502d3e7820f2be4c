import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from saddlescape.experiments.figures import escape as escape_figure
from saddlescape.experiments.figures import saddle as saddle_figure
from saddlescape.experiments.figures.saddle_spreading import direction_looks
from saddlescape.experiments.figures.style import write

from .results import escape_result, exponential_times, saddle_result

MANY = tuple(np.linspace(-0.2, 0.5, 10) + 0.01)


def draw(case: str) -> Figure:
    match case:
        case "escape":
            return escape_figure.draw(escape_result(exponential_times(0)))
        case "censored":
            return escape_figure.draw(escape_result(exponential_times(0, horizon=100)))
        case "nothing escaped":
            return escape_figure.draw(escape_result(exponential_times(0, horizon=1, mean=1e6)))
        case "truncated, from elsewhere":
            times = exponential_times(0).after(300)
            return escape_figure.draw(escape_result(times, origin=np.array([-0.5]), exit=0.25))
        case "saddle":
            return saddle_figure.draw(saddle_result(0))
        case "many directions":
            return saddle_figure.draw(saddle_result(0, MANY))
        case "far out":
            return saddle_figure.draw(saddle_result(0, (-8.0, 0.1)))
        case _:
            return saddle_figure.draw(saddle_result(0, known=False))


CASES = (
    "escape",
    "censored",
    "nothing escaped",
    "truncated, from elsewhere",
    "saddle",
    "many directions",
    "far out",
    "no reference",
)


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_clipped_and_no_legend_covers_the_data(case: str) -> None:
    figure = draw(case)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer: Any = canvas.get_renderer()
    frame = figure.bbox
    artists = [*figure.texts, *figure.legends, *([figure._suptitle] if getattr(figure, "_suptitle", None) else [])]
    for axes in figure.axes:
        artists += [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
    for artist in artists:
        box = artist.get_window_extent(renderer)
        assert box.x0 >= frame.x0 - 1, artist
        assert box.x1 <= frame.x1 + 1, artist
        assert box.y0 >= frame.y0 - 1, artist
        assert box.y1 <= frame.y1 + 1, artist
    for axes in figure.axes:
        assert axes.get_xlabel()
        assert axes.get_ylabel()
        area = axes.get_window_extent(renderer)
        assert area.width > 0.3 * frame.width
        for legend in figure.legends:
            assert not legend.get_window_extent(renderer).overlaps(area)


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
@pytest.mark.parametrize("case", ["escape", "saddle"])
def test_the_same_result_is_the_same_bytes(tmp_path: Path, case: str, suffix: str) -> None:
    paths = [tmp_path / f"{name}{suffix}" for name in ("a", "b")]
    for path in paths:
        write(draw(case), path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert not re.search(rb"CreationDate|<dc:date>|Software", first)
    assert sorted(tmp_path.iterdir()) == paths


def test_every_reference_that_has_a_value_is_drawn_and_no_other() -> None:
    labels = [text.get_text() for text in draw("escape").legends[0].get_texts()]
    assert "exact, this iteration: 64" in labels
    assert "closed form, as printed: 54.13" in labels
    assert not any("corrected" in label for label in labels)


def test_the_survival_curve_is_the_empirical_one_where_nothing_is_censored() -> None:
    times = exponential_times(0)
    figure = escape_figure.draw(escape_result(times))
    curve = next(line for line in figure.axes[1].lines if "Kaplan" in str(line.get_label()))
    x, y = (np.asarray(data, dtype=float) for data in curve.get_data())
    for t, share in zip(x[1:-1], y[1:-1], strict=True):
        assert share == pytest.approx(np.mean(times.steps * times.time_step > t + 1e-9), abs=1e-12)


def test_at_most_six_directions_each_in_its_look_from_the_lowest_to_the_highest() -> None:
    figure = draw("many directions")
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    shown = [label for label in labels if label.startswith("curvature")]
    assert len(shown) == 6
    assert shown[0] == f"curvature {min(MANY):.4g}"
    assert shown[-1] == f"curvature {max(MANY):.4g}"
    assert "6 of 10 directions" in labels
    points = [line for line in figure.axes[0].lines if line.get_linestyle() == "None"]
    looks = [(line.get_color(), line.get_marker()) for line in points]
    assert looks == [(look.colour, look.mark) for look in direction_looks(np.sort(MANY)[[0, 1, 3, 5, 7, 9]])]
    red, green, blue = np.array([to_rgb(str(colour)) for colour, _ in looks]).T
    assert np.all(np.diff(0.299 * red + 0.587 * green + 0.114 * blue) > 0.05)  # told apart in greyscale too
