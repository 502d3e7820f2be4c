"""Proposition 1: the printed spread of Adam over the iteration with its second moments held, exactly."""

import numpy as np

from ...dynamics.adam import Adam
from ..closed_form import closed_form
from ..frozen_gain import spread
from .plane import PRINTED, Array, Axis, Candidate, Mark, Plane, Row, RowOf

KEEP = 0.9
"""beta1."""
TIME = Axis("(1 - beta1) T", r"time over memory, $(1-\beta_1)\,T$", 0.1, 100.0, unit=0.1)
STIFFNESS = Axis("4 lr (B|H|)^(1/2)/(1 - beta1)", r"stiffness, $4\,\eta\sqrt{B|H|}\,/\,(1-\beta_1)$", 1e-3, 3.0)


def planes() -> tuple[Plane, ...]:
    """Return the planes: from rest with bias correction, and from a thermal start."""
    holds = (
        Candidate("friction_time", False),
        Candidate("curvature_over_friction", True),
        Candidate("growth", True),
    )
    says = f"spread at H < 0 over the iteration with v held at C, exactly, {{}}; beta1 = {KEEP:g}"
    # lr .001 and .01, B 1, H -1 and -0.01: what is verified.
    marks = tuple(Mark(time, y) for time in (2.0, 10.0) for y in (0.004, 0.04, 0.4))
    return tuple(
        Plane(name, says.format(how), TIME, STIFFNESS, _row(start), holds, marks=marks)
        for name, how, start in (
            ("from rest", "from rest with bias correction", "rest"),
            ("thermal start", "from a thermal start", "thermal"),
        )
    )


def _row(start: str) -> RowOf:
    def row(time: Array, stiffness: float) -> Row:
        """|H| = B = 1: H/v^(1/2) = -1."""
        steps = np.round(time / (1.0 - KEEP)).astype(np.int64)
        rule = Adam(lr=0.25 * stiffness * (1.0 - KEEP), beta1=KEEP, eps=0.0)
        exact = spread(rule, -np.eye(1), np.eye(1), steps, start)[:, 0, 0]
        closed = closed_form("proposition-1", "spread")(-1.0, 1.0, rule.lr, KEEP, steps)
        numbers = {
            "friction_time": time,
            "curvature_over_friction": np.full_like(time, stiffness),
            "growth": stiffness**2 * time / 8.0,
        }
        return Row({PRINTED: np.log(closed / exact)}, numbers)

    return row
