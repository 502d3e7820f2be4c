"""Rare escapes at length: against exact means from 5e3 to 1e15 steps, and against direct runs of every rule."""

import math

import numpy as np
import pytest
import saddlescape as ss
from saddlescape.dynamics.estimates import positive_mean_interval
from saddlescape.dynamics.rare_escapes import rare_ensemble
from saddlescape.dynamics.splitting import Machine
from scipy.special import ndtri

pytestmark = pytest.mark.slow

WELL, RULE = ss.QuarticWell(), ss.SGD(0.05)
SETS, REPETITIONS = 40, 16

BARRIERS = [(2.5, 5e3), (1.25, 3e5), (0.8, 2e7), (0.55, 7e9), (0.4, 6e12), (0.33, 1e15)]


@pytest.mark.parametrize(("variance", "scale"), BARRIERS)
def test_the_exact_mean_lies_in_the_interval_at_the_stated_rate(variance, scale):
    # 40 seeds of 16 repetitions of 300 trials. Intervals at 95 %: more than 7 misses of 40 have a chance of 7e-4 (six
    # barriers: 0.4 %). All rates together know the mean to 1 to 2 %: 4 deviations.
    noise = ss.IsotropicNoise(variance)
    exact = ss.references(WELL, noise, RULE).exact_discrete.value / RULE.lr
    assert exact == pytest.approx(scale, rel=0.6)
    results = [
        ss.rare_escapes(WELL, noise, RULE, repetitions=REPETITIONS, trials=300, seed=seed) for seed in range(SETS)
    ]
    missed = sum(not low < exact * RULE.lr < high for low, high in (each.interval() for each in results))
    rates = np.concatenate([each.rates for each in results]) * exact
    error = rates.std(ddof=1) / math.sqrt(rates.size)
    print(f"\ntau {exact:.4g}: {missed} of {SETS} miss, mean rate over exact {rates.mean():.4f} +- {error:.4f}")
    assert missed <= 7
    assert abs(rates.mean() - 1.0) < 4.0 * error
    assert error < 0.03


def test_a_second_of_work_knows_a_mean_of_1e15_steps():
    noise = ss.IsotropicNoise(0.33)
    exact = ss.references(WELL, noise, RULE).exact_discrete.value / RULE.lr
    result = ss.rare_escapes(WELL, noise, RULE, seed=5)
    assert result.relative_error < 0.03
    assert result.total_steps < 1e-6 * exact
    assert not result.cautions()
    # 4 standard errors: false-alarm rate 1e-4.
    assert abs(math.log(result.mean_steps / exact)) < 4.0 * result.relative_error


@pytest.mark.parametrize(("variance", "trials"), [(1.6, 100), (0.8, 100)])
def test_the_interval_covers_as_often_as_it_says(variance, trials):
    # 400 sets of 8 repetitions: 95 % to within 4 (0.05 0.95/400)^(1/2) = 4.4 %; false-alarm rate 1e-4 for an exact one.
    noise = ss.IsotropicNoise(variance)
    exact = ss.references(WELL, noise, RULE).exact_discrete.value / RULE.lr
    ensembles = [rare_ensemble(WELL, noise, RULE, trials=trials, seed=seed) for seed in range(4)]
    rates = np.concatenate([each.run(800).rates for each in ensembles]).reshape(400, 8)
    covered = np.mean([low < 1.0 / exact < high for low, high in map(positive_mean_interval, rates)])
    print(f"\ntau {exact:.3g}, {trials} trials: {covered:.3f} of 400 intervals cover")
    assert abs(covered - 0.95) < 0.044


# Against direct runs.

RULES = {  # rule, variance of the noise that makes tau some 5e4 steps
    "sgd": (ss.SGD(0.05), 1.6),
    "momentum": (ss.Momentum(0.05, 0.9, 0.1), 1.7),
    "adam": (ss.Adam(0.05, beta2=0.99), 4.1),
    "adam, long memory": (ss.Adam(0.05, beta2=0.999), 2.8),
    "adamw": (ss.AdamW(0.05, beta2=0.99, weight_decay=0.05), 2.6),
    "adai": (ss.Adai(0.1, beta2=0.99), 0.79),
    "adaiw": (ss.AdaiW(0.1, beta2=0.99, weight_decay=0.05), 0.72),
    "langevin": (ss.Langevin(0.05), 1.6),
    "underdamped": (ss.UnderdampedLangevin(0.1), 0.76),
}
VALLEY = {"transverse_min": [0.5, 1.0, 2.0], "transverse_saddle": [1.0, 1.0, 1.5]}
SPACES = {  # landscape, trajectories
    "line": (ss.QuarticWell(), 1000),
    "four": (ss.QuarticWell(**VALLEY), 600),
    "four, rotated": (ss.QuarticWell(**VALLEY, rotation=3), 600),
    "twenty, rotated": (ss.QuarticWell(transverse_min=np.linspace(0.5, 2.0, 19), rotation=5), 200),
}
CASES = [(rule, space) for rule in RULES for space in SPACES]


