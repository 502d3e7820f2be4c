import numpy as np
import pytest
import saddlescape as ss
from saddlescape.theory.first_passage_survival import survival_of

WELL, NOISE, RULE = ss.QuarticWell(), ss.IsotropicNoise(9.0), ss.SGD(0.05)


def test_the_shares_add_up_to_the_mean_and_fade_at_the_quasi_stationary_rate() -> None:
    # E T = sum over k >= 0 of P(T > k); by 6,000 steps fewer than exp(-21) are left.
    shares = survival_of(WELL, NOISE, RULE, np.arange(6001))
    mean = ss.references(WELL, NOISE, RULE).exact_discrete.value
    rate = ss.quasi_stationary_of(WELL, NOISE, RULE).rate
    assert shares[0] == 1.0
    assert shares.sum() * RULE.lr == pytest.approx(mean, rel=1e-8)
    assert 1.0 - shares[2001] / shares[2000] == pytest.approx(rate, rel=1e-7)
    assert np.all(np.diff(shares) <= 1e-15)


def test_it_is_what_a_simulation_does() -> None:
    # Seed 0, N = 20,000. Dvoretzky, Kiefer and Wolfowitz: further than this with a chance below 1e-6.
    times = ss.escape_times(WELL, NOISE, RULE, trajectories=20_000, max_steps=1000)
    at = np.arange(0, 1000, 20)
    shares = survival_of(WELL, NOISE, RULE, at)
    seen = np.mean(times.steps[:, None] > at, axis=0)
    bound = np.sqrt(np.log(2.0 / 1e-6) / (2.0 * 20_000))
    assert np.max(np.abs(seen - shares)) < bound
    other = survival_of(WELL, ss.IsotropicNoise(7.0), RULE, at)
    assert np.max(np.abs(seen - other)) > 5.0 * bound


def test_few_steps_are_known_by_hand() -> None:
    # From the minimum, where the slope is 0, one step is a normal number of deviation lr sigma.
    from scipy.special import ndtr

    exit = -0.8
    one = survival_of(WELL, NOISE, RULE, [0, 1], exit=exit)
    assert one[1] == pytest.approx(float(ndtr((exit + 1.0) / (0.05 * np.sqrt(9.0)))), abs=1e-12)


@pytest.mark.parametrize(
    ("rule", "said"),
    [(ss.Momentum(0.05), "is no iteration of position alone"), (ss.Adam(0.05), "second moments|Adam")],
)
def test_what_has_another_law_is_refused(rule: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        survival_of(WELL, NOISE, rule, [0, 10])


def test_a_valley_across_changes_nothing_and_one_that_widens_is_refused() -> None:
    straight = survival_of(ss.QuarticWell(transverse_min=[1.0]), NOISE, RULE, [0, 300])
    assert straight == pytest.approx(survival_of(WELL, NOISE, RULE, [0, 300]), abs=1e-12)
    with pytest.raises(ValueError, match="no one-dimensional process"):
        survival_of(ss.QuarticWell(transverse_min=[1.0], transverse_saddle=[3.0]), NOISE, RULE, [0, 300])
    with pytest.raises(ValueError, match="must rise from 0"):
        survival_of(WELL, NOISE, RULE, [3, 3])
