import math
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from saddlescape.dynamics.adam import Adam
from saddlescape.theory import frozen_gain
from saddlescape.theory.closed_form import closed_form
from saddlescape.theory.derivation import vanishes
from saddlescape.theory.statements import derivation
from saddlescape.theory.symbols import B, H, T, beta1, eta, h

from .symbolic import same

DERIVED = derivation("proposition-1")
WRONG = sp.Rational(10**6 + 1, 10**6)


def form(name: str) -> Any:
    return closed_form("proposition-1", name)


def test_derivation_ends_in_the_printed_formulas() -> None:
    # Typed independently of the derivation; at a direction of negative curvature, H = -|H|.
    drift = eta**2 / (2 * (1 - beta1)) * (1 - sp.exp(-(1 - beta1) * T)) ** 2
    pull = -h / sp.sqrt(h / B)
    diffusion = (eta / 2) / pull * (1 - sp.exp(-2 * pull * eta * T))
    assert vanishes(DERIVED.form("drift").expression - drift)
    assert same(DERIVED.form("diffusion").expression.subs(H, -h), diffusion)
    assert same(DERIVED.form("spread").expression.subs(H, -h), drift + diffusion)
    assert vanishes(DERIVED.form("short_spread").expression - drift - eta**2 * T)
    assert not same(DERIVED.form("spread").expression.subs(H, -h), drift + diffusion * WRONG)


def test_it_is_theorem_2_after_the_substitution() -> None:
    # H -> H / sqrt(v), D -> lr C / (2 v), evaluated on both sides.
    curvature, c, v, lr, b1, steps = -0.7, 1.3, 0.4, 0.02, 0.8, np.array([1, 10, 200])
    pull, gamma = curvature / math.sqrt(v), (1 - b1) / lr
    for name in ("spread", "exact_rest", "exact_thermal"):
        theorem = closed_form("theorem-2", name)(pull, lr * c / (2 * v), lr * steps, gamma, 1.0)
        np.testing.assert_allclose(form(f"frozen_{name}")(curvature, c, v, lr, b1, steps), theorem, rtol=1e-13)
    for name in ("iterated_rest", "iterated_thermal"):
        theorem = closed_form("theorem-2", name)(pull, c / v, lr, b1, 1 - b1, steps)
        np.testing.assert_allclose(form(f"frozen_{name}")(curvature, c, v, lr, b1, steps), theorem, rtol=1e-12)
    np.testing.assert_allclose(
        form("frozen_spread")(curvature, 0.7 / 3.0, 0.7 / 3.0, lr, b1, steps),
        form("spread")(curvature, 3.0, lr, b1, steps),
        rtol=1e-13,
    )


@pytest.mark.parametrize("entry", DERIVED.forms, ids=lambda entry: entry.name)
def test_finite_form_is_the_same_expression(entry: Any) -> None:
    assert same(entry.finite.doit(), entry.expression, 2)
    assert not same(entry.finite.doit(), entry.expression * WRONG, 1)


@pytest.mark.parametrize("curvature", [-2.0, -1e-12, 0.0, 1e-20, 0.3])
def test_as_printed_to_fifty_digits(curvature: float) -> None:
    for steps in (1, 30, 5000):
        with mpmath.workdps(50):
            lr, b1, b, H_ = (mpmath.mpf(a) for a in (0.002, 0.9, 3.0, curvature))
            drift = lr**2 / (2 * (1 - b1)) * mpmath.expm1(-(1 - b1) * steps) ** 2
            pull = mpmath.sign(H_) * mpmath.sqrt(b * abs(H_))
            slow = lr**2 * steps if curvature == 0 else -lr / 2 / pull * mpmath.expm1(-2 * pull * lr * steps)
            exact = float(drift + slow)
        assert float(form("spread")(curvature, 3.0, 0.002, 0.9, steps)) == pytest.approx(exact, rel=1e-14)


def test_first_step() -> None:
    # Figures of an independent check at T = 1, beta1 = 0.9: .96 with the correction, .01 without.
    found = {f.name: f.result.subs(beta1, 0.9) for f in DERIVED.findings if f.name.startswith("first step")}
    assert round(float(found["first step"]), 3) == 0.957
    assert round(float(found["first step, not corrected"]), 3) == 0.010


def test_without_correction_and_from_rest_the_start_is_slow() -> None:
    # Figures of an independent check: .01, .07, .17, .35 at T = 1, 5, 10, 20.
    steps = np.array([1, 5, 10, 20])
    exact = form("frozen_iterated_rest")(-0.01, 0.01, 0.01, 1e-3, 0.9, steps)
    printed = form("spread")(-0.01, 1.0, 1e-3, 0.9, steps)
    np.testing.assert_allclose(exact / printed, [0.01, 0.07, 0.17, 0.35], atol=0.005)


def test_weights_of_the_bias_correction() -> None:
    # The derived sum of squares, at no curvature, is what the frozen iteration has.
    share = next(f for f in DERIVED.findings if f.name == "bias correction").result
    s = next(symbol for symbol in share.free_symbols if symbol.name == "s")
    for steps in (1, 2, 7):
        terms = [share.subs({beta1: sp.Rational(9, 10), T: steps, s: k}).doit() for k in range(1, steps + 1)]
        found = frozen_gain.spread(Adam(lr=1.0, eps=0.0), np.zeros((1, 1)), np.eye(1), [steps])
        assert float(found[0, 0, 0]) == pytest.approx(float(sum(x**2 for x in terms)), rel=1e-13)


def test_every_direction_alike_at_first() -> None:
    found = form("spread")(-np.geomspace(0.01, 1.0, 10), 1.0, 1e-4, 0.9, 50)
    assert np.ptp(found) < 0.01 * found.mean()
