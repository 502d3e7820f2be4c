"""Theorem 2: how heavy-ball momentum leaves a saddle."""

from typing import Any

from ..dynamics.momentum import Momentum
from .derivation import Assumption, Condition, Derivation, Finding, Form, Limit, Step, must_vanish
from .finite import finite, iterated_response, iterated_squares, response, squared_response
from .rule_step import covariance_step, step_matrices
from .symbols import B, C, D, H, M, T, beta1, beta3, eta, friction_mass, gamma, h, sp, t, v, x

Sxx, Sxv, Svv, phi = (sp.Function(name) for name in ("S_xx", "S_xv", "S_vv", "phi"))
slow, fast = sp.symbols("l_+ l_-")
large, small = sp.symbols("r_+ r_-")
LARGE, SMALL = sp.symbols("a b", positive=True)
k = sp.Symbol("k", positive=True, integer=True)
PARTICLE = {"curvature": H, "diffusion": D, "time": t, "friction": gamma, "friction_mass": friction_mass}
ITERATION = {"curvature": H, "variance": C, "lr": eta, "beta1": beta1, "beta3": beta3, "steps": T}


def derive() -> Derivation:
    """Derive Theorem 2 from the particle's own equation, exactly first, and the iteration's answer from its step.

    References
    ----------
    Xie et al., "Adaptive Inertia", ICML 2022, Theorem 2.
    """
    root = sp.sqrt(gamma**2 - 4 * H / M)
    rates = {slow: (-gamma + root) / 2, fast: (-gamma - root) / 2}
    moments = {power: _moment(power) for power in (x**2, x * v, v**2)}
    kick, given = _response(rates)
    heights = {rate: 2 * D / M**2 * a for rate, a in _integral(kick**2).items()}
    rest = _total(heights)
    velocity = 2 * D / M**2 * _total(_integral(sp.diff(kick, t) ** 2))
    solution = {Sxx(t): rest, Sxv(t): D / M**2 * kick**2, Svv(t): velocity}
    exponentials = {sp.exp(slow * t): LARGE, sp.exp(fast * t): SMALL}
    for moment in moments.values():
        left = (moment.lhs - moment.rhs).subs(solution).doit().subs(given)
        must_vanish(_rational(left, exponentials), "the moments' equations, solved")
    at_rest = sp.solve([moment.rhs for moment in moments.values()], list(solution))[Sxx(t)]
    stationary = sp.solve(moments[v**2].rhs.subs(H, 0), Svv(t))[0]
    thermal = rest + stationary * kick**2
    # What a displacement of 1 becomes: the thermal variance is one term in it.
    held = sp.diff(kick, t) - (slow + fast) * kick
    must_vanish(_rational(sp.diff(held, t) + slow * fast * kick, exponentials), "the equation of psi")
    left = (thermal - D / (gamma * M * H) * (1 - held**2)).subs(given)
    must_vanish(_rational(left, exponentials), "the thermal start in one term")
    closed = D / (gamma * M * H) * (1 - _wave(held) ** 2)

    # Leading order in |H| / (gamma^2 M): one slow rate, one fast.
    leading = {slow: sp.series(rates[slow], H, 0, 2).removeO(), fast: rates[fast].subs(H, 0)}
    drift = (stationary * kick**2).subs(slow, 0).subs(fast, leading[fast])
    diffusion = _total({2 * slow: heights[2 * slow]}).subs(fast, slow - gamma).subs(slow, leading[slow])
    dropped = _flat(_total({rate: a for rate, a in heights.items() if rate != 2 * slow}))
    printed = drift + diffusion
    flat_printed, flat_thermal, flat_rest = drift + _removed(diffusion, H), _flat(thermal), _flat(rest)
    height = stationary / gamma**2
    excess = height * sp.expand((flat_printed - flat_thermal) / height)
    must_vanish(excess - (drift - stationary * _flat(kick) ** 2) + dropped, "the excess is what was dropped")
    most = sp.limit(excess, t, sp.oo)
    growth = rates[slow].subs(H, -h)
    next_term = sp.series(2 * (growth - leading[slow].subs(H, -h)), h, 0, 3).removeO()

    A, G = step_matrices(Momentum(lr=eta, beta1=beta1, beta3=beta3))
    keep, noise = covariance_step(A, G, H, C)
    apart = sp.sqrt(keep.trace() ** 2 - 4 * keep.det())
    roots = {large: (keep.trace() + apart) / 2, small: (keep.trace() - apart) / 2}
    u = (large**k - small**k) / (large - small)
    _check_powers(keep, G, u)
    squares = _sum_of_squares(u)
    held_kick = sp.Symbol("<mm>")
    momentum = sp.solve(sp.Eq(held_kick, keep[1, 1] ** 2 * held_kick + noise[1, 1]), held_kick)[0]
    started = momentum * keep[0, 1] ** 2
    # Both in names that know their limits: where the roots meet, or one of them is 1 or -1, the powers are 0/0.
    stiffness = sp.factor(1 + keep.det() - keep.trace())
    summed = noise[0, 0] * iterated_squares(T, stiffness, beta1)
    carried = started * iterated_response(T, stiffness, beta1) ** 2

    dictionary = {gamma: (1 - beta1) / eta, M: eta / beta3}
    characteristic = keep.charpoly(large).as_expr().subs({beta1: 1 - gamma * eta, beta3: eta / M})
    in_time = sp.factor(sp.limit(characteristic.subs(large, 1 + eta * slow) / eta**2, eta, 0))
    must_vanish(in_time - slow**2 - gamma * slow - H / M, "the dictionary")
    gap = sp.factor(momentum / stationary.subs(dictionary).subs(D, eta * C / 2))
    equation_3 = {D: eta * h / (2 * B), H: -h, t: eta * T}
    drift_3 = drift.subs(dictionary).subs(equation_3)
    diffusion_3 = sp.factor(sp.series(diffusion.subs(equation_3).subs(dictionary), h, 0, 2).removeO())

    unit = D / (gamma * friction_mass**2)
    reduced, passed = H / (gamma * friction_mass), gamma * t
    units = {M: friction_mass / gamma}
    return Derivation(
        name="theorem-2",
        title="How heavy-ball momentum leaves a saddle",
        source='Xie et al., "Adaptive Inertia", ICML 2022, Theorem 2',
        assumptions=(
            Assumption(
                "Heavy ball as a particle",
                "d theta = v dt, M dv = -gamma M v dt - grad L dt + (2D)^(1/2) dW, with gamma = (1 - beta1) / lr and"
                " M = lr / beta3, so that gamma M = (1 - beta1) / beta3.",
                sp.Eq(D, eta * C / 2),
            ),
            Assumption(
                "Quadratic loss",
                "L is its second-order Taylor expansion at the saddle; each eigen-direction is then a process of its"
                " own.",
                sp.Eq(sp.Function("L")(x), H * x**2 / 2),
            ),
            Assumption("Fixed noise", "The noise is what it is at the saddle, where theta starts.", None),
            Assumption(
                "Stationary momentum",
                "The velocity at the start is what a flat loss has in the long run; the drift is what it carries away.",
                sp.Eq(sp.Symbol("<vv>"), stationary),
            ),
        ),
        steps=(
            Step(
                "moment equations",
                "The backward operator v d/dx - (gamma v + H x / M) d/dv + (D / M^2) d2/dv2 on x^2, x v and v^2.",
                _system(moments.values()),
            ),
            Step(
                "response",
                "A kick of unit velocity, phi'' + gamma phi' + (H / M) phi = 0 with phi(0) = 0 and phi'(0) = 1.",
                sp.Eq(phi(t), kick),
            ),
            Step("its rates", "Complex beyond critical damping, H > gamma^2 M / 4.", sp.Eq(slow, rates[slow])),
            Step(
                "exactly, from rest",
                "Every kick of the noise moves theta on its own, so that the variance is (2D / M^2) int phi^2 (Ito's"
                " isometry); put into the moment equations it solves all three.",
                sp.Eq(Sxx(t), rest),
            ),
            Step(
                "stationary velocity",
                "The third moment equation at H = 0 has this fixed point.",
                sp.Eq(sp.Symbol("<vv>"), stationary),
            ),
            Step("exactly, from a thermal start", "It adds <vv> phi^2.", sp.Eq(Sxx(t), thermal)),
            Step(
                "one slow rate, one fast",
                "To leading order in |H| / (gamma^2 M).",
                sp.Eq(sp.Matrix(list(leading)), sp.Matrix(list(leading.values())), evaluate=False),
            ),
            Step(
                "momentum drift",
                "The term of the start, with the slow rate 0 beside the fast one.",
                drift,
            ),
            Step(
                "diffusion",
                "Of the three exponentials from rest the slow one only, with l+ - l- = gamma.",
                diffusion,
            ),
            Step(
                "what was dropped",
                "The two other exponentials from rest, here at H -> 0: bounded, and negative.",
                dropped,
            ),
            Step(
                "one step of the iteration",
                "The rule's own move on symbols: (theta, m)' = A (theta, m) + G C^(1/2) xi, with g = H theta +"
                " C^(1/2) xi.",
                sp.Eq(sp.Symbol("A"), keep, evaluate=False),
            ),
            Step("its noise", "S <- A S A^T + Q, Q = C G G^T.", sp.Eq(sp.Symbol("Q"), noise, evaluate=False)),
            Step("the dictionary", "r = 1 + lr l in det(A - r) = 0, to leading order in lr.", sp.Eq(in_time, 0)),
            Step(
                "eigenvalues of A",
                "The other is r- with the other sign, and r+ r- = beta1.",
                sp.Eq(large, roots[large]),
            ),
            Step(
                "powers of A",
                "By Cayley and Hamilton theta feels a kick as -lr beta3 U_(n+1) n steps later, and -lr beta1 U_n of the"
                " momentum at the start.",
                sp.Eq(iterated_response(k, stiffness, keep.det()), u),
            ),
            Step(
                "the iteration from rest",
                "Its variance is lr^2 beta3^2 C W, W the sum of the squares of U_1 ... U_T: three geometric series.",
                sp.Eq(iterated_squares(T, stiffness, keep.det()), squares),
            ),
            Step(
                "stationary momentum of the iteration",
                "The fixed point of <mm> at H = 0.",
                sp.Eq(held_kick, momentum),
            ),
            Step("the iteration from a thermal start", "It adds <mm> (A^T)_(theta m)^2.", carried),
            Step("with Eq. 3: drift", "D = lr |H| / (2 B) and the dictionary.", drift_3),
            Step("with Eq. 3: diffusion", "At |H| t / (gamma M) << 1.", diffusion_3),
        ),
        forms=(
            Form("spread", "Mean square displacement, as printed.", *_printed(printed.subs(units))),
            Form("drift", "Its first term, the momentum drift.", *_printed(drift.subs(units))),
            Form("diffusion", "Its second term.", *_printed(diffusion.subs(units))),
            Form(
                "exact_rest",
                "The particle exactly, from rest.",
                (closed - stationary * _wave(kick) ** 2).subs(units),
                PARTICLE,
                2 * unit * squared_response(reduced, passed),
            ),
            Form(
                "exact_thermal",
                "The particle exactly, from a thermal start.",
                closed.subs(units),
                PARTICLE,
                unit * (2 * squared_response(reduced, passed) + response(reduced, passed) ** 2),
            ),
            Form("iterated_rest", "The iteration exactly, from rest.", summed, ITERATION, summed),
            Form(
                "iterated_thermal",
                "The iteration exactly, from its own thermal start.",
                summed + carried,
                ITERATION,
                summed + carried,
            ),
            Form(
                "iterated_drift",
                "What of it the momentum at the start carries: theta is linear in both, so that it can be measured by"
                " itself.",
                carried,
                ITERATION,
                carried,
            ),
            Form(
                "drift_equation_3",
                "The drift with Eq. 3, as printed.",
                drift_3,
                {"magnitude": h, "lr": eta, "beta1": beta1, "beta3": beta3, "batch_size": B, "steps": T},
                finite(drift_3),
            ),
            Form(
                "diffusion_equation_3",
                "The leading term of the diffusion with Eq. 3, as printed.",
                diffusion_3,
                {"magnitude": h, "lr": eta, "beta1": beta1, "beta3": beta3, "batch_size": B, "steps": T},
                diffusion_3,
            ),
        ),
        limits=(
            Limit("flat direction, as printed", "H -> 0.", flat_printed),
            Limit("flat direction, exactly", "From a thermal start.", flat_thermal),
            Limit("flat direction, exactly, from rest", "The same without <vv> phi^2.", flat_rest),
            Limit("critical damping", "H = gamma^2 M / 4: the response.", _critical(kick)),
            Limit("critical damping, variance", "The same, from rest.", _critical(rest)),
            Limit(
                "much friction",
                "gamma -> infinity at fixed gamma M, from rest: Theorem 1 with H / (gamma M) and D / (gamma M)^2.",
                _overdamped(heights, rates[slow]),
            ),
            Limit("long time in a valley", "H > 0: the stationary variance, equipartition.", at_rest),
        ),
        conditions=(
            Condition("friction_time", gamma * t, False, "What was dropped from rest is 3 / (2 gamma t) of the rest."),
            Condition("curvature_over_friction", 4 * h / (gamma**2 * M), True, "The rates are not slow and fast."),
            Condition(
                "growth",
                -next_term * t,
                True,
                "The slow rate's next term, added up: how much the exponent 2 |H| t / (gamma M) is too large.",
            ),
            Condition("lr_times_curvature", eta * h, True, "The iteration is not its particle."),
        ),
        findings=(
            Finding(
                "too large at the start",
                "At H -> 0 the printed form exceeds the exact thermal start by this,",
                sp.Eq(sp.Symbol("excess"), excess),
            ),
            Finding("and for good", "which tends to three times the drift's own height.", most),
            Finding(
                "relative excess",
                "Against 2 D t / (gamma M)^2: the regime is gamma t >> 1.",
                sp.cancel(most / _removed(diffusion, H)),
            ),
            Finding("the true growth rate", "At H = -|H|, where the printed one is |H| / (gamma M).", growth),
            Finding(
                "the thermal start in one term",
                "Exactly, and for every friction: psi is what a displacement of 1 becomes, so that the theorem's"
                " diffusion with psi^2 for exp(-2 H t / (gamma M)) is all; there is no drift beside it.",
                sp.Eq(Sxx(t), D / (gamma * M * H) * (1 - sp.Function("psi")(t) ** 2)),
            ),
            Finding("psi", "It solves psi' = -(H / M) phi.", sp.Eq(sp.Function("psi")(t), sp.factor(held))),
            Finding(
                "two thermal starts",
                "The iteration's stationary momentum over the particle's: each reference uses its own.",
                gap,
            ),
        ),
    )


