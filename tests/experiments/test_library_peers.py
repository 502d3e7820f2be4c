import importlib.util
import subprocess
import sys

import numpy as np
import pytest
from saddlescape.dynamics.momentum import Momentum
from saddlescape.dynamics.sgd import SGD
from saddlescape.experiments.peers.interface import CASES, UnavailableError
from saddlescape.theory.covariance_recursion import spread
from scipy.stats import binom, chi2, norm

LIBRARIES = {"jax_peer": "jax", "torch_peer": "torch", "diffrax_peer": "diffrax", "pyito_peer": "pyito"}
N = 2048
# Every comparison below is two-sided with this chance of a false alarm, some 120 of them; seeds are the peers' own.
ALARM = 1e-6
# What torch warns of inside its own compiler.
pytestmark = pytest.mark.filterwarnings(r"ignore:`torch\.jit:DeprecationWarning")


def module_of(name):
    return importlib.import_module(f"saddlescape.experiments.peers.{name}")


def ready(name, variant, case):
    """Return the contestant's function for a small case, or skip."""
    module = module_of(name)
    if reason := module.unavailable():
        pytest.skip(reason)
    return module.prepare(case, variant)


def small(name, steps, **more):
    case = CASES[name]
    return case._replace(steps=steps, trajectories=N, record=min(case.record, steps), **more)


VARIANTS = [
    pytest.param(name, variant, marks=[pytest.mark.slow] if k or name == "pyito_peer" else [])
    for name in LIBRARIES
    for k, variant in enumerate(module_of(name).VARIANTS)
]


def escape_laws(case):
    """Return P(T > k), k = 0 to the cap, by moving the density over x < 0 from step to step."""
    edges = np.linspace(-3.0, 0.0, 1501)
    x = 0.5 * (edges[1:] + edges[:-1])
    begin = np.append(x, -1.0)
    drift = begin - case.lr * 4.0 * case.barrier * begin * (begin * begin - 1.0)
    cumulative = norm.cdf((edges[:, None] - drift) / (case.lr * np.sqrt(case.variance)))
    move = np.diff(cumulative, axis=0)
    mass, left = move[:, -1], [1.0]
    for _ in range(case.steps):
        left.append(mass.sum())
        mass = move[:, :-1] @ mass
    return np.array(left)


def agrees_with_escape(work, case):
    """Say whether mean steps (a sum of N bounded times, hence normal) and the censored share follow the law."""
    left = escape_laws(case)
    k = np.arange(case.steps)
    mean = left[:-1].sum()
    variance = ((2 * k + 1) * left[:-1]).sum() - mean**2
    lost = round(work.answers["censored"] * work.samples)
    low, high = binom.interval(1 - ALARM, work.samples, left[-1])
    score = (work.answers["mean_steps"] - mean) / np.sqrt(variance / work.samples)
    return low <= lost <= high and abs(score) < norm.isf(ALARM / 2)


def agrees_with_variances(work, case, variances):
    """Say whether sums of N squared normal numbers follow their chi-square laws."""
    low, high = chi2.interval(1 - ALARM, work.samples)
    ratios = [work.samples * work.answers[f"variance_{k}"] / variances[i] for k, i in enumerate(case.watched)]
    return all(low <= ratio <= high for ratio in ratios)


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_escapes_as_the_density_does(name, variant):
    case = small("A", 800)
    work = ready(name, variant, case)(1.0)
    assert work.samples == N
    assert work.units == pytest.approx(N * work.answers["mean_steps"], rel=1e-12)
    assert agrees_with_escape(work, case)
    assert not agrees_with_escape(work, case._replace(variance=0.8 * case.variance))


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_momentum_spreads_as_the_recursion_does(name, variant):
    case = small("B", 100)
    work = ready(name, variant, case)(1.0)
    rule = Momentum(case.lr, case.beta1, case.beta3).check()
    h, c = np.diag(case.curvatures), case.variance * np.eye(case.dimension)
    assert work.samples == N
    assert work.units == N * 100 * 10
    assert agrees_with_variances(work, case, np.diag(spread(rule, h, c, 100)[0]))
    assert not agrees_with_variances(work, case, np.diag(spread(rule, h, 1.3 * c, 100)[0]))


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_dense_noise_spreads_as_the_recursion_does(name, variant):
    root = CASES["D"].noise_root
    case = small("D", 50, noise_root=root + 3 * np.tril(root, -1))
    work = ready(name, variant, case)(1.0)
    h, c = np.diag(case.curvatures), case.noise_root @ case.noise_root.T
    assert work.units == N * 50 * 100
    assert agrees_with_variances(work, case, np.diag(spread(SGD(case.lr).check(), h, c, 50)[0]))
    # The transposed root has the same trace, spread over other coordinates.
    other = case.noise_root.T @ case.noise_root
    assert not agrees_with_variances(work, case, np.diag(spread(SGD(case.lr).check(), h, other, 50)[0]))


