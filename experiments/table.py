"""A result as a readable page: aligned, at most 80 columns wide where it is not on a terminal."""

import sys
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .rare_escape import direct_steps, exit_points, scale, stages, transition_steps

MOST_DIRECTIONS = 6
"""Directions that a page or a figure shows; the record and the JSON object hold all."""
MOST_LEVELS = 20
"""Levels of a splitting that a page shows."""
REFERENCES = {
    "closed_form": "closed form, as printed",
    "corrected": "closed form, corrected",
    "exact_diffusion": "exact, its diffusion",
    "exact_discrete": "exact, this iteration",
}


def show(result: Any) -> None:
    """Print a result on stdout."""
    console = Console(file=sys.stdout, highlight=False)
    with console.capture() as page:
        _page(console, result)
    print("\n".join(line.rstrip() for line in page.get().splitlines()))


def _page(console: Console, result: Any) -> None:
    rows = _escape_rows if hasattr(result, "times") else _spread_rows
    console.print(_pairs(rows(result)))
    console.print()
    if _is_split(result):
        console.print(_stages(result.times))
        console.print()
    if hasattr(result, "spread") or any(reference.value is not None for reference in result.references.values()):
        console.print(_escape_references(result) if hasattr(result, "times") else _spread_table(result))
    console.print(_pairs(_sources(result)))
    console.print()
    console.print(_pairs([(name, _number(value)) for name, value in result.regime.items()]))
    console.print()
    console.print(_pairs(_last_rows(result)))


def chosen_directions(curvatures: Any) -> list[int]:
    """Return at most MOST_DIRECTIONS of the directions, from the lowest curvature to the highest."""
    order = np.argsort(curvatures, kind="stable")
    return [
        int(order[k]) for k in np.unique(np.linspace(0, len(order) - 1, min(len(order), MOST_DIRECTIONS)).astype(int))
    ]


def arguments(part: dict[str, Any]) -> str:
    """Return the fields of a rule, a landscape or a noise as "(name=value, ...)"; long arrays are left out."""
    said = [f"{name}={_value(value)}" for name, value in part.items() if name != "name" and _is_short(value)]
    return f"({', '.join(said)})" if said else ""


def _is_short(value: Any) -> bool:
    return value is not None and (not isinstance(value, list) or 0 < np.size(value) <= 4)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _escape_rows(result: Any) -> Iterator[tuple[str, str]]:
    times = result.times
    low, high = times.interval(0.95)
    yield from _parts(result)
    if _is_split(result) or result.because:
        yield "method", result.configuration["run"]["method"] + (f"; {result.because}" if result.because else "")
    if _is_split(result):
        yield from _split_rows(times)
        return
    fates = f"{times.escaped:,} escaped, {times.censored:,} censored, {times.diverged:,} diverged"
    yield "trajectories", f"{times.trajectories:,}: {fates}"
    yield "mean escape time", f"{_number(times.mean)}  [{_number(low)}, {_number(high)}] at 95 %  (time t)"
    yield "", f"{_number(times.mean_steps)} steps of {_number(times.time_step)}; {times.total_steps:,} steps in all"


def _split_rows(times: Any) -> Iterator[tuple[str, str]]:
    low, high = times.interval(0.95)
    yield "repetitions", f"{times.repetitions:,}, of {times.trials:,} trials a stage"
    yield "mean escape time", f"{_number(times.mean)}  [{_number(low)}, {_number(high)}] at 95 %  (time t)"
    yield "", f"{_number(times.mean_steps)} steps of {_number(times.time_step)}; {times.total_steps:,} steps in all"
    yield "direct simulation", direct_cost(times)
    yield "memory", f"{times.ladder.memory:.3g} steps in the basin; burn-in {times.ladder.burn_in:,} steps"
    yield "way out", way_out(times)
    if points := exit_points(times):
        shown = zip(points["mean"][:MOST_DIRECTIONS], points["deviation"], strict=False)
        more = (
            f", {MOST_DIRECTIONS} of {len(points['mean'])} coordinates" if len(points["mean"]) > MOST_DIRECTIONS else ""
        )
        yield "exit points", ", ".join(f"{m:.3g} ± {s:.2g}" for m, s in shown) + more


def way_out(times: Any) -> str:
    """Return how long the escaping paths of a splitting take, once they have left the basin."""
    mean, low, high = transition_steps(times)
    if not np.isfinite(mean):
        return "no path escaped"
    return f"{mean:.4g} steps  [{low:.4g}, {high:.4g}] at 95 %, from the basin to the exit"


