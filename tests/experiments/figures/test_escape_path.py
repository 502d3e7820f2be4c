import re
from typing import Any

import numpy as np
import pytest
import saddlescape as ss
from matplotlib.figure import Figure
from saddlescape.experiments.figures import escape_path as module
from saddlescape.experiments.figures import surface as relief
from saddlescape.experiments.figures.interface import Parts
from saddlescape.experiments.figures.plane import plane_of

WELL = ss.QuarticWell(0.25, transverse_min=[2.0]).check()
NOISE = ss.IsotropicNoise(4.0).check()


@pytest.fixture(scope="module")
def passage() -> Any:
    return module.one_escape(Parts(ss.SGD(0.05).check(), WELL, NOISE), 20, 7, 100_000)


def test_the_recorded_path_is_the_one_that_escaped(passage: Any) -> None:
    # A path is a function of (seed, number): the second run crosses at the very step the first one told, not before.
    times = ss.escape_times(WELL, NOISE, ss.SGD(0.05), trajectories=20, seed=7, max_steps=100_000)
    along = passage.path[:, 0]
    assert passage.steps == times.steps[passage.number] == len(along) - 1
    assert along[-1] >= 1.0
    assert along[:-1].max() < 1.0
    assert np.abs(times.steps - times.mean_steps).min() == abs(passage.steps - times.mean_steps)
    # Another seed is another path.
    other = ss.saddle_spread(
        WELL, NOISE, ss.SGD(0.05), steps=passage.steps, trajectories=range(passage.number, passage.number + 2), seed=8,
        record=np.arange(passage.steps + 1), origin=[-1.0, 0.0], keep_paths=True,
    )  # fmt: skip
    assert not np.array_equal(np.asarray(other.paths)[0], passage.path)


def test_the_path_is_the_iteration_itself(passage: Any) -> None:
    # theta_t - theta_{t+1} - lr grad L is lr times white noise: its mean square is lr^2 C within 5 standard errors
    # (seed 7; a false alarm in 2e-6), and for twice the noise it is not.
    x, y = passage.path.T
    slope = np.stack([x * (x * x - 1.0), 2.0 * y], axis=1)
    noise = (passage.path[:-1] - passage.path[1:]) / 0.05 - slope[:-1]
    error = 4.0 * np.sqrt(2.0 / noise.size)
    assert abs(np.mean(noise * noise) - 4.0) < 5.0 * error
    assert abs(np.mean(noise * noise) - 8.0) > 5.0 * error


def test_departure_is_the_last_visit() -> None:
    path = np.array([[0.0, 0.0], [0.5, 0.0], [0.1, 0.0], [0.3, 0.0], [1.0, 0.0]])
    assert module.departure(path, np.zeros(2), np.array([1.0, 0.0])) == 2


def test_the_figure_shows_the_end_of_the_path_and_the_barrier() -> None:
    plot = ss.plot.figure("escape-path", noise=NOISE, **module.QUICK)
    data = plot.data
    x, y = data.last.T
    assert data.last_loss == pytest.approx(0.25 * (x * x - 1.0) ** 2 + y * y, abs=1e-12)
    assert data.last_time[-1] == pytest.approx(data.passage.steps * 0.05)
    assert np.hypot(*(data.last[0] - data.minimum)) <= 0.25
    assert np.hypot(*(data.last[1:] - data.minimum).T).min() > 0.25
    left, _, bottom = plot.draw().axes
    assert any(np.array_equal(np.asarray(line.get_xydata()), data.last) for line in left.lines)
    levels = {float(np.asarray(line.get_ydata())[0]) for line in bottom.lines if len(np.asarray(line.get_ydata())) == 2}
    assert levels == {data.bottom, data.bottom + 0.25}


def test_nothing_escaped_and_one_dimension_are_refused() -> None:
    with pytest.raises(ValueError, match="max_steps=3: none of 20 trajectories escaped"):
        module.one_escape(Parts(ss.SGD(0.05).check(), WELL, NOISE), 20, 7, 3)
    for name in ("escape-path", "surface"):
        with pytest.raises(ValueError, match="dimension=1 of QuarticWell must be 2"):
            ss.plot.figure(name, landscape=ss.QuarticWell())
    with pytest.raises(ValueError, match=re.escape("elevation=85 must lie in [10, 80]")):
        ss.plot.figure("surface", elevation=85.0)


def test_a_hill_hides_what_lies_behind_it_and_nothing_else() -> None:
    # Seen from the side of negative x, the ridge at x = 0 hides the far minimum; from high above, nothing is hidden.
    plane = plane_of(WELL, (-1.5, 1.5, -1.0, 1.0))
    minima, loss = np.array([[-1.0, 0.0], [1.0, 0.0]]), np.zeros(2)
    low = relief.hidden(plane, minima, loss, 12.0, 180.0)
    assert low.tolist() == [True, True]  # the far one behind the ridge, the near one behind the wall in front
    assert relief.hidden(plane, minima, loss, 85.0, 180.0).tolist() == [False, False]
    top = relief.hidden(plane, np.array([[0.0, 1.0]]), np.array([plane.levels[-1]]), 12.0, 180.0)
    assert top.tolist() == [False]


def test_the_surface_is_the_loss_within_the_levels() -> None:
    plane = plane_of(WELL, cells=24)
    axes: Any = Figure().add_subplot(projection="3d", computed_zorder=False)
    ss.plot.surface(plane, ax=axes, cells=24)
    assert axes.get_zlim() == pytest.approx((plane.levels[0], plane.levels[-1]))
    with pytest.raises(ValueError, match="three dimensions"):
        ss.plot.surface(plane, ax=Figure().subplots())
