"""Theorem 3: how long heavy-ball momentum, and SGD as its limit, stay in a minimum."""

import math


def climb(
    curvature_min: float, curvature_saddle: float, barrier: float, batch_size: float, lr: float, s: float
) -> float:
    """Return the exponent of SGD as printed, (2 B dL / lr) (s / H_ae + (1 - s) / |H_be|).

    Parameters
    ----------
    curvature_min
        H_ae, curvature along the escape direction at the minimum.
    curvature_saddle
        |H_be|, its magnitude at the saddle.
    barrier
        dL = L(b) - L(a) (loss).
    batch_size
        B of C = [H]^+ / B.
    lr
        Learning rate.
    s
        Which part of the climb is paid at the minimum's noise, in (0, 1); it is fixed by
        int_a^b L'/D dx being this exponent, see ``share``.
    """
    return 2.0 * batch_size * barrier / lr * (s / curvature_min + (1.0 - s) / curvature_saddle)


def share(
    exponent: float, curvature_min: float, curvature_saddle: float, barrier: float, batch_size: float, lr: float
) -> float:
    """Return s, given the exponent int_a^b L'/D dx; nan where H_ae = |H_be| and s has no effect."""
    if curvature_min == curvature_saddle:
        return math.nan
    paid = exponent * lr / (2.0 * batch_size * barrier)
    return (paid - 1.0 / curvature_saddle) / (1.0 / curvature_min - 1.0 / curvature_saddle)


def kramers_root(curvature_saddle: float, friction: float, friction_mass: float) -> float:
    """Return [sqrt(1 + 4 |H_be| / (gamma^2 M)) + 1] / 2, which is 1 at gamma -> infinity."""
    return 0.5 * (math.sqrt(1.0 + 4.0 * curvature_saddle / (friction * friction_mass)) + 1.0)


def log_escape_time(
    curvature_saddle: float, exponent: float, friction: float = math.inf, friction_mass: float = 1.0
) -> float:
    """Return ln tau as printed.

    ::

        tau = pi gamma M [sqrt(1 + 4 |H_be| / (gamma^2 M)) + 1] (1 / |H_be|) exp(gamma M climb)

    Parameters
    ----------
    curvature_saddle
        |H_be|.
    exponent
        The climb of SGD.
    friction
        gamma, (1 - beta1) / lr for the iteration; the default is SGD, whose root is 1.
    friction_mass
        gamma M, (1 - beta1) / beta3 for the iteration.

    Returns
    -------
    float
        ln tau, tau in dynamical time.

    Notes
    -----
    The paper sets gamma M = 1; the prefactor gamma M restores the units. 1 / |H_be| is the prefactor of the anti-Ito
    convention: a discrete update obeys the Ito one, 1 / H_ae (see :mod:`saddlescape.theory.kramers`).

    References
    ----------
    Xie et al., "Adaptive Inertia", ICML 2022, Theorem 3.
    """
    root = kramers_root(curvature_saddle, friction, friction_mass)
    return math.log(2.0 * math.pi * friction_mass * root / curvature_saddle) + friction_mass * exponent


def escape_time(
    curvature_saddle: float, exponent: float, friction: float = math.inf, friction_mass: float = 1.0
) -> float:
    """Return tau as printed, in dynamical time; inf beyond the largest float. Parameters as in log_escape_time."""
    logarithm = log_escape_time(curvature_saddle, exponent, friction, friction_mass)
    return math.exp(logarithm) if logarithm < 709.0 else math.inf
