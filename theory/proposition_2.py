"""Proposition 2: how long Adam stays in a minimum."""

from functools import cache
from typing import Any

from ..dynamics.adam import Adam
from .derivation import Assumption, Condition, Derivation, Finding, Form, Limit, Step, must_vanish
from .rule_step import step_matrices
from .symbols import B, C, D, H_a, H_b, barrier, beta1, beta2, eta, friction_mass, gamma, h, s, sp, v, x
from .theorem_3 import D_a, D_b, D_left, D_right, K, c, climb, pull
from .theorem_3 import derive as derive_theorem_3

C_a, C_b, v_a, v_b = sp.symbols("C_a C_b v_a v_b", positive=True)
root_climb = sp.Symbol("int L'/C^(1/2) dx", positive=True)
bent_climb = sp.Symbol("int L'L''/C dx", real=True)
volume = sp.Symbol("ln|det H_a^-1 H_b|", real=True)
gain, loss_noise = sp.Function("f"), sp.Function("D")
f, f1 = sp.symbols("f f'", real=True)


@cache
def derive() -> Derivation:
    """Derive Proposition 2 from Theorem 3 by substitution, and what v does when it does not, or does, follow the path.

    References
    ----------
    Xie et al., "Adaptive Inertia", ICML 2022, Proposition 2.
    """
    theorem = derive_theorem_3()
    overdamped, root, factor = (theorem.form(name).expression for name in _NEEDED)
    friction = {gamma: (1 - beta1) / eta, friction_mass: 1}
    root = root.subs(friction)

    # gamma M = 1 whatever v: the rule's own step at a given gain, for gain 1.
    A, G = step_matrices(Adam(lr=eta, beta1=beta1, beta2=beta2, eps=0), f, dict.fromkeys(range(1, 6), 0))
    averaged = sp.factor((sp.Matrix([[1, A[0, 1] / (1 - A[1, 1])]]) * G)[0])
    must_vanish(averaged + eta * f, "the long-run step is lr f g")

    # H -> H / v^(1/2), D -> lr C / 2v, with v as it is where the particle is.
    rescaled = {H_a: H_a / sp.sqrt(v_a), H_b: H_b / sp.sqrt(v_b)}
    local = eta * C / 2 * gain(x) ** 2
    exponent = sp.factor(pull * gain(x) / local)
    must_vanish(exponent.subs(gain(x), 1 / sp.sqrt(C)) - 2 * pull / (eta * sp.sqrt(C)), "the exponent where v = C")
    rooted = overdamped.subs(K, root * K).subs(friction).subs(rescaled, simultaneous=True)
    followed_noise = {v_a: C_a, v_b: C_b}
    constant = factor.subs({D_a: eta / 2, D_b: eta / 2})
    must_vanish(constant - 1, "K where D does not depend on position")
    moments = rooted.subs(followed_noise).subs(K, constant).subs(climb, 2 * root_climb / eta)
    general = moments + volume / 2

    equation_3 = {C_a: H_a / B, C_b: H_b / B}
    paid = barrier * sp.sqrt(B) * (s / sp.sqrt(H_a) + (1 - s) / sp.sqrt(H_b))
    alone = moments.subs(equation_3).subs(root_climb, paid)
    # Isotropic rescaled noise: Eyring-Kramers' determinant of H / v^(1/2) across e.
    across = volume / 4 - sp.log(H_b / H_a) / 4
    new_root = sp.sqrt(1 + 4 * eta * sp.sqrt(B * H_b) / (1 - beta1)) + 1
    printed = (
        sp.log(sp.pi * new_root / (sp.sqrt(B) * sp.sqrt(H_b)))
        + volume / 4
        + 2 * sp.sqrt(B) * barrier / eta * (s / sp.sqrt(H_a) + (1 - s) / sp.sqrt(H_b))
    )
    _must_match(alone + across, printed, "Proposition 2 from Theorem 3")
    share = sp.factor(sp.solve(sp.Eq(root_climb, paid), s)[0])

    ito = factor.subs(c, 0).subs({D_a: eta * C_a / (2 * v_a), D_b: eta * C_b / (2 * v_a)})
    frozen = rooted.subs(v_b, v_a).subs(K, ito).subs(climb, 2 * sp.sqrt(v_a) * climb / eta)
    must_vanish(exponent.subs(gain(x), 1 / sp.sqrt(v_a)) - 2 * sp.sqrt(v_a) * pull / (eta * C), "the frozen exponent")

    even = frozen.subs({C_a: v_a, C_b: v_a, climb: root_climb / sp.sqrt(v_a)})
    _must_match(even, moments.subs({C_a: v_a, C_b: v_a}), "frozen and followed with constant noise")

    extra, iterated = _filtered()
    # A drift adds minus its integral over D f^2; dx = df / f'.
    added = -sp.integrate(sp.cancel(extra / (D * f**2) / f1), f)
    filtered = sp.exp(added.subs(f, 1 / sp.sqrt(v_b)) - added.subs(f, 1 / sp.sqrt(v_a)))
    _must_match(sp.log(filtered), sp.log(sp.sqrt(v_b / v_a)), "the filter's factor")
    step_power = sp.factor(iterated / extra.subs(D, eta * C / 2))
    followed = printed + sp.log(sp.powsimp(filtered).subs({v_a: H_a / B, v_b: H_b / B}))

    frozen_lag, frozen_jump = _frozen_terms(theorem)
    return Derivation(
        name="proposition-2",
        title="How long Adam stays in a minimum",
        source='Xie et al., "Adaptive Inertia", ICML 2022, Proposition 2',
        assumptions=(
            *(a for a in theorem.assumptions if a.name != "Heavy ball as a particle"),
            Assumption(
                "the second moment follows the path",
                "v = C(x), where the particle is; eps is nothing beside v^(1/2).",
                sp.Eq(sp.Symbol("v"), C),
            ),
        ),
        steps=(
            Step(
                "the step at a given gain",
                "From the rule's own move: an average without memory moves by -lr f g, f = v^(-1/2); gamma M = 1.",
                sp.Eq(sp.Symbol("step"), averaged * sp.Symbol("g")),
            ),
            Step(
                "Theorem 3 for the rescaled particle",
                "H -> H/v^(1/2) and D -> lr C/(2 v): the exponent a dx.",
                exponent,
            ),
            Step("where v = C", "D = lr/2 everywhere: K = 1 in every convention.", sp.Eq(K, constant)),
            Step("one direction", "Theorem 3 with these, and the root of |H_b|/v_b^(1/2).", moments),
            Step("with Eq. 3", "v = C = |H|/B; s is fixed by int L'/|H|^(1/2) dx.", alone),
            Step(
                "the directions across",
                "The rescaled noise is isotropic; for a gradient of curvatures H/v^(1/2) ~ |H|^(1/2) Eyring and"
                " Kramers' root of determinants is |det|^(1/4), less the part of e itself.",
                across,
            ),
            Step("as printed", "Both together.", sp.Eq(sp.Symbol("ln tau"), printed)),
            Step(
                "filtered noise divided by the present root",
                "x' = f(x) m, m' = gamma (-m - L' + (2D)^(1/2) xi): x + f m/gamma moves by -f L' and this drift,"
                " <m^2> = gamma D.",
                extra,
            ),
            Step(
                "the same for the iteration",
                "The corrector is lr beta1/(1 - beta1) f m and <m^2> = C (1 - beta1)/(1 + beta1): drift a dt.",
                iterated,
            ),
        ),
        forms=(
            _form(
                "share",
                "s, given int_a^b L'/C^(1/2) dx; none at H_ae = |H_be|.",
                share,
                rescaled_climb=root_climb,
                curvature_min=H_a,
                curvature_saddle=H_b,
                barrier=barrier,
                batch_size=B,
            ),
            _form(
                "log_escape_time",
                "ln tau as printed; log_det is ln |det(H_a^-1 H_b)| over all directions.",
                printed,
                curvature_min=H_a,
                curvature_saddle=H_b,
                barrier=barrier,
                batch_size=B,
                lr=eta,
                s=s,
                beta1=beta1,
                log_det=volume,
            ),
            _form(
                "log_general",
                "The same for any noise, v = C: log_volume is sum over the directions across of"
                " ln [(h_b/v_b^(1/2))/(h_a/v_a^(1/2))].",
                general,
                curvature_min=H_a,
                curvature_saddle=H_b,
                variance_min=C_a,
                variance_saddle=C_b,
                rescaled_climb=root_climb,
                lr=eta,
                beta1=beta1,
                log_volume=volume,
            ),
            _form(
                "log_followed",
                "As printed, times (v_b/v_a)^(1/2): v follows the path, and beta1 > 0. Ours.",
                followed,
                curvature_min=H_a,
                curvature_saddle=H_b,
                barrier=barrier,
                batch_size=B,
                lr=eta,
                s=s,
                beta1=beta1,
                log_det=volume,
            ),
            _form(
                "log_frozen",
                "v stays v_a: Ito, with the root; climb is int L'/C dx. Ours.",
                frozen,
                curvature_min=H_a,
                curvature_saddle=H_b,
                variance_min=C_a,
                variance_saddle=C_b,
                climb=climb,
                lr=eta,
                beta1=beta1,
                second_moment=v_a,
            ),
            _form(
                "frozen_lag",
                "What inertia and a finite step add to that; bent is int L'L''/C dx. Ours.",
                frozen_lag,
                bent=bent_climb,
                lr=eta,
                beta1=beta1,
            ),
            _form(
                "filter_power",
                "Power of v_b/v_a that the iteration's filter gives where v follows: 1/2 as beta1 -> 1. Ours.",
                step_power / 2,
                beta1=beta1,
            ),
        ),
        limits=(
            Limit("no momentum", "beta1 -> 0: the filter's factor is 1.", step_power.subs(beta1, 0)),
            Limit(
                "constant isotropic noise",
                "C_a = C_b = v_a: frozen and followed are one (one direction).",
                sp.Eq(sp.Symbol("ln tau"), even),
            ),
        ),
        conditions=(
            Condition(
                "memory",
                eta * h / (sp.sqrt(v_a) * (1 - beta2)),
                True,
                "Above about 1 the second moment does not follow the path but stays v_a: the frozen form.",
            ),
            Condition(
                "saddle_curvature_over_friction",
                4 * eta * sp.sqrt(B * H_b) / (1 - beta1),
                True,
                "The root is not 1.",
            ),
            Condition("barrier_over_temperature", 2 * root_climb / eta, False, "Assumption 3."),
        ),
        findings=(
            Finding("frozen second moments", "v at v_a: Ito, H/v_a^(1/2), D = lr C(x)/(2 v_a).", frozen),
            Finding(
                "frozen, the exponent",
                "Heavy ball's own terms do not see v_a: the smooth one, and that of a jump, b_c for the step lr.",
                frozen_lag + frozen_jump,
            ),
            Finding(
                "followed second moments",
                "The extra drift D (ln f)' makes a factor f_a/f_b for any beta1 > 0 of the particle.",
                sp.Eq(sp.Symbol("factor"), filtered),
            ),
            Finding("the iteration's own power", "2 beta1/(1 + beta1) of that, where v is smooth.", step_power),
            Finding(
                "the determinant across",
                "Of a gradient system only: with v = C along the way a direction adds this a dx instead of (ln h)'/4.",
                _across(),
            ),
        ),
    )


