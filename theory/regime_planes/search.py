"""The largest regime within which a form is as exact as is asked, looked for in round bounds on a few numbers."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..regimes import Bound
from .plane import PRINTED, Array, Candidate, Scan

Mask = npt.NDArray[np.bool_]

MANTISSAS = (1.0, 1.02, 1.05, 1.1, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 9.5)
"""Bounds are one of these times a power of ten."""
FINE = 97
"""Points along each axis that a scan is interpolated to, linearly in all logarithms, before bounds are looked for."""
MARGIN = 0.97
"""Share of the error that is asked for at which bounds are looked for: points between those of the grid have more."""


class Regime(NamedTuple):
    """What was found.

    Parameters
    ----------
    bounds
        None where no bound on the plane's numbers leaves a point at which the form is exact enough.
    share
        Share of the planes' logarithmic area that lies within.
    worst
        Largest error within.
    """

    bounds: tuple[Bound, ...] | None
    share: float
    worst: float


class _Cells(NamedTuple):
    """The points of some scans in one row: their numbers (nan where a plane has none), and the error at each."""

    numbers: dict[str, Array]
    error: Array


def within(numbers: dict[str, Array], bounds: Sequence[Bound]) -> Mask:
    """Return where these numbers break none of the bounds; one that is missing, or nan, breaks none."""
    shape = next(iter(numbers.values())).shape
    inside = np.ones(shape, dtype=np.bool_)
    for bound in bounds:
        if bound.number in numbers:
            value = numbers[bound.number]
            inside &= ~(value > bound.value if bound.below else value < bound.value)
    return inside


def find(scans: Sequence[Scan], tolerance: float, form: str = PRINTED) -> Regime:
    """Return bounds within which a form is within a tolerance on all of these scans.

    On each plane the largest such region is looked for, in points of its grid; the bounds of all planes together are
    then loosened one by one as far as none is broken by it. So each bound is needed.

    Parameters
    ----------
    scans
        Planes of one statement, evaluated.
    tolerance
        Largest relative error.
    form
        Which form.

    Notes
    -----
    A bound never lies beyond the last good point of the finer grid, and errors are asked to stay below MARGIN of the
    tolerance, so that points between those of the scan are within it too.
    """
    scans = [refined(scan) for scan in scans]
    every, strict = _cells(scans, form), MARGIN * tolerance
    tightest: dict[Candidate, float] = {}
    for scan in scans:
        for candidate, value in _largest(scan, strict, form).items():
            before = tightest.get(candidate, value)
            tightest[candidate] = min(before, value) if candidate.below else max(before, value)
    loosened = _loosened(tightest, every, strict)
    bounds = tuple(Bound(c.number, value, c.below) for c, value in loosened.items())
    inside = within(every.numbers, bounds)
    bad = every.error > strict
    if not np.any(inside) or np.any(bad & inside):
        return Regime(None, 0.0, 0.0)
    return Regime(bounds, float(inside.mean()), float(every.error[inside].max()))


def refined(scan: Scan) -> Scan:
    """Return the same plane on a grid of FINE points or more along each axis, the old points among them."""
    up, across = (max(1, -(-(FINE - 1) // (len(values) - 1))) for values in (scan.y, scan.x))

    def finer(a: Array) -> Array:
        return _between(_between(a, up, 0), across, 1)

    with np.errstate(divide="ignore", invalid="ignore"):  # a number may be 0
        numbers = {name: np.exp(finer(np.log(a))) for name, a in scan.numbers.items()}
    return scan._replace(
        x=np.exp(_between(np.log(scan.x), across, 0)),
        y=np.exp(_between(np.log(scan.y), up, 0)),
        log_ratios={form: finer(a) for form, a in scan.log_ratios.items()},
        numbers=numbers,
    )


def _between(a: Array, pieces: int, axis: int) -> Array:
    """Return the values on a grid so many times as fine along an axis, linearly interpolated."""
    at = np.arange((a.shape[axis] - 1) * pieces + 1) / pieces
    first = at.astype(int)
    left, right = a.take(first, axis), a.take(np.minimum(first + 1, a.shape[axis] - 1), axis)
    share = (at - first).reshape(-1, *[1] * (a.ndim - axis - 1))
    return np.asarray(np.where(share == 0.0, left, (1.0 - share) * left + share * right))


def _cells(scans: Sequence[Scan], form: str) -> _Cells:
    names = dict.fromkeys(name for scan in scans for name in scan.numbers)
    kept = [np.isfinite(scan.log_ratios[form]) for scan in scans]
    error = np.concatenate([scan.error(form)[keep] for scan, keep in zip(scans, kept, strict=True)])
    numbers = {
        name: np.concatenate(
            [
                scan.numbers[name][keep] if name in scan.numbers else np.full(int(keep.sum()), np.nan)
                for scan, keep in zip(scans, kept, strict=True)
            ]
        )
        for name in names
    }
    return _Cells(numbers, error)


def _largest(scan: Scan, tolerance: float, form: str) -> dict[Candidate, float]:
    """Return the round bounds that leave most points of one scan, and none that is bad; none where none are left."""
    cells = _cells([scan], form)
    bad = cells.error > tolerance
    candidates = [c for c in scan.plane.candidates if c.number in cells.numbers]
    best: tuple[int, tuple[float, ...]] = (0, ())
    for chosen, inside in _choices(candidates[:-1], cells.numbers, np.ones(len(bad), dtype=np.bool_)):
        if int(inside.sum()) <= best[0]:
            continue
        last, value = candidates[-1], cells.numbers[candidates[-1].number]
        limit = _loosest(last, value[inside], value[inside & bad])
        if limit is None:
            continue
        left = int(np.sum(inside & ~_beyond(last, value, limit)))
        if left > best[0]:
            best = (left, (*chosen, limit))
    return dict(zip(candidates, best[1], strict=True)) if best[0] else {}


def _choices(
    candidates: Sequence[Candidate], numbers: dict[str, Array], inside: Mask
) -> Iterator[tuple[tuple[float, ...], Mask]]:
    """Yield every choice of round bounds on these candidates, and what it leaves."""
    if not candidates:
        yield (), inside
        return
    first, value = candidates[0], numbers[candidates[0].number]
    for limit in _tried(first, value[inside]):
        left = inside & ~_beyond(first, value, limit)
        for others, rest in _choices(candidates[1:], numbers, left):
            yield (limit, *others), rest


def _beyond(candidate: Candidate, values: Array, limit: float) -> Mask:
    return np.asarray(values > limit if candidate.below else values < limit)


def _loosest(candidate: Candidate, values: Array, bad: Array) -> float | None:
    """Return the loosest round bound on this side of the last value before the bad ones; None where there is none."""
    tried = _tried(candidate, values)
    if not len(bad):
        return tried[0] if tried else None
    good = values[values < bad.min()] if candidate.below else values[values > bad.max()]
    if not len(good):
        return None
    last = float(good.max() if candidate.below else good.min())
    return next((r for r in tried if (r <= last if candidate.below else r >= last)), None)


def _tried(candidate: Candidate, values: Array) -> list[float]:
    """Return round bounds among the values, and one that leaves all of them; the loosest first."""
    if not len(values):
        return []
    low, high = float(values.min()), float(values.max())
    powers = range(int(np.floor(np.log10(low))) - 1, int(np.ceil(np.log10(high))) + 2)
    rounded = [float(f"{mantissa}e{power}") for power in powers for mantissa in MANTISSAS]
    if candidate.below:
        above = next(r for r in rounded if r >= high)
        return [r for r in reversed(rounded) if low <= r <= above]
    under = next(r for r in reversed(rounded) if r <= low)
    return [r for r in rounded if under <= r <= high]


def _loosened(tightest: dict[Candidate, float], cells: _Cells, tolerance: float) -> dict[Candidate, float]:
    """Loosen each bound as far as no bad point comes in, and drop those that are not needed."""
    bad = cells.error > tolerance
    bounds = dict(tightest)
    for candidate in tightest:
        others = [Bound(c.number, value, c.below) for c, value in bounds.items() if c != candidate]
        let_in = bad & within(cells.numbers, others)
        if not np.any(let_in):
            del bounds[candidate]
            continue
        value = cells.numbers[candidate.number]
        limit = _loosest(candidate, value[np.isfinite(value)], value[let_in])
        if limit is not None:
            bounds[candidate] = limit
    return bounds
