"""Theorem 3: how long heavy-ball momentum, and SGD as its limit, stay in a minimum."""

from functools import cache
from typing import Any, NamedTuple

from ..dynamics.momentum import Momentum
from .derivation import Assumption, Condition, Derivation, Finding, Form, Limit, Step, must_vanish
from .rule_step import step_matrices
from .symbols import B, H_a, H_b, M, T, barrier, beta1, beta3, eta, friction_mass, gamma, h, s, sp, t, v, x, y

L, loss_noise, Phi = (sp.Function(name) for name in ("L", "D", "Phi"))
c = sp.Symbol("c", real=True)
"""Convention: 0 Ito, 1/2 Stratonovich, 1 anti-Ito."""
D_a, D_b, climb, K, temperature = sp.symbols("D_a D_b S K k", positive=True)
D, D_across, D_left, D_right, slope = sp.symbols("D_e D_i D_- D_+ p", positive=True)
tau, slip, lag = sp.symbols("tau_c b_c lag", positive=True)
L3a, L4a, L3b, L4b = sp.symbols("L'''_a L''''_a L'''_b L''''_b", real=True)
pull, bend = sp.symbols("L' L''", real=True)
k, rate = sp.symbols("q lambda", positive=True)
"""Weight of the velocity in the saddle's unstable coordinate x + q v, and the rate at which that grows."""


class Shapes(NamedTuple):
    """What Laplace's method needs of a critical point, for exp(-height / T): derivatives 2 to 4 of the height."""

    second: Any
    third: Any
    fourth: Any


