"""How splitting places levels, numbers streams and chooses parents."""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
import saddlescape as ss
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from saddlescape.dynamics import splitting as sp
from saddlescape.dynamics import splitting_levels as sl
from saddlescape.dynamics.rare_escapes import rare_ensemble

WELL, NOISE, RULE = ss.QuarticWell(), ss.IsotropicNoise(1.6), ss.SGD(0.05)


def autoregressive(phi, walks, times, seed, start=None):
    """Unit-variance AR(1) in independent walks, (times, walks), from its long run unless a start is given."""
    random = np.random.default_rng(seed)
    x = random.standard_normal(walks) if start is None else np.full(walks, float(start))
    rows = []
    for _ in range(times):
        rows.append(x)
        x = phi * x + math.sqrt(1.0 - phi * phi) * random.standard_normal(walks)
    return np.array(rows)


def time_of_mean(phi, n):
    """n Var(mean of n)/Var of unit-variance AR(1): (1 + phi)/(1 - phi) less what n is too short for."""
    return (1 + phi) / (1 - phi) - 2 * phi * (1 - phi**n) / (n * (1 - phi) ** 2)


@pytest.mark.parametrize("phi", [0.0, 0.6, 0.95, -0.5])
def test_integrated_time_is_that_of_an_autoregression(phi):
    # 2000 walks: Var(mean) is known to (2/1999)^(1/2) = 3.2 %; 4.5 deviations, four cases: false alarms below 1e-4.
    samples = autoregressive(phi, 2000, 256, seed=1)
    found = sl.integrated_time(samples[:, None, :])
    assert found == pytest.approx(time_of_mean(phi, 256), rel=4.5 * math.sqrt(2 / 1999) + 0.01)


def test_integrated_time_is_that_of_the_slowest_feature():
    fast, slow = autoregressive(0.2, 500, 200, 1), autoregressive(0.9, 500, 200, 2)
    both = np.stack([fast, np.zeros_like(fast), 1e6 * slow - 3.0], axis=1)
    assert sl.integrated_time(both) == pytest.approx(sl.integrated_time(slow[:, None, :]), rel=1e-9)


def test_what_all_walks_do_alike_is_no_memory():
    # A slow average on its way from 0, as a second moment is: the common drift is many times its scatter.
    slow = autoregressive(0.999, 400, 256, 3, start=0.0)
    drift = 20.0 * (1.0 - 0.999 ** np.arange(256))[:, None]
    assert sl.integrated_time((slow + drift)[:, None, :]) == pytest.approx(sl.integrated_time(slow[:, None, :]))
    assert sl.integrated_time(slow[:, None, :]) > 256 / 2  # nothing settled: the walks are shorter than its memory


def test_nothing_that_moves_has_the_memory_of_one_sample():
    assert sl.integrated_time(np.ones((64, 2, 10))) == 1.0


@pytest.mark.parametrize("beta2", [0.99, 0.999])
@pytest.mark.parametrize("seed", range(3))
def test_second_moments_are_remembered_for_as_long_as_they_are(beta2, seed):
    # v has (1 + beta2)/(1 - beta2). 64 walks know a variance to 18 %; 4.5 deviations: false alarms below 1e-4.
    ladder = rare_ensemble(WELL, ss.IsotropicNoise(2.0), ss.Adam(0.05, beta2=beta2), seed=seed).ladder()
    known = (1 + beta2) / (1 - beta2)
    assert ladder.settled
    assert known * (1 - 4.5 * 0.18) < ladder.memory < known * (1 + 4.5 * 0.18)
    assert ladder.burn_in >= 6 * ladder.memory


