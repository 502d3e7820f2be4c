"""Adam's first steps on a flat loss, with the second moments it really has instead of held ones."""

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from .covariance_recursion import record_steps

Array = npt.NDArray[np.float64]


def spread(beta1: float, steps: npt.ArrayLike, held: bool = False) -> Array:
    """Return <theta^2> / lr^2 of Adam from rest, bias correction on, where there is no curvature.

    ::

        sum over t, t' of <mhat_t mhat_t'> R(min) / R(max),    R(t) = E sqrt(v_t) / sqrt(E v_t)

    Exact for eps = 0 while v is the plain mean of the t squares seen so far, T << 1/(1 - beta2). Two steps share the
    gradients before the first, and divide them by two roots that have not yet settled on one value: that takes away
    from their correlation. What is left is Proposition 1 for |H| lr T / sqrt(v) << 1.

    Parameters
    ----------
    beta1
        Share of the momentum kept each step.
    steps
        Recorded steps, (R,), rising.
    held
        Whether v is held at its mean instead, as in frozen_gain.py: R = 1.

    Returns
    -------
    ndarray
        (R,).
    """
    at = record_steps(steps)
    t = np.arange(1, at[-1] + 1)
    left = beta1**t
    correction = 1.0 / (1.0 - left)
    momentum = (1.0 - beta1) * (1.0 - left * left) / (1.0 + beta1)
    root = np.ones(len(t)) if held else unsettled_root(t)
    total, shared, out = 0.0, 0.0, [0.0]
    for k in range(len(t)):
        total += correction[k] ** 2 * momentum[k] + 2.0 * correction[k] / root[k] * shared
        shared = beta1 * (shared + correction[k] * root[k] * momentum[k])
        out.append(total)
    return np.asarray(out)[at]


def unsettled_root(count: npt.ArrayLike) -> Array:
    """Return E sqrt(v) / sqrt(E v), v the mean of t squares of normal numbers: sqrt(2/t) G((t + 1)/2) / G(t/2)."""
    t = np.asarray(count, dtype=np.float64)
    return np.asarray(np.exp(gammaln(0.5 * (t + 1.0)) - gammaln(0.5 * t)) * np.sqrt(2.0 / t))
