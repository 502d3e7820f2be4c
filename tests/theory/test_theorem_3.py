import math
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from saddlescape.landscapes.hessian_noise import HessianNoise
from saddlescape.landscapes.isotropic_noise import IsotropicNoise
from saddlescape.landscapes.piecewise_quadratic_well import PiecewiseQuadraticWell
from saddlescape.landscapes.quartic_well import QuarticWell
from saddlescape.theory import first_passage_diffusion, first_passage_iteration, kramers
from saddlescape.theory.closed_form import closed_form
from saddlescape.theory.derivation import must_vanish, vanishes
from saddlescape.theory.line import passage
from saddlescape.theory.statements import derivation
from saddlescape.theory.symbols import B, H_a, H_b, barrier, beta1, eta, friction_mass, gamma, s
from saddlescape.theory.theorem_3 import D_a, D_b, K, c, climb, lag

from .symbolic import same

DERIVED = derivation("theorem-3")


def form(name: str, *given: Any) -> float:
    return float(closed_form("theorem-3", name)(*given))


def test_derivation_ends_in_the_printed_formulas() -> None:
    # Typed independently of the derivation.
    root = sp.sqrt(1 + 4 * H_b / (gamma * friction_mass))
    exponent = 2 * B * barrier / eta * (s / H_a + (1 - s) / H_b)
    assert vanishes(DERIVED.form("exponent").expression - exponent)
    assert vanishes(DERIVED.form("kramers_root").expression - (root + 1) / 2)
    printed = sp.log(sp.pi * friction_mass * (root + 1) / H_b) + friction_mass * climb
    assert same(DERIVED.form("log_escape_time").expression, printed)
    assert not same(DERIVED.form("log_escape_time").expression, printed + sp.log(H_b / H_a))
    general = sp.log(2 * sp.pi * friction_mass * K / sp.sqrt(H_a * H_b)) + friction_mass * climb
    assert same(DERIVED.form("log_kramers").expression, general)
    assert vanishes(DERIVED.form("convention_factor").expression - (D_b / D_a) ** (sp.Rational(1, 2) - c))
    assert vanishes(DERIVED.form("quadratic_share").expression - H_b / (H_a + H_b))
    assert vanishes(DERIVED.form("lag").expression - eta / 2 * (1 + beta1) / (1 - beta1))
    squared = 2 * barrier / (1 / H_a + 1 / H_b)
    assert vanishes(DERIVED.form("lag_quadratic").expression - lag * squared / 2 * (1 / D_a - 1 / D_b))
    sgd = next(limit for limit in DERIVED.limits if limit.name == "SGD")
    assert same(sgd.result, 2 * sp.pi / H_b * sp.exp(exponent))


def test_a_wrong_claim_is_not_shown() -> None:
    with pytest.raises(ArithmeticError, match="the claim: "):
        must_vanish(DERIVED.form("kramers_root").expression - 1, "the claim")


def test_finite_forms_are_the_same_expressions() -> None:
    for one in DERIVED.forms:
        if one.name.endswith("slip"):  # numbers
            assert abs(one.finite - sp.N(one.expression, 25)) < 1e-18
        else:
            assert same(one.finite.doit(), one.expression)


@pytest.mark.parametrize("friction", [0.3, 5.0, 1e9])
def test_as_printed_at_fifty_digits(friction: float) -> None:
    h_a, h_b, dl, b, lr, share, mass = 2.0, 1.0, 0.25, 0.28, 0.02, 1 / 3, 0.2
    with mpmath.workdps(50):
        gm = mpmath.mpf(friction) * mpmath.mpf(mass)
        root = mpmath.sqrt(1 + 4 * mpmath.mpf(h_b) / (friction * gm)) + 1
        exponent = 2 * gm * mpmath.mpf(b) * dl / mpmath.mpf(lr) * (mpmath.mpf(share) / h_a + (1 - mpmath.mpf(share)))
        printed = float(mpmath.log(mpmath.pi * gm * root / h_b) + exponent)
    climbed = form("exponent", h_a, h_b, dl, b, lr, share)
    assert form("log_escape_time", h_b, climbed, friction, friction * mass) == pytest.approx(printed, rel=1e-14)


def test_sgd_of_the_piecewise_quadratic_well() -> None:
    climbed = form("exponent", 2.0, 1.0, 0.25, 0.2, 0.01, form("quadratic_share", 2.0, 1.0))
    assert round(math.exp(form("log_escape_time", 1.0, climbed, math.inf, 1.0))) == 26140
    ito = form("convention_factor", 0.0, 0.05, 0.025)
    assert round(math.exp(form("log_kramers", 2.0, 1.0, climbed, ito, 1.0))) == 13070
    assert form("share", climbed, 2.0, 1.0, 0.25, 0.2, 0.01) == pytest.approx(1 / 3)


