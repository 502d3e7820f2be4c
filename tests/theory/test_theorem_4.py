import math

import mpmath
import numpy as np
import pytest
import sympy as sp
from saddlescape import SGD, IsotropicNoise, Momentum, QuadraticSaddle
from saddlescape.theory import convergence
from saddlescape.theory.closed_form import closed_form
from saddlescape.theory.derivation import vanishes
from saddlescape.theory.statements import derivation
from saddlescape.theory.symbols import T, eta
from saddlescape.theory.theorem_4 import R, c0, delta, ell, gap, top

from .symbolic import same

DERIVED = derivation("theorem-4")
bound, sharp = closed_form("theorem-4", "bound"), closed_form("theorem-4", "sharp_bound")


def test_derivation_ends_in_its_constants() -> None:
    # Typed independently of the derivation.
    C1, C2 = 2 * gap / c0, c0 * ell * R**2
    C3 = c0**2 * ell**2 * (top / (1 - top)) ** 2 * R**2
    for name, expected in (("C1", C1), ("C2", C2), ("C3", C3)):
        assert vanishes(DERIVED.form(name).expression - expected)
    assert vanishes(DERIVED.form("bound").expression - (C1 + C2) / sp.sqrt(T + 1) - C3 / (T + 1))
    assert vanishes(DERIVED.form("printed_bound").expression - (C1 + C2 + C3) / sp.sqrt(T + 1))
    assert not vanishes(DERIVED.form("C2").expression - C2 / ell)
    assert not vanishes(DERIVED.form("C3").expression - c0**2 * ell**2 * top**2 / (1 - top**2) * R**2)


def test_evaluated_expressions_are_the_derived_ones() -> None:
    for form in DERIVED.forms:
        if form.name != "sharp_bound":  # whose square root has no real value everywhere
            assert same(form.finite, form.expression)
            assert not same(form.finite, form.expression * sp.Rational(10**6 + 1, 10**6))
        assert form.expression.free_symbols == set(form.arguments.values())


def test_leading_terms() -> None:
    limits = {limit.name: limit.result for limit in DERIVED.limits}
    assert vanishes(limits["long run"] - 2 * gap / c0 - c0 * ell * R**2)
    assert vanishes(limits["long run, ours"] - gap / c0 - c0 * ell * delta**2 / 2)
    assert limits["no inertia"] == 0
    # (C1 + C2)^2 at its least is 8 (L_0 - L*) ell R^2.
    least = limits["long run"].subs(c0, limits["best c0"].rhs)
    assert vanishes(least**2 - 8 * gap * ell * R**2)


def test_closed_forms_at_fifty_digits() -> None:
    given = {"gap": 2.3, "c0": 0.7, "smoothness": 1.9, "inertia": 0.83}
    for steps in (10, 10**3, 10**6):
        with mpmath.workdps(50):
            L0, c, h, mu, r, d = (mpmath.mpf(v) for v in (*given.values(), 1.7, 1.1))
            root, e = mpmath.sqrt(steps + 1), c / mpmath.sqrt(steps + 1)
            printed = (2 * L0 / c + c * h * r**2) / root + (c * h * mu / (1 - mu) * r) ** 2 / root**2
            # The largest Q with (1 - ell e (mu/(1-mu) + 1/2)) Q^2 - ell e mu/sqrt(1-mu^2) delta Q = f.
            a, w = 1 - h * e * (mu / (1 - mu) + 0.5), h * e * mu / mpmath.sqrt(1 - mu**2) * d
            f = L0 / (e * (steps + 1)) + h * e / 2 * d**2
            ours = max(mpmath.polyroots([a, -w, -f], extraprec=200), key=lambda q: q.real) ** 2
        assert float(bound(steps=steps, gradient=1.7, **given)) == pytest.approx(float(printed), rel=1e-14)
        if a > 0:
            assert float(sharp(steps=steps, noise=1.1, **given)) == pytest.approx(float(ours), rel=1e-12)


def run(seed: int) -> tuple[float, convergence.Bounds, convergence.Constants]:
    """Return the mean over t <= T of E|grad L|^2, exactly, on a random parabola, and its bounds."""
    draw = np.random.default_rng(seed)
    d, steps = int(draw.integers(1, 4)), int(draw.integers(1, 300))
    h = draw.uniform(0.05, 1.0, d)
    landscape, noise = QuadraticSaddle(h).check(), IsotropicNoise(float(draw.uniform(0.1, 4.0))).check()
    mu = 0.0 if seed % 3 == 0 else float(draw.uniform(0.1, 0.9))
    lr = float(draw.uniform(0.02, 0.95)) / (mu / (1.0 - mu) + 0.5)
    rule = (SGD(lr) if mu == 0.0 else Momentum(lr, mu, 1.0 - mu)).check()
    # From about where the noise would leave it to far out.
    origin = draw.standard_normal(d) * np.sqrt(lr * noise.variance / h) * draw.choice([0.7, 1.0, 10.0])
    found = convergence.mean_square_gradient(landscape, noise, rule, np.arange(steps + 1), origin).mean_square
    told = convergence.constants(landscape, noise, origin)._replace(slope=math.sqrt(found.max()))
    return float(found.mean()), convergence.bounds(rule, told, steps, d), told


