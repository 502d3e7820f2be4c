"""Proposition 1: how Adam leaves a saddle; Theorem 2 with the curvature and the noise divided by the root of v."""

from typing import Any

from ..dynamics.adam import Adam
from ..dynamics.momentum import Momentum
from . import theorem_2
from .derivation import Assumption, Condition, Derivation, Finding, Form, Limit, Step, must_vanish
from .rule_step import covariance_step, step_matrices
from .substitution import substituted
from .symbols import B, C, D, H, M, T, beta1, beta2, beta3, eta, friction_mass, gamma, h, second_moment, sp, t

FROZEN = {
    "curvature": H,
    "variance": C,
    "second_moment": second_moment,
    "lr": eta,
    "beta1": beta1,
    "steps": T,
}
PRINTED = {"curvature": H, "batch_size": B, "lr": eta, "beta1": beta1, "steps": T}


def derive() -> Derivation:
    """Derive Proposition 1 from Theorem 2 and from Adam's own step.

    References
    ----------
    Xie et al., "Adaptive Inertia", ICML 2022, Proposition 1.
    """
    theorem = theorem_2.derive()
    root = sp.sqrt(second_moment)
    keep, noise = _adam(1 / root)
    rescaled = {H: H / root, C: C / second_moment, D: eta * C / (2 * second_moment)}
    averaged = {beta3: 1 - beta1, friction_mass: 1, gamma: (1 - beta1) / eta, t: eta * T}
    frozen = rescaled | averaged

    # Eq. 3 and v = C: the noise is lr / 2 in every direction. H / sqrt(|H| / B) is written so that it has a value at 0.
    equation_3 = {C: sp.Abs(H) / B, second_moment: sp.Abs(H) / B}
    pull = sp.sign(H) * sp.sqrt(B * sp.Abs(H))
    for sign in (1, -1):
        must_vanish(pull.subs(H, sign * h) - (H / root).xreplace(equation_3).subs(H, sign * h), "H / sqrt(v)")
    printed = averaged | {H: pull, D: rescaled[D].xreplace(equation_3)}
    stiffest = averaged | {h: sp.sqrt(B * h)}
    forms = {form.name: form for form in theorem.forms}
    drift = substituted(
        forms["drift"],
        "drift",
        "Its first term, the momentum drift: the same in every direction.",
        printed,
        {"lr": eta, "beta1": beta1, "steps": T},
    )
    spread, diffusion = (
        substituted(forms[name], name, says, printed, PRINTED)
        for name, says in (
            ("spread", "Mean square displacement along an eigen-direction that is a coordinate, as printed."),
            ("diffusion", "Its second term."),
        )
    )
    short = sp.limit(diffusion.expression.subs(H, -h), h, 0)

    left = sp.Symbol("left", positive=True)
    settled = sp.limit(drift.expression.subs(beta1, 1 - left), T, sp.oo).subs(left, 1 - beta1)
    # After one step no curvature has been felt yet.
    whole = (drift.expression + short).subs({T: 1, eta: 1})
    first = noise[0, 0].subs(C, second_moment) / eta**2
    corrected = sp.cancel(first / (1 - beta1) ** 2)
    # The mean root of a mean of j squares: chi-square over its degrees of freedom.
    s, j = sp.symbols("s j", positive=True, integer=True)
    u = sp.Symbol("u", positive=True)
    chi_square = u ** (j / 2 - 1) * sp.exp(-u / 2) / (2 ** (j / 2) * sp.gamma(j / 2))
    must_vanish(sp.integrate(chi_square, (u, 0, sp.oo)) - 1, "a density")
    unsettled = sp.simplify(sp.integrate(sp.sqrt(u / j) * chi_square, (u, 0, sp.oo)))
    share = (1 - beta1) * sp.Sum(beta1 ** (j - s) / (1 - beta1**j), (j, s, T))
    return Derivation(
        name="proposition-1",
        title="How Adam leaves a saddle",
        source='Xie et al., "Adaptive Inertia", ICML 2022, Proposition 1',
        assumptions=(
            *theorem.assumptions,
            Assumption("Eq. 3", "C = [H]^+ / B at the saddle.", sp.Eq(C, sp.Abs(H) / B)),
            Assumption(
                "Second moment",
                "v is the mean square of the gradient at the saddle, C, and stays there; eps is 0, and the"
                " eigen-directions are coordinates: Adam is not rotation invariant.",
                sp.Eq(second_moment, C),
            ),
            Assumption("No bias", "The correction 1 / (1 - beta1^t) has passed.", None),
        ),
        steps=(
            Step(
                "one step of the iteration",
                "Adam's own move on symbols, with the gain 1 / sqrt(v) and m / sqrt(v) for the momentum: (theta, m /"
                " sqrt(v))' = A (theta, m / sqrt(v)) + noise.",
                sp.Eq(sp.Symbol("A"), keep, evaluate=False),
            ),
            Step("its noise", "Q of S <- A S A^T + Q.", sp.Eq(sp.Symbol("Q"), noise, evaluate=False)),
            Step(
                "it is heavy ball",
                "Both are those of heavy ball with beta3 = 1 - beta1 after these substitutions.",
                sp.Eq(sp.Matrix([H, C, D]), sp.Matrix([rescaled[symbol] for symbol in (H, C, D)]), evaluate=False),
            ),
            Step(
                "the rescaled noise",
                "With v = C: D is lr / 2, free of H and the same in every direction.",
                printed[D],
            ),
            Step("the rescaled curvature", "With v = C = |H| / B.", pull),
            Step("momentum drift", "Theorem 2's, with both.", drift.expression),
            Step("diffusion", "Theorem 2's, with both.", diffusion.expression),
            Step("short time", "sqrt(B |H|) lr T << 1.", short),
        ),
        forms=(
            spread,
            drift,
            diffusion,
            Form(
                "short_spread",
                "Drift and the leading term of the diffusion: free of H.",
                drift.expression + short,
                {"lr": eta, "beta1": beta1, "steps": T},
                drift.finite + short,
            ),
            *(
                substituted(forms[name], f"frozen_{name}", f"{says} with v frozen at any value", frozen, FROZEN)
                for name, says in (
                    ("spread", "Theorem 2's form,"),
                    ("exact_rest", "The particle exactly, from rest,"),
                    ("exact_thermal", "The particle exactly, from a thermal start,"),
                    ("iterated_rest", "The iteration exactly, from rest and without bias correction,"),
                    ("iterated_thermal", "The iteration exactly, from its own thermal start,"),
                )
            ),
        ),
        limits=(
            Limit(
                "short time",
                "The total at sqrt(B |H|) lr T << 1: the same in every direction.",
                drift.expression + short,
            ),
            Limit("after the first steps", "(1 - beta1) T >> 1.", settled + short),
        ),
        conditions=(
            *(
                each._replace(number=each.number.subs(M, friction_mass / gamma).xreplace(stiffest))
                for each in theorem.conditions
            ),
            Condition(
                "gradient_over_noise",
                H**2 * sp.Symbol("S_xx") / C,
                True,
                "v no longer is C: it follows the gradient of a trajectory that runs away.",
            ),
            Condition("memory", eta * sp.sqrt(B * h) / (1 - beta2), True, "v does not follow what it averages."),
        ),
        findings=(
            Finding(
                "frozen second moment",
                "The statement takes v as constant, which it is while the noise outweighs the gradient; then the"
                " iteration is heavy ball exactly, but for the bias correction.",
                sp.Eq(second_moment, C),
            ),
            Finding(
                "bias correction",
                "From rest each gradient is weighted by this share of -lr / sqrt(v), the s-th of T, at H -> 0; the"
                " variance is the sum of its squares. frozen_gain.py has it for every H.",
                share,
            ),
            Finding(
                "second moment not yet settled",
                "R(j), the mean root of v over the root of its mean after j steps. The sum of j squares and the share"
                " of its first i in it are independent, so that two steps i < j, which share gradients, correlate less"
                " than with v held by R(i) / R(j): random_gain.py.",
                sp.Eq(sp.Symbol("R_j"), unsettled),
            ),
            Finding("first step", "From rest with the correction, over the printed form.", corrected / whole),
            Finding("first step, not corrected", "The same without the correction.", first / whole),
        ),
    )


def _adam(gain: Any) -> tuple[Any, Any]:
    """Return A and Q of Adam with a frozen gain, in (theta, gain m), shown to be heavy ball's with H and C rescaled."""
    rule = Adam(lr=eta, beta1=beta1)
    A, G = step_matrices(rule, gain, dict.fromkeys(range(1, rule.rows()), 0))
    scale = sp.diag(1, gain)
    keep, noise = covariance_step(A, G, H, C)
    keep, noise = (m.applyfunc(sp.factor) for m in (scale * keep * scale.inv(), scale * noise * scale))
    ball = covariance_step(*step_matrices(Momentum(eta, beta1, 1 - beta1)), H * gain, C * gain**2)
    for own, other in zip((keep, noise), ball, strict=True):
        for entry in own - other:
            must_vanish(entry, "Adam with a frozen gain is heavy ball")
    return keep, noise