def _moment(moment: Any) -> Any:
    """Return d<moment>/dt = <L moment>, L the backward operator of the particle."""
    flow = v * sp.diff(moment, x) - (gamma * v + H / M * x) * sp.diff(moment, v) + D / M**2 * sp.diff(moment, v, 2)
    means = {x**2: Sxx(t), x * v: Sxv(t), v**2: Svv(t)}
    return sp.Eq(sp.Derivative(means[moment], t), sp.expand(flow).subs(means))


def _response(rates: dict[Any, Any]) -> tuple[Any, dict[Any, Any]]:
    """Return phi in l+ and l-, and gamma and H in them."""
    given = {gamma: -slow - fast, H: M * slow * fast}
    for rate in rates.values():
        must_vanish(sp.expand(rate**2 + gamma * rate + H / M), "the rates")
    motion = (phi(t).diff(t, 2) + gamma * phi(t).diff(t) + H / M * phi(t)).subs(given)
    start = {phi(0): 0, phi(t).diff(t).subs(t, 0): 1}
    return sp.factor(sp.dsolve(motion, phi(t), ics=start).rhs), given


def _system(equations: Any) -> Any:
    left, right = (sp.Matrix([getattr(each, side) for each in equations]) for side in ("lhs", "rhs"))
    return sp.Eq(left, right, evaluate=False)


