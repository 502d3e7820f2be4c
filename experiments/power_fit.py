"""Fits of a power law: c + A k^-p to logarithms of measured times, and a straight line to log-log data."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

LEAST = 4
"""Points that a fit of three parameters needs so that one is left to contradict it."""
LOWEST, HIGHEST = -2.0, 8.0
"""Exponents outside are not looked at; an interval that reaches one of them is open at that end."""
_SCAN = 101


class PowerFit(NamedTuple):
    """c + A k^-p, fitted by weighted least squares.

    Parameters
    ----------
    exponent, constant, scale
        p, c and A.
    error
        Standard error of p, from the covariance of the fit.
    misfit
        Weighted sum of squares that is left; chi-square with K - 3 degrees of freedom where the law holds.
    sharpness, logs, weights
        What was fitted: k, the logarithms and one over their variances, each (K,).
    """

    exponent: float
    constant: float
    scale: float
    error: float
    misfit: float
    sharpness: Array
    logs: Array
    weights: Array

    def misfit_at(self, exponent: float) -> float:
        """Return what is left where p is held at a value and only c and A are fitted."""
        return float(_held(exponent, self.sharpness, self.logs, self.weights)[0])

    def interval(self, level: float) -> tuple[float, float]:
        """Return the interval of p at this level: where the misfit is at most that quantile of chi-square(1) above.

        It is the profile likelihood's, for normal errors of known variance. It needs no linear approximation in p, and
        an end that the data do not bound is infinite.
        """
        from scipy.optimize import brentq
        from scipy.special import chdtri  # upper-tail quantile of chi-square

        allowed = self.misfit + float(chdtri(1, 1.0 - level))

        def excess(p: float) -> float:
            return self.misfit_at(p) - allowed

        ends = []
        for edge in (LOWEST, HIGHEST):
            reach = np.linspace(self.exponent, edge, _SCAN)
            beyond = np.flatnonzero(_held(reach[:, None], self.sharpness, self.logs, self.weights)[0] > allowed)
            if len(beyond) == 0:
                ends.append(float(np.copysign(np.inf, edge)))
            else:
                inner, outer = (float(p) for p in reach[beyond[0] - 1 : beyond[0] + 1])
                found: Any = brentq(excess, inner, outer, xtol=1e-12)
                ends.append(float(found))
        return ends[0], ends[1]


class LineFit(NamedTuple):
    """A straight line through log-log data.

    Parameters
    ----------
    slope, error
        Slope and its standard error.
    """

    slope: float
    error: float


def fit_power(sharpness: npt.ArrayLike, logs: npt.ArrayLike, weights: npt.ArrayLike) -> PowerFit:
    """Fit c + A k^-p with c, A and p free.

    For a given p the rest is linear, so that one number is searched for.

    Parameters
    ----------
    sharpness
        k, (K,), K >= 4.
    logs
        What is fitted, (K,).
    weights
        One over the variance of each, (K,).

    Raises
    ------
    ValueError
        Where there are too few points.
    """
    from scipy.optimize import minimize_scalar

    k, y, w = (np.asarray(each, dtype=np.float64) for each in (sharpness, logs, weights))
    if len(np.unique(k)) < LEAST:
        raise ValueError(f"sharpness has {len(np.unique(k))} values; a fit of c, A and p needs at least {LEAST}")
    coarse = np.linspace(LOWEST, HIGHEST, _SCAN)
    best = int(np.argmin(_held(coarse[:, None], k, y, w)[0]))
    inside = coarse[max(best - 1, 0)], coarse[min(best + 1, _SCAN - 1)]
    found: Any = minimize_scalar(
        lambda p: float(_held(p, k, y, w)[0]), bounds=inside, method="bounded", options={"xatol": 1e-11}
    )
    p = float(found.x)
    misfit, level, rise = (float(each) for each in _held(p, k, y, w))
    scale = -rise / p if p != 0.0 else np.inf
    # c + A k^-p = (c + A) + (-A p) (1 - k^-p)/p, whose derivative by p at fixed c and A is -A ln k k^-p.
    slopes = np.stack([np.ones_like(k), k**-p, -scale * np.log(k) * k**-p], axis=1)
    covariance = np.linalg.inv((slopes * w[:, None]).T @ slopes)
    return PowerFit(p, level - scale, scale, float(np.sqrt(covariance[2, 2])), misfit, k, y, w)


def fit_line(x: npt.ArrayLike, y: npt.ArrayLike, weights: npt.ArrayLike) -> LineFit:
    """Fit a straight line by weighted least squares."""
    at, of, w = (np.asarray(each, dtype=np.float64) for each in (x, y, weights))
    centred = at - np.average(at, weights=w)
    spread = float(np.sum(w * centred**2))
    return LineFit(float(np.sum(w * centred * of)) / spread, spread**-0.5)


def _held(exponent: npt.ArrayLike, k: Array, y: Array, w: Array) -> tuple[Array, Array, Array]:
    """Return the misfit and both coefficients of level + rise (1 - k^-p)/p, which is smooth at p = 0; p (..., 1)."""
    p = np.asarray(exponent, dtype=np.float64)
    tame = np.where(p == 0.0, 1.0, p)
    u = np.where(p == 0.0, np.log(k), -np.expm1(-tame * np.log(k)) / tame)
    total = w.sum()
    middle, mean = np.asarray(u @ w) / total, float(y @ w) / total
    centred = u - middle[..., None]
    rise = np.asarray(centred @ (w * y)) / np.asarray(centred**2 @ w)
    left = y - mean - rise[..., None] * centred
    return np.asarray(left**2 @ w), mean - rise * middle, rise
