"""Flatness selection: how escape slows with the sharpness of a minimum, L_k(theta) = L(k^(1/2) theta)."""

from typing import Any

import numpy as np

from ..dynamics.adai import Adai, UndampedAdai
from ..dynamics.adam import Adam
from ..dynamics.interface import adapt
from ..dynamics.momentum import Momentum
from ..dynamics.sgd import SGD
from .derivation import Assumption, Derivation, Finding, Form, Limit, Step, must_vanish
from .proposition_2 import derive as derive_proposition_2
from .proposition_2 import volume
from .proposition_4 import derive as derive_proposition_4
from .rule_step import step_matrices
from .symbols import (
    B,
    D,
    H_a,
    H_b,
    barrier,
    beta0,
    beta1,
    beta2,
    beta3,
    eta,
    friction_mass,
    gamma,
    n,
    s,
    sp,
    trace_norm,
    x,
)
from .theorem_3 import climb
from .theorem_3 import derive as derive_theorem_3

k = sp.Symbol("k", positive=True)
"""Sharpness: every curvature is multiplied by it, no barrier is."""
gain = sp.Symbol("gain", positive=True)
SHARP = {H_a: k * H_a, H_b: k * H_b, trace_norm: k * trace_norm}


def derive() -> Derivation:
    """Derive the law of flatness selection from Theorem 3 and its propositions, and the exact rescaling of the rules.

    References
    ----------
    Xie et al., "Adaptive Inertia", ICML 2022, Section 5 and Figure 6.
    """
    theorem, adam, adai = derive_theorem_3(), derive_proposition_2(), derive_proposition_4()
    exponent = theorem.form("exponent").expression
    heavy = theorem.form("log_escape_time").expression.subs(climb, exponent)
    laws = {
        "momentum": _law(heavy, friction_mass * exponent, 1),
        "adai": _law(adai.form("log_escape_time").expression.subs(climb, exponent), exponent, 1),
        "adam": _law(adam.form("log_escape_time").expression, _adam_climb(adam), sp.Rational(1, 2)),
    }
    sgd = _law(heavy.subs(gamma, sp.oo).subs(friction_mass, 1), exponent, 1)

    # C_k(theta) = k C(k^(1/2) theta), g_k = k^(1/2) g, u = k^(1/2) theta.
    rules: dict[str, tuple[Any, Any, dict[int, Any], Any, Any]] = {
        "SGD": (SGD, {}, {}, 1, k),
        "Momentum": (Momentum, {"beta1": beta1, "beta3": beta3}, {}, 1, k),
        "Adam": (Adam, {"beta1": beta1, "beta2": beta2, "eps": 0}, dict.fromkeys(range(1, 6), 0), gain, sp.sqrt(k)),
        "Adai": (UndampedAdai, {"beta0": beta0, "beta2": beta2}, {1: 0, 2: 0, 3: 0}, gain, k),
    }
    scaled = {"SGD": 1, "Momentum": 1, "Adam": 1 / sp.sqrt(k), "Adai": 1}
    for name, rule in (("Adam", Adam(eps=0.0)), ("Adai", Adai())):
        _check_gain(rule, scaled[name])
    for name, (kind, fields, remembered, given, stretch) in rules.items():
        _check_rescaling(kind, fields, remembered, given, scaled[name], stretch)
    L, (a, b) = sp.Function("L"), sp.symbols("a b", real=True)
    height = L(sp.sqrt(k) * x)
    fixed = (height.subs(x, b / sp.sqrt(k)) - height.subs(x, a / sp.sqrt(k))) / D
    must_vanish(fixed - (L(b) - L(a)) / D, "the exponent where D does not follow")

    A, p, before = sp.symbols("A p lnPi_1", positive=True)
    raw = sp.simplify((k * sp.diff(sp.log(before - p * sp.log(k) + A * k**-p), k)).subs(k, 1))
    steps_k, steps = sp.Function("T_k"), sp.Function("T")
    return Derivation(
        name="flatness-selection",
        title="How escape slows with the sharpness of a minimum",
        source='Xie et al., "Adaptive Inertia", ICML 2022, Section 5 and Figure 6',
        assumptions=(
            Assumption(
                "sharpness",
                "L_k(theta) = L(k^(1/2) theta): every curvature times k, the barrier as it was.",
                sp.Eq(sp.Symbol("H_k"), k * sp.Symbol("H")),
            ),
            Assumption(
                "Eq. 3",
                "The noise follows: C_k(theta) = k C(k^(1/2) theta), as with minibatches.",
                sp.Eq(sp.Symbol("C_k"), k * sp.Symbol("C")),
            ),
            *(a for a in theorem.assumptions if a.name == "Low temperature"),
        ),
        steps=(
            Step("SGD", "Theorem 3 with k H: ln tau - ln Pi_k.", _says(sgd)),
            Step("heavy ball", "The same with inertia; the root grows with k.", _says(laws["momentum"])),
            Step("Adai", "Proposition 4.", _says(laws["adai"])),
            Step("Adam", "Proposition 2: the root of the curvature.", _says(laws["adam"])),
            Step(
                "the rules, rescaled",
                "In u = k^(1/2) theta each rule's own step is that on L with this learning rate, momenta k^(1/2) times"
                " as large: path for path, whatever the noise.",
                sp.Matrix([[sp.Symbol(name), rule[4] * eta] for name, rule in rules.items()]),
            ),
            Step(
                "the gains, rescaled",
                "adapt on gradients 2 and 4 times as large, to the last bit: Adam's gain (eps = 0) and Adai's inertia.",
                sp.Matrix([[sp.Symbol(name), scaled[name]] for name in ("Adam", "Adai")]),
            ),
        ),
        forms=(
            *(
                form
                for name, given, scale in (
                    ("momentum", {"friction": gamma, "friction_mass": friction_mass}, {"friction_mass": friction_mass}),
                    ("adai", {"lr": eta, "beta0": beta0, "dimension": n, "trace_norm": trace_norm}, {}),
                    ("adam", {"batch_size": B, "lr": eta, "beta1": beta1, "log_det": volume}, {}),
                )
                for form in _forms(name, laws[name], given, scale)
            ),
        ),
        limits=(
            Limit("SGD's prefactor", "Pi_k as printed.", sp.exp(sgd[0])),
            Limit(
                "the slope of raw ln tau",
                "d ln ln tau/d ln k with Pi_k ~ k^-p and root 1, at k = 1, instead of -p.",
                raw,
            ),
        ),
        conditions=tuple(theorem.conditions[:3]),
        findings=(
            Finding(
                "exact without sampling",
                "Steps at lr on L_k are steps at k lr on L (Adam: k^(1/2) lr), for any noise that follows: the law is"
                " what ln tau ~ A/lr becomes.",
                sp.Eq(steps_k(eta), steps(k * eta)),
            ),
            Finding(
                "noise that does not follow",
                "With D fixed the exponent is dL/D for every k: only Pi_k changes.",
                fixed,
            ),
        ),
    )