def _integral(function: Any) -> dict[Any, Any]:
    """Return rate -> a, so that the integral from 0 to t of a sum of exponentials is the sum of a (e^{rate t} - 1)."""
    heights = {}
    for part in sp.Add.make_args(sp.powsimp(sp.expand(function))):
        rate = sp.cancel(sp.diff(part, t) / part)
        heights[rate] = sp.factor(part.subs(t, 0)) / rate
    return heights


def _total(heights: dict[Any, Any]) -> Any:
    return sp.Add(*(a * (sp.exp(rate * t) - 1) for rate, a in heights.items()))


def _wave(function: Any) -> Any:
    """Return a combination of both exponentials as e^{-gamma t / 2} times hyperbolic functions."""
    apart = sp.Symbol("omega", positive=True)
    bare = function.subs({slow: (apart - gamma) / 2, fast: (-apart - gamma) / 2}) * sp.exp(gamma * t / 2)
    swing = sp.powsimp(sp.expand(bare)).replace(sp.exp, lambda u: sp.cosh(u) + sp.sinh(u))
    return sp.exp(-gamma * t / 2) * sp.expand(swing).subs(apart, sp.sqrt(gamma**2 - 4 * H / M))


def _overdamped(heights: dict[Any, Any], rate: Any) -> Any:
    """Return the sum at gamma -> infinity and fixed gamma M, where l+ tends to its leading order."""
    stiff = {fast: -gamma - slow, M: friction_mass / gamma}
    left = {each: sp.limit(a.subs(stiff), gamma, sp.oo) for each, a in heights.items()}
    for each in (slow + fast, 2 * fast):
        must_vanish(left[each], "exponentials that fall are bounded, and their heights vanish")
    return _total({2 * slow: left[2 * slow]}).subs(slow, sp.limit(rate.subs(M, friction_mass / gamma), gamma, sp.oo))


