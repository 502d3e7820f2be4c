"""Proposition 4: how long Adai stays in a minimum."""

from functools import cache
from typing import Any

from ..dynamics.adai import UndampedAdai
from .derivation import Assumption, Condition, Derivation, Finding, Form, Limit, Step, must_vanish
from .rule_step import step_matrices
from .symbols import (
    B,
    D,
    H_a,
    H_b,
    beta0,
    beta2,
    eta,
    friction_mass,
    gamma,
    h,
    mu,
    n,
    second_moment,
    sp,
    trace_norm,
    v,
    x,
)
from .theorem_3 import K, climb, pull
from .theorem_3 import derive as derive_theorem_3

open_a, open_b = sp.symbols("(1-mu_a) (1-mu_b)", positive=True)
"""1 - mu along e, at the minimum and at the saddle."""
bent_climb = sp.Symbol("int L'L''/D dx", real=True)


@cache
def derive() -> Derivation:
    """Derive Proposition 4 from Theorem 3 by substitution, and what mu does when it does not, or does, follow the path.

    References
    ----------
    Xie et al., "Adaptive Inertia", ICML 2022, Proposition 4.
    """
    theorem = derive_theorem_3()
    printed_3, ours_3, root_3 = (
        theorem.form(name).expression for name in ("log_escape_time", "log_kramers", "kramers_root")
    )
    # The rule's own step at a given inertia: m = mu m + (1 - mu) g, theta -= lr m.
    A, G = step_matrices(UndampedAdai(lr=eta, beta0=beta0, beta2=beta2), mu, {1: 0, 2: 0, 3: 0})
    averaged = sp.factor((sp.Matrix([[1, A[0, 1] / (1 - A[1, 1])]]) * G)[0])
    must_vanish(averaged + eta, "the long-run step is lr g, whatever mu")
    must_vanish(A[1, 1] + G[1] - 1, "beta3 = 1 - mu")

    # Stationary v = C: 1 - mu = beta0 v / mean v.
    size = sp.Symbol("|H_e|", positive=True)
    share = second_moment / (sp.Symbol("tr v", positive=True) / n)
    with_eq_3 = beta0 * share.subs({second_moment: size / B, sp.Symbol("tr v", positive=True): trace_norm / B})
    inertia = sp.simplify(with_eq_3)
    at_b = {gamma: open_b / eta, friction_mass: 1}
    root = root_3.subs(at_b)
    traced = sp.simplify(root.subs(open_b, inertia.subs(size, H_b)))
    printed = printed_3.subs(at_b).subs(open_b, inertia.subs(size, H_b))
    under = sp.sqrt(1 + 4 * eta * trace_norm / (n * beta0))
    must_vanish(traced - (under + 1) / 2, "the root in the trace norm")
    exponent = theorem.form("exponent").expression

    at_a = {gamma: open_a / eta, friction_mass: 1}
    frozen = ours_3.subs(K, K * root_3).subs(at_a)
    particle_lag = bent_climb * (1 / gamma).subs(at_a)
    kept = frozen + particle_lag
    iterated_lag = theorem.form("lag").expression.subs(_beta1(theorem), 1 - open_a)
    added, factor = _followed()
    isotropic = beta0 * share.subs(sp.Symbol("tr v", positive=True), n * second_moment)
    must_vanish(isotropic - beta0, "1 - mu in constant isotropic noise")
    isotropic_root = root_3.subs({gamma: isotropic / eta, friction_mass: 1})

    return Derivation(
        name="proposition-4",
        title="How long Adai stays in a minimum",
        source='Xie et al., "Adaptive Inertia", ICML 2022, Proposition 4',
        assumptions=(
            *(a for a in theorem.assumptions if a.name != "Heavy ball as a particle"),
            Assumption(
                "the inertia follows the path",
                "1 - mu_e = beta0 v_e/mean(v), v = C(x) where the particle is, inside [eps, 1].",
                sp.Eq(1 - mu, beta0 * share),
            ),
        ),
        steps=(
            Step(
                "the step at a given inertia",
                "From the rule's own move: an average without memory moves by -lr g; gamma M = 1 whatever mu.",
                sp.Eq(sp.Symbol("step"), averaged * sp.Symbol("g")),
            ),
            Step("the inertia under Eq. 3", "v_i = |H_i|/B.", sp.Eq(1 - mu, inertia)),
            Step("1 - mu_e for 1 - beta1", "gamma = (1 - mu_e)/lr in Theorem 3's root: |H_be| cancels.", traced),
            Step("as printed", "The exponent is SGD's.", sp.Eq(sp.Symbol("ln tau"), printed)),
            Step(
                "friction that depends on position",
                "x' = v, v' = gamma(x) (-v - L' + (2D)^(1/2) xi): x + v/gamma moves by -L' and this drift,"
                " <v^2> = gamma D. It adds ln of this factor to ln tau.",
                added,
            ),
        ),
        forms=(
            _form(
                "open_inertia",
                "1 - mu_e, beta0 v_e/mean(v), before it is clipped.",
                beta0 * share,
                second_moment=second_moment,
                total=sp.Symbol("tr v", positive=True),
                beta0=beta0,
                dimension=n,
            ),
            _form(
                "root",
                "[sqrt(1 + 4 lr ||H_b||_1/(n beta0)) + 1]/2, as printed.",
                (under + 1) / 2,
                trace_norm=trace_norm,
                lr=eta,
                beta0=beta0,
                dimension=n,
            ),
            _form(
                "log_escape_time",
                "ln tau as printed; the exponent is that of SGD.",
                printed,
                curvature_saddle=H_b,
                exponent=climb,
                lr=eta,
                beta0=beta0,
                dimension=n,
                trace_norm=trace_norm,
            ),
            _form(
                "log_followed",
                "ln tau where mu follows the path, ours: Ito's K, the root at b, the factor (1 - mu_b)/(1 - mu_a).",
                ours_3.subs(K, K * root * factor).subs(at_b),
                curvature_min=H_a,
                curvature_saddle=H_b,
                exponent=climb,
                factor=K,
                lr=eta,
                open_min=open_a,
                open_saddle=open_b,
            ),
            _form(
                "log_frozen",
                "ln tau with mu as it is at the minimum, ours: K of the convention, the root and the first correction"
                " of the exponent there; bent is int L'L''/D dx.",
                kept,
                curvature_min=H_a,
                curvature_saddle=H_b,
                exponent=climb,
                factor=K,
                lr=eta,
                open_min=open_a,
                bent=bent_climb,
            ),
        ),
        limits=(
            Limit(
                "one direction", "||H||_1 = |H_be|: mu = 1 - beta0, heavy ball.", inertia.subs({n: 1, size: trace_norm})
            ),
            Limit("lr -> 0", "SGD, as printed.", sp.exp(printed.subs(climb, exponent)).subs(under, 1)),
        ),
        conditions=(
            Condition("inertia_trace", eta * trace_norm / (n * beta0), True, "The root is not 1."),
            Condition("inertia_clip_high", beta0 * n * h / trace_norm, True, "1 - mu = 1 above 1: no inertia."),
            Condition(
                "inertia_clip_low",
                beta0 * n * h / (sp.Symbol("eps", positive=True) * trace_norm),
                False,
                "1 - mu = eps below 1.",
            ),
            Condition("memory", eta * h / (1 - beta2), True, "Above about 1 the inertia does not follow the path."),
            Condition("barrier_over_temperature", climb, False, "Assumption 3."),
        ),
        findings=(
            Finding(
                "frozen inertia", "v remembers 1/(1 - beta2) steps: root and exponent at mu_a.", frozen + particle_lag
            ),
            Finding("the iteration's own lag", "For int L'L''/D dx, instead of lr/(1 - mu_a).", iterated_lag),
            Finding("followed inertia", "A further factor.", factor),
            Finding("constant isotropic noise", "1 - mu = beta0 in every direction: the root is this.", isotropic_root),
        ),
    )