@cache
def derive() -> Derivation:
    """Derive Theorem 3 from the backward equation, the saddle's own particle and the action of the way up.

    References
    ----------
    Xie et al., "Adaptive Inertia", ICML 2022, Theorem 3.
    """
    backward, double = _double_integral()
    unrooted, factor = _laplace()
    correction = _second_order()
    equation_3 = {D_a: eta * H_a / (2 * B), D_b: eta * H_b / (2 * B)}
    lead = factor / sp.sqrt(H_a * H_b)
    prefactor = {name: sp.simplify(lead.subs(c, at).subs(equation_3)) for name, at in (("Ito", 0), ("anti-Ito", 1))}
    must_vanish(prefactor["Ito"] - 1 / H_a, "the Ito prefactor under Eq. 3")
    must_vanish(prefactor["anti-Ito"] - 1 / H_b, "the anti-Ito prefactor under Eq. 3")
    position = _position_operator()
    crossing, root = _kramers()

    exponent = 2 * B * barrier / eta * (s / H_a + (1 - s) / H_b)
    share = sp.factor(sp.solve(sp.Eq(climb, exponent), s)[0])
    quadratic_share, squared_slope = _piecewise_quadratic(share)
    printed = sp.log(sp.pi * friction_mass * 2 * root / H_b) + friction_mass * climb
    general = sp.log(2 * sp.pi * friction_mass * K / sp.sqrt(H_a * H_b)) + friction_mass * climb

    particle_lag, path = _particle_action()
    own = step_matrices(Momentum(lr=eta, beta1=beta1, beta3=beta3))
    iterated_lag = _iterated_action(*own)
    step_lag = eta / 2 * (1 + beta1) / (1 - beta1)
    must_vanish(iterated_lag - step_lag * pull * bend / D, "the lag of the iteration")
    bent = lag * squared_slope / 2 * (1 / D_a - 1 / D_b)
    at_joint = _grid_phase()
    kept, spread, martingale = _inertia(*own)
    missing, memoryless, jump = _jump()
    continued = _particle_slip(kept, spread)
    least = _least_action(root, squared_slope)
    across, uneven = _transverse()
    steep = sp.Symbol("(ln h)'", real=True)
    low_det, high_det = sp.symbols("lndet_a lndet_b", real=True)
    volume = sp.log(2 * sp.pi * friction_mass / H_b) + (high_det - low_det) / 2 + friction_mass * climb
    h_a, h_b = sp.symbols("h_a h_b", positive=True)
    one_valley = volume.subs({high_det: sp.log(H_b * h_b), low_det: sp.log(H_a * h_a)})
    isotropic = sp.log(h_b / h_a) / 2
    must_vanish(sp.expand_log(one_valley - general.subs(K, 1) - isotropic, force=True), "Eyring-Kramers")

    small = {friction_mass: 1, climb: exponent}
    return Derivation(
        name="theorem-3",
        title="How long heavy-ball momentum, and SGD as its limit, stay in a minimum",
        source='Xie et al., "Adaptive Inertia", ICML 2022, Theorem 3',
        assumptions=(
            Assumption(
                "Heavy ball as a particle",
                "d theta = v dt, M dv = -gamma M v dt - grad L dt + (2D)^(1/2) dW, gamma = (1 - beta1)/lr,"
                " M = lr/beta3; SGD is gamma -> infinity at gamma M = 1.",
                sp.Eq(gamma * M, (1 - beta1) / beta3),
            ),
            Assumption("Quadratic loss", "At a and at b, L is its second-order Taylor expansion (Assumption 1).", None),
            Assumption("Quasi-equilibrium", "The density in the valley is stationary (Assumption 2).", None),
            Assumption("Low temperature", "The barrier is many units of T (Assumption 3).", friction_mass * climb > 1),
            Assumption("Eq. 3", "C = [H]^+ / B near a and b, for the printed form.", sp.Eq(D_a, equation_3[D_a])),
        ),
        steps=(
            Step(
                "backward equation",
                "Along e the mean time to the exit solves (c D' - Phi' D) tau' + D tau'' = -1 in convention c, with"
                " Phi' = gamma M L'/D (D here over (gamma M)^2). The double integral does: what is left of it.",
                backward,
            ),
            Step("its solution", "tau = 0 at the exit and a reflecting lower end.", double),
            Step(
                "Laplace's method",
                "The inner integral is Gaussian about a, the outer about b, where L' = 0 and Phi'' = gamma M L''/D.",
                sp.Eq(sp.Symbol("ln tau"), unrooted),
            ),
            Step(
                "the convention's factor",
                "tau = 2 pi gamma M K / sqrt(H_a |H_b|) exp[gamma M S], S = int_a^b L'/D dx.",
                sp.Eq(K, factor),
            ),
            Step(
                "inertia does not choose a convention",
                "The particle's backward operator on f(x + v/gamma) is the Ito one, with no D': its overdamped limit is"
                " Ito, as is the limit of any discrete update.",
                position,
            ),
            Step(
                "the saddle's particle",
                "F(x + q v) solves the backward equation linearised at b if q^2 |H_b|/M + gamma q = 1; the coordinate"
                " then grows at the rate |H_b| q/M. Flux over population in the valley gives 1/tau.",
                sp.Eq(sp.Symbol("tau"), crossing),
            ),
            Step(
                "the Kramers root",
                "What inertia multiplies the overdamped time with.",
                sp.Eq(sp.Symbol("root"), root),
            ),
            Step("the share s", "S is the printed exponent: solved for s.", sp.Eq(s, share)),
            Step("s of the piecewise-quadratic well", "Integrated.", sp.Eq(s, quadratic_share)),
            Step("as printed", "With 1/|H_be| for K / sqrt(H_a |H_b|).", sp.Eq(sp.Symbol("ln tau"), printed)),
            Step(
                "the way up",
                "x' = L'/(gamma M) makes int (gamma M x' + L')^2/(4D) dt stationary: what is left of its equation.",
                path,
            ),
            Step(
                "what inertia adds to the exponent",
                "First order of int (M x'' + gamma M x' + L')^2/(4D) dt on that way, for each dx.",
                particle_lag,
            ),
            Step(
                "what a finite step adds",
                "The same from the rule's own move, x_k smooth in t = k lr, the cost xi^2/2 a step.",
                iterated_lag,
            ),
            Step(
                "a jump of C under a given way",
                "Sums at the points of a grid differ from the integral by where the grid falls; the cheapest place.",
                at_joint,
            ),
            Step(
                "an average without memory",
                "x - lr beta1/(1 - beta1) m moves by the present noise alone: no slip of first order at a jump of C.",
                martingale,
            ),
            Step(
                "a kick remembered",
                "Share of a kick that has reached x after n steps, and the variance of n steps on a flat loss, in units"
                " of one step's long-run variance.",
                sp.Eq(sp.Symbol("V_n"), spread),
            ),
            Step(
                "what a jump of C moves across it",
                "sigma_+- = (1 +- q/2) sigma to first order in q: the density that the kicks of n steps ago add beyond"
                " the jump, in units of q sigma. Less the growth of diffusion, -(2 N/pi)^(1/2), the sum over n is b_c.",
                missing,
            ),
            Step(
                "without momentum",
                "c_n = 1 and V_n = n: b_c. There the Wiener-Hopf equation gives the same for a jump of any size.",
                sp.Eq(slip, memoryless),
            ),
            Step(
                "with friction",
                "beta1 = 1 - gamma lr, n = t/(gamma lr), lr -> 0: b_c in units of 1/gamma, integrated by parts.",
                sp.Eq(slip, continued),
            ),
            Step(
                "a jump of C at small steps",
                "b_c (sigma_+ - sigma_-)/sigma_+-^2 of mass, above on one side and below on the other, meets the drift"
                " d a step: the slope of the probability of going over changes by twice their product.",
                sp.Eq(sp.Symbol("ln tau'") - sp.Symbol("ln tau"), jump),
            ),
            Step(
                "fast directions across",
                "y has the variance D_i/(gamma M h_i) and pulls along e by h_i' y^2/2: added to the exponent, a dx.",
                across,
            ),
            Step("isotropic noise", "D_i = D_e: ln of the factor of one direction.", isotropic),
        ),
        forms=(
            _form(
                "exponent",
                "Climb of SGD, int_a^b L'/D dx, as printed.",
                exponent,
                curvature_min=H_a,
                curvature_saddle=H_b,
                barrier=barrier,
                batch_size=B,
                lr=eta,
                s=s,
            ),
            _form(
                "share",
                "s, given that integral; it has no value at H_ae = |H_be|, where it has no effect.",
                share,
                exponent=climb,
                curvature_min=H_a,
                curvature_saddle=H_b,
                barrier=barrier,
                batch_size=B,
                lr=eta,
            ),
            _form(
                "quadratic_share",
                "s of the piecewise-quadratic well.",
                quadratic_share,
                curvature_min=H_a,
                curvature_saddle=H_b,
            ),
            _form(
                "kramers_root",
                "[sqrt(1 + 4|H_be|/(gamma^2 M)) + 1]/2; 1 at infinite friction.",
                root,
                curvature_saddle=H_b,
                friction=gamma,
                friction_mass=friction_mass,
            ),
            _form(
                "log_escape_time",
                "ln tau as printed, times gamma M for the units; the exponent is that of SGD.",
                printed,
                curvature_saddle=H_b,
                exponent=climb,
                friction=gamma,
                friction_mass=friction_mass,
            ),
            _form(
                "convention_factor",
                "K: (D_b/D_a)^(1/2 - c).",
                factor,
                c=c,
                diffusion_min=D_a,
                diffusion_saddle=D_b,
            ),
            _form(
                "log_kramers",
                "ln tau, ours: any noise, K of the convention times the Kramers root as the factor.",
                general,
                curvature_min=H_a,
                curvature_saddle=H_b,
                exponent=climb,
                factor=K,
                friction_mass=friction_mass,
            ),
            _form(
                "log_correction",
                "What the next order in T = D/(gamma M) adds to ln tau of an overdamped particle, constant D; ours.",
                correction,
                temperature=temperature,
                curvature_min=H_a,
                curvature_saddle=H_b,
                third_min=L3a,
                fourth_min=L4a,
                third_saddle=L3b,
                fourth_saddle=L4b,
            ),
            _form(
                "lag",
                "Coefficient of int L'L''/D dx in ln tau for the iteration; 1/gamma for the particle. Ours.",
                step_lag,
                lr=eta,
                beta1=beta1,
            ),
            _form(
                "lag_quadratic",
                "That term on the piecewise-quadratic well; ours.",
                bent,
                lag=lag,
                curvature_min=H_a,
                curvature_saddle=H_b,
                barrier=barrier,
                diffusion_min=D_a,
                diffusion_saddle=D_b,
            ),
            _form(
                "grid_jump",
                "A jump of C under a given way: what the best phase of the grid of steps takes off ln tau.",
                at_joint,
                lr=eta,
                slope=slope,
                diffusion_before=D_left,
                diffusion_after=D_right,
            ),
            _form(
                "jump",
                "A jump of C at small steps: what it adds to ln tau; time is lr, or 1/gamma of a particle. Ours.",
                jump,
                slope=slope,
                diffusion_before=D_left,
                diffusion_after=D_right,
                time=tau,
                slip=slip,
            ),
            _form("memoryless_slip", "b_c without momentum, for steps.", memoryless)._replace(
                finite=sp.N(memoryless, 20)
            ),
            _form("particle_slip", "b_c of the particle, for 1/gamma.", continued)._replace(finite=sp.N(continued, 20)),
            _form("kept", "Share of a kick that has reached x after n steps.", kept, beta1=beta1, steps=T),
            _form(
                "displacement",
                "Variance of n steps on a flat loss, in units of a step's long-run variance.",
                spread,
                beta1=beta1,
                steps=T,
            ),
            _form(
                "least_action",
                "Least action of the particle on the piecewise-quadratic well, at any friction: its exponent as D -> 0"
                " (ours); gamma M S where D does not jump.",
                least,
                curvature_min=H_a,
                curvature_saddle=H_b,
                barrier=barrier,
                diffusion_min=D_a,
                diffusion_saddle=D_b,
                friction=gamma,
                friction_mass=friction_mass,
            ),
            _form(
                "transverse",
                "What a direction across adds to ln tau a dx, from (ln h_i)'; ours.",
                steep * D_across / (2 * D),
                steepness=steep,
                diffusion_across=D_across,
                diffusion_along=D,
            ),
            _form(
                "log_eyring_kramers",
                "ln tau for constant isotropic noise in any dimension: |H_b-|, ln det H_a, ln |det H_b|, dL/D.",
                volume,
                curvature_saddle=H_b,
                log_det_min=low_det,
                log_det_saddle=high_det,
                exponent=climb,
                friction_mass=friction_mass,
            ),
        ),
        limits=(
            Limit(
                "SGD",
                "gamma -> infinity at gamma M = 1, as printed.",
                sp.exp(printed.subs(small).subs(gamma, sp.oo)),
            ),
            Limit(
                "little friction",
                "gamma -> 0 at fixed M: what root/gamma, hence tau, becomes for each sqrt(M/|H_be|).",
                sp.limit(gamma * root.subs(friction_mass, gamma * M), gamma, 0),
            ),
            Limit(
                "equal noise at a and b",
                "Where D does not jump the least action is gamma M S at any friction.",
                friction_mass * barrier / D_a,
            ),
            Limit(
                "a small jump of C",
                "The same jump in many small ones: nothing of order lr^(1/2) is left, only the integral.",
                sp.diff(jump.subs(D_right, D_left * (1 + h)), h).subs(h, 0),
            ),
        ),
        conditions=(
            Condition(
                "barrier_over_temperature",
                friction_mass * climb,
                False,
                "Assumption 3; the next order in T is log_correction, about T/barrier.",
            ),
            Condition("lr_times_curvature", eta * h, True, "The iteration is not its diffusion."),
            Condition(
                "saddle_curvature_over_friction",
                4 * H_b / (gamma * friction_mass),
                True,
                "The root is not 1: without it the statement is SGD's.",
            ),
            Condition(
                "curvature_over_friction",
                h / (gamma * friction_mass),
                True,
                "Position-dependent noise changes the exponent; first order is good below about 0.1.",
            ),
            Condition(
                "friction_action_over_temperature",
                gamma * sp.Symbol("J", positive=True) / temperature,
                False,
                "Below 1 friction is so weak that energy, not position, diffuses, and tau grows again.",
            ),
        ),
        findings=(
            Finding(
                "Ito and anti-Ito",
                "Under Eq. 3 the printed 1/|H_be| is the anti-Ito prefactor; a discrete update obeys the Ito one,"
                " smaller or larger by this.",
                sp.Eq(sp.Symbol("tau_Ito") / sp.Symbol("tau_printed"), prefactor["Ito"] / prefactor["anti-Ito"]),
            ),
            Finding(
                "the exponent of heavy ball",
                "Inertia and finite steps change it where the noise depends on position; on the piecewise-quadratic"
                " well by this (and at the jump by what follows).",
                bent,
            ),
            Finding(
                "a jump of the noise costs order lr^(1/2)",
                "More than the smooth terms, whichever way it jumps; the phase of the grid under a given way is no"
                " limit of it, nor is it the least action, whose way is bent at the jump.",
                jump,
            ),
            Finding(
                "the least action has a layer at a jump of the noise",
                "Its first order in 1/gamma is not the smooth integral of either side.",
                sp.factor(_first_order(least)),
            ),
            Finding(
                "the next order in temperature",
                "Why Kramers' time is too short on the quartic well: with h (x^2 - 1)^2 it is 3 T/(8 h).",
                sp.Eq(sp.Symbol("error"), correction),
            ),
            Finding(
                "noise that changes across the way",
                "Where D_e itself depends on y (Eq. 3 with h_i'' or h_i' not 0) its mean counts; it is of the same"
                " order as the factor of the directions across, and what a direction adds a dx becomes this.",
                uneven,
            ),
        ),
    )