def plain_squares(case, seed=0):
    """Return theta^2 of N trajectories at the last step, (d, N), by the equations as they are printed."""
    rng = np.random.default_rng(seed)
    theta, m, v = (np.zeros((case.dimension, N)) for _ in range(3))
    product = np.ones_like(theta)
    for t in range(1, case.steps + 1):
        g = case.curvatures[:, None] * theta + np.sqrt(case.variance) * rng.standard_normal(theta.shape)
        v = case.beta2 * v + (1 - case.beta2) * g**2
        if case.rule == "adam":
            m = case.beta1 * m + (1 - case.beta1) * g
            root = np.sqrt(v / (1 - case.beta2**t))
            theta = theta - case.lr * m / (1 - case.beta1**t) / (root + case.eps)
        else:
            mu = np.clip(1 - case.beta0 * v / v.mean(axis=0), 0, 1 - case.eps)
            m, product = mu * m + (1 - mu) * g, product * mu
            theta = theta - case.lr * m / (1 - product)
    return theta**2


def agrees_with_squares(work, case, squares):
    """Say whether two means of N squares each, hence normal, agree; the second sample has the spread of the first."""
    error = np.sqrt(2 / N) * squares.std(axis=1)
    scores = [(work.answers[f"variance_{k}"] - squares[i].mean()) / error[i] for k, i in enumerate(case.watched)]
    return bool(np.max(np.abs(scores)) < norm.isf(ALARM / 2))


@pytest.mark.parametrize("rule", ["C-Adam", "C-Adai"])
@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_adaptive_rules_spread_as_the_printed_equations_do(name, variant, rule):
    # Few steps, long ones and a large eps, so that memory, curvatures and eps are all seen.
    case = small(rule, 20, eps=0.2, lr=0.05)
    work = ready(name, variant, case)
    if work is None:
        assert name in ("diffrax_peer", "pyito_peer")
        return
    squares = plain_squares(case)
    assert agrees_with_squares(work(1.0), case, squares)
    assert not agrees_with_squares(work(1.0), case, plain_squares(case._replace(eps=0.01)))
    assert not agrees_with_squares(work(1.0), case, plain_squares(case._replace(curvatures=0.5 * case.curvatures)))


@pytest.mark.parametrize("name", ["jax_peer", "torch_peer", "diffrax_peer"])
def test_escapes_of_many_that_wait(name, monkeypatch):
    # Small blocks: places change hands some ten times, then empty by halves.
    module = module_of(name)
    case = small("A", 800)._replace(trajectories=8192)
    monkeypatch.setattr(module, "WIDTH", 640)
    work = ready(name, "float64", case)(1.0)
    assert work.samples == 8192
    assert agrees_with_escape(work, case)


@pytest.mark.parametrize("name", LIBRARIES)
def test_says_what_is_missing(name, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert module_of(name).unavailable() == f"{LIBRARIES[name]} is not installed"


@pytest.mark.parametrize("name", LIBRARIES)
def test_names_the_release(name):
    module = module_of(name)
    if reason := module.unavailable():
        pytest.skip(reason)
    assert module.version().startswith(f"{LIBRARIES[name]} ")


def test_compiling_needs_a_compiler(monkeypatch):
    module = module_of("torch_peer")
    if reason := module.unavailable():
        pytest.skip(reason)
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UnavailableError, match=r"torch\.compile needs a C\+\+ compiler"):
        module.prepare(CASES["A"], "float64 compiled")


def test_asking_loads_nothing_heavy():
    heavy = {*LIBRARIES.values(), "numba"}
    script = (
        "import sys, importlib\n"
        f"for name in {list(LIBRARIES)}:\n"
        "    importlib.import_module('saddlescape.experiments.peers.' + name).unavailable()\n"
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
