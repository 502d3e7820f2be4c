"""What a record of ``saddlescape escape --method splitting`` shows."""

from typing import Any

from ..figures.rare_escape import draw
from ..rare_escape import RareEscapeResult, exit_points, scale, stages
from ..table import direct_cost, way_out
from .interface import Block, Facts, Picture, Table

MOST_COORDINATES = 12
"""Coordinates of the exit points that the page shows; the JSON object holds all."""


def picture(result: RareEscapeResult) -> Picture:
    """Return the figure."""
    return Picture(draw(result), _alt(result), _caption(result))


def how(result: RareEscapeResult) -> str:
    """Return what was run, as the middle of a sentence."""
    times = result.times
    return (
        "They are not waited for: their rate is that at which paths leave the basin times the chances to get from one "
        f"level to the next, each measured by {times.trials:,} trials, in {times.repetitions:,} independent "
        "repetitions whose scatter gives the interval."
    )


def blocks(result: RareEscapeResult) -> list[Block]:
    """Return what is shown of the method: its levels, its cost, and what is in doubt."""
    times, ladder = result.times, result.times.ladder
    facts = [
        ("direct simulation", direct_cost(times)),
        ("steps in all", f"{times.total_steps:,}"),
        ("memory", f"{ladder.memory:.3g} steps in the basin; burn-in {ladder.burn_in:,} steps"),
        ("way out", way_out(times)),
    ]
    if ladder.coast:
        facts.append(("levels", f"of e·θ as it would be after {ladder.coast:.3g} more steps like the last"))
    if result.because:
        facts.insert(0, ("method", f"splitting; {result.because}"))
    if points := exit_points(times):
        pairs = list(zip(points["mean"], points["deviation"], strict=True))
        told = ", ".join(f"{m:.3g} ± {s:.2g}" for m, s in pairs[:MOST_COORDINATES])
        facts.append(("exit points", told + (", ..." if len(pairs) > MOST_COORDINATES else "")))
    facts += [("caution", text) for text in times.cautions()]
    rows: list[Any] = [(each.name, each.chance, each.reached, each.ancestors) for each in stages(times)]
    levels = Table(
        "Levels on the way out, the chance to get to each from the one before (to the first: arrivals a step) and from "
        "the first, and the entries that those descend from who got there",
        (f"level, {scale(times)}", "chance", "in all", "ancestors"),
        rows,
    )
    return [levels, Facts(tuple(facts))]


def _caption(result: RareEscapeResult) -> str:
    times = result.times
    low, high = times.interval(0.95)
    return (
        f"The mean escape time is {times.mean:.4g} [{low:.4g}, {high:.4g}] in dynamical time, or "
        f"{times.mean_steps:.4g} steps. Left: the loss on the way out, and below it the chance that a path that has "
        "left the basin reaches each level before it falls back. Right: the rate of each repetition over their mean, "
        "which has its 95 % interval around it, beside the rates of the references."
    )


def _alt(result: RareEscapeResult) -> str:
    known = sum(each.value is not None for each in result.references.values())
    return (
        "Three panels. Top left, the loss along the escape direction with the start, the saddle, the barrier and the "
        "absorbing level. Below it, on a logarithmic axis, the chance to reach each of "
        f"{len(result.times.chances) + 1} levels falls towards the saddle. Right, the rates of "
        f"{result.times.repetitions} repetitions scatter around their mean, beside {known} reference lines."
    )
