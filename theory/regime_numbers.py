"""The dimensionless numbers of a run, which say where the statements may be trusted."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..dynamics.adai import Adai
from ..dynamics.adam import Adam
from ..landscapes.checks import vector
from ..landscapes.eigen_directions import eigen_directions, spectrum
from ..landscapes.interface import Matrix, covariance_at, hessian_at
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
    ``noise_ratio``
        The larger over the smaller of C_e at minimum and saddle: 1 where the noise is one all along.
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
        bent = (hessian_at(landscape, point) for point in (way.way.minimum, way.way.saddle))
        numbers["lr_times_curvature"] = p.lr * float(max(np.max(held.rates * np.abs(np.diag(h))) for h in bent))
        numbers |= _second_moment_numbers(rule, top, p.lr * h_b)
    if vanishing(way) is None and way.straight:
        numbers["barrier_over_temperature"] = p.friction_mass * kramers.climb(way, p.lr)
    ends = way.line.variance([way.minimum, way.saddle])
    if ends.min() > 0.0:
        numbers["noise_ratio"] = float(ends.max() / ends.min())
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
    landscape: Any,
    noise: Any,
    rule: Any,
    steps: int,
    origin: npt.ArrayLike | None = None,
    direction: int | None = None,
) -> dict[str, float]:
    """Return the dimensionless numbers that say where the spreading formulas may be trusted after so many steps.

    They are those of one eigen-direction, counted from the lowest curvature, or the worst over all. Adam and Adai have
    gamma = (1 - beta1)/lr and (1 - mu)/lr, their second moments held at the noise's, where the directions are
    coordinate axes.

    ``lr_times_curvature``
        Time step x |H|; for Adam lr |H|/v^(1/2), each coordinate's own.
    ``lr_growth``
        The same x |H| t: what a finite step adds to the exponent.
    ``friction_time``
        gamma t, large for Theorem 2.
    ``curvature_over_friction``
        4 |H|/(gamma^2 M), small for Theorem 2.
    ``growth``
        2 H^2 t/(gamma^3 M^2), small for Theorem 2.
    ``memory``, ``inertia_trace``, ``inertia_clip_low``, ``inertia_clip_high``
        As in ``regime``.
    """
    landscape, noise, rule = landscape.check(), noise.check(), rule.check()
    check_pair(landscape, noise)
    point = landscape.saddles()[0] if origin is None else vector("origin", origin)
    values, directions = eigen_directions(landscape, point)
    order = np.argsort(values, kind="stable")
    chosen = order if direction is None else order[[direction]]
    p = particle(rule)
    numbers = {}
    if isinstance(p, str):
        pace, opened = _held_rates(rule, covariance_at(noise, landscape, point), directions)
        rate = pace[chosen] * np.abs(values[chosen])
        numbers = _second_moment_numbers(rule, values, float(rate.max()))
        friction, weight = opened[chosen], 1.0
    else:
        rate = p.time_step * np.abs(values[chosen]) / p.friction_mass
        friction, weight = np.full(len(chosen), p.friction * p.time_step), p.friction_mass
    own = {"lr_times_curvature": rate * weight, "lr_growth": rate**2 * steps}
    if np.all(np.isfinite(friction)):
        own["curvature_over_friction"] = 4.0 * rate / friction
        own["growth"] = 2.0 * rate**2 / friction * steps
        numbers["friction_time"] = float(friction.min()) * steps
    return numbers | {name: float(number.max()) for name, number in own.items()}


def _held_rates(rule: Any, covariance: Matrix, directions: Matrix) -> tuple[Array, Array]:
    """Return each eigen-direction's learning rate and 1 - beta1, or 1 - mu, with v held at the diagonal of C.

    1 - mu is inf, and the learning rate the rule's, where the eigen-directions are no coordinate axes.
    """
    own = np.abs(directions)
    axes = np.argmax(own, axis=0)
    pace, opened = np.full(len(own), rule.time_step()), np.full(len(own), np.inf)
    v = np.diag(covariance)[axes]
    if not np.allclose(own, np.eye(len(own))[:, axes], atol=1e-9) or not v.max() > 0.0:
        return pace, opened
    if isinstance(rule, Adam):
        return rule.lr / np.maximum(np.sqrt(v) + rule.eps, 1e-150), np.full(len(own), 1.0 - rule.beta1)
    if isinstance(rule, Adai) and rule.dampening == 1.0:
        return pace, np.clip(rule.beta0 * v / v.mean(), rule.eps, 1.0)
    return pace, opened


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
