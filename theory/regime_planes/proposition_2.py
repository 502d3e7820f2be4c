"""Proposition 2: Adam out of a minimum, as printed and ours, over the iteration with v held at the minimum, exactly."""

import math
from typing import Any

from ...dynamics.adam import Adam
from ...landscapes.hessian_noise import HessianNoise
from ...landscapes.piecewise_quadratic_well import PiecewiseQuadraticWell
from .escapes import batch_for, row_of
from .plane import Axis, Candidate, Plane

KEEP = 0.9
"""beta1."""
BARRIER = Axis("barrier/T", "barrier over temperature", 2.5, 10.0)
ROOT = Axis("4 lr_e |H_b|/(1 - beta1)", r"stiffness, $4\,\eta_e|H_b|\,/\,(1-\beta_1)$", 0.1, 10.0)
RATIO = Axis("H_a/|H_b|", r"curvatures, $H_a\,/\,|H_b|$", 0.5, 2.0, centred=True)
MODERATE = 0.4
"""4 lr_e |H_b|/(1 - beta1) where the curvatures are varied."""


def planes() -> tuple[Plane, ...]:
    """Return the planes: equal curvatures, where v is the same at both ends, and how unequal they are."""
    says = f"piecewise-quadratic well, Eq. 3; both forms over the iteration with v held, exactly; beta1 = {KEEP:g}"
    temperature = Candidate("barrier_over_temperature", False)
    return (
        Plane(
            "inertia",
            f"{says}, H_a = |H_b|",
            BARRIER._replace(low=1.5),
            ROOT,
            row_of(lambda climb, root: _run(climb, root, 1.0)),
            (temperature, Candidate("saddle_curvature_over_friction", True)),
            points=(4, 4),
        ),
        Plane(
            "curvatures",
            f"{says}, 4 lr_e |H_b|/(1 - beta1) = {MODERATE:g}",
            BARRIER,
            RATIO,
            row_of(lambda climb, ratio: _run(climb, MODERATE, ratio)),
            (temperature, Candidate("noise_ratio", True)),
            points=(3, 5),
        ),
    )


def _run(climb: float, root: float, ratio: float) -> tuple[Any, Any, Any]:
    """|H_b| = 1, so that lr_e = lr (B/H_a)^(1/2) is known from the root; B then from the climb."""
    well, rate = PiecewiseQuadraticWell(curvature_min=ratio, curvature_saddle=1.0).check(), 0.25 * root * (1.0 - KEEP)
    batch = batch_for(well, HessianNoise, rate, climb)
    rule = Adam(lr=rate * math.sqrt(ratio / batch), beta1=KEEP, eps=0.0)
    return well, HessianNoise(batch).check(), rule.check()