def test_no_exact_run_exceeds_either_bound() -> None:
    # What is bounded is the mean over t, which is at least the smallest. No sampling: every run is exact.
    tightest = 0.0
    for seed in range(400):
        mean, limits, _ = run(seed)
        assert limits.closed_form.value is not None
        assert mean <= limits.closed_form.value
        assert limits.corrected.value is not None
        assert mean <= limits.corrected.value * (1 + 1e-12)
        tightest = max(tightest, mean / limits.corrected.value)
    # Some come close: a bound of 0.95 times that would be wrong.
    assert 0.95 < tightest <= 1.0 + 1e-12


def test_a_wrong_constant_is_exceeded() -> None:
    # One parabola, SGD from its noise floor: E|grad L|^2 stays what it is, near half of C2/(T + 1)^(1/2).
    h, variance, steps, c = 4.0, 1.0, 1000, 0.125
    lr = c / math.sqrt(steps + 1.0)
    start = [math.sqrt(lr * variance / (h * (2.0 - lr * h)))]
    landscape, noise = QuadraticSaddle([h]).check(), IsotropicNoise(variance).check()
    found = convergence.mean_square_gradient(landscape, noise, SGD(lr).check(), np.arange(steps + 1), start).mean_square
    np.testing.assert_allclose(found, h * lr * variance / (2.0 - lr * h), rtol=1e-9)
    told = convergence.constants(landscape, noise, start)
    given = {"c0": c, "inertia": 0.0, "steps": steps}
    gradient = math.sqrt(found.max() + variance)
    assert found.min() < bound(gap=told.gap, smoothness=h, gradient=gradient, **given)
    # C2 without ell, and the sharp bound with a quarter of delta^2.
    assert found.min() > bound(gap=told.gap, smoothness=1.0, gradient=gradient, **given)
    assert found.min() < sharp(gap=told.gap, smoothness=h, noise=1.0, **given)
    assert found.min() > 0.95 * sharp(gap=told.gap, smoothness=h, noise=1.0, **given)
    assert found.min() > sharp(gap=told.gap, smoothness=h, noise=0.5, **given)


@pytest.mark.parametrize("mu", [0.5, 0.9])
@pytest.mark.parametrize("steps", [5, 200, 3000])
def test_bias_corrected_bound_holds_on_a_parabola(mu: float, steps: int) -> None:
    # Mean and covariance of (theta, m) under theta -= eta m/(1 - mu^t), propagated here, step by step.
    h, variance, start = 1.3, 0.4, 0.8
    lr = 0.6 / math.sqrt(steps + 1.0)
    mean, S = np.array([start, 0.0]), np.zeros((2, 2))
    found = []
    for t in range(steps + 1):
        found.append(h * h * (mean[0] ** 2 + S[0, 0]))
        e = lr / (1.0 - mu ** (t + 1))
        A = np.array([[1.0 - e * (1 - mu) * h, -e * mu], [(1 - mu) * h, mu]])
        push = np.array([-e * (1 - mu), 1 - mu])
        mean, S = A @ mean, A @ S @ A.T + variance * np.outer(push, push)
    slope = math.sqrt(max(found))
    told = convergence.Constants(0.5 * h * start**2, h, slope, math.sqrt(variance))
    form = closed_form("theorem-4", "bias_corrected_bound")
    value = float(form(told.gap, 0.6, h, told.gradient, mu, steps, slope))
    plain = float(bound(told.gap, 0.6, h, told.gradient, mu, steps))
    assert np.mean(found) <= value
    assert value > plain
    # All further terms are of order 1/(T + 1).
    assert (value - plain) * (steps + 1) < 4.0 * (mu / (1 - mu)) ** 2 * told.gradient**2 * (1.0 + 0.6 * h)


def test_findings_say_what_they_should() -> None:
    told = {finding.name: finding.result for finding in DERIVED.findings}
    H, C = sp.Symbol("H_i", real=True), sp.Symbol("C_i", positive=True)
    assert vanishes(told["SGD on a parabola attains it"] - eta * H * C / (2 - eta * H))
    assert vanishes(told["so the exponent is 1/2 for every inertia"] - H * C / 2)
    mu = sp.Symbol("mu_i", positive=True)
    assert vanishes(told["share of the noise in the momentum"] - (1 - mu) / (1 + mu))
    assert {condition.name for condition in DERIVED.conditions} == {"inertia_share", "descent_lost"}