def _form(name: str, says: str, expression: Any, **arguments: Any) -> Form:
    return Form(name, says, expression, arguments, expression)


def _double_integral() -> tuple[Any, Any]:
    """Return what is left of the backward equation, and the double integral that solves it."""
    z, low, high = sp.symbols("z low exit", real=True)
    inner = sp.Integral(sp.exp(-Phi(z)) * loss_noise(z) ** (c - 1), (z, low, y))
    time = sp.Integral(sp.exp(Phi(y)) * loss_noise(y) ** (-c) * inner, (y, x, high))
    drift = c * loss_noise(x).diff(x) - Phi(x).diff(x) * loss_noise(x)
    first = time.diff(x)
    left = sp.simplify(drift * first + loss_noise(x) * first.diff(x) + 1)
    must_vanish(left, "the double integral in the backward equation")
    must_vanish(time.subs(x, high).doit(), "no time is left at the exit")
    return left, sp.Eq(sp.Symbol("tau"), time)


def _laplace() -> tuple[Any, Any]:
    """Return ln tau to leading order in the convention c, and the factor K in it."""
    second = sp.diff(friction_mass * L(x).diff(x) / loss_noise(x), x).doit()
    second = second.subs(L(x).diff(x, 2), bend).subs(L(x).diff(x), 0)
    at_a = second.subs({bend: H_a, loss_noise(x): D_a})
    at_b = -second.subs({bend: -H_b, loss_noise(x): D_b})
    z = sp.Symbol("z", real=True)
    width = sp.Symbol("w", positive=True)
    gauss = sp.integrate(sp.exp(-width * z**2 / 2), (z, -sp.oo, sp.oo))
    noise_a, noise_b = (d / friction_mass**2 for d in (D_a, D_b))
    lead = noise_b ** (-c) * noise_a ** (c - 1) * gauss.subs(width, at_a) * gauss.subs(width, at_b)
    factor = (D_b / D_a) ** (sp.Rational(1, 2) - c)
    bare = 2 * sp.pi * friction_mass / sp.sqrt(H_a * H_b)
    must_vanish(sp.expand(sp.expand_log(sp.log(lead) - sp.log(bare * factor), force=True)), "K")
    return sp.log(bare * factor) + friction_mass * climb, factor


