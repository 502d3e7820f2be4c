"""A regime plane: two dimensionless numbers, and a statement's closed forms over what is exact, point by point."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Report: TypeAlias = Callable[[float, str], None]
"""Called with the share that is done and what is under way."""

PRINTED, OURS = "printed", "ours"
"""The forms that are compared: the statement as printed, and with our correction."""
SAME = 1e-6
"""Difference of the logarithms below which two forms are one."""


class Axis(NamedTuple):
    """One number of a plane, on a logarithmic axis.

    Parameters
    ----------
    label
        The number in symbols, plain text.
    tex
        The same for a figure, with what it is in words.
    low, high
        Range.
    unit
        The number is a whole multiple of it; 0 where it is any.
    centred
        Whether the middle of the range, where something turns, is always among the values.
    """

    label: str
    tex: str
    low: float
    high: float
    unit: float = 0.0
    centred: bool = False

    def values(self, points: int) -> Array:
        """Return about so many values, rising, evenly spaced in the logarithm: fewer of a unit, one more to be odd."""
        x = np.geomspace(self.low, self.high, points | 1 if self.centred else points)
        return np.unique(np.maximum(np.round(x / self.unit), 1.0)) * self.unit if self.unit else x


class Row(NamedTuple):
    """A row of a plane, n points along x.

    Parameters
    ----------
    log_ratios
        Form -> ln(closed form / exact), (n,); nan where there is no such point, or nothing exact.
    numbers
        Name -> dimensionless number, (n,).
    """

    log_ratios: dict[str, Array]
    numbers: dict[str, Array]


RowOf: TypeAlias = Callable[[Array, float], Row]
"""(x, y) -> Row: values along x (n,) at one y."""


class Candidate(NamedTuple):
    """A number that may bound the regime, from below or from above."""

    number: str
    below: bool


class Mark(NamedTuple):
    """A run worth seeing on the plane."""

    x: float
    y: float


class Plane(NamedTuple):
    """Where a statement is compared with what is exact.

    Parameters
    ----------
    name
        Short name, unlike those of the statement's other planes.
    says
        What is compared with what, and what is held.
    x, y
        The axes.
    row
        What is evaluated.
    candidates
        Numbers in which the regime is looked for, three at most.
    points
        How many values along x and y by default.
    upper
        Whether the statement is an upper bound: it then holds wherever it is not below what is exact.
    never
        Why the printed form holds nowhere on the plane; empty where it does somewhere.
    own
        Whether its bounds are not the statement's but its own: another form, or a limit of it.
    marks
        Runs that are shown: those that the statement is verified on.
    """

    name: str
    says: str
    x: Axis
    y: Axis
    row: RowOf
    candidates: tuple[Candidate, ...]
    points: tuple[int, int] = (49, 49)
    upper: bool = False
    never: str = ""
    own: bool = False
    marks: tuple[Mark, ...] = ()


class Scan(NamedTuple):
    """A plane, evaluated.

    Parameters
    ----------
    plane
        The plane.
    x, y
        Values along the axes, (n,) and (m,).
    log_ratios
        Form -> ln(closed form / exact), (m, n).
    numbers
        Name -> dimensionless number, (m, n).
    """

    plane: Plane
    x: Array
    y: Array
    log_ratios: dict[str, Array]
    numbers: dict[str, Array]

    def error(self, form: str = PRINTED) -> Array:
        """Return the relative error of a form, (m, n): of an upper bound, by how much it is too low."""
        ratio = np.exp(self.log_ratios[form])
        return np.asarray(np.maximum(1.0 - ratio, 0.0) if self.plane.upper else np.abs(ratio - 1.0))


def scan(plane: Plane, points: int | None = None, report: Report | None = None) -> Scan:
    """Evaluate a plane on a grid; a correction that corrects nothing anywhere on it is left out.

    Parameters
    ----------
    plane
        The plane.
    points
        Values along each axis; the plane's own if left out.
    report
        Told the share that is done and the plane's name.
    """
    across, up = plane.points if points is None else (points, points)
    x, y = plane.x.values(across), plane.y.values(up)
    rows = []
    with np.errstate(all="ignore"):
        for k, value in enumerate(y):
            if report is not None:
                report(k / len(y), plane.name)
            rows.append(plane.row(x, float(value)))
    ratios = {form: np.array([row.log_ratios[form] for row in rows]) for form in rows[0].log_ratios}
    if OURS in ratios and np.allclose(ratios[OURS], ratios[PRINTED], rtol=0.0, atol=SAME, equal_nan=True):
        del ratios[OURS]
    names = rows[0].numbers
    return Scan(
        plane,
        x,
        y,
        ratios,
        {name: np.array([np.broadcast_to(row.numbers[name], x.shape) for row in rows]) for name in names},
    )
