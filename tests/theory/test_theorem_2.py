import math
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from saddlescape.dynamics.momentum import Momentum
from saddlescape.theory import covariance_recursion, linear_diffusion
from saddlescape.theory.closed_form import closed_form
from saddlescape.theory.derivation import vanishes
from saddlescape.theory.statements import derivation
from saddlescape.theory.symbols import B, C, D, H, M, T, beta1, beta3, eta, friction_mass, gamma, h, t

from .symbolic import same

DERIVED = derivation("theorem-2")
WRONG = sp.Rational(10**6 + 1, 10**6)
PRINTED, DRIFT, DIFFUSION, REST, THERMAL, ITERATED_REST, ITERATED_THERMAL, ITERATED_DRIFT = (
    closed_form("theorem-2", name)
    for name in (
        "spread",
        "drift",
        "diffusion",
        "exact_rest",
        "exact_thermal",
        "iterated_rest",
        "iterated_thermal",
        "iterated_drift",
    )
)


def expression(name: str) -> Any:
    return DERIVED.form(name).expression.subs(friction_mass, gamma * M)


def found(part: str, name: str) -> Any:
    return next(entry for entry in getattr(DERIVED, part) if entry.name == name)


def test_derivation_ends_in_the_printed_formulas() -> None:
    # Typed independently of the derivation.
    drift = D / (gamma**3 * M**2) * (1 - sp.exp(-gamma * t)) ** 2
    diffusion = D / (gamma * M * H) * (1 - sp.exp(-2 * H * t / (gamma * M)))
    assert vanishes(expression("drift") - drift)
    assert vanishes(expression("diffusion") - diffusion)
    assert vanishes(expression("spread") - drift - diffusion)
    assert not vanishes(expression("spread") - drift - 2 * diffusion)
    drift_3 = h * eta**2 * beta3**2 / (2 * (1 - beta1) ** 3 * B) * (1 - sp.exp(-(1 - beta1) * T)) ** 2
    assert vanishes(expression("drift_equation_3") - drift_3)
    assert vanishes(expression("diffusion_equation_3") - h * beta3**2 * eta**2 * T / ((1 - beta1) ** 2 * B))


def test_exact_forms_are_the_sheet_s() -> None:
    root = sp.sqrt(gamma**2 - 4 * H / M)
    up, down = (-gamma + root) / 2, (-gamma - root) / 2
    parts = (sp.exp(2 * up * t) - 1) / (2 * up) + (sp.exp(2 * down * t) - 1) / (2 * down)
    parts -= 2 * (sp.exp((up + down) * t) - 1) / (up + down)
    rest = 2 * D / M**2 / (up - down) ** 2 * parts
    kick = (sp.exp(up * t) - sp.exp(down * t)) / (up - down)
    assert same(expression("exact_rest"), rest)
    assert same(expression("exact_thermal"), rest + D / (gamma * M**2) * kick**2)
    assert not same(expression("exact_thermal"), rest + WRONG * D / (gamma * M**2) * kick**2)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_iterated_forms_are_sums_of_powers_of_the_eigenvalues(steps: int) -> None:
    root = sp.sqrt((1 + beta1 - eta * beta3 * H) ** 2 - 4 * beta1)
    up, down = (1 + beta1 - eta * beta3 * H + root) / 2, (1 + beta1 - eta * beta3 * H - root) / 2
    rest = eta**2 * beta3**2 * C * sum((up**j - down**j) ** 2 for j in range(1, steps + 1)) / root**2
    drift = beta3**2 * C / (1 - beta1**2) * eta**2 * beta1**2 * (up**steps - down**steps) ** 2 / root**2
    for name, exact in (("rest", rest), ("thermal", rest + drift), ("drift", drift)):
        derived = expression(f"iterated_{name}").subs(T, steps).doit()
        assert same(derived, exact, 3)
        assert not same(derived, exact * WRONG, 1)


def test_step_of_the_iteration_is_the_sheet_s() -> None:
    step, noise = (found("steps", name).result.rhs for name in ("one step of the iteration", "its noise"))
    push = sp.Matrix([-eta * beta3, beta3])
    assert step == sp.Matrix([[1 - eta * beta3 * H, -eta * beta1], [beta3 * H, beta1]])
    assert noise == C * push * push.T