def _law(log_time: Any, exponent: Any, power: Any) -> tuple[Any, Any, Any]:
    """Return ln Pi_k, A and p of ln tau with k H for H."""
    sharp = exponent.subs(SHARP, simultaneous=True)
    must_vanish(sharp - exponent * k**-power, "the exponent's power of k")
    prefactor = log_time.subs(SHARP, simultaneous=True) - sharp
    prefactor = sp.expand(prefactor)
    logs = [term for term in prefactor.args if term.has(sp.log) or term == volume / 4]
    must_vanish(prefactor - sp.Add(*logs), "what is left is the prefactor")
    return sp.Add(*logs), exponent, power


def _adam_climb(adam: Derivation) -> Any:
    return sp.Add(*(term for term in adam.form("log_escape_time").expression.args if term.has(barrier)))


def _says(law: tuple[Any, Any, Any]) -> Any:
    prefactor, exponent, power = law
    return sp.Eq(sp.Symbol("ln tau"), prefactor + exponent * k**-power, evaluate=False)


def _forms(name: str, law: tuple[Any, Any, Any], given: dict[str, Any], scale: dict[str, Any]) -> list[Form]:
    """Return A k^-p and ln Pi_k as forms."""
    prefactor, exponent, power = law
    sharp = exponent * k**-power
    climbs = {"curvature_min": H_a, "curvature_saddle": H_b, "barrier": barrier, "batch_size": B, "lr": eta, "s": s}
    climbs |= scale | {"sharpness": k}
    before = {"curvature_saddle": H_b} | given | {"sharpness": k}
    return [
        Form(f"{name}_climb", f"A k^-p of {name}, as printed.", sharp, climbs, sharp),
        Form(f"{name}_log_prefactor", f"ln Pi_k of {name}, as printed.", prefactor, before, prefactor),
    ]


def _check_gain(rule: Any, scale: Any) -> None:
    """Stop unless adapt, on gradients times k^(1/2), gives the gain times the given power of k: to the last bit."""
    drawn = np.random.default_rng(0).standard_normal((6, 3, 1))

    def gains(factor: float) -> Any:
        state, gain_now, out = np.zeros((rule.rows(), 3, 1)), np.ones((3, 1)), []
        rule.start(0, np.zeros((3, 1)), state)
        for t, g in enumerate(drawn, 1):
            adapt(rule, factor * g, state, np.array([float(t)]), gain_now)
            out.append(gain_now.copy())
        return np.array(out)

    for sharpness in (4, 16):
        expected = gains(1.0) * float(sp.sympify(scale).subs(k, sharpness))
        if not np.array_equal(gains(float(sharpness) ** 0.5), expected):
            raise ArithmeticError(f"the gain of {type(rule).__name__} does not scale as {scale}")


def _check_rescaling(kind: Any, fields: Any, remembered: Any, given: Any, scale: Any, stretch: Any) -> None:
    """Stop unless the step at lr on L_k is, in u and m / k^(1/2), the step at another lr on L."""
    A, G = step_matrices(kind(lr=eta, **fields), given * scale, remembered)
    other_A, other_G = step_matrices(kind(lr=stretch * eta, **fields), given, remembered)
    size = sp.diag(1 / sp.sqrt(k), *[sp.sqrt(k)] * (A.shape[0] - 1))
    for one, other in ((size.inv() * A * size, other_A), (size.inv() * G * sp.sqrt(k), other_G)):
        for left in one - other:
            must_vanish(left, f"the rescaled step of {kind.__name__}")
