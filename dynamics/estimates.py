"""Statistics of counts: the mean of censored escape times, whether they are exponential, the variance of a spread.

Away from the start an escape has the same chance q in every step, so that times are geometric with mean 1/q steps. d
escapes in S steps lived by all trajectories, censored ones included, make d/S the maximum-likelihood q and S/d the
mean. Nothing here simulates.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..landscapes.checks import fraction

Array = npt.NDArray[np.float64]
Steps = npt.NDArray[np.integer[Any]]
Flags = npt.NDArray[np.bool_]

LEAST_ESCAPES = 5
"""Escapes below which the normal law of the exponentiality score is not to be trusted."""


def mean_interval(escaped: int, total_steps: int, level: float = 0.95, *, complete: bool) -> tuple[float, float]:
    """Return the interval of the mean escape time, in steps, from d escapes in S steps.

    Stopped at a preset d (or all escaped), S is negative binomial and q lies between the Beta quantiles
    B(alpha/2; d, S - d + 1) and B(1 - alpha/2; d, S - d): exact. Stopped by the clock, the upper one becomes
    B(1 - alpha/2; d + 1, S - d), for the escape that was still to come. As q -> 0 they turn into 2S/chi2(2d) and
    2S/chi2(2d + 2), which at levels of 80 % and more are never narrower: 5 % wider at a mean of 10 steps.

    Parameters
    ----------
    escaped
        d.
    total_steps
        S, the steps lived by all trajectories.
    level
        Confidence level 1 - alpha.
    complete
        Whether no trajectory was censored.

    Returns
    -------
    low, high
        Ends of the interval of 1/q (steps). With no escape, the one-sided limit 1/(1 - alpha^(1/S)), which is
        S/ln(1/alpha) for long times, and infinity.

    Raises
    ------
    ValueError
        Where the counts contradict each other or level is not in (0, 1).

    Notes
    -----
    Measured over 40,000 replications of N = 20 and 200 with 0 to 97 % censored, neither end misses more often than
    nominal, beyond the error of the measurement. 2d at both ends misses up to 6.9 % below for a nominal 2.5 %; 2d + 1
    at both (6 % narrower at d = 16) up to 3.4 % above; Clopper-Pearson on d of N is up to 2.5 times as wide and bounds
    nothing where all escape. The one-sided limit at d = 0 costs where about 3 escapes are expected: 6.2 % misses there.
    """
    miss = _miss(level)
    d, total = _count("escaped", escaped), _count("total_steps", total_steps)
    if d > total:
        raise ValueError(f"total_steps={total_steps} must be at least escaped={escaped}: an escape takes a step")
    if d == 0:
        return (float(1.0 / -np.expm1(np.log(miss) / total)) if total > 0 else 1.0), float("inf")
    smallest = _lower_beta(d, total - d + 1, 0.5 * miss)
    largest = _upper_beta(d if complete else d + 1, total - d, 0.5 * miss)
    return 1.0 / largest, 1.0 / smallest


def clopper_pearson_interval(escaped: int, trajectories: int, horizon: int, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of the mean escape time, in steps, from how many of N escaped within one common horizon.

    1 - (1 - q)^horizon is the chance of a trajectory to escape, and d of N is binomial: coverage is at least nominal
    for any N. The times themselves are not used, which costs width where most escape: prefer mean_interval.

    Parameters
    ----------
    escaped, trajectories
        d and N.
    horizon
        Steps after which every trajectory was censored.
    level
        Confidence level.

    Raises
    ------
    ValueError
        Where the counts contradict each other or level is not in (0, 1).
    """
    miss = _miss(level)
    d, n, last = _count("escaped", escaped), _count("trajectories", trajectories), _count("horizon", horizon)
    if d > n or n < 1 or last < 1:
        raise ValueError(
            f"escaped={escaped} of trajectories={trajectories} within horizon={horizon}: "
            "the first must not exceed the second, and the others be at least 1"
        )
    rarest, likeliest = share_interval(d, n, 1.0 - miss)
    with np.errstate(divide="ignore"):
        low, high = (1.0 / -np.expm1(np.log1p(-p) / last) for p in (likeliest, rarest))
    return float(low), float(high)


def share_interval(counts: npt.ArrayLike, trajectories: int, level: float = 0.95) -> tuple[Array, Array]:
    """Return the Clopper-Pearson interval of a chance, from how many of N trajectories met it: low and high.

    Parameters
    ----------
    counts
        How many did, any shape.
    trajectories
        N.
    level
        Confidence level of each; coverage is at least that for any N.
    """
    half, n, k = 0.5 * _miss(level), _count("trajectories", trajectories), np.asarray(counts, dtype=np.int64)
    known, place = np.unique(k, return_inverse=True)
    low = np.array([_lower_beta(d, n - d + 1, half) if d > 0 else 0.0 for d in known.tolist()])
    high = np.array([_upper_beta(d + 1, n - d, half) for d in known.tolist()])
    return low[place].reshape(k.shape), high[place].reshape(k.shape)


