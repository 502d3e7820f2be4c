"""The predictions that stand beside a measurement: each with where it comes from and where it is valid."""

import math
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ..dynamics.adai import Adai
from ..dynamics.adam import Adam
from ..landscapes.checks import vector
from ..landscapes.eigen_directions import eigen_directions, spectrum
from ..landscapes.interface import Matrix, Vector, covariance_at, hessian_at
from ..landscapes.pairs import check_pair
from . import (
    covariance_recursion,
    first_passage_diffusion,
    first_passage_iteration,
    kramers,
    linear_diffusion,
)
from .closed_form import closed_form
from .line import Passage, passage, separable, vanishing
from .particle import Particle, particle
from .second_moments import Frozen, frozen, variances

Array = npt.NDArray[np.float64]
Momentum = Literal["rest", "thermal"]

COMMITTED = 1.0
"""Units of T that the exit must lie below the saddle for a closed form to say anything."""
LARGEST = 700.0
"""Largest ln tau that is given as a number."""


class Reference(NamedTuple):
    """One prediction of a mean escape time.

    Parameters
    ----------
    value
        Mean escape time in dynamical time t = steps x learning rate (dt for a Langevin integrator); None where there
        is none.
    source
        Which statement, equation or method gave it.
    reason
        Why there is no value, or where the value is valid; one line.
    error
        Estimated numerical error of the value (dynamical time); None for closed forms.
    time_step
        Dynamical time of one step.
    """

    value: float | None
    source: str
    reason: str = ""
    error: float | None = None
    time_step: float = 1.0

    @property
    def steps(self) -> float | None:
        """The same in steps."""
        return None if self.value is None else self.value / self.time_step


class References(NamedTuple):
    """The predictions of a mean escape time, from the theorem to the iteration itself.

    Parameters
    ----------
    closed_form
        The theorem as printed.
    exact_diffusion
        The continuous process, with no approximation but a finite quadrature.
    exact_discrete
        The iteration itself, with no sampling.
    corrected
        Our closed form, where a finding corrects the printed one.
    """

    closed_form: Reference
    exact_diffusion: Reference
    exact_discrete: Reference
    corrected: Reference


class SpreadReferences(NamedTuple):
    """The predictions of how a rule spreads at a saddle; each is None where ``reasons`` says why.

    Parameters
    ----------
    steps
        Recorded steps, (R,).
    curvatures, directions
        Eigenvalues (d,) and eigenvectors (d, d), in columns, of the Hessian at the start.
    closed_form
        Theorem 1 or 2 as printed: mean square displacement along each eigen-direction, (R, d).
    exact_diffusion
        The linear diffusion, along each eigen-direction, (R, d).
    exact_discrete
        The iteration itself: covariance of theta, (R, d, d).
    sources, reasons
        For each of the three, where it comes from, and why it has no value or where it is valid.
    """

    steps: npt.NDArray[np.int64]
    curvatures: Vector
    directions: Matrix
    closed_form: Array | None
    exact_diffusion: Array | None
    exact_discrete: Array | None
    sources: dict[str, str]
    reasons: dict[str, str]

    @property
    def exact_discrete_variance(self) -> Array | None:
        """Diagonal of exact_discrete along the eigen-directions, (R, d)."""
        if self.exact_discrete is None:
            return None
        return np.asarray(np.einsum("ki,rkl,li->ri", self.directions, self.exact_discrete, self.directions))

    def variances(self) -> dict[str, Array | None]:
        """Return each prediction's variance along the eigen-directions, (R, d), by its name."""
        return {
            "exact_discrete": self.exact_discrete_variance,
            "exact_diffusion": self.exact_diffusion,
            "closed_form": self.closed_form,
        }


