from typing import Any

import numpy as np
import pytest
import saddlescape as ss
from matplotlib.figure import Figure
from saddlescape.experiments.figures import rare_paths as module
from saddlescape.theory.measured_s import Climb


@pytest.fixture(scope="module")
def plot() -> Any:
    return ss.plot.figure("rare-paths", **module.QUICK)


def test_paths_go_from_the_basin_to_the_exit_and_cross_the_saddle_at_time_0(plot: Any) -> None:
    data = plot.data
    assert 4 <= len(data.paths) <= 12
    for t, theta in zip(data.times, data.paths, strict=True):
        x = theta[:, 0]
        assert x[0] <= data.basin or x[0] == data.minimum
        assert x[-1] >= data.exit
        assert np.all(x[t < 0.0] < data.saddle)
        # Thinned as they are, the first at time 0 or after may be some steps late.
        assert x[t >= 0.0][0] > data.saddle - 0.2
        assert np.all(np.diff(t) > 0.0)
    assert np.all(data.low <= data.middle)
    assert np.all(data.middle <= data.high)


def test_what_is_drawn_is_what_was_measured(plot: Any) -> None:
    data, (left, right) = plot.data, plot.draw().axes
    dots = next(line for line in right.lines if line.get_marker() == "o")
    assert np.asarray(dots.get_ydata()) == pytest.approx(data.climb.climb)
    assert np.asarray(dots.get_xdata()) == pytest.approx(data.climb.loss / data.barrier)
    assert len([line for line in left.lines if line.get_linewidth() == 0.6]) == len(data.paths)
    # The joint stands at the loss s of the barrier: where the noise of the minimum ends.
    assert data.joint_loss / data.barrier == pytest.approx(data.share.printed)
    assert f"s = {data.share.split.value:.3f}" in right.get_title("left")
    assert f"{data.share.split.value:.4g}" in plot.caption


def test_two_coordinates_are_drawn_on_the_landscape() -> None:
    well = ss.PiecewiseQuadraticWell(transverse_min=[1.0]).check()
    plot = ss.plot.figure("rare-paths", landscape=well, repetitions=2, trials=200, shown=4)
    left = plot.draw().axes[0]
    assert left.get_xlabel() == "parameter θ₁"
    drawn = [np.asarray(line.get_xydata()) for line in left.lines if line.get_linewidth() == 0.7]
    assert len(drawn) == len(plot.data.paths)
    assert all(np.array_equal(a, b) for a, b in zip(drawn, plot.data.paths, strict=True))


def test_slopes_are_named_where_the_line_is_straight() -> None:
    loss = np.linspace(0.0, 1.0, 11)
    paid = np.where(loss < 0.4, 2.0 * loss, 0.8 + 4.0 * (loss - 0.4))
    climb = Climb(loss, loss, paid, paid - 0.1, paid + 0.1, paid)
    bent = ss.plot.climb_by_loss(climb, 1.0, ax=Figure().add_subplot(), joint=0.4)
    said = [(text.get_text(), text.xy) for text in bent.texts if text.get_text().startswith("slope")]  # type: ignore[attr-defined]
    assert said == [("slope 1/D near a", (0.2, 0.4)), ("slope 1/D near b", (0.7, pytest.approx(2.0)))]
    straight = ss.plot.climb_by_loss(climb, 1.0, ax=Figure().add_subplot())
    assert [text.get_text() for text in straight.texts] == ["slope 1/D"]


@pytest.mark.parametrize(
    ("option", "says"), [({"shown": 0}, "shown=0"), ({"lr": 0.0}, "lr=0.0"), ({"repetitions": 0}, "repetitions=0")]
)
def test_bad_options_are_refused(option: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ss.plot.figure("rare-paths", **option)