def left_truncated(steps: Steps, escaped: Flags, after: int) -> tuple[int, int]:
    """Return (d, S) of what happens later than a given step; trajectories that ended by then are dropped.

    Parameters
    ----------
    steps
        Escape step, or the last step lived, (N,).
    escaped
        Whether it was an escape, (N,).
    after
        Steps to leave out: start-up biases S/d by about mean x relaxation time / horizon when censoring is heavy.
    """
    at_risk = steps > after
    return int(np.count_nonzero(escaped & at_risk)), int(np.sum(steps[at_risk] - after))


def survival(steps: Steps, escaped: Flags) -> tuple[Array, Array, Array]:
    """Return the Kaplan-Meier curve: the steps with an escape, the share alive after each, and its standard error.

    The error is Greenwood's, of the logarithm of the share; inf where none is left.

    Parameters
    ----------
    steps
        Escape step, or the last step lived, (N,).
    escaped
        Whether it was an escape, (N,). A trajectory censored at a step was at risk in it.
    """
    order = np.argsort(steps, kind="stable")
    at, first = np.unique(steps[order], return_index=True)
    deaths = np.add.reduceat(escaped[order].astype(np.float64), first) if len(at) else np.zeros(0)
    at_risk = (len(steps) - first).astype(np.float64)
    kept = deaths > 0.0
    at, deaths, at_risk = at[kept], deaths[kept], at_risk[kept]
    with np.errstate(divide="ignore"):
        variance = np.cumsum(deaths / (at_risk * (at_risk - deaths)))
    alive: Array = np.asarray(np.cumprod(1.0 - deaths / at_risk), dtype=np.float64)
    return at.astype(np.float64), alive, np.asarray(np.sqrt(variance), dtype=np.float64)


def exponential_quantiles(steps: Steps, escaped: Flags) -> tuple[Array, Array]:
    """Return a censored Q-Q plot against the exponential law: escape steps, and where they should lie in unit means.

    The second is -ln of the Kaplan-Meier share alive half-way through each escape. Exponential times lie on a straight
    line through 0 whose slope is the mean.

    Parameters
    ----------
    steps, escaped
        As in survival.
    """
    at, alive, _ = survival(steps, escaped)
    before = np.concatenate([np.ones(min(len(alive), 1)), alive[:-1]])
    return at, -np.log(0.5 * (before + alive))


def exponentiality(steps: Steps, escaped: Flags) -> tuple[float, float]:
    """Test whether the chance of an escape is the same in every step.

    The score of k in q(s) ~ s^k at k = 0: with q = d/S,
    U = sum_escaped ln t - q sum_all ln t!,  Var U = q (1 - q) [ sum_all F(t) - (sum_all ln t!)^2 / S ],
    F(t) = sum_{s <= t} ln^2 s. For long times it is the Cox-Oakes test of a Weibull shape of 1, censoring included.

    Parameters
    ----------
    steps, escaped
        As in survival; after a left truncation, the steps since.

    Returns
    -------
    z, p
        z = U/(Var U)^(1/2), above 0 where the chance grows with time (a start-up), below 0 where it falls (a mixture),
        and its two-sided p-value by the normal law; both nan below five escapes or where all steps are 1. At 5 % it
        rejects 4.1 to 5.5 % of geometric samples of mean 20 and 2000, N = 20 to 1000 and 0 to 97 % censored.
    """
    from scipy.special import gammaln, ndtr

    t = steps.astype(np.float64)
    d, total = int(np.count_nonzero(escaped)), float(np.sum(t))
    if d < LEAST_ESCAPES or not np.any(t > 1.0):
        return float("nan"), float("nan")
    q = d / total
    first = float(np.sum(gammaln(t + 1.0)))
    log = np.log(t)
    # Euler-Maclaurin; the constant is the second derivative of the zeta function at 0.
    squares = t * (log * log - 2.0 * log + 2.0) + 0.5 * log * log + log / (6.0 * t) - 2.0063564559085848
    variance = q * (1.0 - q) * (float(np.sum(squares)) - first * first / total)
    z = (float(np.sum(log[escaped])) - q * first) / np.sqrt(variance)
    return float(z), float(2.0 * ndtr(-abs(z)))


def variance_interval(variance: npt.ArrayLike, trajectories: int, level: float = 0.95) -> tuple[Array, Array]:
    """Return the band of the variance of a normal law: (N - 1) s^2/sigma^2 is chi-square with N - 1 degrees.

    Parameters
    ----------
    variance
        Unbiased sample variances s^2, any shape.
    trajectories
        N.
    level
        Confidence level of each.
    """
    from scipy.special import chdtri  # upper-tail quantile of chi-square

    half, freedom = 0.5 * _miss(level), _at_least_two(trajectories) - 1
    sums = freedom * np.asarray(variance, dtype=np.float64)
    return sums / chdtri(freedom, half), sums / chdtri(freedom, 1.0 - half)