def references(
    landscape: Any,
    noise: Any,
    rule: Any,
    *,
    exit: float | None = None,
    origin: npt.ArrayLike | None = None,
    momentum: Momentum = "rest",
) -> References:
    """Return the predictions of a mean escape time.

    Parameters
    ----------
    landscape, noise, rule
        What is run; each is checked first.
    exit
        Absorbing level of e.theta, e the escape direction; default the far minimum.
    origin
        Where trajectories start, (d,); default the minimum.
    momentum
        "rest" or "thermal". The predictions so far do not depend on it.

    Returns
    -------
    NamedTuple
        Four predictions in dynamical time, each with its source, and a reason where it has no value.

    Raises
    ------
    ValueError, TypeError
        Where an argument is out of bounds.
    """
    _check_momentum(momentum)
    landscape, noise, rule = landscape.check(), noise.check(), rule.check()
    check_pair(landscape, noise)
    way = passage(landscape, noise, exit, origin)
    stuck = vanishing(way)
    if stuck is not None:
        return _none(stuck, rule)
    p = particle(rule)
    if isinstance(p, str) and not hasattr(rule, "adapt"):
        return _none(p, rule)
    if getattr(rule, "weight_decay", 0.0) > 0.0:
        return _none("weight_decay makes the loss that is descended L + lambda |theta|^2 / 2, another landscape", rule)
    if not way.way.barrier > 0.0 or not way.minimum < way.saddle:
        return _none("there is no barrier between the start and the exit", rule)
    if isinstance(p, str):
        closed, corrected = _second_moment_forms(way, rule)
        unsolved = f"the second moments of {type(rule).__name__} make it a process in theta, m and v: not solved"
        exact = Reference(None, "", unsolved, time_step=rule.time_step())
        return References(closed, exact, exact, corrected)
    closed, corrected = _closed_forms(way, p)
    return References(closed, _exact_diffusion(way, p), _exact_discrete(way, p), corrected)


def spread_references(
    landscape: Any,
    noise: Any,
    rule: Any,
    steps: npt.ArrayLike,
    momentum: Momentum = "rest",
    origin: npt.ArrayLike | None = None,
) -> SpreadReferences:
    """Return the predictions of how a rule spreads at a saddle.

    The loss is taken as its second-order expansion at the start and the noise as it is there.

    Parameters
    ----------
    landscape, noise, rule
        What is run; each is checked first.
    steps
        Recorded steps, (R,), rising.
    momentum
        "rest", or "thermal": the momentum a flat loss has in the long run. Theorem 2 as printed means the second.
    origin
        Where trajectories start, (d,); default the landscape's first saddle.

    Raises
    ------
    ValueError, TypeError
        Where an argument is out of bounds.
    """
    _check_momentum(momentum)
    landscape, noise, rule = landscape.check(), noise.check(), rule.check()
    check_pair(landscape, noise)
    point = landscape.saddles()[0] if origin is None else vector("origin", origin)
    at = np.atleast_1d(np.asarray(steps, dtype=np.int64))
    h, c = hessian_at(landscape, point), covariance_at(noise, landscape, point)
    curvatures, directions = eigen_directions(landscape, point)
    sources, reasons = {}, {}
    closed = continuous = discrete = None
    p = particle(rule)
    if isinstance(p, str):
        reasons["closed_form"] = reasons["exact_diffusion"] = p
    else:
        decay = float(getattr(rule, "weight_decay", 0.0))
        time = at[:, None] * p.time_step
        diffusion = 0.5 * p.lr * np.einsum("ki,kl,li->i", directions, c, directions)
        sources["exact_diffusion"] = "Lyapunov equation of the linear diffusion, solved direction by direction"
        reasons["exact_diffusion"] = "no finite-step error: lr max|H| << 1"
        continuous = linear_diffusion.spread(
            curvatures + decay, diffusion, time, p.friction, p.friction_mass, momentum == "thermal"
        )
        if math.isinf(p.friction):
            sources["closed_form"] = "Theorem 1"
            reasons["closed_form"] = "lr max|H| << 1"
            spread = closed_form("theorem-1", "spread")
            closed = spread((curvatures + decay) / p.friction_mass, diffusion / p.friction_mass**2, time)
        else:
            sources["closed_form"] = "Theorem 2"
            reasons["closed_form"] = (
                "stationary momentum at the start; gamma t >> 1; 4|H|, 2 H^2 t/(gamma M) << gamma^2 M"
            )
            spread = closed_form("theorem-2", "spread")
            closed = spread(curvatures + decay, diffusion, time, p.friction, p.friction_mass)
    try:
        discrete = covariance_recursion.spread(rule, h, c, at, momentum)
        sources["exact_discrete"] = "covariance recursion S <- A S A^T + Q of the rule's own step"
        reasons["exact_discrete"] = "exact on a quadratic loss with the noise fixed at its value at the start"
    except TypeError as problem:
        reasons["exact_discrete"] = str(problem)
    return SpreadReferences(at, curvatures, directions, closed, continuous, discrete, sources, reasons)


