"""Theorem 2: the printed spread over the particle's, exactly, from a thermal start, and over the iteration's."""

import numpy as np

from ..closed_form import closed_form
from .plane import PRINTED, Array, Axis, Candidate, Mark, Plane, Row, RowOf

KEEP = 0.9
"""beta1 of the iteration, with beta3 = 1 - beta1."""
TIME = Axis("gamma t", r"time over memory, $\gamma\,t$", 0.3, 300.0)
STIFFNESS = Axis("4|H|/(gamma^2 M)", r"stiffness, $4|H|\,/\,(\gamma^2 M)$", 1e-3, 3.0)


def planes() -> tuple[Plane, ...]:
    """Return the planes: the particle at a saddle and in a valley, and the iteration at a saddle."""
    holds = (
        Candidate("friction_time", False),
        Candidate("curvature_over_friction", True),
        Candidate("growth", True),
    )
    step = 1.0 - KEEP
    return (
        Plane(
            "particle, saddle",
            "spread at H < 0 over the particle's from a thermal start, exactly",
            TIME,
            STIFFNESS,
            _particle(-1.0),
            holds,
        ),
        Plane(
            "particle, valley",
            "spread at H > 0 over the particle's from a thermal start, exactly",
            TIME,
            STIFFNESS,
            _particle(1.0),
            holds,
        ),
        Plane(
            "iteration, saddle",
            f"spread at H < 0 over the iteration's from its own thermal start, exactly; beta1 = {KEEP:g}, averaged",
            TIME._replace(unit=round(step, 12)),
            STIFFNESS,
            _iteration,
            holds,
            # lr .01, B 1, beta1 .9, H -0.01 and -1, as the statement is checked at gamma t = 1, 10, 40.
            marks=tuple(Mark(time, stiffness) for stiffness in (0.004, 0.4) for time in (1.0, 10.0, 40.0)),
        ),
    )


def _particle(sign: float) -> RowOf:
    """Return the row of the particle, in units in which gamma, M and D are 1."""

    def row(time: Array, stiffness: float) -> Row:
        given = {"curvature": sign * 0.25 * stiffness, "diffusion": 1.0, "time": time}
        given |= {"friction": 1.0, "friction_mass": 1.0}
        closed, exact = (closed_form("theorem-2", name)(**given) for name in ("spread", "exact_thermal"))
        return Row({PRINTED: np.log(closed / exact)}, _numbers(time, stiffness))

    return row


def _iteration(time: Array, stiffness: float) -> Row:
    """Return the row of the iteration with lr = C = 1: gamma = 1 - beta1 and gamma M = 1."""
    friction = 1.0 - KEEP
    curvature, steps = -0.25 * stiffness * friction, np.round(time / friction)
    closed = closed_form("theorem-2", "spread")(curvature, 0.5, steps, friction, 1.0)
    exact = closed_form("theorem-2", "iterated_thermal")(curvature, 1.0, 1.0, KEEP, 1.0 - KEEP, steps)
    return Row({PRINTED: np.log(closed / exact)}, _numbers(time, stiffness))


def _numbers(time: Array, stiffness: float) -> dict[str, Array]:
    return {
        "friction_time": time,
        "curvature_over_friction": np.full_like(time, stiffness),
        "growth": stiffness**2 * time / 8.0,
    }