def variance_interval_from_moments(
    variance: npt.ArrayLike, fourth: npt.ArrayLike, trajectories: int, level: float = 0.95
) -> tuple[Array, Array]:
    """Return the band of the variance of any law with a fourth moment, for large N.

    Var ln s^2 = [m4/s^4 - (N - 3)/(N - 1)]/N; the logarithm keeps the band above 0.

    Parameters
    ----------
    variance
        Unbiased sample variances s^2, any shape.
    fourth
        Fourth central sample moments m4, same shape.
    trajectories
        N.
    level
        Confidence level of each.
    """
    from scipy.special import ndtri

    half, n = 0.5 * _miss(level), _at_least_two(trajectories)
    s2, m4 = np.asarray(variance, dtype=np.float64), np.asarray(fourth, dtype=np.float64)
    kurtosis = np.divide(m4, s2 * s2, out=np.ones(np.broadcast(s2, m4).shape), where=s2 > 0.0)
    width = -ndtri(half) * np.sqrt(np.maximum(kurtosis - (n - 3.0) / (n - 1.0), 0.0) / n)
    return s2 * np.exp(-width), s2 * np.exp(width)


def _lower_beta(a: int, b: int, tail: float) -> float:
    """Return the point that Beta(a, b) stays below with the given chance."""
    from scipy.special import betainc, betaincinv

    return _inverse(betaincinv, betainc, a, b, tail)


def _upper_beta(a: int, b: int, tail: float) -> float:
    """Return the point that Beta(a, b) exceeds with the given chance; 1 for b = 0."""
    from scipy.special import betaincc, betainccinv

    return _inverse(betainccinv, betaincc, a, b, tail) if b > 0 else 1.0


def _inverse(inverse: Any, forward: Any, a: int, b: int, tail: float) -> float:
    """Return the inverse at tail, found again by a bracketing solver where SciPy's own loses its way.

    It does, rarely: the lower 6 % point of Beta(1000, 1.3e8) comes out twice too large (SciPy 1.17).
    A tail right to 1e-5 puts the end of an interval right to 1e-5 of its width.
    """
    x = float(inverse(a, b, tail))
    if abs(forward(a, b, x) - tail) <= 1e-5 * tail:
        return x
    from scipy.optimize import brentq

    found: Any = brentq(lambda y: forward(a, b, y) - tail, 0.0, 1.0, xtol=1e-300, maxiter=2000)
    return float(found)


def _miss(level: float) -> float:
    """Return 1 - level."""
    x = fraction("level", level, "it is a chance of covering")
    if x == 0.0:
        raise ValueError(f"level={level} must lie in (0, 1): it is a chance of covering")
    return 1.0 - x


def _count(name: str, value: Any) -> int:
    """Return value as an int of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}={value!r} must be a whole number, not {type(value).__name__}")
    if value < 0:
        raise ValueError(f"{name}={value} must not be below 0: it is a count")
    return int(value)


def _at_least_two(trajectories: Any) -> int:
    n = _count("trajectories", trajectories)
    if n < 2:
        raise ValueError(f"trajectories={n} must be at least 2: a variance needs two")
    return n


def positive_mean_interval(values: Array, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of the mean of independent positive numbers, by Student's t on the logarithm of their mean.

    The scatter of the mean is carried to its logarithm (relative error for error), where a product of many factors is
    nearer to normal; the upper end is further off than the lower one, as the skewness of rates asks for.

    Parameters
    ----------
    values
        (R,), none negative; some may be 0.
    level
        Confidence level.

    Returns
    -------
    low, high
        0 and infinity where fewer than two values, or only zeros, tell nothing.

    Raises
    ------
    ValueError
        Where level is not in (0, 1).
    """
    from scipy.special import stdtrit

    miss = _miss(level)
    error = relative_error_of_mean(values)
    if not np.isfinite(error):
        return 0.0, float("inf")
    factor = float(np.exp(stdtrit(len(values) - 1, 1.0 - miss / 2.0) * error))
    mean = float(np.mean(values))
    return mean / factor, mean * factor


def relative_error_of_mean(values: Array) -> float:
    """Return the standard error of the mean of values (R,) over the mean; infinity where they tell nothing of it."""
    if len(values) < 2 or not np.any(values):
        return float("inf")
    scale = float(np.max(values))
    scaled = np.asarray(values) / scale
    return float(np.std(scaled, ddof=1) / np.sqrt(len(values)) / np.mean(scaled))
