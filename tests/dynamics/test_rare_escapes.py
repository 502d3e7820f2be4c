"""Rare escapes: the same bits however the work is cut, refusals, and the exact mean, which broken splittings miss."""

import math
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
import saddlescape as ss
from saddlescape.dynamics import splitting as sp
from saddlescape.dynamics.estimates import positive_mean_interval, relative_error_of_mean
from saddlescape.dynamics.rare_escapes import FEW_ANCESTORS, rare_ensemble
from saddlescape.dynamics.splitting import Machine
from saddlescape.dynamics.splitting_kernels import FAILED

WELL, NOISE, RULE = ss.QuarticWell(), ss.IsotropicNoise(1.6), ss.SGD(0.05)
STEEP = ss.IsotropicNoise(8.0)


def rare(noise=NOISE, repetitions=8, **options):
    return ss.rare_escapes(WELL, noise, RULE, repetitions=repetitions, **{"trials": 60} | options)


def exact(noise):
    """The exact mean of the iteration by the integral equation, in steps."""
    return ss.references(WELL, noise, RULE).exact_discrete.value / RULE.lr


def agrees(result, truth, level):
    low, high = result.interval(level)
    return low < truth * result.time_step < high


# The same bits.


@pytest.fixture(scope="module")
def whole():
    return rare()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_do_not_depend_on_threads(whole, threads):
    assert rare(threads=threads).digest() == whole.digest()


@pytest.mark.parametrize("lanes", [8, 24, 128])
def test_results_do_not_depend_on_lanes(whole, lanes, monkeypatch):
    block = Machine.block
    monkeypatch.setattr(Machine, "block", lambda self, low, high, asked=None: block(self, low, high, asked or lanes))
    assert rare(repetitions=4).digest() == rare_slice(whole, 0, 4).digest()


@pytest.mark.parametrize("unit", [1, 7])
def test_results_do_not_depend_on_slices(whole, unit, monkeypatch):
    class Plodding:
        def slice(self, call):
            call(unit)

    monkeypatch.setattr(sp, "Pace", Plodding)
    assert rare(repetitions=2).digest() == rare_slice(whole, 0, 2).digest()


def rare_slice(result, low, high):
    columns = "entries", "walked", "reached", "ancestors", "steps", "astray", "unfinished", "ends", "durations"
    return result._replace(**{name: getattr(result, name)[low:high] for name in columns}, first=result.first + low)


def test_results_do_not_depend_on_the_split_of_repetitions(whole):
    early, late = rare(repetitions=range(4)), rare(repetitions=range(4, 8))
    assert early.digest() == rare_slice(whole, 0, 4).digest()
    assert late.digest() == rare_slice(whole, 4, 8).digest()
    assert (early.first, late.first, late.repetitions) == (0, 4, 4)
    assert np.array_equal(np.concatenate([early.rates, late.rates]), whole.rates)


