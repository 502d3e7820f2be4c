import re
from typing import Any

import numpy as np
import pytest
import saddlescape as ss
from matplotlib.figure import Figure
from saddlescape.experiments.figures import plane as planes
from saddlescape.experiments.figures import trajectories as module
from saddlescape.experiments.figures.style import RULE_LOOKS


@pytest.fixture(scope="module")
def plot() -> Any:
    return ss.plot.figure("trajectories", **module.QUICK)


def test_every_rule_meets_the_same_noise(plot: Any) -> None:
    # The first step from a saddle, where the gradient is 0, is noise alone: SGD's is -lr g; Adam's is lr sign(g).
    way = ss.MuellerBrown(0.01).check()
    paths = {
        name: ss.saddle_spread(
            way, ss.IsotropicNoise(20.0), rule, steps=60, trajectories=6, record=[1], keep_paths=True
        )
        for name, rule in (("sgd", ss.SGD(0.01)), ("adam", ss.Adam(plot.data.rates["adam"])))
    }
    first = {name: np.asarray(spread.paths)[:, 0] - plot.data.origin for name, spread in paths.items()}
    drawn = {name: shown[:, 1] - plot.data.origin for name, shown in plot.data.shown.items()}
    for name, count in (("sgd", 3), ("adam", 3)):
        assert np.array_equal(drawn[name], first[name][:count])
    assert np.array_equal(np.sign(drawn["sgd"]), np.sign(drawn["adam"]))
    assert np.abs(drawn["adam"]) == pytest.approx(plot.data.rates["adam"], rel=1e-6)
    assert plot.data.rates["adam"] == pytest.approx(0.01 * np.sqrt(20.0), rel=1e-12)


def test_what_is_drawn_is_the_data_in_the_rule_s_colour(plot: Any) -> None:
    drawn = plot.draw()
    for axes, (name, paths) in zip(drawn.axes, plot.data.shown.items(), strict=True):
        assert axes.get_title(loc="left").startswith(RULE_LOOKS[name].label)
        bold = [line for line in axes.lines if line.get_linewidth() == 1.3]
        assert len(bold) == len(paths)
        for line, path in zip(bold, paths, strict=True):
            assert np.array_equal(np.asarray(line.get_xydata()), path)
        thin = [line for line in axes.lines if line.get_linewidth() == 0.5]
        assert {line.get_color() for line in thin} == {RULE_LOOKS[name].colour}
        assert len(thin) == len(plot.data.bundle[name])


def test_ends_are_counted_by_the_nearest_minimum() -> None:
    well = ss.QuarticWell(0.25, transverse_min=[2.0]).check()
    ends = {
        "sgd": np.array([[-0.9, 0.1], [1.2, 0.0], [0.8, -0.3]]),
        "adam": np.array([[0.7, 0.0], [1.0, 0.0], [-2.0, 0.0]]),
    }
    places, counted = module._ends(well, np.zeros(2), ends)
    assert places == "minimum"
    assert counted["sgd"].tolist() == [0, 1, 1]
    assert counted["adam"].tolist() == [1, 1, 0]


def test_a_saddle_alone_counts_sides() -> None:
    saddle = ss.QuadraticSaddle([-1.0, 3.0]).check()
    places, counted = module._ends(saddle, np.zeros(2), {"sgd": np.array([[0.5, 0.0], [-0.5, 0.0]])})
    assert places == "side"
    assert sorted(counted["sgd"].tolist()) == [0, 1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rules": "sgd,adom"}, "there is no rule 'adom' here; did you mean adam?"),
        ({"rules": "sgd,sgd"}, "names a rule twice"),
        ({"rules": "sgd,momentum,adam,adamw,adai"}, "at most 4 panels"),
        ({"shown": 0}, "shown=0 must be at least 1"),
        ({"shown": 9}, "shown=9 must be at most 5"),
        ({"lr": 0.1}, "lr=0.1 is unstable on the curvature 40.682"),
        ({"origin": [0.0]}, "origin has 1 coordinates"),
        ({"landscape": ss.QuarticWell()}, "dimension=1 of QuarticWell must be 2"),
        ({"landscape": ss.QuadraticSaddle([-1.0, 0.1, 0.2])}, "dimension=3 of QuadraticSaddle must be 2"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(options: Any, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        ss.plot.figure("trajectories", **options)


def test_contours_are_the_loss_itself() -> None:
    well = ss.QuarticWell(0.25, transverse_min=[2.0]).check()
    plane = planes.plane_of(well)
    x, y = np.meshgrid(plane.x, plane.y)
    assert plane.loss == pytest.approx(0.25 * (x * x - 1.0) ** 2 + y * y, abs=1e-12)
    assert plane.minima.tolist() == [[-1.0, 0.0], [1.0, 0.0]]
    assert plane.levels[0] <= 1e-12
    assert plane.levels[-1] > 0.25
    with pytest.raises(ValueError, match="must rise"):
        planes.plane_of(well, (1.0, -1.0, 0.0, 1.0))


def test_the_way_of_least_loss_follows_the_valley() -> None:
    # On the straight valley it is the axis; the Mueller-Brown valley winds, and there the loss falls all the way.
    well = ss.QuarticWell(0.25, transverse_min=[2.0]).check()
    way = well.escape()
    floor = planes.valley_floor(well, way.saddle, way.minimum, way.direction)
    assert np.abs(floor[:, 1]).max() < 1e-9
    assert floor[0].tolist() == [0.0, 0.0]
    assert floor[-1].tolist() == [-1.0, 0.0]
    other = ss.MuellerBrown(0.01).check()
    way = other.escape()
    floor = planes.valley_floor(other, way.saddle, way.minimum, way.direction)
    assert np.all(np.diff(planes.values(other, floor.T)) < 1e-6)
    straight = np.linspace(way.saddle, way.minimum, 200)
    assert np.any(np.diff(planes.values(other, straight.T)) > 1e-6)


def test_panels_take_what_the_package_returns() -> None:
    axes = Figure().subplots()
    ss.plot.contours(ss.StyblinskiTang(), ax=axes)
    assert ss.plot.trajectories(np.zeros((4, 5, 2)), ax=axes, rule="adai") is axes
    with pytest.raises(ValueError, match=re.escape("paths has shape (5, 2); it must be (N, R, 2)")):
        ss.plot.trajectories(np.zeros((5, 2)), ax=axes)
    with pytest.raises(ValueError, match="there is no rule 'sdg'; did you mean sgd"):
        ss.plot.trajectories(np.zeros((4, 5, 2)), ax=axes, rule="sdg")
