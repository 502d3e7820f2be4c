"""The predictions that stand beside a measurement: each with where it comes from and where it is valid."""

import math
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

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
    theorem_2,
    theorem_3,
)
from .closed_form import closed_form
from .line import Passage, passage, separable, vanishing
from .particle import Particle, particle

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
    if isinstance(p, str):
        return _none(p, rule)
    if getattr(rule, "weight_decay", 0.0) > 0.0:
        return _none("weight_decay makes the loss that is descended L + lambda |theta|^2 / 2, another landscape", rule)
    if not way.way.barrier > 0.0 or not way.minimum < way.saddle:
        return _none("there is no barrier between the start and the exit", rule)
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
            closed = theorem_2.spread(curvatures + decay, diffusion, time, p.friction, p.friction_mass).total
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
        Time step x largest |eigenvalue| of H at minimum and saddle: the cost of a finite step.
    ``saddle_curvature_over_friction``
        4|H_b|/(gamma^2 M), under the Kramers root.
    ``curvature_over_friction``
        max|H_e|/(gamma^2 M); first-order corrections are good below about 0.1.
    ``friction_action_over_temperature``
        gamma J/k, J the action of the orbit of barrier energy; the friction is too weak below about 1.
    ``memory``
        lr |H_b|/(1 - beta2): above about 1 the second moment does not follow the path.
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
        return numbers | _second_moment_numbers(rule, top, h_b)
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
        return numbers | _second_moment_numbers(rule, values, stiffest)
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
    line = way.line
    if not way.straight:
        return _curved(way, p)
    h_a, h_b = (float(v) for v in line.curvature([way.minimum, way.saddle]))
    drop = -p.friction_mass * kramers.climb(way, p.lr, way.saddle, way.exit) if way.exit > way.saddle else 0.0
    problem = ""
    if not h_a > 0.0 > h_b:
        problem = f"curvature along e is {h_a:g} at the minimum and {h_b:g} at the saddle: it must be above and below 0"
    elif way.start >= way.saddle:
        problem = "the start lies beyond the saddle"
    elif drop < COMMITTED:
        problem = f"the exit lies only {drop:.2g} T below the saddle: a trajectory there is not yet committed"
    if problem:
        nothing = Reference(None, "Theorem 3", problem, time_step=p.time_step)
        return nothing, nothing._replace(source="Kramers")
    h_b = -h_b
    exponent = kramers.climb(way, p.lr)
    d_a, d_b = (0.5 * p.lr * float(v) for v in line.variance([way.minimum, way.saddle]))
    root = theorem_3.kramers_root(h_b, p.friction, p.friction_mass)
    rooted = ", Kramers root" if root > 1.0 else ""
    factor = kramers.convention_factor(p.convention, d_a, d_b)
    ours = kramers.log_escape_time(h_a, h_b, exponent, factor * root, p.friction_mass)
    b = kramers.batch_size(way)
    if b is not None:
        s = theorem_3.share(exponent, h_a, h_b, way.way.barrier, b, p.lr)
        closed = _finite(
            theorem_3.log_escape_time(h_b, exponent, p.friction, p.friction_mass),
            "Theorem 3" + ("" if math.isnan(s) else f" with s = {s:.4g}"),
            "as printed: low temperature, and the anti-Ito prefactor 1/|H_be|",
            p,
        )
    else:
        constant = abs(d_b / d_a - 1.0) < 1e-9
        closed = _finite(
            ours,
            f"Kramers{rooted}" + ("" if constant else f", K = {factor:.4g}"),
            "C is not |H|/B along e (Eq. 3): the general one-dimensional form for Theorem 3; low temperature",
            p,
        )
    return closed, _corrected(way, p, ours, rooted)


def _corrected(way: Passage, p: Particle, ours: float, rooted: str) -> Reference:
    source = f"Kramers, K of the {_CONVENTION[p.convention]} convention{rooted}"
    lag = 0.0
    if p.lag > 0.0:
        lag = kramers.lag_correction(way, p.lr, p.lag, 0.5 * p.lr if p.iterated else 0.0)
        if abs(lag) > 1e-10:
            source += ", first-order exponent correction"
    valley = kramers.transverse_factor(way, p.lr)
    if valley is None:
        turning = "the directions across the way turn between minimum and saddle"
        return Reference(None, source, turning, time_step=p.time_step)
    reason = "low temperature"
    if abs(lag) > 1e-10:
        reason += f"; the exponent is changed by {lag:.3g}, to first order in lr, or in max|H|/(gamma^2 M) below 0.1"
    if valley != 0.0:
        source += ", transverse factor"
        reason += "; the directions across relax fast"
    return _finite(ours + lag + valley, source, reason, p)


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
    root = theorem_3.kramers_root(-float(np.linalg.eigvalsh(top)[0]), p.friction, p.friction_mass)
    log_time = kramers.log_eyring_kramers(bottom, top, way.way.barrier / (0.5 * p.lr * c), p.friction_mass)
    source = "Eyring-Kramers, Kramers root" if root > 1.0 else "Eyring-Kramers"
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


def _second_moment_numbers(rule: Any, spectrum: Array, stiffness: float) -> dict[str, float]:
    """Return the numbers of rules with second moments, or with an inertia made of them, from the saddle's spectrum."""
    numbers = {}
    if hasattr(rule, "beta2"):
        numbers["memory"] = rule.lr * stiffness / (1.0 - rule.beta2)
    if hasattr(rule, "beta0"):
        size = np.abs(spectrum)
        mean = float(size.mean())
        numbers["inertia_trace"] = rule.lr * mean / rule.beta0
        numbers["inertia_clip_low"] = rule.beta0 * float(size.min()) / (rule.eps * mean)
        numbers["inertia_clip_high"] = rule.beta0 * float(size.max()) / mean
    return numbers
