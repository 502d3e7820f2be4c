from typing import Any

import mpmath
import numba
import numpy as np
import pytest
import saddlescape as ss
import sympy as sp
from saddlescape.dynamics import dispatch
from saddlescape.dynamics.adai import inertia
from saddlescape.dynamics.interface import adapt, move, start
from saddlescape.theory.closed_form import closed_form
from saddlescape.theory.derivation import vanishes
from saddlescape.theory.statements import derivation
from saddlescape.theory.symbols import B, H, T, beta0, eta, h, mu, n, trace_norm

from .symbolic import same

DERIVED = derivation("proposition-3")
WRONG = sp.Rational(10**6 + 1, 10**6)
SPECTRUM = np.geomspace(0.01, 1.0, 5)


def form(name: str) -> Any:
    return closed_form("proposition-3", name)


def finding(name: str) -> Any:
    return next(f for f in DERIVED.findings if f.name == name).result


def test_derivation_ends_in_the_printed_formulas() -> None:
    # Typed independently of the derivation; at a direction of negative curvature, H = -|H|.
    drift = eta**2 * trace_norm / (2 * n * beta0 * B) * (1 - sp.exp(-(beta0 * n * h / trace_norm) * T)) ** 2
    diffusion = eta * h / (2 * B) / -h * (1 - sp.exp(2 * h * eta * T))
    assert vanishes(DERIVED.form("drift").expression.subs(H, -h) - drift)
    assert vanishes(DERIVED.form("diffusion").expression.subs(H, -h) - diffusion)
    assert same(DERIVED.form("spread").expression.subs(H, -h), drift + diffusion)
    assert not same(DERIVED.form("spread").expression.subs(H, -h), drift * WRONG + diffusion)
    assert vanishes(DERIVED.form("short_diffusion").expression - h * eta**2 * T / B)
    assert vanishes(finding("its height over the printed one") - 2 * mu**2 / (1 + mu))


def test_diffusion_is_sgd_s() -> None:
    curvature, b, lr, steps = SPECTRUM * [-1, 1, -1, 1, -1], 3.0, 0.01, np.array([[1], [50], [400]])
    sgd = closed_form("theorem-1", "spread")(curvature, lr * np.abs(curvature) / (2 * b), lr * steps)
    found = form("diffusion")(curvature, SPECTRUM.sum(), 5, b, lr, 0.1, steps)
    np.testing.assert_allclose(found, sgd, rtol=1e-13)


def test_it_is_theorem_2_after_the_substitution() -> None:
    curvature, c, lr, m, steps = -0.7, 1.3, 0.02, 0.8, np.array([1, 10, 200])
    for name in ("spread", "exact_rest", "exact_thermal"):
        theorem = closed_form("theorem-2", name)(curvature, lr * c / 2, lr * steps, (1 - m) / lr, 1.0)
        np.testing.assert_allclose(form(f"frozen_{name}")(curvature, c, m, lr, steps), theorem, rtol=1e-12)
    for name in ("iterated_rest", "iterated_thermal", "iterated_drift"):
        theorem = closed_form("theorem-2", name)(curvature, c, lr, m, 1 - m, steps)
        np.testing.assert_allclose(form(f"frozen_{name}")(curvature, c, m, lr, steps), theorem, rtol=1e-12)


@pytest.mark.parametrize("entry", DERIVED.forms, ids=lambda entry: entry.name)
def test_finite_form_is_the_same_expression(entry: Any) -> None:
    assert same(entry.finite.doit(), entry.expression, 2)
    assert not same(entry.finite.doit(), entry.expression * WRONG, 1)


@pytest.mark.parametrize("curvature", [-2.0, -1e-12, 0.0, 1e-20, 0.3])
def test_as_printed_to_fifty_digits(curvature: float) -> None:
    for steps in (1, 30, 5000):
        with mpmath.workdps(50):
            lr, b0, b, w, H_ = (mpmath.mpf(a) for a in (0.002, 0.1, 3.0, 4.0, curvature))
            drift = lr**2 * w / (2 * 10 * b0 * b) * mpmath.expm1(-b0 * 10 * abs(H_) / w * steps) ** 2
            slow = 0 if curvature == 0 else -lr * abs(H_) / (2 * b) / H_ * mpmath.expm1(-2 * H_ * lr * steps)
            exact = float(drift + slow)
        found = float(form("spread")(curvature, 4.0, 10, 3.0, 0.002, 0.1, steps))
        assert found == pytest.approx(exact, rel=1e-14, abs=0.0)