def test_another_process_gives_the_same_bits(whole):
    script = (
        "import saddlescape as ss; print(ss.rare_escapes(ss.QuarticWell(), ss.IsotropicNoise(1.6), ss.SGD(0.05), "
        "repetitions=8, trials=60, threads=1).digest())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == whole.digest()


def test_seeds_and_generators_give_other_samples(whole):
    others = [rare(seed=1), rare(generator="threefry", normals="float32")]
    assert len({each.digest() for each in [whole, *others]}) == 3


def test_the_ladder_is_placed_once_and_does_not_depend_on_trials():
    ensemble = rare_ensemble(WELL, NOISE, RULE, trials=60)
    assert ensemble.ladder() is ensemble.ladder()
    other = rare_ensemble(WELL, NOISE, RULE, trials=90).ladder()
    assert np.array_equal(ensemble.ladder().levels, other.levels)


# What is refused.

BAD = [
    ({"trials": 1}, ValueError, "trials=1 must be at least 2"),
    ({"trials": 2**27 + 1}, ValueError, "trials=134217729 must be at most 134217728"),
    ({"trials": 2.5}, TypeError, "trials=2.5 must be a whole number, not float"),
    ({"repetitions": 0}, ValueError, "repetitions=0 must be at least 1"),
    ({"repetitions": range(3, 3)}, ValueError, "repetitions=range(3, 3) must be a range of numbers from 0 up"),
    ({"repetitions": range(-1, 3)}, ValueError, "repetitions=range(-1, 3) must be a range of numbers from 0 up"),
    ({"repetitions": range(0, 8, 2)}, ValueError, "repetitions=range(0, 8, 2) must be a range of numbers from 0 up"),
    ({"repetitions": range(2**23, 2**23 + 1)}, ValueError, "repetitions=range(8388608, 8388609) must stay below"),
    ({"origin": [-0.2]}, ValueError, "the start, -0.2 along the escape direction, must be in the basin"),
    ({"exit": -1.0}, ValueError, "exit=-1.0 must be above -1, where trajectories start"),
    ({"seed": 2**64}, ValueError, "seed=18446744073709551616 must be below 2^64"),
    ({"threads": 0}, ValueError, "threads=0 must be at least 1"),
    ({"momentum": "hot"}, ValueError, "momentum='hot' must be 'rest' or 'thermal'"),
    ({"bridge": True}, ValueError, "bridge=True needs a process with a Brownian part"),
    ({"max_steps": 0}, ValueError, "max_steps=0 must be at least 1"),
]


@pytest.mark.parametrize(("options", "error", "text"), BAD)
def test_bad_arguments_are_named(options, error, text):
    with pytest.raises(error) as caught:
        rare(**options)
    assert str(caught.value).startswith(text)


def test_noise_that_does_not_reach_along_the_direction_is_refused():
    plane = ss.QuarticWell(transverse_min=[1.0])
    with pytest.raises(ValueError, match="noise"):
        ss.rare_escapes(plane, ss.ConstantNoise([0.0, 1.0]), RULE, repetitions=1, trials=10)


def test_the_last_repetition_that_there_is_runs():
    last = rare(repetitions=range(2**23 - 1, 2**23))
    assert last.repetitions == 1
    assert last.rates[0] > 0.0


# What is reported.


def test_the_estimate_is_what_the_docstrings_say(whole):
    assert np.all(whole.walked == whole.walked[0])
    product = whole.entries / whole.walked
    for stage in range(whole.reached.shape[1]):
        product = product * whole.reached[:, stage] / 60
    assert np.allclose(whole.rates, product, rtol=1e-14)
    assert whole.mean_steps == pytest.approx(1 / product.mean(), rel=1e-14)
    assert whole.mean == whole.mean_steps * 0.05
    assert whole.relative_error == pytest.approx(product.std(ddof=1) / math.sqrt(8) / product.mean(), rel=1e-12)
    low, high = positive_mean_interval(whole.rates, 0.9)
    assert whole.interval(0.9) == (0.05 / high, 0.05 / low)
    assert whole.total_steps == whole.steps.sum() + whole.ladder.steps
    assert whole.direct_steps == whole.mean_steps / whole.relative_error**2
    assert np.all(whole.reached <= 60)
    assert np.all(whole.ancestors <= whole.reached)
    assert np.all(np.diff(whole.ancestors, axis=1) <= 0)
    assert np.all(whole.ends >= whole.exit)
    assert np.all(whole.durations >= 1)


def test_the_same_parent_everywhere_is_cautioned_against(monkeypatch, whole):
    # Its law is nearly right, the states at a level being nearly alike: what shows it is where the escapes come from.
    monkeypatch.setattr(sp, "parents", lambda number, trials, uniform: np.zeros(trials, np.int64))
    same = rare(trials=600)
    assert np.all(same.ancestors[same.reached > 0] == 1)
    assert any(f"descend from 1 of its entries, fewer than {FEW_ANCESTORS}" in line for line in same.cautions())
    monkeypatch.undo()
    assert not rare(trials=600).cautions()


def test_too_few_trials_or_repetitions_are_cautioned_against(whole):
    assert any("take more trials" in line for line in rare(trials=10, repetitions=32).cautions())
    assert any(line.startswith("3 repetitions") for line in rare(repetitions=3).cautions())


def test_trials_that_are_given_up_or_diverge_are_counted():
    given_up = rare(max_steps=4)
    assert given_up.unfinished.sum() > 0
    assert any("neither climbed nor fell back" in line for line in given_up.cautions())
    ensemble = rare_ensemble(WELL, STEEP, RULE, trials=60, exit=0.5)
    narrow = replace(ensemble, end=ensemble.end._replace(bound=1.6), _placed=[ensemble.ladder()])
    astray = narrow.run(8)
    assert astray.astray.sum() > 0
    assert any("diverged: they count as no escapes" in line for line in astray.cautions())


def test_a_run_that_is_stopped_keeps_the_repetitions_that_are_done():
    stop = threading.Event()

    def progress(over, number, steps):
        if over:
            stop.set()

    ensemble = rare_ensemble(WELL, NOISE, RULE, trials=60)
    part = ensemble.run(100_000, threads=1, progress=progress, stop=stop)
    assert part.interrupted
    assert 0 < part.repetitions < 100_000
    assert part.digest() == ensemble.run(part.repetitions).digest()


# The interval.


def test_the_interval_of_a_positive_mean():
    assert positive_mean_interval(np.array([2.0])) == (0.0, math.inf)
    assert positive_mean_interval(np.zeros(5)) == (0.0, math.inf)
    low, high = positive_mean_interval(np.array([1.0, 3.0]), 0.95)
    # Standard error 1 of a mean of 2; Student's quantile of one degree is 12.7062.
    assert high / 2.0 == pytest.approx(math.exp(12.706204736432095 / 2), rel=1e-9)
    assert low * high == pytest.approx(4.0)
    assert positive_mean_interval(1e-300 * np.array([1.0, 3.0]))[1] == pytest.approx(1e-300 * high)
    assert relative_error_of_mean(np.array([1e-200, 3e-200])) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="level=1"):
        positive_mean_interval(np.ones(3), 1.0)


