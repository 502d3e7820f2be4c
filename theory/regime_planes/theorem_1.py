"""Theorem 1: the diffusion over the iteration of SGD, and the short form, which is linear in time."""

import numpy as np

from ..closed_form import closed_form
from .plane import PRINTED, Array, Axis, Candidate, Plane, Row, RowOf

STEP = Axis("lr |H|", r"step, $\eta\,|H|$", 1e-3, 1.0)
TIME = Axis("|H| t", r"time, $|H|\,t$", 1e-2, 30.0)


def planes() -> tuple[Plane, ...]:
    """Return the planes: leaving a saddle, settling in a valley, and the short form at a saddle."""
    exact = "over the iteration, exactly; noise fixed"
    holds = (Candidate("lr_times_curvature", True), Candidate("lr_growth", True))
    return (
        Plane(
            "saddle",
            f"spread at H < 0 {exact}",
            STEP,
            TIME,
            _row("spread", -1.0),
            holds,
        ),
        Plane("valley", f"spread at H > 0 {exact}", STEP, TIME, _row("spread", 1.0), holds),
        Plane(
            "short form",
            f"|H| lr^2 T/B at H < 0 {exact}",
            STEP,
            TIME,
            _row("short_spread", -1.0),
            (Candidate("curvature_time", True), Candidate("lr_times_curvature", True)),
            own=True,
        ),
    )


def _row(name: str, curvature: float) -> RowOf:
    """Return the row of a form: |H| = B = 1, so that C = 1 and D = lr/2; T may be no whole number, but is 1 or more."""

    def row(lr: Array, time: float) -> Row:
        steps = np.where(time >= lr, time / lr, np.nan)
        if name == "spread":
            closed = closed_form("theorem-1", name)(curvature=curvature, diffusion=0.5 * lr, time=time)
        else:
            closed = closed_form("theorem-1", name)(magnitude=1.0, lr=lr, steps=steps, batch_size=1.0)
        exact = closed_form("theorem-1", "iterated_spread")(curvature=curvature, variance=1.0, lr=lr, steps=steps)
        numbers = {"lr_times_curvature": lr, "curvature_time": np.full_like(lr, time), "lr_growth": lr * time}
        return Row({PRINTED: np.log(closed / exact)}, numbers)

    return row
