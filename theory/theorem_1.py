"""Theorem 1: how SGD leaves a saddle."""

import numpy as np
import numpy.typing as npt
from scipy.special import exprel

Array = npt.NDArray[np.float64]


def spread(curvature: npt.ArrayLike, diffusion: npt.ArrayLike, time: npt.ArrayLike) -> Array:
    """Return the variance along each eigen-direction of the saddle, as printed.

    ::

        s_i^2(t) = (D_i / H_i) (1 - exp(-2 H_i t)),    D_i = lr C_i / 2

    For SGD seen as a diffusion this is exact, on a quadratic loss with the noise fixed at its value at the saddle.

    Parameters
    ----------
    curvature
        H_i, of either sign; 0 is the limit 2 D_i t. Arguments broadcast: (d,) with times (R, 1) gives (R, d).
    diffusion
        D_i (loss squared per curvature squared and dynamical time).
    time
        Dynamical time t.

    Returns
    -------
    ndarray
        s_i^2.

    References
    ----------
    Xie et al., "Adaptive Inertia", ICML 2022, Theorem 1.
    """
    h, d, t = (np.asarray(x, dtype=np.float64) for x in (curvature, diffusion, time))
    return np.asarray(2.0 * d * t * exprel(-2.0 * h * t), dtype=np.float64)


def iterated_spread(curvature: npt.ArrayLike, variance: npt.ArrayLike, lr: float, steps: npt.ArrayLike) -> Array:
    """Return the same variance exactly for the iteration theta -= lr g.

    ::

        s_i^2(T) = lr C_i / (H_i (2 - lr H_i)) [1 - (1 - lr H_i)^(2T)]

    Parameters
    ----------
    curvature
        H_i, of either sign; lr H_i = 0 and lr H_i = 2 are the limit lr^2 C_i T.
    variance
        C_i, variance of the gradient along direction i.
    lr
        Learning rate.
    steps
        Number of steps T; arguments broadcast.

    Returns
    -------
    ndarray
        s_i^2.
    """
    h, c, count = (np.asarray(x, dtype=np.float64) for x in (curvature, variance, steps))
    shrink = lr * h * (2.0 - lr * h)  # 1 - (1 - lr h)^2, without cancellation
    tame = np.where(shrink < 1.0, shrink, 0.5)
    rate = np.log1p(-tame)
    # sum over k < T of (1 - shrink)^k
    terms = count * exprel(count * rate) * np.where(tame == 0.0, 1.0, -rate / np.where(tame == 0.0, 1.0, tame))
    return np.asarray(lr * lr * c * np.where(shrink < 1.0, terms, np.minimum(count, 1.0)), dtype=np.float64)