@given(number=st.integers(1, 5000), trials=st.integers(1, 5000), uniform=st.floats(0, 1 - 1e-9))
def test_parents_are_equally_often_up_to_one(number, trials, uniform):
    chosen = sp.parents(number, trials, uniform)
    assert chosen.shape == (trials,)
    assert chosen.min() >= 0
    assert chosen.max() < number
    assert np.all(np.diff(chosen) >= 0)
    counts = np.bincount(chosen, minlength=number)
    assert counts.min() >= trials // number
    assert counts.max() <= -(-trials // number)


@given(number=st.integers(1, 40), trials=st.integers(1, 40), fineness=st.integers(1, 3))
def test_parents_are_equally_often_on_average(number, trials, fineness):
    # Over the offset every count is a step function with edges at multiples of 1/number: the midpoints are exact.
    offsets = (np.arange(number * fineness) + 0.5) / (number * fineness)
    counts = sum(np.bincount(sp.parents(number, trials, u), minlength=number) for u in offsets)
    assert np.array_equal(counts * number, np.full(number, trials * number * fineness))


def test_offsets_are_uniform_and_of_their_own():
    # 4000 of them: chi-square over 20 bins, 0.9999 quantile of 19 degrees is 52.4: false-alarm rate 1e-4.
    places = list(itertools.product((0, 1), range(100), range(20)))
    drawn = np.array([sp.offset(seed, repetition, stage) for seed, repetition, stage in places])
    assert len(np.unique(drawn)) == 4000
    assert np.all((drawn >= 0.0) & (drawn < 1.0))
    counts = np.histogram(drawn, bins=20, range=(0, 1))[0]
    assert np.sum((counts - 200.0) ** 2) / 200.0 < 52.4
    # Neighbours, of stage and of repetition, have nothing to do with each other: 4 deviations.
    grid = drawn.reshape(2, 100, 20)
    for a, b in ((grid[:, :, 1:], grid[:, :, :-1]), (grid[:, 1:], grid[:, :-1]), (grid[1:], grid[:1])):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 4.0 / math.sqrt(a.size)


@given(
    a=st.tuples(st.integers(0, sp.PILOT), st.integers(0, sp.STAGES - 1), st.integers(0, sp.TRIALS - 1)),
    b=st.tuples(st.integers(0, sp.PILOT), st.integers(0, sp.STAGES - 1), st.integers(0, sp.TRIALS - 1)),
)
def test_no_two_trials_share_a_stream(a, b):
    first, second = (int(sp.stream_numbers(r, s, 1)[0]) + i for r, s, i in (a, b))
    assert (first == second) == (a == b)
    assert 0 <= first < 2**64


heights = hnp.arrays(np.float64, st.integers(5, 300), elements=st.floats(-1, 1))


@given(peaks=heights, seed=st.integers(0, 99))
def test_the_next_level_is_reached_by_the_stated_share(peaks, seed):
    begun = peaks - np.random.default_rng(seed).exponential(0.1, len(peaks))
    level = sl.next_level(peaks, begun)
    if level == -math.inf:  # then every level within the share would be passed by the start of more than half
        for q in np.unique(peaks):
            reached = np.count_nonzero(peaks >= q)
            assert (
                reached > sl.STAGE_CHANCE * len(peaks) or np.count_nonzero(begun >= q) > reached / 2 or len(peaks) < 5
            )
        return
    assert level in peaks
    reached = np.count_nonzero(peaks >= level)
    ties = np.count_nonzero(peaks == level)
    assert reached - ties < sl.STAGE_CHANCE * len(peaks) + 1  # no more than the share, but for ties and one
    assert np.count_nonzero(begun >= level) <= reached / 2


def test_where_many_are_over_the_next_level_is_the_exit():
    # Half are at the exit, most of them since they began: a level short of it would teach nothing.
    peaks = np.r_[np.linspace(0.0, 0.9, 50), np.full(50, math.inf)]
    assert sl.next_level(peaks, np.r_[np.full(90, -1.0), np.full(10, math.inf)]) == math.inf


def test_the_next_level_without_long_steps_is_a_quantile():
    peaks = np.random.default_rng(0).permutation(1000) / 1000
    assert sl.next_level(peaks, np.full(1000, -1.0)) == 1.0 - sl.STAGE_CHANCE
    # All that climb begin where they end: no level can be placed.
    assert sl.next_level(peaks, peaks) == -math.inf


@given(st.floats(0, 1e12))
def test_whole_strides(steps):
    whole = sp.whole_strides(steps)
    assert whole % sp.sk.STRIDE == 0
    assert whole >= max(steps, 1)
    assert whole - steps <= sp.sk.STRIDE


@given(rate=st.floats(1e-6, 0.2), burn_in=st.integers(1, 10**6), trials=st.integers(2, 10**6))
def test_walks_are_as_many_and_as_long_as_the_entries_need(rate, burn_in, trials):
    walks, length = sp.walks_of(SimpleNamespace(rate=rate, burn_in=4 * burn_in), trials)
    assert 16 <= walks <= 256 < sp.WALKS
    assert length % sp.sk.STRIDE == 0
    assert walks * length * rate == pytest.approx(trials, abs=walks * sp.sk.STRIDE * rate)


@pytest.fixture(scope="module")
def ladder():
    return rare_ensemble(WELL, NOISE, RULE, seed=4).ladder()


def test_levels_rise_from_the_basin_to_the_exit(ladder):
    assert ladder.basin < ladder.levels[0]
    assert np.all(np.diff(ladder.levels) > 0)
    assert ladder.levels[-1] < 1.0
    assert len(ladder.lengths) == len(ladder.levels)


def test_basin_and_lowest_level_are_quantiles_of_the_long_run(ladder):
    # Direct: 200 paths at 100 times far apart. Half of the time below the basin, 15 % above the lowest level; both the
    # ladder (64 walks of 64 samples) and the paths are uncertain by some 2 %: 0.08 is four of those and more.
    spread = ss.saddle_spread(
        WELL, NOISE, RULE, steps=6000, trajectories=200, record=range(1050, 6001, 50), origin=[-1.0], keep_paths=True
    )
    at = spread.paths[..., 0]
    at = at[at.max(axis=1) < 0.0]
    assert np.mean(at <= ladder.basin) == pytest.approx(0.5, abs=0.08)
    assert np.mean(at > ladder.levels[0]) == pytest.approx(sl.ENTRY_SHARE, abs=0.05)


def test_stages_have_the_chance_they_are_placed_for(ladder):
    # 1024 pilot trials and 16 x 1000 others: a chance of 0.2 is placed to 0.0125 and measured better than that; with
    # kinship between trials, 0.07 is beyond four deviations.
    result = rare_ensemble(WELL, NOISE, RULE, seed=4, trials=1000).run(16)
    assert np.allclose(result.chances[:-1], sl.STAGE_CHANCE, atol=0.07)
    assert result.chances[-1] >= sl.STAGE_CHANCE - 0.07
