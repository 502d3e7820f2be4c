"""Spreading at a saddle, exactly for the iteration of Adam and Adai with their second moments held: no sampling.

While v is held, their step is linear; what changes from step to step is the bias correction alone. The step comes from
the rule's own ``decay`` and ``move``, fed with unit vectors.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..dynamics.adai import Adai, inertia, power
from ..dynamics.adam import Adam
from ..dynamics.interface import decay, move
from ..landscapes.interface import Matrix, Vector
from .covariance_recursion import iterate, record_steps

Array = npt.NDArray[np.float64]

_GONE = 1e-17
"""Product of the betas below which the correction is 1 to rounding."""


class Frozen(NamedTuple):
    """A rule whose second moments are held.

    Parameters
    ----------
    rule
        The rule.
    gain
        Per coordinate what ``adapt`` would set, but for the correction: Adam's 1/(sqrt(v) + eps), Adai's mu, (d,).
    kept
        What the bias correction multiplies each step: beta1 for Adam, mu for Adai, (d,).
    kick
        Stationary momentum on a flat loss, per unit of gradient noise, (d,).
    """

    rule: Any
    gain: Vector
    kept: Vector
    kick: Vector


def frozen(rule: Any, second_moment: Vector) -> Frozen:
    """Return Adam or Adai with its second moments held at these values, (d,), after their own bias correction.

    Raises
    ------
    TypeError
        Where the rule has no second moments, or some that are not known here.
    """
    v = np.asarray(second_moment, dtype=np.float64)
    if isinstance(rule, Adam):
        gain = 1.0 / np.maximum(np.sqrt(v) + rule.eps, 1.5e-154)
        return Frozen(rule, gain, np.full(len(v), rule.beta1), _kick(rule, v))
    if isinstance(rule, Adai):
        level = 1.0 / max(float(v.mean()), 1e-300)
        shares = [power(rule, level * float(each), 1.0 / (3.0 - 2.0 * rule.dampening)) for each in v]
        mu = np.array([inertia(share, rule.beta0, rule.eps) for share in shares])
        return Frozen(rule, mu, mu, _kick(rule, v))
    raise TypeError(f"{type(rule).__name__} has no second moments to hold")


def spread(
    rule: Any,
    hessian: Matrix,
    covariance: Matrix,
    steps: npt.ArrayLike,
    momentum: str = "rest",
    second_moment: npt.ArrayLike | None = None,
    corrected: bool = True,
) -> Array:
    """Return the covariance of theta after the recorded steps, exactly for the rule with its second moments held.

    The loss is quadratic and the noise is fixed at its value at the saddle, where theta starts.

    Parameters
    ----------
    rule
        Adam, AdamW, Adai or AdaiW.
    hessian
        H, (d, d).
    covariance
        C, (d, d).
    steps
        Recorded steps, (R,), rising.
    momentum
        "rest", or "thermal": the momentum a flat loss has in the long run, which has no bias to correct.
    second_moment
        v, (d,); default the diagonal of C, the mean square of the gradient at the saddle.
    corrected
        Whether the bias of a start at rest is corrected, as the rules do.

    Returns
    -------
    ndarray
        (R, d, d).

    Raises
    ------
    TypeError
        Where the rule has no second moments.
    ValueError
        Where the steps do not rise from 0 or more.
    """
    at = record_steps(steps)
    h, c = np.asarray(hessian, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    d = len(h)
    held = frozen(rule, np.diag(c) if second_moment is None else np.broadcast_to(np.asarray(second_moment), (d,)))
    s = np.zeros((2 * d, 2 * d))
    left = held.kept.copy() if corrected else np.zeros(d)
    if momentum == "thermal":
        s[d:, d:] = held.kick[:, None] * c * held.kick
        left[:] = 0.0
    fixed, scaled = _parts(held)
    out, t = [], 0
    while t < at[-1] and float(left.max()) > _GONE:
        out += [s[:d, :d]] * int(np.count_nonzero(at == t))
        a, g = _step(fixed, scaled, 1.0 / (1.0 - left), h)
        s = a @ s @ a.T + g @ c @ g.T
        left *= held.kept
        t += 1
    a, g = _step(fixed, scaled, np.ones(d), h)
    later = iterate(a, g @ c @ g.T, s, at[at >= t] - t)
    return np.concatenate([np.reshape(out, (-1, d, d)), later[:, :d, :d]])


def _kick(rule: Any, v: Vector) -> Vector:
    """Return what the rule's own thermal start makes of a unit kick in every coordinate."""
    state = np.zeros((rule.rows(), len(v), 1))
    rule.thermal(0, np.ones(len(v)), v, state)
    return np.asarray(state[0, :, 0])


def _parts(held: Frozen) -> tuple[Array, Array]:
    """Return the step's parts without and with the correction as a factor, (2, 3, d): (theta, m)' from (theta, m, g).

    Raises
    ------
    TypeError
        Where the step is not linear in the correction.
    """
    one, two, three = (_respond(held, correction) for correction in (1.0, 2.0, 3.0))
    scaled = two - one
    if not np.allclose(three, one + 2.0 * scaled, rtol=1e-10, atol=1e-300):
        raise TypeError(f"{type(held.rule).__name__} does not scale its step with the bias correction")
    return one - scaled, scaled


def _respond(held: Frozen, correction: float) -> Array:
    rule, d = held.rule, len(held.gain)
    given = np.zeros((3, d, 3))
    for row in range(3):
        given[row, :, row] = 1.0
    theta, g, state = given[0].copy(), given[2].copy(), np.zeros((rule.rows(), d, 3))
    state[0] = given[1]
    gain = np.repeat(held.gain[:, None], 3, axis=1)
    if isinstance(rule, Adai):
        state[2] = 1.0 - 1.0 / correction
    else:
        gain *= correction
    decay(rule, theta, g)
    move(rule, theta, g, state, np.ones(3), gain)
    return np.stack([theta, state[0]]).swapaxes(1, 2)


def _step(fixed: Array, scaled: Array, correction: Vector, h: Matrix) -> tuple[Array, Array]:
    """Return A, (2 d, 2 d), and G, (2 d, d), of (theta, m)' = A (theta, m) + G noise, g = H theta + noise."""
    parts = fixed + scaled * correction
    (theta_theta, theta_m, theta_g), (m_theta, m_m, m_g) = (map(np.diag, row) for row in parts)
    push = np.vstack([theta_g, m_g])
    keep = np.block([[theta_theta, theta_m], [m_theta, m_m]])
    keep[:, : len(h)] += push @ h
    return keep, push
