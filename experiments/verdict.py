"""The decision whether a measurement contradicts the code's own exact reference.

The false-alarm rate is fixed beforehand, at most one in a thousand runs of a correct program, and nothing is tuned.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import chdtri  # upper-tail quantile of chi-square

FALSE_ALARM = 1e-3
"""Chance, two-sided and over all comparisons of a run, of "differs" where nothing does."""
RESOLUTION = 1.5
"""Agreement is claimed only by an interval narrower than this factor; a wider one could hide as much."""

AGREES, DIFFERS, UNDERPOWERED, NO_REFERENCE = "agrees", "differs", "underpowered", "no reference"


class Verdict(NamedTuple):
    """What a comparison came to.

    Parameters
    ----------
    outcome
        AGREES, DIFFERS, UNDERPOWERED or NO_REFERENCE.
    against
        Name of the reference.
    ratio, low, high
        Measured over reference and its interval at 1 - false_alarm over all comparisons; None where there is none.
    comparisons
        How many numbers were compared; ratio, low and high are those of the most discrepant.
    where
        Which of them that is.
    reason
        Why no more can be said.
    """

    outcome: str
    against: str = "exact_discrete"
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    comparisons: int = 1
    where: str = ""
    reason: str = ""

    @property
    def detail(self) -> dict[str, Any]:
        """All of it for a JSON object."""
        return self._asdict() | {"false_alarm": FALSE_ALARM, "resolution": RESOLUTION}

    def __str__(self) -> str:
        if self.ratio is None:
            return f"{self.outcome}: {self.reason}" if self.reason else self.outcome
        high = "inf" if self.high is None or not math.isfinite(self.high) else f"{self.high:.4g}"
        interval = f"measured/exact {self.ratio:.4g} [{self.low:.4g}, {high}]"
        parts = [f"{self.outcome}: {interval} at {1.0 - FALSE_ALARM:.1%}", self.where, self.reason]
        return "; ".join(part for part in parts if part)


def escape_verdict(
    times: Any, expected: float | None, reason: str, *, from_minimum: bool, together: int = 1
) -> Verdict:
    """Compare a mean escape time with the exact discrete one.

    Left truncation is undone: the reference is the mean from the start. The interval is ``escape_interval``; of a
    splitting, that of its repetitions, which must not be in doubt.

    Parameters
    ----------
    times
        EscapeTimes or RareEscapes.
    expected
        The exact mean (dynamical time), or None.
    reason
        Why there is none.
    from_minimum
        Whether trajectories start at the minimum.
    together
        How many such comparisons are made together: the chance of a false alarm is that of all of them.
    """
    if expected is None:
        return Verdict(NO_REFERENCE, reason=reason)
    if hasattr(times, "rates"):
        return _rare_verdict(times, expected, together)
    times = times.after(0)
    if times.escaped == 0:
        return Verdict(UNDERPOWERED, reason="nothing escaped")
    low, high = escape_interval(times, 1.0 - FALSE_ALARM / together)
    unseen = times.censored + times.diverged
    told = f"{unseen} of {times.escaped + unseen} trajectories were not seen to escape" if unseen else ""
    if unseen and not from_minimum:
        outcome = UNDERPOWERED
    elif not low <= expected <= high:
        outcome = DIFFERS
    else:
        outcome = AGREES if high < RESOLUTION * low else UNDERPOWERED
    return Verdict(
        outcome,
        ratio=times.mean / expected,
        low=low / expected,
        high=high / expected,
        reason=told,
    )


def _rare_verdict(times: Any, expected: float, together: int) -> Verdict:
    if not math.isfinite(times.mean):
        return Verdict(UNDERPOWERED, reason="no repetition saw an escape")
    low, high = times.interval(1.0 - FALSE_ALARM / together)
    doubts = times.cautions()
    if doubts:
        outcome = UNDERPOWERED
    elif not low <= expected <= high:
        outcome = DIFFERS
    else:
        outcome = AGREES if high < RESOLUTION * low else UNDERPOWERED
    return Verdict(
        outcome, ratio=times.mean / expected, low=low / expected, high=high / expected, reason="; ".join(doubts)
    )


def escape_interval(times: Any, level: float) -> tuple[float, float]:
    """Return the interval of a mean escape time from a minimum (dynamical time), as the decision takes it.

    It is that of exponential times, widened where the sample scatters more. Trajectories that were not seen to the end
    have lived a known part of their time and have left between nothing and the mean: the lower end is moved down by
    their share.

    Parameters
    ----------
    times
        EscapeTimes in which some escaped.
    level
        Confidence level.
    """
    low, high = times.interval(level)
    unseen = times.censored + times.diverged
    if unseen:
        return low * times.escaped / (times.escaped + unseen), high
    shape = 1.0 / max(1.0, float(np.var(times.steps)) / times.mean_steps**2)
    if shape == 1.0:
        return low, high
    count, miss = 2.0 * shape * times.escaped, 1.0 - level
    return times.mean * count / float(chdtri(count, miss / 2.0)), times.mean * count / float(
        chdtri(count, 1.0 - miss / 2.0)
    )


def spread_verdict(spread: Any, expected: npt.NDArray[np.float64] | None, reason: str, *, together: int = 1) -> Verdict:
    """Compare the variances along the eigen-directions, at every recorded step, with the exact recursion.

    Parameters
    ----------
    spread
        SaddleSpread.
    expected
        The exact variances, (R, d), or None.
    reason
        Why there are none.
    together
        As in ``escape_verdict``.
    """
    if expected is None:
        return Verdict(NO_REFERENCE, reason=reason)
    compared = np.asarray(expected, dtype=np.float64) > 0.0
    number = int(np.count_nonzero(compared))
    if number == 0:
        return Verdict(NO_REFERENCE, reason="every exact variance is 0")
    low, high = spread.interval(1.0 - FALSE_ALARM / (number * together))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio, low, high = spread.variance / expected, low / expected, high / expected
        # How far outside 1 an interval lies, or how near to leaving it, in units of its own half-width.
        excess = np.where(compared, np.abs(np.log(ratio)) / np.log(high / low), -np.inf)
    outside = compared & ~((low <= 1.0) & (high >= 1.0))
    worst = np.unravel_index(np.argmax(np.where(outside, excess + 1e6, excess)), ratio.shape)
    record, i = int(worst[0]), int(worst[1])
    if outside.any():
        outcome = DIFFERS
    else:
        outcome = AGREES if np.all((high < RESOLUTION * low)[compared]) else UNDERPOWERED
    return Verdict(
        outcome,
        ratio=float(ratio[worst]),
        low=float(low[worst]),
        high=float(high[worst]),
        comparisons=number,
        where=f"the most discrepant of {number} is curvature {spread.curvatures[i]:.4g} at step {spread.steps[record]}",
        reason=f"{spread.diverged} trajectories diverged and were left out" if spread.diverged else "",
    )
