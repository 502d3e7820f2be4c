"""Proposition 4: Adai out of a minimum, as printed and ours, over the iteration with mu as at the minimum, exactly."""

from typing import Any

import numpy as np

from ...dynamics.adai import Adai
from ...landscapes.hessian_noise import HessianNoise
from ...landscapes.piecewise_quadratic_well import PiecewiseQuadraticWell
from .escapes import batch_for, row_of
from .plane import Axis, Candidate, Plane

OPEN = 0.1
"""1 - mu_e at the minimum."""
ACROSS = (0.5, 0.2, 0.1)
"""Curvatures across the way, the same everywhere."""
BARRIER = Axis("barrier/T", "barrier over temperature", 2.5, 10.0)
TRACE = Axis("lr ||H_b||_1/(n beta0)", r"stiffness, $\eta\,\|H_b\|_1\,/\,(n\,\beta_0)$", 0.025, 2.5)
RATIO = Axis("H_a/|H_b|", r"curvatures, $H_a\,/\,|H_b|$", 0.5, 2.0, centred=True)
MODERATE = 0.1
"""lr ||H_b||_1/(n beta0) where the curvatures are varied."""


def planes() -> tuple[Plane, ...]:
    """Return the planes: equal curvatures, where mu is the same at both ends, and how unequal they are."""
    says = "piecewise-quadratic well in 4 dimensions, Eq. 3; both forms over the iteration with mu held, exactly"
    temperature = Candidate("barrier_over_temperature", False)
    return (
        Plane(
            "inertia",
            f"{says}; H_a = |H_b|, 1 - mu = {OPEN:g}",
            BARRIER._replace(low=1.5),
            TRACE,
            row_of(lambda climb, trace: _run(climb, trace, 1.0)),
            (temperature, Candidate("inertia_trace", True)),
            points=(4, 4),
        ),
        Plane(
            "curvatures",
            f"{says}; lr ||H_b||_1/(n beta0) = {MODERATE:g}, 1 - mu = {OPEN:g} at the minimum",
            BARRIER,
            RATIO,
            row_of(lambda climb, ratio: _run(climb, MODERATE, ratio)),
            (temperature, Candidate("noise_ratio", True)),
            points=(3, 5),
        ),
    )


def _run(climb: float, trace: float, ratio: float) -> tuple[Any, Any, Any]:
    """|H_b| = 1; beta0 from 1 - mu_a = beta0 n H_a/||H_a||_1."""
    n, across = 1 + len(ACROSS), float(np.sum(ACROSS))
    well = PiecewiseQuadraticWell(curvature_min=ratio, curvature_saddle=1.0, transverse_min=ACROSS).check()
    beta0 = OPEN * (ratio + across) / (n * ratio)
    rule = Adai(lr=trace * n * beta0 / (1.0 + across), beta0=beta0).check()
    return well, HessianNoise(batch_for(well, HessianNoise, rule.lr, climb)).check(), rule