def _second_order() -> Any:
    """Return the relative T of the two Laplace integrals beyond their leading order, constant D."""

    def beyond(shape: Shapes) -> Any:
        w, root_t = sp.symbols("w r", positive=True)
        z = sp.Symbol("z", real=True)
        rest = root_t * shape.third * z**3 / 6 + root_t**2 * shape.fourth * z**4 / 24
        terms = sp.Poly(sp.series(sp.exp(-rest), root_t, 0, 3).removeO().coeff(root_t, 2), z)
        bell = sp.exp(-w * z**2 / 2)
        whole = sp.integrate(bell, (z, -sp.oo, sp.oo))
        moments = {p: sp.integrate(z**p * bell, (z, -sp.oo, sp.oo)) / whole for (p,) in terms.monoms()}
        return sp.Add(*(a * moments[p] for (p,), a in terms.terms())).subs(w, shape.second)

    total = beyond(Shapes(H_a, L3a, L4a)) + beyond(Shapes(H_b, -L3b, -L4b))
    return temperature * sp.expand(total)


def _position_operator() -> Any:
    """Return the particle's backward operator on a function of x + v/gamma."""
    f = sp.Function("f")
    z = sp.Symbol("z", real=True)
    on = f(x + v / gamma)
    force = -gamma * v - L(x).diff(x) / M
    acts = v * on.diff(x) + force * on.diff(v) + loss_noise(x) / M**2 * on.diff(v, 2)
    acts = sp.expand(acts.doit().subs(x + v / gamma, z))
    first, second = (sp.Symbol(name) for name in ("f'", "f''"))
    plain = sp.expand(
        acts.replace(lambda e: isinstance(e, sp.Subs), lambda e: sp.diff(f(z), z, e.expr.derivative_count))
    )
    plain = plain.subs(f(z).diff(z, 2), second).subs(f(z).diff(z), first)
    ito = -L(x).diff(x) / (gamma * M) * first + loss_noise(x) / (gamma * M) ** 2 * second
    must_vanish(plain - ito, "the particle's operator on x + v/gamma")
    return ito


