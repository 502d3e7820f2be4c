"""Eq. 3: the covariance of a minibatch's gradient, and what it is near a critical point."""

from typing import Any

from .derivation import Assumption, Condition, Derivation, Finding, Form, Limit, Step, must_vanish
from .symbols import B, H, eta, sp

m = sp.Symbol("m", positive=True, integer=True)
F, G, G_other = sp.symbols("F_ij G_i G_j", real=True)
RESIDUAL = sp.Symbol("sigma", positive=True)
OFFSET = sp.Matrix(sp.symbols("theta1 theta2", real=True))
ENTRY = {"second_moment": F, "mean": G, "other_mean": G_other, "batch_size": B}


def derive() -> Derivation:
    """Derive the covariance of the mean of B draws, and the data for which it is the Hessian over B.

    References
    ----------
    Xie et al., "Adaptive Inertia", ICML 2022, Eq. 3.
    """
    # <g_i g_j> of two draws: the same sample in B of B^2 pairs, otherwise one independent of the first.
    with_replacement = (B * F + B * (B - 1) * G * G_other) / B**2 - G * G_other
    covariance = (F - G * G_other) / B
    must_vanish(with_replacement - covariance, "the mean of B independent draws")
    # Without replacement two draws are two different samples: of all m^2 pairs the m equal ones are left out.
    apart = (m**2 * G * G_other - m * F) / (m * (m - 1))
    without_replacement = (B * F + B * (B - 1) * apart) / B**2 - G * G_other
    correction = sp.factor(without_replacement / covariance)
    at_critical = covariance.subs({G: 0, G_other: 0})

    fisher, hessian, gradient = _least_squares()
    minimum = dict.fromkeys(OFFSET, 0)
    for entry in gradient.subs(minimum):
        must_vanish(entry, "the gradient at the minimum")
    for entry in fisher.subs(minimum) - RESIDUAL**2 * hessian:
        must_vanish(entry, "the Fisher matrix at the minimum")
    away = sp.factor((fisher[0, 0] - gradient[0] ** 2).subs(RESIDUAL, 0))
    near = at_critical.subs(F, sp.Abs(H))

    return Derivation(
        name="equation-3",
        title="Gradient noise near a critical point has the covariance [H]^+ / B",
        source='Xie et al., "Adaptive Inertia", ICML 2022, Eq. 3',
        assumptions=(
            Assumption("Finite sum", "L = (1/m) sum_j L_j, so that the gradient G is the samples' mean.", None),
            Assumption("Minibatches", "B samples are drawn independently, with replacement; g is their mean.", None),
            Assumption("Critical point", "grad L = 0.", sp.Eq(G, 0)),
            Assumption(
                "Fisher is Hessian",
                "(1/m) sum_j grad L_j grad L_j^T = [H]^+, eigenvalue by eigenvalue.",
                sp.Eq(F, sp.Abs(H)),
            ),
        ),
        steps=(
            Step(
                "two draws",
                "Of the B^2 pairs of draws in <g_i g_j>, B are one sample with itself; the others are independent."
                " F is (1/m) sum_j grad L_j grad L_j^T.",
                sp.Eq(sp.Symbol("C_ij"), with_replacement),
            ),
            Step("with replacement", "Exactly, at any point.", sp.Eq(sp.Symbol("C_ij"), covariance)),
            Step("at a critical point", "The gradient's own part is gone.", sp.Eq(sp.Symbol("C_ij"), at_critical)),
            Step(
                "least squares: Hessian",
                "L_j = (x_j theta - y_j)^2 / 2 in two dimensions; the inputs are (a1, a2) and (b1, b2), each with"
                " residuals sigma and -sigma at the minimum, so that residual and input are independent.",
                hessian,
            ),
            Step(
                "least squares: Fisher matrix",
                "At the minimum it is the Hessian times the residual's variance: the Hessian itself at sigma = 1.",
                sp.Eq(sp.Symbol("F"), RESIDUAL**2 * sp.Symbol("H")),
            ),
            Step("near a critical point", "Along an eigen-direction, for either sign of H_i.", near),
            Step("diffusion", "D = lr C / 2.", eta * near / 2),
        ),
        forms=(
            Form(
                "covariance",
                "Entry of C for batches drawn with replacement, exactly; second_moment is F_ij.",
                covariance,
                ENTRY,
                covariance,
            ),
            Form(
                "covariance_without_replacement",
                "The same for batches whose samples all differ.",
                covariance * correction,
                {**ENTRY, "samples": m},
                covariance * correction,
            ),
            Form(
                "near_critical",
                "Variance along an eigen-direction near a critical point, as printed.",
                near,
                {"curvature": H, "batch_size": B},
                near,
            ),
            Form(
                "diffusion",
                "Its diffusion, as printed.",
                eta * near / 2,
                {"curvature": H, "batch_size": B, "lr": eta},
                eta * near / 2,
            ),
        ),
        limits=(
            Limit("critical point", "grad L = 0.", at_critical),
            Limit("whole sample", "B = m without replacement: no noise.", correction.subs(B, m)),
            Limit("many samples", "m -> infinity without replacement: the same.", sp.limit(correction, m, sp.oo)),
        ),
        conditions=(
            Condition(
                "gradient_over_noise",
                G**2 / F,
                True,
                "C is smaller than F / B by this share: it is not a critical point.",
            ),
        ),
        findings=(
            Finding(
                "without replacement",
                "C is smaller by this factor, the same in every direction.",
                sp.Eq(sp.Symbol("C'") / sp.Symbol("C"), correction),
            ),
            Finding(
                "proportional to 1/B always, to H only there",
                "For least squares without residuals, theta an offset from the minimum, one entry of B C: quadratic in"
                " the offset, and of fourth order in the inputs, where H is of second.",
                away,
            ),
            Finding(
                "the scale of the loss",
                "The Fisher matrix is sigma^2 times the Hessian: C = [H]^+ / B only for residuals of variance 1, as"
                " for the negative logarithm of a likelihood whose model is right.",
                sp.Eq(sp.Symbol("C"), at_critical.subs(F, RESIDUAL**2 * sp.Abs(H))),
            ),
        ),
    )


def _least_squares() -> tuple[Any, Any, Any]:
    """Return Fisher matrix, Hessian and gradient at an offset from the minimum, for four samples."""
    inputs = [sp.Matrix(sp.symbols(f"{name}1 {name}2", real=True)) for name in "ab"]
    samples = [(each, sign * RESIDUAL) for each in inputs for sign in (1, -1)]
    gradients = [each * ((each.T * OFFSET)[0] + left) for each, left in samples]
    mean: Any = sum(gradients, sp.zeros(2, 1)) / len(samples)
    fisher = sum((g * g.T for g in gradients), sp.zeros(2)) / len(samples)
    return sp.expand(fisher), mean.jacobian(OFFSET), sp.expand(mean)
