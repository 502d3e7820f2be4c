"""Spreading at a saddle, exactly for the iteration of a linear rule: S <- A S A^T + Q, with no sampling.

A and the way the noise enters come from the rule's own ``decay`` and ``move``, fed with unit vectors.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..dynamics.interface import decay, move, thermal
from ..landscapes.interface import Matrix
from .line import common_basis

Array = npt.NDArray[np.float64]


class Response(NamedTuple):
    """What one step of a linear rule does to theta and its momenta, y = (theta, state rows), y' = A y + G g.

    Parameters
    ----------
    keep
        A at zero gradient. Blocks over (theta, rows): (n, n) where every coordinate is treated alike, (n d, n d) else.
    push
        G: (n, 1) or (n d, d).
    alike
        Whether every coordinate is treated alike and on its own.
    """

    keep: Array
    push: Array
    alike: bool


def response(rule: Any, d: int) -> Response:
    """Probe a rule with unit vectors and return its step as matrices.

    Parameters
    ----------
    rule
        A rule without second moments whose step does not depend on its number.
    d
        Dimension.

    Raises
    ------
    TypeError
        Where the rule is not linear.
    """
    name = type(rule).__name__
    if hasattr(rule, "adapt") or hasattr(rule, "advance"):
        raise TypeError(f"{name} is not linear in the gradient: it has no covariance recursion")
    n = 1 + rule.rows()
    generator = np.random.default_rng(0)
    mixed = generator.standard_normal((n + 1, d, 2))
    one = _respond(rule, _units(n + 1, d, [0]))
    keep, push = one[:, 0, :n], one[:, 0, n:]
    predicted = np.einsum("ab,bdl->adl", np.hstack([keep, push]), mixed)
    actual = _respond(rule, mixed)
    if not np.allclose(_respond(rule, mixed, t=7.0), actual, rtol=1e-12, atol=0.0):
        raise TypeError(f"{name} takes a different step each time: it has no covariance recursion")
    if np.allclose(actual, predicted, rtol=1e-9, atol=1e-12):
        return Response(keep, push, True)
    every = _respond(rule, _units(n + 1, d, range(d))).reshape(n * d, (n + 1) * d)
    if not np.allclose((every @ mixed.reshape(-1, 2)).reshape(n, d, 2), actual, rtol=1e-9, atol=1e-12):
        raise TypeError(f"{name} is not linear in the gradient: it has no covariance recursion")
    return Response(every[:, : n * d], every[:, n * d :], False)


def spread(
    rule: Any, hessian: Matrix, covariance: Matrix, steps: npt.ArrayLike, momentum: str = "rest"
) -> npt.NDArray[np.float64]:
    """Return the covariance of theta after the recorded steps, exactly.

    The loss is quadratic and the noise is fixed at its value at the saddle, where theta starts. Where H and C share
    their eigenvectors it is solved direction by direction; elsewhere as one recursion, doubled between records.

    Parameters
    ----------
    rule
        A linear rule: SGD or heavy-ball momentum, with weight decay or without.
    hessian
        H, (d, d).
    covariance
        C, (d, d).
    steps
        Recorded steps, (R,), rising.
    momentum
        "rest", or "thermal": the momentum a flat loss has in the long run.

    Returns
    -------
    ndarray
        (R, d, d).

    Raises
    ------
    TypeError
        Where the rule is not linear.
    ValueError
        Where the steps do not rise from 0 or more.
    """
    at = record_steps(steps)
    h, c = np.asarray(hessian, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    d = len(h)
    step = response(rule, d)
    share = _thermal_share(rule) if momentum == "thermal" else np.zeros((1, 1))
    basis = common_basis(h, c) if step.alike else None
    if basis is None:
        return _dense(_full(step, d), h, c, share, at)
    along = np.einsum("ki,kl,li->i", basis, h, basis)
    size = np.einsum("ki,kl,li->i", basis, c, basis)
    a = step.keep + along[:, None, None] * (step.push @ np.eye(1, len(step.keep)))
    q = size[:, None, None] * (step.push @ step.push.T)
    variances = iterate(a, q, size[:, None, None] * _started(share, len(step.keep)), at)[:, :, 0, 0]
    return np.asarray(np.einsum("ki,ri,li->rkl", basis, variances, basis), dtype=np.float64)


def record_steps(steps: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return recorded steps, (R,).

    Raises
    ------
    ValueError
        Where they do not rise from 0 or more.
    """
    at = np.atleast_1d(np.asarray(steps, dtype=np.int64))
    if np.any(np.diff(at) <= 0) or at[0] < 0:
        raise ValueError(f"steps={at.tolist()} must rise from 0 or more")
    return at


def iterate(a: Array, q: Array, s: Array, at: npt.NDArray[np.int64]) -> Array:
    """Return S at the recorded steps; a ladder of powers of two takes each stretch in as many leaps as it has bits."""
    ladder = [(a, q)]
    longest = int(np.max(np.diff(at, prepend=0)))
    while 2 ** len(ladder) <= longest:
        power, noise = ladder[-1]
        ladder.append((power @ power, noise + power @ noise @ power.swapaxes(-1, -2)))
    out, now = [], 0
    for step in at.tolist():
        for bit in range((step - now).bit_length()):
            if (step - now) >> bit & 1:
                power, noise = ladder[bit]
                s = power @ s @ power.swapaxes(-1, -2) + noise
        now = step
        out.append(s)
    return np.stack(out)


def _respond(rule: Any, given: Array, t: float = 1.0) -> Array:
    """Return (theta, state) after one step from given (theta, state, g), each (rows, d, lanes), less that from zero."""

    def step(values: Array) -> Array:
        theta, state, g = values[0].copy(), values[1:-1].copy(), values[-1].copy()
        decay(rule, theta, g)
        move(rule, theta, g, state, np.full(theta.shape[1], t), np.ones_like(theta))
        return np.concatenate([theta[None], state])

    return step(given) - step(np.zeros_like(given))


def _units(rows: int, d: int, coordinates: Sequence[int]) -> Array:
    """Return unit vectors (rows, d, lanes), one a lane, rows outermost in the lanes' order."""
    lanes = np.zeros((rows, d, rows, len(coordinates)))
    for row in range(rows):
        for k, i in enumerate(coordinates):
            lanes[row, i, row, k] = 1.0
    return lanes.reshape(rows, d, -1)


def _thermal_share(rule: Any) -> Array:
    """Return the outer product of what a unit kick leaves in the state rows, (rows, rows)."""
    rows = rule.rows()
    state = np.zeros((rows, 1, 1))
    thermal(rule, 0, np.ones(1), np.ones(1), state)
    return np.outer(state[:, 0, 0], state[:, 0, 0])


def _started(share: Array, n: int) -> Array:
    """Return the covariance of (theta, state) at the start, per unit noise variance, (n, n)."""
    out = np.zeros((n, n))
    if n > 1 and share.shape == (n - 1, n - 1):
        out[1:, 1:] = share
    return out


def _full(step: Response, d: int) -> Response:
    if not step.alike:
        return step
    keep, push = (np.asarray(np.kron(m, np.eye(d)), dtype=np.float64) for m in (step.keep, step.push))
    return Response(keep, push, False)


def _dense(step: Response, h: Matrix, c: Matrix, share: Array, at: npt.NDArray[np.int64]) -> Array:
    d = len(h)
    a = step.keep.copy()
    a[:, :d] += step.push @ h
    q = step.push @ c @ step.push.T
    start = np.asarray(np.kron(_started(share, len(a) // d), c), dtype=np.float64)
    return iterate(a, q, start, at)[:, :d, :d]
