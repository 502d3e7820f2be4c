"""Which trajectories of a setting are there, and which are still to be run.

Raw results have rows: a trajectory each, or a group of trajectories whose sums are only right for the whole group. All
here counts in rows of ``grain`` trajectories; the last row of a range may be shorter.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Piece(NamedTuple):
    """Rows to take from one of the units that are there.

    Parameters
    ----------
    source
        Its position in the list.
    start, stop
        First row to take, and the one after the last, counted from the unit's own beginning.
    """

    source: int
    start: int
    stop: int


def cover(held: Sequence[tuple[int, int]], total: int, grain: int) -> tuple[list[Piece], list[tuple[int, int]]]:
    """Return the pieces that make up trajectories [0, total) in order, and the ranges that are missing.

    Parameters
    ----------
    held
        Ranges (start, stop) of trajectories that are there; each starts at a multiple of grain. They may overlap.
    total
        N.
    grain
        Trajectories in a row.
    """
    order = sorted(range(len(held)), key=lambda k: (held[k][0], -held[k][1]))
    pieces: list[Piece] = []
    missing: list[tuple[int, int]] = []
    at = 0
    for k in order:
        start, stop = held[k][0], usable(held[k], total, grain)
        if stop <= max(at, start):  # nothing of it is of use
            continue
        if start > at:
            missing.append((at, start))
            at = start
        pieces.append(Piece(k, (at - start) // grain, -((start - stop) // grain)))
        at = stop
    if at < total:
        missing.append((at, total))
    return pieces, missing


def usable(held: tuple[int, int], total: int, grain: int) -> int:
    """Return up to where a range can be used for N trajectories: a row of another length than ours is left out."""
    start, stop = held
    if stop == total:
        return stop
    return max(start, min(stop, total) // grain * grain)


def cells(missing: Sequence[tuple[int, int]], size: int) -> list[tuple[int, int, int]]:
    """Cut missing ranges at the multiples of a unit's size: (number of the cell, start, stop).

    The number does not depend on what is there, so that every member of a job array counts alike.
    """
    found = []
    for start, stop in missing:
        at = start
        while at < stop:
            end = min((at // size + 1) * size, stop)
            found.append((at // size, at, end))
            at = end
    return found