@pytest.mark.parametrize(("kept", "corrected", "rooted"), [(0.0, 1020, 1094), (0.5, 991, 1114), (0.8, 906, 1171)])
def test_figures_of_the_grid_under_a_given_way(kept: float, corrected: int, rooted: int) -> None:
    # beta1 = .9 gives 770 and 1256; the root of the printed first row is that of beta1 -> 0.
    for beta, with_lag, with_root in ((kept, corrected, rooted), (0.9, 770, 1256)):
        d_a, d_b, p2 = 0.02 / 0.28, 0.01 / 0.28, 1 / 3
        climbed = form("exponent", 2.0, 1.0, 0.25, 0.28, 0.02, 1 / 3)
        root = form("kramers_root", 1.0, (1 - beta) / 0.02, 1.0) if beta else form("kramers_root", 1.0, 50.0, 1.0)
        factor = root * form("convention_factor", 0.0, d_a, d_b)
        log_time = form("log_kramers", 2.0, 1.0, climbed, factor, 1.0)
        assert round(math.exp(log_time)) == with_root
        added = form("lag_quadratic", form("lag", 0.02, beta), 2.0, 1.0, 0.25, d_a, d_b)
        added += form("grid_jump", 0.02, math.sqrt(p2), d_a, d_b)
        assert round(math.exp(log_time + added)) == with_lag


def test_next_order_in_temperature_on_the_quartic_well() -> None:
    # L = (x^2 - 1)^2 / 4: 3 T / 2 between Kramers and the exact diffusion; what is left falls as T^2.
    well, left = QuarticWell().check(), []
    for temperature in (0.01, 0.005, 0.0025):
        added = form("log_correction", temperature, 2.0, 1.0, -6.0, 6.0, 0.0, 6.0)
        assert added == pytest.approx(1.5 * temperature, rel=1e-14)
        way = passage(well, IsotropicNoise(1.0))
        exact = first_passage_diffusion.first_passage(
            way.line.slope, lambda x, d=temperature: np.full_like(x, d), -1.0, 1.0, way.edges
        )
        log_time = form("log_kramers", 2.0, 1.0, 0.25 / temperature, 1.0, 1.0)
        left.append((exact.log_time - log_time - added) / temperature**2)
        assert abs(exact.log_time - log_time) > 1.4 * temperature
    assert 5.0 < left[2] < left[1] < left[0] < 12.0
    assert left[1] - left[2] < 0.7 * (left[0] - left[1])


def iterated_over_diffusion(h_a: float, h_b: float, scale: float, lr: float) -> float:
    """Return ln of what the iteration takes over its diffusion, for D = scale |H|."""
    well, noise = PiecewiseQuadraticWell(h_a, h_b).check(), HessianNoise(0.5 * lr / scale)
    way = passage(well, noise)
    given = (way.line.slope, way.line.variance, h_a, way.start, way.exit, way.edges)
    steps = first_passage_iteration.first_passage(lr, *given).steps
    exact = first_passage_diffusion.first_passage(
        way.line.slope, lambda x: 0.5 * lr * way.line.variance(x), way.start, way.exit, way.edges
    )
    return math.log(steps * lr) - exact.log_time


@pytest.mark.parametrize(("h_a", "h_b"), [(2.0, 1.0), (1.0, 2.0)])
def test_a_jump_of_the_noise_costs_the_root_of_the_learning_rate(h_a: float, h_b: float) -> None:
    scale, p = 0.01, math.sqrt(0.5 / (1 / h_a + 1 / h_b))
    d_a, d_b = scale * h_a, scale * h_b
    left, grid, jumps = [], [], []
    for lr in (0.01, 0.0025, 0.000625):
        jump = form("jump", p, d_a, d_b, lr, form("memoryless_slip"))
        # Order lr, by hand: the smooth term, the Wiener-Hopf solution's second and a finite step's prefactor (widths
        # about a and b, and |H_b| over the growth of one step).
        smooth = form("lag_quadratic", form("lag", lr, 0.0), h_a, h_b, 0.25, d_a, d_b)
        second = smooth * (d_a / d_b + d_b / d_a - 2.0)
        step = math.log(lr * h_b / math.log1p(lr * h_b)) - 0.5 * math.log((1 - lr * h_a / 2) * (1 + lr * h_b / 2))
        measured = iterated_over_diffusion(h_a, h_b, scale, lr) - smooth
        left.append(measured - second - step - jump)
        jumps.append(jump)
        grid.append((measured - second - step) / form("grid_jump", lr, p, d_a, d_b))
    # What is left is of order lr |H| (the slope changes within the layer) and lr^(3/2): between 4 and 8 times less at
    # a quarter of lr. The jump halves; so does the grid's term twice over, which is therefore no limit.
    for k in (0, 1):
        assert 3.5 < left[k] / left[k + 1] < 9.0
        assert jumps[k] / jumps[k + 1] == pytest.approx(2.0, rel=1e-12)
        assert 1.5 < grid[k + 1] / grid[k] < 2.1
    assert abs(left[2]) < 0.05 * abs(jumps[2])


