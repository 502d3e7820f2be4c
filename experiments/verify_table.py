"""A verification as a readable page, at most 80 columns wide where it is not on a terminal."""

import sys
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .verdict import AGREES, DIFFERS, NO_REFERENCE, UNDERPOWERED
from .verification.setting import RUNGS
from .verify import FALSE_ALARM, Comparison, Row, Verification

HEADINGS = {
    "exact_discrete": "iteration",
    "exact_diffusion": "diffusion",
    "closed_form": "printed",
    "corrected": "ours",
}
MARKS = {AGREES: " ", DIFFERS: "*", UNDERPOWERED: "?", NO_REFERENCE: " "}


def show(found: Verification) -> None:
    """Print a verification on stdout."""
    from ..theory.statements import STATEMENTS

    console = Console(file=sys.stdout, highlight=False)
    with console.capture() as page:
        for statement, rows in groupby(found.rows, key=lambda row: row.statement):
            listed = list(rows)
            console.print(Text(f"{statement}: {STATEMENTS[statement]}", "bold"))
            explained: set[str] = set()
            for _, of_one in groupby(listed, key=lambda row: row.setting):
                _setting(console, list(of_one), explained)
            for line in _summary(listed):
                console.print(Text("  " + line))
            console.print()
        for line in _notes(found):
            console.print(Text(line))
    print("\n".join(line.rstrip() for line in page.get().splitlines()))


def _setting(console: Console, rows: list[Row], explained: set[str]) -> None:
    console.print(Text("  " + rows[0].setting))
    for line in _outside(rows, explained):
        console.print(Text("  " + line))
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("", min_width=22)
    for heading in ("measured", "+-", *HEADINGS.values()):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        ratios = (_ratio(row.comparisons[rung]) for rung in RUNGS)
        mark = "o" if row.outside else " "
        table.add_row(f"{mark} {row.quantity}", f"{row.measured:.4g}", _width(row), *ratios)
    console.print(table)


def _outside(rows: list[Row], explained: set[str]) -> Iterator[str]:
    """Yield each bound of the regime that is broken, with the numbers that break it, and its reason once."""
    broken: dict[tuple[str, str], list[str]] = {}
    for phrase in dict.fromkeys(phrase for row in rows for phrase in row.outside):
        name, _, rest = phrase.partition(" = ")
        value, _, bound = rest.partition(" is ")
        broken.setdefault((name, bound), []).append(value)
    for (name, bound), values in broken.items():
        bound, _, reason = bound.partition(": ")
        told = f": {reason}" if reason and reason not in explained else ""
        explained.add(reason)
        yield f"o outside the regime: {name} = {', '.join(values)} is {bound}{told}"


def _width(row: Row) -> str:
    """Return how far the interval reaches at most, in percent of the estimate."""
    if row.measured == 0.0:
        return "-"
    return f"{100.0 * max(row.high - row.measured, row.measured - row.low) / abs(row.measured):.2g} %"


def _ratio(comparison: Comparison) -> str:
    return "- " if comparison.ratio is None else f"{comparison.ratio:.4g}{MARKS[comparison.outcome]}"


def _summary(rows: list[Row]) -> Iterator[str]:
    """Yield how each rung fared, inside the statement's regime and outside."""
    for rung in RUNGS:
        for inside in (True, False):
            chosen = [row.comparisons[rung] for row in rows if (not row.outside) is inside]
            judged = [each for each in chosen if each.ratio is not None]
            if judged:
                yield f"{HEADINGS[rung]}, {'inside' if inside else 'outside'} the regime: {_told(judged)}"


def _told(judged: list[Comparison]) -> str:
    parts = []
    for outcome in (AGREES, DIFFERS, UNDERPOWERED):
        those = [each for each in judged if each.outcome == outcome]
        if not those:
            continue
        text = f"{outcome} at {len(those)}"
        if outcome == DIFFERS:
            worst = max(those, key=lambda each: abs(_log(each.ratio)))
            text += f", most by {_percent(worst.ratio)} [{_percent(worst.low)}, {_percent(worst.high)}]"
        parts.append(text)
    return "; ".join(parts)


def _log(ratio: Any) -> float:
    from math import inf, log

    return log(ratio) if ratio > 0.0 else inf


def _percent(ratio: Any) -> str:
    return f"{100.0 * (ratio - 1.0):+.3g} %"


def _notes(found: Verification) -> Iterator[str]:
    yield (
        "Ratios are measured over predicted: by what is exact for the iteration, for its diffusion, by the statement as"
        " printed, by ours. * differs, ? underpowered (run more), no mark: agrees. +- is how far the interval reaches,"
        " at the level"
        f" 1 - {FALSE_ALARM:g}/{found.comparisons}: one false alarm in {1 / FALSE_ALARM:.0f} runs over all"
        f" {found.comparisons} comparisons."
    )
    wrong = found.contradictions
    if wrong:
        yield (
            "CONTRADICTED: the simulation differs from what is exact for its own iteration: "
            + "; ".join(f"{row.statement}, {row.setting}, {row.quantity}" for row in wrong)
        )
    else:
        yield "No simulation contradicts what is exact for its own iteration."
    yield f"seed {found.seed}, {found.seconds:.3g} s" + (
        "; interrupted: this is what was done by then" if found.interrupted else ""
    )
