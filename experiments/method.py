"""How a mean escape time is measured: lived through, trajectory by trajectory, or put together by splitting."""

import math
from typing import Any, NamedTuple

ROOM = 3.0
"""Direct runs are chosen where max_steps is so many mean escape times: fewer than one in twenty is then cut off."""


class Choice(NamedTuple):
    """How a mean escape time is measured.

    Parameters
    ----------
    method
        "direct" or "splitting".
    because
        Why, where it was chosen; "" where it was asked for.
    """

    method: str
    because: str = ""


def chosen_method(landscape: Any, noise: Any, rule: Any, run: Any) -> Choice:
    """Return how a run measures: as asked, or from what the closed forms say of the mean: a tenth of a second.

    Parameters
    ----------
    landscape, noise, rule
        What is run, checked.
    run
        EscapeRun.

    Raises
    ------
    ValueError, TypeError
        Where a field is out of bounds or the parts do not fit one another.
    """
    if run.method != "auto":
        return Choice(run.method)
    from ..theory.references import closed_references
    from .escape import direct_ensemble

    most = direct_ensemble(landscape, noise, rule, run).end.max_steps
    printed, corrected = closed_references(landscape, noise, rule, exit=run.exit, origin=run.origin)
    form, name = (printed, "closed form") if corrected.log_value is None else (corrected, "closed form, corrected")
    if form.log_value is None:
        return Choice("direct", f"no closed form tells beforehand how rare escapes are: {form.reason}")
    log_steps = form.log_value - math.log(form.time_step)
    told = f"{name}: {power_of_ten(log_steps)} steps on average"
    if log_steps > math.log(most / ROOM):
        return Choice("splitting", f"{told}, more than a third of max_steps={most}")
    return Choice("direct", f"{told}, no more than a third of max_steps={most}")


def settled(asked: Any) -> tuple[Any, str]:
    """Return a configuration with "auto" replaced by what it comes to, and why.

    Raises
    ------
    ValueError, TypeError
        As chosen_method.
    """
    if getattr(asked.run, "method", "") != "auto":
        return asked, ""
    landscape, noise, rule = asked.build()
    choice = chosen_method(landscape, noise, rule, asked.run)
    return asked._replace(run=asked.run._replace(method=choice.method)), choice.because


def power_of_ten(logarithm: float) -> str:
    """Return exp(logarithm) in two digits, however large."""
    power = math.floor(logarithm / math.log(10.0))
    digits = round(math.exp(logarithm - power * math.log(10.0)), 1)
    return f"{digits:.1f}e{power:+03d}" if digits < 10.0 else f"1.0e{power + 1:+03d}"