def test_slip_is_the_wiener_hopf_integral() -> None:
    with mpmath.workdps(50):

        def integrand(q: Any) -> Any:
            z = q * q / 2
            return mpmath.log(-mpmath.expm1(-z) / z) / (q * q)

        points = [mpmath.mpf("1e-12"), 1, 4, 30, mpmath.inf]
        found = -mpmath.quad(integrand, points) / mpmath.pi
        exact = -mpmath.zeta(mpmath.mpf(1) / 2) / mpmath.sqrt(2 * mpmath.pi)
        assert abs(found - exact) < 1e-10
        assert form("memoryless_slip") == pytest.approx(float(exact), rel=1e-15)
        particle = mpmath.quad(lambda t: mpmath.sqrt(t - 1 + mpmath.exp(-t)) * mpmath.exp(-t), [0, 1, 10, 80])
        assert form("particle_slip") == pytest.approx(float(particle * mpmath.sqrt(2 / mpmath.pi)), rel=1e-12)


def test_slip_of_an_iteration_between_none_and_a_particle() -> None:
    assert kramers.slip(0.0) == form("memoryless_slip")
    assert kramers.slip(1e-12) == pytest.approx(kramers.slip(0.0), rel=1e-11)
    for keep in (0.999, 0.9999, 0.999995):
        assert kramers.slip(keep) * math.sqrt(1.0 - keep) == pytest.approx(form("particle_slip"), rel=1.0 - keep + 3e-7)
    n = np.arange(1.0, 2e6 + 1)
    plain = np.sum(form_of("kept", 0.9, n) ** 2 / np.sqrt(form_of("displacement", 0.9, n))) - 2.0 * math.sqrt(2e6)
    assert kramers.slip(0.9) == pytest.approx(-plain / math.sqrt(2.0 * math.pi), rel=3e-3)


def form_of(name: str, *given: Any) -> Any:
    return closed_form("theorem-3", name)(*given)


def test_least_action_by_hand_and_without_a_jump() -> None:
    # gamma M = 1, gamma = 5: minimum over the velocity at the joint, by bisection of nothing but the two costs.
    h_a, h_b, dl, d_a, d_b, friction = 2.0, 1.0, 0.25, 0.07, 0.035, 5.0
    mass, p = 1.0 / friction, math.sqrt(2 * dl / (1 / h_a + 1 / h_b))
    grows = friction / 2 * (math.sqrt(1 + 4 * h_b / friction) - 1)
    q = grows * mass / h_b
    v = np.linspace(0.0, 3.0, 200_001)
    cost = (mass * v * v / 2 + p * p / (2 * h_a)) / d_a
    cost += grows * mass**2 / (d_b * q * q) * (q * v - p / h_b) ** 2 / 2
    assert form("least_action", h_a, h_b, dl, d_a, d_b, friction, 1.0) == pytest.approx(float(cost.min()), rel=1e-9)
    for friction in (0.2, 7.0, math.inf):
        assert form("least_action", h_a, h_b, dl, d_a, d_a, friction, 1.0) == pytest.approx(dl / d_a, rel=1e-12)
    overdamped = p * p / 2 * (1 / (h_a * d_a) + 1 / (h_b * d_b))
    assert form("least_action", h_a, h_b, dl, d_a, d_b, math.inf, 1.0) == pytest.approx(overdamped, rel=1e-12)


def test_transverse_factor_is_eyring_kramers_for_isotropic_noise() -> None:
    low, high = np.diag([2.0, 10.0, 4.0]), np.diag([-1.0, 30.0, 2.0])
    one = form("log_kramers", 2.0, 1.0, 3.0, 1.0, 0.5)
    assert kramers.log_eyring_kramers(low, high, 3.0, 0.5) == pytest.approx(one + 0.5 * math.log(3.0 * 0.5), rel=1e-14)


def test_no_overflow() -> None:
    assert form("log_escape_time", 1.0, 1e4, math.inf, 1.0) == pytest.approx(1e4 + math.log(2 * math.pi))
