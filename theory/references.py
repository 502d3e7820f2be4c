"""The predictions of a mean escape time: each with where it comes from and where it is valid."""

import math
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ..landscapes.constant_noise import ConstantNoise
from ..landscapes.isotropic_noise import IsotropicNoise
from ..landscapes.pairs import check_pair
from . import first_passage_diffusion, first_passage_iteration
from .escape_forms import CONVENTION, closed_forms, second_moment_forms
from .line import Passage, passage, separable, vanishing
from .particle import Particle, particle
from .reference import Reference, from_log_time

Array = npt.NDArray[np.float64]
Momentum = Literal["rest", "thermal"]


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
        "rest" or "thermal", what the exact predictions of a rule with inertia start from.

    Returns
    -------
    NamedTuple
        Four predictions in dynamical time, each with its source, and a reason where it has no value.

    Raises
    ------
    ValueError, TypeError
        Where an argument is out of bounds.
    """
    check_momentum(momentum)
    rule = rule.check()
    way, reason = _way(landscape, noise, rule, exit, origin)
    if reason:
        return _none(reason, rule)
    closed, corrected = _forms(way, rule)
    p = particle(rule)
    if isinstance(p, str):
        unsolved = f"the second moments of {type(rule).__name__} make it a process in theta, m and v: not solved"
        exact = Reference(None, "", unsolved, time_step=rule.time_step())
        return References(closed, exact, exact, corrected)
    return References(
        closed, _exact_diffusion(way, p, rule, origin, momentum), _exact_discrete(way, p, momentum), corrected
    )


def closed_references(
    landscape: Any, noise: Any, rule: Any, *, exit: float | None = None, origin: npt.ArrayLike | None = None
) -> tuple[Reference, Reference]:
    """Return the two closed forms of ``references`` alone, printed and corrected: milliseconds, nothing is solved.

    Parameters
    ----------
    landscape, noise, rule, exit, origin
        As in ``references``.

    Raises
    ------
    ValueError, TypeError
        Where an argument is out of bounds.
    """
    rule = rule.check()
    way, reason = _way(landscape, noise, rule, exit, origin)
    if reason:
        nothing = _none(reason, rule)
        return nothing.closed_form, nothing.corrected
    return _forms(way, rule)


def _way(
    landscape: Any, noise: Any, rule: Any, exit: float | None, origin: npt.ArrayLike | None
) -> tuple[Passage, str]:
    """Return the way out and, where there is no theory of it for a checked rule, one line that says why."""
    landscape, noise = landscape.check(), noise.check()
    check_pair(landscape, noise)
    way = passage(landscape, noise, exit, origin)
    stuck = vanishing(way)
    if stuck is not None:
        return way, stuck
    p = particle(rule)
    if isinstance(p, str) and not hasattr(rule, "adapt"):
        return way, p
    if getattr(rule, "weight_decay", 0.0) > 0.0:
        return way, "weight_decay makes the loss that is descended L + lambda |theta|^2 / 2, another landscape"
    if not way.way.barrier > 0.0 or not way.minimum < way.saddle:
        return way, "there is no barrier between the start and the exit"
    return way, ""


def _forms(way: Passage, rule: Any) -> tuple[Reference, Reference]:
    p = particle(rule)
    return second_moment_forms(way, rule) if isinstance(p, str) else closed_forms(way, p)


def check_momentum(momentum: str) -> None:
    """Refuse any other start of the momentum than rest and thermal."""
    if momentum not in ("rest", "thermal"):
        raise ValueError(f"momentum={momentum!r} must be 'rest' or 'thermal'")


def _none(reason: str, rule: Any) -> References:
    empty = Reference(None, "", reason, time_step=rule.time_step())
    return References(empty, empty, empty, empty)


def _exact_diffusion(
    way: Passage, p: Particle, rule: Any, origin: npt.ArrayLike | None, momentum: Momentum
) -> Reference:
    if not math.isinf(p.friction):
        return _exact_particle(way, p, momentum)
    if not separable(way):
        return _exact_in_the_plane(way, p, rule, origin)
    source = "double integral of the backward equation, " + CONVENTION[p.convention]
    gain = 1.0 / p.friction_mass

    def drift(x: Array) -> Array:
        return gain * way.line.slope(x)

    def diffusion(x: Array) -> Array:
        return gain * gain * 0.5 * p.lr * way.line.variance(x)

    try:
        found = first_passage_diffusion.first_passage(drift, diffusion, way.start, way.exit, way.edges, p.convention)
    except ValueError as problem:
        return Reference(None, source, str(problem), time_step=p.time_step)
    return from_log_time(found.log_time, source, "exact for the overdamped diffusion in one dimension", p, found.error)


def _exact_particle(way: Passage, p: Particle, momentum: Momentum) -> Reference:
    from .first_passage_particle import first_passage

    if not separable(way):
        return _not_separable(p)
    source = "backward equation in position and velocity"

    def diffusion(x: Array) -> Array:
        return 0.5 * p.lr * way.line.variance(x)

    try:
        found = first_passage(
            way.line.slope, diffusion, p.friction, p.mass, way.start, way.exit, way.edges, velocity=momentum
        )
    except ValueError as problem:
        return Reference(None, source, str(problem), time_step=p.time_step)
    valid = f"exact for the particle in one dimension, velocity {_STARTED[momentum]}"
    return from_log_time(found.log_time, source, valid, p, found.error)


def _exact_in_the_plane(way: Passage, p: Particle, rule: Any, origin: npt.ArrayLike | None) -> Reference:
    line = way.line
    if len(line.base) != 2:
        return _not_separable(p)
    if not isinstance(line.noise, IsotropicNoise | ConstantNoise):
        # Half a minute where C is nearly singular off the axis.
        reason = "the noise changes across the way: saddlescape.mean_first_passage_of solves it, in a minute"
        return Reference(None, "", reason, time_step=p.time_step)
    from .fokker_planck_landscape import mean_first_passage_of

    source = "backward equation in the plane, by a chain on a grid"
    try:
        found = mean_first_passage_of(line.landscape, line.noise, rule, exit=way.exit, origin=origin)
    except ValueError as problem:
        return Reference(None, source, str(problem), time_step=p.time_step)
    valid = "exact for the overdamped diffusion in two dimensions"
    return from_log_time(math.log(found.time), source, valid, p, found.error)


def _exact_discrete(way: Passage, p: Particle, momentum: Momentum) -> Reference:
    reason = {
        "langevin": "an integrator's steps are no process of their own: see exact_diffusion",
        "underdamped": "an integrator's steps are no process of their own: see exact_diffusion",
    }.get(p.kind)
    if reason is not None:
        return Reference(None, "", reason, time_step=p.time_step)
    if not separable(way):
        return _not_separable(p)
    line = way.line
    bend = float(line.curvature([way.minimum])[0])
    ends = (bend, way.start, way.exit, way.edges)
    source = "integral equation of the iteration, by Gauss-Legendre collocation and GTH elimination"
    valid = "exact for the iteration in one dimension"
    if p.kind == "momentum":
        source = "integral equation of the iteration in position and momentum, by collocation"
        valid += f", momentum {_STARTED[momentum]}"
    try:
        if p.kind == "sgd":
            steps, error, _ = first_passage_iteration.first_passage(
                p.lr / p.friction_mass, line.slope, line.variance, *ends
            )
        else:
            weight = (1.0 - p.keep) / p.friction_mass
            from .first_passage_heavy_ball import first_passage

            found = first_passage(p.lr, p.keep, weight, line.slope, line.variance, *ends, momentum=momentum)
            steps, error = found.steps, found.error
    except ValueError as problem:
        return Reference(None, source, str(problem), time_step=p.time_step)
    return from_log_time(math.log(steps * p.time_step), source, valid, p, error)


def _not_separable(p: Particle) -> Reference:
    reason = "slope or noise along e depends on where one stands across it: no one-dimensional process"
    return Reference(None, "", reason, time_step=p.time_step)


_STARTED = {"rest": "at rest at the start", "thermal": "stationary at the start"}
