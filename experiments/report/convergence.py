"""The result of ``saddlescape converge``."""

from typing import Any

from ..figures.convergence import LOOKS, alt, caption, data_from, draw, parts_of
from .again import command
from .interface import Block, Made, Picture, Prose, Section, Source, Stated, Table


def section(source: Source) -> Section:
    """Return a convergence experiment as a section."""
    told = source.told
    described = told["configuration"]
    run = described["run"]
    said = parts_of(described)
    drawn = data_from(told)
    blocks: list[Block] = [Picture(draw(drawn), alt(drawn), caption(drawn))] if drawn.curves else []
    blocks.append(Stated("theorem-4"))
    for name, each in told["rules"].items():
        blocks += [_table(name, each), *(Prose(text) for text in _missing(each))]
    asked = (
        "How fast do gradients fade, beside the bound of Theorem 4? Runs of T + 1 steps with the learning rate "
        f"{run['c0']:g}/√(T + 1) start from θ = {run['origin']} ({said}); the smallest E|∇L|² of each run is measured "
        "for growing horizons T and put beside the bound, ours, and what is exact."
        + (" The run was interrupted: this is what was done by then." if told["interrupted"] else "")
    )
    fields = {
        name: value for kind in ("landscape", "noise") for name, value in described[kind].items() if name != "name"
    }
    again = command("converge", **(run | fields))
    made = Made(again, told["version"], told["digest"], "the raw results")
    return Section("How fast gradients fade", asked, (), tuple(blocks), made, source.name)


def _table(name: str, rule: dict[str, Any]) -> Table:
    rows: list[Any] = []
    for row in rule["horizons"]:
        value = row["mean_square_gradient"]
        ratios = (
            None if row[rung]["value"] is None else value / row[rung]["value"]
            for rung in ("exact_discrete", "closed_form", "corrected")
        )
        rows.append((row["steps"], row["trajectories"], row["at"], value, row["low"], row["high"], *ratios))
    headings = (
        "T",
        "trajectories",
        "at step",
        "E|∇L|²",
        "low, 95 %",
        "high, 95 %",
        "÷ exact",
        "÷ bound",
        "÷ our bound",
    )
    return Table(f"Smallest mean square gradient of {LOOKS[name].label}", headings, rows)


def _missing(rule: dict[str, Any]) -> list[str]:
    """Return why there is no exact answer or no bound, each once."""
    labels = {"exact_discrete": "Nothing exact", "closed_form": "No bound", "corrected": "No bound of ours"}
    said = {
        f"{label}: {row[rung]['reason']}."
        for rung, label in labels.items()
        for row in rule["horizons"]
        if row[rung]["value"] is None
    }
    return sorted(said)
