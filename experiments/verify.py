"""Is a statement true, where, and by how much is it off? Each is measured inside and outside its regime."""

import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .. import __version__
from .fields import plain
from .verdict import AGREES, DIFFERS, NO_REFERENCE, RESOLUTION, UNDERPOWERED
from .verification.setting import RUNGS, Known, Point, Setting

FALSE_ALARM = 0.01
"""Chance that a run of a correct program says "differs" anywhere where nothing does."""
SEEDS = 2**64 - 1000
"""Each setting takes the next seed, and there are fewer settings than these."""

Report: TypeAlias = Callable[[float, str], None]
"""Called with the share that is done and what is under way."""


class Comparison(NamedTuple):
    """A measurement against one prediction.

    Parameters
    ----------
    rung
        Which prediction.
    outcome
        AGREES, DIFFERS, UNDERPOWERED or NO_REFERENCE.
    ratio, low, high
        Measured over predicted, and its interval; None where there is no prediction.
    left_out
        Predicted over exact_discrete: what a coarser rung leaves out, without sampling; None where either is missing.
    known
        The prediction.
    """

    rung: str
    outcome: str
    ratio: float | None
    low: float | None
    high: float | None
    left_out: float | None
    known: Known


class Row(NamedTuple):
    """One number of a statement, measured and judged.

    Parameters
    ----------
    statement, setting, quantity
        What it is.
    measured, low, high
        The estimate and its interval.
    outside
        The bounds of the statement's regime that are broken here, as phrases; empty inside.
    regime
        The dimensionless numbers.
    upper
        Whether the statement is an upper bound.
    comparisons
        Rung -> Comparison.
    """

    statement: str
    setting: str
    quantity: str
    measured: float
    low: float
    high: float
    outside: list[str]
    regime: dict[str, float]
    upper: bool
    comparisons: dict[str, Comparison]


class Verification(NamedTuple):
    """All statements that were asked for, measured and judged.

    Parameters
    ----------
    rows
        One for each number.
    comparisons
        How many comparisons share the false-alarm rate.
    seed, quick, seconds, interrupted
        How it was run.
    """

    rows: list[Row]
    comparisons: int
    seed: int
    quick: bool
    seconds: float
    interrupted: bool

    @property
    def contradictions(self) -> list[Row]:
        """The rows in which the simulation differs from what is exact for the iteration: errors of the program."""
        return [row for row in self.rows if row.comparisons["exact_discrete"].outcome == DIFFERS]

    def as_json(self) -> dict[str, Any]:
        """Return everything as one plain object."""
        rows = []
        for row in self.rows:
            told = row._asdict() | {
                "inside": not row.outside,
                "comparisons": {
                    rung: {**each._asdict(), **each.known._asdict(), "known": None}
                    for rung, each in row.comparisons.items()
                },
            }
            for each in told["comparisons"].values():
                del each["known"]
            rows.append(told)
        return dict(
            plain(
                {
                    "rows": rows,
                    "contradictions": len(self.contradictions),
                    "comparisons": self.comparisons,
                    "false_alarm": FALSE_ALARM,
                    "resolution": RESOLUTION,
                    "seed": self.seed,
                    "quick": self.quick,
                    "interrupted": self.interrupted,
                    "seconds": self.seconds,
                    "version": __version__,
                }
            )
        )


def verify(
    statements: Sequence[str] | None = None, *, quick: bool = False, seed: int = 0, report: Report | None = None
) -> Verification:
    """Measure statements at several settings inside and outside their regimes, and judge every rung.

    The false-alarm rate of 1 % is that of the whole run: each interval has the level 1 - 0.01/m, m being the number of
    comparisons.

    Parameters
    ----------
    statements
        Names as in ``theory.statements.STATEMENTS``; all if left out.
    quick
        Fewer settings and trajectories.
    seed
        Seed of the random streams, in [0, 2^64 - 1000); each setting has its own.
    report
        Told the share that is done and what is under way.

    Raises
    ------
    ValueError
        Where there is no such statement.
    """
    from ..theory.statements import STATEMENTS

    if not 0 <= seed < SEEDS:
        raise ValueError(f"seed={seed} must lie in [0, 2^64 - 1000): each setting takes the next one")
    names = list(STATEMENTS) if statements is None else list(dict.fromkeys(statements))
    for name in names:
        if name not in STATEMENTS:
            raise ValueError(f"statement={name!r} must be one of {', '.join(STATEMENTS)}")
    began = time.perf_counter()
    planned = [(name, setting) for name in names for setting in settings_of(name, quick)]
    total = sum(setting.work for _, setting in planned)
    done = 0.0
    points: list[tuple[str, Setting, Point]] = []
    interrupted = False
    try:
        for k, (name, setting) in enumerate(planned):
            told = f"{name}: {setting.name}"
            if report is not None:
                report(done / total, told)

            def progress(share: float, base: float = done, own: float = setting.work, told: str = told) -> None:
                if report is not None:
                    report((base + share * own) / total, told)

            points += [(name, setting, point) for point in setting.measure(seed + k, progress)]
            done += setting.work
    except KeyboardInterrupt:
        interrupted = True
    number = sum(known.value is not None for _, _, point in points for known in point.known.values())
    level = 1.0 - FALSE_ALARM / max(number, 1)
    rows = [judge(name, setting.name, point, level) for name, setting, point in points]
    return Verification(rows, number, seed, quick, time.perf_counter() - began, interrupted)


def settings_of(statement: str, quick: bool) -> list[Setting]:
    """Return what is run for a statement."""
    module = import_module(f".verification.{statement.replace('-', '_')}", __package__)
    return module.settings(quick)  # type: ignore[no-any-return]


def judge(statement: str, setting: str, point: Point, level: float) -> Row:
    """Compare a measured number with all that is known of it, at one level."""
    from ..theory.regimes import outside

    low, high = point.interval(level)
    exact = point.known.get("exact_discrete", Known(None)).value
    comparisons = {rung: _compare(rung, point, point.known.get(rung, Known(None)), low, high, exact) for rung in RUNGS}
    broken = outside(statement, point.regime)
    return Row(
        statement, setting, point.quantity, point.measured, low, high, broken, point.regime, point.upper, comparisons
    )


def _compare(rung: str, point: Point, known: Known, low: float, high: float, exact: float | None) -> Comparison:
    if known.value is None:
        return Comparison(rung, NO_REFERENCE, None, None, None, None, known)
    value = known.value
    ratio, least, most = (float(np.divide(x, value)) for x in (point.measured, low, high))
    # A prediction's own numerical error widens what it may agree with.
    low, high = least * (1.0 - known.error), most * (1.0 + known.error)
    if point.upper and rung in ("closed_form", "corrected"):
        outcome = AGREES if high <= 1.0 else DIFFERS if low > 1.0 else UNDERPOWERED
    elif not low <= 1.0 <= high:
        outcome = DIFFERS
    else:
        outcome = AGREES if most < RESOLUTION * least else UNDERPOWERED
    left_out = None if exact is None or rung == "exact_discrete" else float(np.divide(value, exact))
    return Comparison(rung, outcome, ratio, least, most, left_out, known)