def regime(
    landscape: Any,
    noise: Any,
    rule: Any,
    *,
    exit: float | None = None,
    origin: npt.ArrayLike | None = None,
) -> dict[str, float]:
    """Return the dimensionless numbers that say where the escape formulas may be trusted; those that apply.

    ``barrier_over_temperature``
        gamma M int_a^b L'/D dx, large at low temperature (Assumption 3).
    ``lr_times_curvature``
        Time step x largest |eigenvalue| of H at minimum and saddle: the cost of a finite step. Adam: each coordinate's
        own learning rate.
    ``saddle_curvature_over_friction``
        4|H_b|/(gamma^2 M), under the Kramers root.
    ``curvature_over_friction``
        max|H_e|/(gamma^2 M); first-order corrections are good below about 0.1.
    ``friction_action_over_temperature``
        gamma J/k, J the action of the orbit of barrier energy; the friction is too weak below about 1.
    ``memory``
        lr_e |H_b|/(1 - beta2), lr_e the learning rate along e at the minimum's second moments: above about 1 they do
        not follow the path.
    ``inertia_trace``
        lr ||H_b||_1/(d beta0), under the root of Proposition 4.
    ``inertia_clip_low``, ``inertia_clip_high``
        beta0 min|H|/(eps mean|H|), to stay above 1, and beta0 max|H|/mean|H|, to stay below 1, at the saddle.

    Raises
    ------
    ValueError, TypeError
        Where an argument is out of bounds.
    """
    landscape, noise, rule = landscape.check(), noise.check(), rule.check()
    way = passage(landscape, noise, exit, origin)
    bottom, top = (np.sort(spectrum(landscape, point)) for point in (way.way.minimum, way.way.saddle))
    numbers = {"lr_times_curvature": rule.time_step() * float(max(np.abs(bottom).max(), np.abs(top).max()))}
    h_b = float(abs(top[0]))
    p = particle(rule)
    if isinstance(p, str):
        held = frozen(way, rule)
        if isinstance(held, str):
            return numbers | _second_moment_numbers(rule, top, rule.time_step() * h_b)
        p = held.particle
        ends = (hessian_at(landscape, point) for point in (way.way.minimum, way.way.saddle))
        numbers["lr_times_curvature"] = p.lr * float(max(np.max(held.rates * np.abs(np.diag(h))) for h in ends))
        numbers |= _second_moment_numbers(rule, top, p.lr * h_b)
    if vanishing(way) is None and way.straight:
        numbers["barrier_over_temperature"] = p.friction_mass * kramers.climb(way, p.lr)
    if not math.isinf(p.friction):
        h_a = float(abs(way.line.curvature([way.minimum])[0]))
        numbers["saddle_curvature_over_friction"] = 4.0 * h_b / (p.friction * p.friction_mass)
        numbers["curvature_over_friction"] = max(h_a, h_b) / (p.friction * p.friction_mass)
        if way.straight:
            hottest = 0.5 * p.lr * float(way.line.variance([way.minimum, way.saddle]).max()) / p.friction_mass
            action = kramers.orbit_action(way, p.mass)
            if math.isfinite(action) and hottest > 0.0:
                numbers["friction_action_over_temperature"] = p.friction * action / hottest
    return numbers