_NEEDED = ("log_kramers", "kramers_root", "convention_factor")


def _form(name: str, says: str, expression: Any, **arguments: Any) -> Form:
    return Form(name, says, expression, arguments, expression)


def _must_match(first: Any, second: Any, says: str) -> None:
    must_vanish(sp.expand(sp.expand_log(sp.powdenest(sp.expand(first - second), force=True), force=True)), says)


def _filtered() -> tuple[Any, Any]:
    """Return the extra drift of noise filtered, then divided by the present root: of the particle, of the iteration."""
    square = sp.Symbol("<m^2>", positive=True)
    corrected = x + gain(x) * v / gamma
    first = gain(x) * v * corrected.diff(x) + gamma * (-v - pull) * corrected.diff(v)
    must_vanish(corrected.diff(v, 2), "the corrector is linear in m")
    drift = sp.expand(first + gain(x) * pull).subs(v**2, square)
    # Stationary: -2 gamma <m^2> + 2 gamma^2 D = 0.
    stationary = sp.solve(-2 * gamma * square + 2 * gamma**2 * D, square)[0]
    extra = sp.simplify(drift.subs(square, stationary)).subs(gain(x).diff(x), f1).subs(gain(x), f)
    must_vanish(extra - D * f**2 * f1 / f, "D (ln f)' with D f^2 for D")

    A, G = step_matrices(Adam(lr=eta, beta1=beta1, beta2=beta2, eps=0), f, dict.fromkeys(range(1, 6), 0))
    weight = A[0, 1] / (1 - A[1, 1])  # x + weight m has no memory at a given f
    held = sp.solve(sp.Eq(square, A[1, 1] ** 2 * square + G[1] ** 2 * C), square)[0]
    m = sp.Symbol("m", real=True)
    moved = -eta * f * m  # theta' - theta, by the new m
    must_vanish(A[0, 1] - (-eta * f * A[1, 1]), "theta moves by the new m")
    change = sp.expand((weight / f).subs(f, 1) * f1 * moved * m).subs(m**2, held)
    return extra, sp.factor(change / eta)


