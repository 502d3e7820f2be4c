import numpy as np
import pytest
from saddlescape.dynamics.escape_times import EscapeTimes
from saddlescape.dynamics.outcomes import CENSORED, DIVERGED, ESCAPED
from saddlescape.experiments.verdict import AGREES, DIFFERS, NO_REFERENCE, UNDERPOWERED, escape_verdict, spread_verdict

from .results import TRUE_MEAN, exponential_times, normal_spread


def outcome(times: EscapeTimes, expected: float = TRUE_MEAN) -> str:
    return escape_verdict(times, expected, "", from_minimum=True).outcome


# Seeds 0 to 2999, N = 400: at a false-alarm rate of 1e-3 more than 12 of 3000 happen with probability 1.6e-5.
@pytest.mark.parametrize("horizon", [10**6, 3000])
def test_false_alarms_are_as_rare_as_stated(horizon: int) -> None:
    false = sum(outcome(exponential_times(seed, horizon=horizon)) == DIFFERS for seed in range(3000))
    assert false <= 12


def test_a_mean_that_is_wrong_by_a_quarter_is_seen() -> None:
    # Seed 1, N = 4000: the estimate's relative error is 1.6 %, a quarter is 15 of them.
    times = exponential_times(1, trajectories=4000)
    assert outcome(times) == AGREES
    assert outcome(times, 1.25 * TRUE_MEAN) == DIFFERS
    assert outcome(times, TRUE_MEAN / 1.25) == DIFFERS


def test_few_trajectories_are_underpowered_and_none_at_all_too() -> None:
    assert outcome(exponential_times(2, trajectories=20)) == UNDERPOWERED
    assert outcome(exponential_times(2, trajectories=20, horizon=1)) == UNDERPOWERED


def test_heavy_censoring_never_claims_agreement() -> None:
    verdict = escape_verdict(exponential_times(3, trajectories=20_000, horizon=300), TRUE_MEAN, "", from_minimum=True)
    assert verdict.outcome == UNDERPOWERED
    assert "were not seen to escape" in str(verdict)


def test_a_slow_start_under_censoring_is_no_difference() -> None:
    # Every trajectory needs a fixed 600 steps before its exponential clock starts; S/d, with a third censored,
    # overestimates the mean (seed 4, N = 20,000).
    late = exponential_times(4, trajectories=20_000)
    drawn = late.steps + 600
    steps = np.minimum(drawn, 2000)
    times = EscapeTimes(steps, np.where(drawn <= 2000, ESCAPED, CENSORED).astype(np.int8), 2000, 0.05, 4)
    mean = TRUE_MEAN + 30.0
    low, high = times.interval(0.999)
    assert not low <= mean <= high  # the plain interval would have raised a false alarm
    assert outcome(times, mean) == UNDERPOWERED


def test_left_truncation_does_not_change_the_verdict() -> None:
    times = exponential_times(5, trajectories=2000)
    whole, truncated = (escape_verdict(t, TRUE_MEAN, "", from_minimum=True) for t in (times, times.after(500)))
    assert whole == truncated


def test_times_that_scatter_more_than_exponential_ones_widen_the_interval() -> None:
    # Half leave at once, half after an exponential time: the squared coefficient of variation is 3 (seeds 0 to 999,
    # N = 400). At 1e-3 more than 7 false alarms of 1000 happen with probability 1e-5; the plain interval gives many.
    false = plain = 0
    for seed in range(1000):
        steps = exponential_times(seed).steps.copy()
        steps[np.random.default_rng([seed, 1]).random(len(steps)) < 0.5] = 1
        times = EscapeTimes(steps, np.full(len(steps), ESCAPED, np.int8), 10**6, 0.05, seed)
        mean = 0.5 * (TRUE_MEAN + 0.05)
        low, high = times.interval(0.999)
        plain += not low <= mean <= high
        false += outcome(times, mean) == DIFFERS
    assert false <= 7
    assert plain > 20


def test_diverged_trajectories_count_as_not_seen() -> None:
    times = exponential_times(6, trajectories=4000)
    outcomes = times.outcome.copy()
    outcomes[::2] = DIVERGED
    assert outcome(times._replace(outcome=outcomes)) == UNDERPOWERED


def test_without_a_reference_there_is_no_verdict_but_a_reason() -> None:
    verdict = escape_verdict(exponential_times(7), None, "second moments", from_minimum=True)
    assert (verdict.outcome, str(verdict)) == (NO_REFERENCE, "no reference: second moments")


# Seeds 0 to 999, N = 2000, 18 comparisons each: more than 7 of 1000 at 1e-3 happen with probability 1e-5.
def test_false_alarms_of_many_variances_are_as_rare_as_stated() -> None:
    assert sum(spread_verdict(*normal_spread(seed), "").outcome == DIFFERS for seed in range(1000)) <= 7


def test_one_wrong_variance_among_many_is_found_and_named() -> None:
    # Seed 8, N = 20,000: the relative error of a variance is 1 %, the change 10 %.
    spread, exact = normal_spread(8, trajectories=20_000)
    assert spread_verdict(spread, exact, "").outcome == AGREES
    exact[4, 1] *= 1.1
    verdict = spread_verdict(spread, exact, "")
    assert verdict.outcome == DIFFERS
    assert "curvature 0.1 at step 100" in verdict.where
    assert verdict.high is not None
    assert verdict.high < 1.0


def test_few_trajectories_cannot_confirm_a_variance() -> None:
    assert spread_verdict(*normal_spread(9, trajectories=60), "").outcome == UNDERPOWERED
