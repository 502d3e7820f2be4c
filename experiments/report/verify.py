"""The result of ``saddlescape verify``."""

import math
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from ..figures.verify import alt, caption, draw, ratios_of
from ..verdict import AGREES, DIFFERS, UNDERPOWERED
from ..verification.setting import RUNGS
from .again import command, digest_of
from .interface import (
    CONTRADICTED,
    Block,
    Cell,
    Claim,
    Heading,
    Made,
    Mark,
    Picture,
    Prose,
    Section,
    Source,
    Stated,
    Table,
)

AGAINST = {
    "exact_discrete": "exact, this iteration",
    "closed_form": "the statement as printed",
}
HEADINGS = {
    "exact_discrete": "÷ iteration",
    "exact_diffusion": "÷ diffusion",
    "closed_form": "÷ printed",
    "corrected": "÷ ours",
}


def section(source: Source) -> Section:
    """Return a verification as a section."""
    from ...theory.statements import STATEMENTS

    told = source.told
    rows = told["rows"]
    grouped = [(name, list(each)) for name, each in groupby(rows, key=lambda row: row["statement"])]
    claims: list[Claim] = []
    blocks: list[Block] = []
    if rows:
        data = ratios_of(rows)
        blocks.append(Picture(draw(data), alt(data), caption(data)))
    for name, listed in grouped:
        told_of = claims_of(name, STATEMENTS[name], listed)
        claims += told_of
        blocks += [Heading(f"{_words(name)}: {STATEMENTS[name]}", name), Stated(name, titled=False), *told_of]
        blocks += [*_broken(listed), *_tables(listed)]
    names = list(dict.fromkeys(name for name, _ in grouped))
    some = "All" if len(names) == len(STATEMENTS) else f"{len(names)} of the {len(STATEMENTS)}"
    asked = (
        f"Is each statement true, where, and by how much is it off? {some} statements are measured inside and outside "
        "their regimes, and every measurement is divided by what is exact for the iteration, by what is exact for its "
        "diffusion, by the statement as printed and by our own form. Differing from the exact iteration would be an "
        "error of the program; differing from the printed statement says where the statement ends. Over all "
        f"{told['comparisons']:,} comparisons together there is one false alarm in {1.0 / told['false_alarm']:.0f} "
        "runs." + (" The run was interrupted: this is what was done by then." if told["interrupted"] else "")
    )
    chosen = [] if len(names) == len(STATEMENTS) else names
    again = command("verify", *chosen, quick=told["quick"], seed=told["seed"])
    made = Made(again, told["version"], digest_of(told), "all numbers but the clock's")
    return Section("Is each statement true?", asked, tuple(claims), tuple(blocks), made, source.name)


def claims_of(name: str, says: str, rows: list[dict[str, Any]]) -> list[Claim]:
    """Return what became of a statement: against the exact iteration, and as printed, inside its regime and outside."""
    claims = []
    for rung, against in AGAINST.items():
        sides: list[tuple[str, list[Any]]] = [("", list(rows))]
        if rung == "closed_form":
            sides = [
                (", inside its regime", [row for row in rows if row["inside"]]),
                (", outside its regime", [row for row in rows if not row["inside"]]),
            ]
        for where, chosen in sides:
            judged = [(row, each) for row in chosen if (each := row["comparisons"][rung])["ratio"] is not None]
            if judged:
                claims.append(_claim(f"{_words(name)}: {says}", against + where, rung, judged))
    return claims


def _claim(what: str, against: str, rung: str, judged: list[tuple[dict[str, Any], dict[str, Any]]]) -> Claim:
    outcomes = [each["outcome"] for _, each in judged]
    outcome = next(word for word in (DIFFERS, UNDERPOWERED, AGREES) if word in outcomes)
    row, worst = max(
        (pair for pair in judged if pair[1]["outcome"] == outcome), key=lambda pair: _distance(pair[1]["ratio"])
    )
    number = outcomes.count(outcome)
    said = f"{outcome} at {number} of {len(judged)}; the most discrepant: {row['setting']}, {row['quantity']}"
    if rung == "exact_discrete" and outcome == DIFFERS:
        outcome = CONTRADICTED
    return Claim(
        what, against, outcome, worst["ratio"], worst["low"], worst["high"], len(judged), said, row["statement"]
    )


def _distance(ratio: float) -> float:
    return abs(math.log(ratio)) if ratio > 0.0 else math.inf


def _words(name: str) -> str:
    """Return "Theorem 1" for "theorem-1"."""
    return name.replace("-", " ").capitalize()


def _broken(rows: list[dict[str, Any]]) -> list[Prose]:
    """Return which bounds of the regime are broken, each once."""
    reasons = dict.fromkeys(
        f"{phrase.partition(' = ')[0].replace('_', ' ')} is {phrase.partition(' is ')[2]}"
        for row in rows
        for phrase in row["outside"]
    )
    return [Prose(f"Outside its regime where {'; where '.join(reasons)}.")] if reasons else []


def _tables(rows: list[dict[str, Any]]) -> Iterator[Table]:
    """Yield a table a setting."""
    headings = ("quantity", "regime", "measured", "low", "high", *(HEADINGS[rung] for rung in RUNGS))
    for setting, listed in groupby(rows, key=lambda row: row["setting"]):
        cells: list[tuple[Cell, ...]] = []
        for row in listed:
            marks = []
            for rung in RUNGS:
                each = row["comparisons"][rung]
                wrong = rung == "exact_discrete" and each["outcome"] == DIFFERS
                marks.append(Mark(each["ratio"], CONTRADICTED if wrong else each["outcome"]))
            inside = "inside" if row["inside"] else "outside"
            cells.append((row["quantity"], inside, row["measured"], row["low"], row["high"], *marks))
        yield Table(setting, headings, cells)
