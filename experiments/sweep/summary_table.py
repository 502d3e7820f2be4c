"""A sweep as a readable page, at most 80 columns wide where it is not on a terminal."""

import math
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .amounts import AMOUNTS, in_words
from .filters import column
from .naming import labels
from .quantities import BEST
from .summary import Summary, Totals, go_on, totals, verdicts
from .wording import duration

DAMAGED = 5
"""Damaged shards that are named."""
COMMAND = "  "
"""Before a command, which is not broken in two lines."""
GAP = 2
"""Blanks between two columns."""
NOTES = {
    "exact_discrete": "exact for this iteration",
    "exact_diffusion": "exact for its diffusion",
    "corrected": "the closed form as corrected",
    "closed_form": "the closed form as printed",
}


class Column(NamedTuple):
    """A column of the page.

    Parameters
    ----------
    heading
        Above it.
    cells
        One for each setting that is shown.
    rank
        Where there is no room, those of the highest rank are left out first; 0 stays.
    name
        What ``--columns`` calls it.
    """

    heading: str
    cells: list[str]
    rank: int
    name: str

    @property
    def width(self) -> int:
        """Characters of its widest cell."""
        return max(len(each) for each in (self.heading, *self.cells))


def show(result: Summary) -> None:
    """Print a summary on stdout."""
    console = Console(file=sys.stdout, highlight=False)
    with console.capture() as page:
        console.print(_head(result))
        console.print()
        columns = _columns(result)
        kept = fitting(columns, console.width)
        if result.places:
            console.print(_table(kept))
        for line in _notes(result, [each.name for each in columns if each not in kept]):
            console.print(Text(line), soft_wrap=line.startswith(COMMAND))
    print("\n".join(line.rstrip() for line in page.get().splitlines()))


def fitting(columns: list[Column], width: int) -> list[Column]:
    """Return the columns that a page of this width has room for."""
    kept = list(columns)
    while sum(each.width + GAP for each in kept) - GAP > width and any(each.rank for each in kept):
        worst = max(range(len(kept)), key=lambda k: (kept[k].rank, k))
        del kept[worst]
    return kept


def _head(result: Summary) -> Table:
    sweep, found = result.sweep, totals(result.sweep)
    digest = sweep.digest()
    rows = [
        ("sweep", f"{sweep.name}, {sweep.question}; {sweep.folder}"),
        ("settings", f"{found.complete:,} of {found.settings:,} complete"),
        ("units", f"{found.units:,}, {in_words(counted(found))}"),
        ("steps", f"{found.steps:.4g}, {duration(found.seconds)} of one worker"),
    ]
    judged = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(verdicts(sweep).items()))
    if judged:
        rows.append(("verdicts", f"{judged}; against what is exact for the iteration"))
    rows.append(("digest", "- (not complete)" if digest is None else f"{digest[:16]}  (first 16 of 64)"))
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, said in rows:
        table.add_row(Text(name), Text(said))
    return table


def counted(found: Totals) -> dict[str, int]:
    """Return how many trajectories and repetitions there are so far, those that there are."""
    return {name: number for name in AMOUNTS if (number := getattr(found, name))}


def _table(columns: list[Column]) -> Table:
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False)
    for each in columns:
        words = each.name in ("verdict", "reference", "problem")
        table.add_column(each.heading, justify="left" if words else "right", overflow="fold", no_wrap=True)
    for cells in zip(*(each.cells for each in columns), strict=True):
        table.add_row(*map(Text, cells))
    return table


def _columns(result: Summary) -> list[Column]:
    sweep = result.sweep
    places = result.places[: result.rows] if result.rows else result.places
    varied = sweep.varied()
    told = {name for axis in sweep.axes.values() if axis.name not in axis.fields for name in axis.fields}
    varied |= labels(sweep)
    found = [
        Column(_short(name, varied), [number(values[place]) for place in places], 0, name)
        for name, values in varied.items()
        if name not in told
    ]
    if not result.columns:
        known = [result.values(sweep.settings[place]) for place in places]
        return found + (_escapes if sweep.question == "escape" else _spreads)(result, known)
    for name in result.columns:
        if name not in {each.name for each in found}:
            values = column(sweep, name, "--columns")
            cells = [number(values[place].item() if hasattr(values[place], "item") else values[place])
                     for place in places]  # fmt: skip
            cells = [cell[:16] for cell in cells] if name == "digest" else cells
            found.append(Column(name, cells, 1, name))
    return found


def _escapes(result: Summary, rows: list[dict[str, Any]]) -> list[Column]:
    split = [row["method"] == "splitting" for row in rows]
    shown = [
        Column("mean t", [_cell(row, "mean") for row in rows], 0, "mean"),
        Column("95 %", [_interval(row) for row in rows], 3, "low,high"),
    ]
    if any(split) and not all(split) and "run.method" not in result.sweep.varied():
        shown.append(Column("method", [row["method"] for row in rows], 5, "method"))
    if not all(split) or not rows:
        escaped = ["" if own else _of(row, "escaped") for own, row in zip(split, rows, strict=True)]
        shown.append(Column("escaped", escaped, 4, "escaped"))
    if any(split):
        told = [_of(row, "repetitions", "wanted") if own else "" for own, row in zip(split, rows, strict=True)]
        shown.append(Column("repetitions", told, 4, "repetitions"))
    if any(row.get("cautions") for row in rows):
        shown.append(Column("cautions", [str(row.get("cautions", "") or "") for row in rows], 2, "cautions"))
    shown.append(Column("steps", [_cell(row, "mean_steps") for row in rows], 6, "mean_steps"))
    return shown + _compared(result, rows)