def spread_regime(
    landscape: Any, noise: Any, rule: Any, steps: int, origin: npt.ArrayLike | None = None
) -> dict[str, float]:
    """Return the dimensionless numbers that say where the spreading formulas may be trusted after so many steps.

    ``lr_times_curvature``
        Time step x max|H|.
    ``friction_time``
        gamma t, large for Theorem 2.
    ``curvature_over_friction``
        4 max|H|/(gamma^2 M), small for Theorem 2.
    ``growth``
        2 H^2 t/(gamma^3 M^2) at the largest |H|, small for Theorem 2.
    ``memory``, ``inertia_trace``, ``inertia_clip_low``, ``inertia_clip_high``
        As in ``regime``.
    """
    landscape, noise, rule = landscape.check(), noise.check(), rule.check()
    check_pair(landscape, noise)
    point = landscape.saddles()[0] if origin is None else vector("origin", origin)
    values = np.sort(spectrum(landscape, point))
    stiffest = float(np.abs(values).max())
    numbers = {"lr_times_curvature": rule.time_step() * stiffest}
    p = particle(rule)
    if isinstance(p, str):
        return numbers | _second_moment_numbers(rule, values, rule.time_step() * stiffest)
    if not math.isinf(p.friction):
        damping = p.friction * p.friction_mass
        time = steps * p.time_step
        numbers["friction_time"] = p.friction * time
        numbers["curvature_over_friction"] = 4.0 * stiffest / damping
        numbers["growth"] = 2.0 * stiffest**2 * time / (damping * p.friction_mass)
    return numbers


def _check_momentum(momentum: str) -> None:
    if momentum not in ("rest", "thermal"):
        raise ValueError(f"momentum={momentum!r} must be 'rest' or 'thermal'")


def _none(reason: str, rule: Any) -> References:
    empty = Reference(None, "", reason, time_step=rule.time_step())
    return References(empty, empty, empty, empty)


def _finite(log_time: float, source: str, reason: str, p: Particle, error: float | None = None) -> Reference:
    """Return exp(log_time) as a reference, or why it is not one."""
    if not math.isfinite(log_time):
        return Reference(None, source, "the noise vanishes on the way", time_step=p.time_step)
    if log_time > LARGEST:
        return Reference(None, source, f"too long for a number: ln tau = {log_time:.6g}", time_step=p.time_step)
    value = math.exp(log_time)
    return Reference(value, source, reason, None if error is None else error * value, p.time_step)


def _closed_forms(way: Passage, p: Particle) -> tuple[Reference, Reference]:
    """Return the printed closed form and ours."""
    if not way.straight:
        return _curved(way, p)
    problem = _unfit(way, p)
    if problem:
        nothing = Reference(None, "Theorem 3", problem, time_step=p.time_step)
        return nothing, nothing._replace(source="Kramers")
    h_a, h_b = _curvatures(way)
    exponent = kramers.climb(way, p.lr)
    root, factor, ours = _kramers(way, p)
    b = kramers.batch_size(way)
    if b is not None:
        closed = _finite(
            float(closed_form("theorem-3", "log_escape_time")(h_b, exponent, p.friction, p.friction_mass)),
            "Theorem 3" + _with_share("theorem-3", exponent, h_a, h_b, way.way.barrier, b, p.lr),
            "as printed: low temperature, and the anti-Ito prefactor 1/|H_be|",
            p,
        )
    else:
        closed = _finite(
            ours,
            f"Kramers{_rooted(root)}" + ("" if abs(factor - 1.0) < 1e-9 else f", K = {factor:.4g}"),
            "C is not |H|/B along e (Eq. 3): the general one-dimensional form for Theorem 3; low temperature",
            p,
        )
    return closed, _corrected(way, p, ours, root)


def _unfit(way: Passage, p: Particle) -> str:
    """Return why no closed form applies to a straight way; nothing where one does."""
    h_a, h_b = _curvatures(way)
    drop = -p.friction_mass * kramers.climb(way, p.lr, way.saddle, way.exit) if way.exit > way.saddle else 0.0
    if not (h_a > 0.0 and h_b > 0.0):
        return f"curvature along e is {h_a:g} at the minimum and {-h_b:g} at the saddle: it must be above and below 0"
    if way.start >= way.saddle:
        return "the start lies beyond the saddle"
    if drop < COMMITTED:
        return f"the exit lies only {drop:.2g} T below the saddle: a trajectory there is not yet committed"
    return ""