@pytest.mark.parametrize("number", [8, 16, 32])
def test_the_interval_covers_means_of_skewed_rates(number):
    # Lognormal rates that scatter by 0.4, as those of repetitions with 100 trials: 2000 sets, 95 % to within
    # 4 (0.05 0.95/2000)^(1/2) = 2 % and 1 % for the skewness. False-alarm rate below 1e-3.
    random = np.random.default_rng(number)
    sigma = math.sqrt(math.log1p(0.16))
    sets = np.exp(sigma * random.standard_normal((2000, number)) - sigma**2 / 2)
    covered = [low < 1.0 < high for low, high in map(positive_mean_interval, sets)]
    assert abs(np.mean(covered) - 0.95) < 0.03


# The exact mean.


@pytest.mark.parametrize("noise", [8.0, 2.5, 1.25, 0.6])
def test_the_exact_mean_lies_in_the_interval(noise):
    # Twelve seeds of 16 repetitions at level 99.9 %, four temperatures: false-alarm rate 4.7 %; tau from 230 steps to
    # 1.5e9. Together they know the mean to some 2 %: 4 deviations.
    truth = exact(ss.IsotropicNoise(noise))
    results = [rare(ss.IsotropicNoise(noise), 16, trials=100, seed=seed) for seed in range(100, 112)]
    assert all(agrees(each, truth, 0.999) for each in results)
    together = np.concatenate([each.rates for each in results]) * truth
    assert abs(together.mean() - 1.0) < 4.0 * together.std(ddof=1) / math.sqrt(together.size)