def distance(landscape, noise, rule, trajectories, trials=500, repetitions=16, **options):
    """Return how many standard errors of the logarithm of their ratio a splitting and a direct run are apart."""
    direct = ss.escape_times(landscape, noise, rule, trajectories=trajectories, seed=11, max_steps=10**7, **options)
    split = ss.rare_escapes(landscape, noise, rule, repetitions=repetitions, trials=trials, seed=12, **options)
    assert direct.escaped == trajectories
    # The direct mean's own scatter: exponential but for the climb, which makes it less.
    own = direct.steps.std(ddof=1) / math.sqrt(trajectories) / direct.steps.mean()
    z = math.log(split.mean_steps / direct.steps.mean()) / math.hypot(own, split.relative_error)
    print(
        f"\n{type(rule).__name__}, d = {landscape.check().dimension}: direct {direct.mean_steps:.4g} +- {own:.1%}, "
        f"splitting {split.mean_steps:.4g} +- {split.relative_error:.1%}, z = {z:+.2f}, {direct.seconds:.1f} s and "
        f"{split.seconds:.1f} s"
    )
    return z


BOUND = -ndtri(0.01 / 2 / len(CASES))
"""Standard errors: all cases together have a false-alarm rate of 1 %."""


@pytest.mark.parametrize(("rule", "space"), CASES)
def test_splitting_agrees_with_direct_runs(rule, space):
    rule, variance = RULES[rule]
    landscape, trajectories = SPACES[space]
    assert abs(distance(landscape, ss.IsotropicNoise(variance), rule, trajectories)) < BOUND


OTHERS = {
    "thermal momenta, low barrier": (WELL, ss.IsotropicNoise(9.0), RULES["momentum"][0], {"momentum": "thermal"}),
    "low barrier": (WELL, ss.IsotropicNoise(9.0), RULES["momentum"][0], {}),
    "low barrier of sgd": (WELL, ss.IsotropicNoise(8.0), RULE, {}),
    "thermal momenta, underdamped": (WELL, ss.IsotropicNoise(3.0), RULES["underdamped"][0], {"momentum": "thermal"}),
    "low barrier, bridge": (WELL, ss.IsotropicNoise(8.0), RULES["langevin"][0], {"exit": 0.2}),
    "low barrier of adam": (WELL, ss.IsotropicNoise(8.0), ss.Adam(0.15, beta2=0.99), {}),
    "start elsewhere": (WELL, ss.IsotropicNoise(2.5), RULE, {"origin": [-1.3], "exit": 0.0}),
}


@pytest.mark.parametrize("case", OTHERS)
def test_splitting_agrees_with_direct_runs_where_the_start_matters(case):
    # 10,000 trajectories know the mean to 1 %, and so does the splitting; seven cases at 4 deviations: 5e-4.
    landscape, noise, rule, options = OTHERS[case]
    assert abs(distance(landscape, noise, rule, 10_000, trials=2000, repetitions=32, **options)) < 4.0


def test_splitting_agrees_where_the_noise_follows_the_hessian():
    # One case at 3.5 deviations: 5e-4.
    well = ss.QuarticWell(0.25, transverse_min=[1.0, 2.0, 0.5], transverse_saddle=[0.5, 2.0, 1.0], rotation=2)
    noise = ss.HessianNoise(0.3, floor=0.3)  # tau of some 10^4 steps, each of several microseconds
    assert abs(distance(well, noise, ss.SGD(0.05), 150, trials=300, repetitions=8)) < 3.5


# Broken states, which the same check must catch.


def without_row(row):
    trials = Machine.trials

    def forgetful(self, begin, *asked):
        state = begin.state.copy()
        state[:, row] = 0.0
        return trials(self, begin._replace(state=state), *asked)

    return forgetful


FORGETFUL = [  # the inertia of Adai is the same everywhere in one dimension, whatever the second moment
    ("momentum", "line", 0),
    ("adam", "line", 0),
    ("adam", "line", 1),
    ("adam, long memory", "line", 1),
    ("adai", "line", 0),
    ("adai", "four", 1),
    ("underdamped", "line", 0),
]


@pytest.mark.parametrize(("rule", "space", "row"), FORGETFUL)
def test_states_that_forget_momenta_or_second_moments_are_caught(rule, space, row, monkeypatch):
    monkeypatch.setattr(Machine, "trials", without_row(row))
    rule, variance = RULES[rule]
    landscape, trajectories = SPACES[space]
    assert not abs(distance(landscape, ss.IsotropicNoise(variance), rule, trajectories)) < BOUND
