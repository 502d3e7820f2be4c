"""The folder of a sweep."""

import os
import shlex
from typing import Any

from ..figures.style import RULE_LOOKS
from ..figures.sweep import alt, draw
from ..sweep.amounts import AMOUNTS
from ..sweep.quantities import BEST
from ..sweep.reading import Setting, Sweep, load
from ..sweep.summary import MOST_FORMS, Totals, judged, totals
from ..sweep.summary_table import counted
from ..sweep.wording import duration
from ..table import REFERENCES
from ..verdict import AGREES, DIFFERS, NO_REFERENCE
from .interface import CONTRADICTED, Block, Cell, Claim, Facts, Made, Mark, Picture, Prose, Section, Source, Table

MOST_ROWS = 200
"""Settings of which the page has a row."""
MOST_DAMAGED = 5
MOST_CAUTIONS = 3


def section(source: Source) -> Section:
    """Return a sweep as a section."""
    sweep = load(source.path.parent)
    found = totals(sweep)
    command = shlex.join(["saddlescape", "sweep", sweep.name, "--out", source.path.parent.resolve().name])
    blocks: list[Block] = [_facts(sweep, found), Picture(draw(sweep), alt(sweep), _caption(sweep)), _table(sweep)]
    if len(sweep) > MOST_ROWS:
        blocks.append(Prose(f"{MOST_ROWS} of {len(sweep):,} settings: saddlescape summary tells all."))
    if found.complete < found.settings:
        blocks.append(
            Prose(
                f"{found.settings - found.complete:,} of {found.settings:,} settings are not complete: the rows tell "
                f"what is known so far. Go on with: {command}"
            )
        )
    doubtful = [row.values["caution"] for row in sweep.rows() if row.values.get("caution")]
    if doubtful:
        count = f"{len(doubtful):,} of {len(sweep):,} settings"
        blocks.append(Prose(f"Cautions, for {count}: {'; '.join(list(dict.fromkeys(doubtful))[:MOST_CAUTIONS])}."))
    # A page does not tell where the folder lies on the machine that it was made on.
    blocks += [
        Prose(f"Damaged: {line.replace(f'{sweep.folder}{os.sep}', '')}") for line in sweep.damaged[:MOST_DAMAGED]
    ]
    title = f"Sweep {sweep.name}: {_over(sweep)}"
    made = Made(command, sweep.version, sweep.digest() or "", "all settings, each with its key and its raw results")
    return Section(title, _asked(sweep), tuple(_claims(sweep)), tuple(blocks), made, source.name)


def _over(sweep: Sweep) -> str:
    shape = " × ".join(f"{len(axis)} values of {name}" for name, axis in sweep.axes.items())
    return shape or "a single setting"


def _asked(sweep: Sweep) -> str:
    what = (
        "How long does a rule take to leave a minimum"
        if sweep.question == "escape"
        else "How fast does a rule spread from a saddle"
    )
    count = f"{len(sweep):,} settings" if len(sweep) != 1 else "One setting"
    return (
        f"{what}, setting by setting? {count} of the experiment file {sweep.name}. Where the sweep solved what is "
        "exact for the iteration, each complete setting is judged by it, with one false alarm in a thousand sweeps."
    )


def _facts(sweep: Sweep, found: Totals) -> Facts:
    pairs = [(name, ", ".join(_short(label) for label in axis.labels[:12]) + (", …" if len(axis) > 12 else ""))
             for name, axis in sweep.axes.items()]  # fmt: skip
    pairs += [
        ("settings", f"{found.complete:,} of {found.settings:,} complete"),
        *((name, f"{number:,} in {found.units:,} units of work") for name, number in counted(found).items()),
        ("steps", f"{found.steps:.4g}, {duration(found.seconds)} of one worker"),
    ]
    return Facts(tuple(pairs))


def _short(label: Any) -> str:
    return f"{label:.5g}" if isinstance(label, float) else str(label)


