"""What would bring an escape within reach: the closed form solved for each field that moves it."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from ...dynamics.setting import check_stable
from ...theory.references import closed_references
from ..configuration import Configuration
from .wording import large

SLACK = 0.3
"""By how much ln tau may exceed what was asked for after rounding."""
_WALK = 40
_SMALLEST_STEP = 0.02


class Advice(NamedTuple):
    """A value of one field that would make an escape quick enough.

    Parameters
    ----------
    name
        Dotted name of the field, as in an experiment file.
    value
        What it would have to be.
    log_steps
        ln of the mean escape time in steps that the closed form gives there.
    effort
        |ln(value / what it is)|.
    """

    name: str
    value: float
    log_steps: float
    effort: float


def advice(configuration: Configuration, log_steps: float, most: int = 2) -> list[Advice]:
    """Return the changes of one field that make the mean escape time at most about exp(log_steps) steps.

    Each numeric field of the rule and the noise is tried, and the landscape's barrier, within the bounds of check() and
    of stability; the smallest changes first.

    Parameters
    ----------
    configuration
        An escape.
    log_steps
        ln of the steps that are wanted.
    most
        How many changes to return.
    """
    found = []
    for place, name, now in _numbers(configuration):
        solved = _solve(lambda x, place=place, name=name: _log_steps(configuration, place, name, x), now, log_steps)  # type: ignore[misc]
        if solved is not None:
            value, reached = solved
            word = configuration.parts[place].kind.word
            found.append(Advice(f"{word}.{name}", value, reached, abs(math.log(value / now))))
    return sorted(found, key=lambda each: each.effort)[:most]


def advised(found: list[Advice]) -> str:
    """Return advice in words: "noise.batch_size=0.9 or rule.lr=0.09 would make it 10^6 steps"; nothing for none."""
    if not found:
        return ""
    choices = " or ".join(f"{each.name}={each.value:g}" for each in found)
    return f"{choices} would make it {large(max(each.log_steps for each in found))} steps"


def _numbers(configuration: Configuration) -> Iterator[tuple[int, str, float]]:
    """Yield (part, field, value) of what can be changed."""
    built = configuration.build()
    for place, own in ((0, built[2]), (2, built[1]), (1, built[0])):
        part = configuration.parts[place]
        told = part.describe(own, configuration.values[place])
        for field in part.fields:
            value = told[field.name]
            if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value) or value == 0.0:
                continue
            if (place != 1 or field.name == "barrier") and not (field.name == "dt" and told.get("lr") is not None):
                yield place, field.name, float(value)


def _log_steps(configuration: Configuration, place: int, name: str, value: float) -> float | None:
    """Return ln of the mean escape time in steps with another value of a field, None where that is out of bounds."""
    values = list(configuration.values)
    values[place] = values[place] | {name: value}
    try:
        landscape, noise, rule = configuration._replace(values=tuple(values)).build()  # type: ignore[arg-type]
        way = landscape.escape()
        check_stable(landscape, rule, (way.minimum, way.far_minimum))
        run = configuration.run
        printed, ours = closed_references(landscape, noise, rule, exit=run.exit, origin=run.origin)
    except (ValueError, TypeError):
        return None
    for form in (ours, printed):
        if form.log_value is not None and math.isfinite(form.log_value):
            return form.log_value - math.log(form.time_step)
    return None


def _solve(at: Callable[[float], float | None], now: float, target: float) -> tuple[float, float] | None:
    """Return the nearest value, to two digits, at which a function has come down to a target, and what it is there."""
    here = at(now)
    if here is None or here <= target:
        return None
    for sign in (1.0, -1.0):
        step = sign * math.log(2.0)
        first = at(now * math.exp(step))
        while first is None and abs(step) > _SMALLEST_STEP:
            step *= 0.5
            first = at(now * math.exp(step))
        if first is not None and first < here - 1e-3 * abs(step):
            break
    else:
        return None
    high, high_log = now, here
    low, low_log = now * math.exp(step), first
    for _ in range(_WALK):
        if low_log <= target or abs(step) < _SMALLEST_STEP:
            break
        further = at(low * math.exp(step))
        if further is None or further >= low_log:
            step *= 0.5
        else:
            high, high_log, low, low_log = low, low_log, low * math.exp(step), further
    if low_log > target:
        return None
    for _ in range(12):
        if abs(math.log(low / high)) < 0.01:
            break
        # Between the secant and the middle: bisection alone is slow, the secant alone creeps.
        part = 0.5 * (0.5 + (high_log - target) / (high_log - low_log))
        between = high * (low / high) ** min(max(part, 0.05), 0.95)
        value = at(between)
        if value is None:
            break
        if value > target:
            high, high_log = between, value
        else:
            low, low_log = between, value
    for digits in (2, 3, 4):
        rounded = float(f"{low:.{digits - 1}e}")
        value = at(rounded)
        if value is not None and value <= target + SLACK:
            return rounded, value
    return low, low_log