def _kramers() -> tuple[Any, Any]:
    """Return tau of a particle over a quadratic saddle, constant D, and the root in it."""
    drift = v + k * (H_b * x / M - gamma * v)
    grows = sp.Poly(drift, x).coeff_monomial(x)
    condition = sp.expand(drift - grows * (x + k * v)).coeff(v)
    weight = next(w for w in sp.solve(condition, k) if w.subs({gamma: 1, M: 1, H_b: 1}) > 0)
    growth = sp.simplify(grows.subs(k, weight))
    must_vanish(growth - gamma / 2 * (sp.sqrt(1 + 4 * H_b / (gamma**2 * M)) - 1), "the rate of growth")

    # F'(u) ~ exp(-stiff u^2/2) solves lambda u F' + (D q^2/M^2) F'' = 0.
    u = sp.Symbol("u", real=True)
    stiff = rate * M**2 / (D * k**2)
    density = sp.sqrt(stiff / (2 * sp.pi)) * sp.exp(-stiff * u**2 / 2)
    must_vanish(rate * u * density + D * k**2 / M**2 * density.diff(u), "the probability of going over")
    cold = gamma * M / D
    width = sp.Symbol("w", positive=True)
    gauss = sp.integrate(sp.exp(-width * v**2 / 2), (v, -sp.oo, sp.oo))
    # Flux at b is int v exp(-M v^2/2T) (1 - F(-q v)) dv; by parts it has F' alone.
    flux = k / (cold * M) * density.subs(u, 0) * gauss.subs(width, cold * M + stiff * k**2)
    population = gauss.subs(width, cold * M) * gauss.subs(width, cold * H_a)
    time = (population / flux).subs(k, rate * M / H_b)
    bare = 2 * sp.pi * gamma * M / sp.sqrt(H_a * H_b)
    root = (sp.sqrt(1 + 4 * H_b / (gamma * friction_mass)) + 1) / 2
    # rate (gamma + rate) = |H_b|/M.
    must_vanish(growth * (gamma + growth) - H_b / M, "the product of the two rates")
    squared = sp.simplify((time / bare) ** 2).subs(H_b, M * rate * (gamma + rate))
    must_vanish(squared - ((gamma + rate) / gamma) ** 2, "flux over population")
    must_vanish((gamma + growth) / gamma - root.subs(friction_mass, gamma * M), "the root")
    return bare * root * sp.exp(friction_mass * climb), root