def test_limits_and_findings() -> None:
    def limit(name: str, expected: Any) -> bool:
        return vanishes(found("limits", name).result.subs(friction_mass, gamma * M) - expected)

    passed = (1 - sp.exp(-gamma * t)) / gamma
    assert limit("flat direction, exactly", 2 * D / (gamma * M) ** 2 * (t - passed))
    assert limit("flat direction, as printed", 2 * D * t / (gamma * M) ** 2 + D / (gamma * M**2) * passed**2)
    assert limit("critical damping", t * sp.exp(-gamma * t / 2))
    u = sp.Symbol("u", positive=True)
    assert limit(
        "critical damping, variance", 2 * D / M**2 * sp.integrate((u * sp.exp(-gamma * u / 2)) ** 2, (u, 0, t))
    )
    assert limit("long time in a valley", D / (gamma * M * H))
    theorem_1 = derivation("theorem-1").form("spread").expression
    assert vanishes(
        found("limits", "much friction").result - theorem_1.subs({H: H / friction_mass, D: D / friction_mass**2})
    )
    assert vanishes(found("findings", "and for good").result - 3 * D / (gamma**3 * M**2))
    assert vanishes(found("findings", "relative excess").result - 3 / (2 * gamma * t))
    growth = gamma / 2 * (sp.sqrt(1 + 4 * h / (gamma**2 * M)) - 1)
    assert same(found("findings", "the true growth rate").result, growth)
    assert vanishes(found("findings", "two thermal starts").result - 2 / (1 + beta1))
    assert vanishes(found("conditions", "growth").number - 2 * h**2 * t / (gamma**3 * M**2))


@pytest.mark.parametrize("form", DERIVED.forms, ids=lambda form: form.name)
def test_finite_form_is_the_same_expression(form: Any) -> None:
    assert same(form.finite.doit(), form.expression, 3)
    assert not same(form.finite.doit(), form.expression * WRONG, 1)


@pytest.mark.parametrize("curvature", [-2.0, -1e-9, 0.0, 1e-12, 5.0])
@pytest.mark.parametrize("time", [0.0, 1e-8, 0.5, 30.0])
def test_as_printed_to_fifty_digits(curvature: float, time: float) -> None:
    with mpmath.workdps(50):
        g, p, H_, t_, d = (mpmath.mpf(a) for a in (10.0, 0.5, curvature, time, 0.3))
        drift = d / (g**3 * (p / g) ** 2) * mpmath.expm1(-g * t_) ** 2
        slow = d * (2 * t_ / p**2 if curvature == 0 else -mpmath.expm1(-2 * H_ * t_ / p) / (p * H_))
    at = (curvature, 0.3, time, 10.0, 0.5)
    assert float(DRIFT(*at)) == pytest.approx(float(drift), rel=1e-14, abs=0.0)
    assert float(DIFFUSION(*at)) == pytest.approx(float(slow), rel=1e-14, abs=0.0)
    assert float(PRINTED(*at)) == pytest.approx(float(drift + slow), rel=1e-14, abs=0.0)


# gamma 10, gamma M 1: critical damping is H = 2.5, above it the rates are complex.
@pytest.mark.parametrize("curvature", [-3.0, -1e-9, 0.0, 1e-12, 0.5, 2.4999999, 2.5, 2.5000001, 2.8, 10.0, 100.0])
def test_exact_forms_at_fifty_digits(curvature: float) -> None:
    rest, thermal = (
        sp.lambdify((H, D, t, gamma, friction_mass), DERIVED.form(name).expression, "mpmath")
        for name in ("exact_rest", "exact_thermal")
    )
    for time in (1e-5, 1e-2, 0.5, 20.0):
        with mpmath.workdps(60):
            # Off the two points where the expression is 0/0, by less than a float can see.
            aside = curvature + mpmath.mpf("1e-20")
            at = [mpmath.mpf(a) for a in (0.3, time, 10.0, 1.0)]
            exact = [float(mpmath.re(f(aside, *at))) for f in (rest, thermal)]
        for f, wanted, warm in zip((REST, THERMAL), exact, (False, True), strict=True):
            assert float(f(curvature, 0.3, time, 10.0, 1.0)) == pytest.approx(wanted, rel=1e-11)
            reference = linear_diffusion.spread(curvature, 0.3, time, 10.0, 1.0, warm)
            assert float(reference) == pytest.approx(wanted, rel=1e-11)


