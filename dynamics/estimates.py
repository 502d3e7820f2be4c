"""Intervals: the mean of censored escape times, the variance of a spread."""

import numpy as np
import numpy.typing as npt


def mean_interval(escaped: int, total_steps: int, level: float, *, complete: bool) -> tuple[float, float]:
    """Return the interval of the mean escape time, in steps.

    d escapes were seen in S steps lived by all; S/d is the maximum-likelihood mean. Times are close to exponential.

    Parameters
    ----------
    escaped
        d.
    total_steps
        S, censored trajectories included.
    level
        Confidence level, in (0, 1).
    complete
        Whether every trajectory escaped (or the run stopped at a preset d): then 2 S/tau is chi-square with 2 d degrees
        of freedom, exactly. Stopped by the clock, the last escape is still on its way, and the lower end takes 2 d + 2
        degrees: coverage is then at least nominal up to rounding (2 d at both ends misses twice as often below when
        nearly all are censored).

    Returns
    -------
    low, high
        With no escape at all, the one-sided limit S/ln(1/alpha) and infinity.
    """
    from scipy.special import chdtri  # upper-tail quantile of chi-square

    if not 0.0 < level < 1.0:
        raise ValueError(f"level={level} must lie in (0, 1)")
    miss = 1.0 - level
    if escaped == 0:
        return total_steps / -np.log(miss), float("inf")
    low = 2.0 * total_steps / chdtri(2 * escaped + (0 if complete else 2), miss / 2.0)
    high = 2.0 * total_steps / chdtri(2 * escaped, 1.0 - miss / 2.0)
    return float(low), float(high)


def common_horizon_interval(escaped: int, trajectories: int, horizon: int, level: float) -> tuple[float, float]:
    """Return the interval of the mean from how many of N escaped within a common horizon (Clopper-Pearson), in steps.

    With q the chance to escape within the horizon, tau = -horizon/ln(1 - q). Coverage is at least nominal whatever the
    sample; the times themselves are not used, so it is wider than mean_interval when most escape.
    """
    from scipy.special import betaincinv

    miss = 1.0 - level
    n, d = trajectories, escaped
    least = betaincinv(d, n - d + 1, miss / 2.0) if d > 0 else 0.0
    most = betaincinv(d + 1, n - d, 1.0 - miss / 2.0) if d < n else 1.0
    low = 0.0 if most >= 1.0 else -horizon / np.log1p(-most)
    high = float("inf") if least <= 0.0 else -horizon / np.log1p(-least)
    return float(low), float(high)


Array = npt.NDArray[np.float64]


def variance_interval(variance: Array, trajectories: int, level: float) -> tuple[Array, Array]:
    """Return the band of the variance of a normal law: (N - 1) s^2/sigma^2 is chi-square with N - 1 degrees."""
    from scipy.special import chdtri

    freedom = trajectories - 1
    miss = 1.0 - level
    return variance * freedom / chdtri(freedom, miss / 2.0), variance * freedom / chdtri(freedom, 1.0 - miss / 2.0)


def variance_interval_from_moments(
    variance: Array, fourth: Array, trajectories: int, level: float
) -> tuple[Array, Array]:
    """Return the band of the variance of any law with a fourth moment, to leading order in N.

    The variance of log s^2 is (m4/s^4 - 1)/N; the logarithm keeps the band above 0.
    """
    from scipy.special import ndtri

    with np.errstate(divide="ignore", invalid="ignore"):
        kurtosis = np.where(variance > 0.0, fourth / variance**2, 1.0)
    width = ndtri(0.5 + level / 2.0) * np.sqrt(np.maximum(kurtosis - 1.0, 0.0) / trajectories)
    return variance * np.exp(-width), variance * np.exp(width)


def survival(steps: npt.NDArray[np.int64], escaped: npt.NDArray[np.bool_]) -> tuple[Array, Array, Array]:
    """Return the Kaplan-Meier curve: the steps with an escape, the share alive after each, and its standard error.

    The error is Greenwood's, of the logarithm of the share.
    """
    order = np.argsort(steps, kind="stable")
    at, first = np.unique(steps[order], return_index=True)
    deaths = np.add.reduceat(escaped[order].astype(np.float64), first)
    at_risk = len(steps) - first
    kept = deaths > 0
    at, deaths, at_risk = at[kept], deaths[kept], at_risk[kept].astype(np.float64)
    with np.errstate(divide="ignore"):
        alive = np.exp(np.cumsum(np.log1p(-deaths / at_risk)))
        error = np.sqrt(np.cumsum(np.where(at_risk > deaths, deaths / (at_risk * (at_risk - deaths)), np.inf)))
    return at.astype(np.float64), alive, error