def test_inertia_is_the_rule_s_own_where_it_is_not_clipped() -> None:
    lost = form("inertia_lost")(SPECTRUM, SPECTRUM.sum(), 5, 0.1)
    own = [1.0 - inertia(each / SPECTRUM.mean(), 0.1, 1e-3) for each in SPECTRUM]
    np.testing.assert_allclose(lost, own, rtol=1e-12)


def test_saturated_drift_is_the_same_in_every_direction() -> None:
    found = form("drift")(-SPECTRUM, SPECTRUM.sum(), 5, 1.0, 0.01, 0.1, 100_000)
    np.testing.assert_allclose(found, form("saturated_drift")(SPECTRUM.sum(), 5, 1.0, 0.01, 0.1), rtol=1e-12)
    np.testing.assert_allclose(found, found[0], rtol=1e-12)


def test_iteration_s_saturated_drift() -> None:
    # Figures of an independent check: .52 for the stiffest direction, .995 for the flattest; lr so small that nothing
    # pulls back.
    m = 1.0 - form("inertia_lost")(SPECTRUM, SPECTRUM.sum(), 5, 0.1)
    lr, steps = 1e-9, 20_000
    ratio = form("frozen_iterated_drift")(-SPECTRUM, SPECTRUM, m, lr, steps)
    ratio /= form("saturated_drift")(SPECTRUM.sum(), 5, 1.0, lr, 0.1)
    np.testing.assert_allclose(ratio, 2 * m**2 / (1 + m), rtol=1e-4)
    assert [round(float(ratio[-1]), 2), round(float(ratio[0]), 3)] == [0.52, 0.995]


def test_drift_is_at_most_a_fifth_of_the_diffusion() -> None:
    assert float(finding("is largest").rhs) == pytest.approx(1.26, abs=0.005)
    assert float(finding("and small")) == pytest.approx(0.204, abs=0.0005)
    x = np.linspace(0.01, 20.0, 4001)
    share = (1.0 - np.exp(-x)) ** 2 / (2.0 * x)
    assert share.max() == pytest.approx(float(finding("and small")), rel=1e-5)
    # And for the iteration, at every inertia and number of steps.
    m, steps = np.linspace(0.0, 0.999, 200), np.unique(np.geomspace(1, 20_000, 200).astype(int))[:, None]
    carried = form("frozen_iterated_drift")(0.0, 1.0, m, 1.0, steps) / steps
    assert 0.2 < carried.max() < float(finding("and small"))


@numba.njit(error_model="numpy")
def run(rule, h, root, lanes, before, steps, generator):  # type: ignore[no-untyped-def]
    """Return the mean of mu over lanes and the recorded steps, on a quadratic loss of curvatures h from 0."""
    d = h.shape[0]
    theta, g, gain = np.zeros((d, lanes)), np.zeros((d, lanes)), np.ones((d, lanes))
    state, t, mean = np.zeros((4, d, lanes)), np.zeros(lanes), np.zeros(d)
    for j in range(lanes):
        start(rule, j, theta, state)
    for k in range(before + steps):
        for j in range(lanes):
            t[j] += 1.0
            for i in range(d):
                g[i, j] = h[i] * theta[i, j] + root[i] * generator.standard_normal()
        adapt(rule, g, state, t, gain)
        move(rule, theta, g, state, t, gain)
        if k >= before:
            for i in range(d):
                mean[i] += gain[i].mean() / steps
    return mean


@pytest.mark.parametrize(
    ("curvatures", "lr", "before", "steps", "within"),
    [([1.0, 0.5, 0.3, 0.2], 0.001, 2000, 400, 0.005), ([-1.0, 0.1, -0.03, 0.3], 0.01, 200, 50, 0.06)],
)
def test_mean_inertia(curvatures: list[float], lr: float, before: int, steps: int, within: float) -> None:
    # An independent check: 1 - mu_i is beta0 n |H_i| / ||H||_1 within 0.5 % at stationarity, 6 % on a running saddle.
    # Seed 1, 4000 trajectories: the mean's own error is below 0.1 %. An inertia 15 % off is rejected.
    h = np.array(curvatures)
    rule = ss.Adai(lr, beta2=0.999).check()
    size = np.abs(h)
    dispatch.register_new_helpers()
    opened = 1.0 - run(rule, h, np.sqrt(size), 4000, before, steps, np.random.default_rng(1))
    stated = closed_form("proposition-3", "inertia_lost")(h, size.sum(), len(h), 0.1)
    assert np.all(np.abs(opened / stated - 1.0) < within)
    assert not np.all(np.abs(opened / (1.15 * stated) - 1.0) < within)