def _piecewise_quadratic(share: Any) -> tuple[Any, Any]:
    """Return s of the well of two parabolas joined at the slope p, and p^2."""
    below = sp.integrate(H_a * x, (x, 0, slope / H_a))
    above = sp.integrate(H_b * x, (x, 0, slope / H_b))
    squared = sp.solve(sp.Eq(below + above, barrier), slope**2)[0]
    paid = below / (eta * H_a / (2 * B)) + above / (eta * H_b / (2 * B))
    return sp.factor(share.subs(climb, paid.subs(slope, sp.sqrt(squared)))), squared


def _particle_action() -> tuple[Any, Any]:
    """Return what M x'' adds to the action a dx, and what is left of the equation of the way up."""
    X = sp.Function("X")
    lagrangian = (friction_mass * X(t).diff(t) + L(X(t)).diff(X(t))) ** 2 / (4 * loss_noise(X(t)))
    equation = lagrangian.diff(X(t).diff(t)).diff(t) - lagrangian.diff(X(t))
    equation = sp.expand(equation.doit())
    climbs = L(X(t)).diff(X(t)) / friction_mass
    acceleration = L(X(t)).diff(X(t), 2) * climbs / friction_mass
    on_it = equation.subs(X(t).diff(t, 2), acceleration).subs(X(t).diff(t), climbs).doit()
    left = sp.simplify(on_it)
    must_vanish(left, "the way up")
    velocity, speeding = pull / friction_mass, bend * pull / friction_mass**2
    cost = (friction_mass / gamma * speeding + friction_mass * velocity + pull) ** 2 / (4 * D) / velocity
    first = sp.series(sp.expand(cost), 1 / gamma, 0, 2).removeO().coeff(1 / gamma, 1) / gamma
    must_vanish(cost.subs(gamma, sp.oo) - friction_mass * pull / D, "the exponent of the overdamped way")
    return sp.factor(first), left


def _iterated_action(A: Any, G: Any) -> Any:
    """Return what a finite step adds to the action a dx, from the rule's own move."""
    noisy, velocity, speeding = sp.symbols("g x' x''", real=True)
    before, after = (sign * eta * velocity + eta**2 * speeding / 2 for sign in (-1, 1))
    moved = A[0, 1] * before / eta + G[0] * noisy
    excess = sp.solve(sp.Eq(after, moved), noisy)[0] - pull
    # xi^2/2 a step, C = 2 D/lr; steps follow one another at dt = lr.
    cost = sp.expand(excess**2 / (2 * (2 * D / eta)) / eta)
    mobility = beta3 / (1 - beta1)
    on_it = {velocity: mobility * pull, speeding: bend * mobility**2 * pull}
    along = sp.expand((cost / velocity).subs(on_it))
    must_vanish(along.coeff(eta, 0) - pull / (mobility * D), "the exponent of small steps")
    return sp.factor(along.coeff(eta, 1)) * eta


