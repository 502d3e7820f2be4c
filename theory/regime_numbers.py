"""The dimensionless numbers of a run, which say where the statements may be trusted."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..landscapes.checks import vector
from ..landscapes.eigen_directions import spectrum
from ..landscapes.interface import hessian_at
from ..landscapes.pairs import check_pair
from . import kramers
from .line import passage, vanishing
from .particle import particle
from .second_moments import frozen

Array = npt.NDArray[np.float64]


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
