"""The result of ``saddlescape converge``."""

from typing import Any

import numpy as np

from ..figures.convergence import LOOKS, Curve, Data, alt, caption, draw
from ..table import arguments
from .again import command
from .interface import Block, Made, Picture, Prose, Section, Source, Stated, Table


def section(source: Source) -> Section:
    """Return a convergence experiment as a section."""
    told = source.told
    described = told["configuration"]
    run = described["run"]
    said = _parts(described)
    drawn = data_of(told)
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


def data_of(told: dict[str, Any]) -> Data:
    """Return what is drawn."""
    described = told["configuration"]
    rate = f"learning rate {described['run']['c0']:g}/√(T + 1)"
    return Data(f"{_parts(described)}, {rate}", {name: _curve(each) for name, each in told["rules"].items()})


def _parts(described: dict[str, Any]) -> str:
    return ", ".join(described[kind]["name"] + arguments(described[kind]) for kind in ("landscape", "noise"))


def _curve(rule: dict[str, Any]) -> Curve:
    rows, fit = rule["horizons"], rule["exponent"]

    def of(name: str) -> Any:
        return np.array([row[name] for row in rows], dtype=np.float64)

    known = {
        name: np.array([row[name]["value"] for row in rows], dtype=np.float64)
        for name in ("closed_form", "corrected", "exact_discrete")
    }
    exponent = (np.nan, np.nan, np.nan) if fit is None else (fit["value"], fit["low"], fit["high"])
    return Curve(of("steps"), of("mean_square_gradient"), of("low"), of("high"), known, exponent)


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