# lr beta3 = 0.01, beta1 = 0.81: the eigenvalues meet at lr beta3 H = 0.01 and 3.61, and one is -1 at 3.62.
@pytest.mark.parametrize(
    "stiffness", [-0.1, -1e-8, 0.0, 1e-12, 0.004, 0.01 * (1 - 1e-9), 0.01, 0.011, 1.0, 3.61, 3.615, 3.62, 3.63]
)
def test_iterated_forms_at_fifty_digits(stiffness: float) -> None:
    curvature = stiffness / 0.01
    for steps in (1, 2, 30, 100):
        with mpmath.workdps(50):
            b1, b3, lr, c, H_ = (mpmath.mpf(a) for a in (0.81, 0.5, 0.02, 1.3, curvature))
            step = mpmath.matrix([[1 - lr * b3 * H_, -lr * b1], [b3 * H_, b1]])
            push = mpmath.matrix([-lr * b3, b3])
            s = mpmath.matrix([[0, 0], [0, b3**2 * c / (1 - b1**2)]])
            cold = mpmath.zeros(2)
            for _ in range(steps):
                s, cold = (step * m * step.T + c * push * push.T for m in (s, cold))
            warm, still = float(s[0, 0]), float(cold[0, 0])
            carried = float(s[0, 0] - cold[0, 0])
        at = (curvature, 1.3, 0.02, 0.81, 0.5, steps)
        assert float(ITERATED_REST(*at)) == pytest.approx(still, rel=1e-11)
        assert float(ITERATED_THERMAL(*at)) == pytest.approx(warm, rel=1e-11)
        assert float(ITERATED_DRIFT(*at)) == pytest.approx(carried, rel=1e-11, abs=1e-13 * warm)


@pytest.mark.parametrize("momentum", ["rest", "thermal"])
def test_iterated_forms_are_the_covariance_recursion(momentum: str) -> None:
    curvatures, rule, steps = np.array([-1.0, 0.0, 0.01, 2.5, 150.0]), Momentum(0.02, 0.81, 0.5), [1, 10, 100, 1000]
    form = ITERATED_REST if momentum == "rest" else ITERATED_THERMAL
    closed = form(curvatures, 1.3, 0.02, 0.81, 0.5, np.array(steps)[:, None])
    exact = covariance_recursion.spread(rule, np.diag(curvatures), 1.3 * np.eye(5), steps, momentum)
    np.testing.assert_allclose(closed, np.diagonal(exact, axis1=1, axis2=2), rtol=1e-10)


def test_equation_3_and_the_dictionary_give_the_paper_s_own_form() -> None:
    magnitude, lr, b1, b3, b, steps = 0.03, 0.02, 0.8, 0.5, 3.0, 25
    at = (-magnitude, 0.5 * lr * magnitude / b, lr * steps, (1 - b1) / lr, (1 - b1) / b3)
    drift = closed_form("theorem-2", "drift_equation_3")(magnitude, lr, b1, b3, b, steps)
    assert float(drift) == pytest.approx(float(DRIFT(*at)), rel=1e-13)
    by_hand = magnitude * lr**2 * b3**2 / (2 * (1 - b1) ** 3 * b) * (1 - math.exp(-(1 - b1) * steps)) ** 2
    assert float(drift) == pytest.approx(by_hand, rel=1e-13)
    short = closed_form("theorem-2", "diffusion_equation_3")(magnitude, lr, b1, b3, b, steps)
    assert float(short) == pytest.approx(float(DIFFUSION(-1e-9, *at[1:])), rel=1e-7)


@pytest.mark.parametrize(
    ("h_i", "ratios"), [(-0.01, {1: 3.26, 10: 1.168, 40: 1.040}), (-1.0, {1: 3.46, 10: 1.50, 40: 2.30})]
)
def test_excess_over_the_exact_thermal_start(h_i: float, ratios: dict[int, float]) -> None:
    # Figures of an independent check: lr 0.01, beta1 0.9, beta3 0.1, so that gamma is 10 and gamma M 1.
    for gamma_t, ratio in ratios.items():
        at = (h_i, 1.0, gamma_t / 10.0, 10.0, 1.0)
        assert float(PRINTED(*at) / THERMAL(*at)) == pytest.approx(ratio, abs=0.005 if ratio > 1.2 else 0.0005)


def test_excess_at_no_curvature() -> None:
    d, friction, mass, time = 0.7, 3.0, 0.5, 20.0
    at = (0.0, d, time, friction, friction * mass)
    assert float(PRINTED(*at) - THERMAL(*at)) == pytest.approx(3.0 * d / (friction**3 * mass**2), rel=1e-12)


def test_a_growth_beyond_all_numbers_is_infinite() -> None:
    assert float(ITERATED_REST(-1.0, 1.0, 0.5, 0.9, 1.0, 100_000)) == math.inf