def _form(name: str, says: str, expression: Any, **arguments: Any) -> Form:
    return Form(name, says, expression, arguments, expression)


def _beta1(theorem: Derivation) -> Any:
    return theorem.form("lag").arguments["beta1"]


def _followed() -> tuple[Any, Any]:
    """Return the drift that a friction gamma(x) adds at gamma M = 1, and the factor it gives."""
    friction, square = sp.Function("gamma"), sp.Symbol("<v^2>", positive=True)
    corrected = x + v / friction(x)
    drift = v * corrected.diff(x) + friction(x) * (-v - pull) * corrected.diff(v)
    must_vanish(corrected.diff(v, 2), "the corrector is linear in v")
    drift = sp.expand(sp.expand(drift + pull).subs(v**2, square))
    stationary = sp.solve(-2 * friction(x) * square + 2 * friction(x) ** 2 * D, square)[0]
    added = sp.simplify(drift.subs(square, stationary))
    must_vanish(added + D * friction(x).diff(x) / friction(x), "-D (ln gamma)'")
    # Minus its integral over D; dx = d gamma / gamma'.
    there = sp.Symbol("gamma", positive=True)
    slope = sp.Symbol("gamma'", real=True)
    raised = -sp.integrate((added / D).subs(friction(x).diff(x), slope).subs(friction(x), there) / slope, there)
    factor = sp.simplify(sp.exp(raised.subs(there, open_b / eta) - raised.subs(there, open_a / eta)))
    must_vanish(factor - open_b / open_a, "the factor")
    return added, factor
