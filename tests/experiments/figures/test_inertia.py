import json
from typing import Any

import numpy as np
import pytest
import saddlescape as ss
from matplotlib.figure import Figure
from saddlescape.dynamics.interface import adapt, start
from saddlescape.experiments.figures import inertia as module
from saddlescape.experiments.figures.stored import restored, stored
from saddlescape.experiments.figures.style import REFERENCE_LOOKS

H = np.array([4.0, -0.3, 0.5, *np.geomspace(0.25, 0.0005, 13)])
RULE, NOISE = ss.Adai(0.01, beta2=0.999), ss.HessianNoise(1.0)


@pytest.fixture(scope="module")
def settled() -> module.Inertia:
    return module.adai_inertia(ss.QuadraticSaddle(np.abs(H)), NOISE, RULE, steps=1500, trajectories=300)


def test_gains_are_what_the_rule_itself_makes_of_the_paths() -> None:
    # From the paths of saddle_spread the gradients are got back, and Adai's own method is run on them in Python.
    saddle = ss.QuadraticSaddle([-1.0, 0.5]).check()
    rule, steps, number = RULE.check(), 6, 5
    gains = module._gains(saddle, NOISE.check(), rule, np.arange(1, steps + 1), number, 7)
    paths = ss.saddle_spread(
        saddle, NOISE, rule, steps=steps, trajectories=number, seed=7, record=np.arange(steps + 1), keep_paths=True
    ).paths
    assert paths is not None
    state, gain = np.zeros((4, 2, number)), np.ones((2, number))
    for j in range(number):
        start(rule, j, paths[:, 0].T, state)
    m, product = np.zeros((2, number)), np.ones((2, number))
    for k in range(steps):
        mu = gains[k].T
        product *= mu
        moved = (paths[:, k] - paths[:, k + 1]).T * (1.0 - product) / rule.lr
        g = (moved - mu * m) / (1.0 - mu)
        m = moved
        adapt(rule, g, state, np.full(number, k + 1.0), gain)
        assert gain == pytest.approx(mu, rel=1e-9)


def test_in_a_minimum_it_is_proposition_3(settled: module.Inertia) -> None:
    # 300 trajectories, seed 0. Between the clips the mean is within 5 of its standard errors (about 4 % at the
    # most) and 3 % for the gradient and the noise of vbar; one 15 % off is rejected. Beyond the clips it is the clip.
    size = np.abs(H)
    free = (0.1 * size / size.mean() > 2e-3) & (0.1 * size / size.mean() < 0.9)
    assert 8 <= np.count_nonzero(free) <= 12
    opened, error, stated = settled.mean[-1], settled.error[-1], 0.1 * size / size.mean()
    assert np.all(np.abs(opened - stated)[free] < (5.0 * error + 0.03 * stated)[free])
    assert not np.all(np.abs(opened - 1.15 * stated)[free] < (5.0 * error + 0.03 * stated)[free])
    assert opened[0] == pytest.approx(1.0, abs=1e-3)
    assert opened[-1] == pytest.approx(1e-3, rel=1e-6)
    assert settled.clipped.tolist() == ((stated > 1.0) | (stated < 1e-3)).tolist()


def test_the_line_is_the_clipped_prediction(settled: module.Inertia) -> None:
    axes = ss.plot.inertia_by_curvature(settled, ax=Figure().add_subplot())
    line = next(line for line in axes.lines if "Proposition 3" in str(line.get_label()))
    x, y = np.array(line.get_data(), dtype=float)
    assert y == pytest.approx(np.clip(0.1 * x, 1e-3, 1.0))
    place = np.abs(H) / np.abs(H).mean()
    assert np.exp(np.interp(np.log(place), np.log(x), np.log(y))) == pytest.approx(settled.predicted, rel=0.01)
    filled, hollow = (
        {
            float(at)
            for line in axes.lines
            if line.get_markerfacecolor() == face
            for at in np.atleast_1d(line.get_xdata())
        }
        for face in (module.INK, module.PAPER)
    )
    assert hollow == set(place[settled.clipped])
    assert set(place[~settled.clipped]) <= filled


def test_noise_other_than_eq_3_has_a_line_of_its_own() -> None:
    flat = np.full((1, 2), 0.1)
    stated = 0.2 * np.array([1.0, 0.1]) / 1.1
    measured = module.Inertia(
        np.array([-1.0, 0.1]), np.ones(1), flat, 0.0 * flat, flat, flat, 0.1, 1e-3, stated, flat[0], 10
    )
    axes = ss.plot.inertia_by_curvature(measured, ax=Figure().add_subplot())
    line = next(
        line
        for line in axes.lines
        if line.get_color() == REFERENCE_LOOKS["corrected"].colour and np.size(line.get_xdata()) == 2
    )
    assert np.asarray(line.get_ydata()) == pytest.approx(0.1)


def test_coordinates_over_time_are_at_their_levels(settled: module.Inertia) -> None:
    axes = ss.plot.inertia_over_time(settled, ax=Figure().add_subplot(), coordinates=[0, 4])
    levels = [
        float(np.asarray(line.get_ydata())[0])
        for line in axes.lines
        if line.get_color() == REFERENCE_LOOKS["closed_form"].colour
    ]
    assert levels == pytest.approx(settled.predicted[[0, 4]])
    assert module.chosen_coordinates(H)[:2] == [0, 1]
    assert module.chosen_coordinates([1.0, 0.9, 0.8, -0.01, 0.7, 0.6, 0.5, 0.001]).count(3) == 1
    assert module.chosen_coordinates([1.0, -2.0]) == [1, 0]


def test_data_and_words(settled: module.Inertia) -> None:
    data = module.Data(settled, settled)
    again = restored(json.loads(json.dumps(stored(data))), module.Data)
    assert module.caption(again) == module.caption(data)
    assert "300 trajectories" in module.caption(data)
    assert "1 at μ = 0, 4 at μ = 1 − ε" in module.caption(data)
    assert len(module.draw(again).axes) == 2


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"rule": ss.SGD(0.01)}, "rule=SGD must be Adai"),
        ({"rule": ss.Adai(0.01, dampening=0.5)}, "dampening=0.5 must be 1"),
        ({"landscape": ss.QuadraticSaddle([-1.0, 0.5], rotation=1)}, "not rotated"),
        ({"landscape": ss.QuadraticSaddle([-1.0])}, "dimension=1 must be at least 2"),
        ({"steps": 1}, "steps=1 must be at least 2"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_refusals(given: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ss.plot.figure("inertia", **given)
