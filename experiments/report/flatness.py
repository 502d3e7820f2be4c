"""The result of ``saddlescape flatness``."""

from typing import Any

import numpy as np

from ..figures.flatness import alt, caption, data_from, draw, finite_or
from ..figures.style import RULE_LOOKS
from ..table import arguments
from .again import command, digest_of
from .interface import Block, Claim, Made, Picture, Prose, Section, Source, Stated, Table

FITTED = {
    "measured": "measured",
    "measured, printed prefactor": "measured, Π as printed",
    "exact_discrete": "exact, this iteration",
    "exact_diffusion": "exact, its diffusion",
}


def section(source: Source) -> Section:
    """Return a flatness experiment as a section."""
    told = source.told
    run, series = told["run"], told["series"]
    drawn = data_from(told)
    blocks: list[Block] = [Picture(draw(drawn), alt(drawn), caption(drawn))] if drawn.laws else []
    blocks += [Stated("flatness-selection"), _exponents(series)]
    for each in series:
        blocks.append(_times(each))
        if each["identity"] is not None:
            same, of = each["identity"]["same"], each["identity"]["trajectories"]
            blocks.append(
                Prose(
                    f"{_label(each)}, {each['identity']['factor']:g} times as sharp against the learning rate that "
                    f"stands for it: {same:,} of {of:,} trajectories escape at the same step."
                )
            )
    rules = [each["rule"] for each in series]
    asked = (
        "How does escape slow with the flatness of a minimum? The curvatures of a well of constant barrier "
        f"{run['barrier']:g} are multiplied by the sharpness k, the noise of minibatches with them, and the mean "
        f"escape time of {', '.join(_label(each) for each in series)} is measured at each k. The statement: ln(τ/Π) "
        "falls as k to a power, Π the prefactor; the power is fitted and judged."
        + (" The run was interrupted: this is what was done by then." if told["interrupted"] else "")
    )
    again = command("flatness", *rules, **{name: value for name, value in run.items() if name != "threads"})
    made = Made(again, told["version"], digest_of(told), "all numbers but the clock's")
    claims = tuple(_claim(each) for each in series)
    return Section("Escape against the flatness of a minimum", asked, claims, tuple(blocks), made, source.name)


def _label(series: dict[str, Any]) -> str:
    return RULE_LOOKS[series["rule"]].label


def _claim(series: dict[str, Any]) -> Claim:
    detail = series["verdict_detail"]
    said = detail["reason"]
    if "measured" in series["fits"]:
        fit = series["fits"]["measured"]["exponent"]
        said = f"fitted exponent −{fit:.4g}, stated −{series['claimed_exponent']:g}"
    return Claim(
        f"Flatness selection by {_label(series)}",
        "the statement's exponent",
        detail["outcome"],
        detail["ratio"],
        detail["low"],
        detail["high"],
        int(detail["ratio"] is not None),
        said,
    )


def _exponents(series: list[dict[str, Any]]) -> Table:
    rows: list[Any] = []
    for each in series:
        for name, fit in each["fits"].items():
            low, high = finite_or(fit["low"], -np.inf), finite_or(fit["high"], np.inf)
            ends = (-high, -low) if name.startswith("measured") else (None, None)
            stated = -each["claimed_exponent"]
            rows.append(
                (
                    f"{_label(each)}: {FITTED[name]}",
                    -fit["exponent"],
                    *ends,
                    stated,
                    fit["chi_square"],
                    fit["degrees_of_freedom"],
                )
            )
    headings = ("fit of c + A k^p to ln(τ/Π)", "p", "low, 95 %", "high, 95 %", "stated", "χ²", "degrees of freedom")
    return Table("Exponents of the sharpness k", headings, rows)


def _times(series: dict[str, Any]) -> Table:
    known = {"printed": series["predicted"]["closed_form"], "ours": series["predicted"]["corrected"]}
    known |= {
        {"exact_discrete": "iteration", "exact_diffusion": "diffusion"}[name]: times
        for name, times in series["exact"].items()
    }
    rows: list[Any] = [
        (
            k,
            series["escaped"][j],
            series["means"][j],
            series["low"][j],
            series["high"][j],
            *(series["means"][j] / each[j] for each in known.values()),
        )
        for j, k in enumerate(series["sharpness"])
    ]
    fields = {name: value for name, value in series["fields"].items() if value != 0}
    headings = ("k", "escaped", "mean time", "low, 95 %", "high, 95 %", *(f"÷ {name}" for name in known))
    return Table(f"Mean escape times of {_label(series)} {arguments(fields)}, in dynamical time", headings, rows)
