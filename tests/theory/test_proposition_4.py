import math

import mpmath
import pytest
import sympy as sp
from saddlescape.theory.closed_form import closed_form
from saddlescape.theory.proposition_4 import K, bent_climb, climb, open_a, open_b
from saddlescape.theory.statements import derivation
from saddlescape.theory.symbols import H_a, H_b, beta0, eta, n, trace_norm

from .symbolic import same

DERIVED = derivation("proposition-4")


def form(name, *given, statement="proposition-4"):
    return float(closed_form(statement, name)(*given))


def test_derivation_ends_in_the_printed_formula():
    # Typed independently of the derivation.
    root = sp.sqrt(1 + 4 * eta * trace_norm / (n * beta0)) + 1
    printed = sp.pi * root / H_b * sp.exp(climb)
    assert same(sp.exp(DERIVED.form("log_escape_time").expression), printed)
    assert not same(sp.exp(DERIVED.form("log_escape_time").expression), printed * H_b / H_a)
    assert same(DERIVED.form("root").expression, root / 2)


def test_frozen_and_followed_inertia():
    def time(opened):
        return sp.pi * K * (sp.sqrt(1 + 4 * eta * H_b / opened) + 1) / sp.sqrt(H_a * H_b) * sp.exp(climb)

    frozen = time(open_a) * sp.exp(eta / open_a * bent_climb)
    assert same(sp.exp(DERIVED.form("log_frozen").expression), frozen)
    assert same(sp.exp(DERIVED.form("log_followed").expression), time(open_b) * open_b / open_a)


def test_finite_forms_are_the_same_expressions():
    for one in DERIVED.forms:
        assert same(one.finite, one.expression)


@pytest.mark.parametrize(
    ("across", "printed", "ours"), [([0.5, 0.2, 0.1], 2238, 1022), ([2.0] * 3, 2472, 927), ([6.0] * 3, 2900, 723)]
)
def test_figures(across, printed, ours):
    # Eq. 3, H_a 2, H_b 1, lr .01, B .14, dL .25, beta0 .1.
    lr, b, barrier, p2 = 0.01, 0.14, 0.25, 1 / 3
    climbed = form("exponent", 2.0, 1.0, barrier, b, lr, 1 / 3, statement="theorem-3")
    top = 1.0 + sum(across)
    assert round(math.exp(form("log_escape_time", 1.0, climbed, lr, 0.1, 4, top))) == printed
    opened = form("open_inertia", 2.0 / b, (2.0 + sum(across)) / b, 0.1, 4)
    d_a, d_b = lr / b, lr / (2 * b)
    bent = 0.5 * p2 * (1 / d_a - 1 / d_b)
    frozen = form("log_frozen", 2.0, 1.0, climbed, math.sqrt(d_b / d_a), lr, opened, bent)
    assert abs(math.exp(frozen) - ours) < 0.6


def test_constant_isotropic_noise():
    opened = form("open_inertia", 3.0, 12.0, 0.1, 4)
    assert opened == pytest.approx(0.1)
    assert form("root", 4 * 1.0, 0.01, 0.1, 4) == pytest.approx(0.5 * (math.sqrt(1 + 4 * 0.01 / 0.1) + 1))
    # The figures 1346 and 1245 of lr .02, H_b 1 and .5 .2 .1 across differ by the two roots alone.
    assert round(1346 * form("root", 1.8, 0.02, 0.1, 4) / form("root", 4.0, 0.02, 0.1, 4)) == 1245


def test_printed_at_fifty_digits():
    with mpmath.workdps(50):
        h_b, size, lr, kept = (mpmath.mpf(x) for x in (0.7, 5.3, 0.03, 0.17))
        exact = float(mpmath.log(mpmath.pi / h_b * (mpmath.sqrt(1 + 4 * lr * size / (6 * kept)) + 1)) + mpmath.mpf(4.1))
    assert form("log_escape_time", 0.7, 4.1, 0.03, 0.17, 6, 5.3) == pytest.approx(exact, rel=1e-14)