def _grid_phase() -> Any:
    """Return the least of sum - integral of L'^2/D over grids of steps, where D jumps at the slope p."""
    phase = sp.Symbol("phase", positive=True)
    beyond = eta * (sp.Rational(1, 2) - phase)
    # Of e^-t, from the grid's first point on: lr e^(-phase lr)/(1 - e^-lr) = 1 + beyond + O(lr^2).
    rest = (1 + beyond) * (1 - sp.exp(-eta)) - eta * sp.exp(-phase * eta)
    must_vanish(sp.series(rest, eta, 0, 3).removeO(), "the sum over a grid")
    before, after = slope**2 / D_left, slope**2 / D_right
    total = before * beyond.subs(phase, 1 - phase) + after * beyond
    ends = [sp.factor(total.subs(phase, end)) for end in (0, 1)]
    must_vanish(ends[0] + ends[1], "the two ends")
    return -eta / 2 * slope**2 * sp.Abs(1 / D_left - 1 / D_right)


def _inertia(A: Any, G: Any) -> tuple[Any, Any, Any]:
    """Return c_n and V_n on a flat loss, and the row that has no memory, from the rule's own move."""
    row = sp.Matrix([[1, -eta * beta1 / (1 - beta1)]])
    must_vanish((row * A - row)[0] ** 2 + (row * A - row)[1] ** 2, "the average without memory")
    step = sp.factor((row * G)[0])
    kept = 1 - beta1**T
    held = sp.Matrix([step * kept, beta3 * beta1 ** (T - 1)])
    arrived = (A * held - held.subs(T, T + 1)).applyfunc(lambda e: sp.simplify(sp.expand(e)))
    must_vanish(sum(e**2 for e in arrived) + ((held.subs(T, 1) - G).T * (held.subs(T, 1) - G))[0], "a kick remembered")
    # One more step before the others: its kick has its share, and the momentum it finds is older by a step.
    stationary = beta3**2 / (1 - beta1**2)
    carried = (eta * beta1 * (1 - beta1**T) / (1 - beta1)) ** 2 * stationary / step**2
    spread = T - 2 * beta1 * (1 - beta1**T) / (1 - beta1**2)
    kicks = spread - carried
    more = sp.expand(sp.expand(kicks.subs(T, T + 1) - kicks - kept.subs(T, T + 1) ** 2), power_exp=True)
    must_vanish(more, "the variance of one step more")
    must_vanish(kicks.subs(T, 1) - kept.subs(T, 1) ** 2, "the variance of one step")
    return kept, spread, row


def _jump() -> tuple[Any, Any, Any]:
    """Return what one step's kicks move over a jump of C, b_c without momentum, and what it does to ln tau."""
    small, width = sp.symbols("q V_n", positive=True)
    share = sp.Symbol("c_n", positive=True)
    kinked = sp.erf(x / sp.sqrt(2 * width))
    # q sigma^2 c_n^2/2 times the second derivative, from 0 to infinity.
    moved = -(share**2) * sp.diff(kinked, x).subs(x, 0) / 2
    memoryless = -sp.zeta(sp.Rational(1, 2)) / sp.sqrt(2 * sp.pi)
    last = 400
    total = sum(1 / sp.sqrt(sp.Float(j, 20)) for j in range(1, last + 1)) - sp.Rational(1, 2) / sp.sqrt(
        sp.Float(last, 20)
    )
    summed = total - 2 * sp.sqrt(sp.Float(last, 20)) + 1 / (24 * sp.Float(last, 20) ** sp.Rational(3, 2))
    if abs(summed - sp.N(sp.zeta(sp.Rational(1, 2)), 20)) > 1e-9:
        raise ArithmeticError(f"the sum over steps: {summed} is not zeta(1/2)")
    left, right, drift = sp.symbols("sigma_- sigma_+ d", positive=True)
    above, below = (sign * slip * (right - left) / width**2 for sign, width in ((1, right), (-1, left)))
    must_vanish(above * right**2 + below * left**2, "x^2 grows by sigma^2 a step, wherever it is")
    first = sp.series(above.subs({right: 1 + small / 2, left: 1 - small / 2}), small, 0, 2).removeO()
    must_vanish(first - slip * small, "to first order in the jump")
    steps = {right: sp.sqrt(2 * D_right * tau), left: sp.sqrt(2 * D_left * tau), drift: slope * tau}
    changed = sp.expand((2 * drift * (above + below)).subs(steps))
    jump = slip * sp.sqrt(2 * tau) * slope * (1 / D_right - 1 / D_left) * (sp.sqrt(D_right) - sp.sqrt(D_left))
    must_vanish(changed - sp.expand(jump), "the jump of ln tau")
    return moved, memoryless, jump


