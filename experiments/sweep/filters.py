"""Which settings of a sweep are told, and in what order: ``rule.lr>0.02, rule=sgd`` and ``-mean``."""

import operator
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..refusals import InputError, nearest, one_of
from .naming import labels
from .quantities import QUANTITIES
from .reading import Sweep, as_column, configured, is_same

KINDS = ("rule", "landscape", "noise")
TABLES = (*KINDS, "run")
_CONDITION = re.compile(r"\s*([^\s=<>!]+)\s*(==|=|!=|<=|>=|<|>)\s*(.*?)\s*")
_ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Condition(NamedTuple):
    """NAME OP VALUE.

    Parameters
    ----------
    name
        Of a column.
    sign
        "=", "!=", "<", "<=", ">" or ">=".
    value
        A number, True, False or a word.
    text
        What stands there.
    """

    name: str
    sign: str
    value: float | bool | str
    text: str


def conditions(text: str) -> list[Condition]:
    """Return the conditions that a text lists with commas between them, all of which are to hold.

    Raises
    ------
    InputError
        Where one is none.
    """
    found = []
    for part in text.split(","):
        parts = _CONDITION.fullmatch(part)
        if parts is None or not parts[3]:
            raise InputError(f"--where={text}: {part.strip()!r} is not NAME=VALUE (or !=, <, <=, >, >=)")
        name, sign, value = parts.groups()
        meant = _value(value)
        if sign in _ORDERS and (isinstance(meant, str | bool)):
            raise InputError(f"--where={text}: {name}{sign} needs a number, not {value!r}")
        found.append(Condition(name, "=" if sign == "==" else sign, meant, value))
    return found


def chosen(sweep: Sweep, text: str | None, order: str | None) -> list[int]:
    """Return the places in the order of the file of the settings that are told, in the order in which they are.

    Parameters
    ----------
    sweep
        What was read.
    text
        Conditions; none if left out.
    order
        Column to sort by, with a minus sign before it from the largest to the smallest; what has none comes last. The
        order of the file if left out.

    Raises
    ------
    InputError
        Where a condition or a column is none.
    """
    kept = np.ones(len(sweep), dtype=bool)
    for each in [] if text is None else conditions(text):
        held = _holds(column(sweep, each.name, f"--where={text}"), each, text or "")
        if each.name in KINDS and each.sign in ("=", "!="):
            # A label of a whole table says more than the name in it, and the table of the page less; each is meant.
            names = [[configured(one.described, each.name) for one in sweep.settings]]
            names += [told for axis, told in labels(sweep).items() if axis == each.name]
            for told in names:
                also = _holds(as_column(told), each, "")
                held = held | also if each.sign == "=" else held & also
        kept &= held
    places = np.flatnonzero(kept)
    if order is None:
        return [int(place) for place in places]
    name = order.removeprefix("-")
    values = column(sweep, name, f"--sort={order}")[places]
    if values.dtype == object:
        ranks = np.unique(values.astype(str), return_inverse=True)[1].astype(np.float64)
        ranks[values.astype(str) == ""] = np.nan
    else:
        ranks = values.astype(np.float64)
    return [int(place) for place in places[np.argsort(-ranks if order != name else ranks, kind="stable")]]


def column(sweep: Sweep, name: str, where: str) -> npt.NDArray[Any]:
    """Return a column by its name: a quantity, what is varied, or any field of the configurations.

    Raises
    ------
    InputError
        Where there is no such column; ``where`` says who asked.
    """
    if name in sweep.quantities:
        return sweep.table([name])[name]
    varied = sweep.varied()
    full = full_name(sweep, name)
    if full in varied:
        return as_column(varied[full])
    cells = [_configured(each.described, full) for each in sweep.settings]
    if all(cell is _NOTHING for cell in cells):
        known = known_columns(sweep)
        raise InputError(f"{where}: there is no column {name!r}{nearest(name, known, one_of(known))}")
    # Each rule and each method has fields of its own.
    return as_column([None if cell is _NOTHING else cell for cell in cells])


_NOTHING: Any = object()


def _configured(described: dict[str, Any], name: str) -> Any:
    try:
        return configured(described, name)
    except KeyError:
        return _NOTHING


def full_name(sweep: Sweep, name: str) -> str:
    """Return the dotted name of a field: its own, or that of the one varied field which ends in it."""
    varied = sweep.varied()
    ends = [each for each in varied if each.partition(".")[2] == name and name != "name"]
    return ends[0] if name not in varied and len(ends) == 1 else name


def known_columns(sweep: Sweep) -> list[str]:
    """Return the names of all columns, what is varied first."""
    described = sweep.settings[0].described
    fields = [f"{table}.{key}" for table in TABLES for key in described[table] if key != "name"]
    return list(dict.fromkeys([*sweep.varied(), *QUANTITIES[sweep.question], *fields, *KINDS]))


def _holds(values: npt.NDArray[Any], condition: Condition, text: str) -> npt.NDArray[np.bool_]:
    wanted = condition.value
    if condition.sign in _ORDERS:
        if values.dtype == object:
            raise InputError(f"--where={text}: {condition.name} has words: it is = or != one, not {condition.sign}")
        return np.asarray(_ORDERS[condition.sign](values.astype(np.float64), wanted))
    if values.dtype != object and isinstance(wanted, str):
        raise InputError(f"--where={text}: {condition.name} needs a number, not {wanted!r}")
    if values.dtype == object:
        wanted = condition.text
    elif values.dtype == bool:
        wanted = bool(wanted)
    same = np.array([is_same(value, wanted) for value in values.tolist()], dtype=bool)
    return same if condition.sign == "=" else ~same


def _value(text: str) -> float | bool | str:
    if text in ("true", "false"):
        return text == "true"
    try:
        return float(text)
    except ValueError:
        return text