def _curvatures(way: Passage) -> tuple[float, float]:
    """Return H_ae and |H_be|."""
    h_a, h_b = (float(v) for v in way.line.curvature([way.minimum, way.saddle]))
    return h_a, -h_b


def _kramers(way: Passage, p: Particle) -> tuple[float, float, float]:
    """Return the Kramers root, the convention's factor and ln tau with both."""
    h_a, h_b = _curvatures(way)
    d_a, d_b = (0.5 * p.lr * float(v) for v in way.line.variance([way.minimum, way.saddle]))
    root = float(closed_form("theorem-3", "kramers_root")(h_b, p.friction, p.friction_mass))
    factor = float(closed_form("theorem-3", "convention_factor")(p.convention, d_a, d_b))
    log_time = closed_form("theorem-3", "log_kramers")
    return root, factor, float(log_time(h_a, h_b, kramers.climb(way, p.lr), factor * root, p.friction_mass))


def _with_share(statement: str, exponent: float, h_a: float, h_b: float, *more: float) -> str:
    """Return the words for s; it has no value, and no effect, where both curvatures are one."""
    if h_a == h_b:
        return ""
    return f" with s = {float(closed_form(statement, 'share')(exponent, h_a, h_b, *more)):.4g}"


def _rooted(root: float) -> str:
    return ", Kramers root" if root > 1.0 else ""


def _corrected(way: Passage, p: Particle, ours: float, root: float, rates: Vector | None = None) -> Reference:
    source = f"Kramers, K of the {_CONVENTION[p.convention]} convention{_rooted(root)}"
    lag = 0.0
    if p.lag > 0.0:
        weight = kramers.jump_weight(p.lr, p.keep) if p.iterated else kramers.jump_weight(1.0 / p.friction)
        lag = kramers.lag_correction(way, p.lr, p.lag, weight)
        if abs(lag) > 1e-10:
            source += ", first correction of the exponent"
    valley = kramers.transverse_factor(way, rates)
    if valley is None:
        turning = "the directions across the way turn between minimum and saddle"
        return Reference(None, source, turning, time_step=p.time_step)
    reason = "low temperature"
    if abs(lag) > 1e-10:
        reason += f"; the exponent is changed by {lag:.3g}, to leading order in lr, or in max|H|/(gamma^2 M) below 0.1"
    if valley != 0.0:
        source += ", transverse factor"
        reason += "; the directions across relax fast, and the noise along e does not change across"
    return _finite(ours + lag + valley, source, reason, p)


def _second_moment_forms(way: Passage, rule: Any) -> tuple[Reference, Reference]:
    """Return Proposition 2 (Adam) or 4 (Adai) as printed, and ours with the second moments held at the minimum."""
    name = "Proposition 2" if isinstance(rule, Adam) else "Proposition 4"
    held = frozen(way, rule)
    problem = held if isinstance(held, str) else ""
    if not problem and not way.straight:
        problem = "the way from minimum to saddle is not straight along e"
    if isinstance(held, str) or problem:
        nothing = Reference(None, name, problem, time_step=rule.time_step())
        return nothing, nothing._replace(source="Kramers")
    problem = _unfit(way, held.particle)
    if problem:
        nothing = Reference(None, name, problem, time_step=rule.time_step())
        return nothing, nothing._replace(source="Kramers")
    printed = _adam(way, rule, held) if isinstance(rule, Adam) else _adai(way, rule, held)
    root, _, ours = _kramers(way, held.particle)
    corrected = _corrected(way, held.particle, ours + math.log(held.stretch), root, held.rates)
    kept = "v" if isinstance(rule, Adam) else f"1 - mu = {1.0 - held.particle.keep:.4g}"
    return printed, corrected._replace(
        source=f"{corrected.source}, {kept} as at the minimum",
        reason=f"{corrected.reason}; lr_e |H_b| is above 1 - beta2, so that v does not follow the path",
    )


