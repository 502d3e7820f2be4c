"""The compiled loops against their slow twin, bit for bit."""

import itertools

import numpy as np
import pytest
import saddlescape as ss
from saddlescape.dynamics.outcomes import CENSORED, ESCAPED

from . import slow

COMBINATIONS = [
    (ss.QuarticWell(tilt=0.02), ss.IsotropicNoise(6.0), ss.SGD(0.1, weight_decay=0.01)),
    (ss.PiecewiseQuadraticWell(), ss.HessianNoise(0.3), ss.Momentum(0.05, 0.7, 0.3, 0.02)),
    (
        ss.QuarticWell(transverse_min=[1.0, 2.0], transverse_saddle=[1.5, 2.0], rotation=4),
        ss.ConstantNoise([[6.0, 1.0, 0.5], [1.0, 5.0, 0.0], [0.5, 0.0, 4.0]]),
        ss.Momentum(0.05, 0.5, 1.0),
    ),
]


@pytest.mark.parametrize(("landscape", "noise", "rule"), COMBINATIONS)
@pytest.mark.parametrize("momentum", ["rest", "thermal"])
def test_first_passage_is_the_slow_twins(landscape, noise, rule, momentum):
    cap = 300
    times = ss.escape_times(landscape, noise, rule, trajectories=range(5, 17), seed=9, max_steps=cap, momentum=momentum)
    landscape, noise, rule = landscape.check(), noise.check(), rule.check()
    way = landscape.escape()
    expected = [
        slow.first_passage(
            landscape,
            noise,
            rule,
            number,
            seed=9,
            origin=way.minimum,
            direction=way.direction,
            level=way.direction @ way.far_minimum,
            max_steps=cap,
            momentum=momentum,
        )
        for number in range(5, 17)
    ]
    assert times.steps.tolist() == expected
    assert set(times.outcome) == {CENSORED, ESCAPED}  # the case tells both apart


MORE = [
    (ss.StyblinskiTang(3), ss.IsotropicNoise(4.0), ss.Adam(0.05, weight_decay=0.1)),
    (ss.from_expression("(x**2 - 1)**2 + y**2*(2 + x)/2 + x*y/4"), ss.HessianNoise(0.5), ss.Adai(0.05)),
    (ss.MuellerBrown(0.01), ss.HessianNoise(0.5, floor=0.1), ss.Langevin(0.01, "stratonovich")),
    (ss.PiecewiseQuadraticWell(transverse_min=[1, 2]), ss.HessianNoise(0.5), ss.AdaiW(0.05, weight_decay=0.1)),
    (ss.QuarticWell(transverse_min=[1, 2], transverse_saddle=[3, 1]), ss.HessianNoise(1, 0.2), ss.AdamW(0.05)),
    (ss.QuadraticSaddle(rotation=3), ss.ConstantNoise([1.0, 2.0, 0.0]), ss.UnderdampedLangevin()),
]


@pytest.mark.parametrize(("landscape", "noise", "rule"), COMBINATIONS + MORE)
@pytest.mark.parametrize("momentum", ["rest", "thermal"])
def test_recorded_paths_are_the_slow_twins(landscape, noise, rule, momentum):
    at = [0, 1, 2, 7, 31]
    spread = ss.saddle_spread(
        landscape, noise, rule, steps=31, trajectories=3, seed=2, record=at, momentum=momentum, keep_paths=True
    )
    landscape, noise, rule = landscape.check(), noise.check(), rule.check()
    for number in range(3):
        path = slow.trajectory(landscape, noise, rule, number, seed=2, origin=landscape.saddles()[0], momentum=momentum)
        expected = np.array(list(itertools.islice(path, 32)))[at]
        assert np.array_equal(spread.paths[number], expected)


def test_moments_are_those_of_the_paths():
    spread = ss.saddle_spread(
        ss.QuadraticSaddle([-1.0, 0.3], rotation=1),
        ss.IsotropicNoise(1.0),
        ss.SGD(0.1),
        steps=20,
        trajectories=2500,
        record=[5, 20],
        keep_paths=True,
    )
    for r in range(2):
        paths = spread.paths[:, r]
        assert np.allclose(spread.mean[r], paths.mean(axis=0), rtol=0, atol=1e-14)
        assert np.allclose(spread.covariance[r], np.cov(paths.T), rtol=1e-12, atol=0)
        along = paths @ spread.directions
        assert np.allclose(spread.variance[r], along.var(axis=0, ddof=1), rtol=1e-12, atol=0)
        assert np.allclose(spread.fourth[r], np.mean(along**4, axis=0), rtol=1e-12, atol=0)
