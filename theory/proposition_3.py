"""Proposition 3: how Adai leaves a saddle; Theorem 2 with an inertia of each direction's own."""

from typing import Any

from ..dynamics.adai import UndampedAdai
from ..dynamics.momentum import Momentum
from . import theorem_2
from .derivation import Assumption, Condition, Derivation, Finding, Form, Limit, Step, must_vanish
from .rule_step import covariance_step, step_matrices
from .substitution import substituted
from .symbols import B, C, D, H, M, T, beta0, beta1, beta3, eta, friction_mass, gamma, h, mu, n, sp, t, trace_norm

PRINTED = {
    "curvature": H,
    "trace_norm": trace_norm,
    "dimension": n,
    "batch_size": B,
    "lr": eta,
    "beta0": beta0,
    "steps": T,
}
FROZEN = {"curvature": H, "variance": C, "inertia": mu, "lr": eta, "steps": T}
x = sp.Symbol("x", positive=True)
eps = sp.Symbol("epsilon", positive=True)


def derive() -> Derivation:
    """Derive Proposition 3 from Theorem 2 and from Adai's own step.

    References
    ----------
    Xie et al., "Adaptive Inertia", ICML 2022, Proposition 3.
    """
    theorem = theorem_2.derive()
    keep, noise = _adai()
    frozen = {beta1: mu, beta3: 1 - mu, friction_mass: 1, gamma: (1 - mu) / eta, t: eta * T, D: eta * C / 2}
    # v = C = |H| / B in every direction, and vbar is its mean over all n of them.
    lost = sp.cancel(beta0 * (sp.Abs(H) / B) / (trace_norm / (n * B)))
    # Not 1 - (1 - beta0 ...), which would lose its digits at a flat direction.
    printed = {friction_mass: 1, gamma: lost / eta, t: eta * T, D: eta * sp.Abs(H) / (2 * B)}
    stiffest = printed | {gamma: printed[gamma].subs(sp.Abs(H), h)}
    forms = {form.name: form for form in theorem.forms}
    spread, drift, diffusion = (
        substituted(forms[name], name, says, printed, PRINTED)
        for name, says in (
            ("spread", "Mean square displacement along an eigen-direction that is a coordinate, as printed."),
            ("drift", "Its first term, the momentum drift."),
            ("diffusion", "Its second term, SGD's: gamma M is 1 whatever the inertia."),
        )
    )
    saturated = sp.limit(drift.expression.subs(sp.Abs(H), h), T, sp.oo)
    must_vanish(sp.diff(saturated, h), "the saturated drift is the same in every direction")
    short = sp.series(diffusion.expression.subs(H, -h), h, 0, 2).removeO()

    # The iteration's drift is what m_0 alone becomes: A^T on the stationary momentum, here where nothing pulls back.
    carried = (keep.subs(H, 0) ** T)[0, 1] ** 2 * noise[1, 1] / (1 - mu**2)
    height = sp.factor(sp.simplify(carried / (1 - mu**T) ** 2))
    factor = sp.factor(height / (eta**2 * C / (2 * (1 - mu))))
    # Drift over diffusion in x = (1 - mu) T; the largest is where its slope vanishes, e^x = 1 + 2 x.
    share = (drift.expression.subs(sp.Abs(H), h) / short).subs(T, x / lost.subs(sp.Abs(H), h))
    at = sp.nsolve(sp.diff(share, x), x, 1.3)
    most = share.subs(x, at)

    return Derivation(
        name="proposition-3",
        title="How Adai leaves a saddle",
        source='Xie et al., "Adaptive Inertia", ICML 2022, Proposition 3',
        assumptions=(
            *theorem.assumptions,
            Assumption("Eq. 3", "C = [H]^+ / B at the saddle.", sp.Eq(C, sp.Abs(H) / B)),
            Assumption(
                "Second moment",
                "v is the mean square of the gradient at the saddle, C, and stays there; the eigen-directions are"
                " coordinates.",
                sp.Eq(sp.Symbol("v_i"), C),
            ),
            Assumption("No clipping", "1 - mu_i lies between eps and 1.", sp.Eq(1 - mu, lost)),
            Assumption("No bias", "The correction 1 / (1 - prod mu) has passed.", None),
        ),
        steps=(
            Step(
                "inertia",
                "1 - mu_i = beta0 v_i / vbar with v = C and vbar the mean of v over the n directions.",
                sp.Eq(1 - mu, lost),
            ),
            Step(
                "one step of the iteration",
                "Adai's own move on symbols with mu for the gain: heavy ball's with beta1 = mu and beta3 = 1 - mu.",
                sp.Eq(sp.Symbol("A"), keep, evaluate=False),
            ),
            Step("its noise", "Q of S <- A S A^T + Q.", sp.Eq(sp.Symbol("Q"), noise, evaluate=False)),
            Step("friction", "gamma = (1 - mu) / lr, and gamma M = (1 - beta1) / beta3 = 1.", sp.Eq(gamma, lost / eta)),
            Step("momentum drift", "Theorem 2's, with both.", drift.expression),
            Step("saturated", "(1 - mu_i) T >> 1: H_i drops out, and every direction has the same.", saturated),
            Step("diffusion", "Theorem 2's: no friction is left in it.", diffusion.expression),
            Step("diffusion, short time", "|H| lr T << 1: SGD's.", short),
        ),
        forms=(
            spread,
            drift,
            diffusion,
            Form(
                "saturated_drift",
                "The drift at (1 - mu) T >> 1.",
                saturated,
                {"trace_norm": trace_norm, "dimension": n, "batch_size": B, "lr": eta, "beta0": beta0},
                saturated,
            ),
            Form(
                "short_diffusion",
                "The leading term of the diffusion.",
                short,
                {"magnitude": h, "batch_size": B, "lr": eta, "steps": T},
                short,
            ),
            Form(
                "inertia_lost",
                "1 - mu, before it is clipped to [eps, 1].",
                lost,
                {"curvature": H, "trace_norm": trace_norm, "dimension": n, "beta0": beta0},
                lost,
            ),
            *(
                substituted(forms[name], f"frozen_{name}", f"{says} with mu frozen at any value", frozen, FROZEN)
                for name, says in (
                    ("spread", "Theorem 2's form,"),
                    ("exact_rest", "The particle exactly, from rest,"),
                    ("exact_thermal", "The particle exactly, from a thermal start,"),
                    ("iterated_rest", "The iteration exactly, from rest and without bias correction,"),
                    ("iterated_thermal", "The iteration exactly, from its own thermal start,"),
                    ("iterated_drift", "What the momentum at the start carries in the iteration,"),
                )
            ),
        ),
        limits=(
            Limit("long time", "The drift of every direction.", saturated),
            Limit("short time", "The diffusion, SGD's of Theorem 1.", short),
        ),
        conditions=(
            *(
                each._replace(number=each.number.subs(M, friction_mass / gamma).xreplace(stiffest))
                for each in theorem.conditions
            ),
            Condition(
                "inertia_clip_low",
                sp.cancel(lost.subs(sp.Abs(H), h) / eps),
                False,
                "Below 1, at the flattest direction, mu is clipped at 1 - eps.",
            ),
            Condition(
                "inertia_clip_high",
                lost.subs(sp.Abs(H), h),
                True,
                "Above 1, at the stiffest direction, mu is clipped at 0.",
            ),
            Condition(
                "gradient_over_noise",
                H**2 * sp.Symbol("S_xx") / C,
                True,
                "v no longer is C: it follows the gradient of a trajectory that runs away.",
            ),
        ),
        findings=(
            Finding(
                "the iteration's drift",
                "What the stationary momentum alone becomes on a flat loss: it can be measured, since theta is linear"
                " in momentum and noise.",
                height * (1 - mu**T) ** 2,
            ),
            Finding("its height over the printed one", "Once saturated, at every C.", factor),
            Finding(
                "drift over diffusion",
                "Both as printed at |H| lr T << 1, x = (1 - mu_i) T.",
                share,
            ),
            Finding("is largest", "Where the slope vanishes, e^x = 1 + 2 x.", sp.Eq(x, at.n(6))),
            Finding(
                "and small",
                "So that the total spread stays as anisotropic as SGD's. The iteration's is smaller still: mu^2 / (1 -"
                " mu^2) < 1 / (2 ln(1 / mu)) makes this its bound in x = T ln(1 / mu).",
                most.n(6),
            ),
        ),
    )


def _adai() -> tuple[Any, Any]:
    """Return A and Q of Adai with a frozen inertia, shown to be heavy ball's with beta1 = mu and beta3 = 1 - mu."""
    rule = UndampedAdai(lr=eta, beta0=beta0)
    A, G = step_matrices(rule, mu, dict.fromkeys(range(1, rule.rows()), 0))
    own = covariance_step(A, G, H, C)
    ball = covariance_step(*step_matrices(Momentum(eta, mu, 1 - mu)), H, C)
    for each, other in zip(own, ball, strict=True):
        for entry in each - other:
            must_vanish(entry, "Adai with a frozen inertia is heavy ball")
    return own
