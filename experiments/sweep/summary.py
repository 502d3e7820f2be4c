"""A sweep as it is told: the settings that were asked for, in order, with what is known of each."""

import shlex
from collections import Counter
from typing import Any, NamedTuple

from ... import __version__
from ..fields import plain
from ..verdict import Verdict
from . import quantities
from .amounts import AMOUNTS
from .filters import chosen, column, full_name
from .reading import Setting, Sweep

MOST_FORMS = 300
"""Settings for which closed forms are computed without being asked for by name: at 12 ms each."""


class Summary(NamedTuple):
    """What is told of a sweep.

    Parameters
    ----------
    sweep
        As it was read.
    places
        The settings that are told, in order.
    columns
        Quantities and fields that were asked for; the usual ones if empty.
    closed
        Whether closed forms are told.
    rows
        Rows of a page at most.
    """

    sweep: Sweep
    places: tuple[int, ...]
    columns: tuple[str, ...] = ()
    closed: bool = True
    rows: int = 200

    @property
    def settings(self) -> list[Setting]:
        """Return the settings that are told, in order."""
        return [self.sweep.settings[place] for place in self.places]

    def values(self, setting: Setting) -> dict[str, Any]:
        """Return what is known of a setting."""
        return setting.values(closed=self.closed)

    def as_json(self) -> dict[str, Any]:
        """Return everything as one plain object; what is infinite or undefined is null."""
        sweep = self.sweep
        found = totals(sweep)
        return dict(
            plain(
                {
                    "file": sweep.name,
                    "folder": str(sweep.folder),
                    "question": sweep.question,
                    "version": sweep.version,
                    "read_by": __version__,
                    "axes": {name: {"labels": axis.labels, **axis.fields} for name, axis in sweep.axes.items()},
                    "plan": sweep.plan._asdict(),
                    **found._asdict(),
                    "unsolved": sweep.unsolved(),
                    "verdicts": dict(verdicts(sweep)),
                    "digest": sweep.digest(),
                    "damaged": sweep.damaged,
                    "rows": [self._told(setting) for setting in self.settings],
                }
            )
        )

    def _told(self, setting: Setting) -> dict[str, Any]:
        known = self.values(setting)
        verdict = setting.verdict
        return {
            "number": setting.number,
            "coordinates": setting.coordinates,
            **{name: known.get(name) for name in self.sweep.quantities},
            "verdict_detail": None if verdict is None else verdict.detail,
            "configuration": setting.described,
        }


class Totals(NamedTuple):
    """How far a sweep is.

    Parameters
    ----------
    settings, complete
        Settings, and those of which nothing is left to run.
    units
        Finished units.
    trajectories, repetitions
        Trajectories, and repetitions of splittings, that count so far.
    missing
        How many of them are known to be missing.
    steps
        Steps taken.
    seconds
        Seconds of one worker that it took.
    """

    settings: int
    complete: int
    units: int
    trajectories: int
    repetitions: int
    missing: int
    steps: int
    seconds: float


def summary(
    sweep: Sweep, where: str | None = None, sort: str | None = None, columns: tuple[str, ...] = (), rows: int = 200
) -> Summary:
    """Return what is told of a sweep; raises InputError as ``filters.chosen`` does."""
    for name in columns:
        column(sweep, name, "--columns")
    places = tuple(chosen(sweep, where, sort))
    asked = any(name in sweep.quantities and sweep.quantities[name].closed for name in columns)
    closed = asked or _to_compute(sweep, places) <= MOST_FORMS
    return Summary(sweep, places, tuple(full_name(sweep, name) for name in columns), closed, rows)


def _to_compute(sweep: Sweep, places: tuple[int, ...]) -> int:
    rows = sweep.rows()
    return sum(not any(name in rows[place].values for name in quantities.CLOSED) for place in places)


def totals(sweep: Sweep) -> Totals:
    """Return how far a sweep is."""
    rows = sweep.rows()
    there, repeated = (sum(row.values.get(amount, 0) for row in rows) for amount in AMOUNTS)
    steps, seconds = sweep.effort()
    complete = sum(row.complete for row in rows)
    return Totals(len(rows), complete, sweep.units, there, repeated, sweep.missing(), steps, seconds)


def verdicts(sweep: Sweep) -> Counter[str]:
    """Return how many complete settings have each verdict."""
    return Counter(row.verdict.outcome for row in sweep.rows() if row.verdict is not None)


def judged(sweep: Sweep) -> dict[str, list[tuple[Setting, Verdict]]]:
    """Return the settings of each outcome of a verdict, the most discrepant first."""
    found: dict[str, list[tuple[Setting, Verdict]]] = {}
    for setting in sweep.settings:
        if setting.verdict is not None:
            found.setdefault(setting.verdict.outcome, []).append((setting, setting.verdict))
    for those in found.values():
        those.sort(key=lambda each: -_discrepancy(each[1]))
    return found


def _discrepancy(verdict: Verdict) -> float:
    """Return how far measured over exact is from 1, in half-widths of its interval."""
    if not verdict.ratio or not verdict.low or not verdict.high:
        return 0.0
    below, above = verdict.ratio - verdict.low, verdict.high - verdict.ratio
    width = below if verdict.ratio > 1.0 else above
    return abs(verdict.ratio - 1.0) / width if 0.0 < width < float("inf") else 0.0


def go_on(sweep: Sweep) -> str:
    """Return the command that runs what is missing."""
    return shlex.join(["saddlescape", "sweep", sweep.name, "--out", str(sweep.folder)])