def _particle_slip(kept: Any, spread: Any) -> Any:
    """Return b_c of the particle, in units of 1/gamma."""
    small, faded = sp.symbols("q E", positive=True)
    over = {beta1: 1 - small, T: t / small}
    reached = kept.subs(beta1**T, faded)
    wandered = sp.limit(sp.expand(small * spread.subs(beta1**T, faded).subs(over)), small, 0)
    reached, wandered = (e.subs(faded, sp.exp(-t)) for e in (reached, wandered))
    must_vanish(wandered - (t - 1 + sp.exp(-t)), "the variance of a particle's path")
    whole = 2 * sp.sqrt(wandered) * reached
    must_vanish(sp.diff(whole, t) - reached**2 / sp.sqrt(wandered) - 2 * sp.sqrt(wandered) * sp.exp(-t), "by parts")
    return sp.sqrt(2 / sp.pi) * sp.Integral(sp.sqrt(wandered) * sp.exp(-t), (t, 0, sp.oo))


def _least_action(root: Any, squared_slope: Any) -> Any:
    """Return the least action from a to b of the particle on two parabolas, D jumping where they join."""
    ratio = sp.Symbol("root", positive=True)
    # Up to the joint: the well's own equilibrium solves the Hamilton-Jacobi equation.
    well = friction_mass / D_a * (M * v**2 / 2 + H_a * x**2 / 2)
    hamilton = v * well.diff(x) - (gamma * v + H_a * x / M) * well.diff(v) + D_a / M**2 * well.diff(v) ** 2
    must_vanish(hamilton.subs(friction_mass, gamma * M), "the action up to the joint")
    # From there: a multiple of the square of the unstable coordinate, which grows at |H_b|/(gamma M root).
    weight = M / (friction_mass * ratio)
    top = H_b * friction_mass * ratio / D_b * (x + weight * v) ** 2 / 2
    hamilton = v * top.diff(x) + (H_b * x / M - gamma * v) * top.diff(v) - D_b / M**2 * top.diff(v) ** 2
    hamilton = sp.factor(hamilton.subs(friction_mass, gamma * M))
    # root (root - 1) = |H_b|/(gamma^2 M).
    must_vanish(hamilton.subs(H_b, ratio * (ratio - 1) * gamma**2 * M), "the action beyond the joint")
    must_vanish(sp.expand(root * (root - 1)) - H_b / (gamma * friction_mass), "the root's equation")
    total = well.subs(x, slope / H_a) + top.subs(x, -slope / H_b)
    speed = sp.solve(total.diff(v), v)[0]
    least = sp.factor(total.subs(v, speed).subs(M, friction_mass / gamma))
    even = least.subs(D_b, D_a).subs(H_b, ratio * (ratio - 1) * gamma * friction_mass)
    whole = friction_mass * slope**2 / (2 * D_a) * (1 / H_a + 1 / (ratio * (ratio - 1) * gamma * friction_mass))
    must_vanish(even - whole, "the action where D does not jump")
    numerator, denominator = (sp.collect(sp.expand(e), gamma) for e in sp.fraction(least))
    least = sp.expand(numerator / gamma) / sp.expand(denominator / gamma)
    return least.subs(slope, sp.sqrt(squared_slope)).subs(ratio, root)


def _first_order(least: Any) -> Any:
    weak = sp.Symbol("1/gamma", positive=True)
    return weak * sp.factor(sp.diff(least.subs(gamma, 1 / weak), weak).subs(weak, 0))


def _transverse() -> tuple[Any, Any]:
    """Return what a fast direction across adds to the exponent a dx: with D_e a function of x, and of x and y."""
    height, curved = sp.Function("h"), sp.Symbol("d2D_e/dy2", real=True)
    S = sp.Symbol("<y^2>", positive=True)
    # Variance of y: -2 h/(gamma M) <y^2> + 2 D_i/(gamma M)^2 = 0.
    mobility = 1 / friction_mass
    moment = -height(x) * mobility * y * sp.diff(y**2, y) + D_across * mobility**2 * sp.diff(y**2, y, 2)
    variance = sp.solve(sp.expand(moment).subs(y**2, S), S)[0]
    force = sp.diff(height(x) * y**2 / 2, x).subs(y**2, variance)
    across = sp.simplify(friction_mass * force / D)
    must_vanish(across - D_across * height(x).diff(x) / (2 * height(x) * D), "the pull of a direction across")
    mean = D + curved * variance / 2
    shift = sp.diff(friction_mass * pull / (D + temperature * (mean - D)), temperature).subs(temperature, 0)
    return across, sp.simplify(across + shift)
