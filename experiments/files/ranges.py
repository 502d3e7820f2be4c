"""Ranges of an experiment file: from, to and a count or a step become numbers, the same on every machine."""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from ..refusals import InputError, nearest
from .toml_values import real, shown, whole

KEYS = ("from", "to", "count", "step", "spacing")
SPACINGS = ("linear", "log")
DIGITS = 12
"""Digits of the numbers between the ends of a logarithmic range: what all machines agree on."""
ROUNDING = Decimal("1e-9")
"""A share of a step by which ``to`` may miss a multiple."""


def is_range(value: Any) -> bool:
    """Say whether a value of a file is meant as a range."""
    return isinstance(value, dict) and bool({"from", "to", "count", "step"} & set(value))


def numbers(name: str, value: dict[str, Any], most: int, *, wholes: bool) -> Sequence[int | float]:
    """Return the numbers of a range, both ends exact.

    Parameters
    ----------
    name
        What to call it in a message.
    value
        Has from, to, and either count (with spacing "linear" or "log") or step.
    most
        More numbers are refused before they are made.
    wholes
        Whether all must be whole: a logarithmic range is then rounded, and repeats are left out.

    Raises
    ------
    InputError
        Where it describes no range.
    """
    for key in value:
        if key not in KEYS:
            raise InputError(
                f"{name} has no key {shown(key)}{nearest(key, KEYS, '; a range has from, to, and count or step')}"
            )
    for key in ("from", "to"):
        if key not in value:
            raise InputError(f"{name} needs {key}: a range is {{ from, to, count }} or {{ from, to, step }}")
    if ("count" in value) == ("step" in value):
        both = "either count or step, not both" if "count" in value else "count or step"
        raise InputError(f"{name} needs {both}")
    take = whole if wholes else real
    low, high = (_finite(f"{name}.{key}", take(f"{name}.{key}", value[key])) for key in ("from", "to"))
    if low == high:
        raise InputError(f"{name} goes from {shown(low)} to itself; write a list of one")
    spacing = value.get("spacing", "linear")
    if spacing not in SPACINGS:
        near = nearest(spacing, SPACINGS) if isinstance(spacing, str) else ""
        raise InputError(f'{name}.spacing={shown(spacing)} must be "linear" or "log"{near}')
    if "step" in value:
        if spacing == "log":
            raise InputError(f'{name} has spacing="log", which goes with count, not with step')
        step = _finite(f"{name}.step", take(f"{name}.step", value["step"]))
        return _by_step(name, low, high, step, most, wholes=wholes)
    count = whole(f"{name}.count", value["count"])
    if count < 2:
        raise InputError(f"{name}.count={count} must be at least 2: both ends belong to a range")
    if count > most:
        raise InputError(f"{name}.count={shown(count)} must be at most {most:,}")
    if spacing == "log":
        return _by_factor(name, low, high, count, wholes=wholes)
    return _by_count(name, low, high, count, wholes=wholes)


def _by_count(name: str, low: float, high: float, count: int, *, wholes: bool) -> Sequence[int | float]:
    if wholes:
        gap, rest = divmod(int(high) - int(low), count - 1)
        if rest:
            raise InputError(
                f"{name} has {count} values from {low} to {high}, which are not all whole: give a step instead"
            )
        return range(int(low), int(high) + (1 if gap > 0 else -1), gap)
    first, width = _decimal(low), _decimal(high) - _decimal(low)
    between = [float(first + width * k / (count - 1)) for k in range(1, count - 1)]
    return [low, *between, high]


def _by_step(name: str, low: float, high: float, step: float, most: int, *, wholes: bool) -> Sequence[int | float]:
    if step == 0.0:
        raise InputError(f"{name}.step=0 must not be 0")
    first, width, gap = _decimal(low), _decimal(high) - _decimal(low), _decimal(step)
    if (width > 0) != (gap > 0):
        raise InputError(f"{name}.step={shown(step)} leads away from to={shown(high)}")
    # Compared before it is divided: the quotient may have more digits than Decimal keeps.
    if abs(width) > abs(gap) * most:
        raise InputError(f"{name} has more than {most:,} values")
    if wholes:
        steps = (int(high) - int(low)) // int(step)
    else:
        steps = int((width / gap + ROUNDING).to_integral_value("ROUND_FLOOR"))
    if steps == 0:
        raise InputError(f"{name}.step={shown(step)} is longer than the way from {shown(low)} to {shown(high)}")
    if wholes:
        return range(int(low), int(low) + steps * int(step) + (1 if step > 0 else -1), int(step))
    last = first + gap * steps
    ends = high if abs(last - first - width) <= abs(gap) * ROUNDING else float(last)
    return [low, *(float(first + gap * k) for k in range(1, steps)), ends]


def _by_factor(name: str, low: float, high: float, count: int, *, wholes: bool) -> Sequence[int | float]:
    if not (low > 0 and high > 0):
        least = low if low <= 0 else high
        raise InputError(f'{name} has spacing="log" and an end at {shown(least)}; both must be above 0')
    start, width = math.log(low), math.log(high) - math.log(low)
    between = [float(f"{math.exp(start + width * k / (count - 1)):.{DIGITS}g}") for k in range(1, count - 1)]
    if not wholes:
        return [low, *between, high]
    return list(dict.fromkeys([int(low), *map(round, between), int(high)]))


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value))


def _finite(name: str, value: Any) -> Any:
    if not math.isfinite(value):
        raise InputError(f"{name}={shown(value)} must be finite")
    return value