def _claims(sweep: Sweep) -> list[Claim]:
    """Return one claim for each outcome, with the most discrepant setting of it."""
    found = []
    for outcome, those in judged(sweep).items():
        setting, worst = those[0]
        count = f"{len(those):,} setting{'s' if len(those) > 1 else ''}"
        at = ", ".join(f"{name} = {_short(value)}" for name, value in setting.coordinates.items())
        said = "; ".join(text for text in (f"at {at}" if at else "", worst.where, worst.reason) if text)
        if worst.ratio is not None and worst.ratio == float("inf"):
            worst = worst._replace(ratio=None)
        kind = CONTRADICTED if outcome == DIFFERS else outcome
        compared = 0 if outcome == NO_REFERENCE else sum(verdict.comparisons for _, verdict in those)
        against = REFERENCES[worst.against]
        found.append(
            Claim(f"{count} of sweep {sweep.name}", against, kind, worst.ratio, worst.low, worst.high, compared, said)
        )
    return found


def _caption(sweep: Sweep) -> str:
    what = "Mean escape time" if sweep.question == "escape" else "Last recorded variance along the lowest curvature"
    stuck = any(row.values.get("escaped") == 0 for row in sweep.rows())
    bound = " An arrow upwards is a lower bound, where nothing escaped." if stuck else ""
    return f"{what} with its 95 % interval, beside the references that are known.{bound}"


def _table(sweep: Sweep) -> Table:
    escape = sweep.question == "escape"
    labelled = {name for axis in sweep.axes.values() if axis.name not in axis.fields for name in axis.fields}
    varied = {name: values for name, values in sweep.varied().items() if name not in labelled}
    measure = "mean time" if escape else "variance"
    headings = [
        *(varied or {"setting": []}),
        measure,
        "low",
        "high",
        *(["escaped", "censored", "diverged"] if escape else ["after steps"]),
        "trajectories",
        *(["repetitions", "cautions"] if escape else []),
        *(f"÷ {REFERENCES[name]}" for name in BEST),
        "verdict",
    ]
    closed = len(sweep) <= MOST_FORMS
    rows: list[tuple[Cell, ...]] = []
    for place, setting in enumerate(sweep.settings[:MOST_ROWS]):
        at = [_cell(values[place]) for values in varied.values()] or ["1"]
        rows.append((*at, *_cells(sweep, setting, escape=escape, closed=closed)))
    # What is 0 everywhere, or says no more than the column before it, is left out.
    for name, kept in {"escaped": True, "censored": False, "diverged": False, "trajectories": True,
                       "repetitions": True, "cautions": False}.items() if escape else ():  # fmt: skip
        cells = [row[headings.index(name)] for row in rows]
        if not any(cells) and not (kept and any(cell == 0 for cell in cells)):
            rows = _without(rows, headings.index(name))
    corrected, printed = (headings.index(f"÷ {REFERENCES[name]}") for name in ("corrected", "closed_form"))
    if all(row[corrected] == row[printed] for row in rows):
        rows = _without(rows, corrected)
    which = "Mean escape time in dynamical time" if escape else "Variance along the lowest curvature, at the last step"
    return Table(f"{which}, with its 95 % interval, and what it is over each reference", tuple(headings), rows)


def _without(rows: list[tuple[Cell, ...]], column: int) -> list[tuple[Cell, ...]]:
    return [(*row[:column], None, *row[column + 1 :]) for row in rows]


def _cells(sweep: Sweep, setting: Setting, *, escape: bool, closed: bool) -> list[Cell]:
    known = sweep.last(setting.values(closed=closed))
    outcome = known.get("verdict", "")
    outcome = CONTRADICTED if outcome == DIFFERS else outcome or AGREES
    counts = ("escaped", "censored", "diverged") if escape else ("steps",)
    amounts = (*AMOUNTS, "cautions") if escape else AMOUNTS[:1]
    cells: list[Cell] = [_number(known.get(name)) for name in ("mean" if escape else "variance", "low", "high")]
    cells += [None if name not in known else int(known[name]) for name in (*counts, *amounts)]
    for name in BEST:
        ratio = _number(known.get(f"{name}_ratio"))
        cells.append(Mark(ratio, outcome) if name == "exact_discrete" and ratio is not None else ratio)
    return [*cells, str(known.get("verdict", "")) or ("" if setting.complete else "not complete")]


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _cell(value: Any) -> Cell:
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    if isinstance(value, str):
        return RULE_LOOKS[value].label if value in RULE_LOOKS else value
    return value if isinstance(value, int) else float(value)
