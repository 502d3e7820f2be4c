"""Flatness selection: the stated exponent of SGD over the one that is fitted to its exact escape times."""

from functools import cache
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from ...dynamics.sgd import SGD
from ...landscapes.hessian_noise import HessianNoise
from ...landscapes.piecewise_quadratic_well import PiecewiseQuadraticWell
from ..line import passage
from ..particle import Particle, particle
from .escapes import batch_for, exact
from .plane import PRINTED, Array, Axis, Candidate, Plane, Row, RowOf

STATED = 1.0
"""p of SGD."""
SHARPNESSES = 5
"""Values of k in a fit, evenly spaced in ln k."""
STEP = 0.05
"""lr max|H| at the sharpest."""
BARRIER = Axis("barrier/T at the sharpest", "barrier over temperature at the sharpest", 0.5, 8.0)
RANGE = Axis("k_max/k_min", r"range of sharpness, $k_{\max}\,/\,k_{\min}$", 1.5, 8.0)


def planes() -> tuple[Plane, ...]:
    """Return the planes: the same noise at minimum and saddle, and noise that changes on the way."""
    says = (
        "p = 1 over p of c + A k^-p through ln(tau k) of {}, exactly: piecewise-quadratic well, Eq. 3,"
        f" lr max|H| = {STEP:g} at the sharpest"
    )
    holds = (Candidate("barrier_over_temperature", False), Candidate("sharpness_range", False))
    return tuple(
        Plane(name, says.format("SGD"), BARRIER, RANGE, _row(ratio), holds, points=(8, 8))
        for name, ratio in (("H_a = |H_b|", 1.0), ("H_a = 2|H_b|", 2.0))
    )


def _row(ratio: float) -> RowOf:
    def row(barrier: Array, spread: float) -> Row:
        """Each k is another learning rate on the well of k = 1: tau_k = T(k lr) steps, and B is common to all."""
        k = np.geomspace(1.0 / spread, 1.0, SHARPNESSES)
        found = []
        for climb in barrier:
            logs = [_log_steps(ratio, STEP * each / max(ratio, 1.0), float(climb / each)) for each in k]
            found.append(-np.log(exponent(k, np.array(logs) + np.log(k)) / STATED))
        numbers = {
            "barrier_over_temperature": barrier,
            "sharpness_range": np.full_like(barrier, spread),
            "noise_ratio": np.full_like(barrier, ratio),
        }
        return Row({PRINTED: np.array(found)}, numbers)

    return row


def exponent(k: Array, logs: Array) -> float:
    """Return p of c + A k^-p by least squares: c and A are linear, and p is looked for in [0.1, 4]."""

    def left(p: float) -> float:
        powers = np.column_stack([np.ones_like(k), k**-p])
        return float(np.sum((logs - powers @ np.linalg.lstsq(powers, logs)[0]) ** 2))

    found: Any = minimize_scalar(left, bounds=(0.1, 4.0), method="bounded", options={"xatol": 1e-6})
    return float(found.x)


@cache
def _log_steps(ratio: float, lr: float, climb: float) -> float:
    """Return ln of the mean steps of SGD out of the well of curvatures ratio and -1."""
    well = _well(ratio)
    rule = SGD(lr).check()
    p = particle(rule)
    assert isinstance(p, Particle)
    noise = HessianNoise(batch_for(well, HessianNoise, lr, climb)).check()
    return exact(passage(well, noise), p) - float(np.log(lr))


@cache
def _well(ratio: float) -> Any:
    return PiecewiseQuadraticWell(curvature_min=ratio, curvature_saddle=1.0).check()
