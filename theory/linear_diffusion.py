"""Spreading at a saddle, exactly for the continuous process of a damped particle: the Lyapunov equation, solved."""

import numpy as np
import numpy.typing as npt

from .closed_form import closed_form
from .responses import response, squared_response

Array = npt.NDArray[np.float64]


def spread(
    curvature: npt.ArrayLike,
    diffusion: npt.ArrayLike,
    time: npt.ArrayLike,
    friction: float,
    friction_mass: float,
    thermal: bool = False,
) -> Array:
    """Return the variance of theta_i(t) of M dv = -gamma M v dt - H_i theta_i dt + (2 D_i)^(1/2) dW, from theta_i = 0.

    ::

        (2 D / M^2) int_0^t phi^2 ds  [+ D / (gamma M^2) phi(t)^2 from a thermal start],
        phi(t) = (e^{l+ t} - e^{l- t}) / (l+ - l-),    l+- = (-gamma +- sqrt(gamma^2 - 4 H / M)) / 2

    It is finite at H -> 0, at critical damping gamma^2 = 4 H / M and beyond it, where l+- are complex.

    Parameters
    ----------
    curvature
        H_i, of either sign.
    diffusion
        D_i.
    time
        Dynamical time; arguments broadcast: (d,) with times (R, 1) gives (R, d).
    friction
        gamma; inf is the overdamped diffusion d theta = -H theta / (gamma M) dt + (2 D)^(1/2) / (gamma M) dW.
    friction_mass
        gamma M.
    thermal
        Start with the stationary velocity of a flat loss, <v^2> = D / (gamma M^2), instead of at rest.

    Returns
    -------
    ndarray
        Variance along each direction.
    """
    h, d, t = np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in (curvature, diffusion, time)))
    if np.isinf(friction):
        still = closed_form("theorem-1", "spread")
        return np.asarray(still(h / friction_mass, d / friction_mass**2, t), dtype=np.float64)
    # In units of 1 / gamma: D' = D / (gamma^3 M^2), H' = H / (gamma^2 M).
    unit = d / (friction * friction_mass * friction_mass)
    stiff, s = h / (friction * friction_mass), friction * t
    variance = 2.0 * unit * squared_response(stiff, s)
    if thermal:
        variance = variance + unit * response(stiff, s) ** 2
    return np.asarray(variance, dtype=np.float64)
