"""Which axis of a sweep lies along the page, which gives the curves of a panel, and which the panels."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from math import prod
from typing import NamedTuple

from ..sweep.naming import name_field
from ..sweep.reading import Dimension, Sweep
from .sweep_words import told, words

MOST_CURVES = 8
"""Curves of a panel."""
MOST_PANELS = 4
"""Panels beside and above each other."""
MOST_WRAPPED = 12
"""Panels of a single axis, in rows one below the other."""


class Part(NamedTuple):
    """An axis as far as it is drawn.

    Parameters
    ----------
    axis
        The whole of it.
    place
        Which of the sweep's axes it is.
    positions
        Those that are drawn.
    of
        How many there are to draw.
    names
        What each position of the whole axis is called.
    """

    axis: Dimension
    place: int
    positions: tuple[int, ...]
    of: int
    names: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many positions are drawn."""
        return len(self.positions)

    @property
    def numeric(self) -> bool:
        """Whether it has numbers."""
        return self.axis.values.dtype.kind in "iuf"

    @property
    def name_field(self) -> str:
        """The field that names what changes along it, or ""."""
        return name_field(self.axis)

    def at_most(self, count: int) -> "Part":
        """Return it with so many of its positions, the first and the last among them."""
        return self if self.size <= count else self._replace(positions=spread(self.positions, count))

    @property
    def note(self) -> str:
        """What to say of the positions that are left out; "" where none is."""
        if self.size == self.of:
            return ""
        only = f" ({self.names[self.positions[0]].rpartition(' = ')[2]})" if self.size == 1 else ""
        return f"{self.size} of {self.of} values of {words(self.axis.name).words}{only}"


Way = dict[int, int]
"""Place of an axis among the sweep's -> position on it."""


class Layout(NamedTuple):
    """What is drawn where.

    Parameters
    ----------
    x
        Along the page; None where nothing is varied.
    curves, columns, rows
        Whose combinations are the curves of a panel, and the panels beside and below each other.
    fixed
        Those that stay at one position.
    wrapped
        Panels in a row where those of one axis go on in the next; 0 where they do not.
    """

    x: Part | None
    curves: tuple[Part, ...]
    columns: tuple[Part, ...] = ()
    rows: tuple[Part, ...] = ()
    fixed: tuple[Part, ...] = ()
    wrapped: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of panels."""
        columns, rows = (prod(part.size for part in parts) for parts in (self.columns, self.rows))
        return (-(-columns // self.wrapped), self.wrapped) if self.wrapped else (rows, columns)

    @property
    def panels(self) -> list[tuple[Way, Way]]:
        """Where on the axes of the rows and of the columns each panel lies, row by row."""
        return list(itertools.product(ways(self.rows), ways(self.columns)))

    @property
    def notes(self) -> list[str]:
        """What is said of positions that are left out."""
        x = () if self.x is None else (self.x,)
        return [each.note for each in (*x, *self.curves, *self.columns, *self.rows, *self.fixed) if each.note]


def ways(parts: Sequence[Part]) -> Iterator[Way]:
    """Yield every combination of the positions of some axes, the last the fastest."""
    places = [part.place for part in parts]
    for positions in itertools.product(*(part.positions for part in parts)):
        yield dict(zip(places, positions, strict=True))


def spread(positions: Sequence[int], most: int) -> tuple[int, ...]:
    """Return at most so many of the positions, at equal distances where that leaves three or more."""
    last = len(positions) - 1
    if most == 1:
        return (positions[0],)
    count = next((each for each in range(min(most, last + 1), 2, -1) if last % (each - 1) == 0), most)
    return tuple(positions[round(k * last / (count - 1))] for k in range(count))


def layout(sweep: Sweep, x: str | None, places: Iterable[int], *, whole: bool = False) -> Layout:
    """Return what is drawn where.

    Parameters
    ----------
    sweep
        What was read.
    x
        Name of the axis along the page; the first with several numbers if left out.
    places
        Settings to draw, by their place in the order of the file.
    whole
        Whether every position is drawn, however many panels that takes.

    Raises
    ------
    InputError
        Where there is no such axis.
    """
    there = [sweep.places[place] for place in places]
    parts = []
    for k, axis in enumerate(sweep.axes.values()):
        positions = tuple(sorted({each[k] for each in there}))
        parts.append(Part(axis, k, positions, len(positions), tuple(told(axis))))
    along = _along(sweep, x, parts)
    others = [part for part in parts if part is not along]
    count = len({tuple(each[part.place] for part in others) for each in there})
    open_ = [part for part in others if part.size > 1]
    still = tuple(part for part in others if part.size == 1)
    if count <= MOST_CURVES:
        return Layout(along, tuple(others))
    curves = _curves(open_)
    rest = [part for part in open_ if part is not curves]
    if whole:
        return Layout(along, (curves, *still), tuple(rest))
    return _panels(Layout(along, (curves.at_most(MOST_CURVES), *still)), rest)


def _along(sweep: Sweep, x: str | None, parts: Sequence[Part]) -> Part | None:
    if x is not None:
        axis = sweep.axis(x)
        return next(part for part in parts if part.axis.name == axis.name)
    varied = [part for part in parts if part.size > 1]
    return next(iter([*(part for part in varied if part.numeric), *varied]), None)


def _curves(parts: Sequence[Part]) -> Part:
    """Return the axis that gives the curves of a panel: the rule, or the one with the fewest positions."""
    rules = [part for part in parts if part.name_field == "rule.name" or part.axis.name == "rule"]
    fewest = min(reversed(parts), key=lambda part: part.size)
    return next((part for part in rules if part.size <= MOST_CURVES), fewest)


def _panels(base: Layout, rest: Sequence[Part]) -> Layout:
    if not rest:
        return base
    if len(rest) == 1:
        part = rest[0].at_most(MOST_WRAPPED) if rest[0].size > MOST_WRAPPED else rest[0]
        beside = 3 if part.size in (5, 6, 9) else MOST_PANELS
        return base._replace(columns=(part,), wrapped=beside if part.size > MOST_PANELS else 0)
    # The longest goes down, the two shortest together across; of more than three the longest stay where they are.
    ranked = sorted(rest, key=lambda part: part.size)
    fixed = tuple(part.at_most(1) for part in ranked[3:])
    if len(ranked) == 2:
        rows, columns = [ranked[0]], [ranked[1]]
    else:
        rows, columns = [ranked[2]], sorted(ranked[:2], key=lambda part: part.place)
    return base._replace(columns=_fitting(columns), rows=_fitting(rows), fixed=fixed)


def _fitting(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Return axes with so many of their positions as there is room for, the longest made shorter first."""
    found = list(parts)
    sizes = [part.size for part in parts]
    while prod(sizes) > MOST_PANELS:
        sizes[max(range(len(sizes)), key=sizes.__getitem__)] -= 1
    return tuple(part.at_most(size) for part, size in zip(found, sizes, strict=True))
