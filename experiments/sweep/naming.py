"""Short names of the positions of an axis: what tells them apart, and no more."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from .reading import Dimension, Sweep


def name_field(axis: Dimension) -> str:
    """Return the field that names what changes along an axis, as in "rule.name"; "" where only numbers change."""
    tables = axis.name not in axis.fields
    return next((each for each in axis.fields if each.endswith(".name") and (tables or each in axis.varying)), "")


def telling(axis: Dimension) -> list[tuple[str, dict[str, Any]]]:
    """Return what tells each position from the others: its name and, of those of one name, the fewest fields.

    Returns
    -------
    list of (str, dict[str, Any])
        For each position its name, "" where none changes, and field -> value, no field where the name says all.
    """
    named = name_field(axis)
    names = [str(value) for value in axis.fields[named]] if named else [""] * len(axis)
    found: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in names]
    for name in dict.fromkeys(names):
        group = [k for k, other in enumerate(names) if other == name]
        fields = {key: [values[k] for k in group] for key, values in axis.fields.items() if key != named}
        for key in _fewest(fields) if len(group) > 1 or not named else ():
            for k in group:
                found[k][1][key] = axis.fields[key][k]
    return found


def short_names(axis: Dimension) -> list[str]:
    """Return what a table calls each position of an axis: its label without the fields that tell nothing."""
    if axis.name in axis.fields:
        return [str(label) for label in axis.labels]
    parts = telling(axis)
    texts = [
        " ".join([name, *(f"{key.partition('.')[2]}={_text(value)}" for key, value in fields.items())]).strip()
        for name, fields in parts
    ]
    return texts if len(set(texts)) == len(texts) and all(texts) else [str(label) for label in axis.labels]


def labels(sweep: Sweep) -> dict[str, list[str]]:
    """Return the name of each axis over whole tables -> the short name of its position in each setting."""
    found = {}
    for k, axis in enumerate(sweep.axes.values()):
        if axis.name not in axis.fields:
            names = short_names(axis)
            found[axis.name] = [names[place[k]] for place in sweep.places]
    return found


def _fewest(fields: dict[str, list[Any]]) -> Sequence[str]:
    """Return the fewest fields, the first ones, that differ between all; all that vary where no two will do."""
    varying = [key for key, values in fields.items() if len(set(map(str, values))) > 1]
    if not varying:
        return list(fields)[:1]
    best = max(len(set(zip(*(map(str, fields[key]) for key in varying), strict=True))), 1)
    for count in (1, 2):
        for keys in combinations(varying, count):
            if len(set(zip(*(map(str, fields[key]) for key in keys), strict=True))) == best:
                return keys
    return varying


def _text(value: Any) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)
