"""Simulated spreading against the exact covariance recursion: rung 1 against rung 2.

20 000 trajectories, seed 5, 20 recorded steps in 3 directions: 60 chi-square bands a case, at a false-alarm rate of
1e-3 for all 8 cases together (Bonferroni), so each band is at level 1 - 1e-3/480.
"""

import numpy as np
import pytest
import saddlescape as ss

LEVEL = 1 - 1e-3 / 480
CURVATURES = [-1.0, 0.3, 0.01]
NOISES = {"Eq. 3": ss.HessianNoise(1.0), "not commuting": ss.ConstantNoise([[2, 1, 0], [1, 3, 0.5], [0, 0.5, 1]])}
RULES = {"sgd": ss.SGD(0.05), "momentum": ss.Momentum(0.05, 0.9, 0.1)}


def simulate(rule, momentum, rotation, noise):
    saddle = ss.QuadraticSaddle(CURVATURES, rotation=rotation)
    return saddle, ss.saddle_spread(saddle, noise, rule, steps=300, trajectories=20_000, seed=5, momentum=momentum)


def bands_missed(spread, exact):
    """Number of eigen-direction variances whose band does not hold the exact one."""
    low, high = spread.interval(LEVEL)
    expected = np.einsum("ki,rkl,li->ri", spread.directions, exact, spread.directions)
    return int(np.count_nonzero(~((low <= expected) & (expected <= high)) & (expected > 0)))


@pytest.mark.parametrize("momentum", ["rest", "thermal"])
@pytest.mark.parametrize("rotation", [None, 8])
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("noise", NOISES)
def test_every_band_holds_the_recursion(name, momentum, rotation, noise):
    saddle, spread = simulate(RULES[name], momentum, rotation, NOISES[noise])
    exact = ss.spread_references(saddle, NOISES[noise], RULES[name], spread.steps, momentum).exact_discrete
    assert spread.gaussian
    assert bands_missed(spread, exact) == 0
    # The full covariance: entry (i, k) has variance (S_ii S_kk + S_ik^2)/N; 5 standard errors, 360 entries.
    scale = np.einsum("rii,rkk->rik", exact, exact) + exact**2
    z = np.divide(spread.covariance - exact, np.sqrt(scale / 20_000), where=scale > 0, out=np.zeros_like(exact))
    assert np.abs(z).max() < 5
    if spread.steps[0] > 0:
        centre = np.abs(spread.mean) / np.sqrt(np.einsum("rii->ri", exact) / 20_000)
        assert np.nanmax(centre) < 5


@pytest.mark.parametrize("momentum", ["rest", "thermal"])
def test_a_recursion_with_beta1_off_by_5_percent_is_rejected(momentum):
    saddle, spread = simulate(RULES["momentum"], momentum, 8, NOISES["Eq. 3"])
    wrong = ss.Momentum(0.05, 0.855, 0.1)
    exact = ss.spread_references(saddle, NOISES["Eq. 3"], wrong, spread.steps, momentum).exact_discrete
    assert bands_missed(spread, exact) > 10


def test_a_rest_start_is_told_from_a_thermal_one():
    saddle, spread = simulate(RULES["momentum"], "rest", None, NOISES["Eq. 3"])
    exact = ss.spread_references(saddle, NOISES["Eq. 3"], RULES["momentum"], spread.steps, "thermal").exact_discrete
    assert bands_missed(spread, exact) > 10
