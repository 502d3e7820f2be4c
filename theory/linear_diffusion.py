"""Spreading at a saddle, exactly for the continuous process of a damped particle: the Lyapunov equation, solved."""

import numpy as np
import numpy.typing as npt
from scipy.special import gammainc

from .closed_form import closed_form
from .quadrature import gauss_legendre

Array = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

_NODES = 24
_SHORT = 4.0
_TERMS = 30


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
    variance = 2.0 * unit * _squared_response(stiff, s)
    if thermal:
        variance = variance + unit * _response(_root(stiff), s) ** 2
    return np.asarray(variance, dtype=np.float64)


def _root(stiff: Array) -> Complex:
    return np.asarray(np.sqrt(0.25 - stiff + 0j), dtype=np.complex128)


def _response(q: Complex, s: Array) -> Array:
    """Return phi(s) = e^{-s/2} sinh(q s) / q."""
    z = q * s
    # Both exponents are real parts of e^{l s} <= the answer's own size, so nothing overflows early.
    far = (np.exp((q - 0.5) * s) - np.exp(-(q + 0.5) * s)) / np.where(q == 0, 1.0, 2.0 * q)
    z2 = z * z
    near = s * np.exp(-0.5 * s) * (1.0 + z2 / 6.0 * (1.0 + z2 / 20.0 * (1.0 + z2 / 42.0 * (1.0 + z2 / 72.0))))
    return np.asarray(np.real(np.where(np.abs(z) < 0.1, near, far)), dtype=np.float64)


def _squared_response(stiff: Array, s: Array) -> Array:
    """Return int_0^s phi^2 with gamma = 1 and q^2 = 1/4 - stiff, by the form that loses no digits there."""
    q = _root(stiff)
    short = (1.0 + 2.0 * np.abs(q)) * s <= _SHORT
    near = np.abs(2.0 * q) <= 0.5
    out = np.empty(s.shape)
    out[short] = _by_quadrature(q[short], s[short])
    middle = ~short & near
    out[middle] = _near_critical(q[middle], s[middle])
    rest = ~short & ~near
    out[rest] = _by_exponentials(stiff[rest], q[rest], s[rest])
    return out


def _by_quadrature(q: Complex, s: Array) -> Array:
    rule = gauss_legendre(_NODES)
    at = s[:, None] * rule.nodes
    return np.asarray(s * (_response(q[:, None], at) ** 2 @ rule.weights), dtype=np.float64)


def _near_critical(q: Complex, s: Array) -> Array:
    """Sum sinh(q s)^2 / q^2 = sum_k 2^(2k+1) q^(2k) s^(2k+2) / (2k+2)! against e^{-s}."""
    ratio = np.real(4.0 * q * q)
    k = np.arange(_TERMS)
    return np.asarray(np.sum(2.0 * ratio[:, None] ** k * gammainc(2.0 * k + 3.0, s[:, None]), axis=1), dtype=np.float64)


def _by_exponentials(stiff: Array, q: Complex, s: Array) -> Array:
    fast = -(0.5 + q)
    slow = stiff / fast  # l+ l- = H / M: no cancellation at small H
    total = _growth(2.0 * slow, s) + _growth(2.0 * fast, s) - 2.0 * _growth(-np.ones_like(q), s)
    return np.asarray(np.real(total / (4.0 * q * q)), dtype=np.float64)


def _growth(rate: Complex, s: Array) -> Complex:
    """Return int_0^s e^{rate u} du."""
    z = rate * s
    return np.asarray(s * np.where(z == 0, 1.0, np.expm1(z) / np.where(z == 0, 1.0, z)), dtype=np.complex128)