def test_other_random_numbers_have_the_same_law():
    # One run at level 99.9 %: false-alarm rate 0.1 %.
    other = rare(repetitions=32, trials=200, seed=6, generator="threefry", normals="float32")
    assert agrees(other, exact(NOISE), 0.999)


@pytest.mark.parametrize("exit", [-0.7, -0.3, 0.0])
def test_exits_before_the_far_minimum(exit):
    # The climb itself then takes most of the time. One run each at level 99.9 %: false-alarm rate 0.3 %.
    truth = ss.references(WELL, NOISE, RULE, exit=exit).exact_discrete.value / RULE.lr
    assert agrees(rare(repetitions=32, trials=300, seed=8, exit=exit), truth, 0.999)


@pytest.mark.parametrize("seed", [0, 34, 46])
def test_a_last_level_close_to_the_exit_is_no_hindrance(seed):
    # Seeds whose pilot put a level so near the exit that a fifth of the paths jumped over both at once.
    assert agrees(rare(STEEP, 32, trials=100, seed=seed), exact(STEEP), 0.999)


def check(noise=NOISE, **options):
    """The check that every broken splitting must fail: 32 repetitions of 300 trials know the mean to some 4 %."""
    return agrees(rare(noise, 32, trials=300, seed=7, **options), exact(noise), 0.999)


def test_the_check_is_passed():
    # Level 99.9 %, two temperatures: false-alarm rate 0.2 %.
    assert check()
    assert check(STEEP)


def test_instant_successes_that_are_dropped_are_caught(monkeypatch):
    trials = Machine.trials

    def without_instant_successes(self, *asked):
        found, steps = trials(self, *asked)
        found.result[found.steps == 0] = FAILED
        return found, steps

    monkeypatch.setattr(Machine, "trials", without_instant_successes)
    assert not check()


def test_entries_that_are_counted_every_second_time_are_caught(monkeypatch):
    walks = Machine.walks

    def every_second(self, *asked):
        entries, tally, steps = walks(self, *asked)
        # Arrays of another layout would be compiled for anew.
        states = type(entries.states)(*(np.ascontiguousarray(part[::2]) for part in entries.states))
        return type(entries)(states, *(part[::2] for part in entries[1:4]), entries.filled), tally, steps

    monkeypatch.setattr(Machine, "walks", every_second)
    assert not check()


def test_walks_that_are_not_put_back_at_the_exit_are_caught(monkeypatch):
    # Where escapes are frequent: half of such walks are soon in the other valley, and tau comes out too long.
    walks = Machine.walks

    def never_put_back(self, *asked):
        end, self.end = self.end, self.end._replace(level=math.inf)
        try:
            return walks(self, *asked)
        finally:
            self.end = end

    monkeypatch.setattr(Machine, "walks", never_put_back)
    assert not check(STEEP)


def test_trials_that_count_a_fall_as_unfinished_business_are_caught(monkeypatch):
    # A basin lower for trials than for walks: what falls back is counted once more when it climbs again.
    trials = Machine.trials
    monkeypatch.setattr(Machine, "trials", lambda self, *asked: trials(self, *asked[:3], asked[3] - 0.3, *asked[4:]))
    assert not check()


def test_walks_that_count_from_their_start_are_caught(monkeypatch):
    # Without burn-in a walk has yet to leave the minimum: here it is shorter than that takes.
    walks = Machine.walks

    def no_burn_in(self, numbers, asked, expected):
        return walks(self, numbers, asked._replace(burn_in=0), expected)

    monkeypatch.setattr(Machine, "walks", no_burn_in)
    monkeypatch.setattr(sp, "walks_of", lambda ladder, trials: (256, 8))
    assert not check(STEEP)
    monkeypatch.undo()
    monkeypatch.setattr(sp, "walks_of", lambda ladder, trials: (256, 8))
    assert check(STEEP)
