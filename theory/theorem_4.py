"""Theorem 4: Adai converges."""

from typing import Any, NamedTuple

from ..dynamics.adai import Adai
from ..dynamics.sgd import SGD
from .derivation import Assumption, Condition, Derivation, Finding, Form, Limit, Step, must_vanish
from .rule_step import covariance_step, step_matrices
from .symbols import C, H, T, eta, mu, sp

ell, c0, R, G, delta = sp.symbols("ell c0 R G delta", positive=True)
"""Smoothness, eta (T + 1)^(1/2), and bounds of stochastic gradient, gradient and noise: R^2 = G^2 + delta^2."""
gap = sp.Symbol("L_0", positive=True)
"""L(theta_0) - L*."""
top = sp.Symbol("mu_max", positive=True)
"""The largest inertia."""
Q = sp.Symbol("Q", positive=True)
"""Root mean square of |grad L(theta_t)| over t <= T and over the noise; min E|grad L|^2 is at most Q^2."""
theta, m, g, before = sp.symbols("theta_t m_t g_t theta_{t-1}", real=True)
P = sp.Symbol("mu^{t+1}", positive=True)
"""Product of the inertias up to the present step, which the bias correction divides by 1 less of."""
horizon = sp.sqrt(T + 1)

NO_PRODUCT: dict[int, Any] = {1: 0, 2: 0, 3: 0}
"""Rows of Adai's state that its move only reads, the product of the inertias at 0: no bias correction."""


class Bounds(NamedTuple):
    """Bounds on Q^2, the mean over t <= T of E|grad L(theta_t)|^2."""

    plain: Any
    C1: Any
    C2: Any
    C3: Any
    sharp: Any
    biased: Any


def lead(inertia: Any) -> Any:
    """Return mu/(1 - mu): how many of its own steps the leading point z is ahead of theta."""
    return inertia / (1 - inertia)


def leading_point(position: Any, momentum: Any) -> Any:
    """Return z = theta - eta mu/(1 - mu) m."""
    return position - eta * lead(mu) * momentum


def bounds() -> Bounds:
    """Return the bounds in eta = c0/(T + 1)^(1/2), each from the mean over t <= T of the descent of z."""
    paid = gap / (eta * (T + 1))  # L(z_0) - L* telescoped, over eta (T + 1)

    # <grad L(z), grad L(theta)> is at least (|grad L(theta)|^2 - ell^2 |z - theta|^2)/2, E|z - theta|^2 <= shift^2.
    shift = eta * lead(top) * R
    plain = at_horizon(2 * (paid + ell * eta / 2 * R**2 + ell**2 * shift**2 / 2))
    w = sp.Symbol("w", positive=True)  # (T + 1)^(-1/2)
    orders = sp.expand(plain.subs(T, 1 / w**2 - 1))
    first, C3 = orders.coeff(w, 1), sp.factor(orders.coeff(w, 2))
    C1 = gap * first.coeff(gap)
    C2 = sp.expand(first - C1)
    must_vanish(plain - (C1 + C2) / horizon - C3 / (T + 1), "the bound in powers of (T + 1)^(-1/2)")

    # The same product is at least |grad L(theta)|^2 - ell |z - theta| |grad L(theta)|, and over all t
    # (mean E|z - theta|^2)^(1/2) <= eta (mu/(1-mu) Q + mu/(1-mu^2)^(1/2) delta).
    kept, pull, floor = sp.symbols("a w f", positive=True)
    root = (pull + sp.sqrt(pull**2 + 4 * kept * floor)) / (2 * kept)
    must_vanish(kept * root**2 - pull * root - floor, "the largest Q that the descent allows")
    here = {
        kept: 1 - ell * eta * (lead(top) + sp.Rational(1, 2)),
        pull: ell * eta * top / sp.sqrt(1 - top**2) * delta,
        floor: paid + ell * eta / 2 * delta**2,
    }
    sharp = at_horizon((root**2).subs(here, simultaneous=True))

    # Bias correction pushes z by eta mu^(t+1) mhat besides, E|mhat|^2 <= R^2: sums of mu^(t+1) and mu^(2t+2).
    steady, squares = lead(top), top**2 / (1 - top**2)
    pushed = steady * R * (G + ell * shift) + ell * eta / 2 * R**2 * (2 * steady + squares)
    biased = plain + at_horizon(2 * pushed / (T + 1))
    return Bounds(plain, C1, C2, C3, sharp, biased)