def _frozen_terms(theorem: Derivation) -> tuple[Any, Any]:
    """Return heavy ball's lag and jump for the rule lr -> lr / v_a^(1/2)."""
    slowed = eta / sp.sqrt(v_a)
    lag = theorem.form("lag").expression.subs(eta, slowed)
    smooth = sp.simplify(lag * bent_climb * 2 / slowed)
    jump = theorem.form("jump")
    noise = {D_left: slowed * C_a / 2, D_right: slowed * C_b / 2, jump.arguments["time"]: slowed}
    jumped = sp.simplify(jump.expression.subs(noise))
    must_vanish(sp.diff(smooth, v_a), "the lag without v_a")
    must_vanish(sp.diff(jumped, v_a), "the jump without v_a")
    return smooth, jumped


def _across() -> Any:
    """Return what a direction across adds to ln tau a dx where v = C in every direction, with Eq. 3."""
    height, along = sp.Function("h", positive=True), sp.Symbol("|H_e|", positive=True)
    own, other = (sp.sqrt(B / size) for size in (along, height(x)))
    variance = eta / 2 / (height(x) * other)
    added = sp.simplify(height(x).diff(x) / 2 * variance * own / (eta / 2))
    must_vanish(added - height(x).diff(x) / (2 * sp.sqrt(height(x) * along)), "the pull of a direction across")
    return added
