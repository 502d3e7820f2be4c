"""What figures keep of a mean escape time, however it was measured."""

import math
from typing import NamedTuple

from ...dynamics.escape_times import EscapeTimes
from ...dynamics.rare_escapes import RareEscapes


class Measured(NamedTuple):
    """A mean escape time with its interval.

    Parameters
    ----------
    mean, low, high
        The estimate and its 95 % interval, in dynamical time; NaN, not infinity, where nothing bounds it.
    steps
        The mean in steps.
    total_steps
        Steps that were taken to measure it.
    error
        Relative standard error; NaN where it is not known.
    escaped, unseen
        Trajectories that were seen to escape, and that were not; repetitions of a splitting that saw escapes, and that
        saw none.
    method
        "direct" or "splitting".
    cautions
        Why it should not be trusted.
    """

    mean: float
    low: float
    high: float
    steps: float
    total_steps: int
    error: float
    escaped: int
    unseen: int
    method: str
    cautions: tuple[str, ...]


def measured(times: "EscapeTimes | RareEscapes | Measured") -> Measured:
    """Return what is kept of a direct run or of a splitting."""
    if isinstance(times, Measured):
        return times
    low, high = times.interval(0.95)
    if isinstance(times, RareEscapes):
        escaped = int((times.rates > 0.0).sum())
        unseen, method, error, cautions = (
            times.repetitions - escaped,
            "splitting",
            times.relative_error,
            times.cautions(),
        )
    else:
        escaped, unseen, method, cautions = times.escaped, times.censored + times.diverged, "direct", []
        error = escaped**-0.5 if escaped else math.inf
    return Measured(
        _bounded(times.mean),
        _bounded(low),
        _bounded(high),
        _bounded(times.mean_steps),
        int(times.total_steps),
        _bounded(error),
        escaped,
        unseen,
        method,
        tuple(cautions),
    )


def _bounded(value: float) -> float:
    return float(value) if math.isfinite(value) else math.nan