def _flat(function: Any) -> Any:
    """Return the limit H -> 0, where l+ tends to 0 and l- to -gamma."""
    parts = sp.Add.make_args(function.subs(fast, -gamma))
    return sp.expand(sp.Add(*(_removed(part, slow) for part in parts)))


def _critical(function: Any) -> Any:
    """Return the limit where both rates meet, at -gamma / 2."""
    apart = sp.Symbol("q", positive=True)
    return sp.expand(_removed(function.subs(fast, slow - apart), apart).subs(slow, -gamma / 2))


def _removed(function: Any, variable: Any) -> Any:
    """Return the value at 0 of a function that is 0/0 there, by the rule of l'Hopital."""
    above, below = sp.fraction(sp.together(function))
    while below.subs(variable, 0) == 0:
        must_vanish(above.subs(variable, 0), "the singularity is removable")
        above, below = above.diff(variable), sp.expand(below).diff(variable)
    return (above / below).subs(variable, 0)


def _check_powers(keep: Any, push: Any, power: Any) -> None:
    """Check A^k = U_k A - det A U_(k-1), U_k = (r+^k - r-^k) / (r+ - r-), and what theta feels through it."""
    again = power.subs(k, k + 1) - (large + small) * power + large * small * power.subs(k, k - 1)
    must_vanish(_rational(again, {large**k: LARGE, small**k: SMALL}), "Cayley-Hamilton for all k")
    squared = keep**2 - keep.trace() * keep + keep.det() * sp.eye(2)
    for entry in squared:
        must_vanish(entry, "Cayley-Hamilton")
    must_vanish((keep * push)[0] - keep.trace() * push[0], "theta after two steps")


def _sum_of_squares(power: Any) -> Any:
    """Return the sum of U_k^2 from k = 1 to T, shown by induction to be it."""
    ratios = ((1, large**2), (-2, large * small), (1, small**2))
    whole = sum(c * r * (1 - r**T) / (1 - r) for c, r in ratios) / (large - small) ** 2
    last = whole - whole.subs(T, T - 1) - power.subs(k, T) ** 2
    must_vanish(_rational(last, {large**T: LARGE, small**T: SMALL}), "the sum's last term")
    must_vanish(whole.subs(T, 0), "the empty sum")
    return whole


def _rational(expression: Any, powers: dict[Any, Any]) -> Any:
    """Return the same as a quotient of polynomials, in names for the powers that are given."""
    return sp.cancel(sp.expand(expression, power_exp=True).subs(powers))


def _printed(expression: Any) -> tuple[Any, dict[str, Any], Any]:
    """Return a printed form with its arguments, and written without 0/0."""
    return expression, PARTICLE, sp.Add(*(finite(part) for part in sp.Add.make_args(expression)))