def at_horizon(expression: Any) -> Any:
    """Return an expression with eta = c0/(T + 1)^(1/2)."""
    return expression.subs(eta, c0 / horizon)


def derive() -> Derivation:
    """Derive Theorem 4 from Adai's own step with its inertia frozen.

    References
    ----------
    Xie et al., "Adaptive Inertia", ICML 2022, Theorem 4.
    """
    A, push = step_matrices(Adai(lr=eta), gain=mu, remembered=NO_PRODUCT)
    after = A * sp.Matrix([theta, m]) + push * g
    must_vanish(after[0] - (theta - eta * after[1]), "theta moves by its momentum alone")
    z, z_next = leading_point(theta, m), leading_point(*after)
    must_vanish(z - (theta + lead(mu) * (theta - before)).subs(before, theta + eta * m), "z in theta alone")
    must_vanish(z_next - (z - eta * g), "z takes a step of SGD")

    corrected, pushed = step_matrices(Adai(lr=eta), gain=mu, remembered=NO_PRODUCT | {2: P})
    moved = corrected * sp.Matrix([theta, m]) + pushed * g
    further = sp.factor(leading_point(*moved) - (z - eta * g))
    must_vanish(further + eta * P * moved[1] / (1 - P), "what bias correction adds to the step of z")

    mu_next = sp.Symbol("mu_{t+1}", positive=True)
    free = after.subs(mu, mu_next)
    turned = sp.factor(free[0] - eta * lead(mu_next) * free[1] - (z - eta * g))
    must_vanish(turned + eta * (lead(mu_next) - lead(mu)) * m, "what a changing inertia adds to the step of z")

    a, b, k, n = sp.symbols("a b k n", positive=True)
    product = (a**2 + b**2 - (a - b) ** 2) / 2
    must_vanish(product - a * b, "the product of two gradients")
    weight = push[1] * A[1, 1] ** k
    weights = sp.factor(push[1] / (1 - A[1, 1])) * (1 - A[1, 1] ** n)
    noise_share = sp.factor(push[1] ** 2 / (1 - A[1, 1] ** 2))

    found = bounds()
    keep, noise = covariance_step(*step_matrices(SGD(lr=eta)), H, C)
    settled = sp.factor(H**2 * noise[0] / (1 - keep[0] ** 2))
    x = sp.Symbol("x", positive=True)
    one = {top: 0, gap: 0, c0: x * horizon, ell: H, delta: sp.sqrt(C)}
    must_vanish(found.sharp.subs(one).subs(x, eta) - settled, "the sharp bound of SGD on a parabola, settled")
    attained = sp.cancel(sp.limit(_settled_gradient(A, push) / eta, eta, 0))

    order = sp.Symbol("O", positive=True)
    lasting = sp.limit(found.sharp.subs(T, 1 / order**2 - 1) / order, order, 0)
    best = sp.solve(sp.diff(found.C1 + found.C2, c0), c0)[0]

    mean = sp.Function("E")
    L = sp.Function("L")
    z_t, z_t1 = sp.symbols("z_t z_{t+1}")
    arguments = {"gap": gap, "c0": c0, "smoothness": ell, "gradient": R, "inertia": top, "steps": T}
    sharp_arguments = {"gap": gap, "c0": c0, "smoothness": ell, "noise": delta, "inertia": top, "steps": T}
    return Derivation(
        name="theorem-4",
        title="Adai converges",
        source='Xie et al., "Adaptive Inertia", ICML 2022, Theorem 4',
        assumptions=(
            Assumption("Smooth loss", "|grad L(x) - grad L(y)| is at most ell |x - y|.", None),
            Assumption("Lower bound", "L is at least L*; L_0 stands for L(theta_0) - L*.", None),
            Assumption("Unbiased gradient", "E[g_t | past] = grad L(theta_t).", None),
            Assumption(
                "Bounded second moments",
                "E g_i^2 is at most G_i^2 + delta_i^2, slope and noise; summed over the coordinates:",
                sp.Eq(R**2, G**2 + delta**2),
            ),
            Assumption("Rest", "m_0 = 0, so that z_0 = theta_0.", None),
            Assumption(
                "Frozen inertia",
                "mu_i is one number for each coordinate, fixed beforehand, and there is no bias correction.",
                sp.Le(mu, top),
            ),
            Assumption(
                "Learning rate of the horizon", "One for all T + 1 steps t = 0 ... T.", sp.Eq(eta, c0 / horizon)
            ),
        ),
        steps=(
            Step(
                "one step",
                "Adai's own move on symbols, its inertia frozen and its product of inertias at 0: (theta, m).",
                after,
            ),
            Step(
                "the leading point",
                "z_t = theta_t + mu/(1 - mu) (theta_t - theta_{t-1}), with theta_t = theta_{t-1} - eta m_t.",
                sp.Eq(z_t, z),
            ),
            Step("z takes a step of SGD", "By the two steps above, in every coordinate.", sp.Eq(z_t1, z_t - eta * g)),
            Step(
                "descent of z",
                "Smoothness along that step, and the mean over the noise of step t; a is the gradient at z_t, b that"
                " at theta_t.",
                sp.Le(mean(L(z_t1)), mean(L(z_t)) - eta * mean(a * b) + ell * eta**2 / 2 * mean(g**2)),
            ),
            Step(
                "the product of the gradients at z and theta",
                "a b = (a^2 + b^2 - (a - b)^2)/2 in each coordinate; a^2 is dropped, and smoothness bounds the sum of"
                " (a - b)^2. What is kept:",
                (b**2 - ell**2 * (z_t - theta) ** 2) / 2,
            ),
            Step("how far z is ahead", "By the definition of z.", sp.Eq(z_t - theta, z - theta)),
            Step(
                "size of the momentum",
                "m_t is the sum over past g of these weights, k steps back, which add up to 1 - mu^t: by convexity"
                " E m_i^2 is at most the largest E g_i^2.",
                sp.Eq(sp.Sum(weight, (k, 0, n - 1)), weights),
            ),
            Step(
                "telescoped",
                "The sum over t = 0 ... T, L(z_{T+1}) >= L*, divided by eta (T + 1)/2: a bound on the mean of"
                " E|grad L|^2 over t, hence on the smallest.",
                sp.Le(Q**2, found.plain),
            ),
            Step("C1", "What is paid for the way down.", found.C1),
            Step("C2", "What the noise of a step costs.", found.C2),
            Step("C3", "What it costs that the gradient is taken behind z.", found.C3),
        ),
        forms=(
            Form(
                "bound",
                "Bound on the smallest E|grad L|^2 in T + 1 steps.",
                (found.C1 + found.C2) / horizon + found.C3 / (T + 1),
                arguments,
                found.plain,
            ),
            Form(
                "printed_bound",
                "The same in the printed form, (C1 + C2 + C3)/(T + 1)^(1/2), which is larger.",
                (found.C1 + found.C2 + found.C3) / horizon,
                arguments,
                (found.C1 + found.C2 + found.C3) / horizon,
            ),
            Form("C1", "2 (L(theta_0) - L*)/c0.", found.C1, {"gap": gap, "c0": c0}, found.C1),
            Form("C2", "Noise.", found.C2, {"c0": c0, "smoothness": ell, "gradient": R}, found.C2),
            Form(
                "C3",
                "Inertia.",
                found.C3,
                {"c0": c0, "smoothness": ell, "gradient": R, "inertia": top},
                found.C3,
            ),
            Form(
                "sharp_bound",
                "Ours: no bound on gradients, half of C1 and C2, attained on a parabola; where"
                " ell eta (mu/(1 - mu) + 1/2) < 1.",
                found.sharp,
                sharp_arguments,
                found.sharp,
            ),
            Form(
                "bias_corrected_bound",
                "Ours: with bias correction, as Adai is run; in one dimension its inertia is 1 - beta0 always.",
                found.biased,
                arguments | {"slope": G},
                found.biased,
            ),
        ),
        limits=(
            Limit("long run", "(T + 1)^(1/2) times the bound.", found.C1 + found.C2),
            Limit("long run, ours", "(T + 1)^(1/2) times the sharp bound: half, and delta in place of R.", lasting),
            Limit("no inertia", "mu -> 0: C3 vanishes.", found.C3.subs(top, 0)),
            Limit("best c0", "The one that makes C1 + C2 smallest.", sp.Eq(c0, best)),
        ),
        conditions=(
            Condition(
                "inertia_share",
                sp.simplify(found.C3 / ((found.C1 + found.C2) * horizon)),
                True,
                "The bound is that of the inertia, C3/(T + 1), and falls faster than (T + 1)^(-1/2).",
            ),
            Condition(
                "descent_lost",
                ell * eta * (lead(top) + sp.Rational(1, 2)),
                True,
                "The sharp bound needs it below 1: beyond, inertia may undo the descent.",
            ),
        ),
        findings=(
            Finding(
                "half of C1 and C2, and no bounded gradients",
                "The product of the gradients at z and theta is at least b^2 - ell |z - theta| b; E|g|^2 is"
                " |grad L|^2 + delta^2; the part of m that comes from past slopes is at most Q over all steps, and that"
                " from noise, whose weights squared add up to (1 - mu)/(1 + mu), at most that share of delta^2. A"
                " quadratic inequality for Q is left. Leading term:",
                lasting,
            ),
            Finding("share of the noise in the momentum", "Sum of the squared weights of all past g.", noise_share),
            Finding(
                "SGD on a parabola attains it",
                "E L'^2 of the settled iteration is the sharp bound with nothing left to descend, for every eta.",
                settled,
            ),
            Finding(
                "so the exponent is 1/2 for every inertia",
                "E L'^2 over eta of the settled iteration with inertia, as eta -> 0.",
                attained,
            ),
            Finding(
                "bias correction",
                "z_{t+1} - z_t + eta g_t = -eta mu^{t+1} mhat_{t+1}; bias_corrected_bound has the further terms, all"
                " of order 1/(T + 1).",
                further,
            ),
            Finding(
                "why nothing is claimed of true Adai",
                "z_{t+1} - z_t + eta g_t where mu_t changes and depends on g_t: a term of the size of a step, and"
                " E[(1 - mu_t) g_t | past] is no multiple of the gradient.",
                turned,
            ),
        ),
    )


def _settled_gradient(A: Any, push: Any) -> Any:
    """Return E L'^2 on a parabola in the long run, from S = A S A^T + Q of (theta, m)."""
    A, noise = covariance_step(A, push, H, C)
    size = A.shape[0]
    entries = [[sp.Symbol(f"S{min(i, j)}{max(i, j)}") for j in range(size)] for i in range(size)]
    S = sp.Matrix(entries)
    left = A * S * A.T + noise - S
    unknown = sorted(S.free_symbols, key=str)
    solution = sp.solve([left[i, j] for i in range(size) for j in range(i, size)], unknown, dict=True)[0]
    return sp.factor(H**2 * solution[S[0, 0]])
