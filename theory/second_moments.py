"""Adam and Adai in a minimum as heavy ball: their second moments are what they are there, and so is the gain."""

import math
from typing import Any, NamedTuple

import numpy as np

from ..dynamics.adai import Adai
from ..dynamics.adam import Adam
from ..landscapes.interface import Vector, covariance_at, hessian_at
from .closed_form import closed_form
from .line import Passage
from .particle import Particle

AXIS = 1e-9
"""Share by which e, or the eigenvectors at minimum and saddle, may lie off the coordinate axes."""


class Frozen(NamedTuple):
    """A rule with second moments, its gain held at the minimum.

    Parameters
    ----------
    particle
        The heavy ball, or SGD, that it then is along e, in a time of its own: lr is the learning rate along e. Its
        time_step is the rule's.
    stretch
        Dynamical time of the rule for one unit of the particle's: lr over the particle's lr.
    rates
        Learning rate of each coordinate over that along e, (d,).
    second_moments
        v at the minimum: the variance of each gradient coordinate, (d,).
    """

    particle: Particle
    stretch: float
    rates: Vector
    second_moments: Vector


def escape_axis(way: Passage) -> int | str:
    """Return the coordinate that is the escape direction, or one line that says why there is none.

    Adam and Adai have a gain for each coordinate and are not rotation invariant: e must be a coordinate axis and the
    Hessian diagonal at minimum and saddle.
    """
    e = np.abs(way.line.direction)
    axis = int(np.argmax(e))
    if not abs(float(e[axis]) - 1.0) < AXIS:
        return "Adam and Adai are not rotation invariant: the escape direction must be a coordinate axis"
    for name, point in (("minimum", way.way.minimum), ("saddle", way.way.saddle)):
        h = hessian_at(way.line.landscape, point)
        if np.abs(h - np.diag(np.diag(h))).max() > AXIS * np.abs(h).max():
            return f"Adam and Adai are not rotation invariant: the Hessian must be diagonal at the {name}"
    return axis


def frozen(way: Passage, rule: Any) -> Frozen | str:
    """Return Adam or Adai, checked, with its gain as it is at the minimum, or one line that says why not.

    Adam: v_i = C_ii there, hence lr_i = lr / (v_i^(1/2) + eps), with beta1 and beta3 = 1 - beta1. Adai: 1 - mu_e =
    beta0 v_e / mean(v), clipped to [eps, 1], at lr itself. v remembers 1 / (1 - beta2) steps; its own fluctuation and
    the mean gradient's share in it are left out.
    """
    if not isinstance(rule, Adam | Adai):
        return f"{type(rule).__name__} has no second moments"
    if isinstance(rule, Adai) and rule.dampening < 1.0:
        return f"dampening={rule.dampening:g}: Proposition 4 is about a dampening of 1"
    axis = escape_axis(way)
    if isinstance(axis, str):
        return axis
    v = variances(way, way.way.minimum)
    if isinstance(rule, Adam):
        root = np.sqrt(v) + rule.eps
        if not np.all(root > 0.0):
            return "a coordinate without noise at the minimum has no second moment there"
        lr = rule.lr / float(root[axis])
        return Frozen(_particle(lr, 1.0 - rule.beta1, rule.lr), float(root[axis]), root[axis] / root, v)
    return Frozen(_particle(rule.lr, open_inertia(rule, v, axis), rule.lr), 1.0, np.ones(len(v)), v)


def variances(way: Passage, point: Vector) -> Vector:
    """Return the variance of each gradient coordinate at a point, (d,)."""
    return np.ascontiguousarray(np.diag(covariance_at(way.line.noise, way.line.landscape, point)))


def open_inertia(rule: Adai, v: Vector, axis: int) -> float:
    """Return 1 - mu of one coordinate, clipped to [eps, 1], from all second moments (d,)."""
    total = float(v.sum())
    if not total > 0.0:
        return rule.eps
    free = float(closed_form("proposition-4", "open_inertia")(float(v[axis]), total, rule.beta0, len(v)))
    return min(max(free, rule.eps), 1.0)


def _particle(lr: float, opened: float, time_step: float) -> Particle:
    """Return heavy ball with beta1 = 1 - opened and beta3 = opened; SGD where nothing is kept."""
    if opened == 1.0:
        return Particle("sgd", time_step, lr, math.inf, 1.0)
    return Particle("momentum", time_step, lr, opened / lr, 1.0, 1.0 - opened)
