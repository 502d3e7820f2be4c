"""Theorem 1: how SGD leaves a saddle."""

from ..dynamics.sgd import SGD
from .derivation import Assumption, Condition, Derivation, Finding, Form, Limit, Step, must_vanish
from .finite import finite, geometric
from .rule_step import covariance_step, step_matrices
from .symbols import B, C, D, H, T, eta, h, sp, t, x

S = sp.Function("S")


def derive() -> Derivation:
    """Derive Theorem 1 from the diffusion of SGD, and the iteration's own answer from its step.

    References
    ----------
    Xie et al., "Adaptive Inertia", ICML 2022, Theorem 1.
    """
    # The backward operator of d theta = -H theta dt + (2 D)^(1/2) dW on theta^2 gives the moment's own equation.
    moment = sp.expand(-H * x * sp.diff(x**2, x) + D * sp.diff(x**2, x, 2)).subs(x**2, S(t))
    growth = sp.Eq(S(t).diff(t), moment)
    general = sp.dsolve(growth, S(t))
    constant = sp.solve(general.rhs.subs(t, 0), sp.Symbol("C1"))[0]
    spread = D / H * (1 - sp.exp(-2 * H * t))
    must_vanish(general.rhs.subs(sp.Symbol("C1"), constant) - spread, "the moment's equation, solved")
    law = sp.exp(-(x**2) / (2 * spread)) / sp.sqrt(2 * sp.pi * spread)
    flow = sp.diff(law, t) - sp.diff(H * x * law, x) - D * sp.diff(law, x, 2)
    must_vanish(flow, "the normal law in the Fokker-Planck equation")

    A, G = step_matrices(SGD(lr=eta))
    keep, noise = covariance_step(A, G, H, C)
    loss = eta * H * (2 - eta * H)
    must_vanish(loss - (1 - keep[0] ** 2), "what a step takes from the variance")
    iterated = noise[0] * (1 - keep[0] ** (2 * T)) / loss

    equation_3 = spread.subs(D, eta * h / (2 * B)).subs(H, -h).subs(t, eta * T)
    short = sp.series(equation_3, h, 0, 2).removeO()
    missed = sp.limit((equation_3 / short - 1) / h, h, 0)

    return Derivation(
        name="theorem-1",
        title="How SGD leaves a saddle",
        source='Xie et al., "Adaptive Inertia", ICML 2022, Theorem 1',
        assumptions=(
            Assumption(
                "SGD as a diffusion",
                "d theta = -grad L dt + (2D)^(1/2) dW, in the Ito reading (Eq. 1).",
                sp.Eq(D, eta * C / 2),
            ),
            Assumption(
                "Quadratic loss",
                "L is its second-order Taylor expansion at the saddle; each eigen-direction"
                " is then a process of its own.",
                sp.Eq(sp.Function("L")(x), H * x**2 / 2),
            ),
            Assumption("Fixed noise", "The noise is what it is at the saddle, where theta starts.", None),
        ),
        steps=(
            Step(
                "moment equation",
                "The backward operator -H x d/dx + D d2/dx2, applied to x^2, gives the equation of the variance.",
                growth,
            ),
            Step("its solution from rest", "With S(0) = 0.", sp.Eq(S(t), spread)),
            Step(
                "the law is normal",
                "exp(-x^2 / 2S) / sqrt(2 pi S) solves the Fokker-Planck equation with that S: what is left of it.",
                sp.simplify(flow),
            ),
            Step(
                "one step of the iteration",
                "The rule's own move on symbols: theta' = A theta + G g, with g = H theta + C^(1/2) xi.",
                sp.Eq(sp.Symbol("theta'"), keep[0] * x + G[0] * sp.sqrt(C) * sp.Symbol("xi")),
            ),
            Step(
                "the iteration's variance",
                "S <- A^2 S + G^2 C from 0, a geometric sum.",
                sp.Eq(S(T), iterated),
            ),
            Step("with Eq. 3", "D = eta |H| / (2 B) at a direction of negative curvature, H = -|H|.", equation_3),
        ),
        forms=(
            Form(
                "spread",
                "Variance along an eigen-direction, as printed.",
                spread,
                {"curvature": H, "diffusion": D, "time": t},
                finite(spread),
            ),
            Form(
                "iterated_spread",
                "The same, exact for the iteration.",
                iterated,
                {"curvature": H, "variance": C, "lr": eta, "steps": T},
                noise[0] * geometric(T, loss),
            ),
            Form(
                "short_spread",
                "The leading term at |H| t << 1 with Eq. 3, as printed.",
                short,
                {"magnitude": h, "lr": eta, "steps": T, "batch_size": B},
                short,
            ),
        ),
        limits=(
            Limit("flat direction", "H -> 0.", sp.limit(spread, H, 0)),
            Limit("short time", "|H| t << 1, with Eq. 3: flat directions are left slowly.", short),
            Limit("long time in a valley", "H > 0 and t -> infinity: the stationary variance.", D / H),
        ),
        conditions=(
            Condition(
                "lr_times_curvature",
                eta * h,
                True,
                "The iteration is not its diffusion: it parts from it by"
                " eta |H| / 2, and by eta H^2 t in the exponent.",
            ),
        ),
        findings=(
            Finding(
                "the short form grows linearly only",
                "Its first relative error, so that it needs |H| eta T << 1.",
                sp.Eq(sp.Symbol("error"), missed * h),
            ),
        ),
    )
