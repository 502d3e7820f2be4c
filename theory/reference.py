"""One prediction of a mean escape time."""

import math
from typing import NamedTuple

from .particle import Particle

LARGEST = 700.0
"""Largest ln tau that is given as a number."""


class Reference(NamedTuple):
    """One prediction of a mean escape time.

    Parameters
    ----------
    value
        Mean escape time in dynamical time t = steps x learning rate (dt for a Langevin integrator); None where there
        is none.
    source
        Which statement, equation or method gave it.
    reason
        Why there is no value, or where the value is valid; one line.
    error
        Estimated numerical error of the value (dynamical time); None for closed forms.
    time_step
        Dynamical time of one step.
    log_value
        ln of the value, of a closed form also where that is too long for a number; None where there is none.
    """

    value: float | None
    source: str
    reason: str = ""
    error: float | None = None
    time_step: float = 1.0
    log_value: float | None = None

    @property
    def steps(self) -> float | None:
        """The same in steps."""
        return None if self.value is None else self.value / self.time_step


def from_log_time(log_time: float, source: str, reason: str, p: Particle, error: float | None = None) -> Reference:
    """Return exp(log_time) as a reference, or why it is not one."""
    if not math.isfinite(log_time):
        return Reference(None, source, "the noise vanishes on the way", time_step=p.time_step)
    if log_time > LARGEST:
        too_long = f"too long for a number: ln tau = {log_time:.6g}"
        return Reference(None, source, too_long, time_step=p.time_step, log_value=log_time)
    value = math.exp(log_time)
    return Reference(value, source, reason, None if error is None else error * value, p.time_step, log_time)