def direct_cost(times: Any) -> str:
    """Return what direct simulation would cost for the same error as a splitting."""
    steps = direct_steps(times)
    if not np.isfinite(steps):
        return "too little is known of the error to compare"
    ratio = steps / times.total_steps
    return f"{steps:.3g} steps for the same error of {times.relative_error:.2g}: {ratio:.3g} times as many"


def _stages(times: Any) -> Table:
    table, found = _columns(f"level, {scale(times)}", "chance", "in all", "ancestors"), stages(times)
    for k in np.unique(np.linspace(0, len(found) - 1, min(len(found), MOST_LEVELS)).astype(int)):
        each = found[k]
        chance = f"{each.chance:.4g}" + (" a step" if k == 0 else "")
        table.add_row(each.name, chance, f"{each.reached:.4g}", f"{each.ancestors:,}")
    if len(found) > MOST_LEVELS:
        table.caption = f"{MOST_LEVELS} of {len(found)} levels"
    return table


def _is_split(result: Any) -> bool:
    return hasattr(result, "times") and hasattr(result.times, "ladder")


def _spread_rows(result: Any) -> Iterator[tuple[str, str]]:
    spread = result.spread
    yield from _parts(result)
    yield "trajectories", f"{spread.trajectories:,}, and {spread.diverged:,} that diverged and are left out"
    steps, time = int(spread.steps[-1]), float(spread.time[-1])
    yield "variance", f"after {steps:,} steps, t = {_number(time)}, low and high at 95 %"


def _parts(result: Any) -> Iterator[tuple[str, str]]:
    for kind in ("rule", "landscape", "noise"):
        part = result.configuration[kind]
        yield kind, part["name"] + "  " + arguments(part).strip("()")


def _sources(result: Any) -> Iterator[tuple[str, str]]:
    """Yield where each reference comes from and where it is valid, or why there is none; what is the same, once."""
    said: dict[str, list[str]] = {}
    for name, reference in result.references.items():
        source = [] if reference.value is None else [reference.source]
        said.setdefault("; ".join([*source, *([reference.reason] if reference.reason else [])]), []).append(name)
    for text, names in said.items():
        labels = [REFERENCES[name] for name in names]
        yield ("all of them" if len(labels) == len(REFERENCES) else "\n".join(labels)), text


def _last_rows(result: Any) -> Iterator[tuple[str, str]]:
    raw = result.times if hasattr(result, "times") else result.spread
    from .verdict import UNDERPOWERED  # and with it SciPy, which whoever has a result has loaded

    doubts = _is_split(result) and result.verdict.outcome == UNDERPOWERED and raw.cautions()
    # The verdict gives for its reason what the lines below it say.
    yield "verdict", str(result.verdict._replace(reason="in doubt") if doubts else result.verdict)
    if _is_split(result):
        yield from (("caution", text) for text in raw.cautions())
    elif hasattr(raw, "censored") and raw.censored > raw.trajectories / 2 and not raw.interrupted:
        yield "hint", "most were censored: --method splitting measures times too long to be lived through"
    if raw.interrupted:
        yield "interrupted", "this is what was done by then"
    yield "seconds", f"{raw.seconds:.3g}"
    yield "digest", f"{raw.digest()[:16]}  (first 16 of 64)"


def _escape_references(result: Any) -> Table:
    table = _columns("mean escape time", "", "measured/it")
    for name, reference in result.references.items():
        label = REFERENCES[name]
        if reference.value is None:
            table.add_row(label, "-", "-")
        else:
            table.add_row(label, _number(reference.value), f"{np.divide(result.times.mean, reference.value):.4g}")
    return table


def _spread_table(result: Any) -> Table:
    spread = result.spread
    low, high = (edge[-1] for edge in spread.interval(0.95))
    known = {name: np.asarray(each.value)[-1] for name, each in result.references.items() if each.value is not None}
    headings = ("measured/ " + REFERENCES[name].removesuffix(", as printed") for name in known)
    table = _columns("curvature", "variance", "low", "high", *headings)
    for i in chosen_directions(spread.curvatures):
        numbers = (spread.curvatures[i], spread.variance[-1, i], low[i], high[i])
        ratios = (np.divide(spread.variance[-1, i], value[i]) for value in known.values())
        table.add_row(*(f"{x:.4g}" for x in (*numbers, *ratios)))
    if len(spread.curvatures) > MOST_DIRECTIONS:
        table.caption = f"{MOST_DIRECTIONS} of {len(spread.curvatures)} directions"
    return table


def _columns(first: str, *others: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, caption_justify="left")
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right", overflow="fold")
    return table


def _pairs(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column(min_width=24, style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, said in rows:
        table.add_row(Text(name), Text(said))
    return table


def _number(value: Any) -> str:
    return f"{float(value):.5g}"
