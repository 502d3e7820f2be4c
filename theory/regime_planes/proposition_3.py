"""Proposition 3: the printed spread of Adai over the iteration with its inertia held, exactly."""

import numpy as np

from ...dynamics.adai import Adai
from ..closed_form import closed_form
from ..frozen_gain import spread
from .plane import PRINTED, Array, Axis, Candidate, Plane, Row, RowOf

OPEN = 0.1
"""1 - mu where something else is varied."""
SMALL = 1e-3
"""lr ||H||_1/(n beta0) where something else is varied."""
TIME = Axis("(1 - mu) T", r"time over memory, $(1-\mu)\,T$", 0.1, 100.0)
INERTIA = Axis("beta0 n|H|/||H||_1", r"momentum lost a step, $\beta_0\,n|H|\,/\,\|H\|_1$", 1e-4, 10.0)
TRACE = Axis("lr ||H||_1/(n beta0)", r"stiffness, $\eta\,\|H\|_1\,/\,(n\,\beta_0)$", 2.5e-4, 1.0)


def planes() -> tuple[Plane, ...]:
    """Return the planes: how much inertia, up to where it is clipped, and how much of a step, from both starts."""
    clips = (
        Candidate("inertia_clip_low", False),
        Candidate("inertia_clip_high", True),
        Candidate("friction_time", False),
    )
    holds = (Candidate("friction_time", False), Candidate("inertia_trace", True), Candidate("growth", True))
    exact = "spread at H < 0 over the iteration with mu held, exactly"
    step = TIME._replace(unit=OPEN)
    return (
        Plane(
            "inertia, thermal start",
            f"{exact}, from a thermal start; lr ||H||_1/(n beta0) = {SMALL:g}, eps = 0.001",
            TIME._replace(
                label="beta0 n|H|/||H||_1 T",
                tex=r"time over memory, $\beta_0\,n|H|\,/\,\|H\|_1\;T$",
                low=0.3,
                high=300.0,
            ),
            INERTIA,
            _inertia,
            clips,
        ),
        Plane(
            "thermal start",
            f"{exact}, from a thermal start; 1 - mu = {OPEN:g}",
            step,
            TRACE,
            _trace("thermal"),
            holds,
        ),
        Plane(
            "from rest",
            f"{exact}, from rest with bias correction; 1 - mu = {OPEN:g}",
            step,
            TRACE,
            _trace("rest"),
            holds,
        ),
    )


def _inertia(time: Array, opened: float) -> Row:
    """One direction, |H| = B = 1: 1 - mu = beta0, and the iteration's is clipped."""
    return _row(time, opened, SMALL * opened, "thermal")


def _trace(start: str) -> RowOf:
    return lambda time, trace: _row(time, OPEN, trace * OPEN, start)


def _row(time: Array, opened: float, lr: float, start: str) -> Row:
    steps = np.maximum(np.round(time / opened), 1.0).astype(np.int64)
    rule = Adai(lr=lr, beta0=opened)
    unique, back = np.unique(steps, return_inverse=True)
    exact = spread(rule, -np.eye(1), np.eye(1), unique, start)[back, 0, 0]
    closed = closed_form("proposition-3", "spread")(-1.0, 1.0, 1, 1.0, lr, opened, steps)
    log_ratio = np.where(time >= opened * (1.0 - 1e-9), np.log(closed / exact), np.nan)
    trace = lr / opened
    numbers = {
        "friction_time": time,
        "inertia_trace": np.full_like(time, trace),
        "growth": 2.0 * trace**2 * time,
        "inertia_clip_low": np.full_like(time, opened / rule.eps),
        "inertia_clip_high": np.full_like(time, opened),
    }
    return Row({PRINTED: log_ratio}, numbers)