def _adam(way: Passage, rule: Adam, held: Frozen) -> Reference:
    """Return Proposition 2 as printed, or its general form where the noise is not Eq. 3's."""
    (h_a, h_b), b = _curvatures(way), kramers.batch_size(way)
    bottom, top = (np.diag(hessian_at(way.line.landscape, point)) for point in (way.way.minimum, way.way.saddle))
    across = np.abs(way.line.direction) < 0.5
    if not (np.all(bottom[across] > 0.0) and np.all(top[across] > 0.0)):
        problem = "a direction across the way does not curve upwards at minimum and saddle"
        return Reference(None, "Proposition 2", problem, time_step=rule.time_step())
    v_a, v_b = held.second_moments, variances(way, way.way.saddle)
    climbed = kramers.rescaled_climb(way)
    if b is not None and all(np.allclose(v * b, np.abs(h), rtol=1e-9) for v, h in ((v_a, bottom), (v_b, top))):
        s = 0.5 if h_a == h_b else closed_form("proposition-2", "share")(climbed, h_a, h_b, way.way.barrier, b)
        volume = float(np.sum(np.log(np.abs(top / bottom))))
        log_time = closed_form("proposition-2", "log_escape_time")(
            h_a, h_b, way.way.barrier, b, rule.lr, s, rule.beta1, volume
        )
        source = "Proposition 2" + ("" if h_a == h_b else f" with s = {float(s):.4g}")
        return _finite(float(log_time), source, "as printed: low temperature, and v = C along the way", held.particle)
    volume = float(np.sum(np.log((top / np.sqrt(v_b))[across] / (bottom / np.sqrt(v_a))[across])))
    c_a, c_b = (float(c) for c in way.line.variance([way.minimum, way.saddle]))
    log_time = closed_form("proposition-2", "log_general")(h_a, h_b, c_a, c_b, climbed, rule.lr, rule.beta1, volume)
    reason = "C is not |H|/B (Eq. 3): Proposition 2 with H/v^(1/2) and lr C/(2v), v = C along the way; low temperature"
    return _finite(float(log_time), "Proposition 2, general form", reason, held.particle)


def _adai(way: Passage, rule: Adai, held: Frozen) -> Reference:
    """Return Proposition 4 as printed, or its general form where the noise is not Eq. 3's."""
    h_a, h_b = _curvatures(way)
    v = variances(way, way.way.saddle)
    c_b = float(way.line.variance([way.saddle])[0])
    # |H_be| / (share of v_e in the trace) is ||H_b||_1 under Eq. 3.
    size, exponent, b = h_b * float(v.sum()) / c_b, kramers.climb(way, rule.lr), kramers.batch_size(way)
    given = (rule.lr, rule.beta0, len(v), size)
    if b is not None:
        log_time = closed_form("proposition-4", "log_escape_time")(h_b, exponent, *given)
        source = "Proposition 4" + _with_share("theorem-3", exponent, h_a, h_b, way.way.barrier, b, rule.lr)
        reason = "as printed: low temperature, mu = 1 - beta0 C_e/mean(C) at the saddle, and the prefactor 1/|H_be|"
        return _finite(float(log_time), source, reason, held.particle)
    _, factor, _ = _kramers(way, held.particle)
    root = float(closed_form("proposition-4", "root")(size, rule.lr, rule.beta0, len(v)))
    log_time = closed_form("theorem-3", "log_kramers")(h_a, h_b, exponent, factor * root, 1.0)
    reason = "C is not |H|/B along e (Eq. 3): Theorem 3's general form with mu at the saddle; low temperature"
    return _finite(float(log_time), "Kramers, root of Proposition 4", reason, held.particle)


_CONVENTION = {0.0: "Ito", 0.5: "Stratonovich", 1.0: "anti-Ito"}


