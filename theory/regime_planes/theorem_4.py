"""Theorem 4: the bound over the smallest mean square gradient of a run, exactly, on a parabola.

A parabola has gradients without bound, but their mean square over a run is known there: it stands for G^2, which is all
that the proof takes of it.
"""

import math

import numpy as np

from ...dynamics.momentum import Momentum
from ...landscapes.isotropic_noise import IsotropicNoise
from ...landscapes.quadratic_saddle import QuadraticSaddle
from ..convergence import bounds, constants, mean_square_gradient
from .plane import OURS, PRINTED, Array, Axis, Candidate, Plane, Row

STEPS = Axis("T", "horizon T (steps)", 10.0, 1e6, unit=1.0)
INERTIA = Axis("1 - mu", r"momentum lost a step, $1-\mu$", 3e-3, 1.0)
SCALE = Axis("c0 ell", r"$c_0\,\ell$", 0.03, 3.0)
MOMENTUM = 0.9
"""mu where something else is varied."""
RECORDS = 40
"""Steps of a run at which E|grad L|^2 is looked at: the smallest of all is at most the smallest of these."""


def planes() -> tuple[Plane, ...]:
    """Return the planes: how much inertia, and how large a step."""
    says = "bound over the smallest E|grad L|^2 seen, exactly: parabola of ell = 1, unit noise, from theta = 1"
    lost = (Candidate("descent_lost", True),)
    return (
        Plane("inertia", f"{says}; c0 = 1", STEPS, INERTIA, _inertia, lost, points=(11, 11), upper=True),
        Plane("learning rate", f"{says}; mu = {MOMENTUM:g}", STEPS, SCALE, _scale, lost, points=(11, 11), upper=True),
    )


def _inertia(steps: Array, opened: float) -> Row:
    return _row(steps, 1.0 - opened, 1.0)


def _scale(steps: Array, scale: float) -> Row:
    return _row(steps, MOMENTUM, scale)


def _row(steps: Array, mu: float, scale: float) -> Row:
    landscape, noise, origin = QuadraticSaddle(np.array([1.0])).check(), IsotropicNoise(1.0).check(), np.ones(1)
    found = []
    for T in steps.astype(np.int64):
        rule = Momentum(scale / math.sqrt(T + 1.0), mu, 1.0 - mu).check()
        at = np.unique(np.concatenate([[0], np.round(np.geomspace(1, T, RECORDS)).astype(np.int64)]))
        seen = mean_square_gradient(landscape, noise, rule, at, origin).mean_square
        told = constants(landscape, noise, origin)._replace(slope=math.sqrt(float(seen.max())))
        limits = bounds(rule, told, int(T), 1)
        smallest = math.log(float(seen.min()))
        forms = (math.nan if b.value is None else math.log(b.value) - smallest for b in limits[:2])
        found.append((*forms, limits.regime["descent_lost"], limits.regime["inertia_share"]))
    printed, ours, lost, share = np.array(found).T
    return Row({PRINTED: printed, OURS: ours}, {"descent_lost": lost, "inertia_share": share})