def _spreads(result: Summary, rows: list[dict[str, Any]]) -> list[Column]:
    last = [result.sweep.last(row) for row in rows]
    shown = [
        Column("variance", [_cell(row, "variance") for row in last], 0, "variance"),
        Column("95 %", [_interval(row) for row in last], 3, "low,high"),
        Column("after steps", [_cell(row, "steps") for row in last], 5, "steps"),
        Column("number", [_of(row, "trajectories", "wanted") for row in last], 4, "trajectories"),
    ]
    return shown + _compared(result, last)


def _compared(result: Summary, rows: list[dict[str, Any]]) -> list[Column]:
    found = []
    if any("ratio" in row for row in rows):
        mixed = len(_references(rows)) > 1
        marks = {name: chr(ord("a") + k) for k, name in enumerate(_references(rows))} if mixed else {}
        cells = [f"{_cell(row, 'ratio', 4)}{marks.get(row.get('reference', ''), '')}" for row in rows]
        found.append(Column("ratio", cells, 2, "ratio"))
    if any(row.get("verdict") for row in rows):
        found.append(Column("verdict", [str(row.get("verdict", "")) for row in rows], 1, "verdict"))
    return found


def _notes(result: Summary, left_out: list[str]) -> Iterator[str]:
    sweep, found = result.sweep, totals(result.sweep)
    places = result.places[: result.rows] if result.rows else result.places
    rows = [result.values(sweep.settings[place]) for place in places]
    said = []
    if not result.columns:
        references = _references(rows)
        marked = [f"{chr(ord('a') + k)} {NOTES[name]}" for k, name in enumerate(references)]
        if references:
            over = NOTES[references[0]] if len(references) == 1 else "; ".join(marked)
            said.append(f"ratio: measured over {over}")
        if sweep.question == "saddle" and rows:
            said.append("variance along the lowest curvature at the last recorded step")
        if not result.closed:
            said.append(
                "closed forms of so many settings take a while and are left out: --columns=closed_form tells them"
            )
    if left_out:
        said.append(f"no room for {', '.join(left_out)}: --columns={','.join(left_out)} or a wider terminal")
    if len(places) < len(result.places):
        said.append(f"{len(places):,} of {len(result.places):,} settings; --rows=0 tells all")
    elif len(result.places) < len(sweep):
        said.append(f"{len(result.places):,} of {len(sweep):,} settings")
    doubtful = [row["caution"] for row in rows if row.get("caution")]
    if doubtful and not result.columns:
        more = f" (and more of {len(doubtful) - 1:,} others)" if len(doubtful) > 1 else ""
        said.append(f"caution: {doubtful[0]}{more}")
    problems = sorted({row["problem"] for row in rows if row.get("problem")})
    said += [f"no result: {line}" for line in problems[:DAMAGED]]
    said += [f"damaged: {line}" for line in sweep.damaged[:DAMAGED]]
    if len(sweep.damaged) > DAMAGED:
        said.append(f"damaged: {len(sweep.damaged) - DAMAGED:,} more shards")
    unsolved = sweep.unsolved()
    if unsolved:
        said.append(f"the exact references of {unsolved:,} setting{'s' if unsolved > 1 else ''} are not solved yet")
    if found.complete < found.settings:
        count = found.settings - found.complete
        those = "1 setting is" if count == 1 else f"{count:,} settings are"
        said.append(f"{those} not complete, {in_words(sweep.lacking(), ' and ')} are missing")
    if unsolved or found.complete < found.settings:
        said.append("go on with:")
        said.append(COMMAND + go_on(sweep))
    if said:
        yield ""
    yield from said


def _references(rows: list[dict[str, Any]]) -> list[str]:
    told = {row.get("reference", "") for row in rows}
    return [name for name in BEST if name in told]


def _short(name: str, varied: dict[str, Any]) -> str:
    """Return a field's name without its table, where no other has the same."""
    key = name.rpartition(".")[2]
    return key if sum(other.rpartition(".")[2] == key for other in varied) == 1 else name


def _interval(row: dict[str, Any]) -> str:
    return f"[{_cell(row, 'low', 4)}, {_cell(row, 'high', 4)}]" if "low" in row else "-"


def _of(row: dict[str, Any], name: str, total: str = "trajectories") -> str:
    if name not in row:
        return f"-/{row['wanted']}"
    if name in AMOUNTS and row["complete"]:
        return str(row[name])
    part = "" if row["complete"] else f" of {row['wanted']}"
    return f"{row[name]}/{row[total]}{part if total != 'wanted' else ''}"


def _cell(row: dict[str, Any], name: str, digits: int = 5) -> str:
    return number(row[name], digits) if name in row else "-"


def number(value: Any, digits: int = 5) -> str:
    """Return a value of a cell."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)
