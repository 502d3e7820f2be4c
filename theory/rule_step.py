"""A rule's own step on symbols: its ``decay`` and ``move`` as matrices, so that rule and theory cannot part."""

from typing import Any

import numpy as np

from ..dynamics.interface import decay, move
from .symbols import sp


def step_matrices(rule: Any, gain: Any = 1, remembered: dict[int, Any] | None = None) -> tuple[Any, Any]:
    """Return A and G of y' = A y + G g, y = (theta, state rows), for one coordinate.

    Parameters
    ----------
    rule
        A rule whose fields may be symbols.
    gain
        What ``adapt`` would have set: Adam's preconditioner, Adai's inertia; a symbol while it is frozen.
    remembered
        Row of state -> its value, for rows that ``move`` only reads; they are no part of y.

    Returns
    -------
    A, G
        Matrices (m, m) and (m, 1), m = 1 + rows that move changes.
    """
    rows = rule.rows()
    fixed = remembered or {}
    free = [row for row in range(rows) if row not in fixed]
    given = sp.symbols(f"y0:{1 + len(free)}")
    push = sp.Symbol("g")

    def array(value: Any) -> Any:
        return np.array([[value]], dtype=object)

    theta, g = array(given[0]), array(push)
    state = np.zeros((rows, 1, 1), dtype=object)
    for row, value in fixed.items():
        state[row, 0, 0] = value
    for k, row in enumerate(free):
        state[row, 0, 0] = given[1 + k]
    decay(rule, theta, g)
    move(rule, theta, g, state, np.array([sp.Integer(1)], dtype=object), array(gain))
    after = sp.Matrix([theta[0, 0], *(state[row, 0, 0] for row in free)])
    after = after.applyfunc(lambda e: sp.nsimplify(sp.expand(e), rational=True))
    return after.jacobian(sp.Matrix(given)), after.diff(push)


def covariance_step(A: Any, G: Any, curvature: Any, variance: Any) -> tuple[Any, Any]:
    """Return the transition on a quadratic loss, A + G H e_theta, and Q = C G G^T, of S <- A S A^T + Q."""
    pull = sp.zeros(A.shape[0])
    pull[:, 0] = G * curvature
    return (A + pull).applyfunc(sp.factor), (variance * G * G.T).applyfunc(sp.factor)
