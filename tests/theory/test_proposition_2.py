import math

import mpmath
import pytest
import sympy as sp
from saddlescape.theory.closed_form import closed_form
from saddlescape.theory.derivation import vanishes
from saddlescape.theory.proposition_2 import C_a, C_b, climb, v_a, volume
from saddlescape.theory.statements import derivation
from saddlescape.theory.symbols import B, H_a, H_b, barrier, beta1, eta, s

from .symbolic import same

DERIVED = derivation("proposition-2")
B_, LR, BETA1, BARRIER = 0.05, 0.02, 0.9, 0.25


def form(name, *given):
    return float(closed_form("proposition-2", name)(*given))


def test_derivation_ends_in_the_printed_formula():
    # Typed independently of the derivation; |det(H_a^-1 H_b)| = exp(volume).
    root = sp.sqrt(1 + 4 * eta * sp.sqrt(B * H_b) / (1 - beta1)) + 1
    prefactor = sp.pi * root * sp.exp(volume / 4) / (sp.sqrt(B) * sp.sqrt(H_b))
    exponent = 2 * sp.sqrt(B) * barrier / eta * (s / sp.sqrt(H_a) + (1 - s) / sp.sqrt(H_b))
    found = DERIVED.form("log_escape_time").expression
    assert same(sp.exp(found), prefactor * sp.exp(exponent))
    assert not same(sp.exp(found), prefactor * sp.exp(exponent) * sp.exp(volume / 4))
    assert vanishes(DERIVED.form("log_followed").expression - found - sp.log(H_b / H_a) / 2)


def test_frozen_is_theorem_3_at_another_learning_rate():
    # In its own time, lr -> lr / v_a^(1/2): Ito, root, and the same multiplied by v_a^(1/2).
    slow = eta / sp.sqrt(v_a)
    root = (sp.sqrt(1 + 4 * slow * H_b / (1 - beta1)) + 1) / 2
    time = 2 * sp.pi * sp.sqrt(C_b / C_a) * root / sp.sqrt(H_a * H_b) * sp.exp(2 * climb / slow)
    assert same(sp.exp(DERIVED.form("log_frozen").expression), sp.sqrt(v_a) * time)


def test_finite_forms_are_the_same_expressions():
    for one in DERIVED.forms:
        assert same(one.finite, one.expression)


def along(h_a, h_b, power):
    """Return int_a^b L'/C^power dx of the piecewise-quadratic well, C = |H|/B."""
    p2 = 2.0 * BARRIER / (1.0 / h_a + 1.0 / h_b)
    return 0.5 * p2 * sum(1.0 / (h * (h / B_) ** power) for h in (h_a, h_b))


@pytest.mark.parametrize(
    ("h_a", "h_b", "printed", "followed", "frozen"), [(2.0, 1.0, 3823, 2703, 14875), (1.0, 2.0, 3885, 5494, 3209)]
)
def test_figures(h_a, h_b, printed, followed, frozen):
    share, det = h_b / (h_a + h_b), math.log(h_b / h_a)
    given = (h_a, h_b, BARRIER, B_, LR, share, BETA1, det)
    assert round(math.exp(form("log_escape_time", *given))) == printed
    assert round(math.exp(form("log_followed", *given))) == followed
    c_a, c_b = h_a / B_, h_b / B_
    stays = form("log_frozen", h_a, h_b, c_a, c_b, along(h_a, h_b, 1.0), LR, BETA1, c_a)
    assert round(math.exp(stays)) == frozen
    climbed = along(h_a, h_b, 0.5)
    assert form("share", climbed, h_a, h_b, BARRIER, B_) == pytest.approx(share, rel=1e-13)
    general = form("log_general", h_a, h_b, c_a, c_b, climbed, LR, BETA1, 0.0)
    assert general == pytest.approx(form("log_escape_time", *given), rel=1e-14)


def test_general_form_in_many_directions_is_the_printed_one_under_equation_3():
    h_a, h_b, across = 2.0, 1.0, [(3.0, 5.0), (0.4, 0.1)]
    det = math.log(h_b / h_a) + sum(math.log(top / low) for low, top in across)
    volume_across = sum(0.5 * math.log(top / low) for low, top in across)  # of H/v^(1/2) ~ |H|^(1/2)
    general = form("log_general", h_a, h_b, h_a / B_, h_b / B_, along(h_a, h_b, 0.5), LR, BETA1, volume_across)
    printed = form("log_escape_time", h_a, h_b, BARRIER, B_, LR, 1 / 3, BETA1, det)
    assert general == pytest.approx(printed, rel=1e-14)


def test_printed_at_fifty_digits():
    with mpmath.workdps(50):
        h_a, h_b, b, lr, share, beta = (mpmath.mpf(x) for x in (3.7, 0.2, 0.31, 0.013, 0.27, 0.83))
        root = mpmath.sqrt(1 + 4 * lr * mpmath.sqrt(b * h_b) / (1 - beta)) + 1
        prefactor = mpmath.pi * root * mpmath.exp(mpmath.mpf(0.4) / 4) / (mpmath.sqrt(b) * mpmath.sqrt(h_b))
        exponent = (
            2 * mpmath.sqrt(b) * mpmath.mpf(0.6) / lr * (share / mpmath.sqrt(h_a) + (1 - share) / mpmath.sqrt(h_b))
        )
        exact = float(mpmath.log(prefactor) + exponent)
    assert form("log_escape_time", 3.7, 0.2, 0.6, 0.31, 0.013, 0.27, 0.83, 0.4) == pytest.approx(exact, rel=1e-14)


def test_filter_of_the_iteration():
    assert form("filter_power", 0.0) == 0.0
    assert form("filter_power", 0.9) == pytest.approx(9 / 19)
    assert form("filter_power", 1.0) == 0.5