def _curved(way: Passage, p: Particle) -> tuple[Reference, Reference]:
    """Return the closed forms where the saddle does not lie straight ahead of the minimum."""
    bent = "the way from minimum to saddle is not straight along e, so that s is not defined"
    closed = Reference(None, "Theorem 3", bent, time_step=p.time_step)
    ours = closed._replace(
        source="Eyring-Kramers", reason="the way is not straight, nor the noise constant and isotropic"
    )
    c = kramers.isotropic_variance(way)
    if c is None:
        return closed, ours
    bottom, top = (hessian_at(way.line.landscape, x) for x in (way.way.minimum, way.way.saddle))
    unstable = -float(np.linalg.eigvalsh(top)[0])
    root = float(closed_form("theorem-3", "kramers_root")(unstable, p.friction, p.friction_mass))
    log_time = kramers.log_eyring_kramers(bottom, top, way.way.barrier / (0.5 * p.lr * c), p.friction_mass)
    source = f"Eyring-Kramers{_rooted(root)}"
    return closed, _finite(log_time + math.log(root), source, "low temperature, constant isotropic noise", p)


def _exact_diffusion(way: Passage, p: Particle) -> Reference:
    source = "double integral of the backward equation, " + _CONVENTION[p.convention]
    if not math.isinf(p.friction):
        reason = "a particle with inertia needs a two-dimensional backward equation: not evaluated yet"
        return Reference(None, "", reason, time_step=p.time_step)
    if not separable(way):
        return _not_separable(p)
    gain = 1.0 / p.friction_mass

    def drift(x: Array) -> Array:
        return gain * way.line.slope(x)

    def diffusion(x: Array) -> Array:
        return gain * gain * 0.5 * p.lr * way.line.variance(x)

    try:
        found = first_passage_diffusion.first_passage(drift, diffusion, way.start, way.exit, way.edges, p.convention)
    except ValueError as problem:
        return Reference(None, source, str(problem), time_step=p.time_step)
    return _finite(found.log_time, source, "exact for the overdamped diffusion in one dimension", p, found.error)


def _exact_discrete(way: Passage, p: Particle) -> Reference:
    source = "integral equation of the iteration, by Gauss-Legendre collocation and GTH elimination"
    reason = {
        "momentum": "heavy ball needs a two-dimensional chain: not evaluated yet",
        "langevin": "an integrator's steps are no process of their own: see exact_diffusion",
        "underdamped": "an integrator's steps are no process of their own",
    }.get(p.kind)
    if reason is not None:
        return Reference(None, "", reason, time_step=p.time_step)
    if not separable(way):
        return _not_separable(p)
    bend = float(way.line.curvature([way.minimum])[0])
    try:
        found = first_passage_iteration.first_passage(
            p.lr / p.friction_mass, way.line.slope, way.line.variance, bend, way.start, way.exit, way.edges
        )
    except ValueError as problem:
        return Reference(None, source, str(problem), time_step=p.time_step)
    valid = "exact for the iteration in one dimension"
    return _finite(math.log(found.steps * p.time_step), source, valid, p, found.error)


def _not_separable(p: Particle) -> Reference:
    reason = "slope or noise along e depends on where one stands across it: no one-dimensional process"
    return Reference(None, "", reason, time_step=p.time_step)


def _second_moment_numbers(rule: Any, spectrum: Array, pace: float) -> dict[str, float]:
    """Return the numbers of rules with second moments, or with an inertia made of them, from the saddle's spectrum.

    pace is the share of the way to the saddle, or from it, that a step takes.
    """
    numbers = {}
    if hasattr(rule, "beta2"):
        numbers["memory"] = pace / (1.0 - rule.beta2)
    if hasattr(rule, "beta0"):
        size = np.abs(spectrum)
        mean = float(size.mean())
        numbers["inertia_trace"] = rule.lr * mean / rule.beta0
        numbers["inertia_clip_low"] = rule.beta0 * float(size.min()) / (rule.eps * mean)
        numbers["inertia_clip_high"] = rule.beta0 * float(size.max()) / mean
    return numbers
