"""Theorem 2: how heavy-ball momentum leaves a saddle."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import exprel

Array = npt.NDArray[np.float64]


class Spread(NamedTuple):
    """The two parts of Theorem 2 along each eigen-direction.

    Parameters
    ----------
    drift
        Momentum drift: what the momentum held at the start carries away.
    diffusion
        What the noise met on the way adds.
    """

    drift: Array
    diffusion: Array

    @property
    def total(self) -> Array:
        """Mean square displacement."""
        return self.drift + self.diffusion


def spread(
    curvature: npt.ArrayLike, diffusion: npt.ArrayLike, time: npt.ArrayLike, friction: float, friction_mass: float
) -> Spread:
    """Return the mean square displacement along each eigen-direction of the saddle, as printed.

    ::

        drift     = D_i / (gamma^3 M^2) (1 - exp(-gamma t))^2
        diffusion = D_i / (gamma M H_i) (1 - exp(-2 H_i t / (gamma M)))

    Parameters
    ----------
    curvature
        H_i, of either sign; the diffusion tends to 2 D_i t / (gamma M)^2 at H_i -> 0.
    diffusion
        D_i = lr C_i / 2.
    time
        Dynamical time t; arguments broadcast: (d,) with times (R, 1) gives (R, d).
    friction
        gamma, (1 - beta1) / lr for the iteration; inf is Theorem 1.
    friction_mass
        gamma M, (1 - beta1) / beta3 for the iteration.

    Returns
    -------
    Spread
        Drift and diffusion.

    Notes
    -----
    The drift belongs to a start with stationary momentum. Trust it for gamma t >> 1, 4 |H_i| / (gamma^2 M) << 1 and
    2 H_i^2 t / (gamma^3 M^2) << 1: against the exact thermal start it is too large by 3 D / (gamma^3 M^2) at H -> 0.

    References
    ----------
    Xie et al., "Adaptive Inertia", ICML 2022, Theorem 2.
    """
    h, d, t = (np.asarray(x, dtype=np.float64) for x in (curvature, diffusion, time))
    gone = -np.expm1(-friction * np.where(t > 0.0, t, 1.0)) * (t > 0.0)
    drift = d / (friction * friction_mass * friction_mass) * gone * gone
    slow = 2.0 * d * t / (friction_mass * friction_mass) * exprel(-2.0 * h * t / friction_mass)
    return Spread(*np.broadcast_arrays(drift, slow))
