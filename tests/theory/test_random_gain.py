import numpy as np
import pytest
import saddlescape as ss
from saddlescape.dynamics.adam import Adam
from saddlescape.theory import frozen_gain, random_gain
from saddlescape.theory.closed_form import closed_form
from saddlescape.theory.statements import derivation

STEPS = np.array([1, 2, 5, 10, 20, 100])


def test_held_second_moments_are_the_frozen_iteration() -> None:
    exact = frozen_gain.spread(Adam(1.0, 0.8, eps=0.0), np.zeros((1, 1)), np.eye(1), STEPS)[:, 0, 0]
    np.testing.assert_allclose(random_gain.spread(0.8, STEPS, held=True), exact, rtol=1e-12)
    assert np.all(random_gain.spread(0.8, STEPS[1:]) < exact[1:])


def test_root_is_the_derived_one() -> None:
    found = next(f for f in derivation("proposition-1").findings if f.name == "second moment not yet settled")
    j = next(iter(found.result.rhs.free_symbols))
    for count in (1, 2, 7, 400):
        assert random_gain.unsettled_root(count) == pytest.approx(float(found.result.rhs.subs(j, count)), rel=1e-12)
    draws = np.random.default_rng(2).chisquare(5, 400_000)
    # Standard error of the mean root of chi-square(5)/5: 0.31 / sqrt(4e5) = 5e-4; five of them.
    assert np.sqrt(draws / 5).mean() == pytest.approx(float(random_gain.unsettled_root(5)), abs=2.5e-3)


def test_the_sheet_s_figures() -> None:
    # Simulated over printed, beta1 0.9: .96 at T = 1, 1.16 to 1.19 for T = 5 to 20, about 1.05 at T = 100.
    printed = closed_form("proposition-1", "short_spread")(1.0, 0.9, STEPS)
    ratio = random_gain.spread(0.9, STEPS) / printed
    assert round(float(ratio[0]), 2) == 0.96
    assert np.all((ratio[2:5] > 1.155) & (ratio[2:5] < 1.195))
    assert float(ratio[5]) == pytest.approx(1.05, abs=0.01)


def test_simulated_adam() -> None:
    # 40 000 trajectories in 4 flat directions, seed 9. beta2 = 1 - 1e-9 makes v the plain mean of squares. theta is not
    # normal, so each ratio is compared within 5 of its own standard errors: 4 x 6 numbers, false alarms below 2e-5.
    saddle = ss.QuadraticSaddle([-1e-6, 1e-6, -1e-6, 1e-6])
    rule = ss.Adam(lr=1e-6, beta2=1 - 1e-9, eps=0.0)
    spread = ss.saddle_spread(
        saddle, ss.IsotropicNoise(1.0), rule, steps=100, trajectories=40_000, seed=9, record=list(map(int, STEPS))
    )
    variance = np.diagonal(spread.covariance, axis1=1, axis2=2) / rule.lr**2
    exact = random_gain.spread(0.9, spread.steps)[:, None]
    z = (variance / exact - 1.0) / np.sqrt(2.0 / 40_000)
    assert np.abs(z).max() < 5.0
    held = random_gain.spread(0.9, spread.steps, held=True)[:, None]
    apart = (variance.mean(axis=1) / held[:, 0] - 1.0) / np.sqrt(2.0 / 160_000)
    assert np.abs(apart[2:5]).min() > 10.0
